# /// script
# dependencies = ["nox>=2025.2.9"]
# ///
"""The project's sessions. `nox -l` lists them; `nox -s parity` is the main job."""

import argparse
import itertools
import json
import os
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
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")  # TensorFlow tells at length which processor it has found

PYPROJECT = nox.project.load_toml("pyproject.toml")
TOOLS = ("judge", "train", "bench")  # extras that are no backend
BACKENDS = [extra for extra in PYPROJECT["project"]["optional-dependencies"] if extra not in TOOLS]
CHAPTER_BACKENDS = ["torch", "tensorflow", "mxnet", "paddle"]  # the tabs of the edition with these functions
PYTHONS = PYPROJECT["tool"]["lstm-parity"]["python"]
NOX_PYTHON = "{}.{}".format(*sys.version_info)

asked: list[str] = []


def install(session: nox.Session, *requirements: str) -> None:
    """Install once per environment; a reused one with the same pyproject is left alone."""
    stamp = Path(session.virtualenv.location) / "installed.txt"
    wanted = f"{requirements}\n{Path('pyproject.toml').read_text()}"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    session.install(*requirements)
    stamp.write_text(wanted)


def environment(session: nox.Session, backend: str) -> str:
    """The Python of a backend's environment, which all sessions share; made and filled when it has to be.

    Raises:
        LookupError: it can't be had; says why in words for the report.
    """
    wanted = PYTHONS.get(backend, NOX_PYTHON)
    interpreter = sys.executable if wanted == NOX_PYTHON else shutil.which(f"python{wanted}")
    if interpreter is None:
        raise LookupError(f"{backend} needs Python {wanted}, and there is no python{wanted} on the PATH; install it "
                          f"(or run: uv python install {wanted})")
    folder = Path(".nox/backends") / backend
    python = str(folder.absolute() / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
    stamp, contents = folder / "installed.txt", f"{wanted}\n{Path('pyproject.toml').read_text()}"
    if stamp.exists() and stamp.read_text() == contents:
        return python
    try:
        session.run_install(sys.executable, "-m", "virtualenv", "--quiet", "--python", interpreter, str(folder),
                            external=True)
        session.run_install(python, "-m", "pip", "install", "--quiet", "-e", f".[judge,train,bench,{backend}]",
                            external=True)
    except nox.command.CommandFailed:
        raise LookupError("its environment could not be installed; see what pip says above, or run: "
                          f'nox -s "parity({backend})"') from None
    stamp.write_text(contents)
    return python


def environment_or_error(session: nox.Session, backend: str) -> str:
    """As `environment`, for a session that can do nothing without it."""
    try:
        return environment(session, backend)
    except LookupError as error:
        session.error(str(error))


@nox.session(venv_backend="none")
@nox.parametrize("backend", BACKENDS, ids=BACKENDS)
def parity(session: nox.Session, backend: str) -> None:
    """Compare one backend with the reference, in its own environment and process."""
    parser = argparse.ArgumentParser(prog="nox -s parity --", add_help=False)
    parser.add_argument("--backend", help="package.module:Adapter, judged in this backend's environment in its place")
    chosen, others = parser.parse_known_args(session.posargs)
    name = (chosen.backend or backend).replace(":", ".")
    asked.append(name)
    session.notify("report")
    status = Path("build/parity") / f"{name}.json"
    status.unlink(missing_ok=True)
    try:
        python = environment(session, backend)
    except LookupError as error:
        not_run(status, name, str(error))
        session.error(str(error))
    session.run(python, "-m", "lstm_ref.parity", "run", chosen.backend or backend, "--", "tests/parity",
                *([] if chosen.backend else ["tests/tabs"]), "-q", "--no-header", *others, external=True)


@nox.session(venv_backend="none", default=False)
def judge(session: nox.Session) -> None:
    """Judge a file where it lives, nox -s judge -- notes/lstm.ipynb; or my_port:lstm --framework torch."""
    parser = argparse.ArgumentParser(prog="nox -s judge --", add_help=False)
    parser.add_argument("--framework", choices=BACKENDS)
    chosen, _ = parser.parse_known_args(session.posargs)
    frameworks, more = [chosen.framework], []
    if chosen.framework is None:  # a file says itself by what it imports
        said = session.run(environment_or_error(session, "numpy"), "-m", "lstm_ref.parity", "judge", *session.posargs,
                           "--format", "frameworks", external=True, silent=True, log=False)
        frameworks = str(said).split()
    failed = []
    for framework in frameworks:
        if framework not in BACKENDS:
            session.warn(f"{framework}: no environment is kept for it; run lstm-parity judge where it is installed")
            failed.append(framework)
            continue
        more = [] if chosen.framework else ["--framework", framework]
        try:
            session.run(environment_or_error(session, framework), "-m", "lstm_ref.parity", "judge", *session.posargs,
                        *more, external=True)
        except nox.command.CommandFailed:
            failed.append(framework)
    if failed:
        session.error(f"wrong, or not judged: {', '.join(failed)}; see above")


@nox.session(venv_backend="none", default=False)
@nox.parametrize("backend", BACKENDS, ids=BACKENDS)
def ports(session: nox.Session, backend: str) -> None:
    """Judge the ports of tests/files that are written in a framework."""
    session.run(environment_or_error(session, backend), "-m", "pytest", "-q", "--no-header", "tests/files",
                "--written-in", backend, *session.posargs, external=True)


def not_run(path: Path, backend: str, reason: str) -> None:
    """Leave the reason in the backend's file: it has no environment to write it from."""
    path.parent.mkdir(parents=True, exist_ok=True)
    entry = {"status": "not run", "reason": reason}
    path.write_text(json.dumps({"schema": 1, "limit": None, "backends": {backend: entry}}))


@nox.session(default=False)
def report(session: nox.Session) -> None:
    """Merge what `parity` wrote into one table, report.json and report.md."""
    install(session, "-e", ".[judge,train]")
    session.run("python", "-m", "lstm_ref.parity", "report", *(asked or session.posargs or BACKENDS))


@nox.session(venv_backend="none", default=False)
def train(session: nox.Session) -> None:
    """Train a backend's model: nox -s train -- --backend torch --model concise (--help lists all)."""
    names = [after for before, after in itertools.pairwise(session.posargs) if before == "--backend"]
    names += [argument.partition("=")[2] for argument in session.posargs if argument.startswith("--backend=")]
    backend = (names or ["numpy"])[-1]
    if backend not in BACKENDS:
        session.error(f"unknown backend {backend!r}; known are {', '.join(BACKENDS)}")
    session.run(environment_or_error(session, backend), "-m", "lstm_ref", "train", *session.posargs, external=True)


@nox.session(venv_backend="none", default=False)
def reproduce(session: nox.Session) -> None:
    """Train the book's 500 epochs in every backend over three seeds and write docs/reproduction.md: hours."""
    pythons = {backend: environment_or_error(session, backend) for backend in BACKENDS}
    session.run(pythons["numpy"], "-m", "lstm_ref", "reproduce",
                *(f"--python={backend}={python}" for backend, python in pythons.items()), *session.posargs,
                external=True)


@nox.session(venv_backend="none", default=False)
def mutants(session: nox.Session) -> None:
    """Change the code in one place at a time and expect the checks to see it; --backend, --sample: docs/mutants.md."""
    parser = argparse.ArgumentParser(prog="nox -s mutants --", add_help=False)
    parser.add_argument("--backend", action="append", choices=BACKENDS)
    chosen, others = parser.parse_known_args(session.posargs)
    pythons = {backend: environment_or_error(session, backend) for backend in ["numpy", *(chosen.backend or BACKENDS)]}
    session.run(pythons["numpy"], "-m", "pip", "install", "--quiet",
                *nox.project.dependency_groups(PYPROJECT, "test"), external=True)
    session.run(pythons["numpy"], "tests/mutants",
                *(f"--backend={backend}={pythons[backend]}" for backend in chosen.backend or BACKENDS), *others,
                external=True)


@nox.session(venv_backend="none", default=False)
@nox.parametrize("backend", CHAPTER_BACKENDS, ids=CHAPTER_BACKENDS)
def chapters(session: nox.Session, backend: str) -> None:
    """Run the book's cells on a backend's namespace, and judge them; LSTM_REF_CHAPTERS names the Markdown's folder."""
    folder = os.environ.get("LSTM_REF_CHAPTERS")
    if not folder:
        session.skip("did not run: LSTM_REF_CHAPTERS is not set; let it name a folder with the book's chapters "
                     "(zh-lstm.md, zh-rnn-scratch.md)")
    python = environment_or_error(session, backend)
    session.run(python, "-m", "lstm_ref", "chapters", "--backend", backend, folder, *session.posargs, external=True)
    for chapter in ("zh-lstm.md", "zh-rnn-scratch.md"):  # its own functions, too, not only ours in its cells
        session.run(python, "-m", "lstm_ref.parity", "judge", f"{folder}/{chapter}", "--framework", backend,
                    external=True)


@nox.session(venv_backend="none", default=False)
@nox.parametrize("backend", BACKENDS[1:], ids=BACKENDS[1:])
def planted(session: nox.Session, backend: str) -> None:
    """Make each mistake in a backend's own tab: those of the catalogue are named, the other plants are caught."""
    session.run(environment_or_error(session, backend), "-m", "pytest", "-q", "--no-header", "tests/planted",
                "--tab", backend, *session.posargs, external=True)


@nox.session(venv_backend="none", default=False)
def bench(session: nox.Session) -> None:
    """Time every backend's implementations beside the floor: nox -s bench -- --backend torch --device gpu."""
    parser = argparse.ArgumentParser(prog="nox -s bench --", add_help=False)
    parser.add_argument("--backend", action="append", choices=BACKENDS)
    chosen, others = parser.parse_known_args(session.posargs)
    failed = []
    for backend in chosen.backend or BACKENDS:  # one after the other: two at a time would time each other
        try:
            session.run(environment(session, backend), "-m", "lstm_ref", "bench", "--backend", backend, *others,
                        external=True)
        except (LookupError, nox.command.CommandFailed) as error:
            session.warn(f"{backend}: {error}")
            failed.append(backend)
    if failed:
        session.error(f"not measured, or only in part: {', '.join(failed)}; each says why above")


@nox.session(venv_backend="none", default=False)
def curves(session: nox.Session) -> None:
    """Compute the training runs that diagnose-curve compares with, those that are not stored yet: hours."""
    session.run(environment_or_error(session, "numpy"), "-m", "lstm_ref", "curves", *session.posargs, external=True)


@nox.session
def tests(session: nox.Session) -> None:
    """Test the reference, the judge and the data with NumPy alone."""
    install(session, "-e", ".[judge,train,bench]", *nox.project.dependency_groups(PYPROJECT, "test"))
    session.run("python", "-m", "pytest", "--numprocesses=auto", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style with ruff and types with mypy, strictly."""
    install(session, "-e", ".[judge]", *nox.project.dependency_groups(PYPROJECT, "lint"))
    session.run("ruff", "check", ".")
    session.run("mypy")


if __name__ == "__main__":
    nox.main()
