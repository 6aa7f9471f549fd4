"""Facts: the distribution tests' bounds are never below the exact p-value and catch; the prediction's case is sound."""

import numpy as np
import pytest
from scipy import stats

import lstm_ref as ref
from lstm_ref.parity.cases import CASES
from lstm_ref.parity.checks.facts import ALPHABET
from lstm_ref.parity.checks.statistics import FALSE_ALARM, independence_p_value, scale_p_value, shape_p_value
from lstm_ref.parity.reference import Reference

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


def test_the_predictions_case_has_no_near_ties():
    """A rounding must not decide a character: the best two outputs are far apart at every one of them."""
    case = CASES["large"]()
    vocab, net = ref.Vocab(ALPHABET), Reference().net(case.params)
    for prefix in ("time traveller", "t"):
        state = net.begin_state(1)
        for character in ref.predict_ch8(prefix, 50, net, vocab):
            token = vocab.token_to_idx.get(character, 0)
            outputs, state = net(np.array([[token]]), state)
            best, second = np.sort(outputs[0])[:-3:-1]
            assert best - second > 1e-3  # a million roundings of float32
