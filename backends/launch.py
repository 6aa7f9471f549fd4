"""The processes of several workers: started together, ended together, whichever of them ends first and however."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from lstm_ref.usage import describe

PIPE = "LSTM_WORKERS_PIPE"  #: the environment's name for the end of the pipe that a worker has


class WorkerError(RuntimeError):
    """A worker ended, or the time ran out; says which, and what it said last."""


def launch(commands: Sequence[Sequence[str]], seconds: float | None = None, env: dict[str, str] | None = None) -> str:
    """Run a command for each worker until all have ended; only what the first one prints is shown.

    None outlives the others, nor this process, to which each has a pipe: see `end_with_the_others`.

    Args:
        commands: one for each worker; a launcher's own one for all.
        seconds: all of them together may take; None is for ever.
        env: besides what this process has.

    Returns:
        What the first command said last, after a colon, or nothing.

    Raises:
        WorkerError: one did not end well; the others were ended.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    with ExitStack() as stack:
        errors = [stack.enter_context(tempfile.TemporaryFile()) for _ in commands]
        started: list[subprocess.Popen[bytes]] = []
        theirs, ours = os.pipe()
        try:
            with on_all_cores():
                for rank, command in enumerate(commands):
                    started.append(subprocess.Popen(
                        command, stdin=subprocess.DEVNULL, stdout=None if rank == 0 else subprocess.DEVNULL,
                        stderr=errors[rank], env=os.environ | (env or {}) | {PIPE: str(theirs)}, pass_fds=(theirs,),
                        start_new_session=True))
            running = True
            while running:
                running = None in [process.poll() for process in started]
                for rank, process in enumerate(started):
                    if process.returncode:
                        raise WorkerError(_ended(rank, started, errors[rank]))
                if running and deadline is not None and time.monotonic() > deadline:
                    raise WorkerError(f"the workers had not ended after {seconds:g} s{_last(errors[0])}")
                time.sleep(0.02 * running)
            return _last(errors[0])
        finally:
            for process in started:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            os.close(theirs)
            os.close(ours)


@contextmanager
def on_all_cores() -> Iterator[None]:
    """What is started meanwhile may use all cores of the run, where this process is held to a share of them.

    On one core workers that wait for each other, and spin while they do, take four times as long.
    """
    cores = os.environ.get("LSTM_PARITY_CORES") if hasattr(os, "sched_setaffinity") else None
    if not cores:
        yield
        return
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, map(int, cores.split(",")))
        yield
    finally:
        os.sched_setaffinity(0, before)


def _ended(rank: int, started: "list[subprocess.Popen[bytes]]", error: IO[bytes]) -> str:
    """How one ended, in words."""
    who = f"worker {rank + 1} of {len(started)}" if len(started) > 1 else "the process of the workers"
    return f"{who} {describe(started[rank].returncode)}{_last(error)}"


def _last(error: IO[bytes]) -> str:
    """What a worker said last, after a colon: its own error, if there is one, and not what its framework said of it."""
    error.seek(0)
    lines = [line.strip() for line in error.read().decode(errors="replace").splitlines() if line.strip()]
    own = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return f": {(own or lines)[-1]}" if lines else ""


def end_with_the_others() -> None:
    """Called by a worker: it ends when who started it has, however that ended."""
    def wait() -> None:
        os.read(int(os.environ[PIPE]), 1)  # nobody writes: it ends with the process at the other end
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def folder() -> "tempfile.TemporaryDirectory[str]":
    """For what workers leave for each other and for who started them."""
    return tempfile.TemporaryDirectory(prefix="lstm-workers-")


def python(module: str, *arguments: str) -> list[str]:
    """The command that runs a module as this process runs."""
    return [sys.executable, "-m", module, *map(str, arguments)]


def beside(name: str) -> str | None:
    """A program that was installed with this Python."""
    path = Path(sys.executable).parent / name
    return str(path) if path.exists() else None
