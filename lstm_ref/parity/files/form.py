"""How a function is taken: what its arguments, its parameters and what it returns stand for, read from its source."""

import ast
import copy
from dataclasses import dataclass, field, fields, replace
from typing import Any

from lstm_ref.parity.files.compact import spread
from lstm_ref.parity.files.gates import linears, products
from lstm_ref.parity.files.names import GATES, Slot, gru_slots, pieces, rnn_slots, size, slots, state_part
from lstm_ref.parity.files.slices import Item
from lstm_ref.parity.files.structure import (
    DEVICES,
    INPUTS,
    JOINS,
    SCANS,
    assigned,
    called,
    multiplies,
    own,
    sides,
    simple,
    spoken,
    squashes,
    tokens,
    unpackings,
)

#: What the whole state is called.
STATES = ("state", "states", "H_C", "hidden", "init_states", "hx", "h_state", "initial_state", "init_state", "hc",
          "carry", "prev_state")


@dataclass
class Form:
    """A function that computes an LSTM or RNN, as it is taken.

    Attributes:
        item: where it stands.
        owner: the class of which it is a method, or None.
        kind: 'lstm', 'rnn', 'gru' or ''.
        names: what each name that stands for a parameter stands for.
        arguments: what each argument stands for: 'self', 'inputs', 'state', 'H', 'C', 'params', 'slot', 'device',
            'sizes', 'keyed' for a dict of inputs and state, or '' for one that is left to its default.
        unpacked: names of the parameters in the order in which they are taken from a list.
        container: 'argument:params' or 'self:params', from which they are taken by order or by name.
        state: order in which the state is taken from a pair.
        loops: whether it goes over the steps itself.
    """

    item: Item
    owner: ast.ClassDef | None
    kind: str = ""
    names: dict[str, Slot] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    unpacked: list[str] = field(default_factory=list)
    container: str = ""
    state: tuple[str, ...] = ("H", "C")
    loops: bool = False
    products: tuple[str, ...] = ()  #: 'rows' where the input is on the left, 'columns' where it is on the right
    joined: str = "hx"  #: order in which the state and the input are joined
    layers: dict[str, Slot] = field(default_factory=dict)  #: of a class, those that multiply
    kept: dict[str, str] = field(default_factory=dict)  #: attributes of the object that keep the state, by 'H' and 'C'
    begins: bool = False  #: it has been given a hook where it makes its initial state itself
    bare: bool = False  #: the state is H itself, not a tuple
    arrays: dict[tuple[Any, ...], Slot] = field(default_factory=dict)  #: parameters found by what they do, by path
    peeks: dict[str, str] = field(default_factory=dict)  #: variables that hold a state which is not returned
    one_tensor: tuple[str, ...] = ()  #: order in which H and C stand side by side in one tensor
    keys: dict[str, str] = field(default_factory=dict)  #: of an argument that is a dict, what each key stands for
    fields: dict[str, str] = field(default_factory=dict)  #: attributes of the state, by 'H' and 'C'
    biased: dict[str, bool] = field(default_factory=dict)  #: of layers that it makes itself, whether they have a bias
    weak: list[str] = field(default_factory=list)  #: arguments whose names do not say what they stand for
    around: list["Form"] = field(default_factory=list)  #: functions that call it step after step

    def lacks(self) -> str:
        """The first gate of which the parameters are not known, or ''."""
        known = {(part, gate) for part, key in (*self.names.values(), *self.layers.values(), *self.arrays.values())
                 for gate in key}
        for gate in {"lstm": GATES, "gru": "zrc"}.get(self.kind, "c"):
            if ("w", gate) not in known and not {("x", gate), ("h", gate)} <= known:
                return {"i": "input gate", "f": "forget gate", "o": "output gate", "c": "candidate",
                        "z": "update gate", "r": "reset gate"}[gate]
        return ""

    def anew(self) -> "Form":
        """The same, to be changed on its own."""
        return replace(self, **{each.name: copy.copy(getattr(self, each.name)) for each in fields(self)
                                if isinstance(getattr(self, each.name), (dict, list))})

    @property
    def is_given_state(self) -> bool:
        """Whether a state is among its arguments."""
        return bool({"state", "H", "C", "keyed"} & {*self.arguments.values()})

    @property
    def takes_state(self) -> bool:
        """Whether a state can be given to it, as arguments, in its object, or where it makes its own."""
        return bool(self.is_given_state or self.kept or self.begins)

    @property
    def node(self) -> ast.FunctionDef:
        """Its syntax tree."""
        assert isinstance(self.item.node, ast.FunctionDef)
        return self.item.node

    @property
    def name(self) -> str:
        """Its name, with its class."""
        return f"{self.owner.name}.{self.node.name}" if self.owner else self.node.name

    def has(self, slot: Slot) -> bool:
        """Whether it has this parameter."""
        return slot in (*self.names.values(), *self.layers.values(), *self.arrays.values())


