"""In which shape a port takes inputs, state and parameters, and in which it returns them."""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstm_ref.params import Array
from lstm_ref.parity.files.ops import Ops

#: Sizes of the trial; all differ, so that a shape says what it is.
TRIAL = {"T": 4, "B": 3, "V": 7, "h": 5}


@dataclass(frozen=True)
class Layout:
    """Of the inputs and the state.

    Attributes:
        inputs: axes in order: 'TBV', 'BTV', 'TVB', 'TV', 'TV1' for a function that loops; 'BV', 'VB', 'V', 'V1' for a
            step. Without a B it takes one example at a time.
    """

    inputs: str

    @property
    def one(self) -> bool:
        """It takes one example at a time."""
        return "B" not in self.inputs

    @property
    def state(self) -> str:
        """Axes of the state: as those of one step's inputs."""
        return {"TBV": "Bh", "BTV": "Bh", "BV": "Bh", "TVB": "hB", "VB": "hB", "TV": "h", "V": "h", "TV1": "h1",
                "V1": "h1", "T1V": "1h", "1V": "1h"}[self.inputs]

    def words(self) -> str:
        """In words."""
        names = {"T": "num_steps", "B": "batch_size", "V": "vocab_size", "1": "1"}
        shape = f"({', '.join(names[axis] for axis in self.inputs)}{',' * (len(self.inputs) == 1)})"
        return f"inputs of shape {shape}" + (", one example at a time" if self.one else "")

    def give(self, ops: Ops, inputs: Any) -> Any:
        """Canonical inputs (num_steps, batch_size, vocab_size), or (num_steps, vocab_size) of one example."""
        match self.inputs:
            case "TBV" | "TV":
                return inputs
            case "BTV":
                return ops.swap(inputs)
            case "TVB":
                return ops.last(inputs)
            case "TV1":
                return ops.reshape(inputs, (*inputs.shape, 1))
            case "T1V":
                return ops.reshape(inputs, (inputs.shape[0], 1, inputs.shape[1]))
            case "BV" | "V":
                return inputs[0]
            case "VB":
                return ops.transpose(inputs[0])
            case "V1":
                return ops.reshape(inputs[0], (inputs.shape[-1], 1))
            case "1V":
                return ops.reshape(inputs[0], (1, inputs.shape[-1]))
        raise AssertionError(self.inputs)

    def give_state(self, ops: Ops, piece: Any) -> Any:
        """A canonical H or C (batch_size, num_hiddens), or (num_hiddens,) of one example."""
        match self.state:
            case "hB":
                return ops.transpose(piece)
            case "h1":
                return ops.reshape(piece, (piece.shape[-1], 1))
            case "1h":
                return ops.reshape(piece, (1, piece.shape[-1]))
        return piece

    def take_state(self, ops: Ops, piece: Any, rows: int) -> Any:
        """What a port returns as H or C, as (rows, num_hiddens)."""
        if self.state == "hB" and len(piece.shape) == 2:
            return ops.transpose(piece)
        size = 1
        for axis in piece.shape:
            size *= int(axis)
        wanted = (rows, size // rows)  # as it is where it can be: a view can't be detached in place
        return piece if tuple(map(int, piece.shape)) == wanted else ops.reshape(piece, wanted)


#: In the order in which they are tried.
LOOPING = ("TBV", "BTV", "TVB", "TV", "TV1", "T1V")
STEPPING = ("BV", "VB", "V", "V1", "1V")


def trial(seed: int = 0, kind: str = "lstm") -> tuple[Array, list[Array], list[Array]]:
    """Inputs, state and parameters of the trial, in float32."""
    rng = np.random.default_rng(seed)
    T, B, V, h = (TRIAL[key] for key in "TBVh")
    gates = [[(V, h), (h, h), (h,)]] * {"lstm": 4, "gru": 3}.get(kind, 1)
    shapes = [*itertools.chain(*gates), (h, V), (V,)]
    params = [rng.normal(0, 0.5, shape).astype(np.float32) for shape in shapes]
    state = [rng.normal(0, 0.5, (B, h)).astype(np.float32) for _ in range(2 if kind == "lstm" else 1)]
    return rng.normal(0, 1, (T, B, V)).astype(np.float32), state, params
