"""A session of the judge: what is judged of whom, check by check, and what is known in the end."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lstm_ref.files import user_cache
from lstm_ref.parity import table
from lstm_ref.parity.cases import CASES, make
from lstm_ref.parity.checks import CHECKS, EXPENSIVE
from lstm_ref.parity.entry import Entry, document
from lstm_ref.parity.explain import program
from lstm_ref.parity.explain.investigation import Investigation
from lstm_ref.parity.explain.words import explain
from lstm_ref.parity.fingerprint import fingerprint
from lstm_ref.parity.interface import DTYPES, HALVES, check_framework, full, split
from lstm_ref.parity.interface import framework as framework_of
from lstm_ref.parity.noise import NOT_IN_NUMPY
from lstm_ref.parity.ports.calls import ROLES, SignatureError, parameters
from lstm_ref.parity.ports.calls import check as check_role
from lstm_ref.parity.ports.port import Port
from lstm_ref.parity.prepare import prepare_aside
from lstm_ref.parity.verdict import Result, settle

#: The cases of a quick judgement: the truths of the book's own size take a minute.
QUICK = tuple(name for name in CASES if name != "book")


def cached_truths() -> Path:
    """The folder of the truths in the user's cache, shared by all checkouts: their names say what they rest on."""
    return user_cache() / "truth"


def truths_of_build(build: Path) -> Path:
    """The folder of the truths of a run: `truth` in its build folder where there is one, else the user's cache."""
    own = build / "truth"
    return own if own.exists() else cached_truths()


class Problem(NamedTuple):
    """One check of one implementation on one case in one precision."""

    check: str
    implementation: str
    case: str
    dtype: str


def lacking(implementation: Any) -> dict[str, str]:
    """The precisions that an implementation can't be judged in, and why."""
    return NOT_IN_NUMPY | dict(getattr(implementation, "dtypes", {}))


def absent(implementation: Any) -> dict[str, str]:
    """The checks that an implementation has no precision for, or nothing to call, where it may lack that; and why."""
    reasons = lacking(implementation)
    return {name: "absent: " + "; ".join(f"no {dtype} here: {reasons[dtype]}" for dtype in check.dtypes)
            for name, check in CHECKS.items() if reasons.keys() >= {*check.dtypes}} | {
        name: check.optional for name, check in CHECKS.items()
        if check.optional and not all(hasattr(implementation, call) for call in check.calls)}


def defects(implementation: Any) -> dict[str, str]:
    """What of an implementation is known to be wrong in its framework: 'check on case', and what it is."""
    return dict(getattr(implementation, "defects", {}))


def of_cells(implementation: Any) -> dict[str, str]:
    """The checks of cells besides the LSTM that an implementation has and is not judged in, and why."""
    known = getattr(implementation, "not_judged", {})
    return {f"{cell} {name}": why for cell, reasons in getattr(implementation, "cells", {}).items()
            for name, why in reasons.items() if known.get(name) != why and CHECKS[name].cells}


