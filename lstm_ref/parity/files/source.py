"""The code of a chapter's Markdown, a notebook or a script: cells with their lines, and the tabs they belong to."""

import ast
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from lstm_ref.files import irregular

#: The tab of a cell without a mark, in editions that mark the others.
DEFAULT_TAB = "mxnet"

FENCE = re.compile(r"(?P<fence>`{3,}(?=[^`]*$)|~{3,})(?P<attributes>.*)")
CODE = re.compile(r"\{[^{}]*\.input\b[^{}]*\}")
MARK = re.compile(r"# *@tab +([\w\,\ ]+)|^%%tab +([\w\,\ ]+)", re.M)
PYTHON = re.compile(r"\{?\.?\s*(python\d?|py|ipython\d?|python-repl)\b", re.I)
#: Before a fence in a list or a quotation.
LEAD = re.compile(r"(?:\s*>)*\s*")
BLOCK = re.compile(r"(?:def|class|@|import|from|if|for|while|with|try)\b|@|[A-Za-z_][\w.]* *=")
MAGIC = re.compile(r"^\s*[%!?]")


class Fence(NamedTuple):
    """A fenced block: what stands after its opening fence, the number of its first line, and its text."""

    attributes: str
    line: int
    source: str


def fences(markdown: str) -> Iterator[Fence]:
    """The fenced blocks of a chapter; each ends at a line that is its opening fence again.

    Raises:
        ValueError: a fence is not closed.
    """
    opened, first = None, 0
    lines = markdown.split("\n")
    for i, line in enumerate(lines, 1):
        if opened is None:
            opened, first = FENCE.match(line), i
        elif line.rstrip() == opened["fence"]:
            yield Fence(opened["attributes"], first + 1, "\n".join(lines[first:i - 1]))
            opened = None
    if opened:
        raise ValueError(f"line {first}: expected a closing {opened['fence']} for this fence, got the end of the file")


@dataclass(frozen=True)
class Cell:
    """A code cell.

    Attributes:
        number: among the file's code cells, from 1.
        line: number of its first line of code.
        tabs: those that it belongs to.
        source: its code, without the line that marks the tabs and without magic.
    """

    number: int
    line: int
    tabs: tuple[str, ...]
    source: str


def clean(source: str) -> str:
    """Code without marks and magic; its lines keep their numbers."""
    return "\n".join("" if MARK.search(text) or MAGIC.match(text) else text for text in source.split("\n"))


def tabs_of(source: str, default: str) -> tuple[str, ...]:
    """The tabs that a cell's mark names."""
    mark = MARK.search(source)
    names = (mark[1] or mark[2]) if mark else default
    return tuple(name.strip() for name in names.split(",") if name.strip())


def cells(markdown: str) -> list[Cell]:
    """The code cells of a chapter: fences with the class `input`.

    Raises:
        ValueError: a fence is not closed.
    """
    return [Cell(i, fence.line, tabs_of(fence.source, DEFAULT_TAB), clean(fence.source)) for i, fence in enumerate(
        (fence for fence in fences(markdown) if CODE.search(fence.attributes)), 1)]


def tab_cells(markdown: str, tab: str) -> list[Cell]:
    """The cells that belong to a tab: their mark names it, or is exactly `all`."""
    return [cell for cell in cells(markdown) if tab in cell.tabs or cell.tabs == ("all",)]


def plain_fences(markdown: str) -> Iterator[Fence]:
    """The fenced blocks of any Markdown, also in lists and quotations; one that is not closed ends with the file."""
    opened, first, lead, kept = None, 0, "", list[str]()
    for i, line in enumerate(markdown.split("\n"), 1):
        start = LEAD.match(line)
        assert start is not None  # it matches an empty string too
        if opened is None:
            opened, first, lead, kept = FENCE.match(line[start.end():]), i, start[0], []
            continue
        text = line[len(lead):] if line.startswith(lead) else line[start.end():] if ">" in lead else line.lstrip()
        if text.strip() and set(text.strip()) == {opened["fence"][0]} and len(text.strip()) >= len(opened["fence"]):
            yield Fence(opened["attributes"], first + 1, "\n".join(kept))
            opened = None
        else:
            kept.append(text)
    if opened:
        yield Fence(opened["attributes"], first + 1, "\n".join(kept))


