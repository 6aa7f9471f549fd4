"""The judge in several processes of pytest-xdist: each judges and sends what it finds, one keeps it.

What is found goes along with the report of its test, so that nothing is lost with a process that ends early.
"""

import json
from typing import Any

import pytest

from lstm_ref.parity.entry import Entry
from lstm_ref.parity.runner.record import write_status

SENT = "lstm_parity"  #: the attribute of a test's report, and the key of a process's last words
BEFORE = "the start of the processes that judge, or the computation of the truths"


def begins_others(config: pytest.Config) -> bool:
    """Whether this process judges nothing and begins others that do."""
    return getattr(config.option, "dist", "no") != "no" and not is_begun(config)


def is_begun(config: pytest.Config) -> bool:
    """Whether this process was begun by another one."""
    return hasattr(config, "workerinput")


class Sending:
    """In the place of a record: keeps no file.

    Args:
        entry: what this process finds.
    """

    def __init__(self, entry: Entry):
        self.entry = entry
        self.explained: set[str] = set()
        self.sent = 0  #: the number of results that have gone

    def begin(self, what: str) -> None:
        """The process that keeps the file hears of it by itself."""

    end = begin

    def finish(self) -> str:
        """It is for the process that keeps the file to say."""
        return "pass"

    def send(self, report: pytest.TestReport) -> None:
        """Put what was found since the last time on the report of a test, as JSON."""
        results = self.entry.results[self.sent:]
        self.sent = len(self.entry.results)
        setattr(report, SENT, json.dumps({"entry": self.entry.part(results),
                                          "explained": report.nodeid in self.explained}))


class Refused:
    """In a process that can judge nothing: says why, and collects nothing."""

    def __init__(self, reason: str):
        self.reason = reason

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> bool:
        """Nothing."""
        session.items = []
        session.config.hook.pytest_collection_finish(session=session)
        return True

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """The reason goes to the process that began this one."""
        output: dict[str, Any] = session.config.workeroutput  # type: ignore[attr-defined]  # xdist's
        output[SENT] = self.reason


class Gathered:
    """What becomes of it in the process that began the others; a plugin beside the one that keeps the record."""

    def __init__(self, record: Any):
        self.record, self.refused = record, ""

    def pytest_runtest_logstart(self) -> None:
        """The first test begins."""
        if BEFORE in self.record.under_way:
            self.record.end(BEFORE)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what a process found in a test."""
        if str(report.when) == "???":  # xdist's report of a process that ended in a test
            name = report.nodeid.rpartition("::")[2]
            self.record.crashed = f"a process ended early, in {name}; its output says why, if it could"
            self.record.explained.add(report.nodeid)
        if said := vars(report).pop(SENT, None):
            found = json.loads(said)
            self.record.entry.receive(found["entry"])
            if found["explained"]:
                self.record.explained.add(report.nodeid)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """A process has ended; perhaps it could judge nothing."""
        self.refused = self.refused or getattr(node, "workeroutput", {}).get(SENT, "")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Where nothing could be judged, the file says why."""
        if self.refused:
            write_status(self.record.folder, self.record.entry.subject, "not run", self.refused)
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """And so does the terminal."""
        if self.refused:
            terminalreporter.write_line(f"ERROR: {self.refused}", red=True)
