"""Runs in a backend's environment: imports the framework once, then judges one mutant after the other.

    python tests/mutants/worker.py BACKEND BUILD

Each line of standard input is a mutant, {"file": ..., "source": ..., "order": ...}, file null for the unmutated source;
each line of the answer says which test killed it, or null. `order` has a number for each test: the lowest comes first,
negative ones run before the others are even collected, and with `only` the others do not run. The checks are the suite
itself, run by pytest in this process up to the first failure.
"""

import contextlib
import gc
import importlib
import json
import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import pytest  # noqa: E402
from install import forget, import_reference, in_place, serving  # noqa: E402

import backends  # noqa: E402
from lstm_ref.parity.cases import CASES  # noqa: E402
from lstm_ref.parity.checks import CHECKS  # noqa: E402

#: Up to the first failure, and without what costs time and adds nothing here.
PYTEST = ("-x", "-q", "-s", "--tb=native", "--assert=plain", "-p", "no:cacheprovider", "-p", "no:unraisableexception",
          "-p", "no:threadexception")
#: Cases that take long and show only what smaller ones show.
EXPENSIVE = ("large", "book")
#: The folders of the suite.
SUITE = ("tests/parity", "tests/tabs")
#: How many tests run before the others are even collected: those that killed neighbours of the mutant.
LIKELY = 3


def is_left_out(item: pytest.Item) -> bool:
    """The cases `large` and `book`, except for the statistics of a start and where there are no others; `parallel`."""
    problem = getattr(item, "problem", None)
    if problem is not None and problem.check == "parallel":  # whose workers are other processes, and see no mutant
        return True
    if problem is None or problem.case not in EXPENSIVE or problem.check == "params":
        return False
    return any(case not in EXPENSIVE for case in CHECKS[problem.check].cases(CASES))


