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
from lstm_ref.parity.files.structure import called


def one_hot_inputs(form: Form, node: ast.FunctionDef) -> bool:
    """Let a function take its inputs as they are where it makes them one-hot itself; whether it does."""
    name = next((each for each, meaning in form.arguments.items() if meaning == "inputs"), "")
    found = False
    for statement in ast.walk(node):
        if isinstance(statement, ast.Assign) and any(
                called(each) in ("one_hot", "to_onehot", "onehot") for each in ast.walk(statement.value)) and name in [
                    each.id for each in ast.walk(statement.value) if isinstance(each, ast.Name)]:
            statement.value = ast.copy_location(ast.Name(name, ast.Load()), statement.value)
            found = True
    return found


def with_state(form: Form) -> Form:
    """The same function with a hook where it makes its initial state itself; the same where it takes one."""
    node = copy.deepcopy(form.node)
    hooked, dense = False, one_hot_inputs(form, node)
    for statement in node.body if not {"state", "H", "C", "keyed"} & {*form.arguments.values()} else ():
        if isinstance(statement, (ast.For, ast.While)):
            break
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(
                statement.targets[0], ast.Name) and (part := state_part(statement.targets[0].id)) and isinstance(
                    statement.value, ast.Call):
            statement.value = ast.Call(ast.Name("__begin__", ast.Load()), [ast.Constant(part), statement.value], [])
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
