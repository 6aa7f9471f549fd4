"""The implementation under test and its checks, as pytest fixtures.

A file of this folder holds one check. It runs for every implementation of the backend, every case and both dtypes.
"""

import os
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import backends
from lstm_ref.parity import repro
from lstm_ref.parity.cases import CASES, LONG, make
from lstm_ref.parity.checks import CHECKS, Check
from lstm_ref.parity.explain import explain
from lstm_ref.parity.investigate import Investigation
from lstm_ref.parity.properties import PROPERTIES, judge_facts
from lstm_ref.parity.record import Record, fingerprint, write_status
from lstm_ref.parity.report import COLUMNS
from lstm_ref.parity.truth import evaluations, measure, prepare
from lstm_ref.parity.verdict import compare, judge, settle

sys.path.insert(0, str(Path(__file__).parent))  # what several files share, with names of its own

DTYPES = ("float32", "float64")

record = pytest.StashKey[Record]()
loaded = pytest.StashKey[object]()
investigations = pytest.StashKey[dict[str, Investigation]]()


def pytest_addoption(parser):
    group = parser.getgroup("parity")
    group.addoption("--backend", choices=backends.names(), help="the backend under test")
    group.addoption("--device", choices=("cpu", "gpu"), default="cpu", help="where it computes (default: cpu)")
    group.addoption("--random", type=int, metavar="N", help="judge N random cases instead of those of the suite")
    group.addoption("--long", action="store_true",
                    help="judge the book's training over 1,600 minibatches in float64 instead: hours")
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
            config.stash[loaded] = backends.load(backend, config.option.device)
        facts = fingerprint(config.stash[loaded].version(), config.option.device, CASES["book"]().corpus)
    except (ImportError, RuntimeError, ValueError, OSError) as error:
        write_status(folder, backend, "not run", str(error))
        raise pytest.UsageError(str(error)) from None
    config.stash[investigations] = {}
    config.stash[record] = Record(backend, folder)
    config.stash[record].fingerprint = facts
    config.pluginmanager.register(Journal(config.stash[record]))


def problems(config, check):
    """Implementation, case and dtype of every test of a check."""
    seeds, dtypes = config.option.random, DTYPES
    cases = list(CASES) if seeds is None else [f"random-{seed}" for seed in range(seeds)]
    if config.option.long:
        cases, dtypes = list(LONG) if check == "trajectory" else [], ("float64",)
    elif check in PROPERTIES:
        cases, dtypes = PROPERTIES[check].cases, PROPERTIES[check].dtypes
    else:
        cases = [c for c in cases if CHECKS[check].applies(make(c))]
    found = config.stash[loaded].implementations
    return [(i, c, d) for i in found if check not in found[i].inapplicable for c in cases for d in dtypes]


def check_of(item):
    return item.originalname.removeprefix("test_")


def pytest_generate_tests(metafunc):
    """One test for each implementation, case and dtype to which the check of the file applies."""
    if "problem" in metafunc.fixturenames:
        found = problems(metafunc.config, metafunc.function.__name__.removeprefix("test_"))
        metafunc.parametrize("problem", found, ids=["-".join(problem) for problem in found])


def pytest_collection_modifyitems(items):
    """Run the checks in the order of the report: what others build on comes first, and so does its failure."""
    # A check without a case (a trajectory among random ones) is not a skipped test.
    items[:] = [item for item in items
                if "problem" not in item.fixturenames or isinstance(item.callspec.params["problem"], tuple)]
    order = {name: place for place, name in enumerate(COLUMNS)}
    items.sort(key=lambda item: order.get(check_of(item), len(order)))


def pytest_collection_finish(session):
    """Note what was left out, and compute the truths that are missing before the first test starts."""
    config = session.config
    chosen = {(check_of(item), *item.callspec.params["problem"])
              for item in session.items if "problem" in item.fixturenames}
    everything = {check: problems(config, check) for check in COLUMNS}
    total = sum(map(len, everything.values()))
    config.stash[record].expected = sorted({(label, check) for check in COLUMNS for label, _, _ in everything[check]})
    if len(chosen) < total or config.option.random is not None or config.option.long:
        asked = "" if config.option.random is None else f", --random {config.option.random}"
        asked += ", --long" * config.option.long
        config.stash[record].selection = f"{len(chosen)} of {total} tests{asked}"
    truths = sorted({(check, case, dtype) for check, _, case, dtype in chosen if check in CHECKS})
    prepare([(check, make(case).astype(dtype)) for check, case, dtype in truths], config.option.build / "truth")


@pytest.fixture
def backend(request):
    """The name of the backend under test."""
    return request.config.option.backend


@pytest.fixture
def adapter(request):
    """The backend under test on its device."""
    return request.config.stash[loaded]


@pytest.fixture
def agrees(request, problem):
    """Judge the implementation by the check of the test's name; fail in words where it disagrees."""
    name = check_of(request.node)
    config, option, (label, case_name, dtype) = request.config, request.config.option, problem
    implementation, drawn = config.stash[loaded].implementations[label], make(case_name)
    case, other = (drawn.astype(d) for d in sorted(DTYPES, key=lambda d: d != dtype))
    truths = option.build / "truth"

    def run():
        if name in PROPERTIES:
            results = judge_facts(name, implementation, label, case)
        else:
            results = settle(judge(CHECKS[name], implementation, label, case, truths),
                             lambda: judge(CHECKS[name], implementation, label, other, truths))
        config.stash[record].add(results)
        if not all(result.passed for result in results):
            config.stash[record].explained.add(request.node.nodeid)
            found = config.stash[investigations].setdefault(label, Investigation(implementation, truths))
            place = found.where(name, case)
            program = repro.write(option.backend, option.device, results, case, option.build)
            config.stash[record].explain(label, place, found)
            pytest.fail(explain(option.backend, results, place, found, program, again(request)), pytrace=False)

    return run


@pytest.fixture
def judged():
    """Hold numbers that no check of the table asks for against the reference, by the suite's one limit."""
    def judged(case, compute, found):
        """`compute(implementation, case)` says what the reference gives; `found(truth)`, or `found`, what came."""
        yardstick = measure(Check("judged", compute), case, evaluations(case))
        came = found(yardstick.truth) if callable(found) else found
        assert came.keys() == yardstick.truth.keys() and came
        told = {name: compare(name, np.asarray(came[name]), case.dtype, yardstick) for name in came}
        wrong = {name: verdict["detail"] for name, verdict in told.items() if "verdict" in verdict}
        assert not wrong, wrong

    return judged


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
            told = (crash.message if crash else report.longreprtext).strip().splitlines() or ["no message"]
            self.record.error(f"{name} ended in an error: {told[0]}")
        if report.skipped:
            self.record.error(f"{name} was skipped, and no check may be")

    def pytest_sessionfinish(self, session, exitstatus):
        if exitstatus in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR):
            self.record.error(f"the run was broken off: {pytest.ExitCode(exitstatus).name.lower().replace('_', ' ')}")
        if self.record.finish() != "pass" and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
