"""The reference's forward pass and gradient, proved without any framework."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lstm_ref as ref
from lstm_ref.lstm import lstm_backward, sigmoid

DTYPES = (np.float32, np.float64, np.longdouble)

# Complex step has no truncation error, so in longdouble the two gradients differ by its rounding alone (1e-19,
# times what a sum over the batch may cancel). Where longdouble is only float64, that leaves fewer digits.
PROOF_DTYPE = np.longdouble
COMPLEX_STEP_BOUND = 1e-12 if np.finfo(PROOF_DTYPE).eps < 1e-18 else 1e-9
STEP = PROOF_DTYPE(1e-200)


def draw_problem(seed, num_steps, batch_size, vocab_size, num_hiddens, scale, dtype=np.float64):
    """A problem with gate weights of the given scale, output weights of at most 1, and a state far from zero.

    The output weights stay moderate because the loss of a prediction that is all but certain is 1 - p with p near
    one: there neither way of differentiating has 12 digits left.
    """
    rng = np.random.default_rng(seed)
    params = ref.LSTMParams(*(
        rng.normal(0, min(scale, 1) if name.endswith("q") else scale, shape).astype(dtype)
        for name, shape in ref.param_shapes(vocab_size, num_hiddens).items()))
    state = tuple(rng.normal(0, 1, (batch_size, num_hiddens)).astype(dtype) for _ in "HC")
    inputs = rng.normal(0, 1, (num_steps, batch_size, vocab_size)).astype(dtype)
    targets = rng.integers(0, vocab_size, num_steps * batch_size)
    return params, state, inputs, targets


def complex_step(scalar, leaves):
    """Gradient of `scalar(*leaves)` by every element of every leaf: Im f(x + ih) / h, one element at a time."""
    gradients = []
    for n, leaf in enumerate(leaves):
        gradient = np.empty(leaf.shape, PROOF_DTYPE)
        for index in np.ndindex(leaf.shape):
            bumped = [x.astype(np.clongdouble) for x in leaves]
            bumped[n][index] += 1j * STEP
            gradient[index] = scalar(*bumped).imag / STEP
        gradients.append(gradient)
    return gradients


def assert_same_gradient(name, hand, numeric):
    scale = np.abs(numeric).max()
    error = np.abs(hand - numeric).max()
    assert error <= COMPLEX_STEP_BOUND * scale, f"{name}: off by {error:.3g} of {scale:.3g}"


sizes = st.tuples(*(st.integers(low, high) for low, high in ((1, 4), (1, 3), (2, 4), (1, 3))))
scales = st.sampled_from([0.01, 0.5, 1.0, 4.0, 12.0])  # 12: nearly every gate saturates


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1), sizes=sizes, scale=scales)
def test_loss_gradient_is_complex_step(seed, sizes, scale):
    """All 14 gradients, those of the inputs and of the initial state, for the mean cross-entropy."""
    params, state, inputs, targets = draw_problem(seed, *sizes, scale, PROOF_DTYPE)
    leaves = [*params, inputs, *state]

    def loss(*leaves):
        outputs, _ = ref.lstm(leaves[14], leaves[15:], leaves[:14])
        return ref.cross_entropy(outputs, targets)

    outputs, _ = ref.lstm(inputs, state, params, tape := [])
    hand = lstm_backward(tape, params, ref.cross_entropy_backward(outputs, targets))
    names = [*ref.PARAM_NAMES, "inputs", "H", "C"]
    for name, ours, numeric in zip(names, [*hand.params, hand.inputs, *hand.state], complex_step(loss, leaves),
                                   strict=True):
        assert_same_gradient(name, ours, numeric)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1), sizes=sizes, scale=scales)
def test_any_upstream_gradient_is_complex_step(seed, sizes, scale):
    """A random linear functional of outputs, last H and last C."""
    params, state, inputs, _ = draw_problem(seed, *sizes, scale, PROOF_DTYPE)
    rng = np.random.default_rng(seed + 1)
    outputs, last = ref.lstm(inputs, state, params, tape := [])
    weights = [rng.normal(size=x.shape) for x in (outputs, *last)]

    def functional(*leaves):
        outputs, (H, C) = ref.lstm(leaves[14], leaves[15:], leaves[:14])
        return sum((w * x).sum() for w, x in zip(weights, (outputs, H, C), strict=True))

    hand = lstm_backward(tape, params, weights[0], (weights[1], weights[2]))
    numeric = complex_step(functional, [*params, inputs, *state])
    for name, ours, theirs in zip([*ref.PARAM_NAMES, "inputs", "H", "C"],
                                  [*hand.params, hand.inputs, *hand.state], numeric, strict=True):
        assert_same_gradient(name, ours, theirs)


def test_the_proof_can_fail():
    """A backward pass with one factor left out is far outside the bound."""
    params, state, inputs, targets = draw_problem(0, 3, 2, 3, 2, 0.5, PROOF_DTYPE)
    outputs, _ = ref.lstm(inputs, state, params, tape := [])
    wrong = lstm_backward(tape, params, ref.cross_entropy_backward(outputs, targets) * (1 + PROOF_DTYPE(1e-8)))
    numeric = complex_step(
        lambda *leaves: ref.cross_entropy(ref.lstm(leaves[14], leaves[15:], leaves[:14])[0], targets),
        [*params, inputs, *state])
    with pytest.raises(AssertionError, match="W_hf: off by"):
        assert_same_gradient("W_hf", wrong.params.W_hf, numeric[4])


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_step_by_hand(dtype):
    """The book's equations, written out for one example, one unit and vocabulary 2."""
    p = ref.LSTMParams(*(np.full(shape, 0.1 * (n + 1), dtype)
                         for n, shape in enumerate(ref.param_shapes(2, 1).values())))
    X, H, C = np.array([[[1, 0]]], dtype), np.array([[0.3]], dtype), np.array([[-0.7]], dtype)
    outputs, (H1, C1) = ref.lstm(X, (H, C), p)

    def gate(W_x, W_h, b):
        return W_x[0, 0] + dtype(0.3) * W_h[0, 0] + b[0]

    def s(x):
        return 1 / (1 + np.exp(-x))

    i, f, o = (s(gate(*p[n:n + 3])) for n in (0, 3, 6))
    c = f * dtype(-0.7) + i * np.tanh(gate(*p[9:12]))
    h = o * np.tanh(c)
    bound = 8 * np.finfo(dtype).eps  # a dozen roundings of numbers around one
    assert abs(C1[0, 0] - c) <= bound
    assert abs(H1[0, 0] - h) <= bound
    assert np.abs(outputs[0] - (h * p.W_hq[0] + p.b_q)).max() <= bound * 3
    assert outputs.dtype == H1.dtype == C1.dtype == dtype


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_precision_stays_in_its_precision(dtype):
    """Outputs, state, loss and gradients have the dtype of the arguments."""
    params, state, inputs, targets = draw_problem(1, 3, 2, 4, 3, 0.5, dtype)
    outputs, (H, C) = ref.lstm(inputs, state, params)
    loss, grads, _ = ref.loss_and_grads(inputs, state, params, targets)
    assert {x.dtype for x in (outputs, H, C, *grads)} == {np.dtype(dtype)}
    assert loss.dtype == dtype


