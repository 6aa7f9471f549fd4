"""The LSTM in Paddle, as fast as Paddle can.

The recurrence is the kernel behind `nn.LSTM`. Written out with Paddle's own operations, gates side by side and with
its gradient, a step takes 1.6 times as long as here, and compiled by `to_static` longer still. What is left to
gain is around the kernel, where the concise step spends a quarter of its time: loss and output layer have their
gradient written out, clipping and update are a few products without powers, and nothing waits for a result.
"""

import paddle
from paddle.nn import functional

from backends import fused
from backends.paddle import concise


def clip_factor(grads, theta):
    """The factor for the gradients, and their joint norm."""
    largest = paddle.stack([grad.abs().max() for grad in grads]).max()
    scale = paddle.where((largest > 0) & paddle.isfinite(largest), largest, paddle.ones_like(largest))
    parts = [grad / scale for grad in grads]  # so that no square overflows
    norm = scale * paddle.sqrt(sum((part * part).sum() for part in parts))
    return paddle.where(norm > theta, theta / norm, paddle.ones_like(norm)), norm


def output_gradients(Y, targets, weight, bias):
    """Outputs' mean cross-entropy against one-hot targets, and its gradients by Y, (n, h), weight (h, V) and bias."""
    outputs = paddle.addmm(bias, Y, weight)
    shifted = outputs - outputs.max(axis=1, keepdim=True)
    exp = paddle.exp(shifted)
    total = exp.sum(axis=1, keepdim=True)
    loss = (paddle.log(total)[:, 0] - (shifted * targets).sum(axis=1)).mean()
    dO = (exp / total - targets) / len(targets)
    return loss, paddle.matmul(dO, weight, transpose_y=True), (paddle.matmul(Y, dO, transpose_x=True), dO.sum(axis=0))


class RNNModelFused(fused.RNNModelFused):
    """See `backends.fused.RNNModelFused`."""

    tensor = "paddle.Tensor"
    clip_factor = staticmethod(clip_factor)

    def __init__(self, params):
        super().__init__(params)
        self.net, self.dtype = concise.from_params(params), params[0].dtype
        rnn, linear = self.net.rnn, self.net.linear
        self.recurrent = [rnn.weight_ih_l0, rnn.weight_hh_l0, rnn.bias_ih_l0]
        self.output = [linear.weight, linear.bias]

    @property
    def params(self):
        return [param.detach().clone() for param in concise.lstm_params(self.net)]

    def zeros(self, batch_size):
        return tuple(paddle.zeros((batch_size, self.num_hiddens), dtype=self.dtype) for _ in range(2))

    def where(self):
        return self.output[0].place

    def encode(self, tokens):
        """One-hot rows."""
        return functional.one_hot(tokens.astype("int64"), self.vocab_size).astype(self.dtype)

    @paddle.no_grad()
    def run(self, inputs, state):
        outputs, (H, C) = self.net.run(inputs, tuple(s[None] for s in state))
        return outputs, (H[0], C[0])

    def forward(self, X, state):
        return self.run(self.encode(X.T), state)

    def gradients(self, inputs, state, targets):
        """Loss, gradients of `recurrent` and `output`, and the new state."""
        Y, (H, C) = self.net.rnn(inputs, tuple(s[None] for s in state))
        with paddle.no_grad():
            loss, dY, output = output_gradients(Y.flatten(0, 1), targets, *self.output)
            dY = dY.reshape(Y.shape)
        # The kernel needs a place for the gradient of its second bias, too.
        *recurrent, _ = paddle.grad([Y], [*self.recurrent, self.net.rnn.bias_hh_l0], [dY])
        return loss, (*recurrent, *output), (H[0].detach(), C[0].detach())

    def loss_and_grads(self, inputs, state, targets):
        loss, grads, _ = self.gradients(inputs, state, self.encode(targets))
        return loss, concise.book(*grads)

    def step(self, X, Y, state, lr, theta):
        loss, grads, state = self.gradients(self.encode(X.T), state, self.encode(Y.T.reshape([-1])))
        with paddle.no_grad():
            factor, norm = clip_factor(grads, theta)
            finite, rate = paddle.isfinite(loss), lr * factor
            for param, grad in zip((*self.recurrent, *self.output), grads, strict=True):
                param.subtract_(paddle.where(finite, grad * rate, paddle.zeros_like(grad)))
        return loss, norm, state

    def read_token(self, token, state):
        outputs, state = self.forward(paddle.to_tensor([[token]], place=self.where()), state)
        return outputs[0].numpy(), state


lstm = RNNModelFused.lstm
