"""Flax's compact methods, written as methods of a module that has its layers and parameters already."""

import ast
import copy
from dataclasses import dataclass, field

from lstm_ref.parity.files.structure import called

LAYERS = ("Dense", "Linear", "DenseGeneral")


@dataclass
class Compact(ast.NodeTransformer):
    """Layers that a method makes where it calls them become attributes, and so do its parameters.

    Attributes:
        biased: whether each of the layers adds a bias, by name.
    """

    partial: dict[str, ast.Call] = field(default_factory=dict)
    local: dict[str, str] = field(default_factory=dict)  #: variables that hold a layer
    makers: set[str] = field(default_factory=set)  #: functions of the method's own that make parameters
    biased: dict[str, bool] = field(default_factory=dict)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """`nn.Dense(n, name="ii")(x)` is `self.ii(x)`, and `self.param("W_xi", ...)` is `self.W_xi`."""
        self.generic_visit(node)
        if called(node) == "param" and node.args and isinstance(node.args[0], ast.Constant):
            return attribute(str(node.args[0].value), node)
        if isinstance(node.func, ast.Call) and (made := self._layer(node.func)):
            node.func = attribute(made, node.func)
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        """`dense = nn.Dense(n)` is one of the layers as well; `dense = partial(nn.Dense, n)` makes some."""
        value, target = node.value, node.targets[0]
        if isinstance(value, ast.Lambda) and isinstance(target, ast.Name) and makes(value):
            self.makers.add(target.id)
            return node
        if called(value) in self.makers and isinstance(target, ast.Tuple) and all(
                isinstance(each, ast.Name) for each in target.elts):
            given = [attribute(each.id, value) for each in target.elts if isinstance(each, ast.Name)]
            node.value = ast.copy_location(ast.Tuple(list[ast.expr](given), ast.Load()), value)
            return node
        if isinstance(value, ast.Call) and isinstance(target, ast.Name):
            if called(value) == "partial":
                self.partial[target.id] = value
                return node
            if called(value) in LAYERS and (made := self._layer(value, target.id)):
                node.value, self.local[target.id] = attribute(made, value), made
                return node
        self.generic_visit(node)
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """A variable that holds a layer is the layer."""
        held = isinstance(node.ctx, ast.Load) and node.id in self.local
        return attribute(self.local[node.id], node) if held else node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """A function of the method's own, which may make parameters."""
        if makes(node):
            self.makers.add(node.name)
            return node
        self.generic_visit(node)
        return node

    def _layer(self, call: ast.Call, default: str = "") -> str:
        """The name of the layer that a call makes; '' for one that makes none."""
        made = self.partial.get(called(call))
        if called(call) not in LAYERS and made is None:
            return ""
        given = {each.arg: each.value for each in [*(made.keywords if made else []), *call.keywords]}
        name = given.get("name")
        label = str(name.value) if isinstance(name, ast.Constant) else default or f"dense_{len(self.biased)}"
        bias = given.get("use_bias")
        self.biased[label] = not (isinstance(bias, ast.Constant) and bias.value is False)
        return label


def makes(node: ast.AST) -> bool:
    """Whether a function makes parameters."""
    return any(called(inner) == "param" for inner in ast.walk(node))


def attribute(name: str, node: ast.AST) -> ast.Attribute:
    """`self.name`, where a node stands."""
    made = ast.Attribute(ast.Name("self", ast.Load()), name, ast.Load())
    return ast.fix_missing_locations(ast.copy_location(made, node))


def spread(node: ast.FunctionDef) -> tuple[ast.FunctionDef, dict[str, bool]]:
    """A compact method as a plain one, with the layers that it makes; any other method as it is."""
    if not any(ast.unparse(each).endswith("compact") for each in node.decorator_list):
        return node, {}
    copied, compact = copy.deepcopy(node), Compact()
    for statement in copied.body:
        compact.visit(statement)
    return copied, compact.biased
