"""The line of a port at which its values depart from the reference's, or at which it can't go on."""

import ast
import contextlib
import importlib
import itertools
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import lstm_ref as ref
from lstm_ref.params import Array, LSTMParams
from lstm_ref.parity.files.file import FilePort, trial
from lstm_ref.parity.files.names import GATES, Slot, state_part
from lstm_ref.parity.files.slices import uses
from lstm_ref.parity.files.structure import gate_of_target, own, simple
from lstm_ref.parity.files.taken import Taken

#: Rounding in a few operations; a mistake is off by far more. It only chooses the line that is shown, no verdict.
NEAR = 1e-4

LETTER = {"i": "I", "f": "F", "o": "O", "c": "C_tilda"}
CALLED = {"i": "input gate", "f": "forget gate", "o": "output gate", "c": "candidate"}
ANEW = "with the state of the first step: H is not carried from step to step"
EQUATION = {
    **{key: f"{LETTER[key]} = {'tanh' if key == 'c' else 'sigmoid'}(X @ W_x{key} + H @ W_h{key} + b_{key})"
       for key in GATES},
    "C": "C = F * C + I * C_tilda", "H": "H = O * tanh(C)", "q": "Y = H @ W_hq + b_q"}


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


@dataclass
class Event:
    """A value that a statement gave a name."""

    node: ast.stmt
    name: str
    value: Array
    function: str = ""  #: whose statement it is


def statements(root: ast.AST) -> dict[int, ast.stmt]:
    """The innermost statement at each line."""
    found: dict[int, ast.stmt] = {}
    for node in ast.walk(root):  # outer statements come first
        if isinstance(node, ast.stmt):
            compound = isinstance(node, (ast.For, ast.While, ast.If, ast.With, ast.FunctionDef, ast.Try))
            end = node.end_lineno or node.lineno
            if isinstance(node, (ast.For, ast.While, ast.If, ast.With, ast.FunctionDef)):
                end = node.body[0].lineno
            for line in range(node.lineno, end + 1):
                if line not in found or not compound:
                    found[line] = node
    return found


class Watch:
    """The values that names take while a port runs, statement by statement.

    Args:
        taken: the port.
        port: of the file.
    """

    def __init__(self, taken: Taken, port: FilePort):
        self.taken, self.port, self.events = taken, port, list[Event]()
        self.path, self.error = str(port.contents.code.path), None
        self.line = 0
        self.nodes: dict[int, ast.stmt] = {}
        for _, tree in port.contents.code.trees():
            self.nodes |= statements(tree)

    def array(self, value: Any) -> Array | None:
        """A tensor's numbers, or None for anything else."""
        if not hasattr(value, "shape") or isinstance(value, type):
            return None
        try:
            found = np.asarray(self.port.framework.array(value)) if not isinstance(value, np.ndarray) else value
        except Exception:
            return None
        return found.astype(float) if found.dtype.kind == "f" and 0 < found.size < 10**6 else None

    def note(self, node: ast.stmt | None, name: str, value: Any, function: str) -> None:
        """Keep a value, or those of a pair."""
        if node is None:
            return
        if isinstance(value, (tuple, list)) and len(value) <= 2 and isinstance(node, ast.Return):
            for each in value:
                self.note(node, name, each, function)
        elif (array := self.array(value)) is not None:
            self.events.append(Event(node, name, array, function))

    def run(self, inputs: Array, state: Sequence[Array], params: Sequence[Array]) -> None:
        """Call the port and watch."""
        f, before = self.port.framework, dict[int, tuple[int, dict[str, Any]]]()

        def local(frame: Any, event: str, argument: Any) -> Any:
            line, known = before.get(id(frame), (frame.f_lineno, {}))
            current = dict(frame.f_locals)
            if event in ("line", "return"):
                node = self.nodes.get(line)
                for name, value in current.items():
                    if name not in known or value is not known[name]:
                        self.note(node, name, value, frame.f_code.co_name)
                if event == "return" and isinstance(self.nodes.get(frame.f_lineno), ast.Return):
                    self.note(self.nodes[frame.f_lineno], "return", argument, frame.f_code.co_name)
            before[id(frame)] = frame.f_lineno, current
            if event == "return":
                before.pop(id(frame), None)
            return local

        def begin(frame: Any, event: str, _: Any) -> Any:
            if frame.f_code.co_filename != self.path:
                return None
            before[id(frame)] = frame.f_lineno, dict(frame.f_locals)
            return local

        previous = sys.gettrace()
        sys.settrace(begin)
        try:
            if self.taken.returned is None:  # a trial failed: the one call tells where
                layout = self.taken.layout
                assert layout is not None
                given = dict(zip(_slots(params), f.tensors(params), strict=True))
                X = f.tensor(inputs[:, 0] if layout.one else inputs)
                begin_state = [f.tensor(piece[0] if layout.one else piece) for piece in state]
                self.taken.call(X if self.taken.form.loops else X[0:1], begin_state, given)
            else:
                self.taken.forward(f.tensor(inputs), f.tensors(state), list(f.tensors(params)))
        except Exception as error:
            self.error = error  # type: ignore[assignment]
            lines = [frame.lineno or 0 for frame in traceback.extract_tb(error.__traceback__)
                     if frame.filename == self.path]
            self.line = lines[-1] if lines else 0
        finally:
            sys.settrace(previous)


