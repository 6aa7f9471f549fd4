"""Mistakes in the gates, the memory cell and the hidden state. Each is in the forward pass, gradients follow."""

from itertools import combinations

from lstm_ref.parity.mistakes.mistake import Mistake

UNPACKING = "W_xi, W_hi, b_i, W_xf, W_hf, b_f, W_xo, W_ho, b_o, W_xc, W_hc, b_c, W_hq, b_q = params"
NAME = "exchanged name"
GATES = {"i": "input gate", "f": "forget gate", "o": "output gate", "c": "candidate"}
ORDERS = {
    "i f": "https://github.com/NX-AI/xlstm/issues/98",
    "f o": "https://onnx.ai/onnx/operators/onnx__LSTM.html",
    "o c": "https://github.com/apple/coremltools/pull/93",
    "f c": "https://github.com/tensorflow/tensorflow/issues/29308",
}


def forward(
    name: str, sentence: str, fix: str, right: str, wrong: str, source: str = "", check: str = "forward",
    module: str = "lstm", kind: str = "",
) -> Mistake:
    """A mistake of one edit in a forward pass."""
    return Mistake(name, sentence, fix, check, ((module, right, wrong),), source, by_hand=False, kind=kind)


def _swapped(first: str, second: str, what: tuple[str, ...]) -> str:
    """The unpacking with two gates' arrays exchanged: matrices of the inputs, of the state, biases."""
    swap = {start + a: start + b for start in what for a, b in ((first, second), (second, first))}
    names = [swap.get(name, name) for name in UNPACKING.removesuffix(" = params").split(", ")]
    return f"{', '.join(names)} = params"


def _exchanges() -> list[Mistake]:
    found = []
    for a, b in combinations(GATES, 2):
        found.append(forward(
            f"{GATES[a]} and {GATES[b]} exchanged", f"The {GATES[a]} is computed from W_x{b}, W_h{b}, b_{b}, and the "
            f"{GATES[b]} from W_x{a}, W_h{a}, b_{a}.", "Check the order in which the parameters are unpacked or "
            "stacked.", UNPACKING, _swapped(a, b, ("W_x", "W_h", "b_")), ORDERS.get(f"{a} {b}", "")))
        for start in ("W_x", "W_h", "b_"):
            found.append(forward(
                f"{start}{a} and {start}{b} exchanged", f"{start}{a} stands where {start}{b} belongs, and the other "
                "way round.", f"Exchange {start}{a} and {start}{b}.", UNPACKING, _swapped(a, b, (start,)),
                kind="" if start == "W_h" else NAME))
    return found


def _per_gate() -> list[Mistake]:
    found = []
    for k, gate in GATES.items():
        found += [
            forward(f"W_h{k} transposed", f"H is multiplied by the transpose of W_h{k}.",
                    f"Multiply H @ W_h{k}, or transpose once when weights are carried over.",
                    f"H @ W_h{k} +", f"H @ W_h{k}.T +", "https://github.com/huggingface/transformers/pull/10712"),
            forward(f"b_{k} left out", f"The {gate} has no bias.", f"Add b_{k}.", f"H @ W_h{k} + b_{k})",
                    f"H @ W_h{k})", "https://github.com/onnx/keras-onnx/issues/98"),
            forward(f"b_{k} twice", f"The bias of the {gate} is added with the input's product and with the state's.",
                    "Where a layer has two biases set one of them to zero.", f"H @ W_h{k} + b_{k})",
                    f"H @ W_h{k} + 2 * b_{k})", "https://github.com/lisa-lab/DeepLearningTutorials/issues/81"),
            forward(f"H left out of the {gate}", f"The {gate} sees the input alone.", f"Add H @ W_h{k}.",
                    f" + H @ W_h{k} + b_{k})", f" + b_{k})"),
            forward(f"X left out of the {gate}", f"The {gate} sees the state alone.", f"Add X @ W_x{k}.",
                    f"X @ W_x{k} + H @ W_h{k}", f"H @ W_h{k}"),
        ]
        for other in (each for each in GATES if each != k):
            found += [
                forward(f"W_x{other} for W_x{k}", f"The {gate} is computed with W_x{other}.", f"Use W_x{k}.",
                        f"X @ W_x{k} +", f"X @ W_x{other} +", kind=NAME),
                forward(f"W_h{other} for W_h{k}", f"The {gate} is computed with W_h{other}.", f"Use W_h{k}.",
                        f"H @ W_h{k} +", f"H @ W_h{other} +", "https://github.com/stanfordnlp/stanza/issues/88",
                        kind=NAME),
                forward(f"b_{other} for b_{k}", f"The {gate} has the bias b_{other}.", f"Use b_{k}.",
                        f"H @ W_h{k} + b_{k})", f"H @ W_h{k} + b_{other})",
                        "https://github.com/ddbourgin/numpy-ml/issues/42", kind=NAME),
            ]
            if (k, other) != ("i", "f"):  # the same result as "candidate gated by the forget gate"
                found.append(forward(
                    f"{gate} with the weights of the {GATES[other]}", f"The {gate} is computed with W_x{other}, "
                    f"W_h{other} and b_{other}.", f"Use W_x{k}, W_h{k} and b_{k}.", f"X @ W_x{k} + H @ W_h{k} + b_{k})",
                    f"X @ W_x{other} + H @ W_h{other} + b_{other})", kind=NAME))
    return found


