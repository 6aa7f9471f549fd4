"""One training step: one-hot inputs, loss, gradients, clipping by the global norm, SGD."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from lstm_ref.loss import cross_entropy, cross_entropy_backward
from lstm_ref.lstm import LSTMGrads, Step, lstm, lstm_backward
from lstm_ref.params import Array, LSTMParams, State
from lstm_ref.validate import check_count, check_minibatch, check_theta, check_tokens


def one_hot(tokens: Any, vocab_size: int, dtype: DTypeLike = np.float32) -> Array:
    """Tokens of any shape to rows of zeros with a single one: (*tokens.shape, vocab_size).

    Raises:
        ValueError: a token is outside [0, vocab_size).
    """
    return np.eye(vocab_size, dtype=dtype)[check_tokens("tokens", tokens, vocab_size)]


def loss_and_grads(
    inputs: Array, state: State, params: Any, targets: Array, backward: Callable[..., LSTMGrads] = lstm_backward
) -> tuple[Array, LSTMParams, State]:
    """Mean cross-entropy of `lstm`, its gradients by the 14 parameters, and the last (H, C).

    Args:
        inputs: as for `lstm`.
        state: as for `lstm`.
        params: as for `lstm`.
        targets: (num_steps · batch_size,) tokens, step-major: `Y.T.reshape(-1)`.
        backward: the backward pass, called like `lstm_backward`.

    Raises:
        ValueError: as `lstm` and `cross_entropy`.
    """
    tape: list[Step] = []
    outputs, last = lstm(inputs, state, params, tape)
    loss = cross_entropy(outputs, targets)
    return loss, backward(tape, params, cross_entropy_backward(outputs, targets)).params, last


def grad_clipping(grads: Sequence[Array], theta: float) -> list[Array]:
    """Scale all gradients by theta / norm when their joint Euclidean norm is above `theta`.

    Strictly above, and without an epsilon, as the book defines it; otherwise they are returned as they are. NaN
    in a gradient makes the norm NaN and leaves all as they are.

    Raises:
        ValueError: `theta` is not a finite number above zero.
    """
    check_theta(theta)
    norm = np.sqrt(sum((grad**2).sum() for grad in grads))
    theta = float(theta)  # a NumPy scalar would widen float32
    return [grad * (theta / norm) for grad in grads] if norm > theta else list(grads)


def sgd(params: Sequence[Array], grads: Sequence[Array], lr: float, batch_size: int = 1) -> LSTMParams:
    """Minibatch stochastic gradient descent: param - lr · grad / batch_size, as new arrays.

    The book passes batch_size 1 here, because its loss is already a mean.
    """
    lr = float(lr)  # a NumPy scalar would widen float32
    return LSTMParams(*(param - lr * grad / batch_size for param, grad in zip(params, grads, strict=True)))


def train_step(
    params: LSTMParams,
    X: Array,
    Y: Array,
    state: State,
    lr: float,
    theta: float = 1.0,
    backward: Callable[..., LSTMGrads] = lstm_backward,
) -> tuple[LSTMParams, State, Array]:
    """One step of the book's training loop: forward, loss, backward, clipping, update.

    Args:
        params: the parameters before the step; they stay as they are.
        X: (batch_size, num_steps) input tokens.
        Y: (batch_size, num_steps) target tokens, the inputs one step later.
        state: (H, C) at the start of the minibatch.
        lr: learning rate.
        theta: clipping threshold; the book uses 1.
        backward: the backward pass, called like `lstm_backward`.

    Returns:
        The new parameters, the state after the minibatch, and the loss before the update.

    Raises:
        ValueError: X and Y are not two equal (batch_size, num_steps), or as the functions it calls.
    """
    check_count(params)
    X, Y = np.asarray(X), np.asarray(Y)
    check_minibatch(X, Y, params[0].shape[0])
    inputs = one_hot(X.T, params[0].shape[0], params[0].dtype)
    loss, grads, last = loss_and_grads(inputs, state, params, Y.T.reshape(-1), backward)
    return sgd(params, grad_clipping(grads, theta), lr), last, loss
