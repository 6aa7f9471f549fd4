"""Parameters, loss, clipping, update and one training step of the reference."""

import math
import warnings

import numpy as np
import pytest
from scipy import stats

import lstm_ref as ref
from lstm_ref.validate import NAMES


def test_params_unpack_like_the_books_list_and_know_their_names():
    """Fourteen arrays in the book's order, with their shapes."""
    params = ref.get_lstm_params(28, 256, rng=0)
    W_xi, W_hi, b_i, *_, W_hq, b_q = params
    assert " ".join(params._fields) == "W_xi W_hi b_i W_xf W_hf b_f W_xo W_ho b_o W_xc W_hc b_c W_hq b_q"
    assert [x.shape for x in (W_xi, W_hi, b_i, W_hq, b_q)] == [(28, 256), (256, 256), (256,), (256, 28), (28,)]
    assert params.W_hq is W_hq
    assert params._fields == NAMES, "the refusals name the parameters in the same order"
    assert [p.shape for p in params] == list(ref.param_shapes(28, 256).values())


def test_weights_are_normal_and_biases_zero():
    """Kolmogorov-Smirnov against Normal(0, 0.01); false alarm 1e-6, fixed by the seed."""
    params = ref.get_lstm_params(28, 256, rng=0)
    weights = np.concatenate([p.ravel() for p in params if p.ndim == 2])
    assert stats.kstest(weights, "norm", (0, 0.01)).pvalue > 1e-6
    assert all((p == 0).all() for p in params if p.ndim == 1)


def test_one_seed_is_one_set_of_weights_in_every_precision():
    """Drawn in float64 and rounded once."""
    single, double = (ref.get_lstm_params(5, 4, rng=7, dtype=d) for d in (np.float32, np.float64))
    assert all(np.array_equal(s, d.astype(np.float32)) for s, d in zip(single, double, strict=True))
    other = ref.get_lstm_params(5, 4, rng=8, dtype=np.float64)
    assert not np.array_equal(double.W_xi, other.W_xi)


def test_cross_entropy_is_the_mean_negative_log_likelihood():
    """Against the definition, and without overflow at outputs of ±1000."""
    outputs, targets = np.array([[1.0, 2.0, 0.5], [0.0, 0.0, 0.0]]), np.array([1, 2])
    likelihoods = [math.exp(2) / (math.e + math.exp(2) + math.exp(0.5)), 1 / 3]
    expected = -sum(map(math.log, likelihoods)) / 2
    assert math.isclose(ref.cross_entropy(outputs, targets), expected, rel_tol=1e-15)  # a few roundings
    assert math.isclose(ref.perplexity(expected), math.exp(expected))
    assert ref.cross_entropy(np.array([[-1000.0, 1000.0]]), np.array([0])) == 2000


@pytest.mark.parametrize(("theta", "factor"), [(1.0, 0.2), (5.0, 1.0), (6.0, 1.0), (0.5, 0.1)])
def test_clipping_by_the_global_norm(theta, factor):
    """Gradients 3 and 4 have norm 5: scaled above theta, left alone at and below it."""
    grads = [np.array([3.0]), np.array([[4.0, 0.0]])]
    clipped = ref.grad_clipping(grads, theta)
    assert np.array_equal(clipped[0], grads[0] * factor)
    assert np.array_equal(clipped[1], grads[1] * factor)
    assert np.array_equal(grads[0], [3.0]), "the argument is not changed"


def test_clipping_of_zero_and_nan():
    """A zero gradient stays zero; NaN is not hidden."""
    assert np.array_equal(ref.grad_clipping([np.zeros(3)], 1.0)[0], np.zeros(3))
    assert np.array_equal(ref.grad_clipping([np.array([np.nan, 9.0])], 1.0)[0], [np.nan, 9.0], equal_nan=True)


@pytest.mark.parametrize("theta", [0, -1, math.nan, math.inf, 10**400, None, "1", True])
def test_clipping_refuses_a_senseless_threshold(theta):
    """theta is named, with the value found."""
    with pytest.raises(ValueError, match="theta: expected a finite number above 0, got"):
        ref.grad_clipping([np.ones(2)], theta)


@pytest.mark.parametrize("grads", [(np.ones(2) for _ in range(14)), np.ones(2), None])
def test_clipping_refuses_what_can_be_read_only_once(grads):
    """A generator was empty after its norm; an array alone would be taken for its rows."""
    with pytest.raises(ValueError, match="grads: expected a list or tuple of arrays, got"):
        ref.grad_clipping(grads, 1.0)


