"""What a command line names, loaded: a backend, or somebody's functions."""

from pathlib import Path
from typing import Any

from lstm_ref.parity import registry
from lstm_ref.parity.cases import CASES, LONG
from lstm_ref.parity.fingerprint import fingerprint
from lstm_ref.parity.interface import DTYPES, HALVES
from lstm_ref.parity.ports.calls import ROLES
from lstm_ref.parity.registry import resolve
from lstm_ref.parity.session import QUICK, Session, cached_truths, port_of, truths_of_build


def subject_of(option: Any) -> str:
    """What the report and its files call what is judged.

    Raises:
        ValueError: it would name a file elsewhere.
    """
    return registry.short(option.subject or option.backend
                          or option.parity.replace("=", "-").replace(",", "_").replace("/", "."))


def roles_of(target: str) -> tuple[Any, dict[str, Any]]:
    """What is judged as a whole, and the roles that are named one by one.

    Args:
        target: 'module', 'module:name' (a function by its role's name, or what has such functions), or
            'role=module:name,role=...'.

    Raises:
        ImportError: something of it can't be loaded.
        ValueError: a function whose name is no role.
    """
    if "=" in target:
        pairs = (part.partition("=") for part in target.split(","))
        return None, {role.strip(): resolve(address.strip()) for role, _, address in pairs}
    found, name = resolve(target), target.partition(":")[2]  # a module may be called lstm as well
    if name in ROLES:
        return None, {name: found}
    if callable(found) and not isinstance(found, type) and not any(hasattr(found, role) for role in ROLES):
        raise ValueError(f"{target}: expected a function of one of the names {', '.join(ROLES)}; say which it is, as "
                         f"lstm={target}")
    return found, {}


def session_of(option: Any) -> Session:
    """The session that a command line asks for.

    Args:
        option: with `parity`, `framework`, `backend`, `subject`, `device`, `book`, `random`, `long`, `thorough` and
            `build`.

    Raises:
        ImportError: what is judged or its framework can't be imported.
        RuntimeError: the device is not there.
        TypeError: a function or a framework can't be used; says what to write.
        ValueError: what is asked for can't be.
    """
    if option.random is not None and option.random < 1:
        raise ValueError(f"--random: expected at least 1 case, got {option.random}")
    if option.backend and option.parity:
        raise ValueError("--parity and --backend: give one of them")
    adapter: Any = None
    if option.backend:
        adapter = registry.load(option.backend, option.device)
        implementations, version, cases = dict(adapter.implementations), adapter.version(), tuple(CASES)
        more = adapter.thorough() if option.thorough and hasattr(adapter, "thorough") else {}
        for label, implementation in more.items():
            registry.check(label, implementation)
        implementations |= more
        truths = truths_of_build(Path(option.build))
        program = ("from lstm_ref.parity import registry\n\n"
                   f"adapter = registry.load({option.backend!r}, {option.device!r})\n"
                   + ("implementation = (adapter.implementations | adapter.thorough())[{label!r}]" if more else
                      "implementation = adapter.implementations[{label!r}]"))
    else:
        given, roles = roles_of(option.parity)
        framework = option.framework
        if framework and ":" in framework:
            framework = resolve(framework)
        port = port_of(given, framework, option.device, **roles)
        implementations, version = {"port": port}, port.framework.version()
        cases, truths = tuple(CASES) if option.book or option.thorough else QUICK, cached_truths()
        framework_code = repr(option.framework) if ":" not in option.framework else f"resolve({option.framework!r})"
        program = (f"from lstm_ref.parity.registry import resolve\n"
                   f"from lstm_ref.parity.runner.load import roles_of\n"
                   f"from lstm_ref.parity.session import port_of\n\n"
                   f"given, roles = roles_of({option.parity!r})\n"
                   f"implementation = port_of(given, {framework_code}, {option.device!r}, **roles)")
    if option.random is not None:
        cases = tuple(f"random-{seed}" for seed in range(option.random))
    if option.long:
        cases = tuple(LONG)
    dtypes = ("float64",) if option.long else (*DTYPES, *HALVES)
    session = Session(subject_of(option), implementations, Path(option.build), cases, dtypes,
                      lambda label: program.format(label=label), truths, option.thorough)
    session.adapter = adapter
    if hasattr(adapter, "thorough"):
        session.entry.thorough = {label: getattr(found, "what", label) for label, found in more.items()}
    corpus = CASES["book"]().corpus if "book" in cases else None
    session.entry.fingerprint = fingerprint(version, option.device, corpus)
    return session
