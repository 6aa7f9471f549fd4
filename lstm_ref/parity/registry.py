"""Backends by name, from wherever they are installed: the entry points `lstm_parity.backends`, or MODULE:CLASS."""

import importlib
import re
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from lstm_ref.parity.checks import CHECKS
from lstm_ref.parity.interface import KNOWN
from lstm_ref.parity.verdict import ENDS

GROUP = "lstm_parity.backends"


def names() -> list[str]:
    """The names of all installed backends: those of the frameworks that are known, then the others."""
    found, known = {entry.name for entry in entry_points(group=GROUP)}, list(KNOWN)
    return sorted(found, key=lambda name: (known.index(name) if name in known else len(known), name))


def resolve(address: str) -> Any:
    """What 'package.module:name' or 'package.module' stands for; the working directory is searched as well.

    Raises:
        ImportError: there is no such module, it does not import, or it has no such name.
    """
    module, _, name = address.partition(":")
    here = str(Path.cwd())
    added = [here] if here not in sys.path else []
    sys.path += added  # behind what is installed: a folder called torch is not the framework
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and (module == error.name or module.startswith(f"{error.name}.")):
            raise ImportError(f"{address}: there is no module {error.name!r} in {here} or on the path",
                              name=error.name) from None
        raise ImportError(f"{address}: does not import: {error}", name=error.name) from error
    except ImportError:  # a backend's own, which says what to install
        raise
    except ENDS as error:
        raise ImportError(f"{address}: does not import: {type(error).__name__}: {error}") from error
    finally:
        for entry in added:
            sys.path.remove(entry)
    for part in name.split(".") if name else ():
        if not hasattr(found, part):
            raise ImportError(f"{address}: {module} has no {part!r}")
        found = getattr(found, part)
    return found


def load(backend: str, device: str = "cpu") -> Any:
    """A backend on a device: what has `implementations`, by name, and `version()`.

    Args:
        backend: a registered name, or 'package.module:Adapter', a class that takes the device.
        device: 'cpu' or 'gpu'.

    Raises:
        ImportError: the backend is unknown or can't be called, or its framework is missing.
        TypeError: the class is no adapter; says what is missing.
        RuntimeError: the device is not there.
    """
    address = backend
    if ":" not in backend:
        found = {entry.name: entry.value for entry in entry_points(group=GROUP)}
        if backend not in found:
            raise ImportError(f"unknown backend {backend!r}; known are {', '.join(names()) or 'none'}. Any other is "
                              "given as package.module:Adapter")
        address = found[backend]
    adapter = resolve(address)
    if not callable(adapter):
        raise ImportError(f"backend {backend}: expected a class that takes the device, got {type(adapter).__name__}")
    try:
        made = adapter(device)
    except (ImportError, RuntimeError, ValueError, OSError):
        raise
    except ENDS as error:
        raise RuntimeError(f"backend {backend}: its class raised {type(error).__name__}: {error}") from error
    missing = [what for what in ("implementations", "version") if not hasattr(made, what)]
    if missing:
        raise TypeError(f"backend {backend}: expected `implementations`, a dict of what is judged by name, and "
                        f"`version()`; {address} has no {' and no '.join(missing)}")
    for label, implementation in made.implementations.items():
        check(label, implementation)
    return made


def check(label: str, implementation: Any) -> None:
    """See that an implementation has all that its checks call.

    Raises:
        TypeError: it has not; says what to write.
    """
    left = getattr(implementation, "not_judged", {})
    needed = {call: name for name, check in CHECKS.items() if name not in left and not check.optional
              for call in check.calls}
    missing = {call: name for call, name in needed.items() if not callable(getattr(implementation, call, None))}
    if missing:
        call, name = next(iter(missing.items()))
        raise TypeError(
            f"implementation {label!r} ({type(implementation).__name__}) has no {', no '.join(missing)}. Write it "
            f"as lstm_ref.parity.interface.Implementation has it, or say that the check is not judged, and why:\n"
            f"    class {type(implementation).__name__}:\n"
            f"        not_judged = {{{name!r}: 'why {call} is not here'}}")


def short(backend: str) -> str:
    """What files and the report call a backend: its name, with or without versions, or the module of an address.

    Raises:
        ValueError: it is none of these, and would name a file elsewhere.
    """
    if not re.fullmatch(r"[\w.:+-]+( [\w.+-]+)*", backend):
        raise ValueError(f"backend: expected a registered name or package.module:Adapter, got {backend!r}")
    if len(backend) > 100 or backend == "report":
        raise ValueError(f"backend: expected a name for its files, of at most 100 characters and not 'report', got "
                         f"{backend[:100]!r}")
    return backend.replace(":", ".")