def kind_of(node: ast.AST, names: dict[str, Slot], layers: bool = False) -> str:
    """'lstm', 'rnn', 'gru' or '' for what a function computes: by its gates' names, then by what it applies."""
    gates = {gate for part, key in names.values() if part in "xwh" for gate in key} & {*GATES}
    said = {"".join(pieces(name)[1:]) for name in spoken(node) if len(pieces(name)) > 1}
    if multiplies(node) and any(pair <= said for pair in (
            {"xz", "xr"}, {"hz", "hr"}, {"iz", "ir"}, {"zx", "rx"})):
        return "gru"
    if len(gates) >= 3 and (multiplies(node) or layers):
        return "lstm"
    sigmoids, tanhs = squashes(node, "sigmoid"), squashes(node, "tanh")
    name = getattr(node, "name", "").lower()
    if sigmoids >= 3 and tanhs >= 1 and multiplies(node):
        return "lstm"
    if "gru" in name and multiplies(node):
        return "gru"
    if tanhs >= 1 and not sigmoids and multiplies(node) and ({"xh", "hh"} & said or "rnn" in name):
        return "rnn"
    return ""


def form(item: Item, owner: ast.ClassDef | None = None, whole: bool = False, forced: bool = False) -> Form | None:
    """How a function is taken; None for one that is no LSTM, GRU or RNN.

    Args:
        item: the function.
        owner: its class.
        whole: the class computes an LSTM in several methods, of which this is the entry.
        forced: it is said by hand that this computes an LSTM.
    """
    assert isinstance(item.node, ast.FunctionDef)
    node, biased = spread(item.node)
    item = item if node is item.node else replace(item, node=node)
    said = spoken(node)
    if owner:
        said += [inner.attr for inner in ast.walk(owner) if isinstance(inner, ast.Attribute)
                 and isinstance(inner.value, ast.Name) and inner.value.id == "self"]
    names = slots(said)
    methods = {each.name for each in owner.body if isinstance(each, ast.FunctionDef)} if owner else set()
    layers = linears(node, methods) if owner else {}
    if sum(part in "xw" for part, _ in names.values()) < 3:
        names = products(node) or names
    if layers:
        names = {name: slot for name, slot in names.items() if name not in layers}
    alone = {name: slot for name, slot in names.items() if name in spoken(node)}
    kind = kind_of(node, alone | layers, bool(layers))
    if forced or (not kind and whole and owner):
        kind = "lstm"
    if not kind:
        return None
    if kind == "rnn":
        names = rnn_slots(said)
        if {("x", "c"), ("h", "c")} - {*names.values()}:
            return None
    if kind == "gru":
        names, layers = gru_slots(said), {}
    found = Form(item, owner, kind, names, layers=layers, biased=biased)
    _arguments(found)
    found.loops = any(isinstance(inner, (ast.For, ast.While)) for inner in own(node)) or any(
        called(inner) in SCANS for inner in own(node))
    found.products = sides(node, names)
    for inner in own(node):
        if called(inner) in JOINS and isinstance(inner, ast.Call) and \
                inner.args and isinstance(inner.args[0], (ast.List, ast.Tuple)) and len(inner.args[0].elts) == 2:
            first, second = (simple(each) for each in inner.args[0].elts)
            if {"H"} == {state_part(first), state_part(second)} - {None} and first and second:
                found.joined = "hx" if state_part(first) == "H" else "xh"
    return found


