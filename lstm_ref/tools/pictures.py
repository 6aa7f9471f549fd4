"""What the pictures of docs/ share; matplotlib is imported when one is drawn."""

from typing import Any


def plain(*axes: Any) -> None:
    """Let logarithmic axes (of matplotlib) say 1, 2, 5, 10 and so on as plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    for axis in axes:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
