"""The networks of the exercises: the reference's to rounding, and right gradients where the reference has none."""

import math

import numpy as np
import pytest

import lstm_ref
from lstm_ref.loss import cross_entropy
from lstm_ref.rnn import RNNParams, get_params, rnn, rnn_backward
from lstm_ref.tools.exercises.detaching import Learner
from lstm_ref.tools.exercises.nets import NETS, RNN, BareLSTM, mean_loss
from lstm_ref.tools.exercises.study import train
from lstm_ref.training import loss_and_grads, one_hot, train_step

V, H, B, T = 5, 4, 3, 6
RNG = np.random.default_rng(0)
X, Y = RNG.integers(V, size=(2, B, T))
STEP = 1e-30


def weights(shapes):
    return [RNG.normal(0, 0.8, shape) for shape in shapes]


def rnn_params():
    return RNNParams(*weights([a.shape for a in get_params(V, H, 0)]))


def lstm_params():
    return lstm_ref.LSTMParams(*weights([a.shape for a in lstm_ref.get_lstm_params(V, H, 0)]))


def complex_step(loss, params):
    """The gradient of a function of parameters, element by element."""
    found = []
    for k, param in enumerate(params):
        grad = np.zeros_like(param)
        for index in np.ndindex(param.shape):
            moved = [p.astype(complex) for p in params]
            moved[k][index] += 1j * STEP
            grad[index] = loss(moved).imag / STEP
        found.append(grad)
    return found


