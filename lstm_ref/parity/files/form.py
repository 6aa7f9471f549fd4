"""How a function is taken: what its arguments, its parameters and what it returns stand for, read from its source."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from lstm_ref.parity.files.names import GATES, Slot, gate, pieces, rnn_slots, size, slots, state_part
from lstm_ref.parity.files.slices import Item

SQUASHES = {"sigmoid": "sigmoid", "expit": "sigmoid", "hard_sigmoid": "sigmoid", "logistic": "sigmoid", "tanh": "tanh",
            "sigm": "sigmoid", "Sigmoid": "sigmoid", "Tanh": "tanh"}
PRODUCTS = ("matmul", "mm", "dot", "MatMul", "einsum", "addmm", "bmm", "tensordot")
SCANS = ("scan", "while_loop", "foreach", "fori_loop")
DEVICES = ("device", "ctx", "context", "place", "dev")
INPUTS = ("inputs", "X", "x", "xs", "input", "seq", "x_t", "x_seq", "x_batch", "sequence", "inp", "x_cur", "xt", "data",
          "emb", "inputs_t", "input_t", "token", "Xt", "X_t", "embedded", "embeds", "features", "input_seq", "x_in")


def called(node: ast.AST) -> str:
    """The last name of what a call calls: 'sigmoid' of `torch.sigmoid(x)`."""
    function = node.func if isinstance(node, ast.Call) else None
    return function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(
        function, ast.Name) else ""


def own(node: ast.AST) -> Iterator[ast.AST]:
    """All that a function contains; functions defined in it only where it hands them to a scan."""
    deep = isinstance(node, ast.FunctionDef) and any(called(inner) in SCANS for inner in ast.walk(node))

    def inside(node: ast.AST) -> Iterator[ast.AST]:
        for child in ast.iter_child_nodes(node):
            if deep or not isinstance(child, (ast.FunctionDef, ast.ClassDef)):
                yield child
                yield from inside(child)

    return inside(node)


def spoken(node: ast.AST) -> list[str]:
    """The names that a function uses: variables, attributes of `self`, and keys of what it takes things from."""
    found = dict[str, None]()
    for inner in sorted(own(node), key=lambda each: (getattr(each, "lineno", 0), getattr(each, "col_offset", 0))):
        if isinstance(inner, ast.Name):
            found[inner.id] = None
        elif isinstance(inner, ast.arg):
            found[inner.arg] = None
        elif isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name) and inner.value.id in (
                "self", "params", "p"):
            found[inner.attr] = None
        elif isinstance(inner, ast.Subscript) and isinstance(inner.slice, ast.Constant) and isinstance(
                inner.slice.value, str):
            found[inner.slice.value] = None
    return list(found)


@dataclass
class Form:
    """A function that computes an LSTM or RNN, as it is taken.

    Attributes:
        item: where it stands.
        owner: the class of which it is a method, or None.
        kind: 'lstm', 'rnn', 'gru' or ''.
        names: what each name that stands for a parameter stands for.
        arguments: what each argument stands for: 'self', 'inputs', 'state', 'H', 'C', 'params', 'slot', 'device',
            'sizes' or '' for one that is left to its default.
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
        return slot in self.names.values()


def squashes(node: ast.AST, kind: str) -> int:
    """How many sigmoids or tanhs a function computes, itself."""
    return sum(SQUASHES.get(called(inner), "") == kind for inner in own(node))


def multiplies(node: ast.AST) -> bool:
    """Whether a function multiplies matrices, itself."""
    return any((isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.MatMult)) or called(inner) in PRODUCTS
               for inner in own(node))


def kind_of(node: ast.AST, names: dict[str, Slot]) -> str:
    """'lstm', 'rnn', 'gru' or '' for what a function computes: by its gates' names, then by what it applies."""
    gates = {key for part, key in names.values() if part in "xwh" and key in GATES}
    said = {"".join(pieces(name)[1:]) for name in spoken(node) if len(pieces(name)) > 1}
    if multiplies(node) and any(pair <= said for pair in (
            {"xz", "xr"}, {"hz", "hr"}, {"iz", "ir"}, {"zx", "rx"})):
        return "gru"
    if len(gates) >= 3 and multiplies(node):
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


