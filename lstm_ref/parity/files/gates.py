"""Which parameters make which gate, by where they stand: for names that say nothing, layers, and gates side by side."""

import ast
from collections.abc import Iterator

from lstm_ref.parity.files.names import GATES, Slot, state_part
from lstm_ref.parity.files.structure import (
    INPUTS,
    LAST,
    SQUASHES,
    assigned,
    called,
    factors_of,
    gate_of_target,
    joins,
    own,
    part_of,
    simple,
    squashed,
    terms,
)

SPLITS = ("chunk", "split", "unbind", "array_split")


def packed(node: ast.AST) -> dict[str, str]:
    """Variables that hold all four gates side by side, with the order in which they are taken apart."""
    found: dict[str, str] = {}
    cuts, named = _Cuts(), meanings(node)
    for inner in own(node):
        if not (isinstance(inner, ast.Assign) and len(inner.targets) == 1):
            continue
        target, value = inner.targets[0], inner.value
        if isinstance(target, (ast.Tuple, ast.List)) and len(target.elts) == 4 and not isinstance(value, ast.Tuple):
            if order := _order(target, named):
                for base in (_base(each) for each in ast.walk(value) if called(each) in SPLITS):
                    found |= {simple(base): order} if base is not None and simple(base) else {}
        elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for element, each in zip(target.elts, value.elts, strict=False):
                cuts.note(simple(element), each)
        else:
            cuts.note(simple(target), value)
    return cuts.orders() | found


def meanings(node: ast.AST) -> dict[str, str]:
    """The gates that variables are for by what they are squashed into."""
    found: dict[str, str] = {}
    for name, value in assigned(node):
        inside = squashed(value)
        if inside is not None and simple(inside) and (key := gate_of_target(name)):
            found[simple(inside)] = key
        elif part := state_part(name):
            found |= {simple(each): key for key, each in _inline(part, value, simple_too=True) if simple(each)}
    return found


def _order(target: ast.Tuple | ast.List, named: dict[str, str]) -> str:
    """The order of four gates that are taken apart together, or ''."""
    gates = [named.get(simple(each)) or gate_of_target(simple(each)) for each in target.elts]
    return "".join(map(str, gates)) if {*gates} == {*GATES} else ""


def _base(call: ast.AST) -> ast.AST | None:
    """What a call splits: of `z.chunk(4, 1)` or `torch.chunk(z, 4, 1)` z."""
    if not isinstance(call, ast.Call):
        return None
    numbers = call.args and isinstance(call.args[0], (ast.Constant, ast.Attribute, ast.BinOp, ast.List))
    if isinstance(call.func, ast.Attribute) and (not call.args or (numbers and not isinstance(
            call.args[0], ast.BinOp)) or not isinstance(call.func.value, ast.Name)):
        return call.func.value
    return call.args[0] if call.args else None


class _Cuts:
    """Gates that are cut out of a variable by slices, perhaps of a slice."""

    def __init__(self) -> None:
        self.gates: dict[str, list[tuple[float, str]]] = {}
        self.roots: dict[str, str] = {}

    def note(self, name: str, value: ast.AST) -> None:
        """Keep where a name's value begins in what it is cut from."""
        inner = next((each for each in ast.walk(value) if isinstance(each, ast.Subscript) and _is_slice(each)), None)
        if inner is None:
            return
        index = inner.slice.elts[-1] if isinstance(inner.slice, ast.Tuple) and inner.slice.elts else inner.slice
        lower = ast.unparse(index.lower) if isinstance(index, ast.Slice) and index.lower else "0"
        base = self.roots.get(simple(inner.value), simple(inner.value))
        if key := gate_of_target(name):
            number = next((float(digit) for digit in lower if digit.isdigit()), 1.0)
            self.gates.setdefault(base, []).append((2.5 if lower.startswith("-") else number, key))
        elif lower == "0":
            self.roots[name] = base

    def orders(self) -> dict[str, str]:
        """The variables of which all four gates are cut, with their order."""
        found = {}
        for name, cuts in self.gates.items():
            taken: list[tuple[float, str]] = []
            for start, key in cuts:  # one that is cut where another was stands last: that is where it departs
                taken.append((start + 10 * (start in [each for each, _ in taken]), key))
            found[name] = "".join(key for _, key in sorted(taken))
        return {name: order for name, order in found.items() if sorted(order) == sorted(GATES)}


def _is_slice(node: ast.Subscript) -> bool:
    index = node.slice.elts[-1] if isinstance(node.slice, ast.Tuple) and node.slice.elts else node.slice
    return isinstance(index, ast.Slice)


