"""Which functions of a file are judged: all that compute an LSTM or RNN, or the one that is said by hand."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lstm_ref.parity.files.contents import ENTRIES, Contents, contents
from lstm_ref.parity.files.form import Form, form
from lstm_ref.parity.files.slices import Item
from lstm_ref.parity.files.source import read

CELLS = ("lstm", "rnn", "gru")


@dataclass(frozen=True)
class Choice:
    """What is said by hand.

    Attributes:
        tab: of the file.
        role: 'lstm=NAME' or the name alone, the function or class that is judged; or ''.
        state: order of the state, 'C,H', or ''.
        others: files whose functions are judged with the file's.
    """

    tab: str = ""
    role: str = ""
    state: str = ""
    others: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Found:
    """A function to judge, with the file's contents and its framework."""

    contents: Contents
    form: Form
    package: str


def chosen(path: Path, choice: Choice) -> list[Found]:
    """The functions of a file that are judged, tab after tab.

    Raises:
        ValueError: a file can't be read, has not that tab or that function, or what is said by hand can't be.
    """
    found: list[Found] = []
    role, name = _role(choice.role)
    for other in choice.others:
        read(other)
    for code in read(path, choice.tab):
        inside = contents(code)
        forms = [*inside.models, *inside.other_cells]
        if choice.role:
            forms = list(_named(inside, name))
        for each in forms:
            if role not in ("", each.kind):
                raise ValueError(f"{path}: expected --as {each.kind}={name}, which is what {name} computes, found "
                                 f"--as {choice.role}")
            if choice.state:
                each.state = _order(choice.state, each)
            found.append(Found(inside, each, inside.package(each.node)))
    if choice.role and not found:
        raise ValueError(f"{path}: expected a function {name!r} that multiplies an input and "
                         "a state with parameters, found none")
    return found


def _role(said: str) -> tuple[str, str]:
    """The cell, or '', and the name that `--as` says."""
    role, equals, name = said.rpartition("=")
    if (equals and role not in CELLS) or (said and not name):
        forms = ", ".join(f"{cell}=NAME" for cell in CELLS)
        raise ValueError(f"--as: expected {forms}, or the name alone, found {said!r}")
    return role, name


def _order(said: str, taken: Form) -> tuple[str, ...]:
    """The order of the state that `--state` says."""
    parts = tuple(part.strip() for part in said.split(","))
    if sorted(parts) != (["C", "H"] if taken.kind == "lstm" else ["H"]):
        raise ValueError(f"--state: expected {'H,C or C,H' if taken.kind == 'lstm' else 'H'} for {taken.name}, found "
                         f"{said!r}")
    return parts


def _named(inside: Contents, name: str) -> Iterator[Form]:
    for each in (*inside.models, *inside.other_cells):
        if name in (each.name, each.node.name, each.owner.name if each.owner else ""):
            yield each
            return
    for item in inside.items:
        if isinstance(item.node, ast.FunctionDef) and item.node.name == name and (found := form(item, forced=True)):
            yield found
            return
        if isinstance(item.node, ast.ClassDef):
            methods = {each.name: Item(each, (each.name,)) for each in item.node.body
                       if isinstance(each, ast.FunctionDef)}
            entry = name.removeprefix(f"{item.node.name}.") if name != item.node.name else next(
                (each for each in ENTRIES if each in methods), "")
            if entry in methods and (found := form(methods[entry], item.node, forced=True)):
                yield found
                return


def empty(path: Path, choice: Choice) -> list[str]:
    """What a file without an LSTM has instead, in words."""
    lines = []
    for code in read(path, choice.tab):
        inside = contents(code)
        said = [f"left out: {text}" for text in inside.left_out]
        said += [f"no Python: {text}" for text in code.broken.values()]
        makers = [item.node.name for item, _ in inside.makers if isinstance(item.node, ast.FunctionDef)]
        called = {inner.id for _, tree in code.trees() for inner in ast.walk(tree) if isinstance(inner, ast.Name)
                  and "lstm" in inner.id.lower()}
        missing = sorted(called - {name for item in inside.items for name in item.defines})
        if makers:
            said.append(f"it defines {', '.join(makers)}")
        if missing:
            said.append(f"it uses {', '.join(missing)}, which it does not define")
        lines.append(f"{code.path.name}{f', tab {code.tab}' if code.tab else ''}: incomplete: no function or "
                     "statements that compute an LSTM" + "".join(f"; {text}" for text in said))
    return lines
