"""Where an implementation departs, step by step: the ratio of every quantity at every time step.

From inside, where the implementation says what it computes on its way; otherwise from outside (`probe`). The
gradient at the gates is always seen from outside: with a different one-hot input at every step of every example, a row
of the gradient by W_x* is the gradient at that gate in that step.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lstm_ref.lstm import sigmoid
from lstm_ref.params import Array
from lstm_ref.parity.cases import Case, draw
from lstm_ref.parity.checks import Numbers
from lstm_ref.parity.explain.probe import PROBE, one_step, probe, states_before
from lstm_ref.parity.interface import CELLS, LINES, NAMES, Implementation, not_judged
from lstm_ref.parity.reference import Reference
from lstm_ref.parity.truth import FEWEST, Quantities, Yardstick, measure, ratio
from lstm_ref.parity.verdict import LIMIT

MEANING = {
    "I": "input gate I", "F": "forget gate F", "O": "output gate O", "C_tilda": "candidate memory cell C_tilda",
    "C": "memory cell C = F * C + I * C_tilda", "Y": "output Y = H W_hq + b_q",
    "Z": "update gate Z", "R": "reset gate R", "H_tilda": "candidate hidden state H_tilda",
    "dO": "gradient at the output gate", "dF": "gradient at the forget gate", "dI": "gradient at the input gate",
    "dC_tilda": "gradient at the candidate", "dZ": "gradient at the update gate", "dR": "gradient at the reset gate",
    "dH_tilda": "gradient at the candidate", "dH": "gradient at the hidden state",
}
HIDDEN = {"lstm": "hidden state H = O * tanh(C)", "rnn": "hidden state H = tanh(X W_xh + H W_hh + b_h)"}
GRU_HIDDEN = "hidden state H = Z * H + (1 - Z) * H_tilda"
GRU_BACKWARDS = {"dZ": "W_xz", "dH_tilda": "W_xh", "dR": "W_xr"}
#: By cell: gradients as they are computed, and where they show.
BACKWARDS = {"lstm": {"dO": "W_xo", "dC_tilda": "W_xc", "dI": "W_xi", "dF": "W_xf"}, "rnn": {"dH": "W_xh"},
             "gru": GRU_BACKWARDS, "gru_after": GRU_BACKWARDS}

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "sigmoid": sigmoid, "tanh": np.tanh, "no activation": lambda x: x, "relu": lambda x: np.maximum(0, x),
    "hard sigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1)}
#: What an activation makes, which one it is, and what the tape calls it before.
GATES = {"I": ("sigmoid", "A_i"), "F": ("sigmoid", "A_f"), "O": ("sigmoid", "A_o"), "C_tilda": ("tanh", "A_c"),
         "Z": ("sigmoid", "A_z"), "R": ("sigmoid", "A_r"), "H_tilda": ("tanh", "A_h")}


@dataclass(frozen=True)
class Map:
    """Ratios of quantities (rows, in order of computation) at time steps (columns)."""

    title: str
    rows: tuple[str, ...]
    ratios: Array  #: (rows, num_steps)
    first: str  #: the first departure in words, or ''
    backwards: bool = False  #: of the gradient
    line: str = ""  #: of the source, that computes what departs first

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
        return {"title": self.title, "rows": list(self.rows), "first": self.first, "line": self.line,
                "ratios": [[float(x) if np.isfinite(x) else None for x in row] for row in self.ratios]}


def tape(implementation: Implementation, case: Case) -> Quantities:
    """Gates, candidate, C, H and Y of every step, from inside: each (num_steps, batch_size, ·).

    Y, the last of them, may have no name of its own: `outputs.append(H @ W_hq + b_q)`.
    """
    steps = implementation.tape(case.inputs, case.state, case.params)
    return {name: np.stack([step[name] for step in steps]) for name in NAMES[case.cell]
            if name != "Y" or all(name in step for step in steps)}


def gradient(implementation: Implementation, case: Case) -> Quantities:
    """The gradient of the loss at every gate before its activation: each (num_steps, batch_size, num_hiddens)."""
    T, B, V, h = case.sizes
    if "backward" in not_judged(implementation, case.cell):  # no loss to begin with: the sum of all outputs
        upstream = [np.ones((T * B, V), case.dtype), *(np.zeros((B, h), case.dtype) for _ in case.state)]
        grads = implementation.vjp(case.inputs, case.state, case.params, upstream)[:len(case.names)]
    else:
        _, grads = implementation.loss_and_grads(case.inputs, case.state, case.params, case.targets)
    by_name = dict(zip(case.names, grads, strict=True))
    return {name: np.asarray(by_name[weight])[:T * B].reshape(T, B, h)
            for name, weight in BACKWARDS[case.cell].items()}


TAPE = Numbers("tape", tape, stepped=frozenset(name for names in NAMES.values() for name in names))
GRADIENT = Numbers("gradient", gradient, stepped=frozenset(name for names in BACKWARDS.values() for name in names))


def pulses(cell: str, dtype: Any) -> Case:
    """A case whose inputs are one-hot and all different; the one of step t and example b is in row t * 2 + b."""
    case = draw("pulses" if cell == "lstm" else f"{cell}-pulses", 5, 2, 10, 8, scale=0.5)
    inputs = np.eye(10).reshape(5, 2, 10)
    return replace(case, inputs=inputs, X=np.arange(10).reshape(5, 2).T).astype(dtype)


def forward_map(implementation: Implementation, case: Case) -> Map | None:
    """The forward pass from inside, or None where the implementation does not let itself be looked into."""
    LINES.clear()
    try:
        found = tape(implementation, case)
    except (AttributeError, LookupError, ValueError):  # a closed box, other names, other shapes
        return None
    lines = dict(LINES)
    rod = measure(TAPE, case, FEWEST)
    names = tuple(found)
    grid = _grid(rod, found, names)
    if "Y" not in found and not (grid > LIMIT).any():
        return None  # it may depart in Y
    first = line = ""
    if (grid > LIMIT).any():
        t, row = (int(i[0]) for i in np.nonzero(grid.T > LIMIT))
        name = names[row]
        what = HIDDEN.get(case.cell, GRU_HIDDEN) if name == "H" else MEANING[name]
        first = _departure(what, t, "", found[name], rod, name) + _activation(name, t, found[name], rod, case)
        if name in lines:
            path, number, text = lines[name]
            line = f"{'/'.join(Path(path).parts[-2:])}, line {number}: {text}"
    return Map(titled("forward pass, from inside", case.cell), names, grid, first, line=line)


def titled(title: str, cell: str) -> str:
    """With the cell, where it is not the LSTM."""
    return title if cell == "lstm" else f"{title}, {CELLS[cell].function.upper()}"


def probe_map(implementation: Implementation, case: Case) -> Map:
    """The forward pass from outside: each step alone, from the reference's own state before it."""
    columns, rows, first = list[list[float]](), tuple[str, ...](), ""
    for t in range(case.sizes[0]):
        step = one_step(case, t)
        found, rod = probe(implementation, step), measure(PROBE, step, FEWEST)
        rows = tuple(found)
        columns.append([rod.worst(name, found[name]) for name in rows])
        gone = [name for name, ratio in zip(rows, columns[-1], strict=True) if ratio > LIMIT]
        if gone and not first:
            name = gone[0]
            first = (f"time step t = {t}, in the {name} (ratio {rod.worst(name, found[name]):.3g}), "
                     + _values(name, found[name], rod))
    return Map(titled("each step alone, from outside", case.cell), rows, np.array(columns).T, first)


