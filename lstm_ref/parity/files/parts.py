"""What is judged of a port beside its forward pass: how its parameters and its state begin."""

import ast
import contextlib
import traceback
from collections.abc import Sequence
from typing import Any

import numpy as np

from lstm_ref.params import Array
from lstm_ref.parity.files.contents import Contents
from lstm_ref.parity.files.file import FilePort
from lstm_ref.parity.files.form import Form
from lstm_ref.parity.files.layout import TRIAL
from lstm_ref.parity.files.makers import Maker
from lstm_ref.parity.files.names import GATES, READ, Slot, size, slots
from lstm_ref.parity.files.prepared import observed
from lstm_ref.parity.files.probed import Probed
from lstm_ref.parity.files.returned import describe, shape
from lstm_ref.parity.files.rows import NOT, RIGHT, WRONG, Row
from lstm_ref.parity.files.structure import own, simple
from lstm_ref.parity.files.taken import Taken

EQUAL = "{} is drawn equal to {}: the same numbers in two gates"


def line_of(error: Exception, contents: Contents, default: int) -> int:
    """The last line of the port in an error's traceback."""
    lines = [frame.lineno or 0 for frame in traceback.extract_tb(error.__traceback__)
             if frame.filename == str(contents.code.path)]
    return lines[-1] if lines else default


def assigned_at(node: ast.AST, name: str) -> int:
    """The line at which a function or class gives a name a value."""
    found = [inner.lineno for inner in ast.walk(node) if isinstance(inner, ast.Assign) for target in inner.targets
             for each in ast.walk(target) if simple(each) == name]
    return found[0] if found else getattr(node, "lineno", 0)


def last_line(node: ast.AST) -> int:
    """The line at which a function returns, or the function's."""
    return max((inner.lineno for inner in own(node) if isinstance(inner, ast.Return)), default=getattr(
        node, "lineno", 0))


#: The roles of what begins a cell, by its kind; in the book the functions that draw have one name for all but the LSTM.
PARAMS = {"lstm": "get_lstm_params", "rnn": "get_params", "gru": "get_params"}
STATE = {kind: f"init_{kind}_state" for kind in PARAMS}


def parameters(port: FilePort, taken: Taken) -> Row:
    """The row of the parameters: that they are made, as many as are taken, of the right shapes, and no two the same."""
    form = port.form
    if isinstance(taken, Probed):
        return _probed(port, taken)
    if port.maker is None:
        if form.owner is not None and taken.shapes:
            return _shapes(PARAMS[form.kind], form.owner.name, form.owner, taken.shapes, {
                name: getattr(port.owner, name) for name in form.names if hasattr(port.owner, name)}, form, port,
                           taken.columns)
        if taken.shapes:
            return Row(PARAMS[form.kind], "at the top of the file", RIGHT, "")
        return Row(PARAMS[form.kind], "", NOT, "not defined here")
    return made(port, port.maker, taken)


def _probed(port: FilePort, taken: Probed) -> Row:
    """The row of parameters that were found by what they do: no two are the same, nor have the same numbers."""
    role, form = PARAMS[port.form.kind], port.form
    maker = next((root for root in taken.roots if root.kind == "argument"), None)
    name = maker.name if maker is not None else form.owner.name if form.owner is not None else "at the top of the file"
    items = [item for item, _ in port.contents.makers if maker is not None and item.defines[0] == maker.name]
    line = (items[0].node if items else form.owner or form.node).lineno
    seen: dict[int, str] = {}
    arrays: list[tuple[str, Array]] = []
    for path, recipe in taken.recipes.items():
        value = taken.begun.get(path)
        if value is None or recipe.part in ("b", "bq"):
            continue
        label = taken.label(path)
        if id(value) in seen:
            return Row(role, name, WRONG, f"{label} is {seen[id(value)]}: one array in two places", line)
        seen[id(value)] = label
        with contextlib.suppress(Exception):  # what a framework has not made yet has no numbers
            arrays.append((label, np.asarray(port.framework.array(value))))
    if pair := drawn_equal(arrays):
        return Row(role, name, WRONG, EQUAL.format(*pair), line)
    return Row(role, name, RIGHT)


