"""The verdict: error of an implementation against the truth, divided by the rounding spread.

A ratio of about 1 is wrong by rounding alone. There is one limit for the whole suite and no other tolerance.
"""

import hashlib
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lstm_ref.params import Array
from lstm_ref.parity.cases import Case
from lstm_ref.parity.truth import Yardstick, distance

#: The largest ratio that passes; how it was set is in docs/judge.md.
LIMIT = 4.0

#: What ends a call of an implementation and is a finding: also that it would end the program it runs in.
ENDS = (Exception, SystemExit)


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
    verdict: str = "pass"  #: pass, rounding, mathematics, not settled (either of them), or fail for what is no number
    detail: str = ""  #: what was expected and what was found, for a failure
    course: tuple[tuple[float, ...], tuple[float, ...]] | None = None  #: of losses: as expected and as found
    bits: str = ""  #: a digest of the numbers, by which two runs are seen to agree bit for bit

    @property
    def passed(self) -> bool:
        """Whether the quantity agrees with the reference."""
        return self.verdict == "pass"

    def json(self) -> dict[str, Any]:
        """As in the report; infinity, which JSON lacks, is null."""
        numbers = ("error", "spread", "ratio")
        return {key: None if key in numbers and not np.isfinite(value) else value
                for key, value in vars(self).items() if key not in ("detail", "bits", "course") or value}


def compare(quantity: str, found: Array, dtype: np.dtype[Any], measure: Yardstick) -> dict[str, Any]:
    """Judge one quantity: the numbers and, when it fails, the words, of its `Result`."""
    truth = measure.truth[quantity]
    if found.shape != truth.shape or found.dtype != dtype:
        nothing = {"error": np.inf, "spread": 0.0, "ratio": np.inf, "verdict": "fail"}
        return {**nothing, "detail": f"expected shape {truth.shape} and {dtype}, got {found.shape} and {found.dtype}"}
    spread = np.broadcast_to(measure.spread[quantity], truth.shape)
    far, ratio = distance(found, truth), measure.ratio(quantity, found)
    worst = np.unravel_index(int(np.argmax(ratio)), ratio.shape)
    numbers: dict[str, Any] = {"error": float(far[worst]), "spread": float(spread[worst]), "ratio": float(ratio[worst]),
               "bits": hashlib.blake2b(found.tobytes(), digest_size=4).hexdigest()}
    if quantity == "loss" and found.ndim == 1:
        course = tuple(tuple(float(f"{x:.7g}") for x in losses) for losses in (truth, found))
        numbers["course"] = course if np.isfinite(course).all() else None
    if ratio[worst] <= LIMIT:
        return numbers
    index = tuple(int(i) for i in worst)
    return {**numbers, "verdict": "mathematics",
            "detail": f"at index {index}: expected {truth[worst]!s}, got {found[worst]!s}"}


def raised(error: BaseException, check: str, name: str, case: Case) -> Result:
    """The result of a check in which the implementation raised an exception: a finding, not a broken test."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    detail = f"raised {type(error).__name__}: {error} ({Path(frame.filename).name}, line {frame.lineno})"
    if "backward" in str(error) and "second time" in str(error):  # PyTorch's and Paddle's words
        detail += "; the state is not detached between minibatches, so this step goes back through the one before"
    return Result(check, name, case.name, str(case.dtype), "the call", np.inf, 0.0, np.inf, "fail", detail)


def settle(results: list[Result], other: str, absent: str, judge_in_other: Callable[[], list[Result]]) -> list[Result]:
    """Say of each failed number whether it is rounding or mathematics, by judging the case in the other precision.

    What fails in one precision alone is a weak operator or a lost digit: rounding. What fails in both is mathematics; a
    quantity beside it that float32 is too coarse to show wrong, a loss near the start say, follows from the same.
    Where the other precision gives no numbers, neither is claimed.

    Args:
        results: of one check on one case.
        other: the name of the other precision.
        absent: why the implementation does not have it, or ''.
        judge_in_other: the same check on the same case there.
    """
    if not any(r.verdict == "mathematics" for r in results):
        return results
    found = {} if absent else {r.quantity: r for r in judge_in_other()}
    settled = []
    for r in results:
        there = found.get(r.quantity)
        if r.verdict != "mathematics" or (there is not None and not there.passed and there.verdict == "mathematics"):
            settled.append(r)
        elif there is not None and there.passed:
            settled.append(replace(r, verdict="rounding"))
        else:
            why = absent or next((r.detail for r in found.values() if not r.passed), "it has no result there")
            settled.append(replace(r, verdict="not settled", detail=f"{r.detail}; no {other} here: {why}"))
    if any(r.verdict == "mathematics" for r in settled):
        return [replace(r, verdict="mathematics") if r.verdict == "rounding" else r for r in settled]
    return settled


def ratio_of(result: dict[str, Any]) -> float:
    """The ratio of a result as it stands in a report, where infinity is null."""
    return np.inf if result["ratio"] is None else float(result["ratio"])
