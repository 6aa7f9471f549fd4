"""Runs the code cells of one of the book's chapters with a backend's namespace standing in for `d2l`.

Which cells of a chapter's Markdown belong to a framework's tab follows the rules of the book's own builder. The number
of epochs is reduced and lines of notebook magic are dropped; nothing else is changed. A cell that can't run on today's
framework, for a reason outside our namespace, is a known break: it has to fail in exactly that way, and then its
replacement is run.
"""

import ast
import contextlib
import importlib
import multiprocessing
import os
import re
import signal
import sys
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from lstm_ref.parity.files.source import Cell, tab_cells
from lstm_ref.usage import describe, ended_by_signals, refusals
from lstm_ref.validate import check_sizes

#: The book's name for a backend's tab; JAX has none in the edition with these functions.
TABS = {"mxnet": "mxnet", "torch": "pytorch", "tensorflow": "tensorflow", "paddle": "paddle"}

#: The chapters whose cells this namespace supports.
CHAPTERS = ("zh-lstm.md", "zh-rnn-scratch.md")

#: Characters of an error that are shown.
DETAIL = 2000


@dataclass(frozen=True)
class Break:
    """Something that a chapter's cells rely on and today's framework no longer does.

    Attributes:
        tab: the tab whose cells break.
        culprit: text that is in the cell to fix.
        error: regular expression for the error, in the culprit or in a cell that calls it.
        cause: in words.
        instead: what to write: pairs of old and new text.
    """

    tab: str
    culprit: str
    error: str
    cause: str
    instead: tuple[tuple[str, str], ...]

    def told(self) -> str:
        """The cause, and what to write instead."""
        texts = [tuple(" ".join(text.split()) for text in pair) for pair in self.instead]
        edits = [f"write `{new}` for `{old}`" if new else f"leave `{old}` out" for old, new in texts]
        return f"{self.cause}: {', '.join(edits)}"


NUMPY_2 = "NumPy 2.4 does not convert an array with an axis to a Python number, even with one element"
SHAPES = r"InvalidArgumentError: .*Incompatible shapes"
BATCH_FIRST = "Keras 3 has no time_major: the batch comes first"
ONE_NUMBER = r"TypeError: only 0-dimensional arrays can be converted to Python scalars"

BREAKS = (
    Break("tensorflow", "time_major=True", r"ValueError: Unrecognized keyword arguments .*time_major",
          "Keras 3 has no time_major; RNNModel transposes itself", (("time_major=True,\n    ", ""),)),
    Break("tensorflow", "dtype=tf.float32)\nstate.shape",
          r"TypeError: .*get_initial_state\(\) got an unexpected keyword",
          "Keras 3's cells take no dtype here and give a list", (
              ("batch_size, dtype=tf.float32)\nstate.shape", "batch_size)[0]\nstate.shape"),)),
    Break("tensorflow", "X = tf.random.uniform((num_steps, batch_size,", SHAPES, BATCH_FIRST,
          (("(num_steps, batch_size, len(vocab))", "(batch_size, num_steps, len(vocab))"),)),
    Break("tensorflow", "class RNNModel(tf.keras.layers.Layer)", SHAPES, BATCH_FIRST, (
        ("tf.one_hot(tf.transpose(inputs), ", "tf.one_hot(inputs, "),
        ("tf.reshape(Y, (-1,", "tf.reshape(tf.transpose(Y, (1, 0, 2)), (-1,"))),
    Break("tensorflow", "def predict_ch8", ONE_NUMBER, NUMPY_2,
          ((".argmax(axis=1).reshape(1))", ".argmax(axis=1).item())"),)),
    Break("tensorflow", "def train_ch8", r"ValueError: Argument `learning_rate` should be float",
          "Keras 3 takes no integer learning rate", (("optimizers.SGD(lr)", "optimizers.SGD(float(lr))"),)),
    Break("paddle", "def predict_ch8", ONE_NUMBER, NUMPY_2,
          (("int(paddle.reshape(paddle.argmax(y,axis=1),shape=[1]))", "paddle.argmax(y, axis=1).item()"),)),
)


