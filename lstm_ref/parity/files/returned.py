"""Where a port's result has the outputs and the state: found out once, on a trial whose sizes all differ."""

import ast
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from lstm_ref.parity.files.form import Form
from lstm_ref.parity.files.layout import TRIAL, Layout
from lstm_ref.parity.files.names import state_part
from lstm_ref.parity.files.structure import JOINS, called, own, simple

#: What outputs are called in a result that is taken apart by name.
OUTPUTS = ("y", "outputs", "output", "logits", "out", "y_hat", "y_t", "pred", "y_pred", "o_t")


class WrongError(Exception):
    """A port can't be called as the reference is, or returns something else; says what."""


@dataclass
class Returned:
    """Where a port's result has what.

    Attributes:
        outputs: path to the outputs, or None where H alone is returned.
        state: paths to H and C.
        kind: of the outputs: 'list', 'flat', 'TBV', 'BTV', 'TVB', 'step'.
        rest: what is neither.
    """

    outputs: tuple[Any, ...] | None
    state: dict[str, tuple[Any, ...]]
    kind: str = ""
    rest: list[Any] = field(default_factory=list)

    def no_outputs(self, form: Form) -> str:
        """What is wrong with a result in which something else stands for the outputs."""
        rows = "num_steps * batch_size" if form.loops else "batch_size"
        return f"expected outputs of shape ({rows}, vocab_size), got {describe(self.rest[0])}"


class Half(NamedTuple):
    """One half of a tensor's last axis, as a step of a path."""

    second: bool


def at(value: Any, path: tuple[Any, ...]) -> Any:
    """What stands at a path of keys, indices and halves."""
    for key in path:
        if isinstance(key, Half):
            middle = shape(value)[-1] // 2
            value = value[..., middle:] if key.second else value[..., :middle]
        else:
            value = value[key]
    return value


def is_tensor(value: Any) -> bool:
    """Whether something has a shape."""
    return hasattr(value, "shape") and not isinstance(value, type)


def shape(value: Any) -> tuple[int, ...]:
    """The shape of a tensor."""
    return tuple(int(axis) for axis in value.shape)


