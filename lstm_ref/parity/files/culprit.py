"""The line of a port at which its values depart from the reference's, or at which it can't go on."""

import ast
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstm_ref.params import Array
from lstm_ref.parity.files.file import FilePort
from lstm_ref.parity.files.layout import trial
from lstm_ref.parity.files.names import GATES, state_part
from lstm_ref.parity.files.slices import uses
from lstm_ref.parity.files.structure import SQUASHES, gate_of_target, simple
from lstm_ref.parity.files.taken import Taken
from lstm_ref.parity.files.trace import Event, Watch, by_line, eager
from lstm_ref.parity.files.values import ANEW, CALLED, EQUATION, LETTER, Known, alternatives, known_values, near


@dataclass(frozen=True)
class Culprit:
    """A line and what is wrong there.

    Attributes:
        line: in the file's tree.
        source: the line's text.
        sentence: what it computes and what the reference does there.
        early: it fails before any gate is computed, so perhaps for the way in which it was called.
    """

    line: int
    source: str
    sentence: str
    early: bool = False


def intended(node: ast.stmt, name: str, taken: Taken) -> str:
    """What a statement is to compute: a gate, 'C', 'H', 'q' or ''."""
    value = getattr(node, "value", None) or node
    said = [slot for each in (simple(inner) for inner in ast.walk(value)) if (slot := taken.form.names.get(each))]
    gates = [key for part, key in said if part in "xw" and key in GATES] or [key for part, key in said if key in GATES]
    if any(key == "q" for _, key in said):
        return "q"
    if gates:
        target = gate_of_target(name)
        return target if target in gates else max(set(gates), key=gates.count)
    if part := state_part(name):
        return part
    return gate_of_target(name) or ""


def target(event: Event) -> str:
    """The name that a value is given; of a function's result, the function's."""
    return event.function.strip("_") if event.name == "return" else event.name


def find(port: FilePort, taken: Taken, inside: ast.AST | None = None) -> Culprit | None:
    """The first line that departs or fails, of one function if it is given; None where every line agrees."""
    inputs, state, params = trial(kind=taken.form.kind)
    if taken.form.kind != "lstm":
        return crash(port, taken, inputs, state, params)
    watch = Watch(taken, port)
    with eager(port.package):  # on copies: a port may write into what it is given
        watch.run(inputs.copy(), [piece.copy() for piece in state], [param.copy() for param in params])
    orders = {key for _, key in (*taken.form.names.values(), *taken.form.layers.values()) if len(key) == 4}
    values, one = known_values(inputs, state, params, sorted(orders)), bool(taken.layout and taken.layout.one)
    known, gates = Known(values, one), {key: Known({key: values[LETTER[key]]}, one) for key in GATES}
    code = port.contents.code
    if inside is not None:  # what it calls is right
        lines = {each.lineno for each in ast.walk(inside) if isinstance(each, ast.stmt)}
        watch.events = [event for event in watch.events if event.node.lineno in lines]
    wrong: Event | None = None
    for i, event in enumerate(watch.events):
        if isinstance(event.node, (ast.For, ast.While)) or _prepares(event, taken):
            continue
        alone = event.value.size == 1 and intended(event.node, target(event), taken) in (*GATES, "C", "H")
        if known.has(event.value) and not alone and not _exchanged(event, gates):
            continue
        if event.name == "return" and any(near(event.value, other.value) for other in watch.events[:i]):
            continue
        if _helps(event, taken) and any(known.has(other.value) for other in watch.events
                                        if other.name == "return" and other.function == event.function):
            continue  # a helper that is right elsewhere was given something wrong
        if not _forgiven(event, watch.events[i + 1:], known):
            wrong = event
            break
    if watch.error is not None and (wrong is None or wrong.node.lineno >= watch.line):
        return _crashed(code, taken, watch.line, watch.error, values, watch.events)
    if wrong is None:
        return None
    if _helps(wrong, taken):
        text = f"{wrong.function} computes something else than the reference's (got {wrong.value.ravel()[0]:.6g} first)"
        if kind := SQUASHES.get(wrong.function.strip("_").lower()):
            text = f"this is no {kind}: " + {"sigmoid": "1 / (1 + exp(-x))", "tanh": "tanh(x)"}[kind] + " is expected"
        return Culprit(wrong.node.lineno, code.text(wrong.node.lineno), text)
    wrong = _unsquashed(wrong, watch.events, inputs, state, params) or wrong
    if wrong.name == "return":  # outputs that lack something may still be a step on a right way
        right = Known({"Y": values["Y"]}, one)
        wrong = next((event for event in watch.events if event.name != "return" and not isinstance(event.node, ast.For)
                      and intended(event.node, target(event), taken) == "q" and event.value.size > 1
                      and not right.has(event.value)), wrong)
    key = intended(wrong.node, target(wrong), taken)
    said = sentence(key, wrong, inputs, state, params)
    if ANEW in said:  # where the state is set anew, if it is
        first = Known({"H": [np.asarray(state[0], float)]}, one)
        begun = list(itertools.takewhile(lambda event: event is not wrong, watch.events))
        turns = [event for event in begun if state_part(event.name) == "H" and first.has(event.value)]
        wrong = turns[-1] if len(turns) > 1 else wrong
    return Culprit(wrong.node.lineno, code.text(wrong.node.lineno), said)