def selected(source: str, tab: str) -> str:
    """The code of `if tab.selected('pytorch', 'jax'):` for one tab, in place; its lines keep their numbers."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return source
    lines = source.split("\n")
    for node in reversed([node for node in ast.walk(tree) if isinstance(node, ast.If)]):
        test = node.test
        if not (isinstance(test, ast.Call) and ast.unparse(test.func) == "tab.selected"):
            continue
        chosen = tab in [argument.value for argument in test.args if isinstance(argument, ast.Constant)]
        for kept, body in ((chosen, node.body), (not chosen, node.orelse)):
            for statement in body:
                for number in range(statement.lineno - 1, statement.end_lineno or statement.lineno):
                    cut = body[0].col_offset - node.col_offset
                    lines[number] = (lines[number][cut:] if lines[number][:cut].isspace() else lines[number]
                                     ) if kept else ""
        for number in range(node.lineno - 1, node.body[0].lineno - 1):
            lines[number] = ""
        if node.orelse:
            for number in range(node.body[-1].end_lineno or 0, node.orelse[0].lineno - 1):
                lines[number] = ""
    return "\n".join(lines)


def blocks(source: str) -> Iterator[tuple[int, str]]:
    """The definitions and statements at the left margin, each with the number of lines before it."""
    lines = source.split("\n")
    starts = [i for i, line in enumerate(lines) if BLOCK.match(line) and not (i and lines[i - 1].startswith("@"))]
    for first, end in itertools.pairwise([0, *starts, len(lines)]):
        if first < end:
            yield first, "\n".join(lines[first:end])


@dataclass(frozen=True)
class Code:
    """What a file holds of one tab.

    Attributes:
        path: of the file.
        tab: its name in the book, or ''.
        cells: in order.
        notebook: lines are counted within a cell.
    """

    path: Path
    tab: str
    cells: tuple[Cell, ...]
    notebook: bool = False
    broken: dict[int, str] = field(default_factory=dict)  #: lines that are no Python, and why

    def trees(self) -> Iterator[tuple[Cell, ast.Module]]:
        """The syntax trees of the cells that are Python; every line number is unique, see `place`."""
        for cell in self.cells:
            try:
                yield cell, ast.increment_lineno(ast.parse(cell.source), self.base(cell))
            except (SyntaxError, ValueError):
                for first, block in blocks(cell.source):  # one that is no Python takes only itself along
                    line = self.base(cell) + first
                    try:
                        yield cell, ast.increment_lineno(ast.parse(block), line)
                    except (SyntaxError, ValueError) as error:
                        line += getattr(error, "lineno", 1) or 1
                        self.broken[line] = f"{self.place(line)}: {getattr(error, 'msg', error)}"

    def base(self, cell: Cell) -> int:
        """What is added to the line numbers of a cell."""
        return 10**5 * cell.number if self.notebook else cell.line - 1

    def place(self, line: int) -> str:
        """A line of a tree in words."""
        if self.notebook:
            return f"{self.path.name}, cell {line // 10**5}, line {line % 10**5}"
        return f"{self.path.name}, line {line}"

    def text(self, line: int) -> str:
        """The source of a line."""
        for cell in self.cells:
            lines, i = cell.source.split("\n"), line - self.base(cell) - 1
            if 0 <= i < len(lines):
                return lines[i].strip()
        return ""


def notebook_cells(text: str, path: Path) -> list[Cell]:
    """The code cells of a notebook."""
    try:
        document = json.loads(text)
        found = document.get("cells") or [cell for sheet in document["worksheets"] for cell in sheet["cells"]]
        sources = [cell.get("source", cell.get("input", "")) for cell in found if cell.get("cell_type") == "code"]
        joined = ["".join(source) if isinstance(source, list) else str(source) for source in sources]
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: expected a notebook ({type(error).__name__}: {error})") from None
    except (KeyError, TypeError, AttributeError):
        raise ValueError(f"{path}: expected a notebook, found JSON without its cells") from None
    return [Cell(i, 1, tabs_of(source, "all"), clean(source)) for i, source in enumerate(joined, 1)]


def markdown_cells(text: str) -> list[Cell]:
    """The code cells of Markdown: those of the book's builder where there are any, else every fence of Python."""
    if any(CODE.search(line) for line in text.split("\n") if line.lstrip(" >").startswith(("```", "~~~"))):
        return cells(text)
    found = [fence for fence in plain_fences(text) if PYTHON.match(fence.attributes.strip())]
    return [Cell(i, fence.line, tabs_of(fence.source, "all"), clean(fence.source)) for i, fence in enumerate(found, 1)]


def read(path: Path, tab: str = "") -> list[Code]:
    """The code of a file, tab by tab.

    Args:
        path: of Markdown, a notebook or a script.
        tab: only this one, by the book's name or ours; all when ''.

    Raises:
        ValueError: the file can't be read, holds no code, or not that tab.
    """
    try:
        if other := irregular(path):
            raise ValueError(f"expected a file, found {other}")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    text, suffix = text.replace("\r\n", "\n"), path.suffix.lower()
    if suffix == ".ipynb":
        found = notebook_cells(text, path)
    elif suffix in (".md", ".markdown", ".qmd", ".rmd"):
        try:
            found = markdown_cells(text)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
    else:
        found = [Cell(1, 1, ("all",), clean(text.expandtabs(8)))]
    if not any(cell.source.strip() for cell in found):
        raise ValueError(f"{path}: expected Python code, found none")
    known = list(dict.fromkeys(name for cell in found for name in cell.tabs if name != "all"))
    asked = BOOK.get(tab, tab)
    if asked and asked not in known:
        found_instead = ", ".join(known) or "a file without tabs; leave --tab out"
        raise ValueError(f"{path}: expected code of the tab {asked}, found {found_instead}")
    chosen = [asked] if asked and known else known or [""]
    return [Code(path, name, tuple(
        replace(cell, source=selected(cell.source, name)) if "tab.selected" in cell.source else cell
        for cell in found if not name or name in cell.tabs or cell.tabs == ("all",)
    ), suffix == ".ipynb") for name in chosen]


#: The book's names of the tabs.
BOOK = {"torch": "pytorch"}
