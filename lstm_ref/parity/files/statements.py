"""One step of an LSTM that stands as statements, in no function: made into one."""

import ast
import copy
from collections.abc import Iterator, Sequence
from typing import Any

from lstm_ref.parity.files.names import GATES, Slot, slots, state_part
from lstm_ref.parity.files.slices import Item
from lstm_ref.parity.files.source import Code
from lstm_ref.parity.files.structure import factors_of, simple

NAME = "statements"


def bodies(tree: ast.Module) -> Iterator[Sequence[ast.stmt]]:
    """The lists of statements of a cell that stand in no function."""
    queue: list[ast.AST] = [tree]
    while queue:
        node = queue.pop()
        for part in ("body", "orelse", "finalbody"):
            body = getattr(node, part, [])
            if isinstance(body, list) and body and not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                yield body
                queue += body


def step(code: Code) -> Item | None:
    """The first statements that compute the gates, as a function of an input and a state; None where there are none."""
    for _, tree in code.trees():
        for body in bodies(tree):
            assigned = [node for node in body if isinstance(node, ast.Assign) and len(node.targets) == 1
                        and isinstance(node.targets[0], ast.Name)]
            names = slots(dict.fromkeys(simple(inner) for node in assigned for inner in ast.walk(node.value)
                                        if isinstance(inner, ast.Name)))
            gates = [node for node in assigned if any(
                names.get(simple(inner), ("", ""))[0] in ("x", "w") for inner in ast.walk(node.value))
                and len([each for each in ast.walk(node.value) if len(factors_of(each)) == 2])]
            if len({names[simple(inner)][1] for node in gates for inner in ast.walk(node.value)
                    if simple(inner) in names} & {*GATES}) >= 3:
                return _function(assigned, gates, names)
    return None


def _function(assigned: list[ast.Assign], gates: list[ast.Assign], names: dict[str, Slot]) -> Item:
    first, kept = assigned.index(gates[0]), list[ast.Assign]()
    for node in assigned[first:]:
        target = simple(node.targets[0])
        parameters = {names[simple(inner)] for inner in ast.walk(node.value) if simple(inner) in names}
        if target in names:  # an update
            break
        if node in gates or state_part(target) or {key for _, key in parameters} & {"q"}:
            kept.append(node)
    given: dict[str, str] = {}
    for node in gates:  # what the weights multiply
        for inner in ast.walk(node.value):
            factors = factors_of(inner)
            if len(factors) == 2:
                for weight, other in (factors, factors[::-1]):
                    if (slot := names.get(simple(weight))) and slot[0] in "xh" and simple(other) not in names:
                        given.setdefault("x_t" if slot[0] == "x" else "h_prev", ast.unparse(other))
    stored = set[str]()
    for node in kept:
        for inner in ast.walk(node.value):
            if isinstance(inner, ast.Name) and inner.id not in stored and state_part(inner.id) == "C":
                given.setdefault("c_prev", inner.id)
        stored.add(simple(node.targets[0]))
    replace = _Replace({text: name for name, text in given.items()})
    body: list[Any] = [replace.visit(copy.deepcopy(node)) for node in kept]
    last = {part: simple(node.targets[0]) for node in kept if (part := state_part(simple(node.targets[0])))}
    out = next((simple(node.targets[0]) for node in reversed(kept) if any(
        names.get(simple(inner), ("", ""))[1] == "q" for inner in ast.walk(node.value))), "")
    result = {**last, **({"Y": out} if out else {})}
    for name, text in given.items():  # a state that is overwritten under its own name
        if text.isidentifier() and text in result.values():
            body.insert(0, ast.Assign([ast.Name(text, ast.Store())], ast.Name(name, ast.Load())))
    body.append(ast.Return(ast.Dict([ast.Constant(key) for key in result],
                                    [ast.Name(name, ast.Load()) for name in result.values()])))
    arguments = ast.arguments([], [ast.arg(name) for name in ("x_t", "h_prev", "c_prev")], None, [], [], None, [])
    made = ast.FunctionDef(NAME, arguments, body, [])
    ast.copy_location(made, kept[0])
    made.end_lineno = kept[-1].end_lineno
    ast.copy_location(body[0], kept[0])
    ast.copy_location(body[-1], kept[-1])
    return Item(ast.fix_missing_locations(made), (NAME,))


class _Replace(ast.NodeTransformer):
    """Puts arguments where expressions stand."""

    def __init__(self, names: dict[str, str]):
        self.names, self.stored = names, set[str]()

    def visit(self, node: ast.AST) -> ast.AST:
        """An expression that an argument stands for, unless it is given a value."""
        if isinstance(node, ast.expr) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load) and (
                name := self.names.get(ast.unparse(node))) and name not in self.stored:
            return ast.copy_location(ast.Name(name, ast.Load()), node)
        return self.generic_visit(node)

