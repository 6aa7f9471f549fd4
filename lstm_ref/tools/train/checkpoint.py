"""What a training run leaves behind, written whole or not at all, and without pickle."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from lstm_ref.files import write_arrays
from lstm_ref.params import Array

FACTS = "facts.json"


def save(path: Path, weights: dict[str, Array], facts: dict[str, Any]) -> None:
    """Write arrays by name, and facts about them, into one .npz file.

    Args:
        path: of the file.
        weights: arrays by name; a name may hold slashes and dots.
        facts: anything that JSON can hold.
    """
    write_arrays(path, {FACTS: np.frombuffer(json.dumps(facts).encode(), np.uint8), **weights})


def load(path: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """The arrays and the facts of a checkpoint.

    Raises:
        ValueError: there is none, or the file is not one.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = dict(stored.items())
        facts = json.loads(arrays.pop(FACTS).tobytes())
        _check_facts(facts)
    except FileNotFoundError:
        raise ValueError(f"{path}: there is no checkpoint to resume from") from None
    except Exception as error:  # zipfile, zlib, NumPy and json raise a dozen kinds for a foreign file
        raise ValueError(f"{path}: not a checkpoint of this program ({type(error).__name__}: {error}); --restart "
                         "starts over, --out names another folder") from None
    return arrays, facts


def check_fits(path: Path, saved: dict[str, Array], own: dict[str, Array]) -> None:
    """The saved weights have the names, shapes and dtypes of the model's own.

    Raises:
        ValueError: names the first that differs.
    """
    if saved.keys() != own.keys():
        raise ValueError(f"{path}: expected the weights {', '.join(own)}, got {', '.join(saved)}")
    for name, array in own.items():
        if saved[name].shape != array.shape or saved[name].dtype != array.dtype:
            raise ValueError(f"{path}: {name}: expected {array.dtype} of shape {array.shape}, "
                             f"got {saved[name].dtype} of shape {saved[name].shape}")


def _check_facts(facts: Any) -> None:
    """Settings, the corpus, and a history whose numbers can be written and drawn again."""
    for name, kind in (("settings", dict), ("corpus", dict), ("history", list)):
        if not isinstance(facts[name], kind):
            raise ValueError(f"{name}: expected a {kind.__name__}, got {facts[name]!r:.80}")
    for epoch, point in enumerate(facts["history"], 1):
        measured = point["perplexity"], point.get("valid_perplexity")
        known = [point["tokens_per_second"], *(number for number in measured if number is not None)]
        if point["epoch"] != epoch or not all(isinstance(n, float) and math.isfinite(n) and n >= 0 for n in known):
            raise ValueError(f"history: expected the numbers of epoch {epoch}, got {point!r:.120}")
