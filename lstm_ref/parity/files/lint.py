"""What a file's source shows without running: parameters that stand twice or are lost, what is never given a value."""

import ast
import builtins
from collections.abc import Iterator

from lstm_ref.parity.files.contents import Contents
from lstm_ref.parity.files.form import Form
from lstm_ref.parity.files.names import pieces, slots
from lstm_ref.parity.files.slices import FRAMEWORKS, package_of, uses
from lstm_ref.parity.files.structure import JOINS, assigned, called, own, simple


def joined_otherwise(contents: Contents, form: Form) -> Iterator[tuple[int, str]]:
    """Weights that are joined in one order and multiplied with input and state joined in the other."""
    if not any(part == "w" for part, _ in form.names.values()):
        return
    for item in contents.items:
        if not isinstance(item.node, ast.FunctionDef) or item.node is form.node:
            continue
        for inner in ast.walk(item.node):
            if not isinstance(inner, ast.Call) or called(inner) not in JOINS or not inner.args:
                continue
            names = [simple(each) for each in getattr(inner.args[0], "elts", [])]
            order = "".join(part for name in names for part in pieces(name)[-1:] if part in ("x", "h"))
            if sorted(order) == ["h", "x"] and order != form.joined and all(
                    name.lower().startswith("w") for name in names):
                line = next((each.lineno for each in own(form.node)
                             if isinstance(each, ast.Call) and called(each) in JOINS), form.node.lineno)
                words = {"x": "input", "h": "state"}
                yield line, (f"{words[form.joined[0]]} and {words[form.joined[1]]} are joined in this order, the "
                             f"weights in the other (line {inner.lineno % 10**5})")
                return


def used_not_defined(contents: Contents) -> list[str]:
    """The book's functions that a file calls by name and does not contain."""
    known = {name for item in contents.items for name in item.defines}
    stars = any(isinstance(item.node, ast.ImportFrom) and item.node.names[0].name == "*" for item in contents.items)
    nodes = [inner for _, tree in contents.code.trees() for inner in ast.walk(tree)]
    used = {inner.id for inner in nodes if isinstance(inner, ast.Name)} - {
        inner.arg for inner in nodes if isinstance(inner, ast.arg)} - {
        inner.id for inner in nodes if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)}
    return [] if stars else sorted(used & {"get_lstm_params", "init_lstm_state", "get_params"} - known)


def packed_otherwise(contents: Contents, form: Form) -> Iterator[tuple[int, str]]:
    """Gates that are joined side by side in one order and taken apart in another."""
    orders = {name: key for name, (_, key) in form.names.items() if len(key) == 4}
    for item in contents.items:
        if not isinstance(item.node, ast.FunctionDef):
            continue
        for name, value in assigned(item.node):
            if name not in orders or called(value) not in JOINS or not isinstance(value, ast.Call) or not value.args:
                continue
            parts = [simple(each) for each in getattr(value.args[0], "elts", [])]
            known = slots(parts)
            joined = "".join(known[each][1] for each in parts if each in known)
            if sorted(joined) == sorted(orders[name]) and joined != orders[name]:
                line = next((inner.lineno for inner in own(form.node) if isinstance(inner, ast.Assign)
                             and isinstance(inner.targets[0], ast.Tuple) and len(inner.targets[0].elts) == 4),
                            form.node.lineno)
                yield line, (f"{name} is joined in the order {', '.join(joined)} (line {value.lineno % 10**5}) and "
                             f"taken apart as {', '.join(orders[name])}")
                return


#: What a state is called that a loop carries.
CARRIED = ("state", "states", "hidden", "hidden_state", "H_C", "hc", "h_state")


def never_read(form: Form) -> list[str]:
    """Arguments that a function is given and does not use."""
    read = {inner.id for inner in own(form.node) if isinstance(inner, ast.Name)}
    return [name for name, meaning in form.arguments.items()
            if meaning in ("inputs", "state", "H", "C") and name not in read]


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


def thrown_away(contents: Contents) -> Iterator[tuple[int, str]]:
    """Where a loop passes a state on and throws the new one away."""
    models = {"net", "model", "lstm", "rnn", *(each.node.name for each in (*contents.models, *contents.other_cells))}
    for _, tree in contents.code.trees():
        for loop in (node for node in ast.walk(tree) if isinstance(node, (ast.For, ast.While))):
            stored = {inner.id for each in loop.body for inner in ast.walk(each)
                      if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)}
            for node in loop.body:
                value = node.value if isinstance(node, (ast.Expr, ast.Assign)) else None
                pair = isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple) and len(
                    node.targets[0].elts) == 2 and simple(node.targets[0].elts[1]) == "_"
                if not isinstance(value, ast.Call) or not (pair or (isinstance(node, ast.Expr) and called(
                        value) in models)):
                    continue
                for argument in (simple(each) for each in value.args):
                    if argument in CARRIED and argument not in stored:
                        yield node.lineno, (f"the new state is thrown away: each turn of the loop begins with the same "
                                            f"{argument}")


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


