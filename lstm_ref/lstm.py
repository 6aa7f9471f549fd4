"""The canonical forward pass of the LSTM and its hand-derived gradient.

Both run in float32, float64 and longdouble; the forward pass also in complex arithmetic, which proves the gradient.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from lstm_ref.params import Array, LSTMParams, State
from lstm_ref.validate import NAMES, check_lstm, check_numbers
from lstm_ref.validate_training import check_tape


def sigmoid(x: Array) -> Array:
    """σ(x) = 1 / (1 + exp(-x)), for any shape and floating dtype.

    The exponential is only taken of numbers whose real part is at most zero, so it never overflows.

    Raises:
        ValueError: these are no floating-point numbers, real or complex.
    """
    check_numbers("x", x)
    positive = x.real >= 0
    z = np.exp(np.where(positive, -x, x))
    return np.where(positive, 1, z) / (1 + z)


def dsigmoid(x: Array) -> Array:
    """σ'(x) = σ(x) σ(-x), to full relative precision also where σ(x) rounds to one and 1 - σ(x) would not be."""
    return sigmoid(x) * sigmoid(-x)


def dtanh(x: Array) -> Array:
    """tanh'(x) = 4 σ'(2x), to full relative precision where 1 - tanh(x)² would lose it."""
    return 4 * dsigmoid(2 * x)


class Step(NamedTuple):
    """All that one time step computed; each array is (batch_size, num_hiddens) but X and Y (·, vocab_size).

    `A_*` are the gates before their activation.
    """

    X: Array
    H_prev: Array
    C_prev: Array
    A_i: Array
    A_f: Array
    A_o: Array
    A_c: Array
    I: Array
    F: Array
    O: Array
    C_tilda: Array
    C: Array
    H: Array
    Y: Array


def lstm(inputs: Array, state: State, params: Any, tape: list[Step] | None = None) -> tuple[Array, State]:
    """The forward pass over a sequence.

        I = σ(X W_xi + H W_hi + b_i)        C = F ⊙ C + I ⊙ C̃
        F = σ(X W_xf + H W_hf + b_f)        H = O ⊙ tanh(C)
        O = σ(X W_xo + H W_ho + b_o)        Y = H W_hq + b_q
        C̃ = tanh(X W_xc + H W_hc + b_c)

    Args:
        inputs: (num_steps, batch_size, vocab_size), one-hot rows in the book, any real rows here.
        state: (H, C), each (batch_size, num_hiddens).
        params: the 14 arrays of `LSTMParams`, in order.
        tape: when given, one `Step` per time step is appended to it.

    Returns:
        The outputs of all steps, step-major, (num_steps · batch_size, vocab_size), and the last (H, C).
        NaN and infinity in the arguments flow through as IEEE 754 has it.

    Raises:
        ValueError: see `lstm_ref.validate.check_lstm`.

    Source: *Dive into Deep Learning*, section "Long Short-Term Memory (LSTM)"; Hochreiter and Schmidhuber
    (1997), with the forget gate of Gers, Schmidhuber and Cummins (2000).
    """
    check_lstm(inputs, state, params)
    W_xi, W_hi, b_i, W_xf, W_hf, b_f, W_xo, W_ho, b_o, W_xc, W_hc, b_c, W_hq, b_q = params
    H, C = state
    outputs = []
    for X in inputs:
        H_prev, C_prev = H, C
        I = sigmoid(A_i := X @ W_xi + H @ W_hi + b_i)
        F = sigmoid(A_f := X @ W_xf + H @ W_hf + b_f)
        O = sigmoid(A_o := X @ W_xo + H @ W_ho + b_o)
        C_tilda = np.tanh(A_c := X @ W_xc + H @ W_hc + b_c)
        C = F * C + I * C_tilda
        H = O * np.tanh(C)
        Y = H @ W_hq + b_q
        outputs.append(Y)
        if tape is not None:
            tape.append(Step(X, H_prev, C_prev, A_i, A_f, A_o, A_c, I, F, O, C_tilda, C, H, Y))
    return np.concatenate(outputs, axis=0), (H, C)


class LSTMGrads(NamedTuple):
    """Gradients of a scalar: `params` (as `LSTMParams`), `inputs`, and `state` for the initial (H, C)."""

    params: LSTMParams
    inputs: Array
    state: State


def lstm_backward(
    tape: Sequence[Step],
    params: Any,
    d_outputs: Array,
    d_state: State | None = None,
    dsigmoid: Callable[[Array], Array] = dsigmoid,
    dtanh: Callable[[Array], Array] = dtanh,
) -> LSTMGrads:
    """Backpropagation through time (Werbos 1990) for `lstm`, with any upstream gradient.

    Args:
        tape: what `lstm` recorded: one `Step` per time step.
        params: the 14 arrays that `lstm` was given.
        d_outputs: the gradient of a scalar by the outputs, (num_steps · batch_size, vocab_size).
        d_state: its gradient by the last (H, C), each (batch_size, num_hiddens); zero when left out.
        dsigmoid: how to compute σ' from a gate before its activation.
        dtanh: how to compute tanh', likewise.

    Returns:
        The gradients by all 14 parameters, by the inputs and by the initial state, shaped like them.

    Raises:
        ValueError: the tape is empty or not of this cell, or the parameters, `d_outputs` or `d_state` do not fit it.
    """
    check_tape(tape, Step, "lstm", params, NAMES, d_outputs, d_state, "HC")
    if d_state is None:
        d_state = np.zeros_like(tape[0].H), np.zeros_like(tape[0].C)
    dH, dC = d_state
    W = LSTMParams(*params)._asdict()
    dAs: dict[str, list[Array]] = {k: [] for k in "ifoc"}  # of each step, last step first
    for step, dY in zip(reversed(tape), reversed(np.split(d_outputs, len(tape))), strict=True):
        # Y = H W_hq + b_q
        dH = dH + dY @ W["W_hq"].T
        # H = O ⊙ tanh(C), then C = F ⊙ C_prev + I ⊙ C̃
        dC = dC + dH * step.O * dtanh(step.C)
        # each gate before its activation
        dA = {"i": dC * step.C_tilda * dsigmoid(step.A_i),
              "f": dC * step.C_prev * dsigmoid(step.A_f),
              "o": dH * np.tanh(step.C) * dsigmoid(step.A_o),
              "c": dC * step.I * dtanh(step.A_c)}
        dC = dC * step.F
        dH = sum(dA_k @ W[f"W_h{k}"].T for k, dA_k in dA.items())
        for k, dA_k in dA.items():
            dAs[k].append(dA_k)
    # every step and every example adds to the gradient of a parameter: one sum over all of them
    X, H_prev, H = (np.concatenate([getattr(step, name) for step in tape]) for name in ("X", "H_prev", "H"))
    d, d_inputs = {"W_hq": H.T @ d_outputs, "b_q": d_outputs.sum(axis=0)}, 0
    for k in "ifoc":
        dA_k = np.concatenate(dAs[k][::-1])
        d |= {f"W_x{k}": X.T @ dA_k, f"W_h{k}": H_prev.T @ dA_k, f"b_{k}": dA_k.sum(axis=0)}
        d_inputs = d_inputs + dA_k @ W[f"W_x{k}"].T
    return LSTMGrads(LSTMParams(**d), np.reshape(d_inputs, (len(tape), *tape[0].X.shape)), (dH, dC))
