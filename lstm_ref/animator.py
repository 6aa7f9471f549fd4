"""Draws curves as they grow, in a notebook and into files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any


class Animator:
    """Collects points and redraws them in a notebook; elsewhere it only keeps them, and `save` draws them.

    Args:
        xlabel: label of the x axis.
        ylabel: label of the y axis.
        legend: a name for each curve.
        xlim: limits of the x axis, or None to fit.
        ylim: limits of the y axis, or None to fit.
        xscale: 'linear' or 'log'.
        yscale: 'linear' or 'log'.
        figsize: width and height in inches.
    """

    def __init__(
        self,
        xlabel: str | None = None,
        ylabel: str | None = None,
        legend: Sequence[str] = (),
        xlim: Sequence[float] | None = None,
        ylim: Sequence[float] | None = None,
        xscale: str = "linear",
        yscale: str = "linear",
        figsize: tuple[float, float] = (3.5, 2.5),
    ):
        self.axes = {"xlabel": xlabel, "ylabel": ylabel, "xlim": xlim, "ylim": ylim, "xscale": xscale, "yscale": yscale}
        self.legend, self.figsize = legend, figsize
        #: the x and y of each curve
        self.X: list[list[float]] = []
        self.Y: list[list[float]] = []
        self._display = _notebook_display()

    def add(self, x: Any, y: Any) -> None:
        """Add a point to each curve: y is one number, or one for each curve; None leaves a curve out."""
        ys = list(y) if hasattr(y, "__len__") else [y]
        xs = list(x) if hasattr(x, "__len__") else [x] * len(ys)
        while len(self.X) < len(ys):
            self.X.append([])
            self.Y.append([])
        for i, (a, b) in enumerate(zip(xs, ys, strict=True)):
            if a is not None and b is not None:
                self.X[i].append(float(a))
                self.Y[i].append(float(b))
        if self._display is not None:
            self._display(self.figure())

    def figure(self) -> Any:
        """The curves as a matplotlib figure.

        Raises:
            ImportError: matplotlib is not installed.
        """
        from matplotlib.figure import Figure

        figure = Figure(figsize=self.figsize, layout="constrained")
        axes = figure.add_subplot()
        for i, (x, y) in enumerate(zip(self.X, self.Y, strict=True)):
            axes.plot(x, y, label=self.legend[i] if i < len(self.legend) else None)
        wide = {key: value for key, value in self.axes.items() if value is not None}
        if self.axes["xlim"] and self.axes["xlim"][0] == self.axes["xlim"][1]:
            del wide["xlim"]  # the book's [10, num_epochs] for a run of ten epochs: [10, 10]
        axes.set(**wide)
        if self.legend:
            axes.legend()
        axes.grid()
        return figure

    def save(self, *paths: Path) -> None:
        """Draw the curves into files; the file name's ending sets the format (.png, .svg, .pdf)."""
        figure = self.figure()
        for path in paths:
            figure.savefig(path, dpi=150)


def _notebook_display() -> Any:
    """A function that replaces the cell's output with a figure, or None outside a notebook."""
    try:
        from IPython import display, get_ipython
    except ImportError:
        return None
    if getattr(get_ipython(), "kernel", None) is None:
        return None

    def show(figure: Any) -> None:
        display.clear_output(wait=True)
        display.display(figure)

    return show
