"""The LSTM in MXNet, as fast as MXNet can.

The recurrence is the kernel behind `gluon.rnn.LSTM`: written out with MXNet's own operations it can't win, since
`np.dot` reaches a quarter of the kernel's rate on these sizes and each operation costs 20 µs before it begins. What is
left to gain lies around the kernel, where the concise step spends two fifths of its time: the layer and the output
layer are hybridised, loss, clipping and update are few operations, and nothing waits for a number.
"""

from mxnet import autograd, gluon, np, npx

from backends import fused
from backends.mxnet import concise


def clip_factor(grads, theta):
    """What the gradients are multiplied with, and their joint norm."""
    norm = np.sqrt(sum((grad * grad).sum() for grad in grads))
    return np.where(norm > theta, theta / norm, np.ones_like(norm)), norm


class Loss(gluon.HybridBlock):
    """Mean cross-entropy of outputs (n, vocab_size) against one-hot targets, from exp and log as in the tab."""

    def hybrid_forward(self, F, outputs, targets):
        """The mean of log Σ exp - Σ outputs · targets, shifted by the largest output."""
        shifted = F.np.subtract(outputs, F.np.max(outputs, axis=1, keepdims=True))
        losses = F.np.log(F.np.sum(F.np.exp(shifted), axis=1)) - F.np.sum(shifted * targets, axis=1)
        return F.np.mean(losses)


class RNNModelFused(fused.RNNModelFused):
    """See `backends.fused.RNNModelFused`. The parameters stay on their device."""

    clip_factor = staticmethod(clip_factor)

    def __init__(self, params):
        super().__init__(params)
        self.net = concise.from_params(params)
        self.device, self.dtype = params[0].ctx, params[0].dtype
        self.loss = Loss()
        for block in (self.net.rnn, self.net.dense, self.loss):
            block.hybridize(static_alloc=True, static_shape=True)
        rnn, dense = self.net.rnn, self.net.dense
        self.trained = [p.data() for p in (rnn.l0_i2h_weight, rnn.l0_h2h_weight, rnn.l0_i2h_bias, dense.weight,
                                           dense.bias)]

    @property
    def params(self):
        return [param.copy() for param in concise.lstm_params(self.net)]

    def begin_state(self, batch_size):
        return tuple(np.zeros((batch_size, self.num_hiddens), dtype=self.dtype, ctx=self.device) for _ in range(2))

    def where(self):
        return self.device

    def encode(self, tokens):
        """One-hot rows, on the device."""
        return npx.one_hot(tokens.as_in_ctx(self.device), self.vocab_size, dtype=self.dtype)

    def run(self, inputs, state):
        outputs, (H, C) = self.net.run(inputs, [s[None] for s in state])
        return outputs, (H[0], C[0])

    def forward(self, X, state):
        return self.run(self.encode(X.T), state)

    def gradients(self, inputs, state, targets):
        """Loss and new state; the gradients stay with `trained`."""
        with autograd.record():
            outputs, (H, C) = self.net.run(inputs, [s[None] for s in state])
            loss = self.loss(outputs, targets)
        loss.backward()
        return loss, (H[0].detach(), C[0].detach())

    def loss_and_grads(self, inputs, state, targets):
        loss, _ = self.gradients(inputs, state, self.encode(targets))
        return loss, concise.book(*(param.grad for param in self.trained))

    def step(self, X, Y, state, lr, theta):
        loss, state = self.gradients(self.encode(X.T), state, self.encode(Y.T.reshape(-1)))
        factor, norm = clip_factor([param.grad for param in self.trained], theta)
        finite, rate = np.isfinite(loss), lr * factor
        for param in self.trained:
            param -= np.where(finite, param.grad * rate, np.zeros_like(param))
        return loss, norm, state

    def read_token(self, token, state):
        outputs, state = self.forward(np.array([[token]], dtype="int32", ctx=self.device), state)
        return outputs[0].asnumpy(), state


lstm = RNNModelFused.lstm
