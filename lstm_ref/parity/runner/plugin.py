"""The judge as a pytest plugin: one item for each check, implementation, case and precision.

It does nothing unless `--parity` or `--backend` is given, and then collects the checks by itself; a file that says
`from lstm_ref.parity.runner.plugin import checks` has them collected in its own place.
"""

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from _pytest._io import TerminalWriter

if TYPE_CHECKING:
    from lstm_ref.parity.runner.apart import Sending
    from lstm_ref.parity.runner.record import Record
    from lstm_ref.parity.session import Problem, Session
    from lstm_ref.parity.verdict import Result

#: What a file imports where it wants the checks collected.
checks = object()


#: Its options by name, with what argparse wants of each.
OPTIONS: dict[str, dict[str, Any]] = {
    "parity": {"metavar": "TARGET", "help": "judge a notebook, Markdown or script; or functions: "
                                            "package.module:function, package.module (what it has of the book's "
                                            "names), or a role: lstm=package.module:forward,..."},
    "framework": {"help": "of --parity: torch, tensorflow, jax, mxnet, paddle, mindspore, numpy, or "
                          "package.module:Framework"},
    "backend": {"help": "judge an installed backend by its name, or package.module:Adapter"},
    "subject": {"metavar": "NAME", "help": "what the report calls it, 'jax 0.6.0' say, when not by its own name"},
    "device": {"choices": ("cpu", "gpu"), "default": "cpu", "help": "where it computes (default: cpu)"},
    "book": {"action": "store_true", "help": "with --parity: also the book's own size (a minute, once)"},
    "random": {"type": int, "metavar": "N", "help": "judge N random cases instead of those of the suite"},
    "long": {"action": "store_true",
             "help": "judge the book's training over 1,600 minibatches in float64 instead: hours"},
    "thorough": {"action": "store_true",
                 "help": "also what is expensive: compiled code, and every check on the book's own size (minutes)"},
    "build": {"type": Path, "default": Path("build/parity"), "help": "folder of the results and the truths"},
}
OURS = pytest.StashKey[set[str]]()
FORGETS = 100  #: after how many tests a framework is asked to forget what it compiled
JUDGE = "lstm-parity-judge"  #: the name under which a session is registered


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config, parser: pytest.Parser, args: list[str]) -> Any:
    """Add the options where they are asked for, and only those that the suite does not have: --device is everybody's.

    After its conftest files, which could not add an option of the same name otherwise.
    """
    result = yield
    asked = {argument.partition("=")[0] for argument in args}
    if asked & {"--parity", "--backend", "-h", "--help"}:
        taken = vars(parser.parse_known_args([]))
        ours = early_config.stash[OURS] = {name for name in OPTIONS if name not in taken}
        group = parser.getgroup("parity", "LSTM parity")
        for name in ours:
            group.addoption(f"--{name}", **OPTIONS[name])
    return result


def options(config: pytest.Config) -> SimpleNamespace:
    """The values of our options; the default of one that the suite has for itself."""
    ours = config.stash.get(OURS, set())
    return SimpleNamespace(**{
        name: getattr(config.option, name) if name in ours else more.get("default", False if "action" in more else None)
        for name, more in OPTIONS.items()})


def pytest_configure(config: pytest.Config) -> None:
    """Load what is judged, or say in words why it can't be."""
    option = options(config)
    if option.parity is None and option.backend is None:
        return
    os.environ["NVIDIA_TF32_OVERRIDE"] = "0"  # float32 means float32, also inside the vendor's libraries
    config.addinivalue_line("filterwarnings", "default")  # what frameworks warn of is not ours to fail on
    from lstm_ref.files import check_writable
    from lstm_ref.parity.entry import Entry
    from lstm_ref.parity.runner import apart
    from lstm_ref.parity.runner.files import is_file
    from lstm_ref.parity.runner.load import session_of, subject_of
    from lstm_ref.parity.runner.record import Record, write_status
    from lstm_ref.usage import end_with_parent

    end_with_parent()  # where `lstm-parity run` began it
    if option.parity and is_file(option.parity):
        from lstm_ref.parity.runner.items import FileItems

        try:
            config.pluginmanager.register(FileItems(Path(option.parity), option.device, option.framework), JUDGE)
        except ValueError as error:
            raise pytest.UsageError(str(error)) from None
        if config.args_source is not pytest.Config.ArgsSource.ARGS:
            config.args[:] = []
        return
    try:
        subject = subject_of(option)
        check_writable(option.build)
    except (ValueError, OSError) as error:
        raise pytest.UsageError(str(error)) from None
    if apart.begins_others(config):
        record = Record(Entry(subject), option.build)
        record.begin(apart.BEFORE)
        config.pluginmanager.register(apart.Gathered(record))
        config.pluginmanager.register(Keeper(record), JUDGE)
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            session = session_of(option)
    except (ImportError, RuntimeError, ValueError, TypeError, OSError) as error:
        if apart.is_begun(config):
            config.pluginmanager.register(apart.Refused(str(error)))
            return
        write_status(option.build, subject, "not run", str(error))
        raise pytest.UsageError(str(error)) from None
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args[:] = []  # nobody asked for the tests that are here
    kept = apart.Sending(session.entry) if apart.is_begun(config) else Record(session.entry, option.build)
    config.pluginmanager.register(Judge(option, session, kept), JUDGE)


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: Any, name: str, obj: object) -> "Checks | None":
    """Collect the checks where a file wants them."""
    if obj is checks and collector.config.pluginmanager.has_plugin(JUDGE):
        return Checks.from_parent(collector, name=name)
    return None