def unpackings(node: ast.AST) -> Iterator[tuple[list[str], ast.expr]]:
    """The names that are taken together from one value, with the value."""
    for inner in own(node):
        if isinstance(inner, ast.Assign):
            for target in inner.targets:
                if isinstance(target, (ast.Tuple, ast.List)) and all(
                        isinstance(each, ast.Name) for each in target.elts):
                    yield [each.id for each in target.elts if isinstance(each, ast.Name)], inner.value


def gate_of_target(name: str) -> str | None:
    """The gate that a variable's name says: 'I', 'i_t', 'input_gate', 'gate_forget', 'C_tilda'."""
    silent = ("t", "gate", "act", "activation", "value", "values", "layer")
    words = [word for word in pieces(name) if word not in silent]
    word = "_".join(words)
    if word in ("it", "ft", "ot", "gt"):
        word = word[0]
    candidate = ("g", "c_tilda", "c_tilde", "ctilda", "ctilde", "candidate", "tilde_c", "c_hat", "c_bar", "c_til",
                 "cell_candidate", "memory_cell_candidate", "cand", "n", "c_tild", "c_candidate", "candidate_cell")
    known = {"i": "i", "input": "i", "in": "i", "f": "f", "forget": "f", "o": "o", "output": "o", "out": "o",
             **dict.fromkeys(candidate, "c")}
    return known.get(word) or (gate(words[0]) if len(words) == 1 else None)


def structural(node: ast.AST) -> dict[str, Slot]:
    """Parameters by where they stand, for names that say nothing: the gate is that of the variable."""
    found: dict[str, Slot] = {}
    for inner in own(node):
        if not (isinstance(inner, ast.Assign) and len(inner.targets) == 1 and isinstance(inner.targets[0], ast.Name)):
            continue
        key, value = gate_of_target(inner.targets[0].id), inner.value
        if key is None or called(value) not in SQUASHES or not isinstance(value, ast.Call):
            continue
        for term in terms(value.args[0] if value.args else value):
            factors = factors_of(term)
            named = [simple(each) for each in factors]
            if len(factors) == 2 and all(named):
                weight = next((n for n in named if state_part(n) is None and n not in INPUTS), None)
                other = next((n for n in named if n != weight), "")
                if weight:
                    found[weight] = ("h" if state_part(other) == "H" else "x", key)
            elif len(factors) == 1 and simple(term):
                name = simple(term)
                found[name] = ("d" if ("b", key) in found.values() else "b", key)
    return found


def terms(node: ast.AST) -> list[ast.AST]:
    """What a sum adds."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [*terms(node.left), *terms(node.right)]
    if called(node) == "add" and isinstance(node, ast.Call) and len(node.args) == 2:
        return [*terms(node.args[0]), *terms(node.args[1])]
    return [node]


def factors_of(node: ast.AST) -> list[ast.AST]:
    """What a matrix product multiplies, or the node alone."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        return [node.left, node.right]
    if isinstance(node, ast.Call) and called(node) in PRODUCTS:
        if len(node.args) == 2:
            return list(node.args)
        if len(node.args) == 1 and isinstance(node.func, ast.Attribute):
            return [node.func.value, node.args[0]]
    return [node]


