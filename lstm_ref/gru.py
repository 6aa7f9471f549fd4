"""The gated recurrent unit of the chapter after: the canonical forward pass, its start, its hand-derived gradient."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from lstm_ref.lstm import dsigmoid, dtanh, sigmoid
from lstm_ref.params import Array, draw_params
from lstm_ref.validate import GRU_NAMES, check_floating, check_gru, check_sizes
from lstm_ref.validate_training import check_tape


class GRUParams(NamedTuple):
    """The 11 arrays in the book's order (*Dive into Deep Learning*, section "Gated Recurrent Units (GRU)").

    With vocabulary size V and h hidden units, `W_x*` are (V, h), `W_h*` (h, h) but `W_hq` (h, V), the biases (h,)
    but `b_q` (V,). The letters z, r and h stand for the update gate, the reset gate and the candidate hidden state.
    """

    W_xz: Array
    W_hz: Array
    b_z: Array
    W_xr: Array
    W_hr: Array
    b_r: Array
    W_xh: Array
    W_hh: Array
    b_h: Array
    W_hq: Array
    b_q: Array


def gru_param_shapes(vocab_size: int, num_hiddens: int) -> dict[str, tuple[int, ...]]:
    """Shape of each of the 11 parameters, by name, in order; ValueError for a size that is no positive integer."""
    check_sizes(vocab_size=vocab_size, num_hiddens=num_hiddens)
    V, h = vocab_size, num_hiddens
    return dict(zip(GRU_NAMES, (*((V, h), (h, h), (h,)) * 3, (h, V), (V,)), strict=True))


def get_gru_params(
    vocab_size: int, num_hiddens: int, rng: np.random.Generator | int | None = None, dtype: DTypeLike = np.float32
) -> GRUParams:
    """Draw the parameters as the book does; arguments and errors are those of `get_lstm_params`."""
    return GRUParams(*draw_params(gru_param_shapes(vocab_size, num_hiddens).values(), rng, dtype))


def init_gru_state(batch_size: int, num_hiddens: int, dtype: DTypeLike = np.float32) -> tuple[Array]:
    """The one-tuple of the hidden state at the start: zeros of shape (batch_size, num_hiddens).

    Raises:
        ValueError: a size is not a positive integer, or the dtype is not a floating one.
    """
    check_sizes(batch_size=batch_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    return (np.zeros((batch_size, num_hiddens), dtype),)


class GRUStep(NamedTuple):
    """All that one time step computed; each array is (batch_size, num_hiddens) but X and Y (·, vocab_size).

    `A_*` are the gates and the candidate before their activation.
    """

    X: Array
    H_prev: Array
    A_z: Array
    A_r: Array
    A_h: Array
    Z: Array
    R: Array
    H_tilda: Array
    H: Array
    Y: Array


class GRUAfterStep(GRUStep):
    """A step with the reset gate after the product with W_hh, which has another gradient."""


def gru(
    inputs: Array, state: Any, params: Any, tape: list[GRUStep] | None = None, reset_after: bool = False
) -> tuple[Array, tuple[Array]]:
    """The forward pass over a sequence.

        Z = σ(X W_xz + H W_hz + b_z)                H = Z ⊙ H + (1 - Z) ⊙ H̃
        R = σ(X W_xr + H W_hr + b_r)                Y = H W_hq + b_q
        H̃ = tanh(X W_xh + (R ⊙ H) W_hh + b_h)       or, with `reset_after`, tanh(X W_xh + R ⊙ (H W_hh) + b_h)

    Args:
        inputs: (num_steps, batch_size, vocab_size).
        state: (H,), H of shape (batch_size, num_hiddens).
        params: the 11 arrays of `GRUParams`, in order.
        tape: when given, one `GRUStep` per time step is appended to it.
        reset_after: apply the reset gate after the product with W_hh, as most frameworks' layers do: then one product
            serves all three gates. The book applies it before, as Cho et al. (2014) do, from their third version on.

    Returns:
        The outputs of all steps, step-major, (num_steps · batch_size, vocab_size), and the last (H,).

    Raises:
        ValueError: see `lstm_ref.validate.check_gru`.

    Source: *Dive into Deep Learning*, section "Gated Recurrent Units (GRU)"; Cho et al. (2014).
    """
    check_gru(inputs, state, params)
    W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, W_hh, b_h, W_hq, b_q = params
    H, = state
    outputs = []
    for X in inputs:
        H_prev = H
        Z = sigmoid(A_z := X @ W_xz + H @ W_hz + b_z)
        R = sigmoid(A_r := X @ W_xr + H @ W_hr + b_r)
        product = R * (H @ W_hh) if reset_after else (R * H) @ W_hh
        H_tilda = np.tanh(A_h := X @ W_xh + product + b_h)
        H = Z * H + (1 - Z) * H_tilda
        Y = H @ W_hq + b_q
        outputs.append(Y)
        if tape is not None:
            step = GRUAfterStep if reset_after else GRUStep
            tape.append(step(X, H_prev, A_z, A_r, A_h, Z, R, H_tilda, H, Y))
    return np.concatenate(outputs, axis=0), (H,)


class GRUGrads(NamedTuple):
    """Gradients of a scalar: `params` (as `GRUParams`), `inputs`, and `state` for the initial (H,)."""

    params: GRUParams
    inputs: Array
    state: tuple[Array]


def gru_backward(
    tape: Sequence[GRUStep],
    params: Any,
    d_outputs: Array,
    d_state: tuple[Array] | None = None,
    dsigmoid: Callable[[Array], Array] = dsigmoid,
    dtanh: Callable[[Array], Array] = dtanh,
    reset_after: bool = False,
) -> GRUGrads:
    """Backpropagation through time (Werbos 1990) for `gru`; arguments and errors as `lstm_backward`."""
    kind = GRUAfterStep if reset_after else GRUStep
    check_tape(tape, kind, "gru", params, GRU_NAMES, d_outputs, d_state, "H")
    dH, = (np.zeros_like(tape[0].H),) if d_state is None else d_state
    W = GRUParams(*params)._asdict()
    dAs: dict[str, list[Array]] = {k: [] for k in "zrh"}  # of each step, last step first
    for step, dY in zip(reversed(tape), reversed(np.split(d_outputs, len(tape))), strict=True):
        # Y = H W_hq + b_q
        dH = dH + dY @ W["W_hq"].T
        # H = Z ⊙ H_prev + (1 - Z) ⊙ H̃
        dA = {"z": dH * (step.H_prev - step.H_tilda) * dsigmoid(step.A_z),
              "h": dH * (1 - step.Z) * dtanh(step.A_h)}
        dH = dH * step.Z
        # the candidate's product, with the reset gate after it or before it
        if reset_after:
            dR = dA["h"] * (step.H_prev @ W["W_hh"])
            dH = dH + (dA["h"] * step.R) @ W["W_hh"].T
        else:
            d_product = dA["h"] @ W["W_hh"].T
            dR, dH = d_product * step.H_prev, dH + d_product * step.R
        dA["r"] = dR * dsigmoid(step.A_r)
        dH = dH + dA["z"] @ W["W_hz"].T + dA["r"] @ W["W_hr"].T
        for k, dA_k in dA.items():
            dAs[k].append(dA_k)
    # every step and every example adds to the gradient of a parameter: one sum over all of them
    X, H_prev, R, H = (np.concatenate([getattr(step, name) for step in tape]) for name in ("X", "H_prev", "R", "H"))
    d, d_inputs = {"W_hq": H.T @ d_outputs, "b_q": d_outputs.sum(axis=0)}, 0
    for k in "zrh":
        dA_k = np.concatenate(dAs[k][::-1])
        d |= {f"W_x{k}": X.T @ dA_k, f"W_h{k}": H_prev.T @ dA_k, f"b_{k}": dA_k.sum(axis=0)}
        d_inputs = d_inputs + dA_k @ W[f"W_x{k}"].T
    d["W_hh"] = H_prev.T @ (R * dA_k) if reset_after else (R * H_prev).T @ dA_k
    return GRUGrads(GRUParams(**d), np.reshape(d_inputs, (len(tape), *tape[0].X.shape)), (dH,))
