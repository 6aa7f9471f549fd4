import numpy as np

sigmoid = lambda z: 1 / (1 + np.exp(-z))


def make(num_inputs, num_hiddens, num_outputs):
    triple = lambda: (0.01 * np.random.randn(num_inputs, num_hiddens), 0.01 * np.random.randn(num_hiddens, num_hiddens),
                      np.zeros(num_hiddens))
    return {**{gate: triple() for gate in ("input", "forget", "output", "candidate")},
            "q": (0.01 * np.random.randn(num_hiddens, num_outputs), np.zeros(num_outputs))}


def lstm(inputs, H, C, params):
    def affine(gate, X, H):
        W_x, W_h, b = params[gate]
        return X @ W_x + H @ W_h + b

    W_hq, b_q = params["q"]
    outputs = np.empty((*inputs.shape[:2], len(b_q)))
    for t, X in enumerate(inputs):
        C_new = sigmoid(affine("forget", X, H)) * C + sigmoid(affine("input", X, H)) * np.tanh(affine("candidate", X, H))
        H = sigmoid(affine("output", X, H)) * np.tanh(C_new)
        C = C_new
        outputs[t] = H @ W_hq + b_q
    return outputs, H, C
