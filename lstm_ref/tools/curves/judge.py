"""The verdict on a curve: healthy, or which mistake fits, or that none does.

Two curves are compared by their **distance**: the difference of their log perplexities (their loss in nats), averaged
over the worst stretch of 100 epochs. The stored healthy runs show how large it is between runs that differ only in
their seed, and twice the largest of these is the limit. docs/curves.md has the measurements.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from lstm_ref.params import Array
from lstm_ref.tools.curves.curve import BOOK, INFINITE, PLAIN, Curve
from lstm_ref.tools.curves.library import EVERY, HEALTHY, LEARNS_NOTHING, STUCK, Run
from lstm_ref.tools.curves.shape import Shape, shape

#: Stored points in a stretch: 100 epochs.
STRETCH = 10
#: Points in a row that show that a curve has left the healthy runs: one alone may be a peak.
POINTS = 3
#: A curve with fewer epochs to compare can't be judged.
LEAST = 5
#: The limit is this many times the largest distance between a healthy run and the nearest other of its kind ...
FACTOR = 2.0
#: ... and at least this: the effect of rounding to two digits.
FLOOR = 0.02

GRID = np.arange(EVERY, BOOK["epochs"] + 1, EVERY)


@dataclass(frozen=True)
class Fit:
    """How near the runs of one kind come.

    Attributes:
        name: 'healthy' or a mistake's.
        run: the nearest of them.
        runs: how many there are.
        distance: to that run.
        limit: the largest distance that fits.
        last: the last epoch that was compared.
        contradiction: why it does not fit although it is near, or ''.
    """

    name: str
    run: Run
    runs: int
    distance: float
    limit: float
    last: int
    contradiction: str = ""

    @property
    def ratio(self) -> float:
        """The distance as a part of the limit."""
        return self.distance / self.limit

    @property
    def fits(self) -> bool:
        """Within the limit, and not contradicted."""
        return self.distance <= self.limit and not self.contradiction


@dataclass(frozen=True)
class Verdict:
    """The verdict on a curve.

    Attributes:
        curve: the curve.
        epochs: those at which it was compared.
        healthy: the nearest healthy run; for a curve that is not healthy, the one it follows longest.
        mistakes: the others: first those that fit, then by distance relative to their limits.
        unseen: names of mistakes whose own curves look healthy over these epochs.
        shape: what the curve shows on its own.
        healthy_until: the last epoch before it leaves every healthy run by more than the limit.
        starts: how many kinds of healthy runs there are.
    """

    curve: Curve
    epochs: Array
    healthy: Fit
    mistakes: tuple[Fit, ...]
    unseen: tuple[str, ...]
    shape: Shape
    healthy_until: int
    starts: int

    @property
    def is_healthy(self) -> bool:
        """Whether the curve is healthy."""
        return self.healthy.fits

    @property
    def fitting(self) -> tuple[Fit, ...]:
        """The mistakes that fit, if the curve is not healthy."""
        return () if self.is_healthy else tuple(fit for fit in self.mistakes if fit.fits)

    def sentence(self) -> str:
        """The verdict in a sentence."""
        if self.is_healthy:
            start = "the book" if self.healthy.run.start == "book" else self.healthy.run.start
            return f"healthy, like the runs from {start}'s start"
        if self.fitting:
            return f"fits: {self.fitting[0].name}"
        nearest = min((self.healthy, *self.mistakes), key=lambda fit: fit.ratio)
        return f"not healthy, and fits none of the stored mistakes; the nearest is: {nearest.name}"


def check_comparable(curve: Curve) -> None:
    """The curve's known settings are the book's; a run of another length is compared as far as possible.

    Raises:
        ValueError: names those that are not.
    """
    other = [f"{key} {curve.settings[key]!r} instead of {value!r}" for key, value in (BOOK | PLAIN).items()
             if key != "epochs" and key in curve.settings and curve.settings[key] != value]
    if other:
        raise ValueError(f"{curve.name}: expected the book's settings, with which the stored runs were made, got "
                         + ", ".join(other))


def judge(curve: Curve, runs: Sequence[Run]) -> Verdict:
    """Compare a curve with the stored runs.

    Args:
        curve: with the book's settings.
        runs: healthy ones, two or more of a kind, and those with mistakes.

    Raises:
        ValueError: other settings, too few epochs that can be compared, or no healthy runs to compare with.
    """
    check_comparable(curve)
    grid, values = points(curve)
    healthy = [run for run in runs if run.name == HEALTHY]
    if not np.isfinite(spread(healthy, grid)):
        raise ValueError("the stored runs: expected healthy ones, at least two of a kind")
    found = shape(curve)
    whole = _fit(HEALTHY, healthy, healthy, grid, values, found)
    until = int(grid[-1])
    if not whole.fits:
        # For a run that went wrong midway, one that began like it says more than one that ended near it.
        until, run = _followed(healthy, grid, values)
        whole = replace(_fit(HEALTHY, [run], healthy, grid, values, found), runs=len(healthy))
    names = dict.fromkeys(run.name for run in runs if run.name != HEALTHY)
    fits = [_fit(name, [run for run in runs if run.name == name], healthy, grid, values, found) for name in names]
    unseen = [fit.name for fit in fits if fit.last == grid[-1]
              and min(distance(run.at(grid), fit.run.at(grid)) for run in healthy) <= whole.limit]
    others = sorted((fit for fit in fits if fit.name not in unseen), key=lambda fit: (not fit.fits, fit.ratio))
    return Verdict(curve, grid, whole, tuple(others), tuple(unseen), found, until,
                   len({run.start for run in healthy}))


def points(curve: Curve) -> tuple[Array, Array]:
    """The stored epochs at which a curve is known, and its log perplexity there.

    Raises:
        ValueError: there are too few.
    """
    own = np.array(curve.epochs)
    # Interpolation between points that are far apart would invent values.
    grid = np.array([e for e in GRID if own[0] <= e <= own[-1] and np.abs(own - e).min() <= EVERY / 2], int)
    values = curve.at(grid)
    finite = values < INFINITE
    if finite.sum() < LEAST:
        raise ValueError(f"{curve.name}: expected a curve over at least {LEAST * EVERY} epochs, with finite points no "
                         f"further apart than {EVERY}, got {finite.sum()} epochs to compare between {own[0]:g} and "
                         f"{own[-1]:g}")
    return grid[finite], values[finite]


def distance(a: Array, b: Array) -> float:
    """Mean absolute difference over the worst stretch of 100 epochs where both are known; infinite without one."""
    difference = np.abs(a - b)
    difference = difference[np.isfinite(difference)]
    if not len(difference):
        return np.inf
    width = min(STRETCH, len(difference))
    return float(np.convolve(difference, np.full(width, 1 / width), "valid").max())


def spread(runs: Iterable[Run], grid: Array, alone: float = np.inf) -> float:
    """The largest distance from a run to the nearest other of the same start; `alone` where there is no such other."""
    return _spread(tuple(runs), tuple(map(int, grid)), alone)


@lru_cache(1024)  # the same for every curve over the same epochs
def _spread(runs: tuple[Run, ...], epochs: tuple[int, ...], alone: float) -> float:
    logs = [run.at(np.array(epochs)) for run in runs]
    nearest = [min(others) for i, run in enumerate(runs)
               if (others := [distance(logs[i], logs[j]) for j, other in enumerate(runs)
                              if j != i and other.start == run.start])]
    return max(nearest, default=alone)


def _followed(healthy: Sequence[Run], grid: Array, values: Array) -> tuple[int, Run]:
    """The last epoch before a curve leaves every healthy run (0: it leaves them at once), and the run it follows.

    It leaves a run where three points in a row are on average further away than the limit over the epochs so far.
    """
    known = [grid[:i + 1] for i in range(len(grid))]
    limits = np.array([max(FACTOR * spread(healthy, epochs), FLOOR) for epochs in known])
    width = min(POINTS, len(grid))
    left = {}
    for run in healthy:
        mean = np.convolve(np.abs(run.at(grid) - values), np.full(width, 1 / width), "valid")
        far = np.flatnonzero(mean > limits[width - 1:])
        left[run.key] = int(far[0]) if len(far) else len(grid)
    last = max(left.values())
    # Of those that it follows about equally far, the nearest.
    longest = [run for run in healthy if left[run.key] >= last - POINTS]
    followed = slice(max(last, 1))
    nearest = min(longest, key=lambda run: distance(run.at(grid)[followed], values[followed]))
    return int(grid[last - 1]) if last else 0, nearest


def _fit(name: str, own: Sequence[Run], healthy: Sequence[Run], grid: Array, values: Array, found: Shape) -> Fit:
    """The nearest of some runs, over the epochs that it has."""
    run = min(own, key=lambda run: distance(run.at(grid), values))
    known = grid[np.isfinite(run.at(grid))]
    last = int(known[-1]) if len(known) else 0
    limit = max(FACTOR * spread(healthy, known), FACTOR * spread(own, known, 0.0), FLOOR) if last else FLOOR
    return Fit(name, run, len(own), distance(run.at(grid), values), limit, last,
               _contradiction(run, grid, values, found))


def _contradiction(run: Run, grid: Array, values: Array, found: Shape) -> str:
    """Why a curve is not from a run like this one, however near it is; or ''."""
    last = int(grid[-1])
    if LEARNS_NOTHING in run.end and (values[grid > run.epochs] < np.log(STUCK)).any():
        return "its run learns nothing, the curve does"
    if run.end and not run.end.startswith("stopped") and last > run.epochs + EVERY:
        return f"its run ends in {run.end}, the curve continues"
    if run.epochs >= last:
        own = stored_shape(run)
        if found.frozen and (own.flat_from is None or own.moving):
            return "the curve is frozen, its run is not"
        if own.frozen and found.moving:
            return "its run is frozen, the curve is not"
    return ""


def stored_shape(run: Run) -> Shape:
    """The shape of a stored run."""
    epochs = tuple(float(EVERY * (i + 1)) for i in range(len(run.perplexity)))
    return shape(Curve(run.name, epochs, run.perplexity))
