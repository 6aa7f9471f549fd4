"""What the training code of a tab does beside its arithmetic: what it hands to the loop, moves, refuses, leaves behind.

The reference's own is tested in tests/reference.
"""

import contextlib
import importlib
import inspect
import types
import warnings

import numpy as np
import pytest

from lstm_ref.parity.cases import make
from lstm_ref.parity.properties import ALPHABET
from lstm_ref.text import Vocab

CASE = make("ragged").astype("float32")
_, BATCH, VOCAB_SIZE, _ = CASE.sizes
VOCAB = Vocab("abcdef")  # and <unk>
LABELS = ("scratch", "concise")


def of(adapter, label):
    """An implementation that has framework code to train with, or None."""
    implementation = adapter.implementations.get(label)
    return implementation if hasattr(implementation, "training") else None


def minibatches(adapter, number=2):
    """The second continues the first."""
    rng = np.random.default_rng(0)
    return [adapter.tensors(rng.integers(0, VOCAB_SIZE, (2, BATCH, 2))) for _ in range(number)]


def by_name(function, net, **available):
    """Call a function of any tab: each argument that it wants, by its name."""
    if hasattr(net, "model"):
        available["params"], net = net.params, net.model
    wanted = inspect.signature(function).parameters
    return function(**{name: value for name, value in {"net": net, **available}.items() if name in wanted})


def weights(implementation, net):
    """All of them, as they are now."""
    found = implementation.read(net) if hasattr(net, "forward_fn") else implementation.weights(net).values()
    return [array.copy() for array in found]


@pytest.fixture
def handed(adapter, backend, monkeypatch):
    """Calls `train_ch8` of an implementation with a loop that does nothing."""
    def run(implementation, lr, **more):
        training, found = implementation.training, types.SimpleNamespace()

        def loop(num_epochs, epoch, predict, animator, device, samples=True):
            found.__dict__.update(num_epochs=num_epochs, epoch=epoch, predict=predict, animator=animator,
                                  device=device, samples=samples)

        monkeypatch.setattr(training.loop, "train", loop)
        monkeypatch.setattr(training, "Animator", lambda **drawing: drawing)
        found.net = implementation.net(CASE.params)
        if backend == "tensorflow":
            import tensorflow as tf

            more["strategy"], found.scopes = tf.distribute.OneDeviceStrategy(adapter.device), []
            scope = more["strategy"].scope
            more["strategy"].scope = lambda: (found.scopes.append(1), scope())[1]
        by_name(training.train_ch8, found.net, train_iter=minibatches(adapter), vocab=VOCAB, lr=lr,
                num_epochs=7, device=adapter.device, **more)
        return found

    return run


@pytest.mark.parametrize("label", LABELS)
def test_what_train_ch8_hands_to_the_loop(label, adapter, backend, handed):
    """The epochs, the drawing, the device, samples of fifty characters, and an epoch that trains at the rate given."""
    implementation = of(adapter, label)
    if implementation is None:
        return
    found = handed(implementation, 0.5)
    assert getattr(found, "scopes", [1]) == [1], "the optimizer is made for the strategy"
    assert (found.num_epochs, found.samples) == (7, backend != "mxnet")
    assert found.animator == {"xlabel": "epoch", "ylabel": "perplexity", "legend": ["train"], "xlim": [10, 7]}
    assert "cpu" in str(found.device).lower() or "gpu" in str(found.device).lower() or "cuda" in str(found.device)
    assert len(VOCAB[list(found.predict("abc").replace("<unk>", "?"))]) == 3 + 50
    perplexity, after = found.epoch()[0], weights(implementation, found.net)
    net = implementation.net(CASE.params)
    assert implementation.epoch(net, minibatches(adapter), 0.5, False)[0] == perplexity
    if backend != "jax":  # where the net is not changed
        assert all(map(np.array_equal, weights(implementation, net), after))


