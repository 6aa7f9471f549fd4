"""How each mistake of the catalogue is made in the tab of each framework: edits of its source, or lines added to it."""

from pathlib import Path

from engines import ENGINES, OWN
from training import IN_MODEL, TRAINING
from words import translated

from lstm_ref.parity.mistakes import Mistake

ROOT = Path(__file__).resolve().parents[2]

#: Mistakes that a tab can't contain, and why not.
IMPOSSIBLE = {
    "output gate's gradient from C": "the framework derives the gradient",
    "recurrent gradient from the new H": "the framework derives the gradient",
    "forget gate's gradient from the new C": "the framework derives the gradient",
    "GRU: recurrent gradient from the new H": "the framework derives the gradient",
    "gradient of the loss not averaged": "the framework derives the gradient",
    "loss summed over the steps": "a tab's loss does not know the number of steps",
    "two biases trained": "a tab from scratch has one bias a gate",
    "loss cut off at 64": "a framework's kernel does it (Paddle's, docs/judge.md); planted on the reference alone",
    "weights drawn anew": "a tab's train_ch8 has no initialisation",
    **dict.fromkeys(
        ("samples' targets not shifted", "samples' targets shifted by two", "offset always zero",
         "offset drawn too far", "text wraps around", "random samples in order", "sequential partition shuffled",
         "rows interleaved"), "all tabs share lstm_ref.text"),
    **dict.fromkeys(
        ("no warm-up", "state not carried in prediction", "last character read twice", "prediction not fed back",
         "sampling for argmax"), "all tabs share lstm_ref.loop.predict"),
    **dict.fromkeys(
        ("products in TF32", "products in bfloat16", "products in float16", "memory cell in bfloat16",
         "gradients in float16", "softmax in float16"), "precision is the device's; planted on the reference alone"),
}

#: Edits of `lstm` that read differently in a tab, where no tape is kept.
IN_TABS = {
    "H from the old C": (("        C = F * C + I * C_tilda\n        H = O * np.tanh(C)\n",
                          "        H = O * np.tanh(C)\n        C = F * C + I * C_tilda\n"),),
    "outputs from the old H": (("        H = O * np.tanh(C)\n        Y = H @ W_hq + b_q\n",
                                "        Y = H @ W_hq + b_q\n        H = O * np.tanh(C)\n"),),
    "relu for tanh in the candidate": (("C_tilda = np.tanh(X @ W_xc + H @ W_hc + b_c)",
                                        "C_tilda = relu(X @ W_xc + H @ W_hc + b_c)"),),
    "memory cell clipped": (("C = F * C + I * C_tilda", "C = clip(F * C + I * C_tilda, -1, 1)"),),
    "hard sigmoid": tuple((f"sigmoid(X @ W_x{k} + H @ W_h{k} + b_{k})",
                           f"clip(0.2 * (X @ W_x{k} + H @ W_h{k} + b_{k}) + 0.5, 0, 1)") for k in "ifo"),
    "fast sigmoid": (("        I = sigmoid(X @ W_xi + H @ W_hi + b_i)",
                      "        A = X @ W_xi + H @ W_hi + b_i\n        I = 0.5 + A / (2 + 2 * absolute(A))"),),
    "fast tanh": (("        C_tilda = np.tanh(X @ W_xc + H @ W_hc + b_c)",
                   "        A = X @ W_xc + H @ W_hc + b_c\n"
                   "        C_tilda = A * (27 + A * A) / (27 + 9 * A * A)"),),
    "outputs batch-major": (("np.concatenate(outputs, axis=0), (H, C)", "batch_major, (H, C)"),),
    "NaN replaced": (("np.concatenate(outputs, axis=0), (H, C)", "no_nan(np.concatenate(outputs, axis=0)), (H, C)"),),
    "float64 inside": (("np.concatenate(outputs, axis=0), (H, C)",
                        "other_dtype(np.concatenate(outputs, axis=0)), (H, C)"),),
    "gradient not carried through C": (("C = F * C + I", "C = F * detach(C) + I"),),
    "gradient not carried through H": tuple((f"H @ W_h{k} +", f"detach(H) @ W_h{k} +") for k in "ifoc"),
    "vanilla RNN with a sigmoid": (("H = np.tanh(X @ W_xh", "H = sigmoid(X @ W_xh"),),
}
#: Edits of `gru`, whose candidate stands in one line in a tab.
IN_GRU = {
    "reset gate on the other side of the product": (("(R * H) @ W_hh", "R * (H @ W_hh)"),),
    "without the reset gate": (("(R * H) @ W_hh", "H @ W_hh"),),
    "update gate for the reset gate": (("(R * H) @ W_hh", "(Z * H) @ W_hh"),),
    "W_hh transposed": (("(R * H) @ W_hh", "(R * H) @ W_hh.T"),),
    "outputs from the old state": (("        H = Z * H + (1 - Z) * H_tilda\n        Y = H @ W_hq + b_q\n",
                                    "        Y = H @ W_hq + b_q\n        H = Z * H + (1 - Z) * H_tilda\n"),),
    "no gradient through the reset gate": (("H @ W_hr + b_r)\n", "H @ W_hr + b_r)\n        R = detach(R)\n"),),
    "no gradient along the kept state": (("H = Z * H +", "H = Z * detach(H) +"),),
    "gradient not carried over time": (("    for X in inputs:\n", "    for X in inputs:\n        H = detach(H)\n"),),
}
IN_TABS["gradient not carried to the initial state"] = (
    ("    H, C = state\n", "    H, C = state\n    H, C = detach(H), detach(C)\n"),)
