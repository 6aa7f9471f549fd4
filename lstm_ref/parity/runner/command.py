"""The commands `run`, `judge` and `report`."""

import sys
import webbrowser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from lstm_ref.files import check_writable
from lstm_ref.parity.prepare import cores
from lstm_ref.parity.runner.supervise import supervise
from lstm_ref.usage import UsageError, refusals

TIME_LIMIT = 1800  #: three times what JAX takes to compile all it needs, on two cores
LONG_TIME_LIMIT = 4 * 3600
MOST_SECONDS = 10**7  #: four months; the system's clock can't wait for any number


def add(commands: Any) -> None:
    """Add the commands to a command line."""
    run = commands.add_parser("run", help="run the checks of one backend in a process of its own")
    run.add_argument("backend", help="the name of an installed one, or package.module:Adapter")
    run.add_argument("--subject", metavar="NAME", help="what the report calls it, 'jax 0.6.0' say (default: its name)")
    run.add_argument("--processes", type=int, default=1, metavar="N",
                     help="that judge side by side, at most one a core, and one alone for a part, as with -k: they pay "
                          "where all takes more than a minute (default: %(default)s)")
    run.add_argument("--keep", action="store_true", help="a verdict of pass stands while nothing that it rests on has "
                                                         "changed: it is shown, not judged again")
    run.add_argument("--anew", action="store_true", help="with --keep: judge again, and keep that verdict")
    run.epilog = "All other arguments go to pytest."
    judge = commands.add_parser("judge", help="judge somebody's functions in a process of its own")
    judge.add_argument("target", help="a notebook, Markdown or script; package.module:function, package.module, or "
                                      "role=package.module:function,...")
    judge.add_argument("--tab", default="", help="of a file with several: pytorch, jax, ...")
    judge.add_argument("--as", dest="role", default="", metavar="lstm=NAME", help="which function or class of a file")
    judge.add_argument("--with", dest="others", action="append", default=[], type=Path, metavar="FILE",
                       help="another file, whose functions for training and prediction are judged with a file's")
    judge.add_argument("--state", default="", metavar="C,H", help="order in which a file's function takes its state")
    judge.add_argument("--format", dest="style", choices=("words", "github", "frameworks"), default="words",
                       help="of what is said of a file: words, words and annotations of a GitHub workflow, or only "
                            "the frameworks that it is written in (default: %(default)s)")
    judge.add_argument("--json", dest="json_file", type=Path, metavar="FILE", help="write what is said of a file there")
    judge.add_argument("--framework", help="torch, tensorflow, jax, mxnet, paddle, mindspore, numpy, or "
                                           "package.module:Framework")
    judge.add_argument("--device", choices=("cpu", "gpu"), default="cpu", help="(default: %(default)s)")
    judge.add_argument("--book", action="store_true", help="also the book's own size (a minute, once)")
    report = commands.add_parser("report", help="merge and print the results of backends")
    report.add_argument("backends", nargs="+")
    report.add_argument("--against", type=Path, metavar="FILE", help="an earlier report, which the page compares with")
    report.add_argument("--html", choices=("page", "none"), default="page", help="none: no report.html")
    opened = commands.add_parser("open", help="open the page of the last report in a browser")
    opened.add_argument("--build", type=Path, default=Path("build/parity"), help="folder (default: %(default)s)")
    compare = commands.add_parser("compare", help="what changed between two runs: of two versions, say")
    compare.add_argument("old", type=Path, help="the file of a run, build/parity/NAME.json, or a report.json")
    compare.add_argument("new", type=Path)
    compare.add_argument("--like", dest="third", type=Path, metavar="FILE",
                         help="say instead which of the two this run is like: good (the first) or bad")
    versions = commands.add_parser("versions", help="put runs of versions into docs/versions.md, and show it")
    versions.add_argument("subjects", nargs="*", metavar="NAME", help="of a run, 'jax 0.6.0'; none: what is kept")
    versions.add_argument("--docs", type=Path, default=Path("docs"), help="folder of the page (default: %(default)s)")
    for command in (run, judge, report, versions):
        command.add_argument("--build", type=Path, default=Path("build/parity"), help="folder (default: %(default)s)")
    for command in (run, judge):
        command.add_argument("--time-limit", type=float, help=f"seconds (default: {TIME_LIMIT}, or {LONG_TIME_LIMIT} "
                                                              "with --long or --thorough)")


def limit(seconds: float | None, rest: list[str], default: float = TIME_LIMIT) -> float:
    """The time limit in seconds.

    Raises:
        UsageError: it is none.
    """
    if seconds is not None and not seconds > 0:
        raise UsageError(f"--time-limit: expected seconds above 0, got {seconds:g}")
    if seconds is not None and seconds > MOST_SECONDS:
        raise UsageError(f"--time-limit: expected at most {MOST_SECONDS} seconds, got {seconds:g}")
    return seconds or (LONG_TIME_LIMIT if {"--long", "--thorough"} & {*rest} else default)


