"""A failure in words: what disagrees, by how much, where it begins, and how to see just that again."""

from collections.abc import Sequence

from lstm_ref.parity.explain.diagnose import COMPARED
from lstm_ref.parity.explain.investigation import Investigation
from lstm_ref.parity.interface import full
from lstm_ref.parity.verdict import LIMIT, Result

VERDICTS = {
    "mathematics": "mathematics: it fails in both precisions, so another function is computed",
    "rounding": "rounding: it passes in the other precision, so an operator of this one is inaccurate",
    "not settled": "not settled: whether this is mathematics or rounding can't be said, since the other precision has "
                   "no numbers here",
}
MOST_SHOWN = 4
SINGLE = 1e-5  #: float32 rounds to 6e-8; a handful of operations reach this


def diagnosed(check: str, found: Investigation) -> list[str]:
    """The diagnosis in words, where it says something of this check: not what was found in another alone."""
    lines, diagnosis = found.findings(), found.diagnosis
    if diagnosis is None or not diagnosis.findings or check not in COMPARED - diagnosis.follow or any(
            check in finding.explains for finding in diagnosis.findings):
        return lines
    return [f"diagnosis: nothing of the catalogue for {check}; in {', '.join(diagnosis.findings[0].explains)}: "
            f"{diagnosis.findings[0].name}"]


def explain(subject: str, results: Sequence[Result], where: str, found: Investigation, last: Sequence[str]) -> str:
    """The text of a failure.

    Args:
        subject: the backend or port.
        results: of one check on one case, the failed ones among them.
        where: the failure begins, or ''.
        found: what is known of the implementation.
        last: lines on how to see it again.
    """
    failed = sorted((r for r in results if not r.passed), key=lambda r: -r.ratio)
    first = failed[0]
    lines = [f"{subject}: {first.check} of {first.implementation} on case {first.case} in {first.dtype}: "
             f"{len(failed)} of {len(results)} quantities disagree with the reference"]
    lines += [f"  {line}" for line in diagnosed(full(first.check, first.case), found)]
    lines += [f"  where: {where}"] if where else []
    lines += [f"  verdict: {text}" for verdict, text in VERDICTS.items() if any(r.verdict == verdict for r in failed)]
    if first.dtype == "float64" and first.verdict == "rounding" and first.error < SINGLE * max(1.0, first.spread):
        lines.append("  size: an error of float32's: is something computed in it, through a cast or a Python number?")
    for r in failed[:MOST_SHOWN]:
        lines.append(f"  {r.quantity}: {r.detail}")
        if r.verdict in VERDICTS:
            size = f"ratio {r.ratio:.3g}" if r.spread else "must be equal exactly"
            lines.append(f"    error {r.error:.3g}, spread {r.spread:.3g}, {size} (limit {LIMIT:g}), {r.verdict}")
    if len(failed) > MOST_SHOWN:
        lines.append(f"  and {len(failed) - MOST_SHOWN} more: {', '.join(r.quantity for r in failed[MOST_SHOWN:])}")
    lines += [f"  {line}" for line in found.new_maps()]
    return "\n".join([*lines, *(f"  {line}" for line in last)])
