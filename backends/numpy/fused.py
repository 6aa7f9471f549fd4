"""The LSTM in NumPy, as fast as NumPy can: the reference's maths in a few large products and kept buffers.

Batches lie in columns, so that a gate is a block of contiguous rows. The weights of the gates o, i, f, c are stacked in
one matrix W, (4h, h + V + 1): its columns belong to H, to the input and to the number one, which carries the bias. One
product per step then serves all gates, input and bias, and one product serves all their gradients at the end. On the
book's sizes products take two thirds of the time of a step; each elementwise pass over a gate costs 0.7 %.
"""

import numpy as np

from backends import fused
from lstm_ref.params import LSTMParams
from lstm_ref.training import gradient_norm

GATES = "oifc"  # a sigmoid for the first three; the last three go through C


def pack(params):
    """W and the output layer's W_hq and b_q from the book's 14 parameters, as new arrays."""
    p = LSTMParams(*params)._asdict()
    rows = [np.concatenate([p[f"W_h{k}"], p[f"W_x{k}"], p[f"b_{k}"][None]]).T for k in GATES]
    return np.ascontiguousarray(np.concatenate(rows)), p["W_hq"].copy(), p["b_q"].copy()


def unpack(W, W_hq, b_q):
    """The 14 parameters, or their gradients, as copies in the book's order."""
    h = len(W_hq)
    blocks = {k: block.T.copy() for k, block in zip(GATES, np.split(W, 4), strict=True)}
    gates = {name: part for k, b in blocks.items()
             for name, part in ((f"W_x{k}", b[h:-1]), (f"W_h{k}", b[:h]), (f"b_{k}", b[-1]))}
    return LSTMParams(**gates, W_hq=W_hq, b_q=b_q)


class Work:
    """The buffers of a sequence of T steps with B examples, and both passes over it.

    They are kept: new buffers of this size would need fresh pages from the operating system at every step.
    """

    def __init__(self, T, B, V, h, dtype):
        self.sizes = T, B, V, h

        def empty(*shape):
            return np.empty(shape, dtype)

        self.read = np.zeros((T + 1, h + V + 1, B), dtype)  # what W reads at each step: H, input, one
        self.read[:, -1] = 1
        self.inputs = self.read[:T, h:-1]
        self.half, self.gate, self.kept = empty(4 * h, h + V + 1), empty(4 * h, B), empty(2 * h, B)
        self.C, self.tanh_C, self.one = empty(h, B), empty(h, B), empty(h, B)
        self.F, self.through, self.slopes = empty(T, h, B), empty(T, h, B), empty(T, 4 * h, B)
        self.dHs, self.dC, self.W_h = empty(T, h, B), empty(h, B), empty(h, 4 * h)
        self.all_dA, self.all_read, self.dW = empty(4 * h, T, B), empty(h + V + 1, T + 1, B), empty(4 * h, h + V + 1)

    def encoded(self, inputs):
        """Take encoded inputs, (T, B, V)."""
        self.inputs[...] = inputs.transpose(0, 2, 1)

    def tokens(self, X):
        """Take tokens, (B, T), for inputs."""
        T, B, _, _ = self.sizes
        self.inputs[...] = 0
        self.inputs[np.arange(T)[:, None], X.T, np.arange(B)] = 1

    def begin(self, state):
        """Take (H, C), each (B, h), for the initial state."""
        self.read[0, :self.sizes[3]], self.C[...] = state[0].T, state[1].T

    def forward(self, W, training):
        """All steps: H in `read`, the last C, and in training the backward pass's factors."""
        T, _, _, h = self.sizes
        # σ(x) = (1 + tanh(x / 2)) / 2, so one tanh serves all gates.
        self.half[...] = W
        self.half[:3 * h] *= 0.5
        A, C, kept = self.gate, self.C, self.kept
        sigmoids, O, I, F, C_tilda, I_and_F = A[:3 * h], A[:h], A[h:2 * h], A[2 * h:3 * h], A[3 * h:], A[h:3 * h]
        IC_tilda, FC = kept[:h], kept[h:]
        for t in range(T):
            np.tanh(np.matmul(self.half, self.read[t], out=A), out=A)
            sigmoids *= 0.5
            sigmoids += 0.5
            np.multiply(I, C_tilda, out=IC_tilda)
            np.multiply(F, C, out=FC)
            np.add(FC, IC_tilda, out=C)
            H = np.multiply(O, self.squashed(), out=self.read[t + 1, :h])
            if training:  # while all of it is in the cache: the factors of dH, for o, and of dC, for i, f, c
                slope, through = self.slopes[t], self.through[t]
                np.subtract(H, np.multiply(H, O, out=slope[:h]), out=slope[:h])  # tanh(C) O (1 - O)
                np.subtract(kept, np.multiply(kept, I_and_F, out=slope[h:3 * h]), out=slope[h:3 * h])
                np.subtract(I, np.multiply(IC_tilda, C_tilda, out=slope[3 * h:]), out=slope[3 * h:])  # I (1 - C̃²)
                self.slope(O, H, through)
                self.F[t] = F

    def squashed(self):
        """What the output gate lets through: tanh(C)."""
        return np.tanh(self.C, out=self.tanh_C)

    def slope(self, O, H, out):
        """The factor from dH to dC: O (1 - tanh²(C))."""
        np.subtract(O, np.multiply(H, self.tanh_C, out=out), out=out)

    def outputs(self, W_hq, b_q):
        """(T, V, B)."""
        return np.matmul(W_hq.T, self.read[1:, :self.sizes[3]]) + b_q[:, None]

    def state(self):
        """The last (H, C), as copies."""
        return self.read[-1, :self.sizes[3]].T.copy(), self.C.T.copy()

    def backward(self, W, W_hq, dY):
        """The gradients of W, W_hq and b_q from that of the outputs, (T, V, B); `slopes` is overwritten."""
        T, B, _, h = self.sizes
        np.matmul(W_hq, dY, out=self.dHs)
        W_h, dA, dC, one = self.W_h, None, self.dC, self.one
        W_h[...] = W[:, :h].T  # laid out once, not in each of the products
        dC[...] = 0
        for t in reversed(range(T)):
            dH = self.dHs[t]
            if dA is not None:
                dH += np.matmul(W_h, dA, out=one)
            dC += np.multiply(dH, self.through[t], out=one)
            dA = self.slopes[t]
            dA[:h] *= dH
            through_C = dA[h:].reshape(3, h, B)
            through_C *= dC
            dC *= self.F[t]
        # One product for the gradients of all weights, inputs and biases, over all steps.
        self.all_dA[...] = self.slopes.transpose(1, 0, 2)
        self.all_read[...] = self.read.transpose(1, 0, 2)
        np.matmul(self.all_dA.reshape(-1, T * B), self.all_read[:, :T].reshape(-1, T * B).T, out=self.dW)
        dY = dY.transpose(1, 0, 2).reshape(-1, T * B)
        return self.dW, self.all_read[:h, 1:].reshape(h, T * B) @ dY.T, dY.sum(axis=1)


