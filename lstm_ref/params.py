"""The LSTM's 14 parameters: their names, order, shapes and start, and the initial state."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from lstm_ref.validate import check_floating, check_sizes
from lstm_ref.validate_training import check_seed

Array = NDArray[Any]
State = tuple[Array, Array]


class LSTMParams(NamedTuple):
    """The 14 arrays in the book's order; unpacks like the book's list and knows its names.

    With vocabulary size V and h hidden units, `W_x*` are (V, h), `W_h*` (h, h), the gates' biases (h,),
    `W_hq` (h, V) and `b_q` (V,). The letters i, f, o, c stand for the input, forget and output gate and
    the candidate memory cell, q for the output layer (*Dive into Deep Learning*, section "LSTM").
    """

    W_xi: Array
    W_hi: Array
    b_i: Array
    W_xf: Array
    W_hf: Array
    b_f: Array
    W_xo: Array
    W_ho: Array
    b_o: Array
    W_xc: Array
    W_hc: Array
    b_c: Array
    W_hq: Array
    b_q: Array


PARAM_NAMES = LSTMParams._fields


def param_shapes(vocab_size: int, num_hiddens: int) -> dict[str, tuple[int, ...]]:
    """Shape of each of the 14 parameters, by name, in order; ValueError for a size that is no positive integer."""
    check_sizes(vocab_size=vocab_size, num_hiddens=num_hiddens)
    V, h = vocab_size, num_hiddens
    gates = {name: shape for k in "ifoc" for name, shape in
             ((f"W_x{k}", (V, h)), (f"W_h{k}", (h, h)), (f"b_{k}", (h,)))}
    return {**gates, "W_hq": (h, V), "b_q": (V,)}


def get_lstm_params(
    vocab_size: int,
    num_hiddens: int,
    rng: np.random.Generator | int | None = None,
    dtype: DTypeLike = np.float32,
) -> LSTMParams:
    """Draw the parameters as the book does: weights from Normal(0, 0.01), all biases zero.

    Args:
        vocab_size: V, both the number of inputs and of outputs; at least 1.
        num_hiddens: h; at least 1.
        rng: a generator, a seed, or None for fresh entropy.
        dtype: of the arrays. The draw is made in float64 and rounded once, so that one seed gives the
            same weights in every precision.

    Raises:
        ValueError: a size is not a positive integer, `rng` is none of these, or the dtype is not a floating one.
    """
    return LSTMParams(*draw_params(param_shapes(vocab_size, num_hiddens).values(), rng, dtype))


def draw_params(
    shapes: Iterable[tuple[int, ...]], rng: np.random.Generator | int | None, dtype: DTypeLike
) -> list[Array]:
    """The book's start of a model: weights from Normal(0, 0.01), biases (the shapes with one axis) zero.

    Raises:
        ValueError: the dtype is not a floating one, or `rng` no generator, seed or None.
    """
    check_floating(dtype)
    check_seed(rng)
    rng = np.random.default_rng(rng)
    return [(np.zeros(shape) if len(shape) == 1 else rng.normal(0, 0.01, shape)).astype(dtype) for shape in shapes]


def init_lstm_state(batch_size: int, num_hiddens: int, dtype: DTypeLike = np.float32) -> State:
    """Hidden state H and memory cell C at the start: two zero arrays of shape (batch_size, num_hiddens).

    Raises:
        ValueError: a size is not a positive integer, or the dtype is not a floating one.
    """
    check_sizes(batch_size=batch_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    return np.zeros((batch_size, num_hiddens), dtype), np.zeros((batch_size, num_hiddens), dtype)
