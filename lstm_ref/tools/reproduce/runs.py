"""The book's experiment, over several seeds and in every backend: does each reach the published perplexity?"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstm_ref.files import check_writable
from lstm_ref.parity import registry
from lstm_ref.terminal import console, progress
from lstm_ref.tools.reproduce.page import write_report
from lstm_ref.tools.train.run import read_log
from lstm_ref.usage import UsageError, check_installed, ended_by_signals, refusals
from lstm_ref.validate import check_sizes

MODELS = ("scratch", "concise")


@dataclass(frozen=True)
class Task:
    """One run: a backend's model of a cell from one seed, in a folder of its own."""

    backend: str
    model: str
    seed: int
    folder: Path
    cell: str = "lstm"

    def __str__(self) -> str:
        return f"{self.backend} {self.model}, seed {self.seed}"


def tasks(chosen: Sequence[str], seeds: int, build: Path, cell: str = "lstm") -> Iterator[Task]:
    """All runs, seed by seed; NumPy has no concise layer."""
    for seed in range(seeds):
        for backend in chosen:
            for model in MODELS[:1] if backend == "numpy" else MODELS:
                name = f"{backend}-{model}-{seed}" + ("" if cell == "lstm" else f"-{cell}")
                yield Task(backend, model, seed, build / name, cell)


def finished(task: Task, epochs: int) -> dict[str, Any] | None:
    """The log of a finished run of this many epochs, or None.

    Raises:
        ValueError: there is a log that is not of this run.
    """
    log = read_log(task.folder)
    wanted = {"backend": task.backend, "model": task.model, "seed": task.seed, "cell": task.cell}
    if log and (got := {key: log["settings"].get(key) for key in wanted}) != wanted:
        raise ValueError(f"{task.folder}: expected a run of {task}, got one of {got}; name another --build")
    return log if log and log["finished"] and log["settings"]["epochs"] == epochs else None


def run(task: Task, python: str, epochs: int, threads: int, under_way: "list[subprocess.Popen[bytes]]") -> str:
    """Run a task in a process of its own, which is noted, or resume it; returns why it failed, or ''."""
    if finished(task, epochs):
        return ""
    task.folder.mkdir(parents=True, exist_ok=True)
    resume = ["--resume"] if (task.folder / "checkpoint.npz").exists() else []
    command = [python, "-m", "lstm_ref", "train", "--backend", task.backend, "--model", task.model,
               "--cell", task.cell, "--seed", str(task.seed), "--epochs", str(epochs), "--data", "timemachine",
               "--out", str(task.folder), *resume]
    limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"),
                           str(threads))
    output = task.folder / "output.txt"
    with output.open("w") as file:
        try:
            process = subprocess.Popen(command, env=os.environ | limits, stdout=file, stderr=subprocess.STDOUT)
        except OSError as error:
            return f"{task}: expected {python} to be a Python, got {error.strerror}"
        under_way.append(process)
        code = process.wait()
    if code == 0 and finished(task, epochs):
        return ""
    last = output.read_text(errors="replace").strip().splitlines()[-1:] or ["no output"]
    return f"{task}: ended with exit status {code}: {last[0]} (full output in {output})"


@contextmanager
def ended_whole(pool: ThreadPoolExecutor, under_way: "list[subprocess.Popen[bytes]]") -> Iterator[None]:
    """Who is asked to end leaves no training behind; each goes on from its checkpoint the next time."""
    try:
        yield
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in under_way:
            process.terminate()
        raise


def reproduce(python: Sequence[str], epochs: int, seeds: int, jobs: int | None, build: Path, docs: Path,
              cell: str = "lstm", shard: slice | None = None) -> int:
    """`lstm-parity reproduce`: run what has not been run yet and write the report.

    Args:
        python: 'backend=path of its Python', one for each backend.
        epochs: of each run.
        seeds: runs of each model.
        jobs: runs at a time; None for one on each core.
        build: folder of the runs.
        docs: folder of the report.
        cell: 'lstm' or 'gru'.
        shard: of the runs, those that are done here; the report is left to a call without it.

    Returns:
        0 when every run was finished, else 1.

    Raises:
        UsageError: a number is not positive, a backend is unknown or its Python is none, a folder can't be written to
            or holds another run, or matplotlib is missing.
    """
    pythons: dict[str, str] = {}
    for entry in python:
        backend, _, path = entry.partition("=")
        if not shutil.which(path) or backend in pythons:
            raise UsageError(f"--python: expected BACKEND=PATH once for each backend, with the path of its "
                             f"environment's Python, got {entry!r}" + (" again" if backend in pythons else ""))
        pythons[backend] = path
    if unknown := pythons.keys() - {*registry.names()}:
        raise UsageError(f"unknown backend {unknown.pop()!r}; known are {', '.join(registry.names())}")
    cores = os.cpu_count() or 1
    at_once = cores if jobs is None else jobs
    with refusals():
        check_sizes(epochs=epochs, seeds=seeds, jobs=at_once)
        check_installed("matplotlib.figure", "train", "the page's picture")
        check_writable(build)
        check_writable(docs)
        every = list(tasks(list(pythons), seeds, build, cell))[shard or slice(None)]
        for task in every:
            finished(task, epochs)
    failures, under_way = [], list[subprocess.Popen[bytes]]()
    with ended_by_signals(), ThreadPoolExecutor(at_once) as pool, ended_whole(pool, under_way), progress() as bar:
        shown = bar.add_task(f"{epochs} epochs each, {at_once} at a time", total=len(every))
        futures = {pool.submit(run, task, pythons[task.backend], epochs, max(cores // at_once, 1), under_way): task
                   for task in every}
        for future in as_completed(futures):
            bar.advance(shown)
            if failure := future.result():
                failures.append(failure)
            elif bar.disable:
                print(f"done: {futures[future]}", flush=True)
    out = console()
    for failure in failures:
        out.print(failure, style="red", markup=False)
    if shard is None and (logs := [log for task in every if (log := finished(task, epochs))]):
        for line in write_report(logs, docs, cell):
            out.print(line, markup=False)
    return 1 if failures else 0