def log_softmax(outputs):
    """Over the vocabulary, the axis before the last."""
    shifted = outputs - outputs.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def clip_factor(grads, theta):
    """The factor for the gradients, and their joint norm."""
    squared = sum(np.vdot(grad, grad) for grad in grads)
    small = np.finfo(squared.dtype).tiny / np.finfo(squared.dtype).eps
    norm = np.sqrt(squared) if small < squared < np.inf else gradient_norm(grads)  # the squares leave the range
    return (theta / norm if norm > theta else norm.dtype.type(1)), norm


def rows(outputs):
    """(T, V, B) as (T * B, V)."""
    return outputs.transpose(0, 2, 1).reshape(-1, outputs.shape[1])


def cross_entropy(outputs, targets):
    """The mean cross-entropy of outputs (T, V, B) against tokens (T, B), and its gradient by the outputs."""
    log_p = log_softmax(outputs)
    picked = np.arange(len(targets))[:, None], targets, np.arange(targets.shape[1])
    dY = np.exp(log_p)
    dY[picked] -= 1
    dY /= targets.size
    return -log_p[picked].mean(), dY


class RNNModelFused(fused.RNNModelFused):
    """See `backends.fused.RNNModelFused`. Its buffers are kept for the last size of minibatch."""

    clip_factor = staticmethod(clip_factor)
    Work = Work

    def __init__(self, params):
        super().__init__(params)
        self.W, self.W_hq, self.b_q = pack(params)
        self.num_inputs, self.buffers = self.vocab_size, None

    @property
    def params(self):
        return unpack(self.W, self.W_hq.copy(), self.b_q.copy())

    def zeros(self, batch_size):
        return tuple(np.zeros((batch_size, self.num_hiddens), self.W.dtype) for _ in range(2))

    def where(self):
        return "cpu"

    def work(self, T, B, state):
        """The buffers for such a minibatch, with this state in them."""
        sizes = T, B, self.num_inputs, self.num_hiddens
        if self.buffers is None or self.buffers.sizes != sizes:
            self.buffers = self.Work(*sizes, self.W.dtype)
        self.buffers.begin(state)
        return self.buffers

    def reading(self, X, state):
        """The buffers with tokens X, (B, T), for inputs."""
        work = self.work(*X.T.shape, state)
        work.tokens(X)
        return work

    def trained(self):
        """The arrays that a step updates."""
        return self.W, self.W_hq, self.b_q

    def gradients(self, work, X, dY):
        """Their gradients, from that of the outputs for tokens X."""
        return work.backward(self.W, self.W_hq, dY)

    def outputs(self, work, training=False):
        """The forward pass: outputs, (T, V, B)."""
        work.forward(self.W, training)
        return work.outputs(self.W_hq, self.b_q)

    def run(self, inputs, state):
        work = self.work(*inputs.shape[:2], state)
        work.encoded(inputs)
        return rows(self.outputs(work)), work.state()

    def forward(self, X, state):
        X = np.asarray(X, int)
        work = self.reading(X, state)
        return rows(self.outputs(work)), work.state()

    def loss_and_grads(self, inputs, state, targets):
        work = self.work(*inputs.shape[:2], state)
        work.encoded(inputs)
        loss, dY = cross_entropy(self.outputs(work, training=True), np.asarray(targets, int).reshape(inputs.shape[:2]))
        return loss, unpack(*work.backward(self.W, self.W_hq, dY))

    def step(self, X, Y, state, lr, theta):
        X, Y = np.asarray(X, int), np.asarray(Y, int)
        work = self.reading(X, state)
        loss, dY = cross_entropy(self.outputs(work, training=True), Y.T)
        grads = self.gradients(work, X, dY)
        factor, norm = clip_factor(grads, theta)
        if np.isfinite(loss):
            for param, grad in zip(self.trained(), grads, strict=True):
                grad *= lr * factor
                param -= grad
        return loss, norm, work.state()

    def read_token(self, token, state):
        outputs, state = self.forward(np.array([[token]]), state)
        return outputs[0], state


lstm = RNNModelFused.lstm
