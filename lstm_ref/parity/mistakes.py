"""Mistakes that people make in porting an LSTM, each planted in the reference's own source.

They show that the suite can fail: every one must be caught, in float32 and in float64, by the check meant for it.
"""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType, SimpleNamespace
from typing import Any

from lstm_ref.parity.implementation import Reference

# By their full names: `lstm_ref.lstm` as an attribute is the function.
MODULES = {name: import_module(f"lstm_ref.{name}")
           for name in ("params", "lstm", "rnn", "loss", "training", "loop", "model")}


@dataclass(frozen=True)
class Mistake:
    """One mistake.

    Attributes:
        name: short.
        sentence: what goes wrong.
        mend: what to do about it.
        check: the check meant to catch it.
        module: of `lstm_ref`, in which it is planted.
        edits: pairs of the right text and the wrong text; each right text stands there exactly once.
    """

    name: str
    sentence: str
    mend: str
    check: str
    module: str
    edits: tuple[tuple[str, str], ...]


class Mistaken(Reference):
    """The reference with one mistake in it.

    Raises:
        LookupError: the right text is not in the source exactly once: the mistake is stale.
    """

    def __init__(self, mistake: Mistake):
        names: dict[str, Any] = {}
        for name, module in MODULES.items():
            source = _edited(module, mistake.edits) if name == mistake.module else inspect.getsource(module)
            # Each module sees the edited definitions of those before it instead of those it imports.
            scope: dict[str, Any] = {"__name__": module.__name__}
            exec(compile(source, f"<{mistake.name}>", "exec"), scope)
            scope.update({key: value for key, value in names.items() if key in scope})
            own = {key: value for key, value in scope.items() if getattr(value, "__module__", "") == module.__name__}
            names |= {name: SimpleNamespace(**own)} if name == "loop" else own
        super().__init__(ref=SimpleNamespace(**names))


def _edited(module: ModuleType, edits: Sequence[tuple[str, str]]) -> str:
    source = inspect.getsource(module)
    for right, wrong in edits:
        if source.count(right) != 1:
            raise LookupError(f"{module.__name__} has {right!r} {source.count(right)} times, expected once")
        source = source.replace(right, wrong)
    return source


def _forward(name: str, sentence: str, mend: str, right: str, wrong: str, check: str = "forward") -> Mistake:
    return Mistake(name, sentence, mend, check, "lstm", ((right, wrong),))


