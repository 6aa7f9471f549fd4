"""Classes of a port, defined again: methods are not compiled, constructors go as far as they can."""

import ast
import copy

from lstm_ref.parity.files.slices import strip


def mangled(owner: str, name: str) -> str:
    """A private method's name as Python keeps it."""
    return f"_{owner.lstrip('_')}{name}" if name.startswith("__") and not name.endswith("__") else name


def plain_class(node: ast.ClassDef, changed: dict[str, ast.FunctionDef]) -> ast.ClassDef:
    """A class whose methods are not compiled, with some methods in their changed form."""
    body: list[ast.stmt] = []
    for each in node.body:
        if isinstance(each, ast.FunctionDef):
            each = strip(changed.get(each.name, each))
        body.append(each)
    plain = ast.ClassDef(node.name, node.bases, node.keywords, body, [])
    return ast.fix_missing_locations(ast.copy_location(plain, node))


def constructor_of(node: ast.ClassDef) -> ast.FunctionDef | None:
    """The constructor that a class defines itself, or None."""
    return next((each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"), None)


def statement_by_statement(node: ast.FunctionDef) -> ast.FunctionDef:
    """A function that goes on after each statement that fails; it begins with its base's constructor."""
    def tried(body: list[ast.stmt]) -> list[ast.stmt]:
        return [each if isinstance(each, ast.FunctionDef) else ast.Try([each], [handler], [], []) for each in body]

    handler = ast.ExceptHandler(ast.Name("Exception", ast.Load()), None, [ast.Pass()])
    copied = copy.deepcopy(node)
    for inner in ast.walk(copied):
        if isinstance(inner, (ast.For, ast.While, ast.If, ast.With)):
            inner.body, orelse = tried(inner.body), getattr(inner, "orelse", [])
            if orelse:
                inner.orelse = tried(orelse)  # type: ignore[union-attr]
    copied.body = tried([ast.parse("super().__init__()").body[0], *copied.body])
    return ast.fix_missing_locations(copied)
