"""The stored runs that a curve is compared with: healthy ones, and one for each training mistake that was computed.

They are our own data, `runs.json` next to this file: `compute.py` computes the reference's, and the healthy runs of the
frameworks' own layers come from docs/reproduction.svg.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from lstm_ref.files import write_text
from lstm_ref.params import Array
from lstm_ref.tools.curves.curve import BOOK

PATH = Path(__file__).with_name("runs.json")
SCHEMA = 1

#: The epochs that are stored: every tenth, as the book draws them.
EVERY = 10

HEALTHY = "healthy"
#: What `end` says of a run that was stopped early, and the perplexity that it did not get below.
LEARNS_NOTHING, STUCK = "it learns nothing", 14.0


@dataclass(frozen=True)
class Run:
    """A stored run with the book's settings.

    Attributes:
        name: 'healthy', or of a mistake in `lstm_ref.parity.mistakes`.
        start: how its weights were drawn: 'book', or the framework whose layer starts so.
        seed: of the weights and the offsets.
        made: what computed it, with its version.
        epochs: how many it ran.
        end: '' when it ran all of the book's epochs, or why it stopped.
        perplexity: of every tenth epoch, rounded to seven digits.
    """

    name: str
    start: str
    seed: int
    made: str
    epochs: int
    end: str
    perplexity: tuple[float, ...]

    @property
    def key(self) -> tuple[str, str, int]:
        """What makes it unique."""
        return self.name, self.start, self.seed

    @cached_property
    def _log(self) -> Array:
        known = np.full(BOOK["epochs"] // EVERY, np.nan)
        known[:len(self.perplexity)] = np.log(self.perplexity)
        return known

    def at(self, epochs: Array) -> Array:
        """Log perplexity at some of the stored epochs; NaN beyond its end."""
        found: Array = self._log[np.asarray(epochs) // EVERY - 1]
        return found


def rounded(perplexity: Sequence[float]) -> tuple[float, ...]:
    """Every tenth of the perplexities of all epochs, to seven digits."""
    return tuple(float(f"{value:.7g}") for value in perplexity[EVERY - 1::EVERY])


def load(path: Path = PATH) -> list[Run]:
    """The stored runs.

    Raises:
        ValueError: the file is missing, or is not one of ours.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA or data["settings"] != BOOK:
            raise ValueError(f"schema {data['schema']}, settings {data['settings']}")
        return [Run(**(run | {"perplexity": tuple(run["perplexity"])})) for run in data["runs"]]
    except OSError as error:
        raise ValueError(f"{path}: the stored runs can't be read ({error.strerror})") from None
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path}: expected the stored runs with the book's settings "
                         f"({type(error).__name__}: {error})") from None


def save(runs: Iterable[Run], path: Path = PATH) -> None:
    """Write the runs, one per line, ordered by name."""
    # Healthy ones first.
    ordered = sorted(runs, key=lambda run: (run.name != HEALTHY, *run.key))
    head: dict[str, Any] = {"schema": SCHEMA, "settings": BOOK, "every": EVERY}
    lines = ",\n ".join(json.dumps(asdict(run)) for run in ordered)
    write_text(path, json.dumps(head)[:-1] + f', "runs": [\n {lines}\n]}}\n')


def merge(new: Iterable[Run], path: Path = PATH) -> list[Run]:
    """Add runs to the stored ones, replacing any with the same name, start and seed."""
    runs = {run.key: run for run in (load(path) if path.exists() else [])}
    runs |= {run.key: run for run in new}
    save(runs.values(), path)
    return list(runs.values())
