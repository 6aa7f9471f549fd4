"""The row of a port's model: how it is taken, whether it computes the reference, and the line that does not."""

import ast
import importlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from lstm_ref.parity.files.culprit import Culprit, find
from lstm_ref.parity.files.file import FilePort
from lstm_ref.parity.files.form import Form
from lstm_ref.parity.files.layout import trial
from lstm_ref.parity.files.names import state_part
from lstm_ref.parity.files.probed import tried
from lstm_ref.parity.files.rows import NOT, RIGHT, WRONG, Judged, Row
from lstm_ref.parity.files.structure import called, own, unpackings
from lstm_ref.parity.files.taken import Taken
from lstm_ref.parity.session import Verdict, judge
from lstm_ref.parity.verdict import LIMIT

#: Cases on which a file is judged: of the quick ones, those that differ in more than their size.
CASES = ("ragged", "saturated", "large", "square")
OTHER_CELLS = ("ragged", "large")  #: and of an RNN's or a GRU's
#: Checks of the forward pass, by the role that is shown.
FORWARD = ("forward", "chunks", "not_finite", "vjp", "own")


class Canonical:
    """A port's function under the reference's signature.

    Args:
        taken: the port's function.
    """

    def __init__(self, taken: Taken):
        self.taken, self.forward = taken, taken.forward
        if taken.ops.package == "jax":  # one program for each shape: thousands of operations, one by one, take a minute
            self.forward = importlib.import_module("jax").jit(taken.forward)

    def lstm(self, inputs: Any, state: Any, params: Any) -> Any:
        """The reference's `lstm`, or `rnn` or `gru`, computed by the port."""
        return self.forward(inputs, tuple(state), list(params))


def precisions(port: FilePort, taken: Taken) -> dict[str, str]:
    """The precisions that a port does not have, and why: found out on the trial."""
    lacking: dict[str, str] = {}
    inputs, state, params = trial(kind=port.form.kind)
    f = port.framework
    for dtype in ("float32", "float64"):
        try:
            outputs, _ = taken.forward(f.tensor(inputs.astype(dtype)), f.tensors([s.astype(dtype) for s in state]),
                                       list(f.tensors([p.astype(dtype) for p in params])))
            found = np.asarray(f.array(outputs)).dtype
            if found != np.dtype(dtype):
                lacking[dtype] = f"it computes in {found} whatever it is given"
        except Exception as error:
            lacking[dtype] = f"it does not run in {dtype} ({type(error).__name__})"
    return lacking if len(lacking) < 2 else {}


def exchanged(taken: Taken) -> Iterator[tuple[int, str]]:
    """Where a state that is taken in one order is returned in the other, as one."""
    form = taken.form
    if taken.returned is None or form.kind != "lstm" or "state" not in form.arguments.values() or form.one_tensor:
        return
    paths = sorted(taken.returned.state.items(), key=lambda each: str(each[1]))
    order = tuple(part for part, _ in paths)
    if all(len(path) == 2 for _, path in paths) and order != form.state and paths[0][1][0] == paths[1][1][0]:
        line = next((inner.lineno for inner in ast.walk(form.node) if isinstance(inner, ast.Return)), form.node.lineno)
        yield line, (f"the state is taken as ({', '.join(form.state)}) and returned as ({', '.join(order)}): from the "
                     "second call on they are exchanged")


def around(found: Judged, port: FilePort, taken: Taken, device: str, cases: Sequence[str]) -> Iterator[Row]:
    """The rows of the functions that call a step step after step, where the step itself is right."""
    for form in taken.form.around:
        text, outer = ast.unparse(form.node), FilePort(port.contents, form, port.package, device)
        if found.rows[0].verdict != RIGHT:
            return
        if not any({state_part(name) for name in names} == {"H", "C"} for names, _ in unpackings(form.node)):
            form.state, form.fields = taken.form.state, taken.form.fields  # the loop hands on what the step takes apart
        more = [word for word in ("reversed(", "flip(", "dropout", "teacher") if word in text.lower()]
        failed, outside = f"more than a loop: {more[0].strip('(')}" if more else "", taken
        if not failed:
            try:
                outside, failed = find_out(outer, outer.build())
            except Exception as error:  # of the port's code, which may raise anything
                failed = f"{type(error).__name__}: {error}"
        if failed or outside.form.lacks():
            why = " ".join(failed.split())[:200] or "what its parameters stand for could not be found out"
            found.notes.append(f"left out: {form.name}, which calls it step after step: {why}")
            continue
        row = forward(found, "lstm", outer, outside, (), device, cases, inside=outer.form.node)
        if row.verdict == RIGHT or row.line:
            yield row


