"""The curves in a chapter's Markdown: an output cell's picture, the figure printed next to it, and the settings."""

import ast
import json
import re
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lstm_ref.parity.files.source import Cell, cells, fences, notebook_cells
from lstm_ref.tools.curves.curve import Curve, curve
from lstm_ref.tools.curves.svg import lines

OUTPUT = re.compile(r"\{[^{}]*\.output\b[^{}]*\}")
PRINTED = re.compile(r"(?:perplexity|困惑度)\s+(\d+(?:\.\d+)?|inf|nan)")
KIND = re.compile("lstm|gru|rnn")

#: What the chapters call our settings.
NAMES = {"num_hiddens": "num_hiddens", "num_epochs": "epochs", "lr": "lr", "batch_size": "batch_size",
         "num_steps": "num_steps"}


def curves(markdown: str, name: str) -> list[Curve]:
    """The curves of perplexity in the output cells, each with the settings from the code before it.

    Args:
        markdown: the chapter.
        name: of the chapter; every refusal starts with it.

    Raises:
        ValueError: an output cell is not JSON, a picture is not readable, or there is no curve.
    """
    try:
        code, blocks = cells(markdown), list(fences(markdown))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    found: list[Curve] = []
    for attributes, line, source in blocks:
        if OUTPUT.search(attributes):
            before = code[:bisect_left(code, line, key=lambda cell: cell.line)]
            text, pictures = _output(source, f"{name}, line {line}")
            if before and pictures:
                tabs, number = "/".join(before[-1].tabs), before[-1].number
                found += _of_cell(before, text, pictures, f"{name}, {tabs}, cell {number}")
    if not found:
        raise ValueError(f"{name}: expected an output cell with a curve of perplexity, found none")
    return found


def notebook(text: str, name: str) -> list[Curve]:
    """As `curves`, from a notebook's cells and what they left.

    Raises:
        ValueError: it is no notebook, or has no curve.
    """
    code = notebook_cells(text, Path(name))
    outputs = [cell.get("outputs", []) for cell in json.loads(text).get("cells", []) if cell.get("cell_type") == "code"]
    found: list[Curve] = []
    for number, left in enumerate(outputs, 1):
        printed, pictures = _output(json.dumps(left), f"{name}, cell {number}")
        if pictures:
            found += _of_cell(code[:number], printed, pictures, f"{name}, cell {number}")
    if not found:
        raise ValueError(f"{name}: expected a cell with a curve of perplexity as SVG among its outputs, found none")
    return found


def _output(source: str, name: str) -> tuple[str, list[str]]:
    """What a cell printed, and its pictures."""
    try:
        outputs = json.loads(source)
        printed = [part for output in outputs for part in _strings(output.get("text"))]
        pictures = [output["data"]["image/svg+xml"] for output in outputs if "image/svg+xml" in output.get("data", {})]
    except (ValueError, AttributeError, TypeError, KeyError) as error:
        raise ValueError(f"{name}: expected a notebook's outputs as JSON ({type(error).__name__}: {error})") from None
    return "".join(printed), ["".join(_strings(picture)) for picture in pictures]


def _strings(text: Any) -> list[str]:
    return [text] if isinstance(text, str) else [str(part) for part in text or []]


def _of_cell(before: list[Cell], text: str, pictures: list[str], name: str) -> Iterator[Curve]:
    """The curves that a cell drew; `before` are the chapter's cells up to it."""
    cell = before[-1]
    own = [c for c in before if set(c.tabs) & {*cell.tabs, "all"}]
    printed = PRINTED.findall(text)
    for picture in pictures:
        for line in lines(picture, name):
            if "perplexity" in (line.ylabel or "perplexity"):
                yield curve(name, line.points, model="scratch" if "Scratch" in cell.source else "concise",
                            settings=settings([c.source for c in own]), printed=printed[-1] if printed else "")


def settings(sources: list[str]) -> dict[str, Any]:
    """What code assigns to the names of settings, the last value of each; and the kind of the last model it makes."""
    known: dict[str, Any] = {}
    for source in sources:
        try:
            tree = ast.parse(source)
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign):
                known |= _assigned(node)
    # Class names say nothing: RNNModel holds an LSTM as well.
    kinds = (set(KIND.findall(re.sub("RNNModel(Scratch)?", "", source).lower())) for source in reversed(sources))
    if kind := next(filter(None, kinds), set()):
        known["cell"] = "lstm" if "lstm" in kind else sorted(kind)[0]
    known["use_random_iter"] = re.search(r"use_random_iter\s*=\s*True", sources[-1]) is not None
    return known


def _assigned(node: ast.Assign) -> dict[str, Any]:
    pairs: list[tuple[ast.expr, ast.expr]] = []
    for target in node.targets:
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs += zip(target.elts, node.value.elts, strict=False)
        else:
            pairs.append((target, node.value))
    return {NAMES[target.id]: value.value for target, value in pairs
            if isinstance(target, ast.Name) and target.id in NAMES and isinstance(value, ast.Constant)}
