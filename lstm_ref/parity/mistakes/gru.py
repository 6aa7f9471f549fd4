"""Mistakes in a gated recurrent unit: in its forward pass, with the gradients that follow, or in the gradient alone."""

from lstm_ref.parity.mistakes.mistake import Mistake

UNPACKING = "W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, W_hh, b_h, W_hq, b_q = params"
PRODUCT = "product = R * (H @ W_hh) if reset_after else (R * H) @ W_hh"
CANDIDATE = "H_tilda = np.tanh(A_h := X @ W_xh + product + b_h)"
NEW = "H = Z * H + (1 - Z) * H_tilda"
OUTPUT = "Y = H @ W_hq + b_q"
GATES = {"z": "update gate", "r": "reset gate", "h": "candidate"}


def forward(name: str, sentence: str, fix: str, right: str, wrong: str, source: str = "") -> Mistake:
    """A mistake of one edit in the forward pass."""
    edits = (("gru", right, wrong),)
    return Mistake(f"GRU: {name}", sentence, fix, "forward", edits, source, by_hand=False, cell="gru")


def backward(name: str, sentence: str, fix: str, right: str, wrong: str) -> Mistake:
    """A mistake of one edit in the gradient."""
    return Mistake(f"GRU: {name}", sentence, fix, "backward", (("gru", right, wrong),), cell="gru")


def _exchanged(a: str, b: str, source: str = "") -> Mistake:
    swap = {start + x: start + y for start in ("W_x", "W_h", "b_") for x, y in ((a, b), (b, a))}
    names = [swap.get(name, name) for name in UNPACKING.removesuffix(" = params").split(", ")]
    return forward(
        f"{GATES[a]} and {GATES[b]} exchanged",
        f"The {GATES[a]} is computed from W_x{b}, W_h{b}, b_{b}, and the {GATES[b]} from W_x{a}, W_h{a}, b_{a}.",
        "Check the order in which the parameters are unpacked or stacked: the book's is z, r, h; the layers of "
        "PyTorch, MXNet and Paddle have r, z, h.", UNPACKING, f"{', '.join(names)} = params", source)


def _of_a_gate(k: str) -> list[Mistake]:
    gate, product = GATES[k], "product" if k == "h" else f"H @ W_h{k}"
    found = [
        forward(f"b_{k} twice", f"The bias of the {gate} is added twice, with either product.",
                "Where a layer has two biases set one of them to zero.", f"{product} + b_{k})",
                f"{product} + 2 * b_{k})", "https://github.com/keras-team/keras/pull/8307"),
        forward(f"b_{k} left out", f"The {gate} has no bias.", f"Add b_{k}.", f"{product} + b_{k})", f"{product})",
                "https://github.com/pytorch/pytorch/pull/529" if k == "h" else ""),
        forward(f"X left out of the {gate}", f"The {gate} sees the state alone.", f"Add X @ W_x{k}.",
                f"X @ W_x{k} + {product}", product),
        forward(f"H left out of the {gate}", f"The {gate} sees the input alone.", f"Add the product with W_h{k}.",
                f"X @ W_x{k} + {product}", f"X @ W_x{k}"),
    ]
    if k != "h":
        found.append(forward(
            f"W_h{k} transposed", f"H is multiplied by the transpose of W_h{k}.",
            f"Multiply H @ W_h{k}, or transpose once when weights are carried over.", f"H @ W_h{k} +",
            f"H @ W_h{k}.T +"))
    return found