@pytest.mark.parametrize("lr", [math.nan, math.inf, -0.1, 10**400, "1", None, True])
def test_an_update_refuses_a_senseless_learning_rate(lr):
    """Nothing is updated; zero is a rate."""
    params = [np.ones(2)]
    with pytest.raises(ValueError, match="lr: expected a finite number of at least 0, got"):
        ref.sgd(params, params, lr)
    assert ref.sgd(params, params, 0)[0].tolist() == [1, 1]


@pytest.mark.parametrize("batch_size", [0, -1, 1.5, "1"])
def test_an_update_refuses_a_senseless_batch_size(batch_size):
    """It divides by it."""
    with pytest.raises(ValueError, match="batch_size: expected an integer of at least 1, got"):
        ref.sgd([np.ones(2)], [np.ones(2)], 1.0, batch_size)


@pytest.mark.parametrize(("grads", "words"), [
    ([np.ones(2)], "grads: expected 2 arrays, one for each parameter, got 1"),
    ([np.ones(1), np.ones(3)], r"grads\[0\]: expected shape of its parameter = \(2,\), got \(1,\)"),
    ([np.ones(2), 1.0], r"grads\[1\]: expected an array of floating-point numbers, got float"),
    ((g for g in [np.ones(2), np.ones(3)]), "grads: expected a list or tuple of arrays, got generator"),
])
def test_an_update_refuses_gradients_that_do_not_fit(grads, words):
    """Which NumPy would broadcast."""
    with pytest.raises(ValueError, match=words):
        ref.sgd([np.ones(2), np.ones(3)], grads, 1.0)


@pytest.mark.parametrize("shape", [(3,), (1, 2, 3)])
def test_outputs_are_a_table(shape):
    """A row for each target."""
    for function in (ref.cross_entropy, ref.cross_entropy_backward):
        with pytest.raises(ValueError, match=r"outputs: expected shape \(n, vocab_size\), got"):
            function(np.zeros(shape), np.array([0]))


def test_step_is_forward_backward_clip_update():
    """One step equals its parts, and lowers the loss on the same minibatch."""
    rng = np.random.default_rng(0)
    params = ref.LSTMParams(*(rng.normal(0, 0.5, s) for s in ref.param_shapes(5, 4).values()))
    X, Y = rng.integers(0, 5, (2, 3, 6))
    state = ref.init_lstm_state(3, 4, np.float64)
    new, last, loss = ref.train_step(params, X, Y, state, lr=0.1, theta=0.05)
    inputs = ref.one_hot(X.T, 5, np.float64)
    same_loss, grads, _ = ref.loss_and_grads(inputs, state, params, Y.T.reshape(-1))
    norm = math.sqrt(sum((g**2).sum() for g in grads))
    moved = math.sqrt(sum(((n - p)**2).sum() for n, p in zip(new, params, strict=True)))
    assert loss == same_loss
    assert norm > 0.05
    assert math.isclose(moved, 0.1 * 0.05, rel_tol=1e-12)  # the clipped norm times lr, up to rounding
    assert np.array_equal(last[0], ref.lstm(inputs, state, params)[1][0])
    assert ref.train_step(new, X, Y, state, lr=0.1)[2] < loss


def test_whole_floats_are_tokens_too():
    """As MXNet, whose arrays are float32 by default, passes them."""
    assert np.array_equal(ref.one_hot(np.array([1.0, 0.0], np.float32), 2), [[0, 1], [1, 0]])


def test_numpy_scalars_do_not_widen_float32():
    """lr and theta may come out of a computation in float64."""
    grads = [np.ones(2, np.float32)] * 14
    assert ref.grad_clipping(grads, np.float64(0.5))[0].dtype == np.float32
    assert ref.sgd(grads, grads, np.float64(0.5))[0].dtype == np.float32


def test_sgd_divides_by_the_batch_size():
    """param - lr · grad / batch_size."""
    params, grads = [np.full(2, 1.0)] * 14, [np.full(2, 4.0)] * 14
    assert np.array_equal(ref.sgd(params, grads, 0.5, batch_size=4)[0], [0.5, 0.5])


