"""What a run leaves behind: <backend>.json, true at every moment of the run."""

import json
import math
import time
from pathlib import Path
from typing import Any

from lstm_ref.files import irregular, write_json
from lstm_ref.parity.entry import SCHEMA, Entry, document

SAVE_SECONDS = 5  #: between two writes of the results while the tests run

NUMBER, WORDS = float | int | None, {str: str}
MAP = {"title": str, "rows": [str], "ratios": [[NUMBER]]}
RESULT = {"check": str, "implementation": str, "case": str, "dtype": str, "quantity": str, "error": NUMBER,
          "spread": NUMBER, "ratio": NUMBER, "verdict": ("pass", "rounding", "mathematics", "not settled", "fail")}
#: What the table, the report and its pictures read of an entry: types, values, lists, names (str stands for any; one
#: that ends in ? may be absent).
ENTRY = {"status": ("pass", "fail", "crashed", "not run"), "reason": str, "seconds?": float | int, "selection?": str,
         "expected?": [[str, str]], "not_judged?": {str: WORDS}, "lacking?": {str: WORDS}, "judged?": str,
         "results?": [RESULT], "thorough?": WORDS, "fingerprint?": {"framework?": str, "corpus?": str | None},
         "causes?": {str: {"places?": {str: str}, "findings": [str], "heat": [MAP]}}}


def file_of(folder: Path, backend: str, suffix: str = ".json") -> Path:
    """A file of a backend in the folder of a report; 'jax 0.6.0' has jax-0.6.0.json."""
    return folder / f"{backend.replace(' ', '-')}{suffix}"


def running(folder: Path, backend: str) -> Path:
    """The file that names the test under way; it is there only while the tests run, or when they ended badly."""
    return file_of(folder, backend, ".running")


def read_status(folder: Path, backend: str) -> dict[str, Any]:
    """The entry of a backend in the report; 'not run' where there is no file, or one that can't be read."""
    path = file_of(folder, backend)
    if not path.exists():
        return {"status": "not run", "reason": f"no {path.name} was written; run {backend} first"}
    try:
        entry = read_report(path, backend)[backend]
    except ValueError as error:
        return {"status": "not run", "reason": f"{error}; run {backend} again"}
    if running(folder, backend).exists():
        entry |= {"status": "crashed", "reason": f"the process ended in {running(folder, backend).read_text()}"}
    return entry


def read_report(path: Path, *names: str) -> dict[str, dict[str, Any]]:
    """The entries of a report's file by name.

    Args:
        path: of the file.
        *names: entries that have to be in it.

    Raises:
        ValueError: it can't be read, or is no report; names it and says what is wrong.
    """
    try:
        if found := irregular(path):
            raise ValueError(f"expected a file, found {found}")
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_finite, parse_float=_finite,
                             parse_int=_finite)
        check_form({"schema": (SCHEMA,), "backends": dict.fromkeys(names, ENTRY) or {str: ENTRY}}, content)
        entries: dict[str, dict[str, Any]] = content["backends"]
        for found in (each for entry in entries.values() for cause in entry.get("causes", {}).values()
                      for each in cause["heat"]):
            widths = {len(row) for row in found["ratios"]}
            if len(found["ratios"]) != len(found["rows"]) or len(widths) != 1 or 0 in widths:
                raise ValueError(f"{found['title']}: expected {len(found['rows'])} rows of ratios of one length")
        json.dumps(entries, ensure_ascii=False).encode()  # half a character can be read, but neither written nor shown
    except (ValueError, OSError, RecursionError) as error:
        raise ValueError(f"{path.name} is no report: {error}") from None
    return entries


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"expected finite numbers, got {text:.40}")
    return int(text) if text.lstrip("-").isdigit() else number


def check_form(form: Any, found: Any, where: str = "") -> None:
    """What was read has a form: a type, a tuple of values, a list of one form or of several, or forms by name.

    Raises:
        ValueError: it has not; says where.
    """
    place, kind = where or "the file", type(form) if isinstance(form, dict | list) else form
    if isinstance(form, tuple):
        if found not in form:
            raise ValueError(f"{place}: expected {' or '.join(map(repr, form))}, got {found!r:.40}")
    elif not isinstance(found, kind):
        raise ValueError(f"{place}: expected {getattr(kind, '__name__', kind)}, got {found!r:.40}")
    elif isinstance(form, list):
        forms = form if len(form) > 1 else form * len(found)
        if len(forms) != len(found):
            raise ValueError(f"{place}: expected {len(forms)} items, got {len(found)}")
        for i, each in enumerate(found):
            check_form(forms[i], each, f"{where}[{i}]")
    elif isinstance(form, dict):
        for name, asked in (dict.fromkeys(found, form[str]) if str in form else form).items():
            key = name.removesuffix("?")
            if key in found:
                check_form(asked, found[key], f"{where}.{key}".lstrip("."))
            elif key == name:
                raise ValueError(f"{place}: expected {key!r} in it, found none")


def write_status(folder: Path, backend: str, status: str, reason: str = "", **more: Any) -> None:
    """Write the entry of a backend: `status` is pass, fail, crashed or not run; `reason` says why."""
    write_json(file_of(folder, backend), document({backend: {"status": status, "reason": reason, **more}}))
    running(folder, backend).unlink(missing_ok=True)


class Record:
    """Keeps the file of a backend. What it says is right even if the process dies in the next moment.

    Args:
        entry: what is known of the backend so far.
        folder: where the file goes.
    """

    def __init__(self, entry: Entry, folder: Path):
        self.entry, self.folder = entry, folder
        self.explained: set[str] = set()  #: tests whose failure their results explain
        self.under_way: list[str] = []
        self.crashed = ""  #: how a process that judges ended early
        self.saved = -math.inf

    def begin(self, what: str) -> None:
        """Note what is about to run, which is the reason if the process dies in it. Saves results now and then."""
        if time.perf_counter() - self.saved > SAVE_SECONDS:
            self._write("crashed", "the process ended early")
            self.saved = time.perf_counter()
        self.under_way.append(what)
        running(self.folder, self.entry.subject).write_text("; ".join(self.under_way))

    def end(self, what: str) -> None:
        """Note what has run."""
        self.under_way.remove(what)

    def finish(self) -> str:
        """Write the final entry; returns its status."""
        status, reason = ("crashed", self.crashed) if self.crashed else self.entry.status()
        self._write(status, reason)
        return status

    def _write(self, status: str, reason: str) -> None:
        write_status(self.folder, self.entry.subject, **self.entry.json(status, reason))