MISTAKES = (
    _forward("input and forget gate exchanged",
             "The input gate is computed from W_xf, W_hf, b_f and the other way round.",
             "Check the order in which the parameters are unpacked or stacked.",
             "    W_xi, W_hi, b_i, W_xf, W_hf, b_f, W_xo", "    W_xf, W_hf, b_f, W_xi, W_hi, b_i, W_xo"),
    _forward("output gate and candidate exchanged", "The order i, f, c, o of many frameworks is read as i, f, o, c.",
             "Reorder the blocks when weights are carried over.",
             "W_xo, W_ho, b_o, W_xc, W_hc, b_c, W_hq, b_q = params",
             "W_xc, W_hc, b_c, W_xo, W_ho, b_o, W_hq, b_q = params"),
    _forward("recurrent matrix transposed", "H is multiplied by the transpose of W_hf.",
             "Multiply H @ W_hf, or transpose once when weights are carried over.",
             "H @ W_hf + b_f", "H @ W_hf.T + b_f"),
    _forward("bias left out", "The output gate has no bias.", "Add b_o.", "H @ W_ho + b_o", "H @ W_ho"),
    _forward("bias twice", "The candidate's bias is added with the input's product and with the state's.",
             "Where a layer has two biases set one of them to zero.", "H @ W_hc + b_c", "H @ W_hc + 2 * b_c"),
    _forward("forget bias of one", "One is added to the forget gate before its activation.",
             "Switch off the layer's unit forget bias.", "H @ W_hf + b_f", "H @ W_hf + b_f + 1"),
    _forward("tanh left out at C", "H is O * C.", "H is O * tanh(C).", "H = O * np.tanh(C)", "H = O * C"),
    _forward("sigmoid for tanh in the candidate", "The candidate is squashed to (0, 1).", "Use tanh.",
             "C_tilda = np.tanh(", "C_tilda = sigmoid("),
    _forward("tanh for sigmoid in the output gate", "The output gate is squashed to (-1, 1).", "Use sigmoid.",
             "O = sigmoid(", "O = np.tanh("),
    _forward("H from the old C", "H is computed before C is.", "Compute C first.",
             "H = O * np.tanh(C)", "H = O * np.tanh(C_prev)"),
    _forward("input gate tied to the forget gate", "C is F * C + (1 - F) * C_tilda.", "Use I.",
             "C = F * C + I * C_tilda", "C = F * C + (1 - F) * C_tilda"),
    _forward("state given as (C, H)", "H and C of the initial state are exchanged.", "The book's order is (H, C).",
             "    H, C = state\n    outputs", "    C, H = state\n    outputs"),
    _forward("state returned as (C, H)", "H and C of the last state are exchanged.", "The book's order is (H, C).",
             "np.concatenate(outputs, axis=0), (H, C)", "np.concatenate(outputs, axis=0), (C, H)", "chunks"),
    _forward("outputs from C", "The output layer reads the memory cell.", "The output layer reads H.",
             "Y = H @ W_hq", "Y = C @ W_hq"),
    _forward("outputs joined over the wrong axis", "Steps are laid side by side instead of one after another.",
             "Concatenate on axis 0.", "np.concatenate(outputs, axis=0)", "np.concatenate(outputs, axis=1)"),
    _forward("outputs batch-major", "The outputs of one example stand together.", "Concatenate step after step.",
             "np.concatenate(outputs, axis=0)", "np.stack(outputs, axis=1).reshape(-1, outputs[0].shape[1])"),
    _forward("gradient not carried through C", "The gradient by C is dropped between time steps.",
             "Multiply it by the forget gate and carry it on.", "dC = dC * step.F", "dC = 0 * step.F", "backward"),
    _forward("peephole in the gradient", "The output gate's gradient uses C where tanh(C) belongs.", "Use tanh(C).",
             "dH * np.tanh(step.C) *", "dH * step.C *", "backward"),
    Mistake("loss summed", "The cross-entropy is a sum over all tokens.", "Divide by their number.", "backward", "loss",
            (("targets].mean()", "targets].sum()"), (" / len(targets)", ""))),
    Mistake("targets batch-major", "The targets are not transposed before they are flattened.", "Y.T.reshape(-1).",
            "step", "training", (("Y.T.reshape(-1), forward", "Y.reshape(-1), forward"),)),
    Mistake("clipping per parameter", "Each gradient is clipped by its own norm.", "Use one norm over all.",
            "clipping", "training",
            (("    norm = gradient_norm(grads)\n", "    norm = np.inf\n"),
             ("[grad * (theta / norm) for grad in grads]",
              "[grad * min(1, theta / (np.sqrt((grad**2).sum()) or 1)) for grad in grads]"))),
    Mistake("clipping with an epsilon", "1e-6 is added to the norm, as torch.nn.utils.clip_grad_norm_ does.",
            "Divide by the norm itself.", "clipping", "training", (("(theta / norm)", "(theta / (norm + 1e-6))"),)),
    Mistake("clipping by value", "Each element is cut off at theta.", "Scale by theta / norm.", "clipping", "training",
            (("[grad * (theta / norm) for", "[np.clip(grad, -theta, theta) for"),)),
    Mistake("clipping always", "Gradients below theta are scaled up to it.", "Only when norm > theta.",
            "clipping", "training", ((" if norm > theta else list(grads)", ""),)),
    Mistake("clipping never", "The clipped gradients are not used.", "Pass them to the update.", "step", "training",
            (("sgd(params, grad_clipping(grads, theta), lr)", "sgd(params, grads, lr)"),)),
    Mistake("learning rate divided by the batch", "sgd divides a mean loss by the batch size again.",
            "Pass batch_size=1.", "step", "training", (("theta), lr), last", "theta), lr, len(X)), last"),)),
    Mistake("weights ten times too large", "The standard deviation is 0.1.", "It is 0.01.", "params", "params",
            (("rng.normal(0, 0.01, shape)", "rng.normal(0, 0.1, shape)"),)),
    Mistake("weights uniform", "The weights are uniform with the right variance.",
            "Draw them from a normal distribution.", "params", "params",
            (("rng.normal(0, 0.01, shape)", "rng.uniform(-0.01, 0.01, shape) * 3**0.5"),)),
    Mistake("one random key for all weights", "All gates start from the same numbers.", "Draw, or split the key, anew.",
            "params", "params",
            (("    rng = np.random.default_rng(rng)\n", "    seed = rng\n"),
             ("rng.normal(0, 0.01, shape)", "np.random.default_rng(seed).normal(0, 0.01, shape)"))),
    Mistake("forget bias starts at one", "b_f is initialised to ones.", "All biases start at zero.", "params", "params",
            (("(np.zeros(shape) if len(shape) == 1", "(np.ones(shape) if len(shape) == 1"),)),
    Mistake("H and C share their memory", "One array is returned twice.", "Make two.", "state", "params",
            (("    return np.zeros((batch_size, num_hiddens), dtype), np.zeros((batch_size, num_hiddens), dtype)",
              "    return (np.zeros((batch_size, num_hiddens), dtype),) * 2"),)),
    Mistake("float64 inside", "The outputs come back in another precision than the inputs.", "Keep the dtype.",
            "forward", "lstm",
            (("return np.concatenate(outputs, axis=0), (H, C)",
              "return np.concatenate(outputs, axis=0).astype('f8' if H.dtype == 'f4' else 'f4'), (H, C)"),)),
    Mistake("NaN replaced", "NaN in the outputs is turned into zero.", "Let it through.", "not_finite", "lstm",
            (("return np.concatenate(outputs, axis=0), (H, C)",
              "return np.nan_to_num(np.concatenate(outputs)), (H, C)"),)),
    Mistake("arguments not checked", "Wrong shapes and dtypes reach the arithmetic.", "Call check_lstm first.",
            "bad_input", "lstm", (("    check_lstm(inputs, state, params)\n", ""),)),
    Mistake("vanilla RNN without the old state", "H is tanh of the input's product alone.", "Add H @ W_hh.",
            "rnn", "rnn", (("X @ W_xh + H @ W_hh + b_h", "X @ W_xh + 0 * (H @ W_hh) + b_h"),)),
    Mistake("state not carried", "Each minibatch of a sequential partition starts from zeros.",
            "Begin a state at the start of an epoch only.", "trajectory", "loop",
            (("state is None or use_random_iter else", "True else"),)),
    Mistake("state carried in random sampling", "A minibatch starts from the state of one it does not continue.",
            "Begin a new state at each minibatch of random sampling.", "trajectory", "loop",
            (("state is None or use_random_iter else", "state is None else"),)),
    Mistake("learning rate decays", "The learning rate is halved at each minibatch.", "The book's stays as it is.",
            "trajectory", "model",
            (("        return loss, state\n", "        lr = lr / 2\n        return loss, state\n"),
             ("        net.params, state, loss", "        nonlocal lr\n        net.params, state, loss"))),
    Mistake("no warm-up", "A prediction starts from the prefix's last character and a state of zeros.",
            "Run the model over the prefix first.", "prediction", "loop", (("in tokens[:-1]:", "in tokens[:0]:"),)),
    Mistake("state not carried in prediction", "Each character is predicted from a state of zeros.",
            "Pass the new state on.", "prediction", "loop",
            (("outputs, state = step(tokens[-1], state)", "outputs, _ = step(tokens[-1], state)"),)),
    Mistake("weights drawn anew", "train_ch8 initialises the model that it is given.",
            "Initialise where a model is made.", "carrier", "model",
            (("    animator = Animator(", "    net.params = net.params._make(p + p.dtype.type(1) for p in net.params)\n"
              "    animator = Animator("),)),
)
