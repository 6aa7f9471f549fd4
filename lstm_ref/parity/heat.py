"""Where an implementation departs, step by step: the ratio of every quantity at every time step.

From inside, where the implementation says what it computes on its way; otherwise from outside (`localise.probe`). The
gradient at the gates is always seen from outside: with a different one-hot input at every step of every example, a row
of the gradient by W_x* is the gradient at that gate in that step.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import lstm_ref as ref
from lstm_ref.lstm import sigmoid
from lstm_ref.params import Array, LSTMParams
from lstm_ref.parity.cases import Case, draw
from lstm_ref.parity.checks import Check, Quantities
from lstm_ref.parity.implementation import Implementation
from lstm_ref.parity.inside import NAMES
from lstm_ref.parity.localise import one_step, probe
from lstm_ref.parity.truth import FEWEST, Yardstick, measure, wider
from lstm_ref.parity.verdict import LIMIT, ratios

MEANING = {
    "I": "input gate I", "F": "forget gate F", "O": "output gate O", "C_tilda": "candidate memory cell C_tilda",
    "C": "memory cell C = F * C + I * C_tilda", "H": "hidden state H = O * tanh(C)", "Y": "output Y = H W_hq + b_q",
    "dO": "gradient at the output gate", "dF": "gradient at the forget gate", "dI": "gradient at the input gate",
    "dC_tilda": "gradient at the candidate",
}
BACKWARDS = {"dO": "W_xo", "dC_tilda": "W_xc", "dI": "W_xi", "dF": "W_xf"}  # as they are computed, and where they show

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "sigmoid": sigmoid, "tanh": np.tanh, "no activation": lambda x: x, "relu": lambda x: np.maximum(0, x),
    "hard sigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1)}
GATES = {"I": "sigmoid", "F": "sigmoid", "O": "sigmoid", "C_tilda": "tanh"}


@dataclass(frozen=True)
class Heat:
    """Ratios of quantities (rows, in order of computation) at time steps (columns)."""

    title: str
    rows: tuple[str, ...]
    ratios: Array  #: (rows, num_steps)
    first: str  #: the first departure in words, or ''

    def lines(self) -> list[str]:
        """As text, one line a row."""
        cells = [[f"{ratio:.1f}" if ratio < 100 else f"{ratio:.0e}" for ratio in row] for row in self.ratios]
        head = "".join(f"{t:>8}" for t in range(self.ratios.shape[1]))
        width = max(map(len, self.rows))
        return [f"{self.title}, ratio at each time step (limit {LIMIT:g}):", f"  {'':{width}}{head}",
                *(f"  {row:{width}}{''.join(f'{cell:>8}' for cell in line)}"
                  for row, line in zip(self.rows, cells, strict=True))]

    def json(self) -> dict[str, Any]:
        """As in the report; infinity is null."""
        return {"title": self.title, "rows": list(self.rows), "first": self.first,
                "ratios": [[float(x) if np.isfinite(x) else None for x in row] for row in self.ratios]}


def tape(implementation: Implementation, case: Case) -> Quantities:
    """Gates, candidate, C, H and Y of every step, from inside: each (num_steps, batch_size, ·)."""
    steps = implementation.tape(case.inputs, case.state, case.params)
    return {name: np.stack([step[name] for step in steps]) for name in NAMES}


def gradient(implementation: Implementation, case: Case) -> Quantities:
    """The gradient of the loss at every gate before its activation: each (num_steps, batch_size, num_hiddens)."""
    T, B, _, h = case.sizes
    _, grads = implementation.loss_and_grads(case.inputs, case.state, case.params, case.targets)
    by_name = LSTMParams(*grads)._asdict()
    return {name: np.asarray(by_name[weight])[:T * B].reshape(T, B, h) for name, weight in BACKWARDS.items()}


PROBE = Check("probe", probe)
TAPE = Check("tape", tape, stepped=frozenset(NAMES))
GRADIENT = Check("gradient", gradient, stepped=frozenset(BACKWARDS))


def pulses(dtype: Any) -> Case:
    """A case whose inputs are one-hot and all different; the one of step t and example b is in row t * 2 + b."""
    case = draw("pulses", 5, 2, 10, 8, scale=0.5)
    inputs = np.eye(10).reshape(5, 2, 10)
    return replace(case, inputs=inputs, X=np.arange(10).reshape(5, 2).T).astype(dtype)


def forward_heat(implementation: Implementation, case: Case) -> Heat | None:
    """The forward pass from inside, or None where the implementation does not let itself be looked into."""
    try:
        found = tape(implementation, case)
    except (AttributeError, LookupError, ValueError):  # a closed box, other names, other shapes
        return None
    rod = measure(TAPE, case, FEWEST)
    grid = np.array([_by_step(found[name], rod, name) for name in NAMES])
    first = ""
    for t, row in zip(*np.nonzero(grid.T > LIMIT), strict=True):
        name = NAMES[row]
        first = f"time step t = {t}, in the {MEANING[name]} (ratio {grid[row, t]:.3g}), " + _values(
            found[name][t], rod.truth[name][t], rod.spread[name][t])
        first += _activation(name, int(t), found[name][t], rod, case)
        break
    return Heat("forward pass, from inside", NAMES, grid, first)


def probe_heat(implementation: Implementation, case: Case) -> Heat:
    """The forward pass from outside: each step alone, from the reference's own state before it."""
    columns: list[list[float]] = []
    rows: tuple[str, ...] = ()
    first = ""
    for t in range(case.sizes[0]):
        step = one_step(case, t)
        found, rod = probe(implementation, step), measure(PROBE, step, FEWEST)
        rows = tuple(found)
        columns.append([float(ratios(found[name], rod.truth[name], rod.spread[name])[1].max()) for name in rows])
        wrong = [name for name, ratio in zip(rows, columns[-1], strict=True) if ratio > LIMIT]
        if wrong and not first:
            ratio = columns[-1][rows.index(wrong[0])]
            first = f"time step t = {t}, in the {wrong[0]} (ratio {ratio:.3g}), " + _values(
                found[wrong[0]], rod.truth[wrong[0]], rod.spread[wrong[0]])
    return Heat("each step alone, from outside", rows, np.array(columns).T, first)


