# /// script
# dependencies = ["nox>=2025.2.9"]
# ///
"""The project's sessions. `nox -l` lists them; `nox -s parity` is the main job."""

import json
import shutil
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["tests"]
nox.options.reuse_venv = "yes"
# Not uv: it ignores the indexes and find-links that pip is configured with, such as a CPU build of PyTorch.
nox.options.default_venv_backend = "virtualenv"
nox.options.error_on_missing_interpreters = True

PYPROJECT = nox.project.load_toml("pyproject.toml")
BACKENDS = [extra for extra in PYPROJECT["project"]["optional-dependencies"] if extra != "judge"]
PYTHONS = PYPROJECT["tool"]["lstm-parity"]["python"]
NOX_PYTHON = "{}.{}".format(*sys.version_info)

asked: list[str] = []


def interpreter(backend: str) -> str | bool | None:
    """The Python of a backend's environment: None for nox's own, False for one that is wanted and not there."""
    wanted = PYTHONS.get(backend, NOX_PYTHON)
    if wanted == NOX_PYTHON:
        return None
    return wanted if shutil.which(f"python{wanted}") else False


def install(session: nox.Session, *requirements: str) -> None:
    """Install once per environment; a reused one with the same pyproject is left alone."""
    stamp = Path(session.virtualenv.location) / "installed.txt"
    wanted = f"{requirements}\n{Path('pyproject.toml').read_text()}"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    session.install(*requirements)
    stamp.write_text(wanted)


@nox.session
@nox.parametrize("python,backend", [nox.param(interpreter(name), name, id=name) for name in BACKENDS])
def parity(session: nox.Session, backend: str) -> None:
    """Compare one backend with the reference, in its own environment and process."""
    asked.append(backend)
    session.notify("report")
    status = Path("build/parity") / f"{backend}.json"
    status.unlink(missing_ok=True)
    if session.python is False:
        wanted = PYTHONS[backend]
        reason = f"{backend} needs Python {wanted}, and there is no python{wanted} on the PATH; install it " \
                 f"(or run: uv python install {wanted})"
        not_run(status, backend, reason)
        session.error(reason)
    try:
        install(session, "-e", f".[judge,{backend}]")
    except nox.command.CommandFailed:
        reason = f"its environment could not be installed; see what pip says: nox -s \"parity({backend})\""
        not_run(status, backend, reason)
        session.error(reason)
    session.run("python", "-m", "lstm_ref.parity", "run", backend, "--", "-q", "--no-header", *session.posargs)


def not_run(path: Path, backend: str, reason: str) -> None:
    """Leave the reason in the backend's file: it has no environment to write it from."""
    path.parent.mkdir(parents=True, exist_ok=True)
    entry = {"status": "not run", "reason": reason}
    path.write_text(json.dumps({"schema": 1, "limit": None, "backends": {backend: entry}}))


@nox.session(default=False)
def report(session: nox.Session) -> None:
    """Merge what `parity` wrote into one table, report.json and report.md."""
    install(session, "-e", ".[judge]")
    session.run("python", "-m", "lstm_ref.parity", "report", *(asked or session.posargs or BACKENDS))


@nox.session
def tests(session: nox.Session) -> None:
    """Test the reference, the judge and the data with NumPy alone."""
    install(session, "-e", ".[judge]", *nox.project.dependency_groups(PYPROJECT, "test"))
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style with ruff and types with mypy, strictly."""
    install(session, "-e", ".[judge]", *nox.project.dependency_groups(PYPROJECT, "lint"))
    session.run("ruff", "check", ".")
    session.run("mypy")


if __name__ == "__main__":
    nox.main()
