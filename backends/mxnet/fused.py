"""The LSTM in MXNet, as fast as MXNet can.

The recurrence is the kernel behind `gluon.rnn.LSTM`: written out with MXNet's own operations it can't win, since the
products alone take as long as the kernel (with `np.dot` four times as long), and each operation costs 20 µs more. What
is left to gain is around the kernel, where the concise step spends more than half of its time. The kernel reads its
parameters from one vector, which the layer assembles at every step; here this vector itself is trained. And some
operations are slow: `np.where` takes 7 ms over the recurrent weights and the older `nd.where` 0.3, a sum of squares
takes 1.7 ms and `np.dot` 0.6. Hybridised blocks keep their buffers, and nothing waits for a result.
"""

from mxnet import autograd, gluon, nd, np, npx

from backends import fused
from backends.mxnet import concise


def clip_factor(grads, theta):
    """The factor for the gradients, and their joint norm."""
    largest = np.stack([np.abs(grad).max() for grad in grads]).max()
    scale = np.where((largest > 0) * np.isfinite(largest), largest, np.ones_like(largest))
    parts = [(grad / scale).reshape(-1) for grad in grads]  # so that no square overflows
    norm = scale * np.sqrt(sum(np.dot(part, part) for part in parts))
    return np.where(norm > theta, theta / norm, np.ones_like(norm)), norm


def zero_unless(finite, array):
    """The array, or zeros where finite, an array of one number, is 0."""
    row = array.reshape(1, -1).as_nd_ndarray()
    return nd.where(finite.as_nd_ndarray(), row, nd.zeros_like(row)).as_np_ndarray().reshape(array.shape)


class Recurrence(gluon.HybridBlock):
    """The kernel behind `gluon.rnn.LSTM`: H at all steps and the last H and C, these as (1, batch_size, num_hiddens).

    `flat` has the layer's parameters one after the other: those of the inputs, (4h, V), of H, (4h, h), and two biases.
    """

    def __init__(self, num_hiddens):
        super().__init__()
        self.num_hiddens = num_hiddens

    def hybrid_forward(self, F, inputs, flat, H, C):
        """For inputs (num_steps, batch_size, V)."""
        return F.npx.rnn(inputs, flat, H, C, state_size=self.num_hiddens, num_layers=1, mode="lstm", state_outputs=True)


class Loss(gluon.HybridBlock):
    """Mean cross-entropy of outputs (n, vocab_size) against one-hot targets, from exp and log as in the tab."""

    def hybrid_forward(self, F, outputs, targets):
        """The mean of log Σ exp - Σ outputs · targets, shifted by the largest output."""
        shifted = F.np.subtract(outputs, F.np.max(outputs, axis=1, keepdims=True))
        losses = F.np.log(F.np.sum(F.np.exp(shifted), axis=1)) - F.np.sum(shifted * targets, axis=1)
        return F.np.mean(losses)


class RNNModelFused(fused.RNNModelFused):
    """See `backends.fused.RNNModelFused`. The parameters stay on their device."""

    tensor = "mxnet.np.ndarray"
    clip_factor = staticmethod(clip_factor)

    def __init__(self, params):
        super().__init__(params)
        self.device, self.dtype = params[0].ctx, params[0].dtype
        net = concise.from_params(params)
        rnn, dense = net.rnn, net.dense
        layer = rnn.l0_i2h_weight, rnn.l0_h2h_weight, rnn.l0_i2h_bias, rnn.l0_h2h_bias
        self.flat = np.concatenate([param.data().reshape(-1) for param in layer])
        self.weight, self.bias = dense.weight.data().copy(), dense.bias.data().copy()
        for param in (self.flat, self.weight, self.bias):
            param.attach_grad()
        # The second bias of the layer stays zero: the last 4h numbers are not trained.
        self.trained = [self.flat[:-4 * self.num_hiddens], self.weight, self.bias]
        self.rnn, self.loss = Recurrence(self.num_hiddens), Loss()
        for block in (self.rnn, self.loss):
            block.hybridize(static_alloc=True, static_shape=True)

    @property
    def grads(self):
        """The gradients by `trained`."""
        return [self.flat.grad[:-4 * self.num_hiddens], self.weight.grad, self.bias.grad]

    def book(self, flat, weight, bias):
        """The 14 parameters, or gradients, of the book from `trained`, or its gradients, as copies."""
        V, h = self.vocab_size, self.num_hiddens
        ih, hh, b = flat[:4 * h * V], flat[4 * h * V:-4 * h], flat[-4 * h:]
        return [part.copy() for part in concise.book(ih.reshape(4 * h, V), hh.reshape(4 * h, h), b, weight, bias)]

    @property
    def params(self):
        return self.book(*self.trained)

    def zeros(self, batch_size):
        return tuple(np.zeros((batch_size, self.num_hiddens), dtype=self.dtype, ctx=self.device) for _ in range(2))

    def where(self):
        return self.device

    def encode(self, tokens):
        """One-hot rows, on the device."""
        return npx.one_hot(tokens.as_in_ctx(self.device), self.vocab_size, dtype=self.dtype)

    def run(self, inputs, state):
        Y, H, C = self.rnn(inputs, self.flat, *(s[None] for s in state))
        outputs = npx.fully_connected(Y.reshape(-1, self.num_hiddens), self.weight, self.bias,
                                      num_hidden=self.vocab_size, flatten=False)
        return outputs, (H[0], C[0])

    def forward(self, X, state):
        return self.run(self.encode(X.T), state)

    def gradients(self, inputs, state, targets):
        """Loss and new state; the gradients are in `grads`."""
        with autograd.record():
            outputs, (H, C) = self.run(inputs, state)
            loss = self.loss(outputs, targets)
        loss.backward()
        return loss, (H.detach(), C.detach())

    def loss_and_grads(self, inputs, state, targets):
        loss, _ = self.gradients(inputs, state, self.encode(targets))
        return loss, self.book(*self.grads)

    def step(self, X, Y, state, lr, theta):
        loss, state = self.gradients(self.encode(X.T), state, self.encode(Y.T.reshape(-1)))
        factor, norm = clip_factor(self.grads, theta)
        finite, rate = np.isfinite(loss).astype(self.dtype).reshape(1), lr * factor
        for param, grad in zip(self.trained, self.grads, strict=True):
            param -= zero_unless(finite, grad * rate)
        return loss, norm, state

    def read_token(self, token, state):
        outputs, state = self.forward(np.array([[token]], dtype="int32", ctx=self.device), state)
        return outputs[0].asnumpy(), state


lstm = RNNModelFused.lstm
