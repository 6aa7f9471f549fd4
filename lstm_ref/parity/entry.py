"""What is known of one subject, a backend or a port: an entry of the report."""

import time
from collections.abc import Sequence
from typing import Any

from lstm_ref.parity.explain.investigation import Investigation
from lstm_ref.parity.verdict import LIMIT, Result

SCHEMA = 1
#: What all processes that judge a subject know alike.
FACTS = ("selection", "fingerprint", "expected", "not_judged", "lacking", "thorough")


def document(entries: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Entries by name, as they stand in a file."""
    return {"schema": SCHEMA, "limit": LIMIT, "backends": entries}


def first(known: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """What is known, and after it what is not known yet."""
    return known | {name: value for name, value in more.items() if name not in known}


class Entry:
    """Gathers the results of a subject.

    Args:
        subject: its name.
        selection: what of the suite was asked for, when not all of it.
    """

    def __init__(self, subject: str, selection: str = ""):
        self.subject, self.selection = subject, selection
        self.fingerprint: dict[str, Any] = {}
        self.expected: list[tuple[str, str]] = []  #: implementation and check that it has to show
        self.not_judged: dict[str, dict[str, str]] = {}  #: by implementation, checks and why they are not judged
        self.lacking: dict[str, dict[str, str]] = {}  #: by implementation, precisions it is not judged in, and why
        self.thorough: dict[str, str] | None = None  #: what --thorough judges, by implementation; None: there is none
        self.results: list[Result] = []
        self.broken: list[str] = []
        self.place = ""  #: where the first failure begins
        self.causes: dict[str, Any] = {}  #: what is wrong, by implementation
        self.start = time.perf_counter()

    def add(self, results: list[Result]) -> None:
        """Keep the results of one check on one case.

        Raises:
            LookupError: there are none: a check that compared nothing is an error.
        """
        if not results:
            raise LookupError("the check compared nothing")
        self.results += results

    def explain(self, implementation: str, check: str, place: str, found: Investigation, last: Sequence[str]) -> None:
        """Keep where the failure of an implementation in a check begins, what is wrong with it, how to see it again."""
        diagnosis = found.diagnosis
        named = [finding.name for finding in diagnosis.findings] if diagnosis else []
        if not self.place and (named or place):
            self.place = f"{implementation}: {'; '.join(filter(None, [*named[:1], place]))}"
        before = self.causes.get(implementation, {})
        self.causes[implementation] = {"places": first(before.get("places", {}), {check: place} if place else {}),
                                       "mistakes": named, "findings": found.findings(),
                                       "commands": first(before.get("commands", {}), {check: list(last)}),
                                       "heat": [drawn.json() for drawn in found.maps]}

    def part(self, results: Sequence[Result]) -> dict[str, Any]:
        """What another process's entry of the same subject takes over, with some of the results."""
        return {**{name: getattr(self, name) for name in FACTS}, "place": self.place, "causes": self.causes,
                "results": [vars(result) for result in results]}

    def receive(self, part: dict[str, Any]) -> None:
        """Take over a part of what another process has found."""
        for name in FACTS:
            setattr(self, name, part[name])
        self.place = self.place or part["place"]
        for label, cause in part["causes"].items():
            known = self.causes.setdefault(label, cause)
            titles = [drawn["title"] for drawn in known["heat"]]
            known["heat"] += [drawn for drawn in cause["heat"] if drawn["title"] not in titles]
            for name in ("places", "commands"):
                known[name] = first(known[name], cause[name])
        self.results += [Result(**result) for result in part["results"]]

    def error(self, what: str) -> None:
        """Note a test that ended without a verdict."""
        self.broken.append(what)

    def status(self) -> tuple[str, str]:
        """'pass' or 'fail', and why it fails."""
        failed: dict[str, dict[str, dict[str, list[str]]]] = {}  # dtypes that fail, by implementation, check and case
        for r in self.results:
            if not r.passed:
                dtypes = failed.setdefault(r.implementation, {}).setdefault(r.check, {}).setdefault(r.case, [])
                dtypes += [r.dtype] if r.dtype not in dtypes else []
        if failed or self.broken:
            texts = []
            for label, checks in failed.items():
                words = [f"{check} ({', '.join(case if len(d) > 1 else f'{case} {d[0]}' for case, d in cases.items())})"
                         for check, cases in checks.items()]
                texts.append(f"{label} fails in " * (len(failed) > 1) + "; ".join(words))
            return "fail", "; ".join([*filter(None, [self.place]), *texts, *self.broken])
        return ("pass", "") if self.results else ("fail", "nothing was compared")

    def json(self, status: str, reason: str) -> dict[str, Any]:
        """As it stands in the report."""
        return {"status": status, "reason": reason, "seconds": round(time.perf_counter() - self.start, 1),
                "selection": self.selection, "expected": self.expected, "not_judged": self.not_judged,
                "lacking": self.lacking, "fingerprint": self.fingerprint, "causes": self.causes,
                **({} if self.thorough is None else {"thorough": self.thorough}),
                "results": [result.json() for result in self.results]}
