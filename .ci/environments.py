"""Environments for the noxfile: one for each backend and each set of versions, made once, kept, named by what is in it.

Whatever can't be had is a LookupError in one sentence, for the report.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from installer import PLACES, installer, said, uv
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet

try:
    import tomllib
except ModuleNotFoundError:  # before Python 3.11, where nox brings its own
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PYPROJECT["project"]["optional-dependencies"]
PYTHONS = PYPROJECT["tool"]["lstm-parity"]["python"]
TOOLS = "judge,train,bench"  # extras that every backend's environment has besides its own
MORE = {"numpy": ["mpi"]}  # and those that one has besides its own
BACKENDS = list(PYPROJECT["project"]["entry-points"]["lstm_parity.backends"])
EXAMPLES = sorted(path.parent.name for path in (ROOT / "examples").glob("*/pyproject.toml"))
NOX_PYTHON = "{}.{}".format(*sys.version_info)
#: Packages that take minutes to build, if at all, where no wheel is there.
ONLY_BINARY = "numpy,scipy,ml-dtypes,h5py,jaxlib,tensorflow,tensorflow-cpu,paddlepaddle,torch,mxnet"


@dataclass(frozen=True)
class Wanted:
    """What an environment is to hold.

    Args:
        backend: one of ours or of the examples, whose pins stand where nothing else is asked for.
        specs: requirements as pip takes them; what else the backend needs is left to fit them.
        python: 3.13, say; the backend's own, or nox's, when ''.
        pre: pre-releases as well.
        bounds: of what else is installed; no name tells them.
    """

    backend: str
    specs: tuple[str, ...] = ()
    python: str = ""
    pre: bool = False
    bounds: tuple[str, ...] = ()

    @property
    def special(self) -> bool:
        """Whether anything but the pins is asked for."""
        return bool(self.specs or self.python or self.pre)

    @property
    def folder(self) -> Path:
        """Where it is kept."""
        parts = [*self.specs, f"py{self.python}" * bool(self.python), "pre" * self.pre]
        words = [re.sub(r"[^\w.]+", "-", part).strip("-").removeprefix(f"{self.backend}-") for part in parts if part]
        return Path(".nox/backends", "-".join([self.backend, *words]))

    @property
    def flags(self) -> list[str]:
        """How it was asked for, on nox's command line."""
        return [*(word for spec in self.specs for word in ("--with", spec)),
                *(["--python", self.python] if self.python else []), *(["--pre"] if self.pre else [])]

    def parsed(self) -> dict[str, Requirement]:
        """What is asked for, by package; a backend's name stands for its package."""
        found = {}
        for spec in self.specs:
            try:
                requirement = Requirement(spec)
            except InvalidRequirement as error:
                why = str(error).splitlines()[0]
                raise LookupError(f"--with {spec}: expected a requirement, such as jax==0.6.0: {why}") from None
            if requirement.name == self.backend:
                requirement.name = package(self.backend)
            found[requirement.name] = requirement
        return found

    def requirements(self) -> list[str]:
        """What pip is given."""
        if self.backend in EXAMPLES:
            return [".[judge]", f"./examples/{self.backend}", *self.specs]
        more = MORE.get(self.backend, [])
        if not self.special:
            return [f".[{','.join([TOOLS, self.backend, *more])}]"]
        asked = self.parsed()
        pinned = [Requirement(line) for line in EXTRAS[self.backend]]
        for requirement in pinned:  # pins give way to what is asked for; bounds stay
            if (self.specs or self.pre) and any(each.operator == "==" for each in requirement.specifier):
                requirement.specifier = SpecifierSet()
        bounds = {Requirement(line).name: line for line in self.bounds if Requirement(line).name not in asked}
        return [f".[{','.join([TOOLS, *more])}]", *map(str, asked.values()), *bounds.values(), *(
            str(requirement) for requirement in pinned if requirement.name not in {*asked, *bounds})]


def package(backend: str) -> str:
    """The package that a backend's version is the version of."""
    found = (Requirement(line) for line in EXTRAS[backend])
    return next((each.name for each in found if each.marker is None or each.marker.evaluate()), backend)


def pin(backend: str) -> str:
    """The version that is pinned; '' where none is."""
    found = next((Requirement(line) for line in EXTRAS[backend] if Requirement(line).name == package(backend)), None)
    return next((each.version for each in found.specifier), "") if found else ""


