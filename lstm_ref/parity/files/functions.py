"""The other functions of the chapter that a file defines, judged on the small cases."""

import ast
import functools
import inspect
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from lstm_ref.parity.cases import TRAJECTORIES
from lstm_ref.parity.files.file import FilePort
from lstm_ref.parity.files.lint import writes
from lstm_ref.parity.files.rows import NOT, RIGHT, WRONG, Row
from lstm_ref.parity.files.standins import book
from lstm_ref.parity.files.structure import own
from lstm_ref.parity.interface import Framework
from lstm_ref.parity.ports.calls import SignatureError, check, meaning
from lstm_ref.parity.session import Verdict, judge
from lstm_ref.parity.verdict import Result

#: The checks of each role, and what else is needed to run them, which is the judge's own where the file has none.
ROLES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "grad_clipping": (("clipping",), ()),
    "sgd": (("sgd",), ()),
    "loss": (("loss",), ()),
    "RNNModelScratch": (("model",), ("init_lstm_state",)),
    "train_epoch_ch8": (("trajectory",), ("init_lstm_state", "RNNModelScratch", "loss", "sgd")),
    "train_ch8": (("chapter",), ("init_lstm_state", "RNNModelScratch")),
    "predict_ch8": (("prediction", "written"), ("init_lstm_state", "RNNModelScratch")),
}
SMALL = ("ragged", "square", "large", *TRAJECTORIES)


def is_stub(node: ast.AST) -> bool:
    """Whether a function or class does nothing yet."""
    if isinstance(node, ast.ClassDef):
        methods = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name != "__init__"]
        return bool(methods) and all(map(is_stub, methods))
    return not any(isinstance(each, (ast.Return, ast.AugAssign, ast.Assign, ast.Yield, ast.Call))
                   for each in own(node) if not _is_test(each))


