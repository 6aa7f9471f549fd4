"""How the judge writes to a terminal."""

import os
import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


def console() -> Console:
    """Standard output; wide where there is no terminal, so that a log has whole lines."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 160
    return Console(width=width, highlight=False)


def progress() -> Progress:
    """A bar on standard error, silent where that is no terminal; of several processes of pytest-xdist the first's."""
    silent = not sys.stderr.isatty() or os.environ.get("PYTEST_XDIST_WORKER", "gw0") != "gw0"
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
                    console=Console(stderr=True), disable=silent)
