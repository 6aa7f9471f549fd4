"""Mistakes in the state's way in and out, the outputs, and the gradient through time."""

from lstm_ref.parity.mistakes.gates import forward
from lstm_ref.parity.mistakes.mistake import Mistake

RETURN = "return np.concatenate(outputs, axis=0), (H, C)"

STATE = (
    forward("state given as (C, H)", "H and C of the initial state are exchanged.", "The book's order is (H, C).",
            "H, C = state\n    outputs", "C, H = state\n    outputs", "https://github.com/google/flax/pull/5469"),
    forward("state returned as (C, H)", "H and C of the last state are exchanged.", "The book's order is (H, C).",
            RETURN, "return np.concatenate(outputs, axis=0), (C, H)", "https://github.com/microsoft/nni/pull/2842",
            "chunks"),
    forward("initial state ignored", "Every call starts from zeros.", "Start from the state that is given.",
            "H, C = state\n    outputs", "H, C = 0 * state[0], 0 * state[1]\n    outputs",
            "https://github.com/PaddlePaddle/Paddle/pull/27644"),
    forward("first state returned", "The state that was given comes back.", "Return the state after the last step.",
            RETURN, "return np.concatenate(outputs, axis=0), (state[0], state[1])"),
    Mistake("float64 inside", "The outputs come back in another precision than the inputs.", "Keep the dtype.",
            "forward", (("lstm", RETURN, "dtype = 'f8' if H.dtype == 'f4' else 'f4'\n"
                         "    return np.concatenate(outputs, axis=0).astype(dtype), (H, C)"),),
            "https://github.com/pytorch/pytorch/issues/2138", alone=True),
)

OUTPUTS = (
    forward("outputs from C", "The output layer reads the memory cell.", "The output layer reads H.",
            "Y = H @ W_hq", "Y = C @ W_hq"),
    forward("outputs from the old H", "The output layer reads the state before the step.", "Read the new H.",
            "        Y = H @ W_hq", "        Y = H_prev @ W_hq"),
    forward("b_q left out", "The output layer has no bias.", "Add b_q.", "Y = H @ W_hq + b_q", "Y = H @ W_hq"),
    forward("tanh on the outputs", "The outputs are squashed.", "The output layer has no activation.",
            "Y = H @ W_hq + b_q", "Y = np.tanh(H @ W_hq + b_q)"),
    forward("outputs joined over the wrong axis", "Steps are laid side by side instead of one after another.",
            "Concatenate on axis 0.", "np.concatenate(outputs, axis=0)", "np.concatenate(outputs, axis=1)"),
    forward("outputs batch-major", "The outputs of one example stand together.", "Concatenate step after step.",
            "np.concatenate(outputs, axis=0)", "np.stack(outputs, axis=1).reshape(-1, outputs[0].shape[1])",
            "https://github.com/NervanaSystems/neon/issues/311"),
    forward("outputs in reverse order", "The last step's outputs stand first.", "Append each step's outputs.",
            "np.concatenate(outputs, axis=0)", "np.concatenate(outputs[::-1], axis=0)",
            "https://github.com/onnx/keras-onnx/issues/523"),
    forward("sequence read backwards", "The last step is read first.", "Go through the steps in order.",
            "    for X in inputs:", "    for X in inputs[::-1]:", "https://github.com/keras-team/keras/pull/1934"),
    forward("only the last step's outputs", "The outputs of the other steps are missing.",
            "Ask the layer for the whole sequence.", "np.concatenate(outputs, axis=0)", "outputs[-1]"),
    forward("NaN replaced", "NaN in the outputs is turned into zero.", "Let it through.", RETURN,
            "return np.nan_to_num(np.concatenate(outputs, axis=0)), (H, C)",
            "https://github.com/pyg-team/pytorch_geometric/pull/10336", "not_finite"),
    Mistake("arguments not checked", "Wrong shapes and dtypes reach the arithmetic.", "Call check_lstm first.",
            "bad_input", (("lstm", "    check_lstm(inputs, state, params)\n", ""),
                          ("training", "    check_model(params, names_of(params))\n", "")), by_hand=False),
)


def _backward(name: str, sentence: str, fix: str, right: str, wrong: str, source: str = "") -> Mistake:
    return Mistake(name, sentence, fix, "backward", (("lstm", right, wrong),), source)


GRADIENT = (
    _backward("gradient not carried through C", "C is detached at each step.",
              "Keep C in the graph; multiply its gradient by the forget gate and carry it on.",
              "dC = dC * step.F", "dC = 0 * step.F", "https://github.com/dpressel/dliss-tutorial/issues/1"),
    _backward("gradient not carried through H", "H is detached at each step.", "Keep H in the graph.",
              'dH = sum(dA_k @ W[f"W_h{k}"].T for k, dA_k in dA.items())',
              'dH = 0 * sum(dA_k @ W[f"W_h{k}"].T for k, dA_k in dA.items())',
              "https://github.com/dpressel/dliss-tutorial/issues/1"),
    Mistake("state detached at each step", "H and C are both detached at each step.",
            "Detach between minibatches only.", "backward",
            (("lstm", "dC = dC * step.F", "dC = 0.0 * step.F"),
             ("lstm", 'dH = sum(dA_k @ W[f"W_h{k}"].T for k, dA_k in dA.items())',
              'dH = 0.0 * sum(dA_k @ W[f"W_h{k}"].T for k, dA_k in dA.items())'))),
    Mistake("gradient not carried to the initial state", "The state that is given is detached.",
            "Detach between minibatches, outside of lstm.", "vjp",
            (("lstm", "tape[0].X.shape)), (dH, dC))", "tape[0].X.shape)), (0 * dH, 0 * dC))"),)),
    _backward("output gate's gradient from C", "The output gate's gradient uses C where tanh(C) belongs.",
              "Use tanh(C).", "dH * np.tanh(step.C) *", "dH * step.C *"),
    _backward("recurrent gradient from the new H", "The gradient of W_h* is made of the state after the step.",
              "Use the state before it.", "H_prev.T @ dA_k", "H.T @ dA_k"),
    _backward("forget gate's gradient from the new C", "The forget gate's gradient uses the cell after the step.",
              "Use the cell before it.", "dC * step.C_prev * dsigmoid", "dC * step.C * dsigmoid"),
    Mistake("vanilla RNN without the old state", "H is tanh of the input's product alone.", "Add H @ W_hh.", "forward",
            (("rnn", "X @ W_xh + H @ W_hh + b_h", "X @ W_xh + 0 * (H @ W_hh) + b_h"),), by_hand=False,
            cell="rnn"),
    Mistake("vanilla RNN with a sigmoid", "H is squashed to (0, 1).", "Use tanh.", "forward",
            (("rnn", "H = np.tanh(A := X @ W_xh + H @ W_hh + b_h)",
              "A = X @ W_xh + H @ W_hh + b_h; H = 0.5 + 0.5 * np.tanh(0.5 * A)"),), by_hand=False, cell="rnn"),
)
