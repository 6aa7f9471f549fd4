"""Where a failure begins: the first time step, and the first quantity in order of computation."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lstm_ref.parity.cases import Case, make
from lstm_ref.parity.checks import CHECKS, Numbers
from lstm_ref.parity.explain.maps import Map, forward_map, gradient_map, probe_map
from lstm_ref.parity.explain.probe import PROBE, one_step
from lstm_ref.parity.interface import HALVES, Implementation
from lstm_ref.parity.truth import FEWEST, Yardstick, measure
from lstm_ref.parity.verdict import LIMIT

LARGE = 10_000  #: numbers of an input beyond which truths are not computed anew for its first steps
GRADIENTS = ("backward", "vjp", "step", *HALVES)  #: checks that go through time, and back
SEQUENCE = ("forward", "chunks", "not_finite", *GRADIENTS)


def locate(
    check: str, implementation: Implementation, case: Case, folder: Path, maps: Callable[[str, bool, str], list[Map]]
) -> tuple[str, list[Map]]:
    """One sentence, '' where a check has no place to name, and the maps in which something departs.

    Args:
        check: name of the failed check.
        implementation: what failed it.
        case: on what.
        folder: of the stored yardsticks.
        maps: as `maps_of` of the implementation; each takes a second, so whoever asks often keeps them.
    """
    if check == "trajectory":
        return first_wrong_minibatch(implementation, case, folder), []
    if check == "clipping":
        return "clipping has no time steps; the scenario is named before the parameter", []
    if check not in SEQUENCE:
        return "", []
    found = maps(case.cell, check in GRADIENTS, str(case.dtype))
    if found:
        before = "the forward pass agrees at every step; going backwards, " if found[0].backwards else ""
        line = f"; {found[0].line}" if found[0].line else ""
        return f"{before}departs first at {found[0].first}{line}", found
    return first_wrong_step(check, implementation, case, folder), []


def maps_of(implementation: Implementation, cell: str, backwards: bool, dtype: str) -> list[Map]:
    """The map on a cell's case `ragged` in which something departs: of the forward pass, else of the gradient."""
    small = make("ragged" if cell == "lstm" else f"{cell}-ragged").astype(dtype)
    found = [forward_map(implementation, small) or probe_map(implementation, small)]
    if backwards and not found[0].first:
        found.append(gradient_map(implementation, cell, dtype))
    return [each for each in found if each.first][:1]


def first_wrong_step(check: str, implementation: Implementation, case: Case, folder: Path) -> str:
    """One sentence for a failure that `ragged` does not show, from the case itself."""
    forward = CHECKS["forward"]
    assert isinstance(forward, Numbers)
    rod, found = measured("forward", implementation, case, folder)
    steps = np.flatnonzero(np.logical_or.reduce([
        (rod.ratio(name, found[name]) > LIMIT).any(axis=(1, 2)) for name in rod.truth if name in forward.stepped]))
    if steps.size:
        t = int(steps[0])
        gone = departures(PROBE, implementation, one_step(case, t))
        if gone:
            return f"departs first at time step t = {t}, in the {gone[0][0]} (ratio {gone[0][1]:.3g})"
        return f"departs first at time step t = {t}; each gate and state of that step alone agrees, " \
               "so look at what is carried from step to step"
    if check == "not_finite":
        return "with finite inputs every step agrees; NaN or infinity is treated differently"
    if check == "vjp":
        names = wrong("vjp", implementation, case, folder)
        return f"the forward pass agrees at every step; the gradient departs in {', '.join(names)}"
    if check not in GRADIENTS:
        return "outputs, H and C of every time step agree when the whole sequence is run at once"
    names = wrong("backward", implementation, case, folder)
    if not names:
        return "the forward pass and all gradients agree; look at the clipping and the update"
    num_steps, backward = case.sizes[0], CHECKS["backward"]
    if case.inputs.size <= LARGE:
        cut = (n for n in range(1, num_steps) if departures(backward, implementation, case.steps(n)))
        num_steps = next(cut, num_steps)
        names = [name for name, _ in departures(backward, implementation, case.steps(num_steps))] or names
    name = next((name for name in reversed(names) if name != "loss"), "loss")
    return (f"the forward pass agrees at every step; the gradient departs with the sequence cut to its first "
            f"{num_steps} step{'s' * (num_steps > 1)}, first (going backwards) in {name} (of {', '.join(names)})")


def first_wrong_minibatch(implementation: Implementation, case: Case, folder: Path) -> str:
    """One sentence: the first minibatch of a trajectory whose loss departs."""
    rod, found = measured("trajectory", implementation, case, folder)
    late = np.flatnonzero(rod.ratio("loss", found["loss"]) > LIMIT)
    if not late.size:
        return "the losses of all minibatches agree; the parameters depart with the last"
    places = [(epoch, i) for epoch, minibatches in enumerate(case.epochs, 1) for i in range(1, len(minibatches) + 1)]
    epoch, i = places[late[0]]
    hint = {(1, 1): "before anything was updated", (1, 2): "after one update: look at the step and at the state"}.get(
        (epoch, i), "at the start of an epoch: look at what is reset there" if i == 1 else "")
    return f"the loss departs first at minibatch {i} of epoch {epoch}" + (f", {hint}" if hint else "")


def measured(check: str, implementation: Implementation, case: Case, folder: Path) -> tuple[Yardstick, Any]:
    """The stored yardstick of a check of numbers on a case, and what an implementation gives."""
    rod = CHECKS[check].yardstick(case, folder)
    assert rod is not None
    return rod, CHECKS[check].found(implementation, case)


def wrong(check: str, implementation: Implementation, case: Case, folder: Path) -> list[str]:
    """The quantities of a check that miss the limit, in its order."""
    rod, found = measured(check, implementation, case, folder)
    return [name for name in rod.truth if rod.worst(name, found[name]) > LIMIT]


def departures(check: Any, implementation: Implementation, case: Case) -> Sequence[tuple[str, float]]:
    """The quantities of a check that miss the limit, in its order, with their ratios; measured on the spot."""
    rod, found = measure(check, case, FEWEST), check.found(implementation, case)
    worst = {name: rod.worst(name, found[name]) for name in rod.truth}
    return [(name, ratio) for name, ratio in worst.items() if ratio > LIMIT]