def _arguments(form: Form) -> None:
    node = form.node
    unpacked = list(unpackings(node))
    aliases = {simple(value) or (simple(value.args[0]) if isinstance(value, ast.Call) and value.args and called(
        value) in ("unstack", "unpack", "unbind", "list", "tuple") else ""): names for names, value in unpacked}
    parameters = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    defaults = {arg.arg for arg in node.args.args[len(node.args.args) - len(node.args.defaults):]} | {
        arg.arg for arg, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if value is not None}
    cut = _cut(node)
    hot = {tokens(inner) for inner in own(node)}
    for i, arg in enumerate(parameters):
        name, taken = arg.arg, cut.get(arg.arg) or aliases.get(arg.arg, [])
        static = any(ast.unparse(each) == "staticmethod" for each in node.decorator_list)
        if i == 0 and form.owner and not static:
            meaning = "self"
        elif name in hot:
            meaning = "inputs"
        elif name in form.names:
            meaning = "slot"
        elif i and (attributes := _fields(node, name)):
            meaning, form.fields = "state", attributes
        elif keys := _keys(node, name):
            meaning, form.keys = "keyed", keys
        elif taken and sum(each in form.names for each in taken) >= 3:
            meaning, form.unpacked, form.container = "params", taken, f"argument:{name}"
        elif name in ("params", "parameters", "weights", "theta", "param", "p", "ws", "param_list"):
            meaning, form.container = "params", form.container or f"argument:{name}"
        elif (len(taken) in (1, 2) and any(state_part(each) for each in taken)) or (name in STATES and not any(
                state_part(other.arg) == "C" for other in parameters)):
            meaning = "state"
            if len(taken) == 2 and state_part(taken[0]) and state_part(taken[1]):
                form.state = tuple(str(state_part(each)) for each in taken)
        elif name in INPUTS:
            meaning = "inputs"
        elif part := state_part(name):
            meaning = part
        elif name in DEVICES:
            meaning = "device"
        elif size(name):
            meaning = "sizes"
        elif name in defaults:
            meaning = ""
        else:
            meaning = "inputs" if "inputs" not in form.arguments.values() else ""
            form.weak.append(name)
        form.arguments[name] = meaning
    if not form.container:
        for names, value in unpacked:
            if sum(each in form.names for each in names) >= 3 and simple(value):
                form.unpacked, form.container = names, f"self:{simple(value)}" if isinstance(
                    value, ast.Attribute) else f"global:{simple(value)}"
    if form.kind in ("rnn", "gru"):
        form.state = ("H",)
        name = next((each for each, meaning in form.arguments.items() if meaning == "state"), "")
        form.bare = name not in aliases and not any(
            isinstance(inner, ast.Subscript) and simple(inner.value) == name for inner in own(node))
    if not form.is_given_state and form.owner is not None:
        _kept(form)
    form.one_tensor = _halves(form)


