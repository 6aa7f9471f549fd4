"""A port's function as it is run: with a hook where it begins its state, its inputs as they are, its end observed."""

import ast
import copy
import inspect
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lstm_ref.parity.files.form import Form
from lstm_ref.parity.files.names import state_part
from lstm_ref.parity.files.structure import tokens


class WithoutOneHot(ast.NodeTransformer):
    """The inputs as they are, in place of what makes them one-hot and puts them into another order.

    Args:
        name: of the inputs.
    """

    def __init__(self, name: str):
        self.name, self.found = name, False

    def visit(self, node: ast.AST) -> ast.AST:
        """An expression that is one-hot inputs is the inputs."""
        if isinstance(node, ast.expr) and self._one_hot(node):
            self.found = True
            return ast.copy_location(ast.Name(self.name, ast.Load()), node)
        return self.generic_visit(node)

    def _one_hot(self, node: ast.AST) -> bool:
        """Whether an expression is a chain of calls on one-hot inputs."""
        while isinstance(node, (ast.Call, ast.Attribute, ast.Subscript)):
            if self.name and tokens(node) == self.name:
                return True
            if isinstance(node, ast.Call) and not isinstance(node.func, ast.Attribute):
                return False
            if isinstance(node, ast.Call) and any(self._one_hot(each) for each in node.args):
                return True
            node = node.func if isinstance(node, ast.Call) else node.value
        return False


def one_hot_inputs(form: Form, node: ast.FunctionDef) -> bool:
    """Let a function take its inputs as they are where it makes them one-hot itself; whether it does."""
    found = [each for each, meaning in form.arguments.items() if meaning == "inputs"]
    name = next((each for each in found if each not in form.weak), next(iter(found), ""))
    without = WithoutOneHot(name)
    node.body = [without.visit(statement) for statement in node.body]  # type: ignore[misc]
    return without.found


def _hooked(target: ast.expr, value: ast.expr) -> ast.expr | None:
    """What gives H or C its first value, with the hook around it; None for anything else."""
    part = state_part(target.id) if isinstance(target, ast.Name) else None
    return ast.Call(ast.Name("__begin__", ast.Load()), [ast.Constant(part), value], []) if part and isinstance(
        value, ast.Call) else None


def with_state(form: Form) -> Form:
    """The same function with a hook where it makes its initial state itself; the same where it takes one."""
    node = copy.deepcopy(form.node)
    hooked, dense = False, one_hot_inputs(form, node)
    for statement in node.body if not form.is_given_state else ():
        if isinstance(statement, (ast.For, ast.While)):
            break
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target, value = statement.targets[0], statement.value
            pairs = list(zip(target.elts, value.elts, strict=False)) if isinstance(target, ast.Tuple) and isinstance(
                value, ast.Tuple) else [(target, value)]
            given = [_hooked(*pair) for pair in pairs]
            if any(given):
                made = [mine or each for mine, (_, each) in zip(given, pairs, strict=True)]
                statement.value = ast.Tuple(made, ast.Load()) if isinstance(target, ast.Tuple) else made[0]
                hooked = True
    if not hooked and not dense:
        return form
    ast.fix_missing_locations(node)
    return replace(form, item=replace(form.item, node=node), begins=hooked)


def observed(function: Callable[..., Any], *arguments: Any, **named: Any
             ) -> tuple[Any, dict[str, Any], Exception | None]:
    """What a function returns, its local variables at the end, and what it raised."""
    code, kept = inspect.unwrap(getattr(function, "__func__", function)).__code__, dict[str, Any]()

    def trace(frame: Any, event: str, _: Any) -> Any:
        if frame.f_code is not code:
            return None
        if event in ("return", "exception"):
            kept.update(frame.f_locals)
        return trace

    previous = sys.gettrace()
    sys.settrace(trace)
    try:
        return function(*arguments, **named), kept, None
    except Exception as error:
        return None, kept, error
    finally:
        sys.settrace(previous)
