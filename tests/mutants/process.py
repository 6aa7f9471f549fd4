"""A worker process from the outside: asked for one mutant at a time, under a time limit, replaced when it dies."""

import contextlib
import json
import os
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

from mutate import Mutant
from targets import ROOT

#: Mutants after which a worker is replaced: frameworks keep what they compiled for each.
LIFE = 120
#: A mutant's time limit: this many times what the unmutated source takes, and this many seconds more.
LIMIT_FACTOR, LIMIT_SECONDS = 3.0, 30.0
#: The unmutated source's limit: it computes the missing truths and fills the framework's caches.
FIRST_LIMIT = 1800.0


class Process:
    """The worker of one backend.

    Args:
        backend: its name.
        python: of its environment.
        build: where its checks leave their files.
        command: what to start, for tests; by default the worker.
    """

    def __init__(self, backend: str, python: str, build: Path, command: list[str] | None = None):
        self.command = command or [python, str(Path(__file__).with_name("worker.py")), backend, str(build)]
        self.build = build
        self.process: subprocess.Popen[str] | None = None
        self.judged: list[Mutant] = []  #: by the process that runs now
        self.closed = False

    def ask(self, task: dict[str, Any], seconds: float) -> dict[str, Any]:
        """The worker's answer; if the process dies or takes too long, that is the killer, and `seconds` is None."""
        process = self.process or self._start()
        expired = threading.Event()
        timer = threading.Timer(seconds, lambda: (expired.set(), _kill(process)))
        timer.start()
        try:
            process.stdin.write(json.dumps(task) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except (BrokenPipeError, ValueError):
            line = ""
        finally:
            timer.cancel()
        if line:
            return json.loads(line)
        self.close()
        return {"by": f"time limit of {seconds:.0f} s" if expired.is_set() else f"crash ({_ending(process)})",
                "seconds": None, "tests": {}}

    def _start(self) -> "subprocess.Popen[str]":
        if self.closed:
            raise KeyboardInterrupt
        self.build.mkdir(parents=True, exist_ok=True)
        environment = {"TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
                       "MKL_NUM_THREADS": "1", "JAX_COMPILATION_CACHE_DIR": str(self.build.resolve() / "jax-cache"),
                       "JAX_DISABLE_MOST_OPTIMIZATIONS": "true"}  # a mutant is compiled more often than it is run
        # A session of its own: Ctrl-C reaches the parent alone, and what the worker started ends with it.
        self.process = subprocess.Popen(self.command, cwd=ROOT, env={**environment, **os.environ}, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        self.judged = []
        return self.process

    def close(self) -> None:
        """End the process, if there is one."""
        process, self.process = self.process, None
        if process is not None:
            _kill(process)
            with contextlib.suppress(OSError):  # input that was not read
                process.stdin.close()
            process.stdout.close()


def _kill(process: "subprocess.Popen[str]") -> None:
    try:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except ProcessLookupError:
        pass
    process.wait()


def _ending(process: "subprocess.Popen[str]") -> str:
    code = process.wait()
    return f"signal {-code}" if code < 0 else f"exit status {code}"
