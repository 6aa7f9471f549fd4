"""House rules for the namespaces of `backends/`: their signatures, layers, concise and fused models.

`--backend` says whose. A test that is for some of them alone has a mark: `only("torch", "jax")` names backends,
`beside(...)` all others, `has("concise")` an implementation or a function of the concise module, `thorough` that it
takes long; a parameter `label` is an implementation.
"""

import sys
from pathlib import Path

import numpy as np
import pytest

from lstm_ref.parity.checks import Numbers
from lstm_ref.parity.truth import FEWEST, evaluations, measure
from lstm_ref.parity.verdict import compare

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # what several files share
OURS = ("numpy", "torch", "tensorflow", "jax", "mxnet", "paddle")


def loaded(config):
    """The adapter of the backend under test."""
    judge = config.pluginmanager.get_plugin("lstm-parity-judge")
    if judge is None:
        raise pytest.UsageError(f"say which backend: --backend {{{','.join(OURS)}}}")
    return judge.session.adapter


def pytest_configure(config):
    config.addinivalue_line("markers", "only(*backends): for these backends alone")
    config.addinivalue_line("markers", "beside(*backends): for all backends but these")
    config.addinivalue_line("markers", "thorough: with --thorough alone")
    config.addinivalue_line("markers", "has(*names): for backends with these implementations or concise functions")


def is_for(item, adapter, backend):
    """Whether a test is for this backend, by its marks."""
    concise = getattr(adapter.implementations.get("concise"), "functions", None)
    wanted = [name for mark in item.iter_markers("has") for name in mark.args]
    params = (getattr(item, "callspec", None) and item.callspec.params) or {}
    wanted += [params["label"]] if "label" in params else []
    return (backend in OURS and all(backend in mark.args for mark in item.iter_markers("only"))
            and not any(backend in mark.args for mark in item.iter_markers("beside"))
            and (item.get_closest_marker("thorough") is None or item.config.option.thorough)
            and all(name in adapter.implementations or hasattr(concise, name) for name in wanted))


def pytest_collection_modifyitems(config, items):
    mine = [item for item in items if HERE in item.path.parents]
    if not mine:
        return
    adapter = loaded(config)
    others = [item for item in mine if not is_for(item, adapter, config.option.backend)]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in others]


@pytest.fixture
def backend(request):
    """The name of the backend under test."""
    return request.config.option.backend


@pytest.fixture
def adapter(request):
    """The backend under test on its device."""
    return loaded(request.config)


@pytest.fixture
def judged():
    """Hold numbers that no check of the table asks for against the reference, by the suite's one limit."""
    def judged(case, compute, found):
        """`compute(implementation, case)` says what the reference gives; `found(truth)`, or `found`, what was got."""
        yardstick = measure(Numbers("judged", compute), case, min(evaluations(case), 2 * FEWEST))  # far from the limit
        got = found(yardstick.truth) if callable(found) else found
        assert got.keys() == yardstick.truth.keys() and got
        results = {name: compare(name, np.asarray(got[name]), case.dtype, yardstick) for name in got}
        wrong = {name: result["detail"] for name, result in results.items() if "verdict" in result}
        assert not wrong, wrong

    return judged
