"""The mutation operators: each looks at one node of a syntax tree and yields what may replace it.

They are the mistakes that this code invites: another gate, a transpose, a sign, a state not reset, a weight not copied.
"""

import ast
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

ARITHMETIC = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div,
              ast.Pow: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr}
COMPARISON = {ast.Gt: (ast.GtE, ast.Lt), ast.GtE: (ast.Gt, ast.LtE), ast.Lt: (ast.LtE, ast.Gt),
              ast.LtE: (ast.Lt, ast.GtE), ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,),
              ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,)}
GATES = "ifoc"
#: Names that are easily confused: each is replaced by the next in its row, the last by the first.
ROWS = [[f"{stem}{gate}" for gate in GATES] for stem in ("W_x", "W_h", "b_", "A_")]
ROWS += [["I", "F", "O", "C_tilda"], ["H", "C"], ["dH", "dC"], ["X", "Y"], ["W_xh", "W_hh"], ["kernel", "weight"]]
SIBLING = {name: row[(i + 1) % len(row)] for row in ROWS for i, name in enumerate(row)}
FUNCTION = {"tanh": "sin", "sigmoid": "tanh", "zeros": "ones", "zeros_like": "ones_like", "Zero": "One",
            "sum": "mean", "mean": "sum", "max": "min", "argmax": "argmin", "exp": "log1p", "log": "exp",
            "sqrt": "abs", "dsigmoid": "dtanh", "dtanh": "dsigmoid", "weight_ih_l0": "weight_hh_l0",
            "bias_ih_l0": "bias_hh_l0", "bias_hh_l0": "bias_ih_l0"}
STRING = {"float32": "float64", "W_x": "W_h", "W_h": "W_x"}
BUILTINS = ("float", "int", "list", "tuple", "str", "reversed", "sorted", "iter")


@dataclass
class Place:
    """Where a node is: what an operator may need to know about its surroundings."""

    parent: ast.AST
    field: str
    modules: set[str]  #: names that the file imports
    bound: set[str] = field(default_factory=set)  #: names bound earlier in the function


def arithmetic(node: ast.AST, place: Place) -> Iterator[ast.AST]:
    """Another operator; the right matrix transposed; one operand left out; a minus left out."""
    if isinstance(node, ast.BinOp):
        if other := ARITHMETIC.get(type(node.op)):
            yield ast.BinOp(node.left, other(), node.right)
        if isinstance(node.op, ast.MatMult):
            yield ast.BinOp(node.left, node.op, ast.Attribute(node.right, "T", ast.Load()))
        if isinstance(node.op, (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow)):
            yield node.left
        if isinstance(node.op, (ast.Add, ast.Mult)):
            yield node.right
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield node.operand
    if isinstance(node, ast.AugAssign) and (other := ARITHMETIC.get(type(node.op))):
        yield ast.AugAssign(node.target, other(), node.value)


def comparison(node: ast.AST, place: Place) -> Iterator[ast.AST]:
    """A neighbouring or the opposite comparison."""
    if isinstance(node, ast.Compare):
        for i, op in enumerate(node.ops):
            for other in COMPARISON.get(type(op), ()):
                yield ast.Compare(node.left, [*node.ops[:i], other(), *node.ops[i + 1:]], node.comparators)


def boolean(node: ast.AST, place: Place) -> Iterator[ast.AST]:
    """And for or, one operand left out, a not left out."""
    if isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.And() if isinstance(node.op, ast.Or) else ast.Or(), node.values)
        for i in range(len(node.values)):
            rest = [*node.values[:i], *node.values[i + 1:]]
            yield ast.BoolOp(node.op, rest) if len(rest) > 1 else rest[0]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand


def condition(node: ast.AST, place: Place) -> Iterator[ast.AST]:
    """A condition that always holds, or never."""
    if place.field == "test" or (place.field == "ifs" and isinstance(place.parent, ast.comprehension)):
        yield ast.Constant(True)
        yield ast.Constant(False)


def constant(node: ast.AST, place: Place) -> Iterator[ast.AST]:
    """The next integer, a float doubled, the other boolean; in strings the gates' order and letters, and dtypes."""
    if not isinstance(node, ast.Constant):
        return
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield from (ast.Constant(other) for other in {0: (1,), 1: (0, 2)}.get(value, (value + 1,)))
    elif isinstance(value, float):
        yield ast.Constant(value * 2 or 1.0)
    elif isinstance(value, str):
        if len(value) > 1 and set(value) <= {*GATES, "g"}:
            yield from (ast.Constant(value[:i] + value[i + 1] + value[i] + value[i + 2:])
                        for i in range(len(value) - 1))
        elif value in GATES and value:
            yield ast.Constant(GATES[GATES.index(value) - 1])
        elif value in STRING:
            yield ast.Constant(STRING[value])
        elif isinstance(place.parent, ast.Compare):
            yield ast.Constant(value + "_")


