"""What a file contains: which functions compute an LSTM, which make its parameters and state, and what is left out."""

import ast
from dataclasses import dataclass, field

from lstm_ref.parity.files import statements
from lstm_ref.parity.files.form import Form, form
from lstm_ref.parity.files.names import GATES, function, slots
from lstm_ref.parity.files.reach import Reach
from lstm_ref.parity.files.slices import FRAMEWORKS, Item, adds, package_of, pool, uses
from lstm_ref.parity.files.source import Code
from lstm_ref.parity.files.structure import called, multiplies, own, spoken, squashes

#: Methods that are called to compute a class's model, the likelier first.
ENTRIES = ("forward", "__call__", "call", "step", "lstm", "lstm_cell", "cell", "build", "construct", "forward_step",
           "hybrid_forward", "run", "predict")
#: What random numbers are drawn with.
DRAWS = ("randn", "normal", "uniform", "rand", "standard_normal", "random_normal", "truncated_normal", "normal_",
         "uniform_", "xavier_uniform_", "xavier_normal_", "orthogonal_", "kaiming_uniform_", "kaiming_normal_",
         "random_sample", "empty")
#: Models of other kinds, which are left out by name.
OTHERS = ("peephole", "bilstm", "bi_lstm", "conv", "attention", "gru", "peep", "stacked", "deep")


@dataclass
class Contents:
    """Of one tab of a file.

    Attributes:
        items: statements that may be needed.
        models: functions that compute an LSTM.
        other_cells: functions that compute a vanilla RNN, or a GRU.
        makers: functions that make parameters, by what they are near to.
        states: functions that make an initial state.
        functions: other functions of the chapter by role.
        left_out: what is no LSTM, and what it is.
    """

    code: Code
    items: list[Item]
    models: list[Form] = field(default_factory=list)
    other_cells: list[Form] = field(default_factory=list)
    makers: list[tuple[Item, ast.ClassDef | None]] = field(default_factory=list)
    states: list[tuple[Item, ast.ClassDef | None]] = field(default_factory=list)
    functions: dict[str, Item] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def package(self, node: ast.AST | None = None) -> str:
        """The framework that a function uses; of the file where none is given."""
        imports = {name: package_of(item.node) for item in self.items
                   if isinstance(item.node, (ast.Import, ast.ImportFrom)) for name in item.defines}
        roots = uses(node) if node is not None else set(imports)
        if node is not None and {imports.get(name) for name in roots} & {*FRAMEWORKS} == {"numpy"}:
            return "numpy"
        found = {imports[name] for name in roots if name in imports} - {"numpy", "scipy"}
        chosen = next((package for package in FRAMEWORKS if package in found), "")
        if not chosen and node is not None:
            return self.package()
        if chosen in ("flax",):
            return "jax"
        if chosen == "keras":
            return "tensorflow"
        if chosen == "mxnet":
            text = {name for name in (uses(node) if node is not None else set()) if name in imports}
            return "mxnet.nd" if "nd" in text or ("np" not in imports and "npx" not in imports) else "mxnet"
        if not chosen:
            said = " ".join(ast.unparse(item.node) for item in self.items if isinstance(
                item.node, (ast.Import, ast.ImportFrom)))
            chosen = next((package for package in ("torch", "tensorflow", "jax", "mxnet", "paddle", "mindspore")
                           if package in said), "")
        return chosen or "numpy"