class Watch:
    """A pytest plugin: what is run in which order, how long it takes and what fails first."""

    def __init__(self, seconds: dict[str, float]):
        self.seconds, self.measured, self.failed = seconds, dict[str, float](), None

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self, session):
        """A kill needs no explanation: a check fails at once, without a search for where and why."""
        judge = session.config.pluginmanager.get_plugin("lstm-parity-judge")
        if judge is not None:
            judge.session.explain = lambda *_: "killed"
            if self.seconds:  # the unmutated source was judged: all truths are stored
                judge.session.truths_of = lambda *_: []

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config, items):
        """Without the cases that show what smaller ones show; the quickest tests first."""
        left_out = [item for item in items if is_left_out(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = sorted((item for item in items if item not in left_out),
                          key=lambda item: self.seconds.get(item.nodeid, 0.0))

    def pytest_runtest_logreport(self, report):
        self.measured[report.nodeid] = round(self.measured.get(report.nodeid, 0.0) + report.duration, 3)
        if report.failed and self.failed is None:
            self.failed = report.nodeid

    def pytest_collectreport(self, report):
        if report.failed and self.failed is None:
            self.failed = f"collection of {report.nodeid}"


class Worker:
    """Judges the mutants of one backend."""

    def __init__(self, backend: str, build: Path):
        self.backend, self.build = backend, build
        self.seconds, self.only = dict[str, float](), False
        self.reset = lambda: None
        backends.require(f"backends.{backend}")
        # The judge is built on the reference: import all of it before a mutant of the reference is served.
        for module in ("session", "runner.plugin", "runner.load", "runner.record", "prepare"):
            importlib.import_module(f"lstm_ref.parity.{module}")
        if backend == "paddle":
            paddle = sys.modules["paddle"]
            self.reset = lambda: paddle.set_default_dtype("float32")

    def judge(self, file: str | None, source: str) -> dict:
        """Which test fails first, or None; how long the tests took."""
        start = time.perf_counter()
        watches = []
        with serving(file, source):
            try:
                failed = self.judge_reference(watches) if self.backend == "numpy" else self.judge_backend(watches)
            except Exception as error:
                failed = f"import: {type(error).__name__}: {error}"
        self.reset()
        gc.collect()
        measured = {name: seconds for watch in watches for name, seconds in watch.measured.items()}
        return {"by": failed, "seconds": round(time.perf_counter() - start, 2), "tests": measured}

    def judge_backend(self, watches: list[Watch]) -> str | None:
        """The suite on the backend's package, imported anew."""
        forget(f"backends.{self.backend}")
        arguments = watches, SUITE, f"--backend={self.backend}"
        return self.likely(*arguments) or self.rest(*arguments)

    def judge_reference(self, watches: list[Watch]) -> str | None:
        """The suite on the mutated reference, judged by the original; then the reference's own tests on it alone."""
        modules = import_reference()
        forget("backends.numpy")
        adapter = importlib.import_module("backends.numpy.adapter")
        adapter.ref = modules["lstm_ref"]
        adapter.Scratch = partial(adapter.Scratch, ref=adapter.ref)
        for suite in (self.likely, self.rest):
            failed = suite(watches, SUITE, "--backend=numpy")
            if failed is None:
                with in_place(modules):
                    failed = suite(watches, ("tests/reference",), "-Wdefault")
            if failed is not None:
                return failed
        return None

    def likely(self, watches: list[Watch], folders: tuple[str, ...], *options: str) -> str | None:
        """The tests of some folders that killed the mutant's neighbours, which saves collecting the others."""
        likely = [name for name, seconds in sorted(self.seconds.items(), key=lambda item: item[1])
                  if seconds < 0 and name.startswith(folders)]
        return self.run(watches, *likely[:None if self.only else LIKELY], *options) if likely else None

    def rest(self, watches: list[Watch], folders: tuple[str, ...], *options: str) -> str | None:
        """All tests of some folders, unless only the likely ones were asked for."""
        return None if self.only else self.run(watches, *folders, *options)

    def run(self, watches: list[Watch], *arguments: str) -> str | None:
        """Run pytest in this process; None when all passed."""
        watches.append(Watch(self.seconds))
        tests = {name for name, module in sys.modules.items()
                 if str(getattr(module, "__file__", None)).startswith(str(ROOT / "tests")) and name != "install"
                 and name != "__main__"}
        for name in tests:
            del sys.modules[name]
        build = [f"--build={self.build}"] if arguments[0].startswith(SUITE) else []
        code = pytest.ExitCode(pytest.main([*arguments, *build, *PYTEST], plugins=[watches[-1]]))
        # Only a test's failure counts: the parity suite also exits with TESTS_FAILED when it got too few tests.
        ended = code in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)
        return watches[-1].failed or (None if ended else f"pytest: {code.name}")


def settings() -> None:
    """Hypothesis, where installed: the same examples for every mutant, none saved, none shrunk."""
    with contextlib.suppress(ImportError):
        from hypothesis import Phase
        from hypothesis import settings as hypothesis

        hypothesis.register_profile("mutants", derandomize=True, database=None, phases=[Phase.generate])
        hypothesis.load_profile("mutants")


def main(backend: str, build: str) -> None:
    """Answer on the process's standard output; whatever else is printed goes to MUTANTS_LOG, or nowhere."""
    answers = os.fdopen(os.dup(1), "w")
    log = os.environ.get("MUTANTS_LOG", os.devnull)
    for descriptor in (1, 2):
        os.dup2(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT), descriptor)
    os.chdir(ROOT)
    settings()
    worker = Worker(backend, Path(build))
    for line in sys.stdin:
        task = json.loads(line)
        worker.seconds, worker.only = task.get("order") or worker.seconds, bool(task.get("only"))
        answers.write(json.dumps(worker.judge(task["file"], task["source"])) + "\n")
        answers.flush()


if __name__ == "__main__":
    tempfile.tempdir = None
    main(*sys.argv[1:])
