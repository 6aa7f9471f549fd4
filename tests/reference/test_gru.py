"""The gated recurrent unit: its gradient by complex step, its start, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lstm_ref as ref
from tests.reference.test_lstm import PROOF_DTYPE, assert_same_gradient, complex_step


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(2, 4), st.integers(1, 4), st.integers(0, 2**32 - 1),
       st.booleans())
def test_gradients_are_complex_step(T, B, V, h, seed, reset_after):
    """By all parameters, the inputs and the initial state, with gradients flowing in at both ends, in both forms."""
    rng = np.random.default_rng(seed)
    arrays = [rng.normal(0, 1, shape).astype(PROOF_DTYPE) for shape in (
        *ref.gru_param_shapes(V, h).values(), (T, B, V), (B, h))]
    d_outputs, d_H = (rng.normal(0, 1, shape).astype(PROOF_DTYPE) for shape in ((T * B, V), (B, h)))

    def objective(*arrays):
        *params, inputs, H = arrays
        outputs, (last,) = ref.gru(inputs, (H,), params, reset_after=reset_after)
        return (outputs * d_outputs).sum() + (last * d_H).sum()

    *params, inputs, H = arrays
    tape = []
    ref.gru(inputs, (H,), params, tape, reset_after)
    grads = ref.gru_backward(tape, params, d_outputs, (d_H,), reset_after=reset_after)
    for name, hand, numeric in zip((*ref.GRUParams._fields, "inputs", "H"),
                                   (*grads.params, grads.inputs, *grads.state),
                                   complex_step(objective, arrays), strict=True):
        assert_same_gradient(name, hand, numeric)


@pytest.mark.parametrize("reset_after", [False, True])
def test_one_step_by_hand(reset_after):
    """Two hidden units, so that the two forms differ."""
    rng = np.random.default_rng(0)
    params = ref.GRUParams(*(rng.normal(size=shape) for shape in ref.gru_param_shapes(2, 2).values()))
    x, h, p = np.array([0.0, 1.0]), np.array([0.1, -0.7]), params
    z = 1 / (1 + np.exp(-(x @ p.W_xz + h @ p.W_hz + p.b_z)))
    r = 1 / (1 + np.exp(-(x @ p.W_xr + h @ p.W_hr + p.b_r)))
    product = [sum(r[j if reset_after else i] * h[i] * p.W_hh[i, j] for i in range(2)) for j in range(2)]
    new = z * h + (1 - z) * np.tanh(x @ p.W_xh + product + p.b_h)
    outputs, (H,) = ref.gru(x[None, None], (h[None],), params, reset_after=reset_after)
    # By the equations, in another order: some epsilons of float64, far below the 1e-6 of approx.
    assert H[0] == pytest.approx(new)
    assert outputs[0] == pytest.approx(new @ p.W_hq + p.b_q)


def test_a_shut_update_gate_takes_the_candidate_and_an_open_one_keeps_the_state():
    """Z is the share of the old state, as in the book."""
    params = ref.get_gru_params(3, 4, 0, float)
    inputs, state = np.eye(3)[None], (np.full((3, 4), 0.5),)
    _, (kept,) = ref.gru(inputs, state, params._replace(b_z=np.full(4, 1e4)))
    assert np.array_equal(kept, state[0])
    tape = []
    _, (new,) = ref.gru(inputs, state, params._replace(b_z=np.full(4, -1e4)), tape)
    assert np.array_equal(new, tape[0].H_tilda)


def test_the_start():
    """Eleven arrays by name, weights of scale 0.01, zero biases; a state of zeros."""
    params = ref.get_gru_params(28, 64, 0)
    assert params._fields == tuple(
        ["W_xz", "W_hz", "b_z", "W_xr", "W_hr", "b_r", "W_xh", "W_hh", "b_h", "W_hq", "b_q"])
    assert [p.shape for p in params] == [(28, 64), (64, 64), (64,)] * 3 + [(64, 28), (28,)]
    assert 0.0095 < params.W_hh.std() < 0.0105 and not params.b_z.any() and not params.b_q.any()
    (H,) = ref.init_gru_state(3, 64)
    assert H.shape == (3, 64) and H.dtype == np.float32 and not H.any()


@pytest.mark.parametrize(("state", "params", "words"), [
    ((np.zeros((2, 3)), np.zeros((2, 3))), 11, "state: expected the one-tuple (H,), got 2 items"),
    ((np.zeros((2, 3)),), 10,
     "params: expected 11 arrays (W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, W_hh, b_h, W_hq, b_q), got 10 arrays"),
    ((np.zeros((2, 4)),), 11, "params[0] (W_xz): expected shape (vocab_size, num_hiddens) = (4, 4), got (4, 3)"),
])
def test_what_does_not_fit_is_named(state, params, words):
    """As for the LSTM."""
    with pytest.raises(ValueError, match=":") as refusal:
        ref.gru(np.zeros((5, 2, 4)), state, ref.get_gru_params(4, 3, 0, float)[:params])
    assert str(refusal.value) == words


def test_an_empty_tape_is_refused():
    """There is nothing to differentiate."""
    with pytest.raises(ValueError, match="tape: expected the steps that gru recorded"):
        ref.gru_backward([], ref.get_gru_params(4, 3, 0), np.zeros((1, 4)))


def recorded():
    """A problem of three steps, and its tape."""
    params, state = ref.get_gru_params(4, 3, 0, float), ref.init_gru_state(2, 3, float)
    outputs, last = ref.gru(np.eye(4)[[[0, 1], [2, 3], [1, 1]]], state, params, tape := [])
    return params, outputs, last, tape


def test_the_tape_has_all_that_a_step_computed():
    """One `GRUStep` per time step, each array under its name."""
    _, outputs, (H,), tape = recorded()
    assert np.array_equal(np.concatenate([step.Y for step in tape]), outputs)
    assert all(np.array_equal(step.H_tilda, np.tanh(step.A_h)) for step in tape)
    assert tape[-1].H is H and tape[1].H_prev is tape[0].H and tape[1].X.shape == (2, 4)


@pytest.mark.parametrize(("params", "d_outputs", "d_state", "words"), [
    (10, (6, 4), (2, 3),
     "params: expected 11 arrays (W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, W_hh, b_h, W_hq, b_q), got 10 arrays"),
    (11, (5, 4), (2, 3), "d_outputs: expected shape of the outputs = (6, 4), got (5, 4)"),
    (11, (6, 4), (2, 2), "d_state[0] (H): expected shape (batch_size, num_hiddens) = (2, 3), got (2, 2)"),
])
def test_what_does_not_fit_the_tape_is_named(params, d_outputs, d_state, words):
    """Parameters, and gradients that flow in at either end."""
    given, _, _, tape = recorded()
    with pytest.raises(ValueError, match=":") as refusal:
        ref.gru_backward(tape, given[:params], np.zeros(d_outputs), (np.zeros(d_state),))
    assert str(refusal.value) == words
