"""Where a failure begins, from outside: the first time step, and the first quantity in order of computation.

An implementation is a closed box here: it takes arrays and gives outputs, H and C. Its gates are read off from calls of
one step in which some gates are driven shut or wide open by a huge bias.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import lstm_ref as ref
from lstm_ref.lstm import Step
from lstm_ref.params import Array, LSTMParams
from lstm_ref.parity.cases import Case
from lstm_ref.parity.checks import CHECKS, Check, Quantities
from lstm_ref.parity.implementation import Implementation
from lstm_ref.parity.truth import FEWEST, measure, wider, yardstick
from lstm_ref.parity.verdict import LIMIT, ratios

LARGE = 10_000  #: numbers of an input beyond which truths are not computed anew for its first steps
HUGE = 3e4  #: a bias that opens a gate entirely, or with a minus sign shuts it, in every precision


def probe(implementation: Implementation, case: Case) -> Quantities:
    """The gates and states of a case of one step, in order of computation, each (batch_size, ·)."""
    H, C = case.state
    params = LSTMParams(*case.params)

    def run(C: Array = C, **biases: float) -> tuple[Array, Array, Array]:
        driven = {f"b_{gate}": np.full_like(np.asarray(params.b_i), bias) for gate, bias in biases.items()}
        outputs, (new_H, new_C) = implementation.lstm(case.inputs, (H, C), params._replace(**driven))
        return outputs, new_H, new_C

    zero, one = np.zeros_like(np.asarray(C)), np.ones_like(np.asarray(C))
    kept = {"f": HUGE, "i": -HUGE}  # with F = 1 and I = 0 the cell stays what it was
    O = run(C=one * HUGE, **kept)[1]  # noqa: E741
    Y, new_H, new_C = run()
    return {
        # With all gates open H is at most one and C huge: that tells one from the other, whatever the gates are.
        "order of the state (H, C)": (np.abs(run(C=one * HUGE, i=HUGE, f=HUGE, o=HUGE, c=HUGE)[2]) > 1).astype(
            new_C.dtype),
        "input gate I": run(C=zero, c=HUGE)[2],
        "forget gate F": run(C=one, i=-HUGE)[2],
        "candidate memory cell C_tilda": run(C=zero, i=HUGE)[2],
        "memory cell C = F * C + I * C_tilda": new_C,
        "tanh(C) within H = O * tanh(C)": run(C=one / 2, **kept)[1] / O,
        "output gate O": O,
        "hidden state H = O * tanh(C)": new_H,
        "output Y = H W_hq + b_q": Y,
    }


def departures(check: Check, implementation: Implementation, case: Case) -> list[tuple[str, float]]:
    """The quantities of a check that miss the limit, in its order, with their ratios; measured on the spot."""
    rod = measure(check, case, FEWEST)
    found = check.run(implementation, case)
    worst = {name: float(ratios(found[name], rod.truth[name], rod.spread[name])[1].max()) for name in rod.truth}
    return [(name, ratio) for name, ratio in worst.items() if ratio > LIMIT]


def one_step(case: Case, t: int) -> Case:
    """Time step t alone, from the reference's own state before it."""
    tape: list[Step] = []
    wide = case.astype(wider(case.dtype))
    ref.lstm(wide.inputs[:t + 1], wide.state, wide.params, tape)
    state = tape[t].H_prev.astype(case.dtype), tape[t].C_prev.astype(case.dtype)
    return replace(case, state=state, inputs=case.inputs[t:t + 1], X=case.X[:, t:t + 1], Y=case.Y[:, t:t + 1])


def first_wrong_step(implementation: Implementation, case: Case, folder: Path) -> int | None:
    """The first time step after which outputs, H or C miss the limit, or None."""
    check = CHECKS["forward"]
    rod, found = yardstick(check, case, folder), check.run(implementation, case)
    wrong: Sequence[Any] = [
        (ratios(found[name], rod.truth[name], rod.spread[name])[1] > LIMIT).any(axis=(1, 2))
        for name in sorted(check.stepped)
    ]
    steps = np.flatnonzero(np.logical_or.reduce(wrong))
    return int(steps[0]) if steps.size else None


def localise(check: str, implementation: Implementation, case: Case, folder: Path) -> str:
    """One sentence: where the implementation first departs from the reference.

    Args:
        check: name of the failed check.
        implementation: what failed it.
        case: on what.
        folder: of the stored yardsticks.
    """
    if check == "clipping":
        return "clipping has no time steps; the scenario is named before the parameter"
    if check == "trajectory":
        return first_wrong_minibatch(implementation, case, folder)
    if check == "rnn":
        found = missing(CHECKS["rnn"], implementation, case, folder)
        return f"the vanilla RNN departs in {', '.join(found)}"
    t = first_wrong_step(implementation, case, folder)
    if t is not None:
        gone = departures(Check("probe", probe), implementation, one_step(case, t))
        if gone:
            return f"departs first at time step t = {t}, in the {gone[0][0]} (ratio {gone[0][1]:.3g})"
        return f"departs first at time step t = {t}; each gate and state of that step alone agrees, " \
               "so look at what is carried from step to step"
    if check == "not_finite":
        return "with finite inputs every step agrees; NaN or infinity is treated differently"
    if check not in ("backward", "step"):
        return "outputs, H and C of every time step agree when the whole sequence is run at once"
    wrong = missing(CHECKS["backward"], implementation, case, folder)
    if not wrong:
        return "the forward pass and all gradients agree; look at the clipping and the update"
    num_steps = case.sizes[0]
    if case.inputs.size <= LARGE:
        cut = (n for n in range(1, num_steps) if departures(CHECKS["backward"], implementation, case.steps(n)))
        num_steps = next(cut, num_steps)
        wrong = [name for name, _ in departures(CHECKS["backward"], implementation, case.steps(num_steps))] or wrong
    name = next((name for name in reversed(wrong) if name != "loss"), "loss")
    return (f"the forward pass agrees at every step; the gradient departs with the sequence cut to its first "
            f"{num_steps} step{'s' * (num_steps > 1)}, first (going backwards) in {name} (of {', '.join(wrong)})")


def missing(check: Check, implementation: Implementation, case: Case, folder: Path) -> list[str]:
    """The quantities of a check that miss the limit, in its order, by the stored yardstick."""
    rod, found = yardstick(check, case, folder), check.run(implementation, case)
    return [name for name in rod.truth
            if (ratios(found[name], rod.truth[name], np.broadcast_to(rod.spread[name], rod.truth[name].shape))[1]
                > LIMIT).any()]


def first_wrong_minibatch(implementation: Implementation, case: Case, folder: Path) -> str:
    """One sentence: the first minibatch of a trajectory whose loss departs."""
    check = CHECKS["trajectory"]
    rod, found = yardstick(check, case, folder), check.run(implementation, case)
    wrong = np.flatnonzero(ratios(found["loss"], rod.truth["loss"], rod.spread["loss"])[1] > LIMIT)
    if not wrong.size:
        return "the losses of all minibatches agree; the parameters depart with the last"
    places = [(epoch, i) for epoch, minibatches in enumerate(case.epochs, 1) for i in range(1, len(minibatches) + 1)]
    epoch, i = places[wrong[0]]
    hint = {(1, 1): "before anything was updated", (1, 2): "after one update: look at the step and at the state"}.get(
        (epoch, i), "at the start of an epoch: look at what is reset there" if i == 1 else "")
    return f"the loss departs first at minibatch {i} of epoch {epoch}" + (f", {hint}" if hint else "")