def simple(node: ast.AST) -> str:
    """The name of a variable, an attribute or an element by name; '' for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr if node.attr != "T" else simple(node.value)
    if isinstance(node, ast.Subscript):
        return str(node.slice.value) if isinstance(node.slice, ast.Constant) and isinstance(
            node.slice.value, str) else simple(node.value)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in (
            "reshape", "view", "to", "float", "unsqueeze", "squeeze"):
        return simple(node.func.value)
    return ""


def sides(node: ast.AST, names: dict[str, Slot]) -> tuple[str, ...]:
    """On which side of its products a function has the parameters: 'columns' for W @ x."""
    found = []
    for inner in own(node):
        factors = factors_of(inner)
        if len(factors) == 2:
            left, right = (simple(each) in names or simple(getattr(each, "value", each)) in names for each in factors)
            found += ["columns"] * (left and not right) + ["rows"] * (right and not left)
    return tuple(found)


def form(item: Item, owner: ast.ClassDef | None = None, whole: bool = False, forced: bool = False) -> Form | None:
    """How a function is taken; None for one that is no LSTM, GRU or RNN.

    Args:
        item: the function.
        owner: its class.
        whole: the class computes an LSTM in several methods, of which this is the entry.
        forced: it is said by hand that this computes an LSTM.
    """
    node = item.node
    assert isinstance(node, ast.FunctionDef)
    said = spoken(node)
    if owner:
        said += [inner.attr for inner in ast.walk(owner) if isinstance(inner, ast.Attribute)
                 and isinstance(inner.value, ast.Name) and inner.value.id == "self"]
    names = slots(said)
    if sum(part in "xw" for part, _ in names.values()) < 3:
        names = structural(node) or names
    alone = {name: slot for name, slot in names.items() if name in spoken(node)}
    kind = kind_of(node, alone)
    if forced or (not kind and whole and owner):
        kind = "lstm"
    if not kind:
        return None
    if kind == "rnn":
        names = rnn_slots(said)
        if {("x", "c"), ("h", "c")} - {*names.values()}:
            return None
    found = Form(item, owner, kind, names)
    _arguments(found)
    found.loops = any(isinstance(inner, (ast.For, ast.While)) for inner in own(node)) or any(
        called(inner) in SCANS for inner in own(node))
    found.products = sides(node, names)
    for inner in own(node):
        if called(inner) in ("cat", "concat", "concatenate", "hstack", "vstack") and isinstance(inner, ast.Call) and \
                inner.args and isinstance(inner.args[0], (ast.List, ast.Tuple)) and len(inner.args[0].elts) == 2:
            first, second = (simple(each) for each in inner.args[0].elts)
            if "H" in (state_part(first), state_part(second)):
                found.joined = "hx" if state_part(first) == "H" else "xh"
    return found


def _arguments(form: Form) -> None:
    node = form.node
    unpacked = list(unpackings(node))
    aliases = {simple(value): names for names, value in unpacked}
    parameters = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    defaults = {arg.arg for arg in node.args.args[len(node.args.args) - len(node.args.defaults):]} | {
        arg.arg for arg, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if value is not None}
    for i, arg in enumerate(parameters):
        name, taken = arg.arg, aliases.get(arg.arg, [])
        static = any(ast.unparse(each) == "staticmethod" for each in node.decorator_list)
        if i == 0 and form.owner and not static:
            meaning = "self"
        elif name in form.names:
            meaning = "slot"
        elif taken and sum(each in form.names for each in taken) >= 3:
            meaning, form.unpacked, form.container = "params", taken, f"argument:{name}"
        elif name in ("params", "parameters", "weights", "theta", "param", "p", "ws", "param_list"):
            meaning, form.container = "params", form.container or f"argument:{name}"
        elif (len(taken) in (1, 2) and any(state_part(each) for each in taken)) or (name in (
                "state", "states", "H_C", "hidden", "init_states", "hx", "h_state", "initial_state", "init_state",
                "hc", "carry", "prev_state") and not any(
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
        form.arguments[name] = meaning
    if not form.container:
        for names, value in unpacked:
            if sum(each in form.names for each in names) >= 3:
                form.unpacked, form.container = names, f"self:{simple(value)}" if isinstance(
                    value, ast.Attribute) else f"global:{simple(value)}"
    if form.kind == "rnn":
        form.state = ("H",)

