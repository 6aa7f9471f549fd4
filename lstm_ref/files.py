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


def irregular(path: Path) -> str:
    """What stands at a path and is no file, in words; '' for a file, and where nothing is.

    Reading a pipe or a device may never end, and what is written whole would take a device's place.
    """
    if path.is_file() or not path.exists():
        return ""
    return "a folder" if path.is_dir() else "a pipe or a device"


def _target(path: Path) -> Path:
    """The file that is written for a path: what a link points to, so that the link stays one.

    Raises:
        OSError: something else is there; names it.
    """
    path = path.resolve()
    if found := irregular(path):
        raise OSError(f"{path}: expected a file to write, found {found}; name another")
    return path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A path to write to, which takes the place of `path` when the block ends well and is gone when it does not.

    The file has the mode that the user's umask gives. Folders are made as needed.

    Raises:
        OSError: it can't be written; names it.
    """
    path = _target(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name[:40]}-") as folder:
            part = Path(folder) / path.name
            yield part
            part.replace(path)
    except OSError as error:
        raise OSError(f"{path}: can't be written ({error.strerror or error})") from error


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8; what a file's name has that is none is written as an escape."""
    with whole(path) as part:
        part.write_text(text, encoding="utf-8", errors="backslashreplace")


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


def check_file(path: Path) -> None:
    """See that a file can be written, before it is computed.

    Raises:
        OSError: it can't; names it, or its folder.
    """
    check_writable(_target(path).parent)
