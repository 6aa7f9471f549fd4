"""A verdict is kept while nothing that it rests on has changed: what passed is not judged twice.

Kept is what passed, in a file of its own beside the report's: <build>/kept/<backend>.json.
"""

import hashlib
import importlib.util
import os
import platform
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import lstm_ref
from lstm_ref.files import now, write_json
from lstm_ref.parity.entry import document
from lstm_ref.parity.fingerprint import cpuinfo
from lstm_ref.parity.prepare import cores
from lstm_ref.parity.registry import GROUP
from lstm_ref.parity.runner.record import file_of, read_report, read_status, write_status
from lstm_ref.parity.runner.report import complete
from lstm_ref.text import data_dir

#: Variables of a terminal or a session, by how they begin: no verdict rests on them.
OF_A_TERMINAL = ("_", "COLORTERM", "COLUMNS", "DBUS_", "DISPLAY", "GPG_", "HIST", "INVOCATION_ID", "JOURNAL_STREAM",
                 "LESS", "LINES", "LS_COLORS", "OLDPWD", "PS1", "PWD", "SHLVL", "SSH_", "STY", "TERM", "TMUX",
                 "VSCODE_", "VTE_", "WAYLAND_", "WINDOW", "XDG_")


def basis(backend: str, arguments: Sequence[str]) -> str:
    """A digest of all that a verdict rests on; '' where that can't be known, for a backend that is not installed.

    That is: the arguments, the judge's sources and the backend's, the tests that are named, every file of the
    environment and every source on Python's path (by size and time), the corpus, the environment's variables, Python,
    the system and its processor. What else is installed in the system, its C library aside, is not looked at.
    """
    addresses = {entry.name: entry.value for entry in entry_points(group=GROUP)}
    if backend not in addresses:
        return ""
    digest = hashlib.sha256()
    for fact in (list(arguments), sys.version, sys.executable, platform.platform(), cpuinfo("model name"),
                 cpuinfo("flags"), cores(),
                 sorted(item for item in os.environ.items() if not item[0].startswith(OF_A_TERMINAL))):
        digest.update(repr(fact).encode())
    others = {address.partition(":")[0].rpartition(".")[0] for name, address in addresses.items() if name != backend}
    sources = [*sources_of("lstm_ref"), *sources_of(addresses[backend].partition(".")[0], others), *tests(arguments),
               *files(data_dir()), Path("/proc/driver/nvidia/version")]
    for path in filter(Path.is_file, sources):
        digest.update(f"{path} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    for path in installed():
        stat = path.stat()
        digest.update(f"{path} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def files(folder: Path, leave_out: Sequence[Path] = (), hidden: bool = True) -> Iterator[Path]:
    """The files below a folder, in order, without what Python compiled and, if wanted, without hidden folders."""
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__" and Path(here, name) not in leave_out
                            and (hidden or not name.startswith(".")))
        yield from (Path(here, name) for name in sorted(names) if not name.endswith(".pyc"))


def sources_of(package: str, others: Sequence[str] | set[str] = ()) -> Iterator[Path]:
    """The files of a package, without those of other packages in it."""
    spec = importlib.util.find_spec(package)
    for place in spec.submodule_search_locations or () if spec else ():
        yield from files(Path(place), [Path(place).joinpath(*name.split(".")[1:]) for name in others
                                       if name.startswith(f"{package}.")])
    if spec and spec.origin:
        yield Path(spec.origin)


def tests(arguments: Sequence[str]) -> Iterator[Path]:
    """The tests that are named among pytest's arguments, and what configures them."""
    here = Path.cwd()
    yield from (here / name for name in ("pyproject.toml", "pytest.ini", "tox.ini", "setup.cfg"))
    for argument in arguments:
        path = here / argument.partition("::")[0]
        if not argument.startswith("-") and path.exists():
            yield from (folder / "conftest.py" for folder in path.parents if here in (folder, *folder.parents))
            yield from files(path) if path.is_dir() else [path]


def installed() -> Iterator[Path]:
    """The files of all that is installed beside the standard library."""
    standard = {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")}
    standard |= {path / "lib-dynload" for path in standard}
    ours = Path(lstm_ref.__file__).parents[1]  # a checkout: what counts in it is read whole
    for entry in map(Path, dict.fromkeys(filter(None, sys.path))):
        if not entry.is_dir() or entry in standard:
            continue
        if Path(sys.prefix) in entry.parents:
            yield from files(entry)
        elif entry not in (ours, Path.cwd()):  # somebody's checkout, in which builds and caches come and go
            yield from (path for path in files(entry, hidden=False) if path.suffix == ".py")


def keep(folder: Path, subject: str, found: str) -> None:
    """Keep what has just passed, with what it rests on."""
    entry = read_status(folder, subject)
    write_json(file_of(folder / "kept", subject), document({subject: {**entry, "basis": found, "judged": now()}}))


def restore(folder: Path, subject: str, found: str) -> dict[str, Any] | None:
    """What passed and rests on the same; None where there is nothing, or what is there does not pass by its numbers.

    It is written where a run would have written it, with the time of the verdict.
    """
    try:
        entry = read_report(file_of(folder / "kept", subject), subject)[subject]
    except ValueError:
        return None
    if not found or entry.get("basis") != found or complete(entry)["status"] != "pass":
        return None
    write_status(folder, subject, **entry)
    return entry