def made(port: FilePort, maker: Maker, taken: Taken | None) -> Row:
    """The row of a function that makes parameters."""
    form = port.form if taken is not None else None
    node, contents = maker.item.node, port.contents
    assert isinstance(node, ast.FunctionDef)
    role, name = PARAMS[port.form.kind], node.name
    kind = type(maker.error).__name__
    if maker.error is not None and (kind in ("NotHereError", "LookupError") or (
            kind in ("AttributeError", "NameError") and len(slots(maker.named)) < 3)):
        return Row(role, name, NOT, f"can't be run on its own: {maker.error}")
    if maker.error is not None:
        line = line_of(maker.error, contents, node.lineno)
        return Row(role, name, WRONG, f"{type(maker.error).__name__}: {' '.join(str(maker.error).split())[:200]}", line)
    if not maker.returned:
        if form is not None and form.owner is not None:
            return Row(role, name, RIGHT)
        returns = [inner for inner in own(node) if isinstance(inner, ast.Return) and inner.value is not None]
        if maker.names and not returns:
            return Row(role, name, WRONG, "it returns nothing: the parameters that it makes are lost", node.lineno)
        return Row(role, name, NOT, "it returns no parameters")
    seen: dict[int, str] = {}
    for i, (label, value) in enumerate(zip(maker.names, maker.values, strict=False)):
        if id(value) in seen and hasattr(value, "shape"):
            unpacked = form.unpacked if form is not None else []
            expected = unpacked[i] if i < len(unpacked) else "another"
            line = _element(node, label) or node.lineno
            return Row(role, name, WRONG, f"{seen[id(value)]} stands twice in what it returns, the second time where "
                                          f"{expected} belongs", line)
        seen[id(value)] = label
    if lost := _without_gradient(maker.values):
        names = ", ".join(maker.names[i] if i < len(maker.names) else str(i) for i in lost[:3])
        return Row(role, name, WRONG, f"{len(lost)} of its {len(maker.values)} parameters require no gradient, and the "
                                      f"others do: {names}{', ...' if len(lost) > 3 else ''}", last_line(node))
    known = READ[form.kind if form else "lstm"](maker.names)
    if form is not None and len(form.unpacked) == len(maker.names):
        for taken_as, label in zip(form.unpacked, maker.names, strict=True):  # gates may change places, W_x and W_h not
            if taken_as in form.names and label in known and form.names[taken_as][0] != known[label][0]:
                return Row(role, name, WRONG, f"it returns {label} where {form.name} takes {taken_as}",
                           assigned_at(form.node, taken_as))
    if form is not None and form.unpacked and form.container.startswith("argument") and len(maker.values) != len(
            form.unpacked):
        return Row(role, name, WRONG, f"it returns {len(maker.values)} parameters, and {form.name} takes "
                                      f"{len(form.unpacked)}", node.lineno)
    shapes = {known[label]: shape(value) for label, value in zip(maker.names, maker.values, strict=False)
              if label in known and hasattr(value, "shape")}
    gates = {key for part, key in shapes if part in "xw" and key in GATES}
    if (form is None or form.kind == "lstm") and gates and gates != {*GATES}:
        lacking = ", ".join({"i": "input", "f": "forget", "o": "output", "c": "candidate"}[key] for key in GATES
                            if key not in gates)
        return Row(role, name, NOT, f"incomplete: no parameters of {lacking}", node.lineno)
    return _shapes(role, name, node, shapes, dict(zip(maker.names, maker.values, strict=False)), form, port,
                   taken is not None and taken.columns)


def _without_gradient(values: Sequence[Any]) -> list[int]:
    """The parameters that require no gradient where others do, by position; none where they are biases alone."""
    requires = [value.requires_grad if hasattr(value, "requires_grad") else not value.stop_gradient
                for value in values if hasattr(value, "requires_grad") or hasattr(value, "stop_gradient")]
    lost = [i for i, each in enumerate(requires) if not each]
    return lost if any(requires) and len(requires) == len(values) and any(
        min(shape(values[i])) > 1 and len(shape(values[i])) > 1 for i in lost) else []


def _element(node: ast.AST, name: str) -> int:
    """The line of the second time that a name stands in a list."""
    for inner in ast.walk(node):
        if isinstance(inner, (ast.List, ast.Tuple)):
            lines = [each.lineno for each in inner.elts if simple(each) == name]
            if len(lines) > 1:
                return lines[1]
    return 0