def gradient_map(implementation: Implementation, cell: str, dtype: Any) -> Map:
    """The gradient at the gates, last step first."""
    case = pulses(cell, dtype)

    def reference(textbook: bool = False) -> Reference:
        made = Reference(textbook)
        if cell == "lstm":
            made.not_judged = getattr(implementation, "not_judged", {})  # so that it begins with the same loss
        else:
            made.cells = getattr(implementation, "cells", {})
        return made

    found, rod = gradient(implementation, case), measure(GRADIENT, case, FEWEST, reference=reference)
    rows = tuple(BACKWARDS[cell])
    grid = _grid(rod, found, rows)
    first = next((_departure(MEANING[name], t, f" of {grid.shape[1]}", found[name], rod, name)
                  for t in reversed(range(grid.shape[1])) for name, ratio in zip(rows, grid[:, t], strict=True)
                  if ratio > LIMIT), "")
    return Map(titled("gradient at the gates, from outside", cell), rows, grid, first, backwards=True)


def _grid(rod: Yardstick, found: Quantities, rows: Sequence[str]) -> Array:
    return np.array([rod.ratio(name, found[name]).max(axis=(1, 2)) for name in rows])


def _departure(what: str, t: int, of: str, found: Array, rod: Yardstick, name: str) -> str:
    if found.shape != rod.truth[name].shape:
        return f"time step t = {t}{of}, in the {what}, {_values(name, found, rod)}"
    at = Yardstick({name: rod.truth[name][t]}, {name: rod.spread[name][t]})
    return f"time step t = {t}{of}, in the {what} (ratio {at.worst(name, found[t]):.3g}), {_values(name, found[t], at)}"


def _values(name: str, found: Array, rod: Yardstick) -> str:
    truth = rod.truth[name]
    if found.shape != truth.shape:
        return f"expected shape {truth.shape}, got {found.shape}"
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(rod.ratio(name, found))), truth.shape))
    return f"at index {index}: expected {truth[index]!s}, got {found[index]!s}"


FAR = 1e3  #: a ratio that no weak operator reaches


def _activation(name: str, t: int, found: Array, rod: Yardstick, case: Case) -> str:
    """Whether a wrong gate is right before its activation: then it is another activation of the right number."""
    if name not in GATES or found.shape != rod.truth[name].shape:
        return ""
    right, untouched = GATES[name]
    before = states_before(case)[t][untouched]
    for activation, function in ACTIVATIONS.items():
        if activation != right and (
                ratio(found[t], function(before), 2 * rod.spread[name][t]).max() <= LIMIT):
            return f"; before its activation it agrees: this is {activation} where {right} belongs"
    far = ratio(found[t], rod.truth[name][t], rod.spread[name][t]).max() > FAR
    return "; it departs before its activation" if far else ""