@pytest.mark.parametrize("use_random_iter", [True, False, None])
def test_train_ch8_passes_the_sampling_on(use_random_iter, adapter, handed, monkeypatch):
    """To `train_epoch_ch8`; sequential unless told."""
    implementation = of(adapter, "scratch")
    if implementation is None:
        return
    seen = []
    original = inspect.signature(implementation.training.train_epoch_ch8)

    def epoch(*args, **kwargs):
        seen.append(original.bind(*args, **kwargs).arguments["use_random_iter"])
        return (None, 1.0, 1.0) if "params" in original.parameters else (1.0, 1.0)

    monkeypatch.setattr(implementation.training, "train_epoch_ch8", epoch)
    handed(implementation, 1.0, **({} if use_random_iter is None else {"use_random_iter": use_random_iter})).epoch()
    assert seen == [bool(use_random_iter)]


def test_the_loss_neither_overflows_nor_clips(adapter, backend):
    """Outputs far apart, in a row and between rows: the numbers, their mean, and the gradient by the outputs' bias."""
    implementation = of(adapter, "scratch")
    if implementation is None:
        return
    y_hat = np.array([[-1000, 1000], [-5000, -5000], [3000, 3000]], np.float32)
    for dtype in (np.int64, np.int32):
        arguments = adapter.tensors((y_hat, np.array([0, 0, 1], dtype)))
        loss = adapter.array(implementation.training.loss(*arguments[::-1 if backend == "tensorflow" else 1]))
        assert loss.shape == ((3,) if backend == "mxnet" else ())
        np.testing.assert_allclose(loss.mean(), (2000 + 2 * np.log(2)) / 3, rtol=1e-6)
    params = (*(np.zeros_like(p) for p in CASE.params[:-1]), np.linspace(-900, 900, VOCAB_SIZE, dtype=np.float32))
    _, grads = implementation.loss_and_grads(CASE.inputs, CASE.state, params, CASE.targets)
    rows = np.bincount(CASE.targets, minlength=VOCAB_SIZE) / len(CASE.targets)
    np.testing.assert_allclose(grads[-1], np.eye(VOCAB_SIZE)[-1] - rows, rtol=0, atol=1e-6)


def test_what_is_frozen_is_neither_trained_nor_counted(adapter, backend):
    """A parameter of the layer that a reader froze, in the way of the framework."""
    if backend not in ("torch", "mxnet", "paddle"):
        return
    implementation = of(adapter, "concise")
    net = implementation.start("lstm", VOCAB_SIZE, 8, 1)
    whole = len(implementation.training.trainable(net))
    if backend == "torch":
        net.linear.bias.requires_grad_(False)
    elif backend == "mxnet":
        net.dense.bias.grad_req = "null"
    else:
        net.linear.bias.stop_gradient = True
    left = implementation.training.trainable(net)
    assert len(left) == whole - 1
    assert not any(tuple(param.shape) == (VOCAB_SIZE,) for param in left)


def test_the_book_clips_at_one(adapter):
    """What a step does unless it is told."""
    implementation = of(adapter, "scratch")
    if implementation is not None:
        assert inspect.signature(implementation.training.train_step_ch8).parameters["theta"].default == 1


@pytest.mark.parametrize("label", LABELS)
def test_a_prediction_gives_numbers_to_the_host(label, adapter, monkeypatch):
    """The loop chooses the character from a NumPy array, one number for each of the vocabulary."""
    implementation = of(adapter, label)
    if implementation is None:
        return
    monkeypatch.setattr(implementation.training.loop, "predict", lambda prefix, n, vocab, state, step: step(3, state))
    outputs, state = implementation.predict(implementation.net(CASE.params), "a", 1, VOCAB)
    assert isinstance(outputs, np.ndarray) and outputs.shape == (VOCAB_SIZE,)
    assert not any(getattr(tensor, "requires_grad", False) for tensor in state), "a history that grows with the text"
    assert all(getattr(tensor, "stop_gradient", True) for tensor in state)


@pytest.mark.parametrize("label", LABELS)
def test_a_loss_of_each_example_is_averaged(label, adapter, backend):
    """The framework's own loss in place of the tab's, as a reader of the book passes it, with tokens of 32 bits."""
    if backend not in ("torch", "paddle"):
        return
    nn = importlib.import_module(f"{backend}.nn")
    implementation = of(adapter, label)
    losses = []
    for loss in (implementation.training.loss, nn.CrossEntropyLoss(reduction="none")):
        net = implementation.net(CASE.params)
        X, Y = adapter.tensors((CASE.X.astype(np.int32), CASE.Y.astype(np.int32)))
        state = implementation.begin_state(net, BATCH)
        losses.append(implementation.training.train_step_ch8(
            net, X, Y, state, loss, implementation.updater(net, 1.0), adapter.device)[0])
    one, other = adapter.arrays(losses)
    assert one.shape == other.shape == ()
    assert abs(one - other) < 1e-5


