import numpy as np


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def get_lstm_params(vocab_size, num_hiddens):
    def three():
        return [0.01 * np.random.randn(*s) for s in ((vocab_size, num_hiddens), (num_hiddens, num_hiddens))] + [
            np.zeros(num_hiddens)]
    return [*three(), *three(), *three(), *three(), 0.01 * np.random.randn(num_hiddens, vocab_size), np.zeros(vocab_size)]


def init_lstm_state(batch_size, num_hiddens):
    return np.zeros((batch_size, num_hiddens)), np.zeros((batch_size, num_hiddens))


def lstm(inputs, state, params):
    W_xi, W_hi, b_i, W_xf, W_hf, b_f, W_xo, W_ho, b_o, W_xc, W_hc, b_c, W_hq, b_q = params
    H, C = state
    outputs = []
    for X in inputs:
        I = sigmoid(X @ W_xi + H @ W_hi + b_i)
        F = sigmoid(X @ W_xf + H @ W_hf + b_f)
        O = sigmoid(X @ W_xo + H @ W_ho + b_o)
        C_tilda = np.tanh(X @ W_xc + H @ W_hc + b_c)
        C = F * C + (1 - F) * C_tilda
        H = O * np.tanh(C)
        outputs.append(H @ W_hq + b_q)
    return np.concatenate(outputs), (H, C)
