"""TensorFlow's names from before version 2, as far as the version that is here can stand for them."""

import ast
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

#: Functions that only have another name now.
RENAMED = {"mul": "multiply", "sub": "subtract", "neg": "negative", "pack": "stack", "unpack": "unstack",
           "concat_v2": "concat", "batch_matmul": "matmul", "select": "where", "div": "divide", "inv": "reciprocal",
           "initialize_all_variables": "global_variables_initializer"}
#: Names by which a file shows that it is from before.
GONE = (*RENAMED, "variable_scope", "get_variable", "placeholder", "Session", "InteractiveSession", "name_scope",
        "get_variable_scope", "contrib", "random_normal", "truncated_normal", "random_uniform",
        "constant_initializer", "log")


def is_old(trees: Iterable[ast.AST], name: str) -> bool:
    """Whether a file uses `name`, its TensorFlow, by names that version 2 does not have."""
    return any(isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name) and inner.value.id == name
               and inner.attr in GONE for tree in trees for inner in ast.walk(tree))


class Old(ModuleType):
    """TensorFlow under its names from before version 2.

    Args:
        module: TensorFlow.
    """

    def __init__(self, module: Any):
        super().__init__(module.__name__)
        self.__dict__["_module"] = module
        self.__dict__["_scope"] = list[str]()
        self.__dict__["variables"] = dict[str, Any]()  #: that the file has asked for, by scope and name

    def __getattr__(self, name: str) -> Any:
        module = self.__dict__["_module"]
        name = RENAMED.get(name, name)
        if name == "concat":
            return self._concat
        if name == "split":
            return self._split
        if name in ("variable_scope", "get_variable"):
            return getattr(self, f"_{name}")
        return getattr(module, name) if hasattr(module, name) else getattr(module.compat.v1, name)

    @contextmanager
    def _variable_scope(self, name: Any = None, default_name: Any = None, **_: Any) -> Iterator[str]:
        """Names of variables begin with this one's."""
        self._scope.append(str(name or default_name))
        try:
            yield "/".join(self._scope)
        finally:
            self._scope.pop()

    def _get_variable(self, name: str, shape: Sequence[int] = (), *_: Any, **__: Any) -> Any:
        """The variable of this name, made where there is none."""
        name = "/".join([*self._scope, name])
        if name not in self.variables:
            self.variables[name] = self.__dict__["_module"].zeros([int(axis) for axis in shape])
        return self.variables[name]

    def _concat(self, values: Any = None, axis: Any = None, concat_dim: Any = None, **more: Any) -> Any:
        """`concat(axis, values)`, and as it is now."""
        if isinstance(values, int):
            values, axis = axis, values
        return self.__dict__["_module"].concat(values, axis if concat_dim is None else concat_dim, **more)

    def _split(self, value: Any = None, num_or_size_splits: Any = None, axis: Any = 0, **more: Any) -> Any:
        """`split(axis, number, value)`, and as it is now."""
        if isinstance(value, int):
            value, axis = axis, value
        value = more.pop("split_dim", value) if value is None else value
        return self.__dict__["_module"].split(value, more.pop("num_split", num_or_size_splits), axis, **more)
