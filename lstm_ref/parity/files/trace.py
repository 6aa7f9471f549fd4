"""The values that names take while a port runs, statement by statement, and where it can't go on."""

import ast
import contextlib
import importlib
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstm_ref.params import Array
from lstm_ref.parity.files.file import FilePort
from lstm_ref.parity.files.names import in_order
from lstm_ref.parity.files.taken import Taken


@dataclass
class Event:
    """A value that a statement gave a name."""

    node: ast.stmt
    name: str
    value: Array
    function: str = ""  #: whose statement it is


def by_line(root: ast.AST) -> dict[int, ast.stmt]:
    """The innermost statement at each line."""
    found: dict[int, ast.stmt] = {}
    for node in ast.walk(root):  # outer statements come first
        if isinstance(node, ast.stmt):
            compound = isinstance(node, (ast.For, ast.While, ast.If, ast.With, ast.FunctionDef, ast.Try))
            end = node.end_lineno or node.lineno
            if isinstance(node, (ast.For, ast.While, ast.If, ast.With, ast.FunctionDef)):
                end = node.body[0].lineno
            for line in range(node.lineno, end + 1):
                if line not in found or not compound:
                    found[line] = node
    return found


class Watch:
    """The values that names take while a port runs, statement by statement.

    Args:
        taken: the port.
        port: of the file.
    """

    def __init__(self, taken: Taken, port: FilePort):
        self.taken, self.port, self.events = taken, port, list[Event]()
        self.path, self.line = str(port.contents.code.path), 0
        self.error: Exception | None = None
        self.nodes: dict[int, ast.stmt] = {}
        for _, tree in port.contents.code.trees():
            self.nodes |= by_line(tree)

    def array(self, value: Any) -> Array | None:
        """A tensor's numbers, or None for anything else."""
        if not hasattr(value, "shape") or isinstance(value, type):
            return None
        try:
            found = np.asarray(self.port.framework.array(value)) if not isinstance(value, np.ndarray) else value
        except Exception:  # a value of a compiled function has no numbers
            return None
        return found.astype(float) if found.dtype.kind == "f" and 0 < found.size < 10**6 else None

    def note(self, node: ast.stmt | None, name: str, value: Any, function: str) -> None:
        """Keep a value, or those of a pair."""
        if node is None:
            return
        if isinstance(value, (tuple, list)) and len(value) <= 2 and isinstance(node, ast.Return):
            for each in value:
                self.note(node, name, each, function)
        elif (array := self.array(value)) is not None:
            self.events.append(Event(node, name, array, function))

    def run(self, inputs: Array, state: Sequence[Array], params: Sequence[Array]) -> None:
        """Call the port and watch."""
        f, before = self.port.framework, dict[int, tuple[int, dict[str, Any]]]()

        def local(frame: Any, event: str, argument: Any) -> Any:
            line, known = before.get(id(frame), (frame.f_lineno, {}))
            current = dict(frame.f_locals)
            if event in ("line", "return"):
                node = self.nodes.get(line)
                for name, value in current.items():
                    if name not in known or value is not known[name]:
                        self.note(node, name, value, frame.f_code.co_name)
                if event == "return" and isinstance(self.nodes.get(frame.f_lineno), ast.Return):
                    self.note(self.nodes[frame.f_lineno], "return", argument, frame.f_code.co_name)
            before[id(frame)] = frame.f_lineno, current
            if event == "return":
                before.pop(id(frame), None)
            return local

        def begin(frame: Any, event: str, _: Any) -> Any:
            if frame.f_code.co_filename != self.path:
                return None
            before[id(frame)] = frame.f_lineno, dict(frame.f_locals)
            return local

        previous = sys.gettrace()
        sys.settrace(begin)
        try:
            if self.taken.returned is None:  # a trial failed: the one call tells where
                layout = self.taken.layout
                assert layout is not None
                given = in_order(f.tensors(params))
                X = f.tensor(inputs[:, 0] if layout.one else inputs)
                begin_state = [f.tensor(piece[0] if layout.one else piece) for piece in state]
                self.taken.call(X if self.taken.form.loops else X[0:1], begin_state, given)
            else:
                self.taken.forward(f.tensor(inputs), f.tensors(state), list(f.tensors(params)))
        except Exception as error:
            self.error = error
            lines = [frame.lineno or 0 for frame in traceback.extract_tb(error.__traceback__)
                     if frame.filename == self.path]
            self.line = lines[-1] if lines else 0
        finally:
            sys.settrace(previous)


def eager(package: str) -> Any:
    """A context in which JAX runs every operation at once, so that values can be seen; none is needed elsewhere."""
    return importlib.import_module("jax").disable_jit() if package == "jax" else contextlib.nullcontext()