def parse(form: Form, layout: Layout, result: Any) -> Returned:
    """Where the result of a trial has the outputs and the state.

    Args:
        form: of the function.
        layout: in which it was called.
        result: what it returned, on the sizes of `TRIAL`.

    Raises:
        WrongError: there is no state in it, or something that is no outputs where an output layer's are expected.
    """
    returns = [inner.value for inner in own(form.node) if isinstance(inner, ast.Return) and inner.value]
    expression = returns[-1] if returns else None
    B, T, h, V = (TRIAL[key] for key in "BThV")
    rows = 1 if layout.one else B
    state: dict[str, tuple[Any, ...]] = {}
    outputs: tuple[Any, ...] | None = None
    parts = "HC" if form.kind == "lstm" else "H"

    def state_like(value: Any) -> bool:
        return is_tensor(value) and int(np.prod(shape(value))) == rows * h and h in shape(value)

    def pair(value: Any) -> bool:
        stacked = is_tensor(value) and len(parts) == 2 and shape(value) in ((2, rows, h), (2, h))
        return stacked or (isinstance(value, (list, tuple)) and len(value) == len(parts) and all(
            map(state_like, value)))

    items: list[tuple[tuple[Any, ...], str, ast.expr | None]]
    if isinstance(result, dict):
        items = [((key,), str(key), None) for key in result]
    elif isinstance(result, (list, tuple)):
        nodes: list[ast.expr] | list[None] = [None] * len(result)
        if isinstance(expression, ast.Tuple) and len(expression.elts) == len(result):
            nodes = expression.elts
        items = [((i,), simple(node) if node is not None else "", node) for i, node in enumerate(nodes)]
    else:
        items = [((), simple(expression) if expression else "", expression)]
    if form.kind == "rnn" and state_like(result) and not form.peeks:  # H alone
        return Returned(None, {"H": ()}, "step")
    if pair(result) and (len(parts) == 1 or all(state_part(name) for _, name, _ in items) or not form.has(
            ("h", "q"))):
        names = [state_part(name) for _, name, _ in items]
        if {*names} == {*parts}:
            state = {str(name): (i,) for i, name in enumerate(names)}
        elif (len(parts) == 2 and shape(result[0]) == shape(result[1]) and not form.loops) or len(parts) == 1:
            state = {part: (i,) for i, part in enumerate(form.state)}
    for path, name, node in ([] if state else items):
        value = at(result, path)
        if form.one_tensor and is_tensor(value) and shape(value) == (rows, 2 * h) and not state:
            state = {part: (*path, Half(bool(i))) for i, part in enumerate(form.one_tensor)}
            continue
        if pair(value):
            names = [state_part(simple(each)) for each in node.elts] if isinstance(node, (ast.Tuple, ast.List)) \
                else []
            order = list(map(str, names)) if {*names} == {*parts} else list(form.state)
            state |= {part: (*path, i) for i, part in enumerate(order)}
        elif state_like(value) and (part := state_part(name)) and part in parts:
            state[part] = path
        elif isinstance(result, dict) and name.lower() not in OUTPUTS:
            continue
        elif outputs is None and (is_tensor(value) or (isinstance(value, (list, tuple)) and value and all(
                map(is_tensor, value)) and (form.loops or len(value) == 1))):
            outputs = path
    if {*state} != {*parts}:  # names that say nothing: what has a state's shape, in order
        alike = [path for path, _, _ in items if path not in state.values() and state_like(at(result, path))]
        missing = [part for part in form.state if part in parts and part not in state]
        if len(alike) == len(missing):
            state |= dict(zip(missing, alike, strict=True))
            if outputs in alike:
                outputs = next((path for path, _, _ in items if path not in state.values() and is_tensor(
                    at(result, path)) and TRIAL["V"] in shape(at(result, path))), None)
    if isinstance(result, dict) and outputs is None:  # under a name of its own
        wide = [path for path, _, _ in items if path not in state.values() and is_tensor(at(result, path))
                and V in shape(at(result, path))]
        outputs = wide[0] if len(wide) == 1 else None
    if {*state} != {*parts}:
        got = " and ".join(sorted(state)) or "none of them"
        raise WrongError(f"{form.name}: expected to return the outputs and the state ({', '.join(parts)}), "
                         f"got {got}: {describe(result)}")
    found = Returned(outputs, state)
    taken = [*state.values(), *([outputs] if outputs is not None else ())]
    found.rest = [value for path, name, _ in items for value in (at(result, path),)
                  if not any(where[:len(path)] == path for where in taken)
                  and not (state_like(value) and state_part(name) != "C")]
    value = at(result, outputs) if outputs is not None else at(result, state["H"])
    if isinstance(value, (list, tuple)):
        found.kind = "list" if len(value) == (T if form.loops else 1) else "step"
        if found.kind == "step" and form.loops:
            found.outputs, found.rest = None, [value, *found.rest]
    else:
        size_, dims = shape(value), len(shape(value))
        found.kind = ("step" if not form.loops or (int(np.prod(size_)) in (rows * V, rows * h) and T > 1) else
                      "TVB" if dims == 3 and size_[0] == T and layout.state == "hB" else
                      "BTV" if dims == 3 and size_[:2] == (B, T) else "TBV" if dims == 3 else "flat")
    if found.outputs is None and found.rest and form.has(("h", "q")) and (_projects(form) or not _besides(found.rest)):
        raise WrongError(f"{form.name}: {found.no_outputs(form)}")
    if found.kind == "step" and form.loops and found.outputs is not None and _collects(form.node, expression):
        raise WrongError(f"{form.name}: expected outputs of shape (num_steps * batch_size, vocab_size), got the last "
                         f"step's alone: {describe(value)}")
    return found


def _projects(form: Form) -> bool:
    """Whether a function itself reads its output layer: another method may be the one that computes the outputs."""
    names = {name for name, slot in (*form.names.items(), *form.layers.items()) if slot == ("h", "q")}
    return any(simple(inner) in names or getattr(inner, "attr", "") in names for inner in own(form.node))


def _besides(rest: list[Any]) -> bool:
    """Whether what is returned besides the state may be kept for later: nothing, or a container with tensors."""
    return all(value is None or (isinstance(value, (list, tuple, dict)) and any(
        is_tensor(each) for each in (value.values() if isinstance(value, dict) else value))) for value in rest)


def _collects(node: ast.FunctionDef, expression: ast.expr | None) -> bool:
    """Whether what a function returns is joined from a list that it appends to."""
    lists = {inner.func.value.id for inner in own(node) if isinstance(inner, ast.Call) and isinstance(
        inner.func, ast.Attribute) and inner.func.attr == "append" and isinstance(inner.func.value, ast.Name)}
    return any(called(inner) in (*JOINS, "stack") and isinstance(inner, ast.Call) and inner.args and simple(
        inner.args[0]) in lists for inner in (ast.walk(expression) if expression is not None else ()))


def describe(value: Any) -> str:
    """Types and shapes of a result, in short."""
    if is_tensor(value):
        return f"{type(value).__name__} of shape {shape(value)}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {describe(each)}" for key, each in list(value.items())[:6]) + "}"
    if isinstance(value, (list, tuple)):
        return f"{type(value).__name__} of {len(value)} ({', '.join(describe(each) for each in value[:3])})"
    return type(value).__name__
