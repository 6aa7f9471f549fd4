"""What the pictures of docs/ share: plain numbers on their axes, and a look at what a reader would stumble over.

matplotlib is imported when one is drawn.
"""

import math
from collections.abc import Iterator
from itertools import combinations
from typing import Any

#: What a decade has labels at, by how many decades there are.
SUBS = ((1.3, (1, 2, 5)), (0.6, (1, 2, 3, 5, 7)), (0.25, (1, 1.5, 2, 3, 4, 5, 7)),
        (0, (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9)))


def plain(*axes: Any) -> None:
    """Let logarithmic axes (of matplotlib) say 1, 2, 5, 10 and so on as plain numbers, closer where they are short.

    Called when all is drawn in them.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    for axis in axes:
        low, high = axis.get_view_interval()
        decades = math.log10(high / low)
        subs = next(subs for least, subs in SUBS if decades >= least)
        axis.set_major_locator(LogLocator(subs=subs))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def faults(figure: Any) -> list[str]:
    """What is wrong with a picture: labels that overlap or run out of it, axes without names or scale, missing keys.

    Args:
        figure: of matplotlib, drawn at its own size.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure).draw()
    return [*_crowded(figure), *_unnamed(figure)]


def _crowded(figure: Any) -> Iterator[str]:
    """Texts that overlap each other, or the edge."""
    texts = [text for text in _texts(figure) if text.get_visible() and text.get_text().strip()]
    boxes = [(text.get_text(), text.get_window_extent().padded(-1)) for text in texts]
    for (one, first), (other, second) in combinations(boxes, 2):
        if first.overlaps(second):
            yield f"{one!r} overlaps {other!r}"
    for text, box in boxes:
        if not all(figure.bbox.contains(*corner) for corner in box.corners()):
            yield f"{text!r} runs out of the picture"


def _texts(figure: Any) -> Iterator[Any]:
    """All that is written in a picture, without ticks that are out of view."""
    for legend in [*figure.legends, *(axes.get_legend() for axes in figure.axes if axes.get_legend())]:
        yield from [*legend.get_texts(), legend.get_title()]
    for axes in figure.axes:
        yield from [axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts]
        for axis in (axes.xaxis, axes.yaxis):
            yield from _ticks(axis)


def _ticks(axis: Any) -> list[Any]:
    """The labels of an axis that are seen."""
    low, high = sorted(axis.get_view_interval())
    margin = (high - low) * 1e-6
    return [tick.label1 for tick in axis.get_major_ticks()
            if low - margin <= tick.get_loc() <= high + margin and tick.label1.get_visible() and
            tick.label1.get_text()]


def _unnamed(figure: Any) -> Iterator[str]:
    """Axes that do not say what they show, in which unit, by a scale; colours that no legend explains."""
    several = len(figure.axes) > 1
    for axes in figure.axes:
        name = axes.get_title() or axes.get_ylabel() or "a panel"
        shares = axes.get_shared_y_axes().get_siblings(axes)
        if several and not axes.get_title() and not axes.get_ylabel():
            yield f"{name!r} has no title"
        if not axes.get_xlabel():
            yield f"{name!r} does not say what is across"
        named = any(label.get_text()[0].isalpha() for label in _ticks(axes.yaxis))  # categories name themselves
        if not named and not any(each.get_ylabel() for each in shares):
            yield f"{name!r} does not say what is upwards"
        for axis, sharing in ((axes.xaxis, [axes]), (axes.yaxis, shares)):
            labels = max(len(_ticks(each.xaxis if axis is axes.xaxis else each.yaxis)) for each in sharing)
            if labels < 2:
                yield f"{name!r} has no scale {'across' if axis is axes.xaxis else 'upwards'}"
        colours = {str(line.get_color()) for line in axes.lines}
        if len(colours) > 1 and not axes.get_legend() and not figure.legends:
            yield f"{name!r} has colours without a legend"
