"""What is said to a person: what was asked for and can't be had, which has no traceback, and how a program ended.

And that what it began ends with it.
"""

import argparse
import importlib
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

PIPE = "LSTM_PARITY_PIPE"  #: the environment's name for the end of a pipe that a process is tied by


class UsageError(Exception):
    """A request that is refused; the text says what was expected, what was found and what to do."""


@contextmanager
def refusals() -> Iterator[None]:
    """Around the checks of a request: what they raise is the user's to read, as a `UsageError`."""
    try:
        yield
    except (ValueError, ImportError, RuntimeError, OSError) as error:
        raise UsageError(str(error)) from error


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Signals that ask to end raise SystemExit, with a shell's exit status: the default would leave the child alone."""
    def end(number: int, frame: FrameType | None) -> None:
        for each in asking:
            signal.signal(each, signal.SIG_IGN)  # once is enough: what follows must come to its end
        raise SystemExit(128 + number)

    known = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    asking = [each for each in known if signal.getsignal(each) is not signal.SIG_IGN]  # as nohup has it
    before = [signal.signal(each, end) for each in asking]
    try:
        yield
    finally:
        for each, handler in zip(asking, before, strict=True):
            signal.signal(each, handler)


@contextmanager
def tied(environment: dict[str, str]) -> Iterator[dict[str, Any]]:
    """For a process that is begun with these arguments of Popen, and leads a group: it ends with this one.

    It has to call `end_with_parent` first.
    """
    if os.name != "posix":
        yield {"env": environment}
        return
    read, write = os.pipe()
    try:
        yield {"env": environment | {PIPE: str(read)}, "pass_fds": (read,)}
    finally:
        os.close(read)
        os.close(write)


def end_with_parent() -> None:
    """In a process that is tied: from here on it ends with the one that began it, however that ended, and so does all
    that it has begun in its group.
    """
    def watch() -> None:
        os.read(int(pipe), 1)  # nobody writes: it ends with the process at the other end
        os.killpg(os.getpgrp(), signal.SIGKILL)

    if pipe := os.environ.pop(PIPE, ""):
        threading.Thread(target=watch, daemon=True).start()


def kill_group(process: Any) -> None:
    """End a process that leads a group, and what it has started in it."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def check_installed(package: str, extra: str, use: str) -> None:
    """See that a package of one of our extras can be imported.

    Raises:
        ImportError: it can't; says what it is used for and which extra brings it.
    """
    try:
        importlib.import_module(package)
    except ImportError as error:
        raise ImportError(f"{use}: expected the package {package}, found none ({error}); "
                          f'python -m pip install "lstm-parity[{extra}]"') from None


def describe(code: int) -> str:
    """An exit status in words."""
    if code < 0:
        return f"killed by signal {-code} ({signal.Signals(-code).name})"
    return f"ended with exit status {code}"


def counts(text: str) -> tuple[int, ...]:
    """The numbers that '1,2' lists, each at least 1: for argparse.

    Raises:
        ArgumentTypeError: it lists something else.
    """
    numbers = text.split(",")
    if not all(number.isdecimal() and int(number) >= 1 for number in numbers):
        raise argparse.ArgumentTypeError("expected numbers of at least 1 with commas between them, such as 1,2, got "
                                         f"{text!r}")
    return tuple(map(int, numbers))


def shard(text: str) -> slice:
    """The part of a list that '3/8' names, every eighth from the third on: for argparse.

    Raises:
        ArgumentTypeError: it is no such part.
    """
    part, _, parts = text.partition("/")
    if not (part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise argparse.ArgumentTypeError(f"expected K/N, the K-th of N parts, such as 3/8, got {text!r}")
    return slice(int(part) - 1, None, int(parts))
