"""One training step: one-hot inputs, loss, gradients, clipping by the global norm, SGD."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from lstm_ref.loss import cross_entropy, cross_entropy_backward
from lstm_ref.lstm import lstm, lstm_backward
from lstm_ref.params import Array, LSTMParams, State
from lstm_ref.validate import check_theta, check_tokens


def one_hot(tokens: Any, vocab_size: int, dtype: DTypeLike = np.float32) -> Array:
    """Tokens of any shape to rows of zeros with a single one: (*tokens.shape, vocab_size).

    Raises:
        ValueError: a token is outside [0, vocab_size).
    """
    check_tokens("tokens", tokens, vocab_size)
    return np.eye(vocab_size, dtype=dtype)[np.asarray(tokens)]


def loss_and_grads(inputs: Array, state: State, params: Any, targets: Array) -> tuple[Array, LSTMParams]:
    """Mean cross-entropy of `lstm` on step-major `targets`, and its gradients by the 14 parameters.

    Raises:
        ValueError: as `lstm` and `cross_entropy`.
    """
    outputs, _ = lstm(inputs, state, params)
    grads = lstm_backward(inputs, state, params, cross_entropy_backward(outputs, targets))
    return cross_entropy(outputs, targets), grads.params


def grad_clipping(grads: Sequence[Array], theta: float) -> list[Array]:
    """Scale all gradients by theta / norm when their joint Euclidean norm is above `theta`.

    Strictly above, and without an epsilon, as the book defines it; otherwise they are returned as they are. NaN
    in a gradient makes the norm NaN and leaves all as they are.

    Raises:
        ValueError: `theta` is not a finite number above zero.
    """
    check_theta(theta)
    norm = np.sqrt(sum((grad**2).sum() for grad in grads))
    return [grad * (theta / norm) for grad in grads] if norm > theta else list(grads)


def sgd(params: Sequence[Array], grads: Sequence[Array], lr: float, batch_size: int = 1) -> LSTMParams:
    """Minibatch stochastic gradient descent: param - lr · grad / batch_size, as new arrays.

    The book passes batch_size 1 here, because its loss is already a mean.
    """
    return LSTMParams(*(param - lr * grad / batch_size for param, grad in zip(params, grads, strict=True)))


def train_step(
    params: LSTMParams, X: Array, Y: Array, state: State, lr: float, theta: float = 1.0
) -> tuple[LSTMParams, State, Array]:
    """One step of the book's training loop: forward, loss, backward, clipping, update.

    Args:
        params: the parameters before the step; they stay as they are.
        X: (batch_size, num_steps) input tokens.
        Y: (batch_size, num_steps) target tokens, the inputs one step later.
        state: (H, C) at the start of the minibatch.
        lr: learning rate.
        theta: clipping threshold; the book uses 1.

    Returns:
        The new parameters, the state after the minibatch, and the loss before the update.

    Raises:
        ValueError: X and Y differ in shape, or as the functions it calls.
    """
    X, Y = np.asarray(X), np.asarray(Y)
    if X.ndim != 2 or X.shape != Y.shape:
        raise ValueError(f"X, Y: expected two arrays of shape (batch_size, num_steps), got {X.shape} and {Y.shape}")
    inputs = one_hot(X.T, params[0].shape[0], params[0].dtype)
    outputs, last = lstm(inputs, state, params)
    targets = Y.T.reshape(-1)
    grads = lstm_backward(inputs, state, params, cross_entropy_backward(outputs, targets)).params
    return sgd(params, grad_clipping(grads, theta), lr), last, cross_entropy(outputs, targets)