def _is_test(node: ast.AST) -> bool:
    """A call that only asks what something is."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("isinstance", "super")


#: Judges one role in a process of its own: its row, or None where that did not come to an end.
Anew = Callable[[str], Row | None]


def functions(port: FilePort, lstm: Callable[..., Any] | None, lacking: Mapping[str, str], anew: Anew | None = None,
              only: str = "") -> list[Row]:
    """A row for each function of the chapter that the file defines.

    Args:
        port: of the file.
        lstm: its forward pass under the reference's signature, where that is right.
        lacking: precisions that it does not have.
        anew: judges a role in a fresh process; after an exception, which may leave a framework in disorder, it is used.
        only: the one role that is judged, or ''.
    """
    rows: list[Row] = []
    given: dict[str, Any] = {}
    for role, item in port.contents.functions.items():
        node: Any = item.node
        if is_stub(node):
            rows.append(Row(role, node.name, NOT, "a stub"))
            continue
        try:
            port.slice.need(node, item.inside)
            for name in own(node):
                if isinstance(name, ast.Name) and (other := port.contents.functions.get(name.id)):
                    port.slice.execute(other.node)
            port.slice.execute(node)
            found = port.slice.namespace[node.name]
            found = mean(found) if role == "sgd" and "batch_size" not in inspect.signature(found).parameters else found
            check(role, found)
            given[role] = reporting(found) if role == "train_epoch_ch8" else found
        except SignatureError as error:
            rows.append(Row(role, node.name, NOT, f"can't be called as the book's is: {str(error).splitlines()[0]}"))
        except Exception as error:
            rows.append(Row(role, node.name, NOT, f"can't be taken out of the file: {type(error).__name__}: {error}"))
    ours, trials = book(port.package), list[Trial]()
    for role in given:
        checks, needs = ROLES[role]
        mine = {role: given[role]}
        if needs and lstm is None:
            rows.append(Row(role, given[role].__name__, NOT, "it needs a forward pass that is right"))
            continue
        if needs:
            mine |= {"lstm": lstm} | {name: given.get(name) or getattr(ours, name, None) for name in needs}
            if "loss" in needs and mine["loss"] is None:
                mine["loss"] = port.framework.loss()
            if "init_lstm_state" in needs and mine["init_lstm_state"] is None:
                mine["init_lstm_state"] = zeros(port.framework)
            if "sgd" in needs and port.framework.own_updater:
                del mine["sgd"]
        if any(value is None for value in mine.values()):
            lacks = ", ".join(name for name, value in mine.items() if value is None)
            rows.append(Row(role, given[role].__name__, NOT, f"not defined here: {lacks}"))
            continue
        borrowed = [name for name in needs if name in mine and name not in given]
        trials.append(Trial(port, role, mine, checks, borrowed, dict(lacking) if needs else {}))
    if only:
        return [trial.wider(trial.row()) for trial in trials if trial.role == only]
    disorder, first = False, list[tuple[Trial, Row]]()
    for trial in trials:
        if disorder and anew is not None and (row := anew(trial.role)) is not None:
            rows.append(row)
        else:
            first.append((trial, trial.row()))
            disorder = disorder or trial.excepted
    # In float64 last: exceptions are likely there, since one-hot inputs are made in float32.
    return rows + [trial.wider(row) for trial, row in first]


def mean(sgd: Callable[..., Any]) -> Callable[..., Any]:
    """An update that divides by no batch size, as one that does."""
    if "grads" in inspect.signature(sgd).parameters:
        return lambda params, grads, lr, batch_size: sgd(params, grads, lr / batch_size)
    return lambda params, lr, batch_size: sgd(params, lr / batch_size)


def reporting(train_epoch: Callable[..., Any]) -> Callable[..., Any]:
    """An epoch's training that reports its perplexity alone, with the judge's own count of tokens per second."""
    signature = inspect.signature(train_epoch)
    name = next((name for name in signature.parameters if meaning("train_epoch_ch8", name) == "train_iter"), "")

    @functools.wraps(train_epoch)
    def train(*arguments: Any, **named: Any) -> Any:
        begin, tokens = time.perf_counter(), 0
        bound = signature.bind(*arguments, **named)

        def counted(minibatches: Any) -> Any:
            nonlocal tokens
            for X, Y in minibatches:
                tokens += int(np.prod(Y.shape))
                yield X, Y

        if name in bound.arguments:
            bound.arguments[name] = counted(bound.arguments[name])
        found = train_epoch(*bound.args, **bound.kwargs)
        train.alone = not isinstance(found, (list, tuple))  # type: ignore[attr-defined]
        return (found, tokens / (time.perf_counter() - begin)) if train.alone else found  # type: ignore[attr-defined]

    return train


def zeros(framework: Framework) -> Callable[..., Any]:
    """An initial state of the judge's, in float32."""
    def init_lstm_state(batch_size: int, num_hiddens: int) -> tuple[Any, Any]:
        H, C = (framework.tensor(np.zeros((batch_size, num_hiddens), np.float32)) for _ in "HC")
        return H, C

    return init_lstm_state


def likely(role: str, node: ast.AST, text: str) -> int:
    """The line of a function that what is wrong with it is about, by what it computes there; else the function's."""
    about: list[Any]
    statements = [inner for inner in own(node) if isinstance(inner, (ast.Assign, ast.AugAssign, ast.Expr, ast.If))]
    written = {each: ast.unparse(each.test if isinstance(each, ast.If) else each) for each in statements}
    if role == "grad_clipping" and not writes(node):
        about = [each for each in statements if isinstance(each, (ast.Assign, ast.AugAssign)) and "grad" in written[
            each] and "theta" in written[each]]
    elif role == "grad_clipping":
        about = [each for each in statements if isinstance(each, (ast.Assign, ast.AugAssign)) and any(
            word in written[each] for word in ("sum(", "norm(", "sqrt(", "square("))]
    elif role == "sgd":
        about = [each for each in statements if any(isinstance(inner, ast.Name) and inner.id in (
            "lr", "learning_rate", "eta") for inner in ast.walk(each))]
    else:
        about = [each for each in statements if isinstance(each, ast.If) and "state" in text and (
            "state" in written[each])]
    return min((each.lineno for each in about), default=getattr(node, "lineno", 0))


def raised(result: Result) -> bool:
    """Whether a result stands for an exception."""
    return result.detail.startswith("raised")


