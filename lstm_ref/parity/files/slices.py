"""What a function needs to run, taken from a file by its syntax tree and executed without the rest."""

import ast
import builtins
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from lstm_ref.parity.files.era import Old, is_old
from lstm_ref.parity.files.names import size
from lstm_ref.parity.files.source import Code

Function = ast.FunctionDef
#: Packages that a slice may use as they are; what else a file imports is stood in for.
FRAMEWORKS = ("torch", "tensorflow", "jax", "flax", "mxnet", "paddle", "mindspore", "numpy", "keras", "scipy")
#: Parts of Python's own library that only make values.
HARMLESS = ("collections", "functools", "itertools", "math", "typing", "dataclasses", "types", "operator", "argparse")
PLAIN = {"len", "int", "float", "range", "zip", "list", "tuple", "dict", "set", "min", "max", "sum", "abs", "str",
         "isinstance", "enumerate", "super", "map", "bool", "sorted", "reversed", "getattr", "hasattr", "property",
         "staticmethod", "classmethod"}


@dataclass(frozen=True)
class Item:
    """A statement that may be needed: what it defines, and the functions that it stands in."""

    node: ast.stmt
    defines: tuple[str, ...]
    inside: tuple[Function, ...] = ()


def targets(node: ast.AST) -> Iterator[str]:
    """The names that a statement gives a value."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
        yield from (ast.unparse(decorator.args[0]) for decorator in node.decorator_list
                    if isinstance(decorator, ast.Call) and adds(decorator))
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from ((alias.asname or alias.name.partition(".")[0]) for alias in node.names)
    else:
        yield from (inner.id for inner in ast.walk(node)
                    if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store))


def adds(decorator: ast.AST) -> bool:
    """Whether a decorator makes a function a method of a class that was defined before, as the book's own does."""
    return isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith("add_to_class") and bool(
        decorator.args)


def uses(node: ast.AST) -> set[str]:
    """The names that a statement reads."""
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def pool(code: Code) -> list[Item]:
    """All statements of a file that define something, wherever they stand; loops and calls are left alone."""
    found: list[Item] = []

    def collect(body: Iterable[ast.stmt], inside: tuple[Function, ...]) -> None:
        for node in body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda) and isinstance(
                    node.targets[0], ast.Name):
                node = named(node.targets[0].id, node.value)
            if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)):
                found.append(Item(node, tuple(targets(node)), inside))
            if isinstance(node, ast.FunctionDef):
                collect(node.body, (*inside, node))
            for part in ("body", "orelse", "finalbody"):
                if isinstance(node, (ast.If, ast.Try, ast.With, ast.For, ast.While)):
                    collect(getattr(node, part, []), inside)
            for handler in getattr(node, "handlers", []):
                collect(handler.body, inside)

    for _, tree in code.trees():
        collect(tree.body, ())
    return found


def named(name: str, value: ast.Lambda) -> ast.FunctionDef:
    """A function of one expression, as one with a name."""
    made = ast.FunctionDef(name, value.args, [ast.copy_location(ast.Return(value.body), value.body)], [])
    return ast.fix_missing_locations(ast.copy_location(made, value))


class StandIn(ModuleType):
    """What stands for a module that is not there: the framework's functions of the same names, and a few of the book's.

    Args:
        name: of the module.
        frameworks: modules in which a name is looked for.
        extra: names that are given.
    """

    def __init__(self, name: str, frameworks: Iterable[Any], extra: dict[str, Any]):
        super().__init__(name)
        self.__dict__["_where"], self.__dict__["_extra"] = list(frameworks), extra
        self.__dict__["__path__"] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in self._extra:
            return self._extra[name]
        for module in self._where:
            if hasattr(module, name):
                return getattr(module, name)
        return Missing(f"{self.__name__}.{name}")


