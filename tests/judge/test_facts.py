"""Facts: the distribution tests' bounds are never below the exact p-value and catch; the prediction's case is sound."""

import re

import numpy as np
import pytest
from scipy import stats

from lstm_ref.parity.cases import CASES
from lstm_ref.parity.checks import CHECKS
from lstm_ref.parity.checks.conduct import twice
from lstm_ref.parity.checks.facts import bad_calls, refusal
from lstm_ref.parity.checks.numbers import ALPHABET, WRITE
from lstm_ref.parity.checks.statistics import FALSE_ALARM, independence_p_value, scale_p_value, shape_p_value
from lstm_ref.parity.interface import OTHERS, framework
from lstm_ref.parity.reference import Reference, ReferenceModel
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


@pytest.mark.parametrize("name", ["large", *(f"{cell}-large" for cell in OTHERS)])
def test_no_text_hangs_on_a_rounding(name):
    """The best two outputs are far apart at every character: of `prediction`, and of the model that `kept` trains."""
    case, vocab = CASES[name](), Vocab(ALPHABET)
    net = Reference().model(case.params)
    for _ in range(3):
        net.epoch(twice(case), 3.0, False)
    asked = [(case.params, prefix, num_preds) for prefix, num_preds in WRITE if num_preds]
    for params, prefix, num_preds in (*asked, (case.params._make(net.read()), "time", 20)):
        outputs = Reference().written(params, prefix, num_preds, vocab)[len(prefix) - 1:]
        assert len(outputs) == num_preds
        second, best = np.sort(outputs)[:, -2:].T
        assert (best - second).min() > 5e-4  # thousands of roundings of float32


class Picky(ReferenceModel):
    """Takes tokens of one type alone, as an index that some frameworks have."""

    def __call__(self, X, state, mode):
        if X.dtype != np.int64:
            raise TypeError(f"no index in {X.dtype}")
        return super().__call__(X, state, mode)


class Narrow(ReferenceModel):
    """Wrong for tokens in int8."""

    def __call__(self, X, state, mode):
        outputs, last = super().__call__(X, state, mode)
        return (outputs * outputs.dtype.type(1.001) if X.dtype == np.int8 else outputs), last


@pytest.mark.parametrize(("kind", "wrong"), [(Picky, set()), (Narrow, {"outputs, tokens in int8"})])
def test_a_type_of_tokens_may_be_refused_but_not_miscounted(kind, wrong, truths):
    """What a framework refuses as an index is no wrong number."""

    class Made(Reference):
        def model(self, params):
            return kind(self._ref, self.net(params))

    results = CHECKS["model"].judge(Made(), "made", CASES["square"]().astype("float32"), truths)
    assert {result.quantity for result in results if not result.passed} == wrong


def test_the_reference_refuses_every_bad_call():
    """In words of its own, that name an argument; the calls of a check that is not judged are left out."""
    case = CASES["ragged"]().astype("float32")
    calls = bad_calls(case)
    assert len(calls) > 60
    for what, call in calls.items():
        said = refusal(call, Reference())
        assert re.match(r"(ValueError|FloatingPointError) «(minibatch \d: )?[\w\[\]() ]+: ", said), (what, said)
    left = calls.keys() - bad_calls(case, {"sgd", "loss"})
    assert len(left) > 10 and all("loss" in what or "update" in what for what in left)


def test_none_for_a_gradient_is_said():
    """After clipping nothing can be updated with it; it is not taken for zero."""
    with pytest.raises(ValueError, match="grad_clipping: expected a gradient for each parameter, got None for "
                                         "parameter 1, 3"):
        framework("numpy").clipped([np.zeros(2), None, np.zeros(1), None])