class Session:
    """Judges the implementations of one subject.

    Args:
        subject: a backend's or port's name.
        implementations: what is judged, by name.
        folder: of the report's files.
        truths: folder of the stored yardsticks; `folder`/truth when None.
        cases: names of the cases.
        dtypes: precisions.
        program: lines of code that make `implementation` of a name, for a reproduction; None where there are none.
        thorough: judge what is expensive, too.
    """

    def __init__(self, subject: str, implementations: Mapping[str, Any], folder: Path,
                 cases: Sequence[str] = tuple(CASES), dtypes: Sequence[str] = (*DTYPES, *HALVES),
                 program: Callable[[str], str] | None = None, truths: Path | None = None, thorough: bool = False):
        self.thorough = thorough
        self.implementations, self.folder, self.truths = dict(implementations), folder, truths or folder / "truth"
        self.cases, self.dtypes, self.program = cases, dtypes, program
        self.entry = Entry(subject)
        self.entry.not_judged = {
            label: absent(found) | dict(getattr(found, "not_judged", {})) | of_cells(found) | defects(found)
            for label, found in self.implementations.items()}
        self.entry.lacking = {label: reasons for label, found in self.implementations.items()
                              if (reasons := {dtype: why for dtype, why in lacking(found).items() if dtype in DTYPES})}
        self.adapter: Any = None  #: of the backend, where one is judged
        self._investigations: dict[str, Investigation] = {}
        self._programs: dict[tuple[str, str], Path] = {}

    def problems(self, checks: Iterable[str] = CHECKS) -> list[Problem]:
        """All that there is to judge, in the order of the report."""
        return [Problem(name, label, case, dtype) for name in checks for label, found in self.implementations.items()
                for case in self._cases(name) if self._has(label, name, split(case)[0])
                if case in getattr(found, "cases", self.cases) and f"{name} on {case}" not in defects(found)
                for dtype in CHECKS[name].dtypes
                if dtype in self.dtypes and dtype not in lacking(found)]

    def _has(self, label: str, check: str, cell: str) -> bool:
        """Whether a check of a cell is judged of an implementation."""
        if cell == "lstm":
            return check not in self.entry.not_judged[label]
        found = self.implementations[label]
        return cell in getattr(found, "cells", ()) and check not in {*found.cells[cell], *absent(found)}

    def _cases(self, check: str) -> list[str]:
        more = [case for case in EXPENSIVE.get(check, ()) if self.thorough and case in self.cases]
        return CHECKS[check].cases(self.cases) + more

    @staticmethod
    def truths_of(problems: Iterable[Problem]) -> list[tuple[str, str, str]]:
        """Check, case and precision of each problem."""
        return [(problem.check, problem.case, problem.dtype) for problem in problems]

    def judge_check(self, problem: Problem) -> list[Result]:
        """Judge one problem and keep its results; a failed number is judged in the other precision as well.

        Raises:
            LookupError: nothing was compared.
        """
        check, implementation = CHECKS[problem.check], self.implementations[problem.implementation]
        drawn = make(problem.case)

        def judge_in(dtype: str) -> list[Result]:
            return check.judge(implementation, problem.implementation, drawn.astype(dtype), self.truths)

        other = next(dtype for dtype in DTYPES if dtype != problem.dtype)
        results = settle(judge_in(problem.dtype), other, getattr(implementation, "dtypes", {}).get(other, ""),
                         lambda: judge_in(other))
        self.entry.add(results)
        return results

    def explain(self, problem: Problem, results: Sequence[Result], again: str = "") -> str:
        """A failure in words; what is found out is kept.

        Args:
            problem: that failed.
            results: of it.
            again: the command that runs just this again, or ''.
        """
        label, case = problem.implementation, make(problem.case).astype(problem.dtype)
        found = self._investigations.setdefault(label, Investigation(self.implementations[label], self.truths))
        place = found.where(problem.check, case)
        last = [f"again: {again}"] if again else []
        if self.program:
            key = label, problem.check
            if key not in self._programs:  # the first to fail, the smallest case, stays
                worst = max((result for result in results if not result.passed), key=lambda result: result.ratio)
                self._programs[key] = program.write(
                    self.entry.subject, self.program(label), worst, case, self.folder, self.truths)
            last.insert(0, f"reproduce: python {self._programs[key]}")
        self.entry.explain(label, full(problem.check, problem.case), place, found, last)
        return explain(self.entry.subject, results, place, found, last)

    def expected(self) -> list[tuple[str, str]]:
        """Implementation and check, with its cell, of all that is to be shown."""
        return sorted({(problem.implementation, full(problem.check, problem.case)) for problem in self.problems()})


def reasons_of(entry: dict[str, Any]) -> dict[str, str]:
    """The checks of an entry that were not run, and why."""
    return {check: reason for reasons in entry["not_judged"].values() for check, reason in reasons.items()}


def table_of(subject: str, entry: dict[str, Any]) -> str:
    """The table of one subject, with the reasons of what is not judged."""
    reasons, one = reasons_of(entry), {subject: entry}
    rows = [(name, reasons.get(name, text) if text in ("not given", "–") else text) for name, text in table.rows(one)]
    cases = dict.fromkeys(result["case"] for result in entry["results"])
    return "\n".join([f"{subject}, judged by the reference", *(f"  {name:<11} {text}" for name, text in rows),
                      *table.legend(one, reasons=False), f"Cases: {', '.join(cases) or 'none'}."])


class Verdict(str):
    """What the judge says of somebody's functions: a text, which an assertion shows whole, and what it rests on.

    Attributes:
        entry: as in the report.
        failures: the results that did not pass.
        texts: the first failure of each check in words.
    """

    subject: str
    entry: dict[str, Any]
    failures: tuple[Result, ...]
    texts: tuple[str, ...]

    def __new__(
        cls, subject: str, entry: dict[str, Any], failures: Sequence[Result], texts: Sequence[str]
    ) -> "Verdict":
        """The text is the failures, in words, and the table."""
        said, shown = set[str](), list[str]()
        for text in texts:  # a mistake and a map that two checks share are shown once
            lines = [line for line in text.splitlines() if line not in said]
            said |= {*lines}
            shown.append("\n".join(lines))
        verdict = super().__new__(cls, "\n\n".join([*shown, table_of(subject, entry)]))
        verdict.subject, verdict.entry = subject, entry
        verdict.failures, verdict.texts = tuple(failures), tuple(texts)
        return verdict

    @property
    def passed(self) -> bool:
        """Whether something was compared and all of it agrees with the reference."""
        return bool(self.entry["status"] == "pass")

    @property
    def not_judged(self) -> dict[str, str]:
        """The checks that were not run, and why."""
        return reasons_of(self.entry)

    def table(self) -> str:
        """Check by check: the worst ratio, 'ok', what fails, or why it is not judged."""
        return table_of(self.subject, self.entry)

    def json(self) -> dict[str, Any]:
        """As `report.json`, schema 1."""
        return document({self.subject: self.entry})

    def __repr__(self) -> str:
        return f"<Verdict on {self.subject}: {self.entry['status']}, {len(self.entry['results'])} quantities compared>"

    def _repr_html_(self) -> str:
        return table.as_html({self.subject: self.entry}, self.texts)


