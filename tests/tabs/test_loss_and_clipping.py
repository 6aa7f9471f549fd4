"""The loss and the clipping of a tab, with outputs far apart, numbers of other kinds and readers of other habits."""

import importlib
import inspect
from dataclasses import replace

import numpy as np
import pytest
from training_code import of

import lstm_ref as ref
from lstm_ref.parity.cases import make
from lstm_ref.parity.checks.numbers import backward

pytestmark = pytest.mark.beside("numpy")  # the reference's own are in tests/reference
CASE = make("ragged").astype("float32")
_, BATCH, VOCAB_SIZE, _ = CASE.sizes


def the_loss(targets):
    """The mean cross-entropy of the inputs of the case's one step, taken for outputs."""
    return lambda reference, case: {"loss": np.asarray(ref.cross_entropy(case.inputs[0], targets))}


def test_the_loss_neither_overflows_nor_clips(adapter, backend, judged):
    """Outputs far apart, in a row and between rows: the numbers, their mean, and the gradients."""
    implementation = of(adapter, "scratch")
    y_hat, y = np.array([[-1000, 1000], [-5000, -5000], [3000, 3000]], np.float32), np.array([0, 0, 1])
    for dtype in (np.int64, np.int32):
        arguments = adapter.tensors((y_hat, y.astype(dtype)))
        loss = adapter.array(implementation.training.loss(*arguments[::-1 if backend == "tensorflow" else 1]))
        assert loss.shape == ((3,) if backend == "mxnet" else ())
        judged(replace(CASE, inputs=y_hat[None]), the_loss(y), {"loss": loss.mean()})
    bias = np.linspace(-900, 900, VOCAB_SIZE, dtype=np.float32)
    case = replace(CASE, params=ref.LSTMParams(*(np.zeros_like(p) for p in CASE.params[:-1]), bias))
    judged(case, backward, backward(implementation, case))


@pytest.mark.only("tensorflow")
def test_the_loss_can_be_compiled(adapter, judged):
    """Where a reader of the TensorFlow tab does it; the tokens are looked at when it is run as it stands."""
    import tensorflow as tf

    loss, y, y_hat = of(adapter, "scratch").training.loss, np.array([0, 1]), np.array([[1, 2], [0, 5]], np.float32)
    judged(replace(CASE, inputs=y_hat[None]), the_loss(y), {"loss": tf.function(loss)(*adapter.tensors((y, y_hat)))})


@pytest.mark.only("torch", "paddle")
@pytest.mark.parametrize("label", ["scratch", "concise"])
def test_a_loss_of_each_example_is_averaged(label, adapter, backend, judged):
    """The framework's own loss in place of the tab's, as a reader of the book passes it, with tokens of 32 bits."""
    nn = importlib.import_module(f"{backend}.nn")
    implementation = of(adapter, label)
    net = implementation.net(CASE.params)
    X, Y = adapter.tensors((CASE.X.astype(np.int32), CASE.Y.astype(np.int32)))
    loss, _ = implementation.training.train_step_ch8(
        net, X, Y, implementation.state_in(CASE.state), nn.CrossEntropyLoss(reduction="none"),
        implementation.updater(net, 1.0), adapter.device)

    def compute(reference, case):
        return {"loss": np.asarray(reference.train_step(case.params, case.X, case.Y, case.state, 1.0, 1.0)[2])}

    judged(CASE, compute, {"loss": adapter.array(loss)})


def test_the_book_clips_at_one(adapter):
    """What a step does unless it is told."""
    implementation = of(adapter, "scratch")
    assert inspect.signature(implementation.training.train_step_ch8).parameters["theta"].default == 1


def clipped(implementation, case):
    """The case's gradients, clipped at 0.05."""
    return dict(zip(ref.PARAM_NAMES, implementation.grad_clipping(case.grads, 0.05), strict=True))


@pytest.mark.beside("jax")
@pytest.mark.parametrize("label", ["scratch", "concise"])
def test_theta_may_come_out_of_a_computation(label, adapter, backend, judged):
    """In float64, which leaves float32 gradients what they are; in JAX the wider one wins."""
    implementation = of(adapter, label)
    grads = implementation.grad_clipping(CASE.grads, np.float64(0.05))
    judged(CASE, clipped, dict(zip(ref.PARAM_NAMES, grads, strict=True)))


@pytest.mark.only("jax")
def test_clipping_can_be_compiled(adapter, judged):
    """By a reader of the JAX tab, who may leave theta open."""
    import jax

    grads = jax.jit(of(adapter, "scratch").training.grad_clipping)(adapter.tensors(CASE.grads), 0.05)
    judged(CASE, clipped, dict(zip(ref.PARAM_NAMES, adapter.arrays(grads), strict=True)))


@pytest.mark.only("torch", "mxnet", "paddle")
def test_what_is_frozen_is_neither_trained_nor_counted(adapter, backend):
    """A parameter of the layer that a reader froze, in the way of the framework."""
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
