import numpy as np
from helpers import sigmoid


class Recurrent:
    def __init__(self, n_in, n_hidden, n_out):
        self.Wf, self.bf = 0.1 * np.random.randn(n_hidden, n_hidden + n_in), np.zeros((n_hidden, 1))
        self.Wi, self.bi = 0.1 * np.random.randn(n_hidden, n_hidden + n_in), np.zeros((n_hidden, 1))
        self.Wo, self.bo = 0.1 * np.random.randn(n_hidden, n_hidden + n_in), np.zeros((n_hidden, 1))
        self.Wc, self.bc = 0.1 * np.random.randn(n_hidden, n_hidden + n_in), np.zeros((n_hidden, 1))
        self.Wy, self.by = 0.1 * np.random.randn(n_out, n_hidden), np.zeros((n_out, 1))
        self.h, self.c = np.zeros((n_hidden, 1)), np.zeros((n_hidden, 1))

    def step(self, x):
        z = np.concatenate((self.h, x))
        f = sigmoid(self.Wf @ z + self.bf)
        i = sigmoid(self.Wi @ z + self.bi)
        o = sigmoid(self.Wo @ z + self.bo)
        c_bar = np.tanh(self.Wc @ z + self.bc)
        self.c = f * self.c + i * c_bar
        self.h = o * np.tanh(self.c)
        return self.Wy @ self.h + self.by
