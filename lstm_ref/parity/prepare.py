"""The truths that are missing, computed on all cores before anything is judged; also a program of its own.

python -m lstm_ref.parity.prepare FOLDER CHECK:CASE:DTYPE ...
"""

import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import threadpoolctl
from filelock import FileLock, Timeout

from lstm_ref.parity.cases import Case, make
from lstm_ref.parity.checks import CHECKS, Numbers
from lstm_ref.parity.truth import stored
from lstm_ref.terminal import progress

Wanted = tuple[str, str, str]  #: check, case and precision


def missing(wanted: Iterable[Wanted], folder: Path) -> list[tuple[str, Case]]:
    """What is not stored yet: names of checks, and cases in the precision under test."""
    return [(name, case) for name, on, dtype in sorted(set(wanted)) for check in [CHECKS[name]]
            if isinstance(check, Numbers) and not stored(check, case := make(on).astype(dtype), folder).exists()]


def prepare(wanted: Iterable[Wanted], folder: Path) -> None:
    """Compute and store all yardsticks that are missing, on all cores that this process may use, with a progress bar.

    Runs that do so at the same time share the work.

    Args:
        wanted: check, case and precision of what is to be judged.
        folder: of the stored yardsticks.
    """
    left = missing(wanted, folder)
    if not left:
        return
    # The longest first, so that no core is left with one at the end.
    left.sort(key=lambda problem: (problem[1].inputs.size * problem[1].dtype.itemsize, problem[0] != "forward"),
              reverse=True)
    # Fresh processes: a forked one would inherit the threads of BLAS.
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(cores(), fresh, _begin) as pool, progress() as bar:
        task = bar.add_task("truth and rounding spread, once for all backends", total=len(left))
        for wait in (0, -1):  # first what nobody is at; then what another run has left, should it have ended
            futures = {pool.submit(_compute, *problem, folder, wait): problem for problem in left}
            left = []
            for future in as_completed(futures):
                if future.result():
                    bar.advance(task)
                else:
                    left.append(futures[future])


def prepare_aside(wanted: Iterable[Wanted], folder: Path) -> None:
    """As `prepare`, from a process that can't be started again: a notebook, or a script without a main guard."""
    wanted = list(wanted)
    if sys.executable and len(missing(wanted, folder)) > 1:
        subprocess.run([sys.executable, "-m", "lstm_ref.parity.prepare", str(folder), *map(":".join, wanted)],
                       check=False)  # what it did not do is done where it is needed


def _begin() -> None:
    threadpoolctl.threadpool_limits(1)  # the processes share the cores already
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """However it ended: a worker that waits for more to do would wait for ever."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _compute(check: str, case: Case, folder: Path, wait: float) -> bool:
    """Compute one, and keep it; False where another run is at it, and it is not waited for."""
    lock = folder / f"{check}-{case.name}-{case.dtype}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(lock, timeout=wait):
            CHECKS[check].yardstick(case, folder)
    except Timeout:
        return False
    lock.unlink(missing_ok=True)  # at worst two runs then compute it: a file is put in place whole
    return True


def main(folder: str, *wanted: str) -> None:
    """See the module."""
    prepare([(check, case, dtype) for check, case, dtype in (each.split(":") for each in wanted)], Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
