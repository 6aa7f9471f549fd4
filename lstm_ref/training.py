"""One training step: one-hot inputs, loss, gradients, clipping by the global norm, SGD."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from lstm_ref.loss import cross_entropy, cross_entropy_backward
from lstm_ref.lstm import lstm, lstm_backward
from lstm_ref.params import Array
from lstm_ref.validate import (
    check_lr,
    check_minibatch,
    check_model,
    check_sizes,
    check_theta,
    check_tokens,
    names_of,
)
from lstm_ref.validate_training import check_encoding, check_grads, check_loss, check_update


def one_hot(tokens: Any, vocab_size: int, dtype: DTypeLike = np.float32) -> Array:
    """Tokens of any shape to rows of zeros with a single one: `(*tokens.shape, vocab_size)`.

    Raises:
        ValueError: a token is outside [0, vocab_size), which is no positive integer, or the dtype holds no numbers.
    """
    check_sizes(vocab_size=vocab_size)
    check_encoding(dtype)
    return np.eye(vocab_size, dtype=dtype)[check_tokens("tokens", tokens, vocab_size)]


def loss_and_grads(
    inputs: Array,
    state: Any,
    params: Any,
    targets: Array,
    forward: Callable[..., Any] = lstm,
    backward: Callable[..., Any] = lstm_backward,
) -> tuple[Array, Any, Any]:
    """Mean cross-entropy of the forward pass, its gradients by the parameters, and the last state.

    Args:
        inputs: as for `lstm`.
        state: as for `lstm`.
        params: as for `lstm`.
        targets: (num_steps · batch_size,) tokens, step-major: `Y.T.reshape(-1)`.
        forward: the forward pass, called like `lstm` (`lstm_ref.rnn.rnn`, `lstm_ref.gru.gru`).
        backward: its backward pass, called like `lstm_backward`.

    Raises:
        ValueError: as `lstm` and `cross_entropy`.
    """
    tape: list[Any] = []
    outputs, last = forward(inputs, state, params, tape)
    loss = cross_entropy(outputs, targets)
    return loss, backward(tape, params, cross_entropy_backward(outputs, targets)).params, last


def gradient_norm(grads: Sequence[Array]) -> Array:
    """The joint Euclidean norm of all gradients.

    They are divided by their largest entry before they are squared, as BLAS' nrm2 does: the square of 2e19 overflows in
    float32, that of 256 in float16, and with an infinite norm clipping would make all gradients zero.
    """
    largest = max((np.abs(grad).max(initial=0) for grad in grads), default=0)
    scale = largest if 0 < largest < np.inf else 1
    grads = [grad / scale for grad in grads]
    return scale * np.sqrt(sum((grad**2).sum() for grad in grads))


def grad_clipping(grads: Sequence[Array], theta: float) -> list[Array]:
    """Scale all gradients by theta / norm when their joint Euclidean norm is above `theta`.

    Strictly above, and without an epsilon, as the book defines it; otherwise they are returned as they are. NaN
    in a gradient makes the norm NaN and leaves all as they are.

    Raises:
        ValueError: `theta` is not a finite number above zero, or `grads` is no list or tuple of floating-point arrays.
    """
    check_grads(grads)
    check_theta(theta)
    norm = gradient_norm(grads)
    theta = float(theta)  # a NumPy scalar would widen float32
    return [grad * (theta / norm) for grad in grads] if norm > theta else list(grads)


def sgd(params: Any, grads: Sequence[Array], lr: float, batch_size: int = 1) -> Any:
    """Minibatch stochastic gradient descent: param - lr · grad / batch_size, as new arrays.

    A named tuple of parameters keeps its names. The book passes batch_size 1 here, because its loss is already a mean.

    Raises:
        ValueError: `lr` is not a finite number of at least zero, `batch_size` is not a positive integer, or the
            parameters or gradients are no lists or tuples of floating-point arrays, one for each and of its shape.
    """
    check_lr(lr)
    check_sizes(batch_size=batch_size)
    check_update(params, grads)
    lr = float(lr)  # a NumPy scalar would widen float32
    updated = (param - lr * grad / batch_size for param, grad in zip(params, grads, strict=True))
    return getattr(params, "_make", list)(updated)


def train_step(
    params: Any,
    X: Array,
    Y: Array,
    state: Any,
    lr: float,
    theta: float = 1.0,
    forward: Callable[..., Any] = lstm,
    backward: Callable[..., Any] = lstm_backward,
) -> tuple[Any, Any, Array]:
    """One step of the book's training loop: forward, loss, backward, clipping, update.

    Args:
        params: the parameters before the step, `LSTMParams`, `RNNParams` or `GRUParams`; they stay as they are.
        X: (batch_size, num_steps) input tokens.
        Y: (batch_size, num_steps) target tokens, the inputs one step later.
        state: at the start of the minibatch, (H, C) or (H,).
        lr: learning rate.
        theta: clipping threshold; the book uses 1.
        forward: the forward pass, called like `lstm`.
        backward: its backward pass, called like `lstm_backward`.

    Returns:
        The new parameters, the state after the minibatch, and the loss before the update.

    Raises:
        ValueError: X and Y are not two equal (batch_size, num_steps), or as the functions it calls.
        FloatingPointError: the loss is not finite; nothing was updated.
    """
    check_model(params, names_of(params))
    X, Y = np.asanyarray(X), np.asanyarray(Y)  # a masked array is still one, and refused
    check_minibatch(X, Y, params[0].shape[0])
    inputs = one_hot(X.T, params[0].shape[0], params[0].dtype)
    loss, grads, last = loss_and_grads(inputs, state, params, Y.T.reshape(-1), forward, backward)
    check_loss(float(loss), lambda: gradient_norm(grads))
    return sgd(params, grad_clipping(grads, theta), lr), last, loss