def _slots(params: Sequence[Any]) -> Sequence[Slot]:
    from lstm_ref.parity.files.names import CANONICAL

    return CANONICAL if len(params) == 14 else (("x", "c"), ("h", "c"), ("b", "c"), ("h", "q"), ("b", "q"))


def sigmoid(x: Array) -> Array:
    """The logistic function."""
    return np.asarray(1 / (1 + np.exp(-x)))


def known_values(inputs: Array, state: Sequence[Array], params: Sequence[Array], orders: Sequence[str] = ()
                 ) -> dict[str, list[Array]]:
    """What a right port may compute on its way, by name, for every step; `orders` are of gates side by side."""
    p = LSTMParams(*(np.asarray(each, float) for each in params))
    H, C = (np.asarray(piece, float) for piece in state)
    found: dict[str, list[Array]] = {}

    def note(name: str, value: Array) -> Array:
        found.setdefault(name, []).append(value)
        return value

    for name, value in zip(LSTMParams._fields, p, strict=True):
        note(name, value)
        note(name, value * 0.25)
        note(name, value * 0.75)
    note("inputs", np.asarray(inputs, float))
    outputs, hiddens = [], []
    note("H", H), note("C", C)
    for X in np.asarray(inputs, float):
        note("X", X)
        note("joined", np.concatenate([H, X], 1))
        note("joined", np.concatenate([X, H], 1))
        values = {}
        for key in GATES:
            W_x, W_h, b = (getattr(p, f"{part}{key}") for part in ("W_x", "W_h", "b_"))
            note("product", X @ W_x), note("product", H @ W_h)
            note("product", X @ W_x + b), note("product", H @ W_h + b)
            note("product", X @ W_x + H @ W_h)
            A = note("activation", X @ W_x + H @ W_h + b)
            note("product", -A), note("product", np.exp(-A)), note("product", 1 + np.exp(-A))
            values[key] = note(LETTER[key], np.tanh(A) if key == "c" else sigmoid(A))
        for order in orders:
            before = dict(zip(GATES, found["activation"][-4:], strict=True))
            for sums in (values, before):
                note("joined", np.concatenate([sums[key] for key in order], 1))
        note("part", values["f"] * C), note("part", values["i"] * values["c"])
        C = note("C", values["f"] * C + values["i"] * values["c"])
        note("part", np.tanh(C))
        H = note("H", values["o"] * np.tanh(C))
        note("product", H @ p.W_hq)
        outputs.append(note("Y", H @ p.W_hq + p.b_q))
        hiddens.append(H)
    note("outputs", np.concatenate(outputs)), note("outputs", np.stack(outputs)), note("outputs", np.stack(hiddens))
    note("outputs", np.stack(outputs).swapaxes(0, 1)), note("outputs", np.stack(hiddens).swapaxes(0, 1))
    note("outputs", np.concatenate(hiddens))
    note("zero", np.zeros(1))
    return found