def deletion(node: ast.AST, place: Place) -> Iterator[ast.AST]:
    """A call, an update, a refusal, an assignment that replaces a value or a decorator left out; a block unguarded."""
    call = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    if call or isinstance(node, (ast.AugAssign, ast.Raise)):
        yield ast.Pass()
    if isinstance(node, ast.Assign):
        leaves = [leaf for target in node.targets for leaf in getattr(target, "elts", [target])]
        if all(not isinstance(leaf, ast.Name) or leaf.id in place.bound for leaf in leaves):
            yield ast.Pass()
    if isinstance(node, (ast.With, ast.Try)):
        yield ast.If(ast.Constant(True), node.body, [])
    if isinstance(node, ast.FunctionDef):
        for i in range(len(node.decorator_list)):
            kept = [*node.decorator_list[:i], *node.decorator_list[i + 1:]]
            yield ast.FunctionDef(**{**dict(ast.iter_fields(node)), "decorator_list": kept})


def arguments(node: ast.AST, place: Place) -> Iterator[ast.AST]:
    """A keyword argument left out; two positional ones, or two items of a tuple or list, exchanged."""
    if isinstance(node, ast.Call):
        for i, keyword in enumerate(node.keywords):
            if keyword.arg not in (None, "strict"):
                yield ast.Call(node.func, node.args, [*node.keywords[:i], *node.keywords[i + 1:]])
        if not _is_isinstance(node):
            yield from (ast.Call(node.func, args, node.keywords) for args in exchanged(node.args))
    # The order of alternatives changes nothing.
    if isinstance(node, (ast.Tuple, ast.List)) and not _is_isinstance(place.parent) \
            and not isinstance(place.parent, (ast.Compare, ast.ExceptHandler)):
        for elts in exchanged(node.elts):
            yield type(node)(elts, node.ctx)


def _is_isinstance(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance"


def exchanged(items: list[ast.expr]) -> Iterator[list[ast.expr]]:
    """The items with each two neighbours exchanged."""
    for i, (one, two) in enumerate(itertools.pairwise(items)):
        if ast.dump(one) != ast.dump(two) and not any(isinstance(item, ast.Starred) for item in (one, two)):
            yield [*items[:i], two, one, *items[i + 2:]]


def name(node: ast.AST, place: Place) -> Iterator[ast.AST]:
    """Another gate's weight, the cell for the hidden state, ones for zeros, a sum for a mean."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        if node.id in SIBLING:
            yield ast.Name(SIBLING[node.id], node.ctx)
        if node.id in FUNCTION and place.field == "func":
            yield ast.Name(FUNCTION[node.id], node.ctx)
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
        for table in (SIBLING, FUNCTION):
            if node.attr in table and (table is SIBLING or place.field == "func" or "_l0" in node.attr):
                yield ast.Attribute(node.value, table[node.attr], node.ctx)


def dropped(node: ast.AST, place: Place) -> Iterator[ast.AST]:
    """A transpose, a method call or a conversion left out: x for x.T, x.detach(), float(x)."""
    if isinstance(node, ast.Attribute) and node.attr == "T" and isinstance(node.ctx, ast.Load):
        yield node.value
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name) and node.func.id in BUILTINS and len(node.args) == 1:
            yield node.args[0]
        of_a_module = isinstance(node.func, ast.Attribute) and _root(node.func.value) in place.modules
        if isinstance(node.func, ast.Attribute) and not of_a_module and not isinstance(place.parent, ast.Expr):
            yield node.func.value


def _root(node: ast.AST) -> str:
    """The name that a dotted expression begins with."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


OPERATORS = {operator.__name__: operator for operator in (
    arithmetic, comparison, boolean, condition, constant, deletion, arguments, name, dropped)}


def replacements(node: ast.AST, place: Place) -> Iterator[tuple[str, ast.AST]]:
    """Every operator's name and what it would put in place of a node."""
    for operator, run in OPERATORS.items():
        for replacement in run(node, place):
            yield operator, ast.fix_missing_locations(replacement)