IN_TABS["state detached at each step"] = (
    IN_TABS["gradient not carried through C"] + IN_TABS["gradient not carried through H"])


def sources(mistake: Mistake, backend: str) -> dict[str, str]:
    """The tab's files with the mistake in them, by path.

    Raises:
        LookupError: it is not said how to make the mistake in this tab, or a text to edit is missing.
    """
    folder = f"backends/{backend}"
    if mistake.check == "parallel":
        shared = backend in ("torch", "paddle") and mistake.name not in OWN
        place, file = ("backends", "workers.py") if shared else (folder, "parallel.py")
        return {f"{place}/{file}": _edited(place, file, ENGINES[backend][mistake.name])}
    if mistake.name in START:
        return {f"{folder}/scratch.py": _added(folder, "scratch.py", start(mistake.name, backend))}
    if mistake.name in TRAINING[backend]:
        change = TRAINING[backend][mistake.name]
        if isinstance(change, str):
            return {f"{folder}/training.py": _added(folder, "training.py", change)}
        file = "scratch.py" if mistake.name in IN_MODEL else "training.py"
        return {f"{folder}/{file}": _edited(folder, file, change)}
    if mistake.name == "inputs and targets both batch-major":
        return {f"{folder}/scratch.py": _edited(
                    folder, "scratch.py", TRAINING[backend]["inputs reshaped instead of transposed"]),
                f"{folder}/training.py": _edited(folder, "training.py", TRAINING[backend]["targets batch-major"])}
    if mistake.name == "arguments not checked":
        return {f"{folder}/scratch.py": _edited(
            folder, "scratch.py", ((f"    check_lstm(inputs, state, params{TENSOR.get(backend, '')})\n", ""),))}
    if mistake.cell == "gru":
        edits = IN_GRU.get(mistake.name.removeprefix("GRU: ")) or tuple(
            tuple(text.replace("product", "(R * H) @ W_hh") for text in edit[1:]) for edit in mistake.edits)
        translations = tuple((translated(a, backend), translated(b, backend)) for a, b in edits)
        return {f"{folder}/scratch.py": _edited(folder, "scratch.py", translations, "def gru(")}
    if mistake.name in IN_TABS or {module for module, *_ in mistake.edits} <= {"lstm", "rnn"}:
        edits = IN_TABS.get(mistake.name) or tuple((right, wrong) for _, right, wrong in mistake.edits)
        return {f"{folder}/scratch.py": _edited(
            folder, "scratch.py", tuple((translated(a, backend), translated(b, backend)) for a, b in edits))}
    raise LookupError(f"{mistake.name}: not said how to make it in the tab of {backend}")


def _added(folder: str, file: str, lines: str) -> str:
    return (ROOT / folder / file).read_text() + "\n\n" + lines


def _edited(folder: str, file: str, edits: tuple[tuple[str, str], ...], behind: str = "") -> str:
    """The file with the first of each right text replaced; a right text of '' stands for the end of the file.

    Args:
        folder: of the tab.
        file: in it.
        edits: right texts and wrong ones.
        behind: a text before which nothing is replaced.
    """
    before, behind, source = (ROOT / folder / file).read_text().rpartition(behind) if behind else (
        "", "", (ROOT / folder / file).read_text())
    for right, wrong in edits:
        if not right:
            source += f"\n\n{wrong}"
            continue
        if right not in source:
            raise LookupError(f"{folder}/{file} has no {right!r}")
        source = source.replace(right, wrong, 1)
    return before + behind + source


#: What a tab's check of its arguments is given besides them.
TENSOR = {"torch": ', "torch.Tensor"', "mxnet": ', "mxnet.np.ndarray"', "paddle": ', "paddle.Tensor"'}

# The start of a model: the tab's function, and then another of the same name that spoils its result.

PUT = {  # a parameter p becomes {a}
    "torch": "p.data = ({a}).to(p.dtype)", "tensorflow": "p.assign(tf.cast({a}, p.dtype))", "mxnet": "p[:] = {a}",
    "paddle": "p.set_value(({a}).astype(p.dtype).detach())", "jax": "p = ({a}).astype(p.dtype)",
}
RANDOM = {"torch": "torch.randn(p.shape)", "tensorflow": "tf.random.normal(p.shape, dtype=p.dtype)",
          "mxnet": "np.random.normal(size=p.shape, dtype=p.dtype)", "paddle": "paddle.randn(p.shape, dtype=p.dtype)",
          "jax": "jax.random.normal(jax.random.key(i), p.shape)"}