class Missing:
    """Something of a module that is not there; whoever uses it learns what it is."""

    def __init__(self, name: str):
        self._name = name

    def __call__(self, *_: Any, **__: Any) -> Any:
        """It can't be called: says so."""
        raise NotHereError(self._name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Missing(f"{self._name}.{name}")

    def __mro_entries__(self, bases: Any) -> tuple[type, ...]:
        """As a base of a class it is left out."""
        return ()


class Itself:
    """A file as a module: its own definitions, taken when they are asked for, then what stands for the book's package.

    Args:
        slice_: of the file.
    """

    def __init__(self, slice_: "Slice"):
        self._slice = slice_

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        known = self._slice
        for item in known.items:
            if name not in known.namespace and name in item.defines and isinstance(
                    item.node, (ast.FunctionDef, ast.ClassDef)):
                known.need(item.node, item.inside)
                known.execute(item.node)
        return known.namespace[name] if name in known.namespace else getattr(known.stand_in("d2l"), name)


class NotHereError(Exception):
    """Code calls what its file does not contain."""

    def __init__(self, name: str):
        super().__init__(f"{name} is not in this file, and its module is not here")


@dataclass
class Slice:
    """The namespace in which what was taken from a file lives.

    Attributes:
        code: the file.
        stand_in: gives what stands for a module of this name.
        sizes: values for names of sizes, by 'V', 'h', 'B', 'T'.
        given: values for other names that nothing here gives.
    """

    code: Code
    items: list[Item]
    stand_in: Callable[[str], Any]
    sizes: dict[str, int] = field(default_factory=dict)
    given: dict[str, Any] = field(default_factory=dict)
    namespace: dict[str, Any] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)  #: names that could not be given a value, and why
    done: set[int] = field(default_factory=set)
    fixed: dict[str, int] = field(default_factory=dict)  #: values of globals, whatever the file gives them
    sizes_named: list[str] = field(default_factory=list)  #: globals of the function that are sizes

    def __post_init__(self) -> None:
        self.namespace.setdefault("__name__", self.code.path.stem)
        self.namespace.setdefault("__builtins__", builtins)

    def need(self, node: ast.AST, inside: tuple[Function, ...] = ()) -> None:
        """Execute all that a function or class refers to, and no more."""
        wanted: dict[int, Item] = {}
        queue, seen = sorted(uses(node)), set[str]()
        position = getattr(node, "lineno", 0)
        while queue:
            name = queue.pop()
            if name in seen:
                continue
            seen.add(name)
            for item in self._defining(name, position, inside):
                if item.node is not node and id(item.node) not in wanted and self._safe(item):
                    wanted[id(item.node)] = item
                    queue += sorted(uses(item.node) - seen)
        for name in sorted(seen):
            if name not in self.namespace and not any(name in item.defines for item in wanted.values()):
                self._default(name)
        for item in sorted(wanted.values(), key=lambda item: (not isinstance(
                item.node, (ast.Import, ast.ImportFrom)), item.node.lineno)):
            if id(item.node) not in self.done:
                self.execute(item.node)

    def _defining(self, name: str, position: int, inside: tuple[Function, ...]) -> list[Item]:
        """The last definition of a name before a place, else the first after it; all methods that are added to it."""
        found = [item for item in self.items if name in item.defines and all(f in inside for f in item.inside)]
        methods = [item for item in found if getattr(item.node, "name", name) != name]
        plain = [item for item in found if item not in methods]
        before = [item for item in plain if item.node.lineno < position]
        chosen = before[-1:] if before else plain[:1]
        if chosen and isinstance(chosen[0].node, ast.Assign):  # all: one that gives a number may follow one that can't
            chosen = [item for item in plain if isinstance(item.node, ast.Assign)]
        return chosen + methods

    def _safe(self, item: Item) -> bool:
        """Whether a statement only makes numbers, tensors or definitions."""
        if not isinstance(item.node, (ast.Assign, ast.AnnAssign)):
            return True
        known = {name for each in self.items if isinstance(each.node, (ast.FunctionDef, ast.ClassDef))
                 for name in each.defines}
        for call in (inner for inner in ast.walk(item.node) if isinstance(inner, ast.Call)):
            root = call.func
            while isinstance(root, (ast.Attribute, ast.Call, ast.Subscript)):
                root = root.func if isinstance(root, ast.Call) else root.value
            if not isinstance(root, ast.Name):
                continue
            roots = [each for each in self.items if root.id in each.defines]
            imported = [each for each in roots if isinstance(each.node, (ast.Import, ast.ImportFrom))]
            if imported and not any(package_of(each.node) in (*FRAMEWORKS, *HARMLESS) for each in imported):
                return False
            if not roots and root.id not in PLAIN:
                return False
            if root.id in known and any(word in root.id.lower() for word in ("load", "train", "read", "data")):
                return False
        return True

    def _default(self, name: str) -> None:
        if name in self.given:
            self.namespace[name] = self.given[name]
        elif (key := size(name)) and key in self.sizes:
            self.namespace[name] = self.sizes[key]
        elif name == "d2l":  # a file that is the book's package, and says so by way of `sys.modules`
            self.namespace[name] = Itself(self)

    def execute(self, node: ast.stmt) -> None:
        """Execute one statement; what it can't give is noted."""
        self.done.add(id(node))
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            self._import(node)
            return
        if isinstance(node, ast.FunctionDef):  # what decorates a function of a file that is not here does nothing
            node = ast.fix_missing_locations(strip(node))
        try:
            exec(compile(ast.Module([node], []), str(self.code.path), "exec"), self.namespace)
            self.namespace |= {name: self.fixed[name] for name in targets(node) if name in self.fixed}
        except Exception as error:
            for name in targets(node):
                self.failed[name] = f"{type(error).__name__}: {error}"
                if name not in self.namespace:
                    self._default(name)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        package = package_of(node)
        if package in FRAMEWORKS or (package in sys.stdlib_module_names and package != "this"):
            try:
                exec(compile(ast.Module([node], []), str(self.code.path), "exec"), self.namespace)
                if package == "tensorflow":
                    self._before(node)
                return
            except Exception as error:
                self.failed |= dict.fromkeys(targets(node), f"{type(error).__name__}: {error}")
        module = self.stand_in(package)
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            if alias.name != "*":
                self.namespace[name] = module if isinstance(node, ast.Import) or alias.name in FRAMEWORKS or (
                    package.startswith("d2l")) else getattr(module, alias.name)

    def _before(self, node: ast.Import | ast.ImportFrom) -> None:
        """Let a file from before TensorFlow 2 have its names."""
        for name in targets(node):
            if isinstance(self.namespace[name], ModuleType) and is_old((tree for _, tree in self.code.trees()), name):
                self.namespace[name] = Old(self.namespace[name])

    def star(self) -> StandIn | None:
        """What stands for the modules of which everything was imported, or None."""
        for item in self.items:
            if isinstance(item.node, ast.ImportFrom) and item.node.names[0].name == "*" and \
                    package_of(item.node) not in FRAMEWORKS:
                return self.stand_in(package_of(item.node))
        return None


def strip(node: ast.FunctionDef) -> ast.FunctionDef:
    """A function without decorators that only save it to a library or compile it."""
    kept = [each for each in node.decorator_list if ast.unparse(each) in (
        "staticmethod", "classmethod", "property", "paddle.no_grad()", "torch.no_grad()") or adds(each)]
    copy = ast.FunctionDef(node.name, node.args, node.body, kept, node.returns, node.type_comment)
    return ast.copy_location(copy, node)


def package_of(node: ast.AST) -> str:
    """The package that an import names first; a relative one has none."""
    if isinstance(node, ast.ImportFrom):
        return "" if node.level else (node.module or "").partition(".")[0]
    return node.names[0].name.partition(".")[0] if isinstance(node, ast.Import) else ""
