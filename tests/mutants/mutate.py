"""The mutants of a source file: each is that source, changed in one place.

Pure `ast`: the same source always gives the same mutants in the same order, and a mutant's id depends on the function
that it is in and on the text of the change, not on line numbers.
"""

import ast
import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from operators import Place, replacements

LONG = 76  #: characters of an expression that is shown whole


@dataclass(frozen=True)
class Mutant:
    """One mutant; `change` is unique in its function and says what was replaced by what."""

    file: str
    function: str
    line: int
    operator: str
    change: str
    source: str

    @property
    def id(self) -> str:
        """Stays the same while the function and the changed text do."""
        return hashlib.sha256(f"{self.file} {self.function} {self.change}".encode()).hexdigest()[:10]


def mutants(source: str, file: str) -> list[Mutant]:
    """All mutants of a source, in its order, without duplicates."""
    tree = ast.parse(source)
    modules = {(alias.asname or alias.name).partition(".")[0] for node in ast.walk(tree)
               if isinstance(node, (ast.Import, ast.ImportFrom)) for alias in node.names}
    texts = [ast.unparse(statement) for statement in tree.body]
    seen, times, found = set(texts), Counter[tuple[str, str]](), []
    for number in range(len(texts)):
        for spot in _below(tree, "body", number, "", modules, set(), []):
            for operator, replacement in replacements(spot.node, spot.place):
                old = spot.text()
                spot.put(replacement)
                changed, new = ast.unparse(tree.body[number]), spot.text()
                spot.put(spot.node)
                if changed in seen:
                    continue
                seen.add(changed)
                change = _shortened(old, new)
                times[spot.function, change] += 1
                if times[spot.function, change] > 1:
                    change += f" ({times[spot.function, change]})"
                whole = "\n\n".join([*texts[:number], changed, *texts[number + 1:]])
                found.append(Mutant(file, spot.function, spot.node.lineno, operator, change, whole))
    return found


def mutants_of(root: Path, files: list[str]) -> list[Mutant]:
    """All mutants of some files, named relative to the root."""
    return [mutant for file in files for mutant in mutants((root / file).read_text(encoding="utf-8"), file)]


@dataclass
class _Spot:
    """A node, its place in the tree, and the expressions around it, outermost first."""

    node: ast.AST
    function: str
    place: Place
    index: int | None
    around: list[tuple[ast.AST, str, int | None]]  #: parents with the field and index that lead to the node

    def put(self, node: ast.AST) -> None:
        """Put another node in its place."""
        _hang(self.place.parent, self.place.field, self.index, node)

    def text(self) -> str:
        """The widest expression around the place that is still short, as it reads now; for a statement its first line.

        The widest is chosen on the unchanged tree, so that old and new text are of the same expression.
        """
        if not hasattr(self, "_shown"):
            self._shown = next((holder for holder in self.around if len(ast.unparse(_at(*holder))) <= LONG),
                               (self.place.parent, self.place.field, self.index))
        now = _at(*self._shown)
        if isinstance(now, ast.FunctionDef):
            return " ".join([*(f"@{ast.unparse(d)}" for d in now.decorator_list), f"def {now.name}"])
        return ast.unparse(now) if isinstance(now, ast.expr) else ast.unparse(now).partition("\n")[0]


def _at(parent: ast.AST, field: str, index: int | None) -> ast.AST:
    value = getattr(parent, field)
    return value if index is None else value[index]


def _hang(parent: ast.AST, field: str, index: int | None, node: ast.AST) -> None:
    if index is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[index] = node


def _below(
    parent: ast.AST, field: str, index: int | None, function: str, modules: set[str], bound: set[str], around: list
) -> Iterator[_Spot]:
    """A node and all below it that may be changed, in the order of the source.

    Docstrings, annotations, imports and the texts of errors are left alone. `bound` gathers the function's names.
    """
    node = _at(parent, field, index)
    if not isinstance(node, ast.AST) or field in ("annotation", "returns", "bases") or _is_left_alone(parent, node):
        return
    around = [*around, (parent, field, index)] if isinstance(node, ast.expr) else []
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        function = f"{function}.{node.name}".lstrip(".")
    if isinstance(node, (ast.expr, ast.stmt)):
        yield _Spot(node, function, Place(parent, field, modules, bound), index, around)
    if isinstance(node, ast.Raise):
        return
    inner = bound
    if isinstance(node, ast.FunctionDef):
        inner = bound | {argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)}
    for name, value in ast.iter_fields(node):
        for place in range(len(value)) if isinstance(value, list) else [None]:
            yield from _below(node, name, place, function, modules, inner, around)
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        bound.add(node.id)


def _is_left_alone(parent: ast.AST, node: ast.AST) -> bool:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True  # a docstring
    if isinstance(parent, ast.keyword) and parent.arg == "strict":
        return True  # zip's own guard: what it guards is never uneven in working code
    alias = isinstance(parent, ast.Module) and isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript)
    return alias or isinstance(node, (ast.Import, ast.ImportFrom))


def _shortened(old: str, new: str) -> str:
    """'old → new'; where they are long, without their common beginning and end."""
    if max(len(old), len(new)) > LONG + 24:
        start = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), 0)
        end = next((i for i, (a, b) in enumerate(zip(old[:start:-1], new[:start:-1], strict=False)) if a != b), 0)
        start, end = max(start - 12, 0), max(end - 12, 0)
        old, new = ("…" * (start > 0) + text[start:len(text) - end] + "…" * (end > 0) for text in (old, new))
    return f"{old} → {new}"
