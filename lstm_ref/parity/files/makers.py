"""Functions of a port that make its parameters: what they are given, and what they give."""

import ast
from dataclasses import dataclass, field
from typing import Any

from lstm_ref.parity.files.layout import TRIAL
from lstm_ref.parity.files.names import size
from lstm_ref.parity.files.slices import Item
from lstm_ref.parity.files.structure import own, simple

#: What short names stand for where sizes are asked for.
SHORT = {"v": "V", "vocab": "V", "h": "h", "b": "B", "n_batch": "B", "m": "B"}


#: What an object that holds settings is called.
SETTINGS = ("config", "cfg", "args", "hparams", "opt", "conf", "hp", "options", "settings", "flags", "configs", "arg")


class Settings(dict[str, Any]):
    """Settings of which any can be asked for: sizes are the trial's, in order where their names say nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.left = ["V", "h"]

    def __missing__(self, name: str) -> Any:
        key = size(name)
        if key in self.left:
            self.left.remove(key)
        self[name] = TRIAL[key or (self.left.pop(0) if self.left else "h")]
        return self[name]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]


@dataclass
class Maker:
    """What a function that makes parameters gave.

    Attributes:
        item: the function.
        names: of what it returns, in order.
        values: what it returned, or its variables of those names where it returned nothing.
        error: what it raised.
        returned: it returned parameters.
    """

    item: Item
    names: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    named: dict[str, Any] = field(default_factory=dict)
    error: Exception | None = None
    returned: bool = False
    result: Any = None


def names_returned(node: ast.FunctionDef) -> list[str]:
    """The names in what a function returns: of the list itself, or of the variable that it was put in."""
    def elements(value: ast.AST | None) -> list[str]:
        if isinstance(value, ast.Call) and value.args:
            return elements(value.args[0])
        if isinstance(value, (ast.List, ast.Tuple)):
            return [simple(each.func.value) if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute)
                    else simple(each) for each in value.elts]
        if isinstance(value, ast.Dict):
            return [str(key.value) for key in value.keys if isinstance(key, ast.Constant)]
        if isinstance(value, ast.Name):
            lists = [inner.value for inner in own(node) if isinstance(inner, ast.Assign) and any(
                isinstance(target, ast.Name) and target.id == value.id for target in inner.targets)]
            return next((found for each in lists if len(found := elements(each)) > 2), [])
        return []

    lists = [inner.value for inner in own(node) if isinstance(inner, ast.Return)]
    lists += [inner.value for inner in own(node) if isinstance(inner, ast.Assign) and isinstance(
        inner.value, (ast.List, ast.Tuple))]
    return max((elements(each) for each in lists), key=len, default=[])