def find_out(port: FilePort, taken: Taken) -> tuple[Taken, str]:
    """A port as it can be called, by its names or, where they don't say enough, by what its parameters do.

    Returns:
        the port, and '' or why it can't be called.
    """
    given = trial(kind=port.form.kind)
    failed = taken.find_out(*given)
    if not failed and not taken.form.takes_state:
        return taken, "incomplete: it begins with a state of its own, and no other could be given to it"
    if "expected outputs of shape" in failed and not taken.form.lacks():
        return taken, failed  # it runs
    unmoved = not failed and taken.unmoved(*given)
    if port.form.kind == "lstm" and (failed or taken.form.lacks() or unmoved):
        for fixed in {}, port.sizes():
            anew = FilePort(port.contents, port.first, port.package, port.device)  # the trial has filled what it could
            anew.slice.fixed = fixed
            for probed in anew.probed(anew.build()):
                if not tried(probed, *given):
                    port.form, port.slice, port.owner = probed.form, anew.slice, anew.owner
                    return probed, ""
    return taken, failed or ("incomplete: where its parameters come from could not be found out" if unmoved else "")


def stopped(role: str, form: Form, culprit: Culprit | None, error: str, unread: Sequence[str]) -> Row:
    """The row of a function that does not run."""
    if "NoneType" in error and culprit is not None and not unread:  # what it was given by the judge was not all
        return Row(role, form.name, NOT, f"incomplete: what all of its parameters stand for could not be found out: "
                                         f"{culprit.sentence}", culprit.line)
    if "is not in this file" in error and culprit is not None:
        return Row(role, form.name, NOT, f"incomplete: {error}", culprit.line)
    text = f"{culprit.sentence if culprit else error}"
    if "expected outputs of shape" in error:
        alone = "the last step's alone" in error  # then it is the one that is appended
        lines = [inner.lineno for inner in own(form.node) if isinstance(inner, (ast.Return, ast.Call)) and (
            called(inner) == "append" if alone else isinstance(inner, ast.Return))]
        return Row(role, form.name, WRONG, error, max(lines, default=form.node.lineno))
    if culprit is None or (culprit.early and not unread):
        return Row(role, form.name, NOT, "incomplete: how it is called could not be found out; of the ways tried, the "
                                         f"likeliest ends in: {text}", culprit.line if culprit else form.node.lineno)
    if unread:
        text = f"{', '.join(unread)}: an argument that is never read; what it uses comes from elsewhere. {text}"
    return Row(role, form.name, WRONG, text, culprit.line if culprit and not unread else form.node.lineno)


def forward(found: Judged, role: str, port: FilePort, taken: Taken, unread: Sequence[str], device: str,
            cases: Sequence[str], inside: ast.AST | None = None) -> Row:
    """The row of a function that runs: judged, with the line that departs; `inside`, of a loop around a right step."""
    form, canonical = port.form, Canonical(taken)
    lacking = precisions(port, taken)
    found.notes += [f"{dtype}: {why}" for dtype, why in lacking.items()]

    def judged_as(cell: str) -> Verdict:
        on = cases if cell == "lstm" else [f"{cell}-{name}" for name in OTHER_CELLS]
        roles: dict[str, Any] = {cell: canonical.lstm}
        return judge(framework=port.framework, name=found.path.name, device=device, dtypes=lacking, checks=FORWARD,
                     cases=on, **roles)

    verdict, form_of_it = judged_as(form.kind), ""
    if form.kind == "gru" and not verdict.passed and (other := judged_as("gru_after")).passed:
        verdict, form_of_it = other, ("as most frameworks' layers, with the reset gate after the product (the book has "
                                      "it before): ")
    if verdict.passed and not unread:
        judged = dict.fromkeys(result["check"] for result in verdict.entry["results"])
        return Row(role, form.name, RIGHT, form_of_it + ", ".join(judged))
    if not unread and verdict.failures and all(result.verdict == "rounding" for result in verdict.failures):
        worst = max(verdict.failures, key=lambda result: result.ratio)
        return Row(role, form.name, RIGHT, f"in its mathematics; in {worst.dtype} an operator of the framework rounds "
                                           f"more than any order of operations: {worst.check}, {worst.quantity}, ratio "
                                           f"{worst.ratio:.3g} (limit {LIMIT:g})")
    culprit = find(port, taken, inside)
    mistakes = [name for cause in verdict.entry["causes"].values() for name in cause["mistakes"][:1]]
    found.texts += [str(text) for text in verdict.texts[:2]]
    text = culprit.sentence if culprit else "; ".join(verdict.entry["reason"].split("; ")[:2]) or "wrong"
    if mistakes:
        text = f"{mistakes[0]}: {text}"
    if culprit is None and {result.check for result in verdict.failures} <= {"vjp"} and (line := _cut(form)):
        return Row(role, form.name, WRONG, f"{mistakes[0] + ': ' if mistakes else ''}its values are right and its "
                                           "gradients are not: they are cut off here", line)
    if inside is not None:
        text = f"each step is right, what goes from step to step is not: {text}"
    if unread:
        text = f"{', '.join(unread)}: an argument that is never read. {text}"
    return Row(role, form.name, WRONG, text, culprit.line if culprit and not unread else form.node.lineno)


def _cut(form: Form) -> int:
    """The line at which a function takes a tensor out of the gradient, or 0."""
    cuts = ("detach", "detach_", "stop_gradient", "no_grad", "item", "numpy", "clone_detached")
    lines = [inner.lineno for inner in own(form.node) if isinstance(inner, ast.Call) and called(inner) in cuts]
    lines += [inner.lineno for inner in own(form.node) if isinstance(inner, ast.Attribute) and inner.attr == "data"]
    return min(lines, default=0)
