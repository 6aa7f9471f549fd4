"""The verdict: error of an implementation against the truth, divided by the rounding spread.

A ratio of about 1 is wrong by rounding alone. There is one limit for the whole suite and no other tolerance.
"""

import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lstm_ref.params import Array
from lstm_ref.parity.cases import Case
from lstm_ref.parity.checks import Check
from lstm_ref.parity.implementation import Implementation
from lstm_ref.parity.truth import Yardstick, distance, yardstick

#: The largest ratio that passes; how it was set is in docs/judge.md.
LIMIT = 4.0


@dataclass(frozen=True)
class Result:
    """One compared quantity, as it stands in the report.

    `error` and `spread` are those of the worst element, the one with the largest ratio. A quantity that must be equal
    exactly has spread 0, and ratio 0 or infinity.
    """

    check: str
    implementation: str
    case: str
    dtype: str
    quantity: str
    error: float
    spread: float
    ratio: float
    verdict: str = "pass"  #: pass, rounding, mathematics, or fail for what is no number
    detail: str = ""  #: what was expected and what came, for a failure

    @property
    def passed(self) -> bool:
        """Whether the quantity agrees with the reference."""
        return self.verdict == "pass"

    def json(self) -> dict[str, Any]:
        """As in the report; infinity, which JSON lacks, is null."""
        numbers = ("error", "spread", "ratio")
        return {key: None if key in numbers and not np.isfinite(value) else value
                for key, value in asdict(self).items() if key != "detail" or value}


def ratios(found: Array, truth: Array, spread: Array) -> tuple[Array, Array]:
    """Distance and ratio of every element; 0 / 0 is 0, since nothing was to be seen and nothing was seen."""
    far = distance(found, truth)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return far, np.where(far == 0, 0, far / spread)


def compare(quantity: str, found: Array, dtype: np.dtype[Any], measure: Yardstick) -> dict[str, Any]:
    """Judge one quantity: the numbers and, when it fails, the words, of its `Result`."""
    truth = measure.truth[quantity]
    if found.shape != truth.shape or found.dtype != dtype:
        nothing = {"error": np.inf, "spread": 0.0, "ratio": np.inf, "verdict": "fail"}
        return {**nothing, "detail": f"expected shape {truth.shape} and {dtype}, got {found.shape} and {found.dtype}"}
    spread = np.broadcast_to(measure.spread[quantity], truth.shape)
    far, ratio = ratios(found, truth, spread)
    worst = np.unravel_index(int(np.argmax(ratio)), ratio.shape)
    numbers = {"error": float(far[worst]), "spread": float(spread[worst]), "ratio": float(ratio[worst])}
    if ratio[worst] <= LIMIT:
        return numbers
    index = tuple(int(i) for i in worst)
    return {**numbers, "verdict": "mathematics",
            "detail": f"at index {index}: expected {truth[worst]!s}, got {found[worst]!s}"}


def raised(error: Exception, check: str, name: str, case: Case) -> Result:
    """The result of a check in which the implementation raised an exception: a finding, not a broken test."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    detail = f"raised {type(error).__name__}: {error} ({Path(frame.filename).name}, line {frame.lineno})"
    return Result(check, name, case.name, str(case.dtype), "the call", np.inf, 0.0, np.inf, "fail", detail)


def judge(check: Check, implementation: Implementation, name: str, case: Case, folder: Path) -> list[Result]:
    """Run a check on an implementation and compare every quantity with the stored truth.

    An implementation that raises an exception fails with its text; it has no numbers to compare.

    Args:
        check: what is compared.
        implementation: what is judged.
        name: of the implementation in the report.
        case: the problem, in the precision under test.
        folder: of the stored yardsticks.

    Raises:
        LookupError: the implementation did not give the quantities that the reference gives, or gave none.
    """
    measure = yardstick(check, case, folder)
    try:
        found = check.run(implementation, case)
    except Exception as error:
        return [raised(error, check.name, name, case)]
    if not found or found.keys() != measure.truth.keys():
        raise LookupError(f"{check.name}: expected the quantities {sorted(measure.truth)}, got {sorted(found)}")
    return [
        Result(check.name, name, case.name, str(case.dtype), quantity,
               **compare(quantity, np.asarray(array), case.dtype, measure))
        for quantity, array in found.items()
    ]


def settle(results: list[Result], judge_in_other_dtype: Callable[[], list[Result]]) -> list[Result]:
    """Say of each failed number whether it is rounding or mathematics, by judging the case in the other precision.

    What fails in one precision alone is a weak operator or a lost digit: rounding. What fails in both is mathematics.
    """
    if not any(r.verdict == "mathematics" for r in results):
        return results
    other = {r.quantity: r.passed for r in judge_in_other_dtype()}  # lacks them all where the call raises
    return [
        Result(**{**asdict(r), "verdict": "rounding"})
        if r.verdict == "mathematics" and other.get(r.quantity) else r
        for r in results
    ]