GRU = (
    forward("reset gate on the other side of the product",
            "The reset gate is applied after the product with W_hh where it belongs before it, or the other way round.",
            "The book has (R * H) @ W_hh, most frameworks' layers R * (H @ W_hh): compare each in its own form.",
            PRODUCT, "product = (R * H) @ W_hh if reset_after else R * (H @ W_hh)",
            "https://github.com/keras-team/keras/pull/9112"),
    forward("Z and 1 - Z exchanged", "The update gate is the share of the candidate.",
            "In the book Z is the share of the old state: H = Z * H + (1 - Z) * H_tilda.", NEW,
            "H = (1 - Z) * H + Z * H_tilda", "https://github.com/mravanelli/pytorch-kaldi/issues/71"),
    forward("the bias under the reset gate",
            "The candidate's bias is multiplied by the reset gate, as the second bias of a layer is.",
            "Put the book's bias into the first of the two, and zero into the second.", "product + b_h)",
            "product + R * b_h)", "https://github.com/tensorflow/tensorflow/issues/8311"),
    forward("without the reset gate", "The candidate sees the whole state.", "Multiply by R.", PRODUCT,
            "product = H @ W_hh"),
    forward("reset gate on the input", "The reset gate is applied to the input's product.", "Apply it to the state.",
            "X @ W_xh + product", "R * (X @ W_xh) + H @ W_hh"),
    forward("reset gate on both", "The reset gate is applied to the input's product, too.",
            "Apply it to the state alone.", "X @ W_xh + product", "R * (X @ W_xh) + product"),
    forward("update gate for the reset gate", "The candidate's state is multiplied by Z.", "Multiply by R.", PRODUCT,
            PRODUCT.replace("R", "Z")),
    forward("W_hh transposed", "The state is multiplied by the transpose of W_hh.",
            "Multiply by W_hh, or transpose once when weights are carried over.", PRODUCT,
            PRODUCT.replace("W_hh", "W_hh.T")),
    forward("the candidate as a whole", "All of the candidate is added to the kept part of the state.",
            "Multiply it by 1 - Z.", NEW, "H = Z * H + H_tilda"),
    forward("the old state dropped", "The new state is the candidate's share alone.", "Add Z * H.", NEW,
            "H = (1 - Z) * H_tilda"),
    forward("the update gate ignored", "The new state is the candidate.", "Mix it with the old state by Z.", NEW,
            "H = H_tilda"),
    forward("sigmoid for tanh in the candidate", "The candidate is squashed to (0, 1).", "Use tanh.", CANDIDATE,
            CANDIDATE.replace("np.tanh", "sigmoid")),
    forward("no tanh in the candidate", "The candidate is not squashed.", "Use tanh.", CANDIDATE,
            "H_tilda = A_h = X @ W_xh + product + b_h"),
    forward("no sigmoid in the reset gate", "The reset gate is not squashed to (0, 1).", "Apply the sigmoid.",
            "R = sigmoid(A_r := X @ W_xr + H @ W_hr + b_r)", "R = A_r = X @ W_xr + H @ W_hr + b_r"),
    forward("outputs from the candidate", "The output layer reads H_tilda.", "Read the new H.", OUTPUT,
            OUTPUT.replace("H @", "H_tilda @")),
    forward("outputs from the old state", "The output layer reads the state before the step.", "Read the new H.",
            OUTPUT, OUTPUT.replace("H @", "H_prev @")),
    forward("outputs without b_q", "The output layer has no bias.", "Add b_q.", OUTPUT, "Y = H @ W_hq"),
    _exchanged("z", "r", "https://github.com/keras-team/keras/issues/8720"), _exchanged("z", "h"), _exchanged("r", "h"),
    *(found for k in GATES for found in _of_a_gate(k)),
    backward("no gradient through the reset gate", "The reset gate is detached.", "Differentiate through R.",
             'dA["r"] = dR * dsigmoid(step.A_r)', 'dA["r"] = 0 * dR * dsigmoid(step.A_r)'),
    backward("no gradient along the kept state", "The share of the old state that is kept is detached.",
             "Differentiate through Z * H.", "dH = dH * step.Z", "dH = 0 * dH * step.Z"),
    backward("gradient not carried over time", "Each step's gradient ends at its own state.",
             "Detach between minibatches only.", "            dAs[k].append(dA_k)\n",
             "            dAs[k].append(dA_k)\n        dH = 0 * dH\n"),
    backward("recurrent gradient from the new H", "The gradient of W_hz and W_hr is made of the state after the step.",
             "Use the state before it.", 'f"W_h{k}": H_prev.T @ dA_k', 'f"W_h{k}": H.T @ dA_k'),
)