@dataclass(frozen=True)
class Outcome:
    """How a cell ended: 'runs', 'runs replaced' or 'fails'; `detail` is the error or the break's cause."""

    cell: Cell
    status: str
    detail: str = ""


class _Shorten(ast.NodeTransformer):
    """Replaces what is assigned to `num_epochs` with a few epochs."""

    def __init__(self, epochs: int):
        self.epochs = epochs

    def visit_Assign(self, node: ast.Assign) -> ast.Assign:
        """`num_epochs = 500`, alone or in a tuple."""
        for target in node.targets:
            if isinstance(target, ast.Name) and target.id == "num_epochs":
                node.value = ast.Constant(self.epochs)
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                for i, name in enumerate(target.elts):
                    if isinstance(name, ast.Name) and name.id == "num_epochs":
                        node.value.elts[i] = ast.Constant(self.epochs)
        return node


def stand_in(backend: str) -> None:
    """Make `from d2l import <backend> as d2l` import our namespace."""
    package: Any = types.ModuleType("d2l")
    namespace = importlib.import_module(f"backends.{backend}")
    setattr(package, backend, namespace)
    sys.modules |= {"d2l": package, f"d2l.{backend}": namespace}


def execute(source: str, scope: dict[str, Any], where: str, epochs: int) -> None:
    """Run a cell's code in the chapter's scope."""
    tree = ast.fix_missing_locations(_Shorten(epochs).visit(ast.parse(source)))
    exec(compile(tree, where, "exec"), scope)


@dataclass(frozen=True)
class Chapter:
    """The cells of one tab of a chapter; made by `load`."""

    name: str
    backend: str
    cells: Sequence[Cell]

    def run(self, epochs: int = 1, breaks: Sequence[Break] = BREAKS) -> Iterator[Outcome]:
        """Run the cells in order, up to the first that fails.

        Args:
            epochs: what `num_epochs` is set to.
            breaks: known ones.

        Yields:
            How each cell ended.

        Raises:
            ImportError: the framework is missing.
        """
        stand_in(self.backend)
        scope: dict[str, Any] = {"__name__": Path(self.name).stem}
        mine = [known for known in breaks if known.tab == TABS[self.backend] and self._culprit(known)]
        fixed: dict[int, str] = {}  # sources of replaced cells by number
        met: list[Break] = []

        def execute_cell(cell: Cell) -> None:
            execute(fixed.get(cell.number, cell.source), scope, f"{self.name}, line {cell.line}", epochs)

        for cell in self.cells:
            notes: list[str] = []
            again: list[Cell] = []
            while True:
                try:
                    for each in (*again, cell):
                        execute_cell(each)
                except (Exception, SystemExit) as error:  # sys.exit(0) would end the run as if all cells had passed
                    text = f"{type(error).__name__}: {error}"
                    known = next((b for b in mine if b not in met and re.search(b.error, text, re.S)), None)
                    culprit = self._culprit(known) if known else None
                    if known is None or culprit is None:
                        yield Outcome(cell, "fails", text)
                        return
                    met.append(known)
                    notes.append(known.told())
                    try:
                        fixed[culprit.number] = _fixed(fixed.get(culprit.number, culprit.source), known)
                    except LookupError as unknown:
                        yield Outcome(cell, "fails", f"{text}; {unknown.args[0]}")
                        return
                    again = list(self.cells[self.cells.index(culprit):self.cells.index(cell)])  # they build on it
                else:
                    yield Outcome(cell, "runs replaced" if notes else "runs", "; ".join(notes))
                    break
        for known in mine:
            if known not in met:
                yield Outcome(self.cells[-1], "fails", f"the known break is gone, remove it from BREAKS: {known.cause}")

    def _culprit(self, known: Break) -> Cell | None:
        return next((cell for cell in self.cells if known.culprit in cell.source), None)


