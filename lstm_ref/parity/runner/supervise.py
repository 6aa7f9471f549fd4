"""Runs the checks in a process of their own and says in words how it ended."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from lstm_ref.parity.runner.record import file_of, read_status, write_status
from lstm_ref.usage import UsageError, describe, ended_by_signals, kill_group, tied

NOT_STARTED = "the process of its checks did not start"


def supervise(subject: str, folder: Path, time_limit: float, pytest_arguments: Sequence[str]) -> bool:
    """Run pytest on what is judged under a time limit; its JSON says the truth even if it crashed or hung.

    Args:
        subject: its name in the report.
        folder: of the report's files.
        time_limit: seconds after which the process and its children are killed.
        pytest_arguments: what is judged among them.

    Returns:
        Whether it passed.

    Raises:
        UsageError: another process runs it in the same folder, or nothing can be written there.
        SystemExit: this process was asked to end; the file says so, and nothing that was started is left.
    """
    try:
        with FileLock(file_of(folder, subject, ".lock"), timeout=0), ended_by_signals():
            return _supervise(subject, folder, time_limit, pytest_arguments)
    except Timeout:
        raise UsageError(f"{folder}: another run of {subject} is under way in this folder; wait for it, or name "
                         "another folder with --build") from None
    except OSError as error:
        raise UsageError(str(error)) from error


def _supervise(subject: str, folder: Path, time_limit: float, pytest_arguments: Sequence[str]) -> bool:
    write_status(folder, subject, "not run", NOT_STARTED)
    # Hypothesis draws nothing here, and where it is installed its plugin takes a second to load.
    command = [sys.executable, "-m", "pytest", "-p", "no:hypothesispytest", f"--build={folder}",
               f"--junit-xml={file_of(folder, subject, '.xml')}", *pytest_arguments]
    # Threads that spin while they wait cost a busy machine more than the work itself.
    environment = {"OMP_WAIT_POLICY": "PASSIVE"} | os.environ | {"PYTHONOPTIMIZE": ""}  # tests are made of asserts
    with tied(environment) as more:
        process = subprocess.Popen(command, start_new_session=True, **more)
        try:
            code = process.wait(time_limit)
        except subprocess.TimeoutExpired:
            kill_group(process)
            doing = read_status(folder, subject)["reason"] or "all checks had ended"
            amend(folder, subject, f"hung: no end within {time_limit:g} s; {doing}")
            return False
        except BaseException as error:
            kill_group(process)
            how = signal.Signals(error.args[0] - 128).name if isinstance(error, SystemExit) else repr(error)
            amend(folder, subject, f"ended from outside by {how}; {read_status(folder, subject)['reason']}")
            raise
    if code < 0:
        kill_group(process)  # what it had started
    entry = read_status(folder, subject)
    if entry["reason"] == NOT_STARTED:
        write_status(folder, subject, "not run", f"pytest {describe(code)} before any check; its output says why")
    elif entry["status"] == "crashed" or code < 0:
        why = ", and its output says why" * (code > 0)
        amend(folder, subject, f"{describe(code)}{why}; {entry['reason']}")
    elif code != 0 and entry["status"] == "pass":
        amend(folder, subject, f"pytest ended with exit status {code} after a verdict of pass")
    return code == 0 and entry["status"] == "pass"


def amend(folder: Path, subject: str, reason: str) -> None:
    """Mark an entry as crashed, keeping the results it has."""
    entry = read_status(folder, subject)
    write_status(folder, subject, **{**entry, "status": "crashed", "reason": reason})
