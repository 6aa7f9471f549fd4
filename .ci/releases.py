"""Which versions of a framework there are, when they were released, and on which Pythons they run."""

import json
import re
import urllib.request
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from environments import (
    EXTRAS,
    NOX_PYTHON,
    PYPROJECT,
    PYTHONS,
    Wanted,
    interpreter,
    package,
    pin,
    python_of,
    said,
)
from packaging.requirements import Requirement
from packaging.version import Version

SUPPORTED = PYPROJECT["tool"]["lstm-parity"]["supported"]
PYTHON_VERSIONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]
#: The compiled part of a package, whose wheels say on which Pythons it runs.
COMPILED = {"jax": "jaxlib"}
#: So long after a release what else it needs may have followed it; Flax comes a week or two after JAX.
FOLLOWS = timedelta(days=30)
#: Prints the address of pip's index, as it is configured.
INDEX = """
import os, subprocess, sys
from pip._internal.models.index import PyPI
run = subprocess.run([sys.executable, "-m", "pip", "config", "get", "global.index-url"], capture_output=True, text=True)
print((os.environ.get("PIP_INDEX_URL") or run.stdout.strip() or PyPI.simple_url).rstrip("/"))
"""


def on_index(name: str, python: str = "", pre: bool = False) -> list[str]:
    """The versions of a package that the index has for a Python, the newest first."""
    command = [str(python_of(Path(".nox/backends/numpy"))), "-m", "pip", "index", "versions", name,
               "--disable-pip-version-check", *(["--pre"] if pre else []),
               *(["--python-version", python, "--only-binary=:all:"] if python else [])]
    line = re.search(r"Available versions: (.*)", said(command))
    return sorted(line[1].split(", "), key=Version, reverse=True) if line else []


def plan(backend: str, only: list[str], specs: list[str], python: str, pre: bool) -> list[Wanted]:
    """The environments that `nox -s versions` judges a backend in.

    Args:
        backend: its name.
        only: these versions, of which 'newest' is one; where there are none, the oldest that is supported, the pinned
            and the newest on the index.
        specs: what else is asked for.
        python: of all of them; otherwise the backend's own, or the newest with a wheel, and the newest version on both.
        pre: whether the newest may be a pre-release.

    Raises:
        LookupError: the index says nothing of the backend's package.
    """
    name, own = package(backend), python or PYTHONS.get(backend, NOX_PYTHON)
    last = PYTHONS.get(backend, PYTHON_VERSIONS[-1])  # MXNet's NumPy ends with its Python
    here = [own] if python else [each for each in PYTHON_VERSIONS if Version(each) <= Version(last) and there_is(each)]
    wheels = {each: with_wheels(name, each, pre) for each in here}
    listed = sorted({version for found in wheels.values() for version in found}, key=Version, reverse=True)
    if not listed:
        raise LookupError(f"{backend}: the index does not say which versions of {name} there are")
    pairs = [(version, own if version in wheels.get(own, ()) else next(
        (each for each in reversed(here) if version in wheels[each]), own))
        for version in ([listed[0] if each == "newest" else each for each in only]
                        or [SUPPORTED[backend], pin(backend), listed[0]]) if version]
    if not only and not python:
        pairs += [(listed[0], each) for each in reversed(here) if listed[0] in wheels[each]][:1]
    usual = PYTHONS.get(backend, NOX_PYTHON)
    return [Wanted(backend, (f"{name}=={version}", *specs), "" if each == usual else each, pre,
                   tuple(companions(backend, version))) for version, each in dict.fromkeys(pairs)]


def companions(backend: str, version: str) -> list[str]:
    """What the other packages of a backend may be at most beside a version of its own: what there was when it was new.

    Their own bounds are too wide: Flax 0.10 says that it runs with JAX 0.4.27, and asks it for what came later; and
    what was built for NumPy 1 takes NumPy 2 for granted.
    """
    own = package(backend)
    pinned = [Requirement(line) for line in EXTRAS[backend] if "==" in line]
    others = [each.name for each in pinned if each.name != own and each.marker is None]
    others += ["numpy"] if own != "numpy" and not any("numpy" in line for line in EXTRAS[backend]) else []
    found = [f"{COMPILED[own]}<={version}"] if own in COMPILED else []
    date = released(own).get(version)
    for other in others if date else ():
        until = [each for each, when in released(other).items() if when <= date + FOLLOWS]
        until = [each for each in until if not Version(each).is_prerelease]
        found += [f"{other}<={max(until, key=Version)}"] if until else []
    return found


@cache
def released(name: str) -> dict[str, datetime]:
    """When each version of a package appeared on the index; nothing where it can't be asked."""
    index = said([str(python_of(Path(".nox/backends/numpy"))), "-c", INDEX]).strip()
    try:
        request = urllib.request.Request(f"{index}/{name}/", headers={"Accept": "application/vnd.pypi.simple.v1+json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            files = json.load(answer)["files"]
    except (OSError, ValueError, KeyError):
        return {}
    found: dict[str, datetime] = {}
    for file in files:
        if file["filename"].endswith(".whl") and "upload-time" in file:
            version = file["filename"].split("-")[1]
            when = datetime.fromisoformat(file["upload-time"].replace("Z", "+00:00"))
            found[version] = min(when, found.get(version, when))
    return found


def with_wheels(name: str, python: str, pre: bool) -> list[str]:
    """The versions of a package that run on a Python, the newest first."""
    found = on_index(name, python, pre)
    if name not in COMPILED:
        return found
    compiled = on_index(COMPILED[name], python, pre)  # of nearly the same versions
    return [each for each in found if compiled and Version(compiled[-1]) <= Version(each) <= Version(compiled[0])]


def there_is(python: str) -> bool:
    """Whether there is such a Python here."""
    try:
        return bool(interpreter(python))
    except LookupError:
        return False


def between(backend: str, good: str, bad: str, python: str = "", pre: bool = False) -> list[str]:
    """The versions between two, in the direction from good to bad."""
    listed = on_index(package(backend), python or PYTHONS.get(backend, NOX_PYTHON), pre)
    low, high = sorted(map(Version, (good, bad)))
    found = sorted((each for each in listed if low < Version(each) < high), key=Version)
    return found if Version(good) < Version(bad) else found[::-1]
