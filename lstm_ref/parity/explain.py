"""A failure in words: what disagrees, by how much, where it begins, and how to see just that again."""

from collections.abc import Sequence

from lstm_ref.parity.verdict import LIMIT, Result

VERDICTS = {
    "mathematics": "mathematics: the case fails in both precisions, so another function is computed",
    "rounding": "rounding: the case passes in the other precision, so an operator of this one is inaccurate",
    "fail": "not what the reference has",
}
MOST_SHOWN = 6


def explain(backend: str, results: Sequence[Result], where: str, command: str) -> str:
    """The text of a failed test.

    Args:
        backend: its name.
        results: of one check on one case, the failed ones among them.
        where: the sentence of `lstm_ref.parity.localise`, or ''.
        command: that runs just this case again.
    """
    failed = sorted((r for r in results if not r.passed), key=lambda r: -r.ratio)
    first = failed[0]
    lines = [f"{backend}: {first.check} of {first.implementation} on case {first.case} in {first.dtype}: "
             f"{len(failed)} of {len(results)} quantities disagree with the reference"]
    for r in failed[:MOST_SHOWN]:
        lines.append(f"  {r.quantity}: {r.detail}")
        if r.verdict != "fail":
            size = f"ratio {r.ratio:.3g}" if r.spread else "must be equal exactly"
            lines.append(f"    error {r.error:.3g}, spread {r.spread:.3g}, {size} (limit {LIMIT:g})")
        lines.append(f"    {VERDICTS[r.verdict]}")
    if len(failed) > MOST_SHOWN:
        lines.append(f"  and {len(failed) - MOST_SHOWN} more: {', '.join(r.quantity for r in failed[MOST_SHOWN:])}")
    if where:
        lines.append(f"  where: {where}")
    return "\n".join([*lines, f"  again: {command}"])