@pytest.mark.parametrize(("call", "words"), [
    (lambda: ref.one_hot([[0, 5]], 5), ["tokens", "[0, 5)", "got 5", "(0, 1)"]),
    (lambda: ref.one_hot([], 5), ["tokens", "at least one token"]),
    (lambda: ref.one_hot([0.5], 5), ["tokens", "integer token indices", "float64"]),
    (lambda: ref.one_hot([True], 5), ["tokens", "integer token indices", "bool"]),
    (lambda: ref.one_hot(None, 5), ["tokens", "integer token indices", "object"]),
    (lambda: ref.one_hot(["a"], 5), ["tokens", "integer token indices", "<U1"]),
    (lambda: ref.cross_entropy(np.eye(2), np.array([True, False])), ["targets", "integer token indices", "bool"]),
    (lambda: ref.get_lstm_params(3, 2, dtype=int), ["dtype", "floating", "int64"]),
    (lambda: ref.train_step(ref.get_lstm_params(3, 2)._asdict(), [[0]], [[0]], ref.init_lstm_state(1, 2), 1.0),
     ["params", "14 arrays", "dict"]),
    (lambda: ref.cross_entropy(np.zeros((2, 3)), np.array([0, 3])), ["targets", "[0, 3)", "got 3"]),
    (lambda: ref.cross_entropy(np.zeros((2, 3)), np.array([0])), ["targets", "(2,)", "(1,)"]),
    (lambda: ref.train_step(ref.get_lstm_params(3, 2), np.zeros((2, 4), int), np.zeros((2, 3), int),
                            ref.init_lstm_state(2, 2), 1.0), ["Y", "(2, 4)", "(2, 3)"]),
    (lambda: ref.train_step(ref.get_lstm_params(3, 2), np.zeros((2, 4), int), np.full((2, 4), 3),
                            ref.init_lstm_state(2, 2), 1.0), ["Y", "[0, 3)", "got 3 at index (0, 0)"]),
])
def test_bad_tokens_are_named(call, words):
    """The message names the argument, what was expected and what it got."""
    with pytest.raises(ValueError, match=":") as refusal:
        call()
    assert all(word in str(refusal.value) for word in words), refusal.value


def test_shapes_stand_in_the_order_of_the_parameters():
    """Each by its name."""
    assert list(ref.param_shapes(5, 4)) == list(ref.PARAM_NAMES)


def test_log_softmax_is_over_the_last_axis_row_by_row():
    """For any number of axes; and a row far below another one has its own shift."""
    outputs = np.random.default_rng(0).normal(0, 1, (2, 3, 4))
    expected = outputs - np.log(np.exp(outputs).sum(axis=-1, keepdims=True))
    assert np.allclose(ref.log_softmax(outputs), expected, rtol=0, atol=1e-14)  # a few roundings
    far = ref.log_softmax(np.array([[0.0, 0.0], [-5000.0, -5000.0]]))
    assert np.array_equal(far, np.full((2, 2), -math.log(2)))


def test_perplexity_is_a_number_and_may_be_infinite():
    """Without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ref.perplexity(1e4) == math.inf
    assert type(ref.perplexity(np.float32(1))) is float


@pytest.mark.parametrize("targets", [[0, 3], [0], [0.5, 1]])
def test_the_gradient_of_the_loss_refuses_what_the_loss_refuses(targets):
    """In the same words."""
    words = []
    for function in (ref.cross_entropy, ref.cross_entropy_backward):
        with pytest.raises(ValueError, match=r"^targets: expected") as refusal:
            function(np.zeros((2, 3)), np.array(targets))
        words.append(str(refusal.value))
    assert words[0] == words[1]


def test_gradients_that_are_not_clipped_come_as_a_list():
    """Of their own: changing it changes nothing else."""
    grads = (np.ones(2), np.ones(3))
    clipped = ref.grad_clipping(grads, 100.0)
    assert isinstance(clipped, list) and all(a is b for a, b in zip(clipped, grads, strict=True))


def test_a_step_takes_lists_and_clips_at_one():
    """Tokens need not be arrays; theta is by default the book's."""
    params = ref.LSTMParams(*(p * 1000 for p in ref.get_lstm_params(5, 4, 0, float)))
    X, Y, state = [[0, 1, 4], [2, 2, 3]], [[4, 4, 4], [4, 0, 4]], ref.init_lstm_state(2, 4, float)
    inputs = ref.one_hot(np.array(X).T, 5, float)
    _, grads, _ = ref.loss_and_grads(inputs, state, params, np.array(Y).T.reshape(-1))
    assert math.sqrt(sum((g**2).sum() for g in grads)) > 1, "or clipping would not show"
    listed = ref.train_step(params, X, Y, state, 1.0)[0]
    explicit = ref.train_step(params, np.array(X), np.array(Y), state, 1.0, 1.0)[0]
    assert all(map(np.array_equal, listed, explicit))


def test_a_step_names_the_parameter_of_another_dtype():
    """The inputs are encoded in the precision of the first."""
    params = ref.get_lstm_params(3, 2, 0)
    params = params._replace(W_hi=params.W_hi.astype(float))
    with pytest.raises(ValueError, match=r"params\[1\] \(W_hi\): expected dtype float32"):
        ref.train_step(params, [[0]], [[0]], ref.init_lstm_state(1, 2), 1.0)