def alternatives(key: str, t: int, inputs: Array, state: Sequence[Array], params: Sequence[Array]
                 ) -> dict[str, Array]:
    """What a wrong line may compute for a gate, 'C', 'H' or 'q' at a step, by what it leaves out or exchanges."""
    p = LSTMParams(*(np.asarray(each, float) for each in params))
    H, C = (np.asarray(piece, float) for piece in state)
    xs, values, A = np.asarray(inputs, float), dict[str, Array](), dict[str, Array]()
    before_h, before_c = H, C
    for X in xs[:t + 1]:
        A = {k: X @ getattr(p, f"W_x{k}") + H @ getattr(p, f"W_h{k}") + getattr(p, f"b_{k}") for k in GATES}
        values = {k: np.tanh(A[k]) if k == "c" else sigmoid(A[k]) for k in GATES}
        before_h, before_c = H, C
        C = values["f"] * C + values["i"] * values["c"]
        H = values["o"] * np.tanh(C)
    X, H, C, I, F, O, G = xs[t], before_h, before_c, values["i"], values["f"], values["o"], values["c"]  # noqa: E741
    new_c, new_h = F * C + I * G, O * np.tanh(F * C + I * G)
    found: dict[str, Array] = {}
    if key in GATES:
        right, other = ("tanh", "sigmoid") if key == "c" else ("sigmoid", "tanh")
        W_x, W_h, b = (getattr(p, f"{part}{key}") for part in ("W_x", "W_h", "b_"))
        squash = np.tanh if key == "c" else sigmoid
        found[f"{other} where {right} is right"] = (sigmoid if key == "c" else np.tanh)(A[key])
        found[f"without the {right}"] = A[key]
        found["relu where it should not be"] = np.maximum(A[key], 0)
        H0 = np.asarray(state[0], float)
        if t:
            found[ANEW] = squash(X @ W_x + H0 @ W_h + b)
        found["without the bias"] = squash(A[key] - b)
        found["without H @ W_h"] = squash(X @ W_x + b)
        found["without X @ W_x"] = squash(H @ W_h + b)
        found["with the bias twice"] = squash(A[key] + b)
        found["with the first of its two biases twice"] = squash(A[key] - b / 2)
        found["with a minus before the bias"] = squash(A[key] - 2 * b)
        for k in GATES:
            if k != key:
                W_xk, W_hk, b_k = (getattr(p, f"{part}{k}") for part in ("W_x", "W_h", "b_"))
                found[f"the {CALLED[k]}"] = values[k]
                found[f"with the {CALLED[k]}'s bias"] = squash(A[key] - b + b_k)
                found[f"with the {CALLED[k]}'s first bias twice"] = squash(A[key] - b + b_k / 2)
                found[f"with the {CALLED[k]}'s W_x"] = squash(A[key] - X @ W_x + X @ W_xk)
                found[f"with the {CALLED[k]}'s W_h"] = squash(A[key] - H @ W_h + H @ W_hk)
                found[f"with all of the {CALLED[k]}'s parameters"] = squash(A[k])
    elif key == "C":
        found |= {"F and I exchanged": I * C + F * G, "without F": C + I * G, "without I": F * C + G,
                  "without the previous C": I * G, "without the candidate": F * C, "F * C - I * C_tilda": F * C - I * G,
                  "1 - F for I": F * C + (1 - F) * G, "O for I": F * C + O * G, "O for F": O * C + I * G,
                  "the previous C unchanged": C, "tanh of it": np.tanh(new_c), "the previous H for C": F * H + I * G,
                  "F * I * ...": F * C * I * G, "matrix product of the candidate": G}
    elif key == "H":
        found |= {"without the tanh": O * new_c, "without O": np.tanh(new_c), "sigmoid for tanh": O * sigmoid(new_c),
                  "O * tanh of the previous C, which is not updated": O * np.tanh(C), "F for O": F * np.tanh(new_c),
                  "I for O": I * np.tanh(new_c), "C for H": new_c, "tanh of O * C": np.tanh(O * new_c)}
    elif key == "q":
        found |= {"without b_q": new_h @ p.W_hq, "from the previous H": H @ p.W_hq + p.b_q,
                  "from C": new_c @ p.W_hq + p.b_q, "through a softmax": softmax(new_h @ p.W_hq + p.b_q),
                  "through a log-softmax": np.log(softmax(new_h @ p.W_hq + p.b_q))}
    return found


