"""What a run leaves behind: build/parity/<backend>.json, true at every moment of the run."""

import json
import math
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import threadpoolctl

from lstm_ref.parity.truth import truth_is_wider, wider
from lstm_ref.parity.verdict import LIMIT, Result

if TYPE_CHECKING:
    from lstm_ref.parity.investigate import Investigation

SCHEMA = 1
SAVE_SECONDS = 5  #: between two writes of the results while the tests run


def write_json(path: Path, content: Any) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".tmp", delete=False, encoding="utf-8") as file:
        file.write(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False))
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)


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
    entry = {"status": status, "reason": reason, **more}
    write_json(folder / f"{backend}.json", {"schema": SCHEMA, "limit": LIMIT, "backends": {backend: entry}})
    running(folder, backend).unlink(missing_ok=True)


def cpuinfo(key: str) -> str:
    """What Linux tells of the processor; empty where nothing does."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith(key))
    except (OSError, StopIteration):
        return ""


def cpu() -> str:
    """The processor's name, as well as the system tells."""
    return cpuinfo("model name") or platform.processor() or platform.machine()


def fingerprint(framework: str, device: str, corpus: str | None) -> dict[str, Any]:
    """Versions and machine, as they stand with every result."""
    libraries = threadpoolctl.threadpool_info()
    blas = sorted({" ".join(filter(None, (lib["internal_api"], lib.get("version"), lib.get("architecture"))))
                   for lib in libraries if lib["user_api"] == "blas"})
    return {
        "framework": framework,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": ", ".join(blas) or "unknown",
        "platform": f"{sys.platform} {platform.machine()}",
        "cpu": cpu(),
        "device": device,
        "threads": max((lib["num_threads"] for lib in libraries), default=os.cpu_count() or 1),
        "corpus": corpus,
        "truth": {dtype: np.dtype(wider(dtype)).name + ("" if truth_is_wider(dtype) else " (no wider one here)")
                  for dtype in ("float32", "float64")},
    }


class Record:
    """Gathers the results of one backend. What is told of it is right even if the process dies in the next moment.

    Args:
        backend: its name.
        folder: where the file goes.
        selection: what of the suite was asked for, when not all of it.
    """

    def __init__(self, backend: str, folder: Path, selection: str = ""):
        self.backend, self.folder, self.selection = backend, folder, selection
        self.fingerprint: dict[str, Any] = {}
        self.expected: list[tuple[str, str]] = []  #: implementation and check that the backend has to show
        self.results: list[Result] = []
        self.broken: list[str] = []
        self.place = ""  #: where the first failure begins
        self.causes: dict[str, Any] = {}  #: what is wrong, by implementation
        self.explained: set[str] = set()  #: tests whose failure is told by their results
        self.start = time.perf_counter()
        self.saved = -math.inf

    def begin(self, what: str) -> None:
        """Note what is about to run: what is told of a process that dies in it. Results are saved now and then."""
        if time.perf_counter() - self.saved > SAVE_SECONDS:
            self._write("crashed", "the process ended early")
            self.saved = time.perf_counter()
        running(self.folder, self.backend).write_text(what)

    def add(self, results: list[Result]) -> None:
        """Keep the results of one check on one case.

        Raises:
            LookupError: there are none: a check that compared nothing is an error.
        """
        if not results:
            raise LookupError("the check compared nothing")
        self.results += results

    def explain(self, implementation: str, place: str, found: "Investigation") -> None:
        """Keep where the failure of an implementation begins and what is wrong with it."""
        diagnosis = found.diagnosis
        named = [finding.name for finding in diagnosis.findings] if diagnosis else []
        if not self.place:
            self.place = (f"{implementation}: {named[0]}; " if named else "") + place
        self.causes[implementation] = {"place": place, "mistakes": named, "findings": found.findings(),
                                       "heat": [heat.json() for heat in found.heats]}

    def error(self, what: str) -> None:
        """Note a test that ended without a verdict."""
        self.broken.append(what)

    def finish(self) -> str:
        """Write the final entry; returns its status."""
        failed: dict[str, dict[str, list[str]]] = {}  # dtypes that fail, by check and case, in order
        for r in self.results:
            if not r.passed:
                dtypes = failed.setdefault(r.check, {}).setdefault(r.case, [])
                dtypes += [r.dtype] if r.dtype not in dtypes else []
        if failed or self.broken:
            status = "fail"
            texts = [
                f"{check} ({', '.join(case if len(d) > 1 else f'{case} {d[0]}' for case, d in cases.items())})"
                for check, cases in failed.items()
            ]
            reason = "; ".join([*filter(None, [self.place]), *texts, *self.broken])
        elif not self.results:
            status, reason = "fail", "nothing was compared"
        else:
            status, reason = "pass", ""
        self._write(status, reason)
        return status

    def _write(self, status: str, reason: str) -> None:
        seconds = round(time.perf_counter() - self.start, 1)
        write_status(self.folder, self.backend, status, reason, seconds=seconds, selection=self.selection,
                     expected=self.expected, fingerprint=self.fingerprint, causes=self.causes,
                     results=[result.json() for result in self.results])
