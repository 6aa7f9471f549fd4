"""A loop that begins with zeros of its own, made two at a time."""
import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Cell:
    def __init__(self, n_x, n_h):
        self.n_h = n_h
        self.Wf, self.Wi, self.Wo, self.Wc = (np.random.randn(n_h, n_h + n_x) for _ in range(4))
        self.bf, self.bi, self.bo, self.bc = (np.zeros((n_h, 1)) for _ in range(4))

    def step(self, x, h, c):
        z = np.vstack([h, x])
        c = sigmoid(self.Wf @ z + self.bf) * c + sigmoid(self.Wi @ z + self.bi) * np.tanh(self.Wc @ z + self.bc)
        return sigmoid(self.Wo @ z + self.bo) * np.tanh(c), c

    def forward(self, xs):
        h, c = np.zeros((self.n_h, xs[0].shape[1])), np.zeros((self.n_h, xs[0].shape[1]))
        hs = []
        for x in xs:
            h, c = self.step(x, h, c)
            hs.append(h)
        return hs, h, c
