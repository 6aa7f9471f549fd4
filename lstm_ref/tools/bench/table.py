"""A row as text, for the terminal and for the page."""

from collections.abc import Sequence

from lstm_ref.tools.bench.result import Row, ratio

COLUMNS = ("median", "interquartile", "minimum", "first call", "tokens/s", "× floor", "vs concise", "vs NumPy fused")


def cells(found: Sequence[Row], row: Row, tokens: int) -> list[str]:
    """The text of a row in each column.

    Args:
        found: all rows of its run, to compare with.
        row: one of them.
        tokens: in a minibatch; a prediction has one.
    """
    low, high = row.quartiles
    numpy = "NumPy fused" if any(other.implementation == "NumPy fused" for other in found) else "fused"
    numbers = row.over_floor, ratio(found, row, "concise"), ratio(found, row, numpy)
    return [clock(row.median), f"{clock(low)} to {clock(high)}", clock(row.minimum), clock(row.first),
            f"{(1 if row.work == 'predict' else tokens) / row.median:,.0f}",
            *("" if number is None else f"{number:.2f}" for number in numbers)]


def clock(seconds: float) -> str:
    """A time in the unit that suits it."""
    for unit, factor in (("s", 1.0), ("ms", 1e3)):
        if seconds * factor >= 0.9995:  # which is shown as 1
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"
