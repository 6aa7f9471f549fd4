"""The curves in a file: our log, a table, a picture, or a chapter's Markdown."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

from lstm_ref.tools.curves import chapter, svg
from lstm_ref.tools.curves.curve import BOOK, PLAIN, Curve, curve


def read(path: Path) -> list[Curve]:
    """The curves in a file, read according to its name's ending.

    Args:
        path: of a .json log of `train`, a .csv with a column `epoch` and one per curve, a .md chapter or
            .ipynb notebook with its output cells, or an .svg picture by matplotlib.

    Raises:
        ValueError: the ending is another one, the file can't be read, or it holds no curve of perplexity; says what
            was expected and what it got.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise ValueError(f"{path}: expected a file that ends in {', '.join(READERS)}, got {path.suffix!r}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ValueError(f"{path}: can't be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected text in UTF-8 ({error.reason} at byte {error.start})") from None
    try:
        return reader(text, path.name)
    except Exception as error:  # foreign content: numbers beyond float64, fields beyond what csv reads, deep nesting
        if isinstance(error, ValueError) and str(error).startswith(path.name):
            raise
        raise ValueError(f"{path}: expected curves, got what can't be read ({type(error).__name__}: {error})") from None


def _log(text: str, name: str) -> list[Curve]:
    try:
        log = json.loads(text)
        points = [(float(p["epoch"]), None if p["perplexity"] is None else float(p["perplexity"]))
                  for p in log["epochs"]]
        s = dict(log["settings"])
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{name}: expected a log of this program, with settings, and epochs that have epoch and "
                         f"perplexity ({type(error).__name__}: {error})") from None
    # The log says which text was read where the settings leave that open.
    s["data"] = (log.get("fingerprint") or {}).get("corpus") or s.get("data")
    known = {key: s[key] for key in (*BOOK, *PLAIN) if s.get(key) is not None}
    label = f"{name}: {s.get('backend')} {s.get('model')} {s.get('cell')}, seed {s.get('seed')}"
    return [curve(label, points, model=str(s.get("model", "")), settings=known)]


def _table(text: str, name: str) -> list[Curve]:
    rows = [row for row in csv.reader(io.StringIO(text)) if row]
    if len(rows) < 2:
        raise ValueError(f"{name}: expected a line of column names and lines of numbers, got {len(rows)} lines")
    names = [cell.strip() for cell in rows[0]]
    if "epoch" not in names or len(names) < 2:
        raise ValueError(f"{name}: expected a column named epoch and one per curve, got {', '.join(names)}")
    if twice := [column for column in names if names.count(column) > 1]:
        raise ValueError(f"{name}: expected each column's name once, got {twice[0]!r} {names.count(twice[0])} times")
    at, points = names.index("epoch"), {column: list[tuple[float, float | None]]() for column in names}
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(names):
            raise ValueError(f"{name}, line {number}: expected {len(names)} values, got {len(row)}")
        epoch = _number(row[at], f"{name}, line {number}, epoch")
        for column, cell in zip(names, row, strict=True):
            if column != "epoch":
                points[column].append((epoch, _number(cell, f"{name}, line {number}, {column}")))
    return [curve(f"{name}: {column}", points[column]) for column in names if column != "epoch"]


def _number(cell: str, where: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise ValueError(f"{where}: expected a number, got {cell.strip()!r}") from None


def _picture(text: str, name: str) -> list[Curve]:
    drawn = svg.lines(text, name)
    if not drawn:
        raise ValueError(f"{name}: expected lines in its axes, found none")
    return [curve(f"{name}: line {number}" + (f" ({line.name})" if line.name else ""), line.points)
            for number, line in enumerate(drawn, 1)]


READERS: dict[str, Callable[[str, str], list[Curve]]] = {
    ".json": _log, ".csv": _table, ".md": chapter.curves, ".ipynb": chapter.notebook, ".svg": _picture}