def test_two_halves_are_one_sequence():
    """Carrying the state over a cut changes nothing, to the last bit."""
    params, state, inputs, _ = draw_problem(2, 6, 3, 5, 4, 0.5)
    whole, last = ref.lstm(inputs, state, params)
    first, middle = ref.lstm(inputs[:2], state, params)
    second, end = ref.lstm(inputs[2:], middle, params)
    assert np.array_equal(whole, np.concatenate([first, second]))
    assert all(map(np.array_equal, last, end))


@pytest.mark.parametrize("dtype", DTYPES)
def test_sigmoid_neither_overflows_nor_warns(dtype):
    """At ±1000 and at the largest numbers of the dtype it is 0 or 1, and it is accurate in its tail."""
    largest = np.finfo(dtype).max
    with warnings.catch_warnings(), np.errstate(over="raise", invalid="raise", divide="raise"):
        warnings.simplefilter("error")
        values = sigmoid(np.array([-largest, -1000, -20, 0, 1000, largest], dtype))
    assert values[0] == 0
    assert values[1] == np.exp(dtype(-1000))
    assert np.array_equal(values[3:], np.array([0.5, 1, 1], dtype))
    tail = np.exp(dtype(-20)) / (1 + np.exp(dtype(-20)))
    assert values[2] == tail > 0


def test_nan_and_infinity_flow_through():
    """A NaN at one step spoils that example from that step on, and nothing else."""
    params, state, inputs, _ = draw_problem(3, 4, 3, 5, 2, 0.5)
    inputs[2, 1, 0] = np.nan
    outputs, (H, C) = ref.lstm(inputs, state, params)
    spoilt = np.isnan(outputs.reshape(4, 3, 5)).all(axis=2)
    assert np.array_equal(spoilt, [[False] * 3, [False] * 3, [False, True, False], [False, True, False]])
    assert np.isnan(H[1]).all()
    assert np.isfinite(np.delete(C, 1, axis=0)).all()
    inputs[2, 1, 0] = np.inf
    with np.errstate(invalid="ignore"):  # some BLAS raise the flag in a product with infinity
        outputs, _ = ref.lstm(inputs, state, params)
    assert np.isfinite(outputs).all(), "an infinite input saturates the gates; every number after them is finite"


