"""The truths that a run needs, computed before it starts, on all cores."""

import multiprocessing
import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import threadpoolctl

from lstm_ref.parity.cases import Case, make
from lstm_ref.parity.checks import CHECKS, Numbers
from lstm_ref.parity.session import Problem
from lstm_ref.parity.truth import stored
from lstm_ref.terminal import progress


def _compute(check: str, case: Case, folder: Path) -> None:
    threadpoolctl.threadpool_limits(1)  # the processes share the cores already
    CHECKS[check].yardstick(case, folder)


def prepare(problems: Iterable[Problem], folder: Path) -> None:
    """Compute and store all yardsticks that are missing, on all cores, with a progress bar.

    Args:
        problems: what is to be judged.
        folder: of the stored yardsticks.
    """
    wanted = sorted({(problem.check, problem.case, problem.dtype) for problem in problems})
    missing = [(name, case) for name, on, dtype in wanted for check in [CHECKS[name]]
               if isinstance(check, Numbers) and not stored(check, case := make(on).astype(dtype), folder).exists()]
    if not missing:
        return
    # The longest first, so that no core is left with one at the end.
    missing.sort(key=lambda problem: (problem[1].inputs.size * problem[1].dtype.itemsize, problem[0] != "forward"),
                 reverse=True)
    # Fresh processes: a forked one would inherit the threads of BLAS.
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool, progress() as bar:
        task = bar.add_task("truth and rounding spread, once for all backends", total=len(missing))
        for future in as_completed([pool.submit(_compute, *problem, folder) for problem in missing]):
            future.result()
            bar.advance(task)
