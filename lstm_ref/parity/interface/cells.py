"""The recurrent cells that are judged: the LSTM, the vanilla RNN, and the GRU in both of its forms."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from lstm_ref.gru import GRUParams, gru_param_shapes
from lstm_ref.params import LSTMParams, param_shapes
from lstm_ref.rnn import RNNParams, rnn_param_shapes


class ResetAfter(GRUParams):
    """A GRU's 11 arrays where the reset gate is applied after the product with W_hh, as in most frameworks' layers."""


class Cell(NamedTuple):
    """What is common to all problems of a cell."""

    params: Any  #: the named tuple of its parameters
    shapes: Callable[[int, int], dict[str, tuple[int, ...]]]  #: of each, for vocab_size and num_hiddens
    states: str  #: a letter for each
    row: str  #: where the table shows it; '' is the row of each check
    function: str  #: its forward pass in the book, and a part of what the other functions are called


CELLS = {
    "lstm": Cell(LSTMParams, param_shapes, "HC", "", "lstm"),
    "rnn": Cell(RNNParams, rnn_param_shapes, "H", "rnn", "rnn"),
    "gru": Cell(GRUParams, gru_param_shapes, "H", "gru", "gru"),
    "gru_after": Cell(ResetAfter, gru_param_shapes, "H", "gru", "gru"),
}
OTHERS = tuple(name for name in CELLS if name != "lstm")


def split(case: str) -> tuple[str, str]:
    """The cell of a case and what the case is without it, by its name: 'gru-ragged', or 'ragged' for an LSTM's."""
    cell, _, base = case.partition("-")
    return (cell, base) if cell in OTHERS else ("lstm", case)


def row(check: str, case: str) -> str:
    """Where the table shows a check on a case: in the check's own row, or in the cell's."""
    return CELLS[split(case)[0]].row or check


def full(check: str, case: str) -> str:
    """A check with its cell: 'gru vjp', or 'vjp' for the LSTM's."""
    cell, _ = split(case)
    return check if cell == "lstm" else f"{cell} {check}"


def cell_of(params: Any) -> str:
    """The cell of some parameters, by their type, else by their number; the LSTM's refuses any other number."""
    if isinstance(params, ResetAfter):
        return "gru_after"
    return {len(cell.params._fields): name for name, cell in reversed(CELLS.items())}.get(len(params), "lstm")


def not_judged(implementation: Any, cell: str) -> Mapping[str, str]:
    """The checks of a cell that are not judged of an implementation, and why."""
    found = getattr(implementation, "not_judged", {}) if cell == "lstm" else getattr(implementation, "cells", {})[cell]
    return found