def _shapes(role: str, name: str, node: ast.AST, shapes: dict[Slot, tuple[int, ...]], values: dict[str, Any],
            form: Form | None, port: FilePort, columns: bool) -> Row:
    sizes = [int(np.prod(s)) // len(key) for (part, key), s in shapes.items() if part in "bd" and key != "q"]
    h = max(set(sizes), key=sizes.count) if sizes else TRIAL["h"]
    inputs = [axis for (part, key), s in shapes.items() if part == "x" and len(s) == 2 for axis in s
              if axis != h * len(key)]
    V = max(set(inputs), key=inputs.count) if inputs else TRIAL["V"]
    names = {slot: label for label, slot in READ[form.kind if form else "lstm"](values).items()}
    for slot, found in shapes.items():
        part, key = slot
        n = len(key)
        expected = {"x": (V, n * h), "h": (h, n * h), "w": (h + V, n * h)}.get(part, (n * h,))
        if key == "q" and (part != "h" or len(found) != 2):
            continue
        if key == "q":
            expected = (h, found[0] if columns else found[1])
        axes = tuple(axis for axis in found if axis != 1 or part not in "bd")
        if axes != (expected[::-1] if columns else expected):
            label = names.get(slot, "".join(slot))
            return Row(role, name, WRONG, f"{label}: expected shape {expected}, got {found} for {V} inputs and {h} "
                                          "hidden units", assigned_at(node, label))
    weights = [(label, values[label]) for slot, label in names.items() if slot[0] in "xw" and slot[1] in GATES]
    arrays = []
    for label, value in weights:
        try:
            arrays.append((label, np.asarray(port.framework.array(value))))
        except Exception as error:
            return Row(role, name, RIGHT, f"in its shapes; {label} can't be read as numbers ({type(error).__name__})")
    if pair := drawn_equal(arrays):
        return Row(role, name, WRONG, EQUAL.format(*pair), assigned_at(node, pair[0]))
    return Row(role, name, RIGHT)


def drawn_equal(arrays: Sequence[tuple[str, Array]]) -> tuple[str, str] | None:
    """The names of two weights that have the same numbers, or None."""
    return next(((label, other) for i, (label, array) in enumerate(arrays) for other, before in arrays[:i]
                 if float(np.ptp(array)) > 0 and np.array_equal(array, before)), None)


def begin(port: FilePort, taken: Taken | None) -> Row:
    """The row of the initial state."""
    role, form = STATE[port.form.kind], port.form
    if taken is not None and taken.form.begins:
        return Row(role, f"in {form.name}", RIGHT)
    found = [(item, owner) for item, owner in port.contents.states
             if (owner is None or owner is form.owner) and _fits(item.node, form)]
    if not found:
        return Row(role, "", NOT, "not defined here")
    item, owner = min(found, key=lambda pair: (pair[1] is not form.owner, "lstm" not in pair[0].node.name.lower(),  # type: ignore[attr-defined]
                                               abs(pair[0].node.lineno - form.node.lineno)))
    node = item.node
    assert isinstance(node, ast.FunctionDef)
    port.slice.need(node, item.inside)
    try:
        if owner is not None:
            function = getattr(port.owner, node.name)
        else:
            port.slice.execute(node)
            function = port.slice.namespace[node.name]
        count = len(node.args.args) - len(node.args.defaults)
        for attribute in list(vars(port.owner)) if port.owner is not None else []:
            if key := size(attribute.rpartition("__")[2]):
                port.owner.__dict__[attribute] = TRIAL[key]
        arguments = [*port.arguments([arg.arg for arg in node.args.args[bool(owner):count]],
                                     ("B", "h")).values()]
        named = {arg.arg: TRIAL[key] for arg in node.args.args[count:] if (key := size(arg.arg)) in ("B", "h")}
    except Exception as error:
        return Row(role, node.name, NOT, f"can't be run on its own: {type(error).__name__}: {error}")
    result, _, raised = observed(function, *arguments, **named)
    if raised is not None:
        if type(raised).__name__ in ("NotHereError", "NameError"):
            return Row(role, node.name, NOT, f"can't be run on its own: {raised}")
        return Row(role, node.name, WRONG, f"{type(raised).__name__}: {raised}",
                   line_of(raised, port.contents, node.lineno))
    if result is None:
        return Row(role, node.name, NOT, "it returns nothing")
    count = 2 if form.kind == "lstm" else 1
    stacked = count == 2 and hasattr(result, "shape") and len(result.shape) == 3 and int(result.shape[0]) == 2
    pieces = [result[0], result[1]] if stacked else list(result.values()) if isinstance(result, dict) else \
        list(result) if isinstance(result, (list, tuple)) else [result]
    if len(pieces) != count and not (len(pieces) == 1 and count == 1):
        return Row(role, node.name, WRONG, f"expected {'H and C' if count == 2 else '(H,)'}, got {describe(result)}",
                   last_line(node))
    expected = sorted((TRIAL["B"], TRIAL["h"]))
    for label, piece in zip("HC", pieces, strict=False):
        if not hasattr(piece, "shape"):
            return Row(role, node.name, NOT, f"it returns {describe(result)}")
        array = np.asarray(port.framework.array(piece))
        turned = taken is not None and taken.layout is not None and taken.layout.state == "Bh" and (
            array.shape == (TRIAL["h"], TRIAL["B"]))
        if turned or (sorted(axis for axis in array.shape if axis != 1) != expected and array.size != TRIAL["h"]):
            return Row(role, node.name, WRONG, f"{label}: expected shape (batch_size, num_hiddens) = "
                                               f"{(TRIAL['B'], TRIAL['h'])}, got {array.shape}", last_line(node))
        if array.any():
            return Row(role, node.name, NOT, f"a choice of its own: {label} is not zeros, {array.ravel()[0]:.6g} first",
                       node.lineno)
    return Row(role, node.name, RIGHT)


def _fits(node: ast.AST, form: Form) -> bool:
    name = getattr(node, "name", "").lower()
    return not any(word in name for word in READ if word != form.kind)

