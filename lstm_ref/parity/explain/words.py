"""A failure in words: what disagrees, by how much, where it begins, and how to see just that again."""

from collections.abc import Sequence

from lstm_ref.parity.explain.investigation import Investigation
from lstm_ref.parity.verdict import LIMIT, Result

VERDICTS = {
    "mathematics": "mathematics: it fails in both precisions, so another function is computed",
    "rounding": "rounding: it passes in the other precision, so an operator of this one is inaccurate",
    "not settled": "not settled: whether this is mathematics or rounding can't be said, since the other precision has "
                   "no numbers here",
}
MOST_SHOWN = 4


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
    lines += [f"  {line}" for line in found.findings()]
    lines += [f"  where: {where}"] if where else []
    lines += [f"  verdict: {text}" for verdict, text in VERDICTS.items() if any(r.verdict == verdict for r in failed)]
    for r in failed[:MOST_SHOWN]:
        lines.append(f"  {r.quantity}: {r.detail}")
        if r.verdict in VERDICTS:
            size = f"ratio {r.ratio:.3g}" if r.spread else "must be equal exactly"
            lines.append(f"    error {r.error:.3g}, spread {r.spread:.3g}, {size} (limit {LIMIT:g}), {r.verdict}")
    if len(failed) > MOST_SHOWN:
        lines.append(f"  and {len(failed) - MOST_SHOWN} more: {', '.join(r.quantity for r in failed[MOST_SHOWN:])}")
    lines += [f"  {line}" for line in found.new_maps()]
    return "\n".join([*lines, *(f"  {line}" for line in last)])
