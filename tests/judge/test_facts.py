"""Facts: the distribution tests' bounds are never below the exact p-value and catch; the prediction's case is sound."""

import numpy as np
import pytest
from scipy import stats

from lstm_ref.params import LSTMParams
from lstm_ref.parity.cases import CASES
from lstm_ref.parity.checks.conduct import twice
from lstm_ref.parity.checks.numbers import ALPHABET, WRITE
from lstm_ref.parity.checks.statistics import FALSE_ALARM, independence_p_value, scale_p_value, shape_p_value
from lstm_ref.parity.reference import Reference
from lstm_ref.text import Vocab

SIZES = (10, 300, 30_000)


def exact_shape(x):
    return stats.kstest(x, "norm").pvalue


def exact_scale(x):
    lower = stats.chi2.cdf((x**2).sum(), x.size)
    return 2 * min(lower, 1 - lower)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("bound", "exact"), [(shape_p_value, exact_shape), (scale_p_value, exact_scale)])
def test_a_bound_is_never_below_the_exact_p_value(bound, exact, size):
    """So a right initialisation fails at most as often as stated; over samples right and slightly wrong."""
    rng = np.random.default_rng(0)
    for scale in np.linspace(0.9, 1.1, 21):
        x = rng.normal(0, scale, size)
        assert bound(x) >= exact(x) * (1 - 1e-9)


def test_right_weights_pass():
    """Far above the false-alarm rate, over many seeds."""
    for seed in range(200):
        a, b = np.random.default_rng(seed).normal(size=(2, 2000))
        assert min(shape_p_value(a), scale_p_value(a), independence_p_value([a, b])) > 1e-4 > FALSE_ALARM


@pytest.mark.parametrize(("test", "wrong"), [
    (shape_p_value, lambda rng: rng.uniform(-(3**0.5), 3**0.5, 9000)),
    (shape_p_value, lambda rng: np.clip(rng.normal(size=9000), -1.5, 1.5)),
    (shape_p_value, lambda rng: rng.normal(0.1, 1, 9000)),
    (scale_p_value, lambda rng: rng.normal(0, 1.1, 9000)),
    (scale_p_value, lambda rng: rng.normal(0, 0.9, 9000)),
    (independence_p_value, lambda rng: [rng.normal(size=100)] * 2),
    (independence_p_value, lambda rng: list(np.cumsum(rng.normal(size=(3, 900)), axis=0))),
])
def test_wrong_weights_are_caught(test, wrong):
    """Uniform, truncated, shifted, scaled by a tenth, and drawn twice from the same numbers."""
    assert test(wrong(np.random.default_rng(0))) < FALSE_ALARM


def test_no_text_hangs_on_a_rounding():
    """The best two outputs are far apart at every character: of `prediction`, and of the model that `kept` trains."""
    case, vocab = CASES["large"](), Vocab(ALPHABET)
    net = Reference().model(case.params)
    for _ in range(3):
        net.epoch(twice(case), 3.0, False)
    asked = [(case.params, prefix, num_preds) for prefix, num_preds in WRITE if num_preds]
    for params, prefix, num_preds in (*asked, (LSTMParams(*net.read()), "time", 20)):
        outputs = Reference().written(params, prefix, num_preds, vocab)[len(prefix) - 1:]
        assert len(outputs) == num_preds
        second, best = np.sort(outputs)[:, -2:].T
        assert (best - second).min() > 1e-3  # thousands of roundings of float32
