"""Which functions of a file compute an LSTM by what they do, whatever their names: a step, and the loops around it."""

import ast
from collections.abc import Iterator

from lstm_ref.parity.files.names import state_part
from lstm_ref.parity.files.slices import Item
from lstm_ref.parity.files.structure import JOINS, SCANS, SQUASHES, assigned, called, multiplies, own

#: Words in the name of a function that is not a forward pass.
NOT_FORWARD = ("backward", "grad", "loss", "bptt", "train", "clip", "update", "gru", "main", "test", "check", "fit",
               "peephole", "softmax")

#: Words in the name of a function that goes over steps to write a text.
WRITES = ("predict", "generate", "sample", "write", "complete", "decode")

Function = tuple[Item, ast.ClassDef | None]


class Reach:
    """The functions of a file and what they call.

    Args:
        functions: all functions and methods of the file, with the classes of the methods.
    """

    def __init__(self, functions: list[Function]):
        self.functions = [(item, owner) for item, owner in functions if isinstance(item.node, ast.FunctionDef)]
        self.sigmoids = {item.node.name for item, _ in self.functions if is_sigmoid(item.node)}  # type: ignore[attr-defined]
        self.inside = {id(inner): item for item, _ in self.functions for inner in ast.walk(item.node)
                       if inner is not item.node and isinstance(inner, ast.FunctionDef)}

    def calls(self, item: Item, owner: ast.ClassDef | None) -> Iterator[Function]:
        """The functions of the file that a function calls, or hands to another."""
        names = {inner.id for inner in ast.walk(item.node) if isinstance(inner, ast.Name)}
        mine = {inner.attr for inner in ast.walk(item.node) if isinstance(inner, ast.Attribute)
                and isinstance(inner.value, ast.Name) and inner.value.id == "self"}
        objects = any(isinstance(inner, ast.Call) and not isinstance(inner.func, ast.Name)
                      for inner in ast.walk(item.node))
        for other, home in self.functions:
            name = other.node.name  # type: ignore[attr-defined]
            if other.node is item.node:
                continue
            if (home is None and name in names) or (home is not None and home is owner and name in mine):
                yield other, home
            elif home is not None and home is not owner and name in ("__call__", "forward") and objects and not any(
                    self.squashes(other.node)):
                yield other, home  # a gate that is an object of its own

    def reached(self, item: Item, owner: ast.ClassDef | None) -> list[Function]:
        """A function and all that it calls, directly or not."""
        found, queue = list[Function](), [(item, owner)]
        while queue:
            each = queue.pop()
            if not any(each[0].node is other.node for other, _ in found):
                found.append(each)
                queue += self.calls(*each)
        return found

    def squashes(self, node: ast.AST) -> tuple[int, int]:
        """How many sigmoids and tanhs a function applies itself."""
        if getattr(node, "name", "") in self.sigmoids:
            return 0, 0
        kinds = ["sigmoid" if called(inner) in self.sigmoids else SQUASHES.get(called(inner), "")
                 for inner in own(node)]
        return kinds.count("sigmoid"), kinds.count("tanh")

    def steps(self) -> list[Function]:
        """The functions that compute an LSTM's step themselves, the innermost of those that stand in each other."""
        return [(item, owner) for item, owner in self.functions if self._computes(item, owner)]

    def _computes(self, item: Item, owner: ast.ClassDef | None) -> bool:
        node = item.node
        assert isinstance(node, ast.FunctionDef)
        name = f"{owner.name if owner else ''}.{node.name}".lower()
        if any(word in name for word in NOT_FORWARD):
            return False
        sigmoids, tanhs = self.squashes(node)
        if not sigmoids or not tanhs:
            return False
        if any(self._computes(other, home) for other, home in self.functions
               if self.inside.get(id(other.node)) is item and other.node is not node):
            return False
        products = owner is not None or any(multiplies(each.node) for each, _ in self.reached(item, owner))
        names = {name for name, _ in assigned(node)} | {arg.arg for arg in node.args.args}
        updates = any(isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Sub) and ast.unparse(
            inner.left) in ("1", "1.0") for inner in own(node))
        cell = any(state_part(each) == "C" for each in names) or "lstm" in name
        return products and times(node) and (cell or (tanhs > 1 and not updates))

    def loops(self, step: Function) -> Iterator[Function]:
        """The functions that call a step in a loop or a scan."""
        for item, owner in self.functions:
            name = item.node.name.lower()  # type: ignore[attr-defined]
            if item.node.lineno != step[0].node.lineno and not any(
                    word in name for word in (*NOT_FORWARD, *WRITES)) and any(
                        each.node.lineno == step[0].node.lineno for each, _ in self.calls(item, owner)) and any(
                        isinstance(inner, (ast.For, ast.While)) or called(inner) in SCANS
                        for inner in ast.walk(item.node)):
                yield item, owner


def is_sigmoid(node: ast.AST) -> bool:
    """Whether a function is a logistic function written out."""
    if not isinstance(node, ast.FunctionDef) or len(node.args.args) - len(node.args.defaults) != 1:
        return False
    text = ast.unparse(node)
    said = {called(inner) for inner in ast.walk(node)}
    written = "exp" in said and "/" in text and not {"sum", "max", "log"} & said
    return (written or ("tanh" in said and "0.5" in text)) and not multiplies(node) and not said & {*JOINS}


def times(node: ast.AST) -> bool:
    """Whether a function multiplies element by element."""
    return any((isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Mult)) or called(inner) in (
        "multiply", "mul", "addcmul", "Mult") for inner in own(node))
