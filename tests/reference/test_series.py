"""Squared loss on a series: its gradient by complex step."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lstm_ref as ref
from lstm_ref.series import series_loss_and_grads, squared_loss, squared_loss_backward
from tests.reference.test_lstm import PROOF_DTYPE, assert_same_gradient, complex_step, draw_problem

sizes = st.tuples(*(st.integers(low, high) for low, high in ((1, 5), (1, 3), (1, 3), (1, 4))))


def problem(seed, sizes):
    """Real inputs of one to three features, and the next values for targets."""
    params, state, inputs, _ = draw_problem(seed, *sizes, 0.7, PROOF_DTYPE)
    targets = np.random.default_rng(seed + 1).normal(0, 1, (sizes[0] * sizes[1], sizes[2])).astype(PROOF_DTYPE)
    return params, state, inputs, targets


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1), sizes=sizes)
def test_the_gradient_is_complex_step(seed, sizes):
    """By all 14 parameters, through the LSTM; one feature is a series of numbers."""
    params, state, inputs, targets = problem(seed, sizes)
    wide = [s.astype(np.clongdouble) for s in (inputs, *state)]

    def loss(*params):
        return squared_loss(ref.lstm(wide[0], tuple(wide[1:]), params)[0], targets)

    _, grads, _ = series_loss_and_grads(inputs, state, params, targets)
    for name, ours, theirs in zip(ref.PARAM_NAMES, grads, complex_step(loss, params), strict=True):
        assert_same_gradient(name, ours, theirs)


def test_the_proof_can_fail():
    """A gradient without the factor 2, as of half the squared error."""
    params, state, inputs, targets = problem(0, (3, 2, 1, 3))
    outputs, _ = ref.lstm(inputs, state, params)
    numeric, = complex_step(lambda y: squared_loss(y, targets), [outputs])
    assert_same_gradient("outputs", squared_loss_backward(outputs, targets), numeric)
    with pytest.raises(AssertionError, match="outputs: off by"):
        assert_same_gradient("outputs", squared_loss_backward(outputs, targets) / 2, numeric)


def test_by_hand():
    """A mean over everything, and the loss of the forward pass as it is."""
    outputs, targets = np.array([[1.0], [3.0]]), np.array([[0.0], [5.0]])
    assert squared_loss(outputs, targets) == 2.5
    np.testing.assert_array_equal(squared_loss_backward(outputs, targets), [[1.0], [-2.0]])
    params, state, inputs, targets = problem(1, (2, 2, 2, 3))
    loss, _, last = series_loss_and_grads(inputs, state, params, targets)
    expected, expected_last = ref.lstm(inputs, state, params)
    assert loss == ((expected - targets) ** 2).mean()
    assert all(map(np.array_equal, last, expected_last))


def test_targets_of_another_shape_are_refused():
    """NumPy would broadcast (n,) against (n, 1) to (n, n)."""
    for function in (squared_loss, squared_loss_backward):
        with pytest.raises(ValueError, match=r"^targets: expected shape of the outputs = \(4, 1\), got \(4,\)"):
            function(np.zeros((4, 1)), np.zeros(4))
