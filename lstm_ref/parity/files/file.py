"""A port in a file: its function, set up to be called as the reference is."""

import ast
import builtins
import contextlib
import importlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from lstm_ref.parity.files.contents import Contents
from lstm_ref.parity.files.era import Old
from lstm_ref.parity.files.form import Form
from lstm_ref.parity.files.layout import TRIAL
from lstm_ref.parity.files.leaves import leaves
from lstm_ref.parity.files.lint import undefined
from lstm_ref.parity.files.makers import SETTINGS, SHORT, Maker, Settings, names_returned
from lstm_ref.parity.files.names import GATES, READ, Slot, size, slots
from lstm_ref.parity.files.objects import constructor_of, mangled, plain_class, statement_by_statement
from lstm_ref.parity.files.ops import Ops
from lstm_ref.parity.files.prepared import observed, with_state
from lstm_ref.parity.files.probed import Probed, Root
from lstm_ref.parity.files.returned import shape
from lstm_ref.parity.files.slices import Item, Missing, Slice, uses
from lstm_ref.parity.files.standins import Module, stand_in
from lstm_ref.parity.files.structure import DEVICES, SQUASHES
from lstm_ref.parity.files.taken import Taken
from lstm_ref.parity.interface import Framework
from lstm_ref.parity.interface import framework as framework_of