def _halves(form: Form) -> tuple[str, ...]:
    """The order in which H and C are cut out of one tensor, the state; () where they are not."""
    states = {name for name, meaning in form.arguments.items() if meaning == "state"} | {
        key for key, meaning in form.keys.items() if meaning == "state"}
    states |= {name for name, value in assigned(form.node) if simple(value) in states and not state_part(name) and (
        isinstance(value, ast.Name) or isinstance(getattr(value, "slice", None), ast.Constant))}
    first, seen = "", set[str]()
    for names, value in unpackings(form.node):
        parts = [str(state_part(each)) for each in names]
        if {*parts} == {"H", "C"} and called(value) in ("split", "chunk") and states & {
                simple(each) for each in ast.walk(value)}:
            return tuple(parts)
    for name, value in assigned(form.node):
        start = _start(value, states)
        if start is not None and (part := state_part(name)):
            seen.add(part)
            first = part if start else first
    return () if seen != {"H", "C"} or not first else ("H", "C") if first == "H" else ("C", "H")


def _start(value: ast.expr, states: set[str]) -> bool | None:
    """Whether what is cut out of a state begins where the state does; None for what is not cut out of one."""
    if isinstance(value, ast.Subscript) and simple(value.value) in states:
        index = value.slice.elts[-1] if isinstance(value.slice, ast.Tuple) and value.slice.elts else value.slice
        return index.lower is None or ast.unparse(index.lower) == "0" if isinstance(index, ast.Slice) else None
    if called(value) == "slice" and isinstance(value, ast.Call) and len(value.args) == 3 and simple(
            value.args[0]) in states and isinstance(value.args[1], (ast.List, ast.Tuple)):
        return ast.unparse(value.args[1].elts[-1]) == "0"
    return None


def _fields(node: ast.FunctionDef, name: str) -> dict[str, str]:
    """The attributes by which an argument gives H and C; {} for any other argument."""
    found = {part: inner.attr for inner in own(node) if isinstance(inner, ast.Attribute) and isinstance(
        inner.value, ast.Name) and inner.value.id == name and (part := state_part(inner.attr))}
    return found if {*found} == {"H", "C"} else {}


def _keys(node: ast.FunctionDef, name: str) -> dict[str, str]:
    """What the keys of an argument stand for that is a dict of inputs and state; {} for any other argument."""
    keys = [inner.slice.value for inner in own(node) if isinstance(inner, ast.Subscript) and simple(
        inner.value) == name and isinstance(inner.slice, ast.Constant) and isinstance(inner.slice.value, str)]
    found = {key: "inputs" if key in INPUTS else "state" if key in STATES else state_part(key) or "" for key in keys}
    whole = "inputs" in found.values() or {"H", "C"} == {*found.values()}
    return found if whole and "" not in found.values() else {}


def _cut(node: ast.FunctionDef) -> dict[str, list[str]]:
    """The names that are taken from a list in several slices, in the list's order."""
    found: dict[str, dict[int, str]] = {}
    for names, value in unpackings(node):
        if isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Slice) and isinstance(
                value.value, ast.Name):
            lower = value.slice.lower
            start = lower.value if isinstance(lower, ast.Constant) and isinstance(lower.value, int) else 0
            if isinstance(lower, ast.UnaryOp):  # params[-2:]
                start = 10**3
            found.setdefault(value.value.id, {}).update({start + i: name for i, name in enumerate(names)})
    return {name: [taken[i] for i in sorted(taken)] for name, taken in found.items() if len(taken) > 3}


def _kept(form: Form) -> None:
    """Find the state that an object keeps from call to call, whichever of its methods reads it."""
    assert form.owner is not None
    stored = {inner.attr for inner in own(form.node) if _of_self(inner) and isinstance(inner.ctx, ast.Store)}  # type: ignore[attr-defined]
    calls = {called(inner) for inner in ast.walk(form.node)}
    read = [form.node, *(each for each in form.owner.body if isinstance(each, ast.FunctionDef) and each.name in calls)]
    for node in read:
        for inner in own(node):
            if isinstance(inner, ast.Attribute) and _of_self(inner) and isinstance(inner.ctx, ast.Load) and (
                    inner.attr in stored) and (part := state_part(inner.attr)):
                form.kept.setdefault(part, inner.attr)


def _of_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
