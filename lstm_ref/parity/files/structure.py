"""What stands where in a function's source: products, sums, activations, and what they are made of."""

import ast
from collections.abc import Iterator

from lstm_ref.parity.files.names import Slot, gate, pieces, state_part

SQUASHES = {"sigmoid": "sigmoid", "expit": "sigmoid", "hard_sigmoid": "sigmoid", "logistic": "sigmoid", "tanh": "tanh",
            "sigm": "sigmoid", "Sigmoid": "sigmoid", "Tanh": "tanh"}
PRODUCTS = ("matmul", "mm", "dot", "MatMul", "einsum", "addmm", "bmm", "tensordot")
SCANS = ("scan", "while_loop", "foreach", "fori_loop")
JOINS = ("cat", "concat", "concatenate", "hstack", "vstack")
#: What a layer that makes the outputs is called.
LAST = ("fc", "out", "dense", "head", "decoder", "logit", "linear", "h2o", "hq", "hy", "proj")
ONE_HOT = ("one_hot", "to_onehot", "onehot")
DEVICES = ("device", "ctx", "context", "place", "dev")
#: What stands before a gate's letter in the name of its sum.
BEFORE = ("z", "a", "pre", "net", "s", "act", "raw", "u")
#: What the inputs are called.
INPUTS = ("inputs", "X", "x", "xs", "input", "seq", "x_t", "x_seq", "x_batch", "sequence", "inp", "x_cur", "xt", "data",
          "emb", "inputs_t", "input_t", "token", "Xt", "X_t", "embedded", "embeds", "features", "input_seq", "x_in")


def called(node: ast.AST) -> str:
    """The last name of what a call calls: 'sigmoid' of `torch.sigmoid(x)`."""
    function = node.func if isinstance(node, ast.Call) else None
    return function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(
        function, ast.Name) else ""


def own(node: ast.AST) -> Iterator[ast.AST]:
    """All that a function contains; of the functions in it those that it hands to a scan or that help it."""
    deep = isinstance(node, ast.FunctionDef) and any(called(inner) in SCANS for inner in ast.walk(node))
    calls = {called(inner) for inner in ast.walk(node)} if isinstance(node, ast.FunctionDef) else set()
    helpers = {id(inner) for inner in ast.walk(node) if isinstance(inner, ast.FunctionDef) and inner.name in calls
               and sum(called(each) in SQUASHES for each in ast.walk(inner)) < 3}

    def inside(node: ast.AST) -> Iterator[ast.AST]:
        for child in ast.iter_child_nodes(node):
            if deep or id(child) in helpers or not isinstance(child, (ast.FunctionDef, ast.ClassDef)):
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
    """The names that are taken together from one value, with the value; of `H, *rest` the first alone."""
    for inner in own(node):
        if isinstance(inner, ast.Assign):
            for target in inner.targets:
                if isinstance(target, (ast.Tuple, ast.List)):
                    rest = bool(target.elts) and isinstance(target.elts[-1], ast.Starred)
                    named = target.elts[:-1] if rest else target.elts
                    if all(isinstance(each, ast.Name) for each in named):
                        yield [each.id for each in named if isinstance(each, ast.Name)], inner.value


def squashed(node: ast.AST) -> ast.AST | None:
    """What a sigmoid or tanh is applied to, as a function or as a method; None for anything else."""
    if not isinstance(node, ast.Call) or called(node) not in SQUASHES:
        return None
    return node.args[0] if node.args else node.func.value if isinstance(node.func, ast.Attribute) else None


def gate_of_target(name: str) -> str | None:
    """The gate that a variable's name says: 'I', 'i_t', 'input_gate', 'gate_forget', 'C_tilda'."""
    silent = ("t", "gate", "act", "activation", "value", "values", "layer")
    words = [word for word in pieces(name) if word not in silent]
    word = "_".join(words)
    if len(words) == 2 and words[0] in BEFORE and words[1] in ("i", "f", "o", "g", "c"):
        word = {"c": "g"}.get(words[1], words[1])
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


def tokens(node: ast.AST) -> str:
    """The name of the tokens that an expression itself makes one-hot: 'X' of `one_hot(X.T, n)` and `eye(n)[X.T]`."""
    inside = None
    if isinstance(node, ast.Call) and called(node) in ONE_HOT:
        inside = node.args[0] if node.args else None
    elif isinstance(node, ast.Subscript) and called(node.value) in ("eye", "identity"):
        inside = node.slice
    names = [inner.id for inner in ast.walk(inside) if isinstance(inner, ast.Name)] if inside is not None else []
    return names[0] if len({*names}) == 1 else ""