def load(path: Path, backend: str) -> Chapter:
    """A chapter's cells of one tab.

    Args:
        path: of the Markdown.
        backend: whose tab, and whose namespace.

    Raises:
        ValueError: there is no such file, the backend has no tab in the book, or the chapter has no cell for it or a
            fence that is not closed.
    """
    if backend not in TABS:
        raise ValueError(f"backend: the book has tabs for {', '.join(TABS)}, got {backend!r}")
    try:
        chosen = tab_cells(path.read_text(encoding="utf-8-sig"), TABS[backend])
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ValueError(f"{path}: expected a chapter's Markdown ({reason})") from None
    if all(cell.tabs == ("all",) for cell in chosen):
        found = "only those of all tabs" if chosen else "none"
        raise ValueError(f"{path}: expected code cells of the tab {TABS[backend]}, found {found}")
    return Chapter(path.name, backend, chosen)


def outcomes(chapter: Chapter, epochs: int, time_limit: float) -> list[Outcome]:
    """Run a chapter in a process of its own, which a cell may end, block or fill.

    Args:
        chapter: what to run.
        epochs: what `num_epochs` is set to.
        time_limit: seconds for each cell.

    Raises:
        ImportError: the framework is missing.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(chapter, epochs, sender))
    process.start()
    sender.close()
    found: list[Outcome] = []
    try:
        while ready := wait([receiver, process.sentinel], time_limit):
            if receiver not in ready:
                raise EOFError
            outcome = receiver.recv()
            if isinstance(outcome, ImportError):
                raise outcome
            if outcome is None:
                return found
            found.append(outcome)
        reason = f"no end after {time_limit:g} s; --time-limit raises the limit"
    except (EOFError, OSError):
        process.join()
        reason = f"{describe(process.exitcode or 0)} in the middle of the cell"
    finally:
        end(process)  # also where this one was asked to end
    return [*found, Outcome(chapter.cells[min(len(found), len(chapter.cells) - 1)], "fails", reason)]


def end(process: Any) -> None:
    """End a process that leads a group, and what its cells started."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()


def _work(chapter: Chapter, epochs: int, sender: Any) -> None:
    """The process of a chapter: without output, and within the machine's memory."""
    if hasattr(os, "setsid"):
        import resource

        os.setsid()
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    try:
        for outcome in chapter.run(epochs):
            sender.send(outcome)
        sender.send(None)
    except ImportError as error:
        sender.send(ImportError(str(error)))


def chapters(paths: list[Path], backend: str, epochs: int, time_limit: float) -> int:
    """`lstm-parity chapters`; returns 1 when a cell fails."""
    with refusals():
        check_sizes(epochs=epochs)
        if not time_limit > 0:
            raise ValueError(f"--time-limit: expected seconds above 0, got {time_limit:g}")
        files = [file for path in paths for file in ([path / name for name in CHAPTERS] if path.is_dir() else [path])]
        loaded = [load(file, backend) for file in files]
    failed = False
    for chapter in loaded:
        with refusals(), ended_by_signals():
            found = outcomes(chapter, epochs, time_limit)
        clean = sum(outcome.status == "runs" for outcome in found)
        print(f"{backend}, {chapter.name}: {clean} cells run unchanged")
        for outcome in found:
            if outcome.status != "runs":
                print(f"  cell {outcome.cell.number}, line {outcome.cell.line}: {outcome.status}: "
                      f"{outcome.detail:.{DETAIL}}")
            failed = failed or outcome.status == "fails"
    return 1 if failed else 0


def _fixed(source: str, known: Break) -> str:
    for old, new in known.instead:
        if old not in source:
            raise LookupError(f"{old!r} is not in the cell to fix: {known.cause}")
        source = source.replace(old, new)
    return source
