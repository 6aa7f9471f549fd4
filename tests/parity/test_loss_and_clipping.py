"""The loss and the clipping of a tab, with outputs far apart, numbers of other kinds and readers of other habits."""

import importlib
import inspect

import numpy as np
import pytest

from lstm_ref.parity.cases import make

CASE = make("ragged").astype("float32")
_, BATCH, VOCAB_SIZE, _ = CASE.sizes


def of(adapter, label):
    """An implementation that has framework code to train with, or None."""
    implementation = adapter.implementations.get(label)
    return implementation if hasattr(implementation, "training") else None


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


def test_the_loss_can_be_compiled(adapter, backend):
    """Where a reader of the TensorFlow tab does it; the tokens are looked at when it is run as it stands."""
    if backend == "tensorflow":
        import tensorflow as tf

        loss = of(adapter, "scratch").training.loss
        y, y_hat = adapter.tensors((np.array([0, 1]), np.array([[1, 2], [0, 5]], np.float32)))
        assert float(tf.function(loss)(y, y_hat)) == pytest.approx(float(loss(y, y_hat)), rel=1e-6)


@pytest.mark.parametrize("label", ["scratch", "concise"])
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


def test_the_book_clips_at_one(adapter):
    """What a step does unless it is told."""
    implementation = of(adapter, "scratch")
    if implementation is not None:
        assert inspect.signature(implementation.training.train_step_ch8).parameters["theta"].default == 1


@pytest.mark.parametrize("label", ["scratch", "concise"])
def test_theta_may_come_out_of_a_computation(label, adapter, backend):
    """In float64, which leaves float32 gradients what they are; in JAX the wider one wins."""
    implementation = of(adapter, label)
    if implementation is None or backend == "jax":
        return
    one, other = (implementation.grad_clipping(CASE.grads, theta) for theta in (np.float64(0.05), 0.05))
    assert {str(grad.dtype) for grad in one} == {"float32"}
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_clipping_can_be_compiled(adapter, backend):
    """By a reader of the JAX tab, who may leave theta open."""
    if backend == "jax":
        import jax

        clip = of(adapter, "scratch").training.grad_clipping
        grads = adapter.tensors(CASE.grads)
        for one, other in zip(jax.jit(clip)(grads, 0.05), clip(grads, 0.05), strict=True):
            np.testing.assert_allclose(adapter.array(one), adapter.array(other), rtol=1e-6)


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