def in_processes(processes: int, rest: list[str]) -> list[str]:
    """The arguments that have pytest-xdist judge in several processes, where that pays and was not asked for otherwise.

    Raises:
        UsageError: `processes` is below 1.
    """
    if processes < 1:
        raise UsageError(f"--processes: expected at least 1, got {processes}")
    part = any(argument.startswith(("-k", "-m", "-n", "--random", "--pdb")) or "::" in argument for argument in rest)
    number = 1 if part else min(processes, cores())
    return [f"-n{number}", "--dist=worksteal", "--max-worker-restart=0"] if number > 1 else []


def run(backend: str, subject: str | None, build: Path, time_limit: float | None, processes: int, keep: bool,
        anew: bool, rest: list[str]) -> int:
    """`lstm-parity run`."""
    from lstm_ref.parity.registry import short
    from lstm_ref.parity.runner import kept
    from lstm_ref.parity.runner.record import read_status

    seconds = limit(time_limit, rest)
    with refusals():
        subject = short(subject or backend)
        check_writable(build)
    arguments = [*rest, *in_processes(processes, rest), f"--backend={backend}", f"--subject={subject}"]
    basis = kept.basis(backend, arguments) if keep else ""
    if not anew and (found := kept.restore(build, subject, basis)):
        print(f"{subject}: pass, as judged on {found['judged']}: nothing that it rests on has changed since")
        return 0
    if supervise(subject, build, seconds, arguments):
        if basis and basis == kept.basis(backend, arguments):  # nothing was edited meanwhile
            kept.keep(build, subject, basis)
        return 0
    entry = read_status(build, subject)
    print(f"{subject}: {entry['status']}: {entry['reason']}", file=sys.stderr)
    return 1


def judge(target: str, framework: str | None, device: str, book: bool, build: Path, time_limit: float | None, tab: str,
          role: str, others: list[Path], state: str, style: str, json_file: Path | None, rest: list[str]) -> int:
    """`lstm-parity judge`: 0 right, 1 wrong, 2 not judged."""
    from lstm_ref.parity.files.chosen import Choice
    from lstm_ref.parity.runner import files

    with refusals():
        files.check_target(target)
    given = target
    if not files.is_file(target) and (found := files.source_of(target, framework)):
        target, role = str(found[0]), role or found[1]
    if files.is_file(target):
        if rest or book:
            raise UsageError(_too_much(given, [*rest, *(["--book"] if book else [])]))
        choice = Choice(tab, role, state, tuple(others))
        return files.command(Path(target), choice, framework or "", device, limit(time_limit, rest, files.TIME_LIMIT),
                             style, json_file, build)
    for option, value in (("--tab", tab), ("--as", role), ("--with", others), ("--state", state), ("--json", json_file),
                          ("--format", style != "words")):
        if value:
            raise UsageError(f"{option}: expected a file to judge, found {target}; leave {option} out, or name the "
                             "file")
    from lstm_ref.parity.runner.load import subject_of
    from lstm_ref.parity.runner.record import read_status
    from lstm_ref.parity.session import Verdict

    with refusals():
        subject = subject_of(SimpleNamespace(backend=None, subject=None, parity=target))
        check_writable(build)
    chosen = [f"--parity={target}", f"--device={device}"]
    chosen += [f"--framework={framework}"] if framework else []
    chosen += ["--book"] if book else []
    passed = supervise(subject, build, limit(time_limit, rest), [*(rest or ["-q", "--no-header"]), *chosen])
    entry = read_status(build, subject)
    if entry["status"] == "not run":
        raise UsageError(entry["reason"])
    print(Verdict(subject, entry, (), ()).table())
    return 0 if passed else 1


def _too_much(target: str, rest: list[str]) -> str:
    """What is wrong with arguments that say nothing of a file."""
    if rest[0].startswith("-"):
        return (f"{rest[0]}: {target} is judged as a file, without pytest, which alone knows this; leave it out, or "
                "give package.module:function with --framework")
    return f"{target}: one file is judged at a time, found {rest[0]} as well; judge it in a call of its own"


def open_page(build: Path) -> int:
    """`lstm-parity open`: the file, which nothing serves."""
    path = (build / "report.html").resolve()
    if not path.exists():
        raise UsageError(f"{path}: there is no page; `nox -s parity` or `lstm-parity report` writes it")
    print(path if webbrowser.open(path.as_uri()) else f"no browser was found; the page is {path}")
    return 0


def report(backends: list[str], build: Path, against: Path | None = None, html: str = "page") -> int:
    """`lstm-parity report`."""
    from lstm_ref.parity.registry import short
    from lstm_ref.parity.runner.report import merge

    with refusals():
        backends = [short(backend) for backend in backends]
        check_writable(build)
        passed = merge(backends, build, html == "page", against)
    return 0 if passed else 1