def gradient_heat(implementation: Implementation, dtype: Any) -> Heat:
    """The gradient at the gates, last step first."""
    case = pulses(dtype)
    found, rod = gradient(implementation, case), measure(GRADIENT, case, FEWEST)
    rows = tuple(BACKWARDS)
    grid = np.array([_by_step(found[name], rod, name) for name in rows])
    first = ""
    for t in reversed(range(grid.shape[1])):
        for name, ratio in zip(rows, grid[:, t], strict=True):
            if ratio > LIMIT and not first:
                first = f"time step t = {t} of {grid.shape[1]}, in the {MEANING[name]} (ratio {ratio:.3g}), " + _values(
                    found[name][t], rod.truth[name][t], rod.spread[name][t])
    return Heat("gradient at the gates, from outside", rows, grid, first)


def _by_step(found: Array, rod: Yardstick, name: str) -> Array:
    if found.shape != rod.truth[name].shape:
        return np.full(len(rod.truth[name]), np.inf)
    return ratios(found, rod.truth[name], rod.spread[name])[1].max(axis=(1, 2))


def _values(found: Array, truth: Array, spread: Array) -> str:
    if found.shape != truth.shape:
        return f"expected shape {truth.shape}, got {found.shape}"
    ratio = ratios(found, truth, spread)[1]
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(ratio)), ratio.shape))
    return f"at index {index}: expected {truth[index]!s}, got {found[index]!s}"


def _activation(name: str, t: int, found: Array, rod: Yardstick, case: Case) -> str:
    """Whether a wrong gate is right before its activation: then it is another activation of the right number."""
    if name not in GATES:
        return ""
    steps: list[Any] = []
    wide = case.astype(wider(case.dtype))
    ref.lstm(wide.inputs, wide.state, wide.params, steps)
    before = getattr(steps[t], f"A_{'c' if name == 'C_tilda' else name.lower()}")
    for activation, function in ACTIVATIONS.items():
        expected = function(before)
        if activation != GATES[name] and found.shape == expected.shape and (
                ratios(found, expected, 2 * rod.spread[name][t])[1].max() <= LIMIT):
            return f"; before its activation it agrees: this is {activation} where {GATES[name]} belongs"
    return "; it departs before its activation"