def _helps(event: Event, taken: Taken) -> bool:
    """Whether a value is what a helper of the port returns, and no gate by its name."""
    return event.name == "return" and event.function != taken.form.node.name and not intended(
        event.node, target(event), taken)


def _unsquashed(wrong: Event, events: Sequence[Event], *given: Any) -> Event | None:
    """The gate that a wrong line reads and that no sigmoid or tanh was applied to, or None."""
    raw = Known({"activation": known_values(*given)["activation"]}, True)
    read = uses(getattr(wrong.node, "value", None) or wrong.node)
    before = [event for event in itertools.takewhile(lambda event: event is not wrong, events)
              if event.name in read and gate_of_target(event.name)]
    last = {event.name: event for event in before}
    found = sorted((event for event in last.values() if event.value.size > 1 and raw.has(event.value)),
                   key=lambda event: event.node.lineno)
    return found[0] if found else None


def _exchanged(event: Event, gates: dict[str, Known]) -> bool:
    """Whether a variable that is called after one gate holds another's value."""
    key = gate_of_target(target(event))
    if key is None or event.value.size < 2 or gates[key].has(event.value):
        return False
    return any(gates[other].has(event.value) for other in GATES if other != key)


def _prepares(event: Event, taken: Taken) -> bool:
    """Whether a value is only an argument, or made from nothing that the port is given."""
    if isinstance(event.node, ast.Return):
        return False
    read = uses(event.node) | {simple(inner) for inner in ast.walk(event.node)}
    mine = {*taken.form.names, *taken.form.arguments} | {each.id for each in ast.walk(taken.form.node) if isinstance(
        each, ast.Name) and isinstance(each.ctx, ast.Store)}
    return not read & mine or isinstance(event.node, ast.FunctionDef)


def _forgiven(event: Event, later: Sequence[Event], known: Known) -> bool:
    """Whether what is made from a value is right again, so that it was only a step on the way."""
    if event.name == "return":
        return False
    for other in later:
        if isinstance(other.node, (ast.For, ast.While)):
            continue  # what it goes over is no step on a way
        if event.name in uses(getattr(other.node, "value", None) or other.node):
            return known.has(other.value)
        if other.name == event.name:
            return False
    return False


def sentence(key: str, wrong: Event, inputs: Array, state: Sequence[Array], params: Sequence[Array]) -> str:
    """What a line computes, in words where that is recognised, and what the reference computes there."""
    if wrong.value.size == 1 and key:
        called = CALLED.get(key, {"C": "memory cell", "H": "hidden state"}.get(key, ""))
        return (f"the {called} is a single number: this adds up where the reference multiplies element by element, "
                f"{EQUATION[key]}")
    if wrong.name == "return" and not key:
        expected = inputs.shape[0] * inputs.shape[1], params[-1].size
        got = "other numbers" if wrong.value.shape == expected else f"shape {wrong.value.shape}"
        return ("what is returned is not the outputs of all steps, step after step: expected outputs of shape "
                f"{expected}, got {got}")
    words = {"C": "memory cell", "H": "hidden state", "q": "output", **CALLED}.get(key, wrong.name)
    found = next((text for t in range(len(inputs)) for text, array in alternatives(
        key, t, inputs, state, params).items() if (wrong.value.size == array.size and near(wrong.value, array)) or
        (wrong.value.size == array[:1].size and near(wrong.value, array[:1]))), "")
    right = f"; the reference: {EQUATION[key]}" if key in EQUATION else ""
    if found:
        return f"the {words} is computed {found}{right}" if found.startswith(("with", "without")) else \
            f"the {words} is {found}{right}"
    width = params[-1].size if key == "q" else state[0].shape[1]
    if key in EQUATION and wrong.value.size not in (width, width * inputs.shape[1]):
        return f"the {words}: expected shape {(inputs.shape[1], width)}, got {wrong.value.shape}{right}"
    return f"the {words} departs from the reference here (got {wrong.value.ravel()[0]:.6g} first){right}"


def crash(port: FilePort, taken: Taken, *given: Any) -> Culprit | None:
    """The line at which a port can't go on, or None."""
    watch = Watch(taken, port)
    watch.run(*given)
    return _crashed(port.contents.code, taken, watch.line, watch.error, {}, watch.events) if watch.error else None


def _crashed(code: Any, taken: Taken, line: int, error: Any, values: dict[str, list[Array]], events: Sequence[Event]
             ) -> Culprit:
    node = {at: each for _, tree in code.trees() for at, each in by_line(tree).items()}.get(line)
    what = " ".join(f"{type(error).__name__}: {error}".split())
    if "shape error" in what or "Traceback" in what:  # MXNet puts its own stack before the reason
        what = what.rpartition("MXNetError: ")[2] or what
    hint, early = "", True
    if node is not None:
        targets = [simple(each) for each in getattr(node, "targets", [])] or [""]
        key = intended(node, targets[0], taken)
        line = node.lineno
        gates = Known({key: values.get(LETTER[key], []) for key in GATES}, True)
        early = not key and not any(event.value.size > 1 and gates.has(event.value) and np.ptp(event.value)
                                    for event in events)
        if key in EQUATION:
            hint = f"; the reference: {EQUATION[key]}"
            if "columns" in taken.form.products and not taken.columns:
                hint += ", with W on the right of X and H"
    return Culprit(line, code.text(line), f"{what[:300]}{hint}", early)