def sums(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """The sums before the activations, with the gate, or the gates in order, that each is for."""
    orders, named = packed(node), meanings(node)
    for inner in own(node):
        if isinstance(inner, ast.Assign) and isinstance(inner.targets[0], (ast.Tuple, ast.List)) and (
                order := _order(inner.targets[0], named)):
            for base in (_base(each) for each in ast.walk(inner.value) if called(each) in SPLITS):
                if base is not None and not simple(base):
                    yield order, base
    for name, value in assigned(node):
        if name in orders:
            yield orders[name], value
        elif (part := state_part(name)) and squashed(value) is None:
            yield from _inline(part, value)
        elif (key := gate_of_target(name)) and not any(isinstance(each, ast.Subscript) and _is_slice(each) and simple(
                each.value) in orders for each in ast.walk(value)):
            yield key, squashed(value) or value


def _inline(part: str, value: ast.AST, simple_too: bool = False) -> Iterator[tuple[str, ast.AST]]:
    """Gates that have no name of their own: C = sigmoid(...) * C + sigmoid(...) * tanh(...), H = sigmoid(...) * ..."""
    for term in terms(value):
        factors = multiplied(term)
        kinds = [SQUASHES.get(called(each), "") for each in factors]
        for factor, kind in zip(factors, kinds, strict=True):
            inside = squashed(factor)
            if inside is None or (simple(inside) and not simple_too):
                continue
            if part == "H":
                yield from [("o", inside)] if kind == "sigmoid" else []
            elif kind == "tanh":
                yield "c", inside
            else:
                yield ("f" if any(state_part(simple(each)) == "C" for each in factors) else "i"), inside


def multiplied(node: ast.AST) -> list[ast.AST]:
    """What a product multiplies, element by element."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return [*multiplied(node.left), *multiplied(node.right)]
    if isinstance(node, ast.Call) and called(node) in ("mul", "multiply") and len(node.args) == 2:
        return [*multiplied(node.args[0]), *multiplied(node.args[1])]
    return [node]


def joined_names(node: ast.AST) -> set[str]:
    """Variables that hold the state and the input, joined."""
    return {name for name, value in assigned(node) if joins(value)}


def _layer(node: ast.AST, methods: set[str]) -> str:
    """The attribute of an object that is called on one argument and is no method; '' for anything else."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(
            node.func.value, ast.Name) and node.func.value.id == "self" and len(node.args) == 1 and (
                node.func.attr not in methods and called(node) not in SQUASHES):
        return node.func.attr
    return ""


def linears(node: ast.AST, methods: set[str]) -> dict[str, Slot]:
    """Layers of a class that are called on the input, the state, or both: what each stands for."""
    found: dict[str, Slot] = {}
    joined = joined_names(node)
    for key, value in sums(node):
        for term in terms(value):
            if (name := _layer(term, methods)) and isinstance(term, ast.Call):
                found[name] = part_of(term.args[0], joined), key
    for inner in own(node):  # one that has its activation within it
        name = _layer(inner, methods)
        gate = gate_of_target(name) if name and name not in found else None
        if gate and isinstance(inner, ast.Call) and part_of(inner.args[0], joined) == "w":
            found[name] = "w", gate
    for inner in own(node):
        name = _layer(inner, methods)
        if name and name not in found and isinstance(inner, ast.Call) and any(word in name.lower() for word in LAST):
            found[name] = "h", "q"
    return found


def products(node: ast.AST) -> dict[str, Slot]:
    """Parameters by where they stand: the gate is that of the variable that their sum is given."""
    found: dict[str, Slot] = {}
    joined = joined_names(node)
    for key, value in sums(node):
        for term in terms(value):
            factors = factors_of(term)
            named = [simple(each) for each in factors]
            if len(factors) == 2:
                weight = next((i for i, each in enumerate(named) if each and state_part(each) != "H"
                               and each not in INPUTS and each not in joined and not joins(factors[i])), None)
                if weight is not None:
                    found[named[weight]] = part_of(factors[1 - weight], joined), key
            elif simple(term) and not isinstance(term, ast.Call) and simple(term) not in INPUTS:
                found.setdefault(simple(term), ("d" if ("b", key) in found.values() else "b", key))
    if not any(part in "xw" for part, _ in found.values()):
        return {}
    for inner in own(node):  # the output layer stands where it likes
        summands = terms(inner) if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Add) else []
        named = [simple(each) for each in factors_of(summands[0])] if len(summands) == 2 else []
        if len(named) == 2 and "H" in map(state_part, named) and not {*named} & {*found}:
            found[next(each for each in named if state_part(each) != "H")] = "h", "q"
            if simple(summands[1]):
                found[simple(summands[1])] = "b", "q"
    return found