@pytest.mark.parametrize("label", LABELS)
def test_the_learning_rate_may_be_an_integer(label, adapter, backend, handed):
    """As the book writes it; Paddle's optimizer takes none, and its book has 1.0."""
    implementation = of(adapter, label)
    if implementation is not None and (backend, label) != ("paddle", "concise"):
        assert handed(implementation, 1).epoch()[0] > 1


@pytest.mark.parametrize("label", LABELS)
def test_theta_may_come_out_of_a_computation(label, adapter, backend):
    """In float64, which leaves float32 gradients what they are; in JAX the wider one wins."""
    implementation = of(adapter, label)
    if implementation is None or backend == "jax":
        return
    one, other = (implementation.grad_clipping(CASE.grads, theta) for theta in (np.float64(0.05), 0.05))
    assert {str(grad.dtype) for grad in one} == {"float32"}
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_the_loss_can_be_compiled(adapter, backend):
    """Where a reader of the TensorFlow tab does it; the tokens are looked at when it is run as it stands."""
    if backend == "tensorflow":
        import tensorflow as tf

        loss = of(adapter, "scratch").training.loss
        y, y_hat = adapter.tensors((np.array([0, 1]), np.array([[1, 2], [0, 5]], np.float32)))
        assert float(tf.function(loss)(y, y_hat)) == pytest.approx(float(loss(y, y_hat)), rel=1e-6)


def test_sgd_divides_by_the_batch_size(adapter, backend):
    """param - lr * grad / batch_size, which the book's loop always calls with one."""
    implementation = of(adapter, "scratch")
    if implementation is None:
        return
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
        np.testing.assert_allclose(new, old - 0.125 * grad, rtol=0, atol=1e-6)


@pytest.mark.parametrize("label", LABELS)
def test_a_step_leaves_no_history_and_no_gradients_of_a_refused_one(label, adapter, backend):
    """The loss is a number alone; a senseless theta is refused before the backward pass."""
    implementation = of(adapter, label)
    if implementation is None:
        return
    training, net = implementation.training, implementation.net(CASE.params)
    state = implementation.begin_state(net, BATCH)
    X, Y = minibatches(adapter, 1)[0]

    def step(theta):
        updater = implementation.updater(net, 1.0) if hasattr(implementation, "updater") else None
        return by_name(training.train_step_ch8, net, X=X, Y=Y, state=state, loss=training.loss, lr=1.0,
                       updater=updater, device=adapter.device, theta=theta)

    if backend not in ("tensorflow", "jax"):
        with pytest.raises(ValueError, match="theta: expected a finite number above 0, got 0"):
            step(0)
        left = [getattr(p, "grad", None) for p in training.trainable(net)]
        assert not any(g is not None and adapter.array(g).any() for g in left)
        loss = step(1.0)[0]
        assert not getattr(loss, "requires_grad", False)
        assert getattr(loss, "stop_gradient", True)


def test_a_minibatch_is_moved_to_the_device(adapter, backend, monkeypatch):
    """X and Y both, where the tab takes a device; MXNet has a second name for the host."""
    implementation = of(adapter, "scratch")
    if backend not in ("torch", "mxnet", "paddle"):
        return
    net, (X, Y), device, moved = implementation.net(CASE.params), minibatches(adapter, 1)[0], adapter.device, []
    if backend == "mxnet":
        from mxnet import npx

        device = npx.cpu(1)
        net.params = [param.as_in_ctx(device) for param in net.params]
        for param in net.params:
            param.attach_grad()
    state = net.begin_state(BATCH, *([] if backend == "paddle" else [device]))
    way = "as_in_ctx" if backend == "mxnet" else "to"
    move = getattr(type(X), way)
    monkeypatch.setattr(type(X), way, lambda self, *a: (moved.append((tuple(self.shape), *a)), move(self, *a))[1])
    implementation.training.train_step_ch8(
        net, X, Y, state, implementation.training.loss, implementation.updater(net, 1.0), device)
    assert {((BATCH, 2), device), ((BATCH * 2,), device)} <= {one for one in moved if one[1] == device}