def interpreter(version: str) -> str:
    """A Python of a version, wherever one is kept."""
    if version == NOX_PYTHON:
        return sys.executable
    found = [shutil.which(f"python{version}") or "",
             said([uv() or "uv", "python", "find", "--no-project", version]).strip(),
             *map(str, sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python")))]
    for python in filter(None, found):  # pyenv's shims are there for versions that are not
        if said([python, "-c", "import sys; print('{}.{}'.format(*sys.version_info))"]).strip() == version:
            return python
    raise LookupError(f"needs Python {version}, and there is none on the PATH, under pyenv or uv; install it "
                      f"(or run: uv python install {version})")


def python_of(folder: Path) -> Path:
    """The Python of an environment."""
    return folder.absolute() / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def constraints(backend: str) -> Path:
    """The file that fixes all that a backend's pinned environment holds; `nox -s lock` writes it."""
    return ROOT / ".ci" / "constraints" / f"{backend}.txt"


#: Megabytes of an environment on Linux, as measured: what is downloaded is a third to a half of it.
SIZES = {"numpy": 250, "torch": 1080, "tensorflow": 1640, "jax": 860, "mxnet": 400, "paddle": 960, "mindspore": 2760}

#: Seconds of a first run on two cores, which is the order in which they are begun.
SECONDS = {"jax": 600, "tensorflow": 110, "mxnet": 60, "torch": 35, "paddle": 35, "numpy": 15}


def processes(backend: str) -> int:
    """How many judge a backend, where it has as many cores: each imports the framework, and should have a minute."""
    return min(max(SECONDS.get(backend, 0) // 50, 1), 8)


def make(wanted: Wanted, say: Callable[[str], object] = print, keep: bool = False) -> str:
    """The Python of an environment; made and filled when it has to be.

    Args:
        wanted: what is to be in it.
        say: called with what takes a while.
        keep: use what is there, whatever the pins say by now.
    """
    python = python_of(wanted.folder)
    version = wanted.python or PYTHONS.get(wanted.backend, NOX_PYTHON)
    lock = constraints(wanted.backend)
    locked = lock.read_text() if lock.exists() and not wanted.special else ""
    stamp, contents = wanted.folder / "installed.txt", "\n".join(
        [version, *wanted.requirements(), json.dumps(PYPROJECT["project"]), locked])
    if stamp.exists() and (keep or stamp.read_text() == contents):
        return str(python)
    size = f", {SIZES[wanted.backend]:,} MB" if wanted.backend in SIZES else ""
    say(f"installing {' '.join([wanted.backend, *wanted.specs])} into {wanted.folder}{size}")
    where = interpreter(version)
    call([sys.executable, "-m", "virtualenv", "--quiet", "--clear", "--python", where, str(wanted.folder)], version)
    if installer() == "uv":
        command = [str(uv()), "pip", "install", "--quiet", "--python", str(python), "--prerelease",
                   "allow" if wanted.pre else "if-necessary-or-explicit"]
        if wanted.backend == "torch" and not any(name in os.environ for name in PLACES):
            command.append("--torch-backend=auto")  # no gigabytes of CUDA without a GPU
        command += [f"--only-binary={name}" for name in ONLY_BINARY.split(",")]
    else:
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                   f"--only-binary={ONLY_BINARY}", *(["--pre"] if wanted.pre else [])]
    call([*command, *(["--constraint", str(lock)] if locked else []),
          *(word for line in wanted.requirements() for word in (["-e", line] if line.startswith(".") else [line]))],
         version)
    stamp.write_text(contents)
    return str(python)


def call(command: list[str], version: str) -> None:
    """Run a command that installs, quietly; its complaint in one sentence where it fails."""
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                         check=False)
    if run.returncode:
        raise LookupError(complaint(run.stdout, version))


def complaint(output: str, version: str) -> str:
    """What pip or uv says of an installation that failed, as one sentence."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", output)
    none = re.search(r"No matching distribution found for (\S+)", text)
    if none:
        listed = re.search(r"from versions: ([^)]*)\)", text)
        there = [each for each in (listed[1].split(", ") if listed else []) if each != "none"]
        return (f"can't be installed: {none[1]} has no wheel for Python {version} on this index, or does not exist"
                + (f"; there are {', '.join(there[-8:])}" if there else ""))
    conflict = re.search(r"Cannot install (.*?) because these package versions have conflicting dependencies", text)
    if conflict:
        lines = text[conflict.end():].split("The conflict is caused by:")[-1].split("To fix this")[0].splitlines()
        why = "; ".join(dict.fromkeys(line for line in map(str.strip, lines) if " depends on" in line))
        return f"can't be installed: {conflict[1]} do not go together" + (f": {why}" if why else "")
    lines = [line.strip(" \t│╰─▶×") for line in text.splitlines()]
    errors = [line for line in lines if line.startswith(("ERROR:", "error:"))]
    unsolved = next((i for i, line in enumerate(lines) if "No solution found when resolving" in line), None)
    if unsolved is not None:
        errors = [" ".join(filter(None, lines[unsolved + 1:])).removeprefix("cause: ")]
    return f"can't be installed: {(' '.join(errors) or ' '.join(lines[-3:]) or 'no word why')[:600]}"


def version_in(python: str, name: str) -> str:
    """The version of an installed package."""
    return said([python, "-c", f"import importlib.metadata as m; print(m.version({name!r}))"]).strip()


def label(wanted: Wanted, python: str = "") -> str:
    """What the report calls it: 'jax', or 'jax 0.6.0' with what else was asked for; as installed, or else as asked."""
    if not wanted.special:
        return wanted.backend
    asked, own = wanted.parsed(), package(wanted.backend)
    versions = {own: pin(wanted.backend)} | {
        name: next((each.version for each in found.specifier), "newest") for name, found in asked.items()}
    if python:
        versions = {name: version_in(python, name) or version for name, version in versions.items()}
    words = [wanted.backend, versions.pop(own), *(f"{name} {version}" for name, version in versions.items())]
    words += [f"py{wanted.python}"] * bool(wanted.python)
    return re.sub(r"[^\w.+ -]+", "-", " ".join(filter(None, words)))


def not_run(name: str, reason: str, folder: Path = Path("build/parity")) -> None:
    """Leave the reason in a backend's file: it has no environment to write it from."""
    folder.mkdir(parents=True, exist_ok=True)
    entry = {"status": "not run", "reason": reason}
    path = folder / f"{name.replace(' ', '-')}.json"
    path.write_text(json.dumps({"schema": 1, "limit": None, "backends": {name: entry}}))
