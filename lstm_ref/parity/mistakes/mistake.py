"""What a mistake is, and the reference with one or several in it."""

import ast
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import numpy as np
from autograd import make_vjp
from autograd import numpy as differentiable
from autograd.numpy.numpy_boxes import ArrayBox
from autograd.numpy.numpy_vspaces import ArrayVSpace

import lstm_ref
from lstm_ref.params import Array
from lstm_ref.parity.noise import Noisy
from lstm_ref.parity.reference import Reference

#: The modules that a mistake may be in, each before those that import it. By their full names: `lstm_ref.lstm` as an
#: attribute is the function.
MODULES = ("params", "lstm", "rnn", "gru", "loss", "training", "text", "loop", "model", "parallel")

Edit = tuple[str, str, str]


@dataclass(frozen=True)
class Mistake:
    """One mistake that people make in porting an LSTM or its training.

    Attributes:
        name: short.
        sentence: what goes wrong.
        fix: what to do about it.
        check: the check meant to catch it.
        edits: module of `lstm_ref`, right text, wrong text; each right text stands there exactly once.
        source: where people make it: an address, or ''.
        dtypes: the precisions in which it shows.
        by_hand: the reference's own backward pass stays; otherwise the mistaken forward pass is differentiated
            automatically, as a framework would.
        products: an expression in a and b that stands for every matrix product `a @ b` of `lstm`, or ''.
        alone: only its own check can be compared: what follows is random, or the framework's own affair.
        kind: 'exchanged name' for one of the many in which one parameter stands for another, or ''.
        cell: whose it is; it shows on its cases.
    """

    name: str
    sentence: str
    fix: str
    check: str
    edits: tuple[Edit, ...]
    source: str = ""
    dtypes: tuple[str, ...] = ("float32", "float64")
    by_hand: bool = True
    products: str = ""
    alone: bool = False
    kind: str = ""
    cell: str = "lstm"

    @property
    def label(self) -> str:
        """The check that is meant to catch it, with its cell."""
        return self.check if self.cell == "lstm" else f"{self.cell} {self.check}"

    def clashes(self, other: "Mistake") -> bool:
        """Whether the two change the same text, so that they can't be made together."""
        return any(module == m and (right in r or r in right)
                   for module, right, _ in self.edits for m, r, _ in other.edits)


class _Products(ast.NodeTransformer):
    """Every a @ b becomes product(a, b)."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.op, ast.MatMult):
            return node
        return ast.Call(ast.Name("product", ast.Load()), [node.left, node.right], [])


@cache
def _compiled(source: str, name: str, products: str) -> Any:
    tree = ast.parse(source)
    if products:
        helper = ast.parse(f"def product(a, b):\n    return {products}\n")
        tree = ast.fix_missing_locations(ast.Module([*_Products().visit(tree).body, *helper.body], []))
    return compile(tree, f"<{name}>", "exec")


@cache
def _source(module: str) -> str:
    return inspect.getsource(import_module(f"lstm_ref.{module}"))


def _edited(module: str, mistakes: Sequence[Mistake]) -> str:
    source = _source(module)
    for mistake in mistakes:
        for where, right, wrong in mistake.edits:
            if where == module:
                if source.count(right) != 1:
                    raise LookupError(f"{mistake.name}: lstm_ref.{module} has {right!r} {source.count(right)} times, "
                                      "expected once")
                source = source.replace(right, wrong)
    return source


class Mistaken(Reference):
    """The reference with mistakes in it.

    Args:
        mistakes: usually one.
        textbook: see `Reference`.

    Raises:
        LookupError: the right text is not in the source exactly once: the mistake is stale, or two of them clash.
    """

    def __init__(self, *mistakes: Mistake, textbook: bool = False):
        names: dict[str, Any] = {name: getattr(lstm_ref, name) for name in lstm_ref.__all__}
        changed: dict[str, Any] = {}  # what the edited modules and those that import them define
        for module in MODULES:
            source = _edited(module, mistakes)
            products = next((m.products for m in mistakes if m.products and module == "lstm"), "")
            if source == _source(module) and not products and not changed:
                continue
            # Each module sees the changed definitions of those before it instead of those it imports.
            full = f"lstm_ref.{module}"
            scope: dict[str, Any] = {"__name__": full, "__file__": import_module(full).__file__}
            exec(_compiled(source, full, products), scope)
            scope.update({key: value for key, value in changed.items() if key in scope})
            own = {key: value for key, value in scope.items() if getattr(value, "__module__", "") == full}
            constants = {key: value for key, value in scope.items() if key.isupper()}
            changed |= {module: SimpleNamespace(**constants, **own)} if module in ("loop", "text") else own
            names |= own
        super().__init__(textbook, SimpleNamespace(**names))
        self.teams = any(module == "parallel" for mistake in mistakes for module, *_ in mistake.edits)
        if any(not mistake.by_hand for mistake in mistakes):
            self._differentiate({module: _edited(module, mistakes) for module in ("lstm", "rnn", "gru")})

    def _differentiate(self, sources: dict[str, str]) -> None:
        """Replace the backward passes by the automatic derivatives of the forward passes."""
        traceable: dict[str, Any] = {}
        for name, source in sources.items():
            scope: dict[str, Any] = {"__name__": name}
            # Its arrays have no .real, which the reference needs for the complex step alone.
            exec(_compiled(source.replace(".real", ""), name, ""), scope)
            scope |= {"np": differentiable, f"check_{name}": lambda *_: None}
            scope |= {"sigmoid": traceable["sigmoid"]} if "sigmoid" in traceable else {}
            traceable |= {"sigmoid": scope["sigmoid"]} if name == "lstm" else {}
            traceable[name] = scope[name]
        traceable["gru_after"] = partial(traceable["gru"], reset_after=True)
        for name, (draw, begin, forward, _) in self._cells.items():
            self._cells[name] = draw, begin, *_recorded(forward, traceable[name])


def _recorded(forward: Callable[..., Any], traceable: Callable[..., Any]) -> tuple[Any, Any]:
    """A forward pass that leaves its arguments on the tape, and the backward pass that differentiates it again."""
    def run(inputs: Array, state: Any, params: Any, tape: list[Any] | None = None) -> Any:
        if tape is not None:
            tape.append((inputs, state))
        return forward(inputs, state, params)

    def backward(tape: list[Any], params: Any, d_outputs: Array, d_state: Any = None) -> Any:
        (inputs, state), kind = tape[0], type(params[0])
        if issubclass(kind, Noisy) and kind not in ArrayBox.type_mappings:
            ArrayBox.register(kind)
            ArrayVSpace.register(kind)
        # All arguments are traced, so that no operation mixes traced arrays with others.
        arguments = inputs, tuple(state), tuple(params)
        if d_state is None:
            vjp, _ = make_vjp(lambda arguments: traceable(*arguments)[0])(arguments)
            d_inputs, d_begin, d_params = vjp(d_outputs)
        else:
            def joined(arguments: Any) -> Any:
                outputs, last = traceable(*arguments)
                return differentiable.concatenate([part.reshape(-1) for part in (outputs, *last)])

            vjp, _ = make_vjp(joined)(arguments)
            d_inputs, d_begin, d_params = vjp(np.concatenate([part.reshape(-1) for part in (d_outputs, *d_state)]))
        return SimpleNamespace(params=getattr(params, "_make", tuple)(d_params), inputs=d_inputs, state=d_begin)

    return run, backward
