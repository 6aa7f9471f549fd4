"""The vanilla RNN of the chapter before: the canonical forward pass, its start and its hand-derived gradient."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from lstm_ref.lstm import dtanh
from lstm_ref.params import Array, draw_params
from lstm_ref.validate import RNN_NAMES, check_floating, check_rnn, check_sizes
from lstm_ref.validate_training import check_tape


class RNNParams(NamedTuple):
    """The 5 arrays in the book's order (*Dive into Deep Learning*, section "RNN from scratch").

    With vocabulary size V and h hidden units: (V, h), (h, h), (h,), (h, V) and (V,).
    """

    W_xh: Array
    W_hh: Array
    b_h: Array
    W_hq: Array
    b_q: Array


def rnn_param_shapes(vocab_size: int, num_hiddens: int) -> dict[str, tuple[int, ...]]:
    """Shape of each of the 5 parameters, by name, in order; ValueError for a size that is no positive integer."""
    check_sizes(vocab_size=vocab_size, num_hiddens=num_hiddens)
    V, h = vocab_size, num_hiddens
    return dict(zip(RNN_NAMES, ((V, h), (h, h), (h,), (h, V), (V,)), strict=True))


def get_params(
    vocab_size: int, num_hiddens: int, rng: np.random.Generator | int | None = None, dtype: DTypeLike = np.float32
) -> RNNParams:
    """Draw the parameters as the book does; arguments and errors are those of `get_lstm_params`."""
    return RNNParams(*draw_params(rnn_param_shapes(vocab_size, num_hiddens).values(), rng, dtype))


def init_rnn_state(batch_size: int, num_hiddens: int, dtype: DTypeLike = np.float32) -> tuple[Array]:
    """The one-tuple of the hidden state at the start: zeros of shape (batch_size, num_hiddens).

    Raises:
        ValueError: a size is not a positive integer, or the dtype is not a floating one.
    """
    check_sizes(batch_size=batch_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    return (np.zeros((batch_size, num_hiddens), dtype),)


class RNNStep(NamedTuple):
    """All that one time step computed; `A` is the hidden state before its activation."""

    X: Array
    H_prev: Array
    A: Array
    H: Array
    Y: Array


def rnn(inputs: Array, state: Any, params: Any, tape: list[RNNStep] | None = None) -> tuple[Array, tuple[Array]]:
    """The forward pass over a sequence: H = tanh(X W_xh + H W_hh + b_h), Y = H W_hq + b_q.

    Args:
        inputs: (num_steps, batch_size, vocab_size).
        state: (H,), H of shape (batch_size, num_hiddens).
        params: the 5 arrays of `RNNParams`, in order.
        tape: when given, one `RNNStep` per time step is appended to it.

    Returns:
        The outputs of all steps, step-major, (num_steps · batch_size, vocab_size), and the last (H,).

    Raises:
        ValueError: see `lstm_ref.validate.check_rnn`.

    Source: *Dive into Deep Learning*, section "RNN from scratch"; Elman (1990).
    """
    check_rnn(inputs, state, params)
    W_xh, W_hh, b_h, W_hq, b_q = params
    H, = state
    outputs = []
    for X in inputs:
        H_prev = H
        H = np.tanh(A := X @ W_xh + H @ W_hh + b_h)
        Y = H @ W_hq + b_q
        outputs.append(Y)
        if tape is not None:
            tape.append(RNNStep(X, H_prev, A, H, Y))
    return np.concatenate(outputs, axis=0), (H,)


class RNNGrads(NamedTuple):
    """Gradients of a scalar: `params` (as `RNNParams`), `inputs`, and `state` for the initial (H,)."""

    params: RNNParams
    inputs: Array
    state: tuple[Array]


def rnn_backward(
    tape: Sequence[RNNStep],
    params: Any,
    d_outputs: Array,
    d_state: tuple[Array] | None = None,
    dtanh: Callable[[Array], Array] = dtanh,
) -> RNNGrads:
    """Backpropagation through time (Werbos 1990) for `rnn`; arguments and errors as `lstm_backward`."""
    check_tape(tape, RNNStep, "rnn", params, RNN_NAMES, d_outputs, d_state, "H")
    dH, = (np.zeros_like(tape[0].H),) if d_state is None else d_state
    W, dAs = RNNParams(*params), []  # of each step, last step first
    for step, dY in zip(reversed(tape), reversed(np.split(d_outputs, len(tape))), strict=True):
        dA = (dH + dY @ W.W_hq.T) * dtanh(step.A)
        dH = dA @ W.W_hh.T
        dAs.append(dA)
    # every step and every example adds to the gradient of a parameter: one sum over all of them
    X, H_prev, H = (np.concatenate([getattr(step, name) for step in tape]) for name in ("X", "H_prev", "H"))
    dA = np.concatenate(dAs[::-1])
    d = RNNParams(X.T @ dA, H_prev.T @ dA, dA.sum(axis=0), H.T @ d_outputs, d_outputs.sum(axis=0))
    return RNNGrads(d, (dA @ W.W_xh.T).reshape(len(tape), *tape[0].X.shape), (dH,))
