"""Backends side by side: while one is judged the next ones run already, each on its share of the cores."""

import atexit
import contextlib
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Say = Callable[[str], object]
#: What is done for a backend, given how to speak and where its programs write (None: to the terminal).
Work = Callable[[Say, Any], Any]

HERE = hasattr(os, "sched_setaffinity")  #: whether a thread can be held to some cores; its processes inherit them
#: All cores of the run, for what is started by what is held to a share: `backends.launch` gives them to workers.
ALL = {"LSTM_PARITY_CORES": ",".join(map(str, sorted(os.sched_getaffinity(0))))} if HERE else {}


def shares(jobs: int) -> list[list[int]]:
    """The cores that this process may use, in as many parts as there are jobs, or as there are cores."""
    cores = sorted(os.sched_getaffinity(0)) if HERE else list(range(os.cpu_count() or 1))
    jobs = max(1, min(jobs, len(cores)))
    return [cores[i * len(cores) // jobs:(i + 1) * len(cores) // jobs] for i in range(jobs)]


def default_jobs(most: int) -> int:
    """How many jobs at a time: two, or as many as have four cores each, which a backend's processes then share."""
    cores = len(shares(10**6))
    return min(max(min(2, cores), cores // 4), most)


@contextlib.contextmanager
def held(share: list[int]) -> Iterator[None]:
    """This thread, and what it starts, on some cores alone."""
    before = os.sched_getaffinity(0) if HERE else set()
    try:
        if HERE:
            os.sched_setaffinity(0, share)
        yield
    finally:
        if HERE:
            os.sched_setaffinity(0, before)


def ahead(names: Sequence[str], jobs: int, seconds: Mapping[str, float]) -> float:
    """The minutes that backends take, so many at a time."""
    each = [seconds.get(name, 0.0) for name in names]
    return max(max(each, default=0.0), sum(each) / jobs) / 60


def outlook(names: Sequence[str], jobs: int, last: Mapping[str, float], first: Mapping[str, float]) -> str:
    """How long it will take, in words; '' for one backend.

    Args:
        names: of the backends.
        jobs: how many at a time.
        last: the seconds that they took last, of those that have run here.
        first: the seconds of a first run.
    """
    if len(names) == 1:
        return ""
    new = [name for name in names if name not in last]
    minutes = max(round(ahead(names, jobs, {**first, **last})), 1)
    guess = "less where nothing has changed" if not new else f"it is the first run here of {', '.join(new)}"
    return f"{len(names)} backends, {jobs} at a time: about {minutes} min, {guess}"


class Task:
    """One backend's work; what it says and writes is kept until it is asked for."""

    def __init__(self, work: Work, output: Path):
        self.work, self.output = work, output
        self.begun: float | None = None  #: when it was
        self.ended = threading.Event()
        self.result: Any = None
        self.error: Exception | None = None
        output.touch()

    def do(self, share: list[int]) -> None:
        """Do it aside."""
        try:
            with held(share), self.output.open("a", encoding="utf-8") as file:
                self.result = self.work(lambda text: print(text, file=file, flush=True), file)
        except Exception as error:
            self.error = error
        self.ended.set()

    def follow(self) -> Any:
        """Show its output until it has ended; its result."""
        with self.output.open(encoding="utf-8", errors="replace") as file:
            ended = False
            while not ended:
                ended = self.ended.wait(0.2)
                print(file.read(), end="", flush=True)
        if self.error:
            raise self.error
        return self.result


class Aside:
    """Tasks in their order, as many at a time as there are shares of the cores.

    Args:
        jobs: how many at a time.
        tasks: what is done, by name; shown in this order.
        seconds: that they take, as far as is known: the longest is begun aside first, or it would run alone at the end.
    """

    def __init__(self, jobs: int, tasks: Mapping[str, Work], seconds: Mapping[str, float] | None = None):
        self.folder = tempfile.TemporaryDirectory()
        atexit.register(self.folder.cleanup)
        self.tasks = {name: Task(work, Path(self.folder.name, name)) for name, work in tasks.items()}
        self.seconds, self.jobs = dict(seconds or {}), jobs
        self.longest_first = sorted(self.tasks, key=lambda name: -self.seconds.get(name, 0))
        self.free: queue.SimpleQueue[list[int]] = queue.SimpleQueue()
        self.lock, self.begun = threading.Lock(), time.monotonic()
        self.others: threading.Thread | None = None
        parts = shares(jobs)
        for share in parts:
            self.free.put(share)
        if len(parts) > 1:
            atexit.register(end)
            signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what was started ends, too
            self.others = threading.Thread(target=self._work, daemon=True)

    def result(self, name: str, say: Say) -> Any:
        """Of a task. Where it was not begun aside it is done now, before everybody's eyes."""
        task = self.tasks[name]
        if not self._claim(task):
            return task.follow()
        share = self.free.get()
        if self.others and not self.others.ident:
            self.others.start()
        try:
            with held(share):
                return task.work(say, None)
        finally:
            self.free.put(share)
            task.ended.set()

    def left(self) -> float:
        """The minutes that are left, by how fast those were that have ended."""
        ended = [name for name, task in self.tasks.items() if task.ended.is_set()]
        expected = 60 * ahead(ended, self.jobs, self.seconds)
        now = time.monotonic()
        pace = min(1.0, (now - self.begun) / expected) if expected else 1.0
        return ahead([name for name in self.tasks if name not in ended], self.jobs, {
            name: max(pace * self.seconds.get(name, 0.0) - (now - task.begun if task.begun else 0.0), 0.0)
            for name, task in self.tasks.items()})

    def _claim(self, task: Task) -> bool:
        with self.lock:
            if task.begun is not None:
                return False
            task.begun = time.monotonic()
        return True

    def _work(self) -> None:
        for task in map(self.tasks.__getitem__, self.longest_first):
            share = self.free.get()
            if self._claim(task):
                threading.Thread(target=self._do, args=(task, share), daemon=True).start()
            else:
                self.free.put(share)

    def _do(self, task: Task, share: list[int]) -> None:
        task.do(share)
        self.free.put(share)


_running: set["subprocess.Popen[bytes]"] = set()


def run(command: Sequence[str], env: Mapping[str, str], output: Any = None) -> bool:
    """Run a program to its end; whether it ended with 0."""
    both = subprocess.STDOUT if output else None
    process = subprocess.Popen(command, env={**os.environ, **ALL, **env}, stdout=output, stderr=both)
    _running.add(process)
    try:
        return process.wait() == 0
    except BaseException:
        process.terminate()
        process.wait()
        raise
    finally:
        _running.discard(process)


def end() -> None:
    """End all that was started; each of them ends what it has started itself."""
    for process in list(_running):
        process.terminate()
    for process in list(_running):
        process.wait()