@dataclass
class FilePort:
    """A function of a file that computes an LSTM or an RNN.

    Args:
        contents: of the file.
        form: of the function.
        package: its framework.
        device: 'cpu' or 'gpu'.
    """

    contents: Contents
    form: Form
    package: str
    device: str = "cpu"

    def __post_init__(self) -> None:
        self.framework: Framework = framework_of(self.package, self.device)
        self.ops = Ops(self.package)
        self.slice = Slice(self.contents.code, self.contents.items, stand_in(self.package, self.framework.device),
                           dict(TRIAL), {name: self.framework.device for name in ("device", "ctx")})
        name = self.package.partition(".")[0]  # which a file may have by way of a module that is not here
        self.slice.given.setdefault(name, importlib.import_module(name))
        self.first = self.form.anew()
        self.maker: Maker | None = None
        self.owner: Any = None
        self.undefined: list[str] = []  #: names that the function reads and the file gives no value

    def build(self) -> Taken:
        """Take the function out of its file, with all that it needs."""
        star = self.slice.star()
        defined = {name for item in self.contents.items for name in item.defines}
        if star is not None:
            wanted = {name for item in self.contents.items for name in uses(item.node)}
            stars = {name: getattr(star, name) for name in wanted - defined - {*dir(builtins)}
                     if not name.startswith("__")}
            self.slice.given |= {name: value for name, value in stars.items() if not isinstance(value, Missing)}
        self.undefined = undefined(self.contents, self.form)
        activations = stand_in(self.package, None)("the framework")
        self.slice.namespace |= {name: getattr(activations, name) for name in self.undefined if name in SQUASHES}
        form = with_state(self.form)
        inside = form.item.inside
        if form.owner is not None:
            self.slice.need(form.owner, inside)
            for method in form.owner.body:
                self.slice.need(method, inside)
        self.slice.need(form.node, inside)
        if form.owner is not None:
            self._define(form)
            self.owner = self._instance(form)
            function: Callable[..., Any] = getattr(self.owner, mangled(form.owner.name, form.node.name))
        else:
            self.slice.execute(form.node)
            function = self.slice.namespace[form.node.name]
        self.slice.sizes_named = [name for name in uses(form.node) if size(name) and isinstance(
            self.slice.namespace.get(name), int)]
        self.form = form
        shapes, order, extra = self._shapes()
        return Taken(form, self.slice, self.framework, self.ops, function, self.owner, shapes, order, extra)

    def _define(self, form: Form, tried: bool = False) -> None:
        """Define a class, with the method in its changed form; `tried`: its constructor leaves out what can't run."""
        node = form.owner
        assert node is not None
        changed = {form.node.name: form.node}
        if tried and (constructor := constructor_of(node)):
            changed["__init__"] = statement_by_statement(constructor)
        self.slice.execute(plain_class(node, changed))
        for item in self.contents.items:
            if node.name in item.defines and isinstance(item.node, ast.FunctionDef):  # methods that are added later
                self.slice.execute(item.node)
        if form.item.node is not self.form.item.node and form.node.name not in [
                getattr(each, "name", "") for each in node.body]:
            self.slice.execute(form.node)

    def _instance(self, form: Form) -> Any:
        """An object of the port's class; made by as much of its constructor as can run."""
        node = form.owner
        assert node is not None
        self._sizes(node)
        made = self.slice.namespace[node.name]
        constructor = constructor_of(node)
        fields = [each.target.id for each in node.body if isinstance(each, ast.AnnAssign)
                  and isinstance(each.target, ast.Name)]
        names = [arg.arg for arg in constructor.args.args[1:]] if constructor else [
            each.target.id for each in node.body if isinstance(each, ast.AnnAssign) and each.value is None
            and isinstance(each.target, ast.Name)] if hasattr(made, "__dataclass_fields__") else []
        defaults = len(constructor.args.defaults) if constructor else 0
        if constructor:  # those that are only given by name come first, so that the last are those with defaults
            named = zip(constructor.args.kwonlyargs, constructor.args.kw_defaults, strict=True)
            names = [arg.arg for arg, value in named if value is None] + names
        try:
            arguments = self.arguments(names[:len(names) - defaults])
            arguments |= {name: TRIAL[key] for name in names[len(names) - defaults:]
                          if (key := size(name)) in ("V", "h")}
            found = made(**arguments)
        except Exception:  # it wants what is not here: a corpus, a configuration
            self._define(form, tried=True)
            given = dict.fromkeys(names[:len(names) - defaults])
            for name in given:
                with contextlib.suppress(LookupError):
                    given[name] = self._argument(name)
            found = self.slice.namespace[node.name](**given)
        for name in fields:
            if key := size(name):
                found.__dict__.setdefault(name, TRIAL[key])
        found.__dict__.setdefault("ctx", self.framework.device)
        found.__dict__.setdefault("device", self.framework.device)
        if "build" in made.__dict__:
            with contextlib.suppress(Exception):
                found.build((TRIAL["B"], TRIAL["V"]))
        if hasattr(found, "setup") and not constructor:
            for name in fields:
                if not hasattr(found, name):
                    found.__dict__[name] = 0.01
            self._set_up(found)
        methods = {each.name for each in node.body if isinstance(each, ast.FunctionDef)}
        for inner in ast.walk(node):  # methods of a base that is not in the file do nothing
            if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) and isinstance(
                    inner.func.value, ast.Name) and inner.func.value.id == "self" and not (
                        inner.func.attr in methods or hasattr(found, inner.func.attr)):
                found.__dict__[inner.func.attr] = lambda *_, **__: None
        return found

    def _set_up(self, found: Any) -> None:
        """Run a module's `setup` on an object that takes attributes, which a Flax module outside of `init` does not."""
        if not any(base.__module__.startswith("flax") for base in type(found).__mro__):
            found.setup()
            return
        function = type(found).setup
        proxy = Module()
        proxy.__dict__.update(vars(found))
        inspect.unwrap(function)(proxy)
        found.__dict__.update(vars(proxy))

    def _sizes(self, node: ast.AST) -> None:
        """Give sizes that are globals the trial's values."""
        for name in uses(node):
            if (key := size(name)) and isinstance(self.slice.namespace.get(name, 0), int):
                self.slice.namespace[name] = TRIAL[key]

    def arguments(self, names: Sequence[str], order: Sequence[str] = ("V", "h", "V")) -> dict[str, Any]:
        """What a function that makes parameters, a state or an object is given: sizes that say nothing are in order."""
        found: dict[str, Any] = {}
        unknown = []
        for name in names:
            try:
                found[name] = self._argument(name)
            except LookupError:
                unknown.append(name)
        known = {size(name) for name in names}
        left = [key for key in order if key not in known] if len(unknown) > 1 or known - {None} else ["h"]
        for name in unknown:
            key = SHORT.get(name.lower()) or (left[0] if left else "")
            if not key:
                raise LookupError(f"what {name} stands for is not known")
            if key in left:
                left.remove(key)
            found[name] = TRIAL[key]
        return {name: found[name] for name in names}

    def _argument(self, name: str) -> Any:
        if "shape" in name:
            return TRIAL["B"], TRIAL["V"]
        if key := size(name):
            return TRIAL[key]
        if name in DEVICES:
            return self.framework.device
        if name.lower() in SETTINGS:
            return Settings()
        if name in ("rng", "key", "rng_key", "prng_key") and self.package == "jax":
            return importlib.import_module("jax").random.PRNGKey(0)
        if name in ("rng", "generator") and self.package == "numpy":
            return np.random.default_rng(0)
        if name == "rngs" and self.package == "jax":
            return importlib.import_module("flax.nnx").Rngs(0)
        if name in ("seed", "rng", "key"):
            return 0
        if name in ("kind", "cell", "cell_type", "rnn_type", "model_type", "mode"):
            return "lstm"
        raise LookupError(f"what {name} stands for is not known")

    # Shapes

    def _shapes(self) -> tuple[dict[Slot, tuple[int, ...]], list[str], dict[int, Any]]:
        """Shapes of the port's own parameters by slot, their names in order, and what is no tensor, by position."""
        if self.owner is not None and self.form.container in ("", "self:params"):
            found = {slot: shape(value) for name, slot in self.form.names.items()
                     if hasattr(value := getattr(self.owner, name, None), "shape")}
            if found:
                return found, [], {}
        tried: list[Maker] = []
        for item, owner in sorted(self.contents.makers, key=lambda pair: self._distance(*pair)):
            if owner is not None and owner is not self.form.owner:
                continue
            self.maker = self.make(item, owner)
            tried.append(self.maker)
            names = self.form.unpacked if len(self.form.unpacked) == len(self.maker.values) else self.maker.names
            values = self.maker.values if self.maker.returned and self.maker.values else []
            known = READ[self.form.kind]([*names, *self.maker.named])
            shapes = {known[name]: shape(value) for name, value in zip(names, values, strict=False)
                      if name in known and hasattr(value, "shape")}
            if isinstance(self.maker.result, dict) and len(known) > len(self.form.names) and \
                    self.form.container.startswith("argument"):  # keys that are put together while it runs
                self.form.names |= {name: slot for name, slot in known.items() if name in self.maker.names}
            if not shapes:
                shapes = {slot: shape(value) for name, slot in known.items()
                          if hasattr(value := self.maker.named.get(name), "shape")}
            if len(shapes) < 3:
                continue
            extra = {i: value for i, value in enumerate(values) if not hasattr(value, "shape")}
            return shapes, self.maker.names, extra
        self.maker = tried[0] if tried else None
        stated = {slot: shape(value) for name, slot in self.form.names.items()
                  if hasattr(value := self.slice.namespace.get(name), "shape")}
        return stated, [], {}

    def probed(self, taken: Taken) -> Iterator[Probed]:
        """The same function with its parameters found by what they do, for each place where they may come from."""
        form = taken.form
        roots = [Root("self", "", self.owner)] if self.owner is not None else []
        wanted = {name for item in self.contents.items for name in uses(item.node)
                  if isinstance(item.node, (ast.FunctionDef, ast.ClassDef))}
        for name, value in list(self.slice.namespace.items()):
            if name in wanted and not isinstance(value, (type, int, float, str, Missing, ModuleType)) and not callable(
                    getattr(value, "__code__", None)) and next(leaves(value), None) is not None:
                roots.append(Root("global", name, value))
        stores = [value for value in self.slice.namespace.values() if isinstance(value, Old)]
        roots += [Root("store", "", value.variables) for value in stores]
        needs = form.weak or {"params", "slot"} & {*form.arguments.values()}
        for item, owner in sorted(self.contents.makers, key=lambda pair: self._distance(*pair)) if needs else ():
            if owner is None or owner is form.owner:
                made = self.make(item, owner)
                if made.returned and len(list(leaves(made.result))) > 2:
                    yield self._probed(taken, [*roots, Root("argument", item.defines[0], made.result)])
        if roots:
            yield self._probed(taken, roots)

    def sizes(self) -> dict[str, int]:
        """The trial's values for globals that are the sizes of arrays at the top of the file, whatever their names."""
        numbers = {name: value for name, value in self.slice.namespace.items() if type(value) is int and value > 1}
        arrays = [shape(value) for each in self.slice.namespace.values() if not isinstance(each, (type, ModuleType))
                  and not callable(each) for _, value in leaves(each)]
        units = [max(axes) for axes in arrays if len([axis for axis in axes if axis > 1]) == 1]
        h = max(set(units), key=units.count, default=0)
        V = min((axis for axes in arrays for axis in axes if axis not in (1, h)), default=0)
        return {name: TRIAL["h"] if value == h else TRIAL["V"] for name, value in numbers.items() if value in (h, V)}

    def _probed(self, taken: Taken, roots: list[Root]) -> Probed:
        return Probed(taken.form.anew(), self.slice, self.framework, self.ops, taken.function, taken.owner, {}, [],
                      roots=roots)

    def _distance(self, item: Item, owner: ast.ClassDef | None) -> tuple[bool, bool, bool, int]:
        names = slots(uses(item.node)).values()
        gates = {key for part, key in names if part in "xw" and key in GATES}
        line, here = item.node.lineno, self.form.node.lineno
        return (owner is not self.form.owner, (len(gates) < 3) == (self.form.kind == "lstm"), line > here,
                abs(here - line))

    def make(self, item: Item, owner: ast.ClassDef | None) -> Maker:
        """Run a function that makes parameters, on sizes that all differ."""
        node = item.node
        assert isinstance(node, ast.FunctionDef)
        found = Maker(item, names_returned(node))
        try:
            self.slice.need(node, item.inside)
            self._sizes(node)
            if owner is not None:
                function = getattr(self.owner, mangled(owner.name, node.name))
            else:
                self.slice.execute(node)
                function = self.slice.namespace[node.name]
            arguments = self.arguments([arg.arg for arg in node.args.args[
                bool(owner):len(node.args.args) - len(node.args.defaults)]])
        except Exception as error:
            found.error = error
            return found
        result, variables, found.error = observed(function, **arguments)
        if result is None and owner is not None:
            result = getattr(self.owner, "params", None)
        found.result = result
        found.returned = isinstance(result, (list, tuple, dict)) or hasattr(result, "__len__")
        if isinstance(result, dict):
            found.names = [str(key) for key in result]
        if found.returned:
            found.values = list(result.values() if isinstance(result, dict) else result)
        found.named = variables | dict(zip(found.names, found.values, strict=False))
        return found
