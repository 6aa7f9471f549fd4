"""A perplexity curve and what is known about the run that made it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lstm_ref.params import Array

#: The settings that decide how perplexity falls, with the book's values; the names are those of our log.
BOOK: dict[str, Any] = {"cell": "lstm", "epochs": 500, "use_random_iter": False, "lr": 1.0, "num_hiddens": 256,
                        "batch_size": 32, "num_steps": 35, "max_tokens": 10_000, "data": "timemachine"}

#: Settings of a log that make another curve where they are not these.
PLAIN: dict[str, Any] = {"tokens": "char", "min_freq": 0, "valid": 0.0, "embedding": None}

#: Stands for an infinite log perplexity: no float64 has a larger one.
INFINITE = 709.0

#: How far from a whole epoch a picture's pixel may be and still stand for it.
WHOLE = 0.01


@dataclass(frozen=True)
class Curve:
    """One curve.

    Attributes:
        name: what to call it.
        epochs: strictly increasing, at least 1; not always whole numbers where they come from a picture.
        perplexity: of each epoch, at least 1; infinity where the run had none.
        model: 'scratch', 'concise', or '' where that is not known.
        settings: those of `BOOK` and `PLAIN` that are known.
        printed: the final perplexity as text printed next to the curve, or ''.
    """

    name: str
    epochs: tuple[float, ...]
    perplexity: tuple[float, ...]
    model: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    printed: str = ""

    def at(self, epochs: Sequence[float] | Array) -> Array:
        """Log perplexity at some epochs, interpolated linearly; NaN outside, `INFINITE` where it is infinite."""
        values = np.minimum(np.log(self.perplexity), INFINITE)
        return np.interp(epochs, self.epochs, values, left=np.nan, right=np.nan)


def curve(name: str, points: Iterable[tuple[float, float | None]], **known: Any) -> Curve:
    """A curve from its points (epoch, perplexity), checked.

    Args:
        name: of the curve; every refusal starts with it.
        points: in their original order; None or NaN stands for a perplexity that is not finite.
        known: the other attributes of `Curve`.

    Raises:
        ValueError: fewer than two points, an epoch below 1 or not above the one before, a perplexity below 1.
    """
    epochs, perplexities = list[float](), list[float]()
    for epoch, value in points:
        if math.isfinite(epoch) and abs(epoch - round(epoch)) < WHOLE:
            epoch = round(epoch)
        if not (math.isfinite(epoch) and epoch >= 1):
            raise ValueError(f"{name}: epochs: expected finite numbers of at least 1, got {epoch}")
        if epochs and epoch <= epochs[-1]:
            raise ValueError(f"{name}: epochs: expected each above the one before, got {epoch:g} after {epochs[-1]:g}")
        perplexity = math.inf if value is None or math.isnan(value) else value
        # A picture's pixels can put a perplexity of 1 a little lower.
        if perplexity < 0.995:
            raise ValueError(f"{name}: perplexity: expected at least 1, got {perplexity:g} at epoch {epoch:g}")
        epochs.append(epoch)
        perplexities.append(max(perplexity, 1.0))
    if len(epochs) < 2:
        raise ValueError(f"{name}: expected a curve of at least two points, got {len(epochs)}")
    return Curve(name, tuple(epochs), tuple(perplexities), **known)
