"""A verdict in words on the terminal, and in a picture."""

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from lstm_ref.files import check_writable, whole
from lstm_ref.parity.mistakes import MISTAKES
from lstm_ref.terminal import console
from lstm_ref.tools.curves.curve import BOOK, Curve
from lstm_ref.tools.curves.judge import GRID, Fit, Verdict, judge
from lstm_ref.tools.curves.library import EVERY, HEALTHY, Run, load
from lstm_ref.tools.curves.read import read
from lstm_ref.usage import check_installed, refusals

#: How many mistakes are listed and drawn.
LISTED, DRAWN = 6, 2
#: Of the curves in a file: how many are judged, at a twentieth of a second each, and drawn, at one second each.
MOST, PANELS = 200, 12
#: Characters in a line of a panel's title.
WIDTH = 70


def diagnose_curve(file: Path, out: Path) -> int:
    """`lstm-parity diagnose-curve`: read and judge the curves of a file, and draw them.

    Args:
        file: see `lstm_ref.tools.curves.read.read`.
        out: folder of the pictures.

    Returns:
        0 when every curve that could be compared is healthy, else 1.

    Raises:
        UsageError: the file holds no curve, none that can be compared with the stored runs, or too many; matplotlib is
            not installed; the folder can't be written to, or the picture would replace the file. Says why.
    """
    verdicts, refused = list[Verdict](), list[str]()
    with refusals():
        check_installed("matplotlib.figure", "train", "the picture of the curves")
        pictures = [out / f"{file.stem}{suffix}" for suffix in (".png", ".svg")]
        if any(path.exists() and file.exists() and path.samefile(file) for path in pictures):
            raise ValueError(f"--out: expected another folder than that of {file}, which its picture would replace; "
                             f"got {out}")
        runs, curves = load(), read(file)
        if len(curves) > MOST:
            raise ValueError(f"{file}: expected at most {MOST} curves, got {len(curves)}; divide them among files")
        for curve in curves:
            try:
                verdicts.append(judge(curve, runs))
            except ValueError as error:
                refused.append(str(error))
        if not verdicts:
            raise ValueError("; ".join(refused))
        picture = drawn(verdicts[:PANELS], runs)
        check_writable(out)
    terminal = console()
    for verdict in verdicts:
        for line in words(verdict):
            terminal.print(line, markup=False)
        terminal.print(table(verdict))
    for reason in refused:
        terminal.print(f"not compared: {reason}", markup=False)
    if len(verdicts) > PANELS:
        terminal.print(f"drawn: the first {PANELS} of {len(verdicts)} curves", markup=False)
    for path in pictures:
        with refusals(), whole(path) as part:
            picture.savefig(part, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else {})
        terminal.print(f"written: {path}", markup=False)
    return 0 if all(verdict.is_healthy for verdict in verdicts) else 1


def words(verdict: Verdict) -> Iterator[str]:
    """The verdict and its grounds, line by line."""
    curve = verdict.curve
    yield f"{curve.name}"
    yield f"  {verdict.sentence()}"
    for fit in verdict.fitting[:1]:
        for mistake in (m for m in MISTAKES if m.name == fit.name):
            yield f"    {mistake.sentence} {mistake.fix}"
    if also := [fit.name for fit in verdict.fitting[1:]]:
        yield f"  these fit as well, a curve can't tell them apart: {', '.join(also)}"
    if not verdict.is_healthy:
        yield (f"  healthy up to epoch {verdict.healthy_until}" if verdict.healthy_until else
               "  healthy at no epoch")
    for finding in verdict.shape.told():
        yield f"  {finding}"
    yield (f"  compared at {len(verdict.epochs)} epochs, {verdict.epochs[0]} to {verdict.epochs[-1]}, with "
           f"{verdict.healthy.runs} healthy runs from {verdict.starts} starts")
    yield f"  {assumed(curve)}"
    if last := finite(curve):
        yield f"  from epoch {last:g} on its perplexity is not finite"
    if curve.printed and abs(float(curve.printed) - curve.perplexity[-1]) > 0.05 + 1e-3:
        yield f"  the text next to it says {curve.printed}, the curve ends at {curve.perplexity[-1]:.2f}"
    if verdict.is_healthy and verdict.unseen:
        yield f"  mistakes that don't show in such a curve: {', '.join(verdict.unseen)}"


def assumed(curve: Curve) -> str:
    """Which of the settings were assumed to be the book's."""
    unknown = [key for key in BOOK if key not in curve.settings]
    return f"assumed to be the book's: {', '.join(unknown)}" if unknown else "its log has the book's settings"


def finite(curve: Curve) -> float | None:
    """The first epoch without a finite perplexity, or None."""
    return next((epoch for epoch, value in zip(curve.epochs, curve.perplexity, strict=True) if np.isinf(value)), None)


def table(verdict: Verdict) -> Table:
    """The nearest kinds of runs."""
    shown = Table(box=None, pad_edge=False)
    for column in ("", "runs", "distance", "limit", "over epochs", ""):
        shown.add_column(column, justify="right" if column in ("runs", "distance", "limit") else "left")
    for fit in (verdict.healthy, *verdict.mistakes[:LISTED]):
        shown.add_row(f"  {fit.name} ({fit.run.start}, seed {fit.run.seed})", str(fit.runs), f"{fit.distance:.3f}",
                      f"{fit.limit:.3f}", f"to {fit.last}", note(fit))
    return shown


def note(fit: Fit) -> str:
    """Why a fit counts or does not."""
    if fit.contradiction:
        return fit.contradiction
    return "fits" if fit.fits else ""


def drawn(verdicts: Sequence[Verdict], runs: Sequence[Run]) -> Any:
    """A figure with each curve over the healthy runs of the nearest kind and the nearest mistakes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5 * min(len(verdicts), 2), 3.8 * ((len(verdicts) + 1) // 2)), layout="constrained")
    panels = figure.subplots((len(verdicts) + 1) // 2, min(len(verdicts), 2), squeeze=False).flat
    for panel, verdict in zip(panels, verdicts, strict=False):
        healthy = [run for run in runs if run.name == HEALTHY and run.start == verdict.healthy.run.start]
        for i, run in enumerate(healthy):
            panel.plot(GRID, np.exp(run.at(GRID)), "0.7", linewidth=2, label=None if i else f"healthy ({run.start})")
        for i, fit in enumerate((verdict.fitting or verdict.mistakes)[:DRAWN]):
            panel.plot(GRID, np.exp(fit.run.at(GRID)), f"C{i + 1}", linewidth=1,
                       label=f"{fit.name}, {fit.distance:.2f}")
        few = len(verdict.curve.epochs) <= BOOK["epochs"] // EVERY
        panel.plot(verdict.curve.epochs, verdict.curve.perplexity, "k.-" if few else "k-", linewidth=0.8,
                   markersize=3, label="this curve")
        # A name with dollar signs is no formula.
        panel.set_title(f"{verdict.curve.name}\n{textwrap.fill(verdict.sentence(), WIDTH)}", fontsize=8,
                        parse_math=False)
        panel.set(xlabel="epoch", ylabel="perplexity", yscale="log")
        panel.grid(alpha=0.3)
        panel.legend(fontsize=7)
    return figure
