"""What stands where in a function's source: products, sums, activations, and what they are made of."""

import ast
from collections.abc import Iterator

from lstm_ref.parity.files.names import GATES, Slot, gate, pieces, state_part

SQUASHES = {"sigmoid": "sigmoid", "expit": "sigmoid", "hard_sigmoid": "sigmoid", "logistic": "sigmoid", "tanh": "tanh",
            "sigm": "sigmoid", "Sigmoid": "sigmoid", "Tanh": "tanh"}
PRODUCTS = ("matmul", "mm", "dot", "MatMul", "einsum", "addmm", "bmm", "tensordot")
SCANS = ("scan", "while_loop", "foreach", "fori_loop")
JOINS = ("cat", "concat", "concatenate", "hstack", "vstack")
#: What a layer that makes the outputs is called.
LAST = ("fc", "out", "dense", "head", "decoder", "logit", "linear", "h2o", "hq", "hy", "proj")
DEVICES = ("device", "ctx", "context", "place", "dev")
#: What the inputs are called.
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


def squashes(node: ast.AST, kind: str) -> int:
    """How many sigmoids or tanhs a function computes, itself."""
    return sum(SQUASHES.get(called(inner), "") == kind for inner in own(node))


def multiplies(node: ast.AST) -> bool:
    """Whether a function multiplies matrices, itself."""
    return any((isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.MatMult)) or called(inner) in PRODUCTS
               for inner in own(node))


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


def joins(node: ast.AST) -> bool:
    """Whether an expression joins two tensors."""
    return called(node) in JOINS


def part_of(node: ast.AST, joined: set[str]) -> str:
    """What a product's other factor is: 'h' for the state, 'w' for state and input joined, else 'x'."""
    name = simple(node)
    return "w" if joins(node) or name in joined else "h" if state_part(name) == "H" else "x"


def packed(node: ast.AST) -> dict[str, str]:
    """Variables that hold all four gates side by side, with the order in which they are taken apart."""
    found: dict[str, str] = {}
    sliced: dict[str, list[tuple[int, str]]] = {}
    for inner in own(node):
        if not (isinstance(inner, ast.Assign) and len(inner.targets) == 1):
            continue
        target, value = inner.targets[0], inner.value
        if isinstance(target, (ast.Tuple, ast.List)) and len(target.elts) == 4:
            if isinstance(value, ast.Tuple) and len(value.elts) == 4:
                for element, each in zip(target.elts, value.elts, strict=True):
                    _slice(sliced, simple(element), each)
                continue
            gates = [gate_of_target(simple(each)) for each in target.elts]
            calls = [each for each in ast.walk(value) if called(each) in ("chunk", "split", "unbind", "array_split")]
            if {*gates} == {*GATES} and calls and isinstance(calls[0], ast.Call):
                base = simple(calls[0].func.value) if isinstance(calls[0].func, ast.Attribute) else ""
                first = simple(calls[0].args[0]) if calls[0].args else ""
                for held in {base, first} - {""}:
                    found[held] = "".join(map(str, gates))
        else:
            _slice(sliced, simple(target), value)
    for name, gates_at in sliced.items():
        order = "".join(key for _, key in sorted(gates_at))
        if {*order} == {*GATES} and len(order) == 4:
            found.setdefault(name, order)
    return found


def _slice(sliced: dict[str, list[tuple[int, str]]], name: str, value: ast.AST) -> None:
    """Note a gate that is cut out of a variable."""
    key = gate_of_target(name)
    for inner in ast.walk(value):
        if key and isinstance(inner, ast.Subscript):
            index = inner.slice.elts[-1] if isinstance(inner.slice, ast.Tuple) and inner.slice.elts else inner.slice
            if isinstance(index, ast.Slice):
                lower = ast.unparse(index.lower) if index.lower else "0"
                number = next((int(digit) for digit in lower if digit.isdigit()), 1)
                sliced.setdefault(simple(inner.value), []).append((number, key))
                return


def linears(node: ast.AST, methods: set[str]) -> dict[str, Slot]:
    """Layers of a class that are called on the input, the state, or both: what each stands for."""
    found: dict[str, Slot] = {}
    orders, joined = packed(node), {name for name, value in assigned(node) if joins(value)}
    for name, value in assigned(node):
        key = orders.get(name) or gate_of_target(name)
        for term in terms(value.args[0] if isinstance(value, ast.Call) and called(value) in SQUASHES and value.args
                          else value):
            if isinstance(term, ast.Call) and isinstance(term.func, ast.Attribute) and isinstance(
                    term.func.value, ast.Name) and term.func.value.id == "self" and len(term.args) == 1 and (
                        term.func.attr not in methods):
                part = part_of(term.args[0], joined)
                if key and not (part == "h" and any(word in term.func.attr.lower() for word in LAST)):
                    found[term.func.attr] = part, key
                elif part == "h" or any(word in term.func.attr.lower() for word in LAST):
                    found[term.func.attr] = "h", "q"
    for inner in own(node):
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) and isinstance(
                inner.func.value, ast.Name) and inner.func.value.id == "self" and len(inner.args) == 1 and (
                    inner.func.attr not in methods | {*found}) and any(
                        word in inner.func.attr.lower() for word in LAST):
            found[inner.func.attr] = "h", "q"
    return found


def assigned(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Names and the expressions that they are given, one by one."""
    for inner in own(node):
        if isinstance(inner, ast.Assign) and len(inner.targets) == 1:
            target = inner.targets[0]
            if isinstance(target, ast.Tuple) and isinstance(inner.value, ast.Tuple) and len(target.elts) == len(
                    inner.value.elts):
                yield from ((simple(each), value) for each, value in zip(target.elts, inner.value.elts, strict=True))
            elif simple(target):
                yield simple(target), inner.value


def products(node: ast.AST) -> dict[str, Slot]:
    """Parameters by where they stand, for names that say nothing: the gate is that of the variable."""
    found: dict[str, Slot] = {}
    orders, joined = packed(node), {name for name, value in assigned(node) if joins(value)}
    for name, value in assigned(node):
        key = orders.get(name) or (gate_of_target(name) if called(value) in SQUASHES else None)
        if key is None:
            continue
        for term in terms(value.args[0] if isinstance(value, ast.Call) and called(value) in SQUASHES and value.args
                          else value):
            factors = factors_of(term)
            named = [simple(each) for each in factors]
            if len(factors) == 2:
                weight = next((i for i, each in enumerate(named) if each and state_part(each) != "H"
                               and each not in INPUTS and each not in joined and not joins(factors[i])), None)
                if weight is not None:
                    found[named[weight]] = part_of(factors[1 - weight], joined), key
            elif simple(term) and not isinstance(term, ast.Call) and simple(term) not in INPUTS:
                found.setdefault(simple(term), ("d" if ("b", key) in found.values() else "b", key))
    for inner in own(node) if found else ():  # the output layer stands where it likes
        summands = terms(inner) if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Add) else []
        named = [simple(each) for each in factors_of(summands[0])] if len(summands) == 2 else []
        if len(named) == 2 and "H" in map(state_part, named) and not {*named} & {*found}:
            found[next(each for each in named if state_part(each) != "H")] = "h", "q"
            if simple(summands[1]):
                found[simple(summands[1])] = "b", "q"
    return found
