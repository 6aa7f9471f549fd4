"""A pytest plugin that turns the backend numpy into one that crashes, hangs, raises or errs (PLANTED says which)."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from backends.numpy.adapter import Scratch
from lstm_ref.parity.explain import diagnose

diagnose.PAIR_SECONDS = 0.3  # none of these is in the catalogue, twice or not
right = Scratch.forward


def crash(self, inputs, state, params):
    os.kill(os.getpid(), signal.SIGSEGV)


def hang(self, inputs, state, params):
    time.sleep(3600)


def start(self, inputs, state, params):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    part = Path(os.environ["PLANTED_PIDS"] + ".part")
    part.write_text(f"{os.getpid()} {child.pid}")
    part.rename(os.environ["PLANTED_PIDS"])
    time.sleep(3600)


def leave(self, inputs, state, params):
    os._exit(0)  # the worst: it dies and says that all is well


def throw(self, inputs, state, params):
    raise RuntimeError("a kernel was not found")


def interrupt(self, inputs, state, params):
    raise KeyboardInterrupt


def err(self, inputs, state, params):
    outputs, last = right(self, inputs, state, params)
    return outputs + outputs.dtype.type(0.01), last


Scratch.forward = {"crash": crash, "hang": hang, "leave": leave, "throw": throw, "interrupt": interrupt,
                "err": err, "start": start}[os.environ["PLANTED"]]
