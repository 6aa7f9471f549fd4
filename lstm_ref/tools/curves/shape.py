"""What a curve shows on its own, without comparison: from where it is flat, whether values repeat, its jumps."""

from dataclasses import dataclass

import numpy as np

from lstm_ref.params import Array
from lstm_ref.tools.curves.curve import BOOK, Curve

#: The last epochs that say how far a flat curve still moves, and how many points they need.
TAIL, POINTS = 100, 10
#: A tail is flat when its last points lie this close together, in log perplexity.
FLAT = 0.1
#: Unchanging weights give at most this many perplexities in a sequential partition: one for each offset.
OFFSETS = BOOK["num_steps"] + 1
#: Numbers that differ by less, relatively, are the same; a picture's pixels are finer.
SAME = 2e-6
#: Repeated values are not chance when there are at least this many, and this many times as many as chance gives.
REPEATS, TIMES = 3, 10.0
#: No repeats where unchanging weights would give this many on average is not chance either.
SURE = 5.0
#: The smallest rise that is reported, in log perplexity.
RISE = 0.05


@dataclass(frozen=True)
class Shape:
    """What was found.

    Attributes:
        flat_from: the first epoch of a flat end, or None.
        level: median perplexity of the flat end; NaN without one.
        points: how many it has.
        repeats: how many of them have exactly the perplexity of an earlier one.
        frozen: the flat end's values repeat as only those of unchanging weights do.
        moving: no value repeats where unchanging weights would repeat some; the weights change.
        rise: the largest rise between two points, in log perplexity, and their epochs; None when it is small.
    """

    flat_from: float | None
    level: float
    points: int
    repeats: int
    frozen: bool
    moving: bool
    rise: tuple[float, float, float] | None

    def told(self) -> list[str]:
        """The findings in words."""
        found = []
        if self.flat_from is not None:
            found.append(f"flat from epoch {self.flat_from:g} on, at about {self.level:.3g}")
        if self.frozen:
            found.append(f"frozen: {self.repeats} of the {self.points} perplexities of that part are exactly those of "
                         f"an epoch before. Weights that do not change give at most {OFFSETS} of them, one for each "
                         "offset of the minibatches; weights that change give new ones")
        if self.rise:
            height, first, last = self.rise
            found.append(f"the largest rise is by {np.expm1(height):.0%}, from epoch {first:g} to {last:g}")
        return found


def shape(curve: Curve) -> Shape:
    """The shape of a curve; infinite perplexities at its end are left out."""
    epochs, values = np.array(curve.epochs), np.log(np.array(curve.perplexity))
    epochs, values = epochs[np.isfinite(values)], values[np.isfinite(values)]
    rises = np.diff(values)
    top = int(np.argmax(rises)) if len(rises) else 0
    rise = (float(rises[top]), float(epochs[top]), float(epochs[top + 1])) if len(rises) and rises[top] > RISE else None
    first = _flat_from(epochs, values)
    if first is None:
        return Shape(None, np.nan, 0, 0, False, False, rise)
    flat = values[first:]
    repeats = len(flat) - _distinct(flat)
    frozen = repeats >= REPEATS and repeats > TIMES * _by_chance(flat) and _distinct(flat) <= OFFSETS
    expected = len(flat) - OFFSETS * (1 - (1 - 1 / OFFSETS) ** len(flat))
    return Shape(float(epochs[first]), float(np.exp(np.median(flat))), len(flat), repeats, frozen,
                 not repeats and expected >= SURE, rise)


def _flat_from(epochs: Array, values: Array) -> int | None:
    """Index of the first point of a flat end, or None; its last 100 epochs say how wide it may be."""
    tail = values[epochs > epochs.max(initial=0) - TAIL]
    if len(tail) < POINTS or len(tail) == len(values) or np.ptp(tail) > FLAT:
        return None
    room = np.ptp(tail)
    outside = np.flatnonzero((values < tail.min() - room) | (values > tail.max() + room))
    return int(outside[-1]) + 1 if len(outside) else 0


def _distinct(values: Array) -> int:
    """How many different numbers there are."""
    return 1 + int(np.count_nonzero(np.diff(np.sort(values)) > SAME))


def _by_chance(values: Array) -> float:
    """How many equal pairs chance gives among numbers of this resolution, for which their smallest gap is taken."""
    gaps = np.diff(np.sort(values))
    gaps = gaps[gaps > SAME]
    pairs = len(values) * (len(values) - 1) / 2
    return float(pairs * (gaps.min() if len(gaps) else SAME) / max(np.ptp(values), SAME))