def clipped_in_vain(contents: Contents) -> Iterator[tuple[int, str]]:
    """Where gradients are clipped after the update that they are for, or the clipped ones are thrown away."""
    returning = {item.node.name for item in contents.items if isinstance(item.node, ast.FunctionDef)
                 and "clip" in item.node.name.lower() and _returns(item.node) and not writes(item.node)}
    for _, tree in contents.code.trees():
        for loop in (node for node in ast.walk(tree) if isinstance(node, (ast.For, ast.While, ast.FunctionDef))):
            update = None
            for node in loop.body:
                value = node.value if isinstance(node, (ast.Expr, ast.Assign)) else None
                if not isinstance(value, ast.Call):
                    continue
                name, text = called(value), ast.unparse(value.func).lower()
                if "clip" in name.lower() and "grad" in ast.unparse(value).lower():
                    if update is not None:
                        yield update, f"the update comes before the gradients are clipped (line {node.lineno % 10**5})"
                        break
                    if isinstance(node, ast.Expr) and name in returning:
                        yield node.lineno, f"what {name} returns is thrown away: the update takes unclipped gradients"
                        break
                elif name == "apply_gradients" or name == "sgd" or (name == "step" and any(
                        word in text for word in ("optim", "opt.", "updater", "trainer", "sgd"))):
                    update = node.lineno


def _returns(node: ast.FunctionDef) -> bool:
    return any(isinstance(inner, ast.Return) and inner.value is not None for inner in own(node))


def writes(node: ast.AST) -> bool:
    """Whether a function writes into what it is given."""
    return any((isinstance(inner, (ast.Assign, ast.AugAssign)) and any(isinstance(
        each, (ast.Subscript, ast.Attribute)) for each in getattr(inner, "targets", [getattr(inner, "target", None)])))
        or called(inner) in ("mul_", "copy_", "assign", "clip_grad_norm_", "div_") for inner in own(node))


def not_zeroed(contents: Contents) -> Iterator[tuple[int, str]]:
    """Where PyTorch's gradients are never set to zero between updates."""
    if contents.package() != "torch":
        return
    text = " ".join(ast.unparse(tree) for _, tree in contents.code.trees())
    zeroed = ("zero_grad", "grad.zero_", "grad.data.zero_", ".grad = None", "autograd.grad", "d2l.", "zero_()")
    if any(word in text for word in zeroed) or (
            ".step()" not in text and "sgd" not in contents.functions):
        return
    update = contents.functions.get("sgd")
    for _, tree in contents.code.trees():
        for node in ast.walk(tree):
            if called(node) == "backward" and isinstance(node, ast.Call):
                line = node.lineno if update is None else update.node.body[-1].lineno  # type: ignore[attr-defined]
                yield line, "gradients are never set to zero: those of all earlier minibatches are added"
                return


def mean_of_means(contents: Contents) -> Iterator[tuple[int, str]]:
    """Where means are added up, and their sum is divided by the number of tokens."""
    for item in contents.items:
        if not isinstance(item.node, ast.FunctionDef) or any(
                word in ast.unparse(item.node) for word in ("reduction", ".sum()")):
            continue
        added = [inner for inner in own(item.node)
                 if isinstance(inner, ast.AugAssign) and isinstance(inner.op, ast.Add)]
        means = {simple(each.target): each.lineno for each in added if "loss" in ast.unparse(each.value).lower()
                 and not any(isinstance(inner, ast.Mult) for inner in ast.walk(each.value))}
        counts = {simple(each.target) for each in added if any(word in ast.unparse(each.value) for word in (
            "numel", "size", "len("))}
        for inner in own(item.node):
            if called(inner) == "exp" and isinstance(inner, ast.Call) and inner.args and isinstance(
                    inner.args[0], ast.BinOp) and isinstance(inner.args[0].op, ast.Div):
                top, bottom = simple(inner.args[0].left), simple(inner.args[0].right)
                if top in means and bottom in counts:
                    yield means[top], (f"perplexity: {top} adds up means, one for each minibatch, and is divided by "
                                       f"{bottom}, the number of tokens")
