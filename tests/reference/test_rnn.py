"""The vanilla RNN: its gradient by complex step, its start, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lstm_ref as ref
from tests.reference.test_lstm import PROOF_DTYPE, assert_same_gradient, complex_step


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(2, 4), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_gradients_are_complex_step(T, B, V, h, seed):
    """By all parameters, the inputs and the initial state, with gradients flowing in at both ends."""
    rng = np.random.default_rng(seed)
    arrays = [rng.normal(0, 1, shape).astype(PROOF_DTYPE) for shape in (
        *ref.rnn_param_shapes(V, h).values(), (T, B, V), (B, h))]
    d_outputs, d_H = (rng.normal(0, 1, shape).astype(PROOF_DTYPE) for shape in ((T * B, V), (B, h)))

    def objective(*arrays):
        *params, inputs, H = arrays
        outputs, (last,) = ref.rnn(inputs, (H,), params)
        return (outputs * d_outputs).sum() + (last * d_H).sum()

    *params, inputs, H = arrays
    tape = []
    ref.rnn(inputs, (H,), params, tape)
    grads = ref.rnn_backward(tape, params, d_outputs, (d_H,))
    for name, hand, numeric in zip((*ref.RNNParams._fields, "inputs", "H"),
                                   (*grads.params, grads.inputs, *grads.state),
                                   complex_step(objective, arrays), strict=True):
        assert_same_gradient(name, hand, numeric)


def test_it_is_elmans_network():
    """One step by hand."""
    params = ref.RNNParams(*(np.array(x, float) for x in ([[0.5], [1.0]], [[2.0]], [0.25], [[3.0, -1.0]], [0.0, 1.0])))
    outputs, (H,) = ref.rnn(np.array([[[0.0, 1.0]]]), (np.array([[0.1]]),), params)
    h = np.tanh(1.0 + 0.2 + 0.25)
    assert pytest.approx(h) == H
    assert outputs[0] == pytest.approx([3 * h, 1 - h])


def test_the_start():
    """Five arrays by name, weights of scale 0.01, zero biases; a state of zeros."""
    params = ref.get_params(28, 64, 0)
    assert params._fields == ("W_xh", "W_hh", "b_h", "W_hq", "b_q")
    assert [p.shape for p in params] == [(28, 64), (64, 64), (64,), (64, 28), (28,)]
    assert 0.0095 < params.W_hh.std() < 0.0105 and not params.b_h.any() and not params.b_q.any()
    (H,) = ref.init_rnn_state(3, 64)
    assert H.shape == (3, 64) and H.dtype == np.float32 and not H.any()


@pytest.mark.parametrize(("state", "params", "words"), [
    ((np.zeros((2, 3)), np.zeros((2, 3))), 5, "state: expected the one-tuple (H,), got 2 items"),
    ((np.zeros((2, 3)),), 4, "params: expected 5 arrays (W_xh, W_hh, b_h, W_hq, b_q), got 4 arrays"),
    ((np.zeros((2, 4)),), 5, "params[0] (W_xh): expected shape (vocab_size, num_hiddens) = (4, 4), got (4, 3)"),
])
def test_what_does_not_fit_is_named(state, params, words):
    """As for the LSTM."""
    with pytest.raises(ValueError, match=":") as refusal:
        ref.rnn(np.zeros((5, 2, 4)), state, ref.get_params(4, 3, 0, float)[:params])
    assert str(refusal.value) == words


def test_an_empty_tape_is_refused():
    """There is nothing to differentiate."""
    with pytest.raises(ValueError, match="tape: expected the steps that rnn recorded"):
        ref.rnn_backward([], ref.get_params(4, 3, 0), np.zeros((1, 4)))


def recorded():
    """A problem of three steps, and its tape."""
    params, state = ref.get_params(4, 3, 0, float), ref.init_rnn_state(2, 3, float)
    outputs, last = ref.rnn(np.eye(4)[[[0, 1], [2, 3], [1, 1]]], state, params, tape := [])
    return params, outputs, last, tape


def test_the_tape_has_all_that_a_step_computed():
    """One `RNNStep` per time step, each array under its name."""
    _, outputs, (H,), tape = recorded()
    assert np.array_equal(np.concatenate([step.Y for step in tape]), outputs)
    assert all(np.array_equal(step.H, np.tanh(step.A)) for step in tape)
    assert tape[-1].H is H and tape[1].H_prev is tape[0].H and tape[1].X.shape == (2, 4)


@pytest.mark.parametrize(("params", "d_outputs", "d_state", "words"), [
    (4, (6, 4), (2, 3), "params: expected 5 arrays (W_xh, W_hh, b_h, W_hq, b_q), got 4 arrays"),
    (5, (5, 4), (2, 3), "d_outputs: expected shape of the outputs = (6, 4), got (5, 4)"),
    (5, (6, 4), (2, 2), "d_state[0] (H): expected shape (batch_size, num_hiddens) = (2, 3), got (2, 2)"),
])
def test_what_does_not_fit_the_tape_is_named(params, d_outputs, d_state, words):
    """Parameters, and gradients that flow in at either end."""
    given, _, _, tape = recorded()
    with pytest.raises(ValueError, match=":") as refusal:
        ref.rnn_backward(tape, given[:params], np.zeros(d_outputs), (np.zeros(d_state),))
    assert str(refusal.value) == words