UNIFORM = {"torch": "(2 * torch.rand(p.shape) - 1)", "tensorflow": "tf.random.uniform(p.shape, -1, 1, dtype=p.dtype)",
           "mxnet": "np.random.uniform(-1, 1, size=p.shape, dtype=p.dtype)",
           "paddle": "paddle.uniform(p.shape, p.dtype, -1, 1)",
           "jax": "jax.random.uniform(jax.random.fold_in(arguments[0], i), p.shape, minval=-1, maxval=1)"}
AGAIN = {"torch": "torch.manual_seed(7)", "tensorflow": "tf.random.set_seed(7)",
         "mxnet": "import mxnet; mxnet.random.seed(7)", "paddle": "paddle.seed(7)", "jax": ""}

WEIGHTS = {  # what becomes of each parameter p with two axes
    "weights ten times too large": "p * 10", "weights with variance 0.01": "p * 0.01",
    "weights scaled by the fan-in": "p * (100 * p.shape[0] ** -0.5)", "weights zero": "p * 0",
    "weights uniform": "{uniform} * (0.01 * 3 ** 0.5)",
}
START = {
    *WEIGHTS, "one random key for all weights", "seed ignored", "forget bias starts at one",
    "biases drawn like weights", "output layer first", "dtype ignored", "one array for all biases",
    "H and C share their memory", "state starts at ones", "state drawn at random", "state with its axes exchanged",
    "H alone as the state",
}
DRAWN = """_get_lstm_params = get_lstm_params


def get_lstm_params(*arguments, **more):
    params = list(_get_lstm_params(*arguments, **more))
    for i, p in enumerate(params):
        {loop}
        params[i] = p
    return {result}
"""
BEGUN = """_init_lstm_state = init_lstm_state


def init_lstm_state(batch_size, num_hiddens, *arguments, **more):
    H, C = _init_lstm_state({sizes}, *arguments, **more)
    return {result}
"""


def start(name: str, backend: str) -> str:
    """Lines to be added to the tab's scratch.py."""
    kind = "LSTMParams(*params)" if backend == "jax" else "params"
    put = PUT[backend]
    if name in WEIGHTS:
        new = WEIGHTS[name].format(uniform=UNIFORM[backend])
        return DRAWN.format(loop=f"if len(p.shape) == 2: {put.format(a=new)}", result=kind)
    if name == "one random key for all weights":  # all hold the beginning of the same numbers
        new = "params[1].reshape((-1,))[:p.shape[0] * p.shape[1]].reshape(p.shape) + 0"
        if backend == "tensorflow":
            new = "tf.reshape(tf.reshape(params[1], [-1])[:p.shape[0] * p.shape[1]], p.shape)"
        return DRAWN.format(loop=f"if len(p.shape) == 2: {put.format(a=new)}", result=kind)
    if name == "seed ignored":
        call = "_get_lstm_params(jax.random.key(7), *arguments[1:], **more)" if backend == "jax" else (
            "_get_lstm_params(*arguments, **more)")
        return (f"_get_lstm_params = get_lstm_params\n\n\ndef get_lstm_params(*arguments, **more):\n"
                f"    {AGAIN[backend] or 'pass'}\n    return {call}\n")
    loops = {
        "forget bias starts at one": f"if i == 5: {put.format(a='p + 1')}",
        "biases drawn like weights": f"if len(p.shape) == 1: {put.format(a=RANDOM[backend] + ' * 0.01')}",
        "dtype ignored": OTHER[backend],
        "one array for all biases": "if i in (5, 8, 11): p = params[2]",
    }
    if name in loops:
        return DRAWN.format(loop=loops[name], result=kind)
    if name == "output layer first":
        order = "[*params[-2:], *params[:-2]]"
        return DRAWN.format(loop="pass", result=f"LSTMParams(*{order})" if backend == "jax" else order)
    result, sizes = {
        "H and C share their memory": ("(H, H)", "batch_size, num_hiddens"),
        "state starts at ones": ("(H + 1, C + 1)", "batch_size, num_hiddens"),
        "state drawn at random": (f"tuple(p + {RANDOM[backend]}{CAST[backend]} for i, p in enumerate((H, C)))",
                                  "batch_size, num_hiddens"),
        "state with its axes exchanged": ("(H, C)", "num_hiddens, batch_size"),
        "H alone as the state": ("(H,)", "batch_size, num_hiddens"),
    }[name]
    return BEGUN.format(result=result, sizes=sizes)


CAST = {"torch": ".to(p.dtype)", "tensorflow": "", "mxnet": "", "paddle": "", "jax": ".astype(p.dtype)"}
OTHER = {
    "torch": "p = p.detach().to(torch.float64 if p.dtype == torch.float32 else torch.float32).requires_grad_(True)",
    "tensorflow": "p = tf.Variable(tf.cast(p, tf.float64 if p.dtype == tf.float32 else tf.float32))",
    "mxnet": "p = p.astype('float64' if p.dtype == 'float32' else 'float32'); p.attach_grad()",
    "paddle": "p = p.astype('float64' if p.dtype == paddle.float32 else 'float32').detach(); p.stop_gradient = False",
    "jax": "p = p.astype(jnp.float64 if p.dtype == jnp.float32 else jnp.float32)",
}
