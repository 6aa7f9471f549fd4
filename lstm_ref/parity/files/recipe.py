"""How an array of a port is made of the reference's parameters: which gates, side by side or stacked, on which axes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lstm_ref.parity.files.names import Slot
from lstm_ref.parity.files.ops import Ops


@dataclass(frozen=True)
class Recipe:
    """Of one array.

    Attributes:
        part: 'x', 'h', 'xh' or 'hx' for what a weight multiplies, 'b' for a bias, 'q' for the output layer's weight,
            'bq' for its bias.
        gates: that stand in it, in order.
        axes: of the array: strings of 'i' (what is multiplied), 'g' (gate), 'u' (hidden unit, or output), in order of
            their weight; '' for an axis of length one.
        share: of a bias, which part of it, where several are added.
    """

    part: str
    gates: str
    axes: tuple[str, ...]
    share: float = 1.0

    @property
    def slots(self) -> list[Slot]:
        """The parameters that it holds."""
        if self.part in ("q", "bq"):
            return [("h" if self.part == "q" else "b", "q")]
        return [(part, gate) for part in ("b" if self.part == "b" else self.part) for gate in self.gates]

    def make(self, ops: Ops, params: dict[Slot, Any]) -> Any:
        """The array, from the reference's parameters by slot."""
        if self.part in ("q", "bq"):
            blocks = [params["h" if self.part == "q" else "b", "q"]]
        elif self.part == "b":
            blocks = [params["b", gate] for gate in self.gates]
        else:
            blocks = [params[self.part, gate] if len(self.part) == 1 else ops.concat(
                [params[part, gate] for part in self.part], 0) for gate in self.gates]
        if self.share != 1:
            blocks = [block * self.share for block in blocks]
        n, dims = len(blocks), [int(axis) for axis in blocks[0].shape]
        size = {"i": dims[0] if len(dims) == 2 else 1, "u": dims[-1], "g": n}
        order = "".join(self.axes)
        logical = "gu" if len(dims) == 1 else "giu"
        whole = blocks[0] if n == 1 else ops.concat([ops.reshape(block, (1, *dims)) for block in blocks], 0)
        if n == 1:
            logical, order = logical[1:], order.replace("g", "")
        if order != logical:
            whole = ops.permute(whole, [logical.index(axis) for axis in order])
        shape = [math.prod(size[letter] for letter in axis) for axis in self.axes]
        return whole if tuple(shape) == tuple(int(axis) for axis in whole.shape) else ops.reshape(whole, shape)


def layouts(shape: Sequence[int], axis: int | None, count: int, units: int) -> list[tuple[str, ...]]:
    """The ways in which gates and units may lie on the axes of an array, but for the axis of what is multiplied."""
    found: list[tuple[str, ...]] = []
    lengths = {"g": count, "u": units}
    rest = [i for i, length in enumerate(shape) if i != axis and length != 1]
    for letters in ("gu", "ug") if count > 1 else ("u",):
        way = [letters] if len(rest) == 1 else list(letters)
        if [shape[i] for i in rest] == [math.prod(lengths[letter] for letter in each) for each in way]:
            names = dict(zip(rest, way, strict=True))
            found.append(tuple("i" if i == axis else names.get(i, "") for i in range(len(shape))))
    return found
