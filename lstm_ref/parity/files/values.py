"""What a right port computes on its way, what a wrong line may compute instead, and how the two are told apart."""

import itertools
from collections.abc import Sequence

import numpy as np

from lstm_ref.loss import log_softmax
from lstm_ref.lstm import sigmoid
from lstm_ref.params import Array, LSTMParams
from lstm_ref.parity.files.names import GATES, SHARES

#: Rounding in a few operations; a mistake is off by far more. It only chooses the line that is shown, no verdict.
NEAR = 1e-4

LETTER = {"i": "I", "f": "F", "o": "O", "c": "C_tilda"}
CALLED = {"i": "input gate", "f": "forget gate", "o": "output gate", "c": "candidate"}
ANEW = "with the state of the first step: H is not carried from step to step"
EQUATION = {
    **{key: f"{LETTER[key]} = {'tanh' if key == 'c' else 'sigmoid'}(X @ W_x{key} + H @ W_h{key} + b_{key})"
       for key in GATES},
    "C": "C = F * C + I * C_tilda", "H": "H = O * tanh(C)", "q": "Y = H @ W_hq + b_q"}


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
        for share in SHARES:
            note(name, value * share)
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
                  "from C": new_c @ p.W_hq + p.b_q, "through a softmax": np.exp(log_softmax(new_h @ p.W_hq + p.b_q)),
                  "through a log-softmax": log_softmax(new_h @ p.W_hq + p.b_q)}
    return found


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
