"""The verdict on a file: role by role, with the line at which the first departs."""

import ast
from collections.abc import Sequence

from lstm_ref.parity.files import lint
from lstm_ref.parity.files.contents import Contents
from lstm_ref.parity.files.culprit import find
from lstm_ref.parity.files.file import FilePort
from lstm_ref.parity.files.form import Form
from lstm_ref.parity.files.functions import Anew, functions
from lstm_ref.parity.files.model import Canonical, around, exchanged, find_out, forward, precisions, stopped
from lstm_ref.parity.files.parts import begin, parameters
from lstm_ref.parity.files.rows import NOT, RIGHT, WRONG, Judged, Row
from lstm_ref.parity.files.standins import book
from lstm_ref.parity.files.structure import own


def judge_port(contents: Contents, form: Form, package: str, device: str, cases: Sequence[str],
               others: Sequence[Contents] = (), anew: Anew | None = None, only: str = "") -> Judged:
    """Judge one function of a file, what makes its parameters and its state, and the chapter's other functions.

    Args:
        contents: of the file.
        form: of the function.
        package: its framework.
        device: 'cpu' or 'gpu'.
        cases: names of the cases for the forward pass.
        others: contents of files whose functions are judged with it.
        anew: judges a role in a fresh process.
        only: the one role of the chapter that is judged, with the forward pass taken to be right; or ''.
    """
    code = contents.code
    found = Judged(code.path, code.tab, form.name, package)
    role = "lstm step" if form.kind == "lstm" and not form.loops else form.kind
    port = FilePort(contents, form, package, device)
    found.notes += [f"left out: {text}" for text in contents.left_out]
    found.notes += [f"no Python: {text}" for text in code.broken.values()]
    by_hand = [item.defines[0] for item in contents.items if isinstance(item.node, ast.FunctionDef)
               and "backward" in item.node.name.lower()]
    if by_hand:
        found.notes.append(f"not judged: {', '.join(by_hand)}: gradients that are written out by hand")
    try:
        taken = port.build()
    except Exception as error:
        found.rows.append(Row(role, form.name, NOT, f"could not be taken out of its file: {type(error).__name__}: "
                                                    f"{error}", form.node.lineno))
        return _placed(found, contents)
    taken, failed = find_out(port, taken)
    if only:
        found.rows = [row for each in (port, *(FilePort(other, form, package, device) for other in others))
                      for row in functions(each, Canonical(taken).lstm, precisions(port, taken), only=only)]
        return _placed(found, contents)
    found.said += taken.said
    lacks = taken.form.lacks()
    unread = lint.never_read(form)
    for line, text in (*lint.lost(contents), *lint.samplers(contents), *lint.thrown_away(contents),
                       *lint.clipped_in_vain(contents), *lint.not_zeroed(contents),
                       *lint.mean_of_means(contents), *exchanged(taken),
                       *lint.packed_otherwise(contents, form), *lint.joined_otherwise(contents, form)):
        found.rows.append(Row("the file", "", WRONG, text, line))
    if lacks:
        text = f"incomplete: which of its parameters make the {lacks} could not be found out"
        found.rows.insert(0, Row(role, form.name, NOT, text, form.node.lineno))
    elif failed.startswith("incomplete"):
        found.rows.insert(0, Row(role, form.name, NOT, failed, form.node.lineno))
    elif failed:
        found.rows.insert(0, stopped(role, form, find(port, taken), failed, unread))
    else:
        found.rows.insert(0, forward(found, role, port, taken, unread, device, cases))
    found.rows[1:1] = list(around(found, port, taken, device, cases))
    found.rows.append(parameters(port, taken))
    found.rows.append(begin(port, taken))
    right = not failed and not lacks and found.rows[0].verdict == RIGHT
    for other in others:
        beside = FilePort(other, form, package, device)
        for row in functions(beside, Canonical(taken).lstm if right else None, {}):
            found.rows.append(row)
            if row.line:
                found.places[row.line], found.sources[row.line] = other.code.place(row.line), other.code.text(row.line)
    if form.kind == "lstm":
        found.rows += functions(port, Canonical(taken).lstm if right else None,
                                precisions(port, taken) if right else {}, anew)
    elif not contents.models:  # the chapter of the RNN: its functions train any cell
        found.rows += functions(port, getattr(book(package), "lstm", None), {})
    missing = [name for name in port.undefined if name not in ("self",)]
    if absent := lint.used_not_defined(contents):
        found.rows.append(Row("the file", "", NOT, f"incomplete: {', '.join(absent)}: used here and not defined"))
    if missing:
        names = ", ".join(missing)
        wrong = found.rows[0].verdict == WRONG
        found.rows.append(Row("the file", "", NOT, f"{'' if wrong else 'incomplete: '}{names}: never given a value in "
                                                   "this file", _first_use(form, missing[0])))
    return _placed(found, contents)


def _first_use(form: Form, name: str) -> int:
    lines = (inner.lineno for inner in own(form.node) if isinstance(inner, ast.Name) and inner.id == name)
    return min(lines, default=0)


def _placed(found: Judged, contents: Contents) -> Judged:
    for row in found.rows:
        if row.line and row.line not in found.places:
            found.places[row.line] = contents.code.place(row.line)
            found.sources[row.line] = contents.code.text(row.line)
    return found

