"""Files that are written whole or not at all."""

import datetime
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from lstm_ref.params import Array


def user_cache() -> Path:
    """The folder of what all checkouts share: `LSTM_PARITY_CACHE`, or one in the user's cache."""
    if named := os.environ.get("LSTM_PARITY_CACHE"):
        return Path(named).expanduser()
    import pooch  # not needed for the mathematics

    return Path(pooch.os_cache("lstm_parity"))


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A path to write to, which takes the place of `path` when the block ends well and is gone when it does not.

    The file has the mode that the user's umask gives. Folders are made as needed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as folder:
        part = Path(folder) / path.name
        yield part
        part.replace(path)


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8."""
    with whole(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file; NaN and infinity are refused, since JSON has neither."""
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False))


def write_section(folder: Path, name: str, title: str, header: Sequence[str], body: Sequence[Sequence[str]]) -> None:
    """Leave a table for the page of the report.

    Args:
        folder: of the report.
        name: of the file, which takes the place of one of the same name.
        title: over the table.
        header: of its columns.
        body: the texts of its rows.
    """
    write_json(folder / "sections" / f"{name}.json",
               {"title": title, "made": now(), "header": list(header), "body": list(body)})


def now() -> str:
    """The date and the time of this place, for a reader."""
    return datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")


def write_arrays(path: Path, arrays: dict[str, Array]) -> None:
    """Write arrays by name into a .npz file."""
    with whole(path) as part:
        np.savez(part, **arrays)  # type: ignore[arg-type]  # a name is any string


def check_writable(folder: Path) -> None:
    """Make the folder, and see that a file can be written into it.

    Raises:
        OSError: it can't; names the folder.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise OSError(f"{folder}: can't be written to ({error.strerror}); name another folder") from None