@pytest.mark.parametrize("backend_with_device", ["torch", "mxnet", "paddle"])
def test_a_prediction_is_made_on_the_device(backend_with_device, adapter, backend, monkeypatch):
    """Token and state; what comes back is brought to the host."""
    if backend_with_device != backend:
        return
    training, seen = of(adapter, "scratch").training, []

    class Outputs:
        """On the device: only `cpu()`, or MXNet's and Paddle's own ways, lead to numbers."""

        def __getitem__(self, i):
            assert i == 0
            return Outputs() if backend == "torch" else self

        def cpu(self):
            return adapter.tensor(np.zeros(VOCAB_SIZE))

        def asnumpy(self):
            return np.zeros(VOCAB_SIZE)

        numpy = asnumpy if backend == "paddle" else None

    class Net:
        def begin_state(self, batch_size, device=None, ctx=None):
            seen.append((batch_size, device or ctx))

        def __call__(self, X, state):
            seen.append(X.device if backend == "torch" else X.ctx if backend == "mxnet" else X.place)
            return Outputs(), state

    device = {"torch": lambda: __import__("torch").device("meta"), "mxnet": lambda: __import__("mxnet").npx.cpu(1),
              "paddle": lambda: adapter.device}[backend]()
    if backend == "torch":
        monkeypatch.setattr(training.loop, "predict", lambda prefix, n, vocab, state, step: step(3, state))
    if backend == "paddle":  # which has one name for the host
        to_tensor = training.paddle.to_tensor
        monkeypatch.setattr(training.paddle, "to_tensor", lambda data, place: to_tensor(data, place=place))
    training.predict_ch8("a", 1, Net(), VOCAB, device)
    assert seen == [(1, None if backend == "paddle" else device), device]


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("cell", ["lstm", "rnn"])
def test_a_fresh_net_trains(cell, label, adapter):
    """As the commands start it, over minibatches that continue each other: the state of either cell is carried."""
    implementation = of(adapter, label)
    if implementation is None:
        return
    net = implementation.start(cell, VOCAB_SIZE, 8, 1)
    before, losses = weights(implementation, net), []
    perplexity, speed = implementation.epoch(net, minibatches(adapter), 0.5, False, losses)
    assert 1 < perplexity < 20 and speed > 0 and len(losses) == 2
    assert not all(map(np.array_equal, before, weights(implementation, net)))
    assert implementation.predict(net, "a", 3, VOCAB).startswith("a")


def test_a_block_is_started_only_where_it_was_not(adapter, backend):
    """MXNet's `train_ch8` draws weights from Normal(0, 0.01), on the device, for what has none and will have none."""
    if backend != "mxnet":
        return
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
            concise.training.train_ch8(net, minibatches(adapter), Vocab(ALPHABET), 0.0, 1, device)
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
    ([[0, 0]], [[0, 0]], FloatingPointError, r"minibatch 1: loss: expected a finite number, got nan \(gradient norm nan"),
])
def test_an_epoch_refuses_what_a_step_refuses(X, Y, error, words, label, adapter):
    """Also where its steps are compiled; a loss that is not finite is placed, with the norm of its gradients."""
    implementation = of(adapter, label)
    if implementation is None:
        return
    bias = CASE.params[-1] * (np.nan if error is FloatingPointError else 1)
    net = implementation.net((*CASE.params[:-1], bias))
    with pytest.raises(error, match=words):
        implementation.epoch(net, [adapter.tensors((np.array(X), np.array(Y)))], 1.0, False)


def test_clipping_can_be_compiled(adapter, backend):
    """By a reader of the JAX tab, who may leave theta open."""
    if backend == "jax":
        import jax

        clip = of(adapter, "scratch").training.grad_clipping
        grads = adapter.tensors(CASE.grads)
        for one, other in zip(jax.jit(clip)(grads, 0.05), clip(grads, 0.05), strict=True):
            np.testing.assert_allclose(adapter.array(one), adapter.array(other), rtol=1e-6)
