"""What a run leaves behind: <backend>.json, true at every moment of the run."""

import json
import math
import time
from pathlib import Path
from typing import Any

from lstm_ref.files import write_json
from lstm_ref.parity.entry import Entry, document

SAVE_SECONDS = 5  #: between two writes of the results while the tests run


def running(folder: Path, backend: str) -> Path:
    """The file that names the test under way; it is there only while the tests run, or when they ended badly."""
    return folder / f"{backend}.running"


def read_status(folder: Path, backend: str) -> dict[str, Any]:
    """The entry of a backend in the report; 'not run' where there is no file."""
    path = folder / f"{backend}.json"
    if not path.exists():
        return {"status": "not run", "reason": f"no {path.name} was written"}
    entry: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["backends"][backend]
    if running(folder, backend).exists():
        entry |= {"status": "crashed", "reason": f"the process ended in {running(folder, backend).read_text()}"}
    return entry


def write_status(folder: Path, backend: str, status: str, reason: str = "", **more: Any) -> None:
    """Write the entry of a backend: `status` is pass, fail, crashed or not run; `reason` says why."""
    write_json(folder / f"{backend}.json", document({backend: {"status": status, "reason": reason, **more}}))
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
        self.saved = -math.inf

    def begin(self, what: str) -> None:
        """Note what is about to run, which is the reason if the process dies in it. Saves results now and then."""
        if time.perf_counter() - self.saved > SAVE_SECONDS:
            self._write("crashed", "the process ended early")
            self.saved = time.perf_counter()
        running(self.folder, self.entry.subject).write_text(what)

    def finish(self) -> str:
        """Write the final entry; returns its status."""
        status, reason = self.entry.status()
        self._write(status, reason)
        return status

    def _write(self, status: str, reason: str) -> None:
        write_status(self.folder, self.entry.subject, **self.entry.json(status, reason))
