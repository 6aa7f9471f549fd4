"""What the training code of a tab does beside its arithmetic: what it hands to the loop, moves, refuses, leaves behind.

The reference's own is tested in tests/reference.
"""

import contextlib
import inspect
import math
import types
import warnings
from dataclasses import replace

import numpy as np
import pytest
from training_code import by_name, minibatches, of, weights

import lstm_ref as ref
from lstm_ref.parity.cases import make
from lstm_ref.parity.checks.facts import ALPHABET
from lstm_ref.text import Vocab

pytestmark = pytest.mark.beside("numpy")  # the reference's own are in tests/reference
CASE = make("ragged").astype("float32")
_, BATCH, VOCAB_SIZE, NUM_HIDDENS = CASE.sizes
VOCAB = Vocab("abcdef")  # and <unk>
LABELS = ("scratch", "concise")


@pytest.fixture
def handed(adapter, backend, monkeypatch):
    """Calls `train_ch8` of an implementation with a loop that does nothing."""
    def run(implementation, lr, **more):
        training, found = implementation.training, types.SimpleNamespace()

        def loop(num_epochs, epoch, predict, animator, device, samples=True):
            found.__dict__.update(num_epochs=num_epochs, epoch=epoch, predict=predict, animator=animator,
                                  device=device, samples=samples)

        monkeypatch.setattr(training.loop, "train", loop)
        monkeypatch.setattr(training.loop, "PREFIXES", ("abc",))  # VOCAB has these letters
        monkeypatch.setattr(training, "Animator", lambda **drawing: drawing)
        found.net = implementation.net(CASE.params)
        if backend == "tensorflow":
            import tensorflow as tf

            more["strategy"], found.scopes = tf.distribute.OneDeviceStrategy(adapter.device), []
            scope = more["strategy"].scope
            more["strategy"].scope = lambda: (found.scopes.append(1), scope())[1]
        by_name(training.train_ch8, found.net, train_iter=minibatches(adapter, CASE), vocab=VOCAB, lr=lr,
                num_epochs=7, device=adapter.device, **more)
        return found

    return run


@pytest.mark.parametrize("label", LABELS)
def test_what_train_ch8_hands_to_the_loop(label, adapter, backend, handed):
    """The epochs, the drawing, the device, samples of fifty characters, and an epoch that trains at the rate given."""
    implementation = of(adapter, label)
    found = handed(implementation, 0.5)
    assert getattr(found, "scopes", [1]) == [1], "the optimizer is made for the strategy"
    assert (found.num_epochs, found.samples) == (7, backend != "mxnet")
    assert found.animator == {"xlabel": "epoch", "ylabel": "perplexity", "legend": ["train"], "xlim": [10, 7]}
    assert "cpu" in str(found.device).lower() or "gpu" in str(found.device).lower() or "cuda" in str(found.device)
    assert len(VOCAB[list(found.predict("abc").replace("<unk>", "?"))]) == 3 + 50
    perplexity, after = found.epoch()[0], weights(implementation, found.net)
    net = implementation.net(CASE.params)
    assert implementation.epoch(net, minibatches(adapter, CASE), 0.5, False)[0] == perplexity
    if backend != "jax":  # where the net is not changed
        assert all(map(np.array_equal, weights(implementation, net), after))


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("use_random_iter", [True, False, None])
def test_train_ch8_passes_the_sampling_on(use_random_iter, label, adapter, handed, monkeypatch):
    """To `train_epoch_ch8`; sequential unless told."""
    implementation = of(adapter, label)
    seen = []
    original = inspect.signature(implementation.training.train_epoch_ch8)

    def epoch(*args, **kwargs):
        seen.append(original.bind(*args, **kwargs).arguments["use_random_iter"])
        return (None, 1.0, 1.0) if "params" in original.parameters else (1.0, 1.0)

    monkeypatch.setattr(implementation.training, "train_epoch_ch8", epoch)
    handed(implementation, 1.0, **({} if use_random_iter is None else {"use_random_iter": use_random_iter})).epoch()
    assert seen == [bool(use_random_iter)]


@pytest.mark.parametrize("label", LABELS)
def test_the_learning_rate_may_be_an_integer(label, adapter, backend, handed):
    """As the book writes it; Paddle's optimizer takes none, and its book has 1.0."""
    rate = 1.0 if (backend, label) == ("paddle", "concise") else 1
    assert handed(of(adapter, label), rate).epoch()[0] > 1


def test_sgd_divides_by_the_batch_size(adapter, backend):
    """param - lr * grad / batch_size, which the book's loop always calls with one."""
    implementation = of(adapter, "scratch")
    net, sgd = implementation.net(CASE.params), implementation.training.sgd
    if backend == "jax":
        net.params = sgd(net.params, implementation.net(CASE.grads).params, 0.5, 4)
    elif backend == "tensorflow":
        sgd(net.trainable_variables, adapter.tensors(CASE.grads), 0.5, 4)
    else:
        for param, grad in zip(net.params, adapter.tensors(CASE.grads), strict=True):
            implementation.attach(param, grad)
        sgd(net.params, 0.5, 4)
    for new, old, grad in zip(implementation.read(net), CASE.params, CASE.grads, strict=True):
        np.testing.assert_array_equal(new, old - np.float32(0.125) * grad)  # powers of two: one rounding, anywhere