def close(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


def test_the_rnn_is_the_reference():
    """Outputs, state, loss and gradients, a step with clipping and one without."""
    params, state = rnn_params(), (RNG.normal(size=(B, H)),)
    net = RNN(params)
    outputs, (last,) = net.forward(X, state)
    close([outputs, last], [*(expected := rnn(one_hot(X.T, V, float), state, params))[:1], expected[1][0]])
    loss, grads, _ = loss_and_grads(one_hot(X.T, V, float), state, params, Y.T.reshape(-1), rnn, rnn_backward)
    found, (parts,) = net.loss_and_grads([net.hidden(X, state[0])], Y)
    close([found, *parts], [loss, *grads])
    for theta in (1e-2, math.inf):
        net = RNN(params)
        found, norm, (last,) = net.step(X, Y, state, 0.5, theta)
        if theta < norm:
            after, _, _ = train_step(params, X, Y, state, 0.5, theta, rnn, rnn_backward)
        else:
            after = [p - 0.5 * g for p, g in zip(params, grads, strict=True)]
        close([found, *net.params], [loss, *after])


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_gradient_through_a_history_is_the_derivative(activation):
    """Of the last minibatch's loss, by complex step, with both activations."""
    params, more, start = rnn_params(), RNG.integers(V, size=(2, B, T)), RNG.normal(size=(B, H))

    def run(params):
        net, passes, state = RNN(params, activation), [], start
        for tokens in (*more, X):
            passes.append(net.hidden(tokens, state))
            state = passes[-1].H[-1]
        return net, passes

    def loss(params):
        net, passes = run(params)
        return cross_entropy(net.outputs(passes[-1].H[1:]), Y.T.reshape(-1))

    net, passes = run(params)
    found, parts = net.loss_and_grads(passes, Y)
    assert found == loss(params) and len(parts) == 3
    close([sum(arrays) for arrays in zip(*parts, strict=True)], complex_step(loss, params))


def test_a_history_of_one_is_the_books_training():
    """The learner of `detaching` takes the same steps as a network that is trained as the book does."""
    params = rnn_params()
    plain, learner, state = RNN(params), Learner(RNN(params), 1), (np.zeros((B, H)),)
    learner.begin(B)
    for _ in range(3):
        loss, _, state = plain.step(X, Y, state, 0.5, 1.0)
        assert learner.step(X, Y, 0.5, 1.0) == (loss, 0.0)
    close(learner.net.params, plain.params)


def test_a_history_keeps_no_more_than_it_says():
    """And earlier minibatches add to the gradient."""
    learner = Learner(RNN(rnn_params()), 2)
    learner.begin(B)
    assert [learner.step(X, Y, 0.1, 1.0)[1] > 0 for _ in range(4)] == [False, True, True, True]
    assert len(learner.kept) == 2


def test_the_lstm_without_tanh_is_right():
    """Its outputs are those of equations written out here, and its gradient their complex-step derivative."""
    params, state = lstm_params(), tuple(RNG.normal(size=(B, H)) for _ in range(2))

    def outputs(params):
        p, (H, C), found = lstm_ref.LSTMParams(*params), state, []
        for x in one_hot(X.T, V, float):
            I, F, O = (1 / (1 + np.exp(-(x @ params[k] + H @ params[k + 1] + params[k + 2]))) for k in (0, 3, 6))
            C = F * C + I * np.tanh(x @ p.W_xc + H @ p.W_hc + p.b_c)
            H = O * C
            found.append(H @ p.W_hq + p.b_q)
        return np.concatenate(found)

    net = BareLSTM(params)
    close([net.forward(X, state)[0]], [outputs(params)])
    targets = Y.T.reshape(-1)
    loss, grads = net.loss_and_grads(one_hot(X.T, V, float), state, targets)
    close([loss], [cross_entropy(outputs(params), targets)])
    close(grads, complex_step(lambda moved: cross_entropy(outputs(moved), targets), params))


def test_without_a_threshold_nothing_is_clipped():
    """The LSTM's step with an infinite threshold is plain descent."""
    params, state = lstm_params(), tuple(np.zeros((B, H)) for _ in range(2))
    net = NETS["lstm"](V, H, 0)
    net.__init__(params)
    _, grads = net.loss_and_grads(one_hot(X.T, V, float), state, Y.T.reshape(-1))
    net.step(X, Y, state, 0.5, math.inf)
    close(net.params, [p - 0.5 * g for p, g in zip(params, grads, strict=True)])


@pytest.mark.parametrize("kind", NETS)
def test_a_training_that_overflows_ends_and_says_where(kind):
    """At a rate at which no network stands."""
    settings = {"num_hiddens": H, "batch_size": 2, "num_steps": 5, "lr": 1e38, "theta": None, "epochs": 5}
    history = train(kind, list(RNG.integers(V, size=60)), V, settings, 0)
    assert history.end.startswith("epoch 1, minibatch ") and len(history.perplexity) == 1
    assert history.norms[-1] is None or history.perplexity[-1] is None


def test_training_is_the_commands(monkeypatch):
    """The same seeds and offsets as `lstm-parity train`, so the same perplexities."""
    from lstm_ref import loop, text

    settings = {"num_hiddens": H, "batch_size": 2, "num_steps": 5, "lr": 1.0, "theta": 1.0, "epochs": 3}
    tokens = list(RNG.integers(V, size=60))
    expected, net = [], NETS["lstm"](V, H, 4)
    for epoch in (1, 2, 3):
        import random
        random.seed(4 * 1_000_003 + epoch)
        expected.append(net.train_epoch(text.seq_data_iter_sequential(tokens, 2, 5), 1.0, False)[0])
    assert train("lstm", tokens, V, settings, 4).perplexity == pytest.approx(expected, rel=1e-6)
    assert loop.perplexity(mean_loss(net, tokens)) > 1


def test_a_gradient_through_a_long_history_underflows():
    """At the book's start: normal numbers in this minibatch, mostly subnormal ones two back, zeros seven back."""
    net, H, passes = NETS["rnn"](28, 128, 0), np.zeros((32, 128), np.float32), []
    tokens = np.random.default_rng(0).integers(28, size=(9, 32, 35))
    for X in tokens[:8]:
        passes.append(net.hidden(X, H))
        H = passes[-1].H[-1]
    parts = [np.abs(part.b_h) for part in net.loss_and_grads(passes, tokens[8])[1]]
    tiny = np.finfo(np.float32).tiny
    assert (parts[-1] > tiny).all() and 0 < np.median(parts[-3]) < tiny and (parts[0] == 0).all()
