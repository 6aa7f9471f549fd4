"""What a file's source shows without running: parameters that stand twice or are lost, what is never given a value."""

import ast
import builtins
from collections.abc import Iterator

from lstm_ref.parity.files.contents import Contents
from lstm_ref.parity.files.form import Form
from lstm_ref.parity.files.names import slots
from lstm_ref.parity.files.slices import FRAMEWORKS, package_of, uses
from lstm_ref.parity.files.structure import own, simple


def never_read(form: Form) -> list[str]:
    """Arguments that a function is given and does not use."""
    read = {inner.id for inner in own(form.node) if isinstance(inner, ast.Name)}
    return [name for name, meaning in form.arguments.items()
            if meaning in ("inputs", "state", "H", "C", "params") and name not in read]


def undefined(contents: Contents, form: Form) -> list[str]:
    """Names that a function reads and nothing in the file gives a value."""
    if any(isinstance(item.node, ast.ImportFrom) and item.node.names[0].name == "*" and package_of(
            item.node) not in FRAMEWORKS for item in contents.items):
        return []
    known = {name for item in contents.items for name in item.defines} | {*dir(builtins)} | {*form.arguments}
    known |= {inner.id for inner in ast.walk(form.node) if isinstance(inner, ast.Name) and isinstance(
        inner.ctx, ast.Store)} | {inner.arg for inner in ast.walk(form.node) if isinstance(inner, ast.arg)}
    known |= {each.name for each in ast.walk(form.node) if isinstance(each, ast.FunctionDef)} | {"__begin__"}
    for _, tree in contents.code.trees():  # loops give names values too
        known |= {inner.id for inner in ast.walk(tree) if isinstance(inner, ast.Name) and isinstance(
            inner.ctx, ast.Store)}
    found = [inner.id for inner in own(form.node) if isinstance(inner, ast.Name) and inner.id not in known]
    return list(dict.fromkeys(found))


def lost(contents: Contents) -> Iterator[tuple[int, str]]:
    """Parameters that are given a value twice, without being read in between."""
    for _, tree in contents.code.trees():
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if not isinstance(body, list):
                continue
            assigned = [each for each in body if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name)]
            names = slots(dict.fromkeys(simple(each.targets[0]) for each in assigned))
            seen: dict[str, int] = {}
            for each in body:
                for name in uses(getattr(each, "value", None) or each):
                    seen.pop(name, None)
                if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name) and (
                        name := each.targets[0].id) in names:
                    if name in seen:
                        yield each.lineno, f"{name} is given a value again: that of line {seen[name] % 10**5} is lost"
                    seen[name] = each.lineno


def samplers(contents: Contents) -> Iterator[tuple[int, str]]:
    """Where consecutive minibatches are taken for random sampling, and random ones for the other."""
    for _, tree in contents.code.trees():
        for node in ast.walk(tree):
            if not (isinstance(node, ast.If) and isinstance(node.test, (ast.Name, ast.Attribute))
                    and "random" in simple(node.test).lower() and node.orelse):
                continue
            yes, no = (" ".join(ast.unparse(each).lower() for each in body if isinstance(each, ast.Assign))
                       for body in (node.body, node.orelse))
            ordered = ("consecutive", "sequential", "adjacent", "seq_data")
            if any(word in yes for word in ordered) and "random" not in yes and "random" in no:
                yield node.body[0].lineno, ("the samplers are exchanged: random sampling is given consecutive "
                                            "minibatches, and sequential partition random ones, over which a state is "
                                            "carried")