def contents(code: Code) -> Contents:
    """Read a file's statements."""
    found = Contents(code, pool(code))
    classes = {item.node.name: item.node for item in found.items if isinstance(item.node, ast.ClassDef)}
    methods = [(Item(node, (node.name,), item.inside), item.node) for item in found.items
               if isinstance(item.node, ast.ClassDef) for node in item.node.body if isinstance(node, ast.FunctionDef)]
    plain: list[tuple[Item, ast.ClassDef | None]] = []
    for item in found.items:
        if isinstance(item.node, ast.FunctionDef):
            added = next((ast.unparse(each.args[0]) for each in item.node.decorator_list  # type: ignore[attr-defined]
                          if adds(each)), None)
            plain.append((item, classes.get(added) if added else None))
    forms: list[Form] = []
    for item, owner in [*plain, *methods]:
        taken = form(item, owner) if not any(word in item.defines[0] for word in ("backward", "grad")) else None
        if taken and not _inside(item, forms):
            forms.append(taken)
        assert isinstance(item.node, ast.FunctionDef)
        if taken is None and not multiplies(item.node):
            _helpers(found, item, owner)
    for name, node in classes.items():
        if not any(each.owner is node for each in forms) and squashes_of(node) and len(gates_of(node)) >= 3:
            entry = next((method for wanted in ENTRIES for method, owner in methods
                          if owner is node and method.node.name == wanted), None)  # type: ignore[attr-defined]
            taken = form(entry, node, whole=True) if entry else None
            forms += [taken] if taken else []
            if not entry:
                found.left_out.append(f"{name}: no method of {', '.join(ENTRIES[:4])} to call")
    reach = Reach([*plain, *methods])
    if not any(each.kind == "lstm" and not each.lacks() for each in forms):  # by what they do, whatever their names
        for item, owner in reach.steps():
            if not any(each.item.node.lineno == item.node.lineno for each in forms) and not _inside(item, forms) and (
                    taken := form(item, owner, forced=True)):
                forms.append(taken)
    for each in forms:
        if each.kind == "lstm" and not each.loops:
            each.around = [taken for item, owner in reach.loops((each.item, each.owner)) if not any(
                other.item.node.lineno == item.node.lineno for other in forms) and (
                    taken := form(item, owner, forced=True))]
    for each in forms:
        other = next((word for word in OTHERS if word in each.name.lower()), None)
        if each.kind == "gru" and each.owner is None and each.loops and not each.lacks():
            found.other_cells.append(each)
        elif each.kind == "gru" or other == "gru":
            found.left_out.append(f"{each.name}: a GRU")
        elif other:
            found.left_out.append(f"{each.name}: another model")
        elif each.kind == "lstm":
            found.models.append(each)
        else:
            found.other_cells.append(each)
    if not found.models and (step := statements.step(code)) and (taken := form(step)):
        found.models.append(taken)
    for item in found.items:  # methods are not among the functions of the chapter
        arguments = [arg.arg for arg in item.node.args.args] if isinstance(item.node, ast.FunctionDef) else []
        if isinstance(item.node, (ast.FunctionDef, ast.ClassDef)) and "self" not in arguments[:1] and (
                role := function(item.node.name)):
            found.functions[role] = item
    return found


def _inside(item: Item, forms: list[Form]) -> bool:
    """Whether a function is one that another hands to a scan."""
    return any(any(inner is item.node for inner in ast.walk(each.node)) for each in forms)


def squashes_of(node: ast.ClassDef) -> int:
    """How many sigmoids and tanhs the methods of a class compute."""
    return sum(squashes(method, kind) for method in node.body if isinstance(method, ast.FunctionDef)
               for kind in ("sigmoid", "tanh"))


def gates_of(node: ast.ClassDef) -> set[str]:
    """The gates of which the methods of a class name parameters."""
    names = [name for method in node.body if isinstance(method, ast.FunctionDef) for name in spoken(method)]
    return {key for part, key in slots(names).values() if part in "xw" and key in GATES}


def _helpers(found: Contents, item: Item, owner: ast.ClassDef | None) -> None:
    node = item.node
    assert isinstance(node, ast.FunctionDef)
    name = node.name.lower().strip("_")
    if name.startswith("test") or "train" in name or "predict" in name or "load" in name:
        return
    said = slots(spoken(node))
    draws = not item.inside and owner is None and any(called(inner) in DRAWS for inner in ast.walk(node))
    named = ("param" in name or "weight" in name or draws) and "gru" not in name
    if sum(part in "xw" for part, _ in said.values()) >= 3 or (named and any(
            isinstance(inner, ast.Return) for inner in own(node))):
        found.makers.append((item, owner))
    elif ("state" in name or "hidden" in name) and name != "__init__" and any(
            word in name for word in ("init", "begin", "zero", "get", "state")):
        found.states.append((item, owner))

