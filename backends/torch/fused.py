"""The LSTM in PyTorch, as fast as PyTorch can.

The recurrence is the kernel behind `nn.LSTM`: on two cores it takes 1.2 times as long as its matrix products alone, and
no sequence of PyTorch's own operations came near it (gates side by side, buffers kept, written out: 1.25 times the
concise step; all of that compiled as a whole: 1.5 times the fused step, after 40 s). What is left to gain is around
it: tokens become inputs by one lookup, the gradient of loss and output layer is written out, clipping and update
touch five tensors once, and nothing waits for a number from the device. On a CUDA device the whole step is one graph.
"""

import torch

from backends import fused
from backends.torch import concise


def clip_factor(grads, theta):
    """The factor for the gradients, and their joint norm."""
    largest = torch.stack([grad.abs().amax() for grad in grads]).max()  # vector_norm takes ten times as long for it
    scale = torch.where((largest > 0) & largest.isfinite(), largest, torch.ones_like(largest))
    norms = torch.stack([torch.linalg.vector_norm(grad / scale) for grad in grads])  # so that no square overflows
    norm = scale * torch.linalg.vector_norm(norms)
    return torch.where(norm > theta, theta / norm, torch.ones_like(norm)), norm


def output_gradients(Y, y, weight, bias):
    """Outputs' mean cross-entropy against tokens y, (n,), and its gradients by Y, (n, h), weight (V, h) and bias."""
    log_p = torch.log_softmax(torch.addmm(bias, Y, weight.T), dim=1)
    loss = -log_p.gather(1, y[:, None]).mean()
    dO = log_p.exp_()
    dO.scatter_add_(1, y[:, None], dO.new_full((1, 1), -1).expand(len(y), 1))
    dO /= len(y)
    return loss, dO @ weight, (dO.T @ Y, dO.sum(dim=0))


class RNNModelFused(fused.RNNModelFused):
    """See `backends.fused.RNNModelFused`. The parameters stay on their device."""

    tensor = "torch.Tensor"
    clip_factor = staticmethod(clip_factor)

    def __init__(self, params):
        super().__init__(params)
        self.net = concise.from_params(params)
        self.eye = torch.eye(self.vocab_size, dtype=params[0].dtype, device=params[0].device)
        rnn, linear = self.net.rnn, self.net.linear
        self.recurrent = [rnn.weight_ih_l0, rnn.weight_hh_l0, rnn.bias_ih_l0]
        self.output = [linear.weight, linear.bias]
        self.graphs = {}

    @property
    def params(self):
        return [param.detach().clone() for param in concise.lstm_params(self.net)]

    def zeros(self, batch_size):
        return tuple(torch.zeros((batch_size, self.num_hiddens), dtype=self.eye.dtype, device=self.eye.device)
                     for _ in range(2))

    def where(self):
        return self.eye.device

    def encode(self, X):
        """One-hot inputs, (num_steps, batch_size, vocab_size), for tokens (batch_size, num_steps)."""
        return self.eye[X.T.to(self.eye.device).long()]  # a mask, were they uint8

    @torch.no_grad()
    def run(self, inputs, state):
        outputs, (H, C) = self.net.run(inputs, tuple(s[None] for s in state))
        return outputs, (H[0], C[0])

    def forward(self, X, state):
        return self.run(self.encode(X), state)

    def gradients(self, inputs, state, y):
        """Loss, gradients of `recurrent` and `output`, and the new state."""
        Y, (H, C) = self.net.rnn(inputs, tuple(s[None] for s in state))
        with torch.no_grad():
            loss, dY, output = output_gradients(Y.flatten(0, 1), y, *self.output)
        recurrent = torch.autograd.grad(Y, self.recurrent, dY.view_as(Y))
        return loss, (*recurrent, *output), (H[0].detach(), C[0].detach())

    def loss_and_grads(self, inputs, state, targets):
        loss, (ih, hh, bias, weight, bias_q), _ = self.gradients(inputs, state, targets.long())
        return loss, concise.book(ih, hh, bias, weight, bias_q)

    def step(self, X, Y, state, lr, theta):
        return (self.graph if self.eye.is_cuda else self.compute)(X, Y, state, lr, theta)

    def compute(self, X, Y, state, lr, theta):
        """`step`, operation by operation."""
        loss, grads, state = self.gradients(self.encode(X), state, Y.T.reshape(-1).to(self.eye.device).long())
        factor, norm = clip_factor(grads, theta)
        finite, rate = torch.isfinite(loss), lr * factor
        with torch.no_grad():
            for param, grad in zip((*self.recurrent, *self.output), grads, strict=True):
                if self.eye.is_cuda:  # where nothing waits for a number
                    param.sub_(torch.where(finite, grad.mul_(rate), 0))
                elif finite:
                    param.sub_(grad, alpha=rate.item())
        return loss, norm, state

    def graph(self, X, Y, state, lr, theta):
        """`step`, recorded once for each size of minibatch and replayed: one launch instead of hundreds."""
        if X.shape not in self.graphs:
            self.graphs[X.shape] = self.record(X, Y, state)
        recorded, given, results = self.graphs[X.shape]
        for place, value in zip(given, (X, Y, *state, lr, theta), strict=True):
            place.copy_(value) if torch.is_tensor(value) else place.fill_(value)
        recorded.replay()
        loss, norm, (H, C) = results
        return loss.clone(), norm.clone(), (H.clone(), C.clone())

    def record(self, X, Y, state):
        """The graph, the tensors it reads and those it writes."""
        number = torch.zeros((), dtype=self.eye.dtype, device=self.eye.device)
        given = [value.to(self.eye.device, copy=True) for value in (X, Y, *state)] + [number, number.clone()]
        given[-1].fill_(1)

        def compute():
            X, Y, H, C, lr, theta = given
            return self.compute(X, Y, (H, C), lr, theta)

        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):  # warm-up, at a learning rate of 0 so that it changes nothing
            for _ in range(3):
                compute()
        torch.cuda.current_stream().wait_stream(aside)
        recorded = torch.cuda.CUDAGraph()
        with torch.cuda.graph(recorded):
            results = compute()
        return recorded, given, results

    def read_token(self, token, state):
        with torch.no_grad():
            outputs, state = self.run(self.eye[token][None, None], state)
        return outputs[0].cpu().numpy(), state


lstm = RNNModelFused.lstm