def _all_gates(name: str, sentence: str, fix: str, right: str, wrong: str, source: str = "") -> Mistake:
    edits = tuple(("lstm", right.replace("K", k), wrong.replace("K", k)) for k in GATES)
    return Mistake(name, sentence, fix, "forward", edits, source, by_hand=False)


PARAMETERS = (*_exchanges(), *_per_gate())

CELL = (
    _all_gates("all recurrent matrices transposed", "H is multiplied by the transposes of W_hi, W_hf, W_ho, W_hc.",
               "Transpose once when weights are carried over.", "H @ W_hK +", "H @ W_hK.T +",
               "https://github.com/huggingface/transformers/pull/10712"),
    _all_gates("all biases twice", "Each gate's bias is added with the input's product and with the state's.",
               "The layer has two biases: put the book's into one and zeros into the other.",
               "H @ W_hK + b_K)", "H @ W_hK + 2 * b_K)", "https://github.com/onnx/keras-onnx/issues/98"),
    _all_gates("gates read C instead of H", "The recurrent products are made of the memory cell.", "Use H.",
               "H @ W_hK +", "C @ W_hK +"),
    _all_gates("peephole connections", "Every gate also sees the memory cell.",
               "Switch off the layer's peephole connections.", "H @ W_hK +", "H @ W_hK + C +",
               "https://onnx.ai/onnx/operators/onnx__LSTM.html"),
    forward("forget bias of one", "One is added to the forget gate before its activation.",
            "Switch off the layer's unit forget bias.", "H @ W_hf + b_f", "H @ W_hf + b_f + 1",
            "https://github.com/tensorflow/tensorflow/issues/14223"),
    Mistake("forget bias after the activation", "One is added to the forget gate after its activation.",
            "Leave it out.", "forward", (("lstm", "C = F * C + I", "C = (F + 1) * C + I"),),
            "https://github.com/apache/tvm/pull/3410", by_hand=False),
    forward("tanh left out at C", "H is O * C.", "H is O * tanh(C).", "H = O * np.tanh(C)", "H = O * C"),
    forward("sigmoid for tanh at C", "H is O * sigmoid(C).", "H is O * tanh(C).", "H = O * np.tanh(C)",
            "H = O * sigmoid(C)"),
    forward("sigmoid for tanh in the candidate", "The candidate is squashed to (0, 1).", "Use tanh.",
            "C_tilda = np.tanh(", "C_tilda = sigmoid("),
    forward("relu for tanh in the candidate", "The candidate is cut off below zero.", "Use tanh.",
            "C_tilda = np.tanh(", "C_tilda = np.maximum(0, ", "https://github.com/keras-team/keras/issues/13399"),
    forward("no activation in the candidate", "The candidate is not squashed.", "Use tanh.",
            "C_tilda = np.tanh(", "C_tilda = ("),
    *(forward(f"tanh for sigmoid in the {GATES[k]}", f"The {GATES[k]} is squashed to (-1, 1).", "Use sigmoid.",
              f"{k.upper()} = sigmoid(", f"{k.upper()} = np.tanh(") for k in "ifo"),
    Mistake("hard sigmoid", "The gates are clip(0.2 x + 0.5, 0, 1), once the default of Keras' layers.",
            "Set the layer's recurrent activation to sigmoid.", "forward",
            tuple(("lstm", f"{k.upper()} = sigmoid(A_{k} := X @ W_x{k} + H @ W_h{k} + b_{k})",
                   f"{k.upper()} = np.minimum(1, np.maximum(0, 0.2 * (X @ W_x{k} + H @ W_h{k} + b_{k}) + 0.5)); "
                   f"A_{k} = {k.upper()}") for k in "ifo"),
            "https://github.com/minimaxir/textgenrnn/issues/153", by_hand=False),
    forward("H from the old C", "H is computed before C is.", "Compute C first.",
            "H = O * np.tanh(C)", "H = O * np.tanh(C_prev)"),
    forward("input gate tied to the forget gate", "C is F * C + (1 - F) * C_tilda.", "Use I.",
            "C = F * C + I * C_tilda", "C = F * C + (1 - F) * C_tilda",
            "https://github.com/glample/tagger/issues/25"),
    forward("forget gate tied to the input gate", "C is (1 - I) * C + I * C_tilda.", "Use F.",
            "C = F * C + I * C_tilda", "C = (1 - I) * C + I * C_tilda",
            "https://tensorflow.org/versions/r1.15/api_docs/python/tf/contrib/rnn/CoupledInputForgetGateLSTMCell"),
    forward("forget gate inverted", "C is (1 - F) * C + I * C_tilda.", "An open forget gate keeps: F * C.",
            "C = F * C + I * C_tilda", "C = (1 - F) * C + I * C_tilda"),
    forward("gate and candidate added", "C is F * C + (I + C_tilda).", "Multiply: I * C_tilda.",
            "C = F * C + I * C_tilda", "C = F * C + (I + C_tilda)",
            "https://github.com/MartinuzziFrancesco/torchrecurrent/issues/22"),
    forward("input gate not applied", "C is F * C + C_tilda.", "Multiply by I.", "C = F * C + I * C_tilda",
            "C = F * C + C_tilda"),
    forward("candidate gated by the forget gate", "C is F * C + F * C_tilda, or the input gate has the "
            "forget gate's weights.", "Multiply the candidate by I, of W_xi, W_hi and b_i.",
            "C = F * C + I * C_tilda", "C = F * C + F * C_tilda", "https://github.com/ARM-software/CMSIS-NN/pull/181"),
    forward("forget gate not applied", "C is C + I * C_tilda.", "Multiply the old C by F.",
            "C = F * C + I * C_tilda", "C = C + I * C_tilda"),
    forward("output gate not applied", "H is tanh(C).", "Multiply by O.", "H = O * np.tanh(C)", "H = np.tanh(C)"),
    forward("memory cell not carried", "C is I * C_tilda alone.", "Add F * C.", "C = F * C + I * C_tilda",
            "C = I * C_tilda"),
    forward("memory cell clipped", "C is kept within (-1, 1).", "Switch off the layer's cell clip.",
            "C = F * C + I * C_tilda", "C = np.minimum(1, np.maximum(-1, F * C + I * C_tilda))",
            "https://tensorflow.org/versions/r1.15/api_docs/python/tf/nn/rnn_cell/LSTMCell"),
    forward("fast sigmoid", "The input gate's sigmoid is x / (2 + 2 |x|) + 1/2.", "Use the exact function.",
            "I = sigmoid(A_i := X @ W_xi + H @ W_hi + b_i)",
            "A_i = X @ W_xi + H @ W_hi + b_i; I = 0.5 + A_i / (2 + 2 * abs(A_i))"),
    forward("fast tanh", "The candidate's tanh is a quotient of two polynomials.", "Use the exact function.",
            "C_tilda = np.tanh(A_c := X @ W_xc + H @ W_hc + b_c)",
            "A_c = X @ W_xc + H @ W_hc + b_c; C_tilda = A_c * (27 + A_c * A_c) / (27 + 9 * A_c * A_c)",
            "https://github.com/apache/tvm/pull/3255"),
)