class Checks(pytest.Collector):
    """All that there is to judge."""

    def collect(self) -> list["Item"]:
        """One item a problem, the checks that others build on first."""
        judge: Any = self.config.pluginmanager.get_plugin(JUDGE)
        return [Item.from_parent(self, name=f"{p.check}[{p.implementation}-{p.case}-{p.dtype}]", problem=p, judge=judge)
                for p in judge.session.problems()]


class DisagreementError(Exception):
    """A failure in words."""


class Item(pytest.Item):
    """One problem."""

    def __init__(self, *, problem: "Problem", judge: "Judge", **more: Any):
        super().__init__(**more)
        self.problem, self.judge = problem, judge

    def runtest(self) -> None:
        """Judge it."""
        results = self.judge.session.judge_check(self.problem)
        if not all(result.passed for result in results):
            if not self.judge.record.explained:
                self.judge.announce(self, [result for result in results if not result.passed])
            self.judge.record.explained.add(self.nodeid)
            raise DisagreementError(self.judge.session.explain(self.problem, results, self.judge.again(self)))

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """The words, without a traceback through the judge."""
        if excinfo.errisinstance(DisagreementError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where it stands."""
        return self.path, None, self.name


@contextlib.contextmanager
def said() -> Iterator[None]:
    """Where a file can't be written, on a full disk say, pytest ends with the sentence that says so."""
    try:
        yield
    except OSError as error:
        pytest.exit(str(error), returncode=1)


class Keeper:
    """Keeps the file of what is judged true."""

    def __init__(self, record: "Record | Sending"):
        self.record = record

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Note what is about to run."""
        with said():
            self.record.begin(nodeid.rpartition("::")[2])

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Note what has run."""
        self.record.end(nodeid.rpartition("::")[2])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what ended without a verdict."""
        name = report.nodeid.rpartition("::")[2]
        if report.failed and report.nodeid not in self.record.explained:
            crash = getattr(report.longrepr, "reprcrash", None)
            text = (crash.message if crash else report.longreprtext).strip().splitlines() or ["no message"]
            self.record.entry.error(f"{name} ended in an error: {text[0]}")
        if report.skipped:
            self.record.entry.error(f"{name} was skipped, and no check may be")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> Iterator[None]:
        """Write the file; what compared nothing fails."""
        if exitstatus in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR):
            word = pytest.ExitCode(exitstatus).name.lower().replace("_", " ")
            self.record.entry.error(f"the run was broken off: {word}")
        with said():
            if self.record.finish() != "pass" and session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
            return (yield)  # to what pytest writes itself


class Judge(Keeper):
    """Runs the session within pytest."""

    def __init__(self, option: SimpleNamespace, session: "Session", record: "Record | Sending"):
        super().__init__(record)
        self.option, self.session = option, session
        self.ended = 0

    def again(self, item: Item) -> str:
        """The command that runs just this item again, the way it was run."""
        option = self.option
        if (again := os.environ.get("LSTM_PARITY_AGAIN")) and option.backend:  # nox says how it was called
            return f'{again}-k "{item.name}"' + " --thorough" * option.thorough
        what = f"--backend {option.backend}" if option.backend else (
            f"--parity {option.parity}" + f" --framework {option.framework}" * bool(option.framework))
        where = f'"{item.nodeid}" ' if isinstance(item.parent and item.parent.parent, pytest.Module) else ""
        return f"pytest {where}{what}" + f" --device {option.device}" * (option.device != "cpu") + (
            " --thorough" * option.thorough) + (
            "" if where else f' -k "{item.name}"')

    def announce(self, item: Item, failed: "list[Result]") -> None:
        """Say at once that something fails: its cause takes a while, and pytest shows words at its end alone."""
        from lstm_ref.parity.runner.apart import is_begun

        terminal: Any = item.config.pluginmanager.get_plugin("terminalreporter")
        capture: Any = item.config.pluginmanager.get_plugin("capturemanager")
        if terminal is None or capture is None:
            return
        worst = max(failed, key=lambda result: result.ratio)
        number = f"ratio {worst.ratio:.3g}" if worst.spread else worst.detail
        with capture.global_and_fixture_disabled():
            # The terminal of a process that another one began shows nothing.
            (TerminalWriter(sys.stderr) if is_begun(item.config) else terminal).write(
                f"\nfails: {item.name}: {worst.quantity} ({number}); the cause is looked for, and shown at the end\n",
                red=True)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        """Where no file asked for the checks, and no other tests were, they stand by themselves."""
        named = session.config.args_source is pytest.Config.ArgsSource.ARGS
        if not any(isinstance(item, Item) for item in items) and not named:
            items[:] = Checks.from_parent(session, name="parity", nodeid="parity").collect()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note what was left out, and compute the truths that are missing before the first test starts."""
        from lstm_ref.parity.prepare import prepare

        entry, option = self.record.entry, self.option
        chosen = [item.problem for item in session.items if isinstance(item, Item)]
        everything = self.session.problems()
        entry.expected = self.session.expected()
        if len(chosen) < len(everything) or option.random is not None or option.long:
            asked = "" if option.random is None else f", --random {option.random}"
            entry.selection = f"{len(chosen)} of {len(everything)} checks{asked}" + ", --long" * option.long
        with said():
            self.record.begin(truths := "the computation of the truths")
            prepare(self.session.truths_of(chosen), self.session.truths)
        self.record.end(truths)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo[Any]) -> Any:
        """What was found goes to the process that keeps it."""
        report = yield
        if call.when == "call" and (send := getattr(self.record, "send", None)):
            send(report)
        return report

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Let the framework forget now and then what it compiled."""
        super().pytest_runtest_logfinish(nodeid)
        self.ended += 1
        forget = getattr(self.session.adapter, "forget", None)  # most have nothing to forget
        if forget and self.ended % FORGETS == 0:
            forget()