GOOD = draw_problem(4, 3, 2, 5, 4, 0.5)


def tape_of(problem):
    params, state, inputs, _ = problem
    ref.lstm(inputs, state, params, tape := [])
    return tape


def refused(change):
    """The message of the ValueError for a problem changed in one place."""
    params, state, inputs, _ = GOOD
    arguments = {"params": list(params), "state": list(state), "inputs": inputs}
    change(arguments)
    with pytest.raises(ValueError, match=":") as refusal:
        ref.lstm(arguments["inputs"], arguments["state"], arguments["params"])
    return str(refusal.value)


@pytest.mark.parametrize(("change", "words"), [
    (lambda a: a["params"].pop(), ["params", "expected 14 arrays", "got 13"]),
    (lambda a: a["params"].__setitem__(1, np.zeros((5, 4))), ["params[1] (W_hi)", "(4, 4)", "got (5, 4)"]),
    (lambda a: a["params"].__setitem__(13, np.zeros(4)), ["params[13] (b_q)", "(5,)", "got (4,)"]),
    (lambda a: a["params"].__setitem__(2, np.zeros(4, np.float32)), ["params[2] (b_i)", "float64", "float32"]),
    (lambda a: a["params"].__setitem__(0, None), ["params[0] (W_xi)", "NoneType"]),
    (lambda a: a.update(params=7), ["params", "expected 14 arrays", "int"]),
    (lambda a: a.update(state=a["state"][:1]), ["state", "pair (H, C)", "1 items"]),
    (lambda a: a["state"].__setitem__(1, np.zeros((3, 4))), ["state[1] (C)", "(2, 4)", "got (3, 4)"]),
    (lambda a: a.update(inputs=a["inputs"][:0]), ["inputs", "num_steps of at least 1"]),
    (lambda a: a.update(inputs=a["inputs"][0]), ["inputs", "(num_steps, batch_size, vocab_size)", "(2, 5)"]),
    (lambda a: a.update(inputs=np.zeros((3, 2, 5), int)), ["inputs", "floating", "int64"]),
])
def test_bad_arguments_are_named(change, words):
    """The message names the argument, what was expected and what it got."""
    message = refused(change)
    assert all(word in message for word in words), message


@pytest.mark.parametrize(("make", "words"), [
    (lambda: ref.get_lstm_params(0, 4), ["vocab_size", "at least 1", "got 0"]),
    (lambda: ref.get_lstm_params(5, 2.5), ["num_hiddens", "integer", "got 2.5"]),
    (lambda: ref.init_lstm_state(-1, 4), ["batch_size", "got -1"]),
    (lambda: ref.init_lstm_state(2, 4, int), ["dtype", "floating", "int64"]),
    (lambda: ref.init_lstm_state(2, 4, "float33"), ["dtype", "floating", "float33"]),
    (lambda: ref.init_rnn_state(2, 4, bool), ["dtype", "floating", "bool"]),
    (lambda: lstm_backward([], GOOD[0], np.zeros((6, 5))), ["tape", "empty"]),
    (lambda: lstm_backward(tape_of(GOOD), GOOD[0], np.zeros((6, 4))), ["d_outputs", "(6, 5)", "(6, 4)"]),
    (lambda: lstm_backward(tape_of(GOOD), GOOD[0], np.zeros((6, 5)), (np.zeros((2, 4)), np.zeros((4, 2)))),
     ["d_state[1]", "(2, 4)", "(4, 2)"]),
])
def test_bad_sizes_are_named(make, words):
    """Sizes that make no model are refused in words."""
    with pytest.raises(ValueError, match=":") as refusal:
        make()
    assert all(word in str(refusal.value) for word in words), refusal.value


def test_the_tape_has_all_that_a_step_computed():
    """One `Step` per time step, each array under its name."""
    params, state, inputs, _ = GOOD
    outputs, (H, C) = ref.lstm(inputs, state, params, tape := [])
    assert np.array_equal(np.concatenate([step.Y for step in tape]), outputs)
    assert np.array_equal(np.stack([step.X for step in tape]), inputs)
    assert tape[-1].H is H and tape[-1].C is C and tape[0].H_prev is state[0] and tape[0].C_prev is state[1]
    for step in tape:
        assert all(np.array_equal(gate, sigmoid(A)) for gate, A in ((step.I, step.A_i), (step.F, step.A_f),
                                                                    (step.O, step.A_o)))
        assert np.array_equal(step.C_tilda, np.tanh(step.A_c))


def test_the_backward_pass_counts_the_parameters():
    """As the forward pass does."""
    with pytest.raises(ValueError, match=r"params: expected 14 arrays .* got 13 arrays"):
        lstm_backward(tape_of(GOOD), GOOD[0][:-1], np.zeros((6, 5)))
