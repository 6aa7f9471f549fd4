"""The implementation under test and its checks, as pytest fixtures.

A file of this folder holds one check. It runs for every implementation of the backend, every case and both dtypes.
"""

import os
import shlex
import warnings
from pathlib import Path

import pytest

import backends
from lstm_ref.parity.cases import CASES, make
from lstm_ref.parity.checks import CHECKS
from lstm_ref.parity.explain import explain
from lstm_ref.parity.localise import where
from lstm_ref.parity.properties import PROPERTIES, judge_facts
from lstm_ref.parity.record import Record, fingerprint, write_status
from lstm_ref.parity.report import COLUMNS
from lstm_ref.parity.truth import prepare
from lstm_ref.parity.verdict import judge, settle

DTYPES = ("float32", "float64")
#: Facts hold or not whatever the size; one case with odd sizes is enough, and one with sizes for the statistics.
PROPERTY_CASES = ("ragged", "book")

record = pytest.StashKey[Record]()
adapter = pytest.StashKey[object]()


def pytest_addoption(parser):
    group = parser.getgroup("parity")
    group.addoption("--backend", choices=backends.names(), help="the backend under test")
    group.addoption("--device", choices=("cpu", "gpu"), default="cpu", help="where it computes (default: cpu)")
    group.addoption("--random", type=int, metavar="N", help="judge N random cases instead of those of the suite")
    group.addoption("--build", type=Path, default=Path("build/parity"), help="folder of the results and the truths")


def pytest_configure(config):
    """Load the backend, or say in words why it can't be."""
    backend, folder = config.option.backend, config.option.build
    if backend is None:
        raise pytest.UsageError(f"say which backend: --backend {{{','.join(backends.names())}}}")
    os.environ["NVIDIA_TF32_OVERRIDE"] = "0"  # float32 means float32, also inside the vendor's libraries
    config.addinivalue_line("filterwarnings", "default")  # what frameworks warn of is not ours to fail on
    try:
        with warnings.catch_warnings(action="ignore"):
            config.stash[adapter] = backends.load(backend, config.option.device)
    except (ImportError, RuntimeError) as error:
        write_status(folder, backend, "not run", str(error))
        raise pytest.UsageError(str(error)) from None
    chosen = [f"-k {shlex.quote(config.option.keyword)}" if config.option.keyword else ""]
    chosen += [f"--random {config.option.random}"] if config.option.random is not None else []
    chosen += [arg for arg in config.invocation_params.args if "::" in str(arg)]
    config.stash[record] = Record(backend, folder, " ".join(filter(None, chosen)))
    config.stash[record].fingerprint = fingerprint(config.stash[adapter].version(), config.option.device,
                                                   CASES["book"]().corpus)
    config.pluginmanager.register(Journal(config.stash[record]))


def pytest_generate_tests(metafunc):
    """One test for each implementation, case and dtype to which the check of the file applies."""
    if "problem" not in metafunc.fixturenames:
        return
    name, seeds = metafunc.function.__name__.removeprefix("test_"), metafunc.config.option.random
    cases = list(CASES) if seeds is None else [f"random-{seed}" for seed in range(seeds)]
    cases = PROPERTY_CASES if name in PROPERTIES else [c for c in cases if CHECKS[name].applies(make(c))]
    problems = [(i, c, d) for i in metafunc.config.stash[adapter].implementations for c in cases for d in DTYPES]
    metafunc.parametrize("problem", problems, ids=["-".join(problem) for problem in problems])


def pytest_collection_modifyitems(items):
    """Run the checks in the order of the report: what others build on comes first, and so does its failure."""
    order = {f"test_{name}": place for place, name in enumerate(COLUMNS)}
    items.sort(key=lambda item: order.get(item.originalname, len(order)))


def pytest_collection_finish(session):
    """Compute the truths that are missing, before the clock of the first test starts."""
    problems = {(item.originalname.removeprefix("test_"), *item.callspec.params["problem"][1:])
                for item in session.items if "problem" in item.fixturenames}
    prepare([(check, make(case).astype(dtype)) for check, case, dtype in sorted(problems) if check in CHECKS],
            session.config.option.build / "truth")


@pytest.fixture
def agrees(request, problem):
    """Judge the implementation by the check of the test's name; fail in words where it disagrees."""
    name = request.node.originalname.removeprefix("test_")
    config, (label, case_name, dtype) = request.config, problem
    implementation, drawn = config.stash[adapter].implementations[label], make(case_name)
    case, other = (drawn.astype(d) for d in sorted(DTYPES, key=lambda d: d != dtype))
    truths = config.option.build / "truth"

    def run():
        if name in PROPERTIES:
            results = judge_facts(name, implementation, label, case)
        else:
            results = settle(judge(CHECKS[name], implementation, label, case, truths),
                             lambda: judge(CHECKS[name], implementation, label, other, truths))
        config.stash[record].add(results)
        if not all(result.passed for result in results):
            config.stash[record].explained.add(request.node.nodeid)
            place = "" if name in PROPERTIES else where(name, implementation, case, truths)
            pytest.fail(explain(config.option.backend, results, place, again(request)), pytrace=False)

    return run


def again(request):
    """The command that runs just this test again, the way it was run."""
    option, nodeid = request.config.option, request.node.nodeid
    if os.environ.get("NOX_CURRENT_SESSION"):
        return f'nox -s "parity({option.backend})" -- "{nodeid}"'
    return f'pytest "{nodeid}" --backend {option.backend}' + f" --device {option.device}" * (option.device != "cpu")


class Journal:
    """Keeps the file of the backend true while the tests run."""

    def __init__(self, record):
        self.record = record

    def pytest_runtest_logstart(self, nodeid):
        self.record.begin(nodeid.rpartition("::")[2])

    def pytest_runtest_logreport(self, report):
        name = report.nodeid.rpartition("::")[2]
        if report.failed and report.nodeid not in self.record.explained:
            crash = getattr(report.longrepr, "reprcrash", None)
            self.record.error(f"{name} ended in an error: {crash.message if crash else report.longreprtext}")
        if report.skipped:
            self.record.error(f"{name} was skipped, and no check may be")

    def pytest_sessionfinish(self, session):
        if self.record.finish() != "pass" and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