def softmax(x: Array) -> Array:
    """Along the last axis."""
    e = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(e / e.sum(-1, keepdims=True))


def near(a: Array, b: Array) -> bool:
    """Whether two arrays hold the same numbers, one of them perhaps transposed."""
    if a.size != b.size:
        return False
    scale = max(float(np.abs(b).max()), 1e-3)
    if np.abs(a.ravel() - b.ravel()).max() <= NEAR * scale:
        return True
    return b.ndim == 2 and bool(np.abs(a.ravel() - b.T.ravel()).max() <= NEAR * scale)


class Known:
    """Arrays that a right port computes, by their size.

    Args:
        values: by name.
        rows: also each row of those with two axes: one example at a time.
    """

    def __init__(self, values: dict[str, list[Array]], rows: bool):
        self.by_size: dict[int, list[Array]] = {}
        for array in itertools.chain(*values.values()):
            for each in (array, *(array if array.ndim >= 2 and rows else ()),
                         *(array[:, 0] if array.ndim == 3 and rows else ())):
                self.by_size.setdefault(each.size, []).append(each)
                for t in range(1, len(each)) if each.ndim == 3 else ():  # the first steps of a sequence
                    self.by_size.setdefault(each[:t].size, []).append(each[:t])

    def has(self, array: Array) -> bool:
        """Whether it is one of them, or the same number everywhere."""
        if array.size == 1 or float(np.ptp(array)) == 0:
            return True
        return any(near(array, each) for each in self.by_size.get(array.size, ()))


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


def find(port: FilePort, taken: Taken) -> Culprit | None:
    """The first line that departs or fails; None where every line agrees on the trial."""
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
    wrong: Event | None = None
    for i, event in enumerate(watch.events):
        if isinstance(event.node, (ast.For, ast.While)) or _prepares(event, taken):
            continue
        alone = event.value.size == 1 and intended(event.node, target(event), taken) in (*GATES, "C", "H")
        if known.has(event.value) and not alone and not _exchanged(event, gates):
            continue
        if event.name == "return" and any(near(event.value, other.value) for other in watch.events[:i]):
            continue
        if not _forgiven(event, watch.events[i + 1:], known):
            wrong = event
            break
    if watch.error is not None and (wrong is None or wrong.node.lineno >= watch.line):
        return _crashed(code, taken, watch.line, watch.error, values, watch.events)
    if wrong is None or (wrong.name == "return" and wrong.function != taken.form.node.name and not intended(
            wrong.node, target(wrong), taken)):
        return None
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
        return ("what is returned is not the outputs of all steps, step after step: expected outputs of shape "
                f"{(inputs.shape[0] * inputs.shape[1], params[-1].size)}, got shape {wrong.value.shape}")
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
    nodes: dict[int, ast.stmt] = {}
    for _, tree in code.trees():
        nodes |= statements(tree)
    node = nodes.get(line)
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
            flat = ast.unparse(node)
            if "columns" in taken.form.products and not taken.columns and "@" in flat + "matmul":
                hint += ", with W on the right of X and H"
    return Culprit(line, code.text(line), f"{what[:300]}{hint}", early)


class eager:  # noqa: N801
    """A context in which JAX runs every operation at once, so that values can be seen.

    Args:
        package: the framework.
    """

    def __init__(self, package: str):
        self.context: Any = contextlib.nullcontext()
        if package == "jax":
            self.context = importlib.import_module("jax").disable_jit()

    def __enter__(self) -> Any:
        return self.context.__enter__()

    def __exit__(self, *what: Any) -> Any:
        return self.context.__exit__(*what)


__all__ = ["Culprit", "crash", "find", "own", "ref"]