def port_of(given: Any = None, framework: Any = None, device: str = "cpu",
            dtypes: Sequence[str] | Mapping[str, str] = DTYPES, cannot: Mapping[str, str] | None = None, **roles: Any
            ) -> Port:
    """An implementation from functions, or from what has them for attributes; arguments and errors as `judge`."""
    if framework is None:
        raise SignatureError("framework: say which, as framework='torch', or give an object with tensor, array and "
                             "value_and_grad")
    unusable: dict[str, str] = {}
    if given is not None:
        found = {name: getattr(given, name) for name in ROLES if hasattr(given, name)}
        if not found:
            raise SignatureError(f"{getattr(given, '__name__', given)!s}: expected at least one of {', '.join(ROLES)}, "
                                 f"found none of them")
        for role in found.keys() - roles.keys():
            try:
                check_role(role, found[role])
                roles[role] = found[role]
            except SignatureError:  # one that nobody named takes nothing along
                unusable[role] = f"{role}({', '.join(parameters(found[role]) or ())}) can't be called"
    made = framework_of(framework, device)
    if not isinstance(framework, str):
        lacks = {*made.absent, *(dtypes if isinstance(dtypes, Mapping) else {})}
        check_framework(made, [dtype for dtype in (DTYPES if isinstance(dtypes, Mapping) else dtypes)
                                if dtype in DTYPES and dtype not in lacks],
                        gradients=bool({"lstm", "lstm_step", "rnn", "loss"} & roles.keys()))
    return Port(roles, made, unusable, dtypes, cannot)


def judge(
    given: Any = None,
    /,
    *,
    framework: Any = None,
    name: str = "",
    device: str = "cpu",
    dtypes: Sequence[str] | Mapping[str, str] = DTYPES,
    cannot: Mapping[str, str] | None = None,
    checks: Iterable[str] = tuple(CHECKS),
    cases: Sequence[str] = QUICK,
    folder: Path | None = None,
    **roles: Any,
) -> Verdict:
    """Hold functions against the reference, to rounding.

        verdict = judge(lstm=my_lstm, framework="torch")
        assert verdict.passed, verdict

    What is not given is not judged, and the verdict says so. The functions run in this process.

    Args:
        given: a module, namespace or object whose attributes are roles.
        framework: the name of one that is known, or an object with `tensor`, `array` and `value_and_grad`; see
            `lstm_ref.parity.interface.Framework`.
        name: of the subject in the verdict; the framework's when ''.
        device: 'cpu' or 'gpu'.
        dtypes: the precisions that the functions have; or those that they do not have, with a reason each. In those
            of 16 bits they are judged only if these are named here.
        cannot: checks that they can't do, with a reason each.
        checks: names of the checks, all by default.
        cases: names of the cases; all but `book`, whose truths take a minute once, by default.
        folder: of the truths, which are computed once and kept; the user's cache folder by default.
        **roles: `lstm`, `loss`, `grad_clipping` and the others of `lstm_ref.parity.ports.calls.ROLES`.

    Returns:
        The verdict.

    Raises:
        TypeError: a role is unknown or can't be called, or the framework lacks something; says what to write.
        ValueError: the framework, a check or a case is unknown.
        ImportError: the framework is not installed.
        RuntimeError: the device is not there.
    """
    checks = tuple(checks)
    for kind, known, asked in (("check", CHECKS, checks), ("case", CASES, cases)):
        if unknown := [which for which in asked if which not in known]:
            raise ValueError(f"{kind}s: known are {', '.join(known)}, got {unknown[0]!r}")
    port = port_of(given, framework, device, dtypes, cannot, **roles)
    subject = name or port.framework.name
    session = Session(subject, {"port": port}, Path(), cases, truths=folder or cached_truths())
    session.entry.fingerprint = fingerprint(port.framework.version(), device, None)
    session.entry.expected, problems = session.expected(), session.problems(checks)
    if len(problems) < len(session.problems()):
        session.entry.selection = f"{len(problems)} of {len(session.problems())} checks"
    prepare_aside(session.truths_of(problems), session.truths)
    texts: dict[str, str] = {}
    for problem in problems:
        results = session.judge_check(problem)
        if not all(result.passed for result in results) and problem.check not in texts:
            texts[problem.check] = session.explain(problem, results)
    failures = [result for result in session.entry.results if not result.passed]
    return Verdict(subject, session.entry.json(*session.entry.status()), failures, list(texts.values()))