@pytest.mark.only("torch", "mxnet", "paddle")
@pytest.mark.parametrize("label", LABELS)
def test_a_step_leaves_no_history_and_no_gradients_of_a_refused_one(label, adapter):
    """The loss is a number alone; a senseless theta is refused before the backward pass."""
    implementation = of(adapter, label)
    training, net = implementation.training, implementation.net(CASE.params)
    state = implementation.begin_state(net, BATCH)
    X, Y = minibatches(adapter, CASE, 1)[0]

    def step(theta):
        updater = implementation.updater(net, 1.0) if hasattr(implementation, "updater") else None
        return by_name(training.train_step_ch8, net, X=X, Y=Y, state=state, loss=training.loss, lr=1.0,
                       updater=updater, device=adapter.device, theta=theta)

    with pytest.raises(ValueError, match="theta: expected a finite number above 0, got 0"):
        step(0)
    left = [getattr(p, "grad", None) for p in training.trainable(net)]
    assert not any(g is not None and adapter.array(g).any() for g in left)
    loss = step(1.0)[0]
    assert not getattr(loss, "requires_grad", False)
    assert getattr(loss, "stop_gradient", True)


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("cell", ["lstm", "rnn", "gru"])
def test_a_fresh_net_trains(cell, label, adapter):
    """As the commands start it, over minibatches that continue each other: the state of either cell is carried."""
    implementation = of(adapter, label)
    net = implementation.start(cell, VOCAB_SIZE, 8, 1)
    before, losses = weights(implementation, net), []
    perplexity, speed = implementation.epoch(net, minibatches(adapter, CASE), 0.5, False, losses)
    assert 1 < perplexity < 20 and speed > 0 and len(losses) == 2
    assert not all(map(np.array_equal, before, weights(implementation, net)))
    assert implementation.predict(net, "a", 3, VOCAB).startswith("a")


@pytest.mark.only("mxnet")
def test_a_block_is_started_only_where_it_was_not(adapter, backend):
    """MXNet's `train_ch8` draws weights from Normal(0, 0.01), on the device, for what has none and will have none."""
    import mxnet
    from mxnet import npx

    concise = of(adapter, "concise")
    for init, device in ((None, npx.cpu(1)), (mxnet.init.Constant(0.5), adapter.device)):
        layer = mxnet.gluon.rnn.LSTM(64)  # whose shapes show with the first inputs
        net = concise.functions.RNNModel(layer, len(ALPHABET) + 1)
        if init is not None:
            net.initialize(init, ctx=adapter.device)
        mxnet.random.seed(1)
        with contextlib.redirect_stdout(None), warnings.catch_warnings():
            warnings.filterwarnings("error", "Parameter .* is already initialized")
            concise.training.train_ch8(net, minibatches(adapter, CASE), Vocab(ALPHABET), 0.0, 1, device)
        params = net.collect_params()
        assert {param.data().ctx for param in params.values()} == {device}
        drawn = np.concatenate([p.data().asnumpy().ravel() for p in (net.rnn.l0_h2h_weight, net.dense.weight)])
        if init is None:
            assert 0.0095 < drawn.std() < 0.0105 and abs(drawn.mean()) < 0.001
        else:
            assert (drawn == 0.5).all()


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize(("X", "Y", "error", "words"), [
    ([[0, VOCAB_SIZE]], [[0, 0]], ValueError, rf"X: expected tokens in \[0, {VOCAB_SIZE}\), got {VOCAB_SIZE} at index"),
    ([[0, 0]], [[0, -1]], ValueError, rf"Y: expected tokens in \[0, {VOCAB_SIZE}\), got -1 at index"),
    ([[0, 0]], [[0]], ValueError, r"Y: expected shape of X = \(1, 2\), got \(1, 1\)"),
])
def test_an_epoch_refuses_what_a_step_refuses(X, Y, error, words, label, adapter):
    """Also where its steps are compiled."""
    implementation = of(adapter, label)
    net = implementation.net(CASE.params)
    with pytest.raises(error, match=words):
        implementation.epoch(net, [adapter.tensors((np.array(X), np.array(Y)))], 1.0, False)


@pytest.mark.parametrize("label", LABELS)
def test_a_loss_that_is_not_finite_is_told_with_the_norm_of_its_gradients(label, adapter, judged):
    """A target that the model holds impossible: the loss is infinite (NaN in MXNet), its gradients are not."""
    implementation = of(adapter, label)
    bias = CASE.params[-1].copy()
    bias[CASE.Y[0, 0]] = -np.inf
    case = replace(CASE, params=ref.LSTMParams(*CASE.params[:-1], bias))
    with pytest.raises(FloatingPointError, match=r"minibatch 1: loss: .* got (inf|nan)") as error:
        implementation.epoch(implementation.net(case.params), [adapter.tensors((CASE.X, CASE.Y))], 1.0, False)
    told = float(str(error.value).rpartition(" ")[2].rstrip(")"))
    half = 0.5 * 10.0 ** (math.floor(math.log10(told)) - 5)  # a unit of the last of the six digits that are printed

    def norm(reference, case):
        state = ref.init_lstm_state(BATCH, NUM_HIDDENS, case.dtype)
        with np.errstate(divide="ignore"):
            _, grads = reference.loss_and_grads(ref.one_hot(case.X.T, VOCAB_SIZE, case.dtype), state, case.params,
                                                case.targets)
        return {"norm": np.asarray(ref.training.gradient_norm(grads))}

    judged(case, norm, lambda truth: {"norm": np.float32(np.clip(truth["norm"], told - half, told + half))})
