"""The checks that compare numbers: each computes named quantities, the same way for every implementation.

A check knows nothing of truth or tolerance. The judge runs it on the implementation, on the reference one precision
wider (the truth) and on the noisy reference (the spread), and compares.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lstm_ref.params import PARAM_NAMES, Array
from lstm_ref.parity.cases import Case
from lstm_ref.parity.implementation import Implementation
from lstm_ref.rnn import RNNParams

Quantities = dict[str, Array]


@dataclass(frozen=True)
class Check:
    """A named comparison.

    Attributes:
        name: as in the report.
        run: computes the quantities.
        stepped: quantities whose first axis is time; each step is judged by its own spread.
        exact: prefixes of quantities that no rounding may touch.
        applies: whether the check has something to compare on a case.
        drifts: rounding errors only grow along the first axis, so a step's spread is the largest so far.
    """

    name: str
    run: Callable[[Implementation, Case], Quantities]
    stepped: frozenset[str] = frozenset()
    exact: tuple[str, ...] = ()
    applies: Callable[[Case], bool] = lambda case: not case.epochs
    drifts: bool = False


def by_step(outputs: Array, case: Case) -> Array:
    """Outputs, step-major, as (num_steps, batch_size, vocab_size).

    Raises:
        ValueError: they have another shape.
    """
    T, B, V, _ = case.sizes
    if outputs.shape != (T * B, V):
        raise ValueError(f"outputs: expected shape (num_steps * batch_size, vocab_size) = {(T * B, V)}, "
                         f"got {outputs.shape}")
    return outputs.reshape(T, B, V)


def forward(implementation: Implementation, case: Case) -> Quantities:
    """Outputs of every step and the last H and C; then H and C after every step, from calls of one step each."""
    T = case.sizes[0]
    outputs, (H, C) = implementation.lstm(case.inputs, case.state, case.params)
    states = [case.state]
    for t in range(T):
        states.append(implementation.lstm(case.inputs[t:t + 1], states[-1], case.params)[1])
    Hs, Cs = zip(*states[1:], strict=True)
    return {"outputs": by_step(outputs, case), "H": H, "C": C, "H_t": np.stack(Hs), "C_t": np.stack(Cs)}


def not_finite(implementation: Implementation, case: Case) -> Quantities:
    """Outputs of every step when one input of the middle step is NaN, then infinite."""
    T, B, V, _ = case.sizes
    quantities = {}
    for name, value in (("NaN", np.nan), ("infinity", np.inf)):
        inputs = case.inputs.copy()
        inputs[T // 2, B // 2, V // 2] = value
        with np.errstate(invalid="ignore"):
            outputs, _ = implementation.lstm(inputs, case.state, case.params)
        quantities[f"outputs, {name} at step {T // 2}"] = by_step(outputs, case)
    return quantities


def backward(implementation: Implementation, case: Case) -> Quantities:
    """The loss and its gradient by each of the 14 parameters."""
    loss, grads = implementation.loss_and_grads(case.inputs, case.state, case.params, case.targets)
    return {"loss": np.asarray(loss), **dict(zip(PARAM_NAMES, grads, strict=True))}


def clipping(implementation: Implementation, case: Case) -> Quantities:
    """Gradients after clipping: norm above, below and exactly at theta, tiny, zero, and with one huge element.

    The gradients are scaled by powers of two, so that they are the same numbers in every precision.
    """
    plain = [np.asarray(g) for g in case.grads]
    norm = math.sqrt(sum(float((g.astype(float) ** 2).sum()) for g in plain))
    zero = [np.zeros_like(g) for g in plain]
    three_four = [g.copy() for g in zero]
    three_four[0].flat[0], three_four[-1].flat[-1] = 3, 4  # norm 5, in every precision and order
    huge = [g.copy() for g in plain]
    huge[4].flat[-1] = 2.0**62  # its square is still a finite float32
    down = 2.0 ** -math.ceil(math.log2(norm / 1e-3))  # an epsilon beside a small norm shows
    scenarios = {
        "above theta": (plain, norm / 3),
        "just above theta": (plain, norm * 0.999),
        "below theta": (plain, norm * 1.001),
        "at theta": (three_four, 5.0),
        "tiny": ([g * g.dtype.type(down) for g in plain], norm * down / 10),
        "zero": (zero, 1.0),
        "one huge": (huge, 1.0),
    }
    quantities = {}
    for scenario, (grads, theta) in scenarios.items():
        given = [g.view(type(like)) for g, like in zip(grads, case.grads, strict=True)]
        for name, clipped in zip(PARAM_NAMES, implementation.grad_clipping(given, theta), strict=True):
            quantities[f"{scenario}: {name}"] = clipped
    return quantities


def step(implementation: Implementation, case: Case) -> Quantities:
    """All 14 parameters, the loss, H and C after one training step."""
    params, (H, C), loss = implementation.train_step(case.params, case.X, case.Y, case.state, case.lr, case.theta)
    return {**dict(zip(PARAM_NAMES, params, strict=True)), "loss": np.asarray(loss), "H": H, "C": C}


def chunks(implementation: Implementation, case: Case) -> Quantities:
    """The sequence in two halves with the state carried over: outputs of every step, last H and C."""
    half = case.sizes[0] // 2
    first, state = implementation.lstm(case.inputs[:half], case.state, case.params)
    second, (H, C) = implementation.lstm(case.inputs[half:], state, case.params)
    return {"outputs": by_step(np.concatenate([first, second]), case), "H": H, "C": C}


def rnn(implementation: Implementation, case: Case) -> Quantities:
    """The vanilla RNN, with the candidate's weights: outputs, last H, the loss and its gradients."""
    p, state = case.params, case.state[:1]
    params = RNNParams(p.W_xc, p.W_hc, p.b_c, p.W_hq, p.b_q)
    outputs, (H,) = implementation.rnn(case.inputs, state, params)
    loss, grads = implementation.loss_and_grads(case.inputs, state, params, case.targets)
    return {"outputs": by_step(outputs, case), "H": H, "loss": np.asarray(loss),
            **dict(zip(RNNParams._fields, grads, strict=True))}


def trajectory(implementation: Implementation, case: Case) -> Quantities:
    """The loss of every minibatch of several epochs, and all 14 parameters at the end."""
    losses, params = implementation.train(case.params, case.epochs, case.lr, case.use_random_iter)
    return {"loss": losses, **dict(zip(PARAM_NAMES, params, strict=True))}


CHECKS = {check.name: check for check in (
    Check("forward", forward, stepped=frozenset({"outputs", "H_t", "C_t"})),
    Check("not_finite", not_finite, applies=lambda case: case.name == "ragged"),
    Check("backward", backward),
    Check("clipping", clipping, exact=("below theta", "at theta", "zero")),
    Check("step", step),
    Check("chunks", chunks, stepped=frozenset({"outputs"}), applies=lambda case: case.sizes[0] > 1 and not case.epochs),
    Check("rnn", rnn, stepped=frozenset({"outputs"}), applies=lambda case: not case.epochs and case.name != "book"),
    Check("trajectory", trajectory, stepped=frozenset({"loss"}), applies=lambda case: bool(case.epochs), drifts=True),
)}