@dataclass
class Trial:
    """A role of a file that is judged, in float32 and then in float64.

    Attributes:
        port: of the file.
        role: that is judged.
        roles: it and what else is needed.
        checks: of it.
        borrowed: what else is needed and is the judge's own.
        lacking: precisions that the forward pass does not have.
    """

    port: FilePort
    role: str
    roles: dict[str, Any]
    checks: Sequence[str]
    borrowed: Sequence[str]
    lacking: dict[str, str]
    excepted: bool = False  #: something was raised while it was judged

    @property
    def framework(self) -> Framework:
        """In which it is judged."""
        return self.port.framework

    @property
    def node(self) -> Any:
        """Its definition in the file."""
        return self.port.contents.functions[self.role].node

    def judged(self, **more: str) -> Verdict:
        """The verdict of its checks on the small cases, but for the precisions that are named."""
        verdict = judge(SimpleNamespace(**self.roles), framework=self.framework, checks=self.checks, cases=SMALL,
                        name=self.port.contents.code.path.name, dtypes=self.lacking | more)
        self.excepted = self.excepted or any(map(raised, verdict.failures))
        return verdict

    def row(self) -> Row:
        """In float32, or in what the forward pass has."""
        verdict = self.judged() if self.lacking else self.judged(float64="after float32")
        widened = "and float32, got "
        if not self.lacking and verdict.failures and all(
                widened in result.detail and "float64" in result.detail for result in verdict.failures):
            self.lacking["float32"] = "it computes in float64 whatever it is given"
            verdict = self.judged()
        if self.framework.weak and {result.verdict for result in verdict.failures} == {"not settled"}:
            with self.framework.exactly():
                exact = self.judged(float64="after float32").passed
            if exact:
                return self.right(f"in its mathematics; {self.framework.name}'s {self.framework.weak} rounds more than "
                                  "any order of operations, and computed from others it passes")
        return self.said(verdict)

    def wider(self, row: Row) -> Row:
        """In float64 as well, where that is left to see."""
        if self.lacking or row.verdict == NOT:
            return row
        if row.verdict == WRONG:
            found = self.said(self.judged())
            return row if found.verdict == NOT else found
        failures = self.judged(float32="before float64").failures
        more = "in float32 alone: it makes float32 itself" if failures and all(map(raised, failures)) else \
            "in float64 its numbers are no better than those of float32" if failures else ""
        return replace(row, text="; ".join(filter(None, [row.text, more])))

    def right(self, more: str = "") -> Row:
        """The row of what is right, with what was borrowed for it."""
        text = [f"with the judge's {', '.join(self.borrowed)}"] if self.borrowed else []
        text += ["no tokens per second reported"] if getattr(self.roles[self.role], "alone", False) else []
        return Row(self.role, self.node.name, RIGHT, "; ".join(filter(None, [*text, more])))

    def said(self, verdict: Verdict) -> Row:
        """A verdict as a row."""
        node = self.node
        if verdict.failures and all(result.verdict == "rounding" for result in verdict.failures):
            return self.right("in its mathematics; an operator of the framework rounds more than any order of "
                              "operations")
        if verdict.passed:
            return self.right()
        if not verdict.failures:
            reasons = [why for name, why in verdict.not_judged.items() if name in self.checks]
            return Row(self.role, node.name, NOT, reasons[0] if reasons else verdict.entry["reason"])
        numbers = [result for result in verdict.failures if not raised(result)]
        worst = max(numbers or verdict.failures, key=lambda result: result.ratio)
        if raised(worst) and "is not detached" in worst.detail:
            why = worst.detail.rpartition("; ")[2]
            return Row(self.role, node.name, WRONG, f"state not detached: {why}", node.lineno)
        if raised(worst):
            why = " ".join(worst.detail.split())[:300]
            return Row(self.role, node.name, NOT, f"can't be run as the book's is: {why}")
        mistakes = [name for cause in verdict.entry["causes"].values() for name in cause["mistakes"][:1]]
        place = next((where for cause in verdict.entry["causes"].values() if worst.check == "trajectory"
                      for check, where in cause["places"].items() if check == worst.check), "")
        what = f"{worst.check}: {worst.quantity}: {worst.detail}"
        if place and {result.case for result in verdict.failures} & {"sequential"} and not any(
                result.case == "random" for result in verdict.failures):
            place += "; with random sampling, where no state is carried, it agrees"
        said = ": ".join(filter(None, [*mistakes, place or what]))
        return Row(self.role, node.name, WRONG, said, likely(self.role, node, said))
