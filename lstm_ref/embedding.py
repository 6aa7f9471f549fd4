"""A learned embedding in front of the LSTM: a token is a row of D numbers instead of a one-hot row of V.

One-hot is an embedding, with D = V and the identity for it. And an embedding is one-hot: with E in front, a gate reads
the row of E W_x* that belongs to the token, so E and W_x* are the two factors of what one-hot learns as a whole.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from lstm_ref.loss import cross_entropy, cross_entropy_backward
from lstm_ref.lstm import Step, lstm, lstm_backward
from lstm_ref.params import Array, LSTMParams, State, draw_params, param_shapes
from lstm_ref.validate import check_array, check_sizes, check_tokens
from lstm_ref.validate_training import check_seed


class EmbeddingParams(NamedTuple):
    """The embedding, (V, D), and the LSTM's 14 arrays, whose `W_x*` are (D, h) while `W_hq` stays (h, V)."""

    embedding: Array
    lstm: LSTMParams


def get_embedding_params(
    vocab_size: int, embedding_size: int, num_hiddens: int, rng: np.random.Generator | int | None = None,
    dtype: DTypeLike = np.float32,
) -> EmbeddingParams:
    """Draw the embedding from Normal(0, 1), as frameworks do, and the others as `get_lstm_params` does.

    A row of such an embedding is about sqrt(D) long; a one-hot row is 1 long.

    Raises:
        ValueError: a size is not a positive integer, or the dtype is not a floating one.
    """
    check_sizes(vocab_size=vocab_size, embedding_size=embedding_size, num_hiddens=num_hiddens)
    check_seed(rng)
    rng = np.random.default_rng(rng)
    shapes = param_shapes(embedding_size, num_hiddens) | {"W_hq": (num_hiddens, vocab_size), "b_q": (vocab_size,)}
    params = LSTMParams(*draw_params(shapes.values(), rng, dtype))
    return EmbeddingParams(rng.normal(0, 1, (vocab_size, embedding_size)).astype(dtype), params)


def embed(tokens: Any, embedding: Array) -> Array:
    """The rows of the embedding, (V, D), for tokens of any shape: (*tokens.shape, D).

    Raises:
        ValueError: the embedding has not two axes, or a token is outside [0, V).
    """
    check_array("embedding", embedding, (None, None), "(vocab_size, embedding_size)")
    return embedding[check_tokens("tokens", tokens, embedding.shape[0])]


def embed_backward(tokens: Any, d_rows: Array, vocab_size: int) -> Array:
    """The gradient by the embedding, (V, D), from that by the rows that `embed` gave.

    Row v is the sum of the gradients of all places at which token v stood, a scatter-add; a token that did not occur
    has zeros.

    Raises:
        ValueError: `d_rows` is not (*tokens.shape, D), or a token is outside [0, V).
    """
    tokens = check_tokens("tokens", tokens, vocab_size)
    check_array("d_rows", d_rows, (*tokens.shape, None), "(*tokens.shape, embedding_size)")
    d_embedding = np.zeros((vocab_size, d_rows.shape[-1]), d_rows.dtype)
    np.add.at(d_embedding, tokens, d_rows)
    return d_embedding


def filled(array: Array, axis: int, size: int) -> Array:
    """The array with zeros behind it along an axis, up to this size."""
    shape = list(array.shape)
    shape[axis] = size - shape[axis]
    return np.concatenate([array, np.zeros(shape, array.dtype)], axis) if shape[axis] > 0 else array


def squared(params: EmbeddingParams) -> LSTMParams:
    """The LSTM's parameters with as many inputs as outputs, as `lstm` has them: the fewer are filled with zeros.

    Raises:
        ValueError: they do not fit the embedding, which zeros would hide.
    """
    (V, D), p = params.embedding.shape, params.lstm._asdict()
    for k in "ifoc":
        check_array(f"W_x{k}", p[f"W_x{k}"], (D, None), "(embedding_size, num_hiddens)")
    check_array("W_hq", p["W_hq"], (None, V), "(num_hiddens, vocab_size)")
    check_array("b_q", p["b_q"], (V,), "(vocab_size,)")
    size = max(V, D)
    rows = {name: filled(W, 0, size) for name, W in p.items() if name.startswith("W_x")}
    return LSTMParams(**p | rows | {"W_hq": filled(p["W_hq"], 1, size), "b_q": filled(p["b_q"], 0, size)})


def embedding_lstm(
    X: Any, state: State, params: EmbeddingParams, tape: list[Step] | None = None
) -> tuple[Array, State]:
    """`lstm` on embedded tokens.

    Args:
        X: (batch_size, num_steps) tokens.
        state: (H, C), each (batch_size, num_hiddens).
        params: the embedding and the 14 arrays.
        tape: as for `lstm`.

    Returns:
        Outputs, (num_steps · batch_size, V), step-major, and the last (H, C).

    Raises:
        ValueError: as `embed` and `lstm`.
    """
    V, D = params.embedding.shape
    inputs = filled(embed(np.asanyarray(X).T, params.embedding), 2, max(V, D))
    outputs, last = lstm(inputs, state, squared(params), tape)
    return outputs[:, :V], last


def embedding_lstm_backward(tape: Sequence[Step], X: Any, params: EmbeddingParams, d_outputs: Array) -> EmbeddingParams:
    """The gradients of a scalar by the embedding and the 14 arrays, from that by the outputs, (num_steps · B, V).

    Raises:
        ValueError: as `lstm_backward` and `embed_backward`.
    """
    V, D = params.embedding.shape
    grads = lstm_backward(tape, squared(params), filled(d_outputs, 1, max(V, D)))
    d = {name: grad[:D] if name.startswith("W_x") else grad for name, grad in grads.params._asdict().items()}
    d |= {"W_hq": d["W_hq"][:, :V], "b_q": d["b_q"][:V]}
    return EmbeddingParams(embed_backward(np.asarray(X).T, grads.inputs[..., :D], V), LSTMParams(**d))


def embedding_loss_and_grads(
    X: Any, state: State, params: EmbeddingParams, targets: Array
) -> tuple[Array, EmbeddingParams, State]:
    """As `loss_and_grads`, of tokens X, (batch_size, num_steps), and with the embedding among the parameters."""
    tape: list[Step] = []
    outputs, last = embedding_lstm(X, state, params, tape)
    grads = embedding_lstm_backward(tape, X, params, cross_entropy_backward(outputs, targets))
    return cross_entropy(outputs, targets), grads, last
