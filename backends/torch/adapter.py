"""PyTorch as the judge sees it."""

import numpy as np
import torch

from backends import adapter
from backends.torch import scratch


class Adapter(adapter.Adapter):
    """See `backends.adapter.Adapter`."""

    tab = scratch

    def __init__(self, device):
        if device == "gpu" and not torch.cuda.is_available():
            raise RuntimeError(f"device gpu: PyTorch {torch.__version__} sees no CUDA device; use --device cpu")
        self.device = torch.device("cuda" if device == "gpu" else "cpu")
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False  # float32 means float32

    def version(self):
        return torch.__version__

    def tensor(self, array):
        return torch.tensor(np.asarray(array), device=self.device)

    def array(self, tensor):
        return tensor.detach().cpu().numpy()

    def trainable(self, params):
        """Parameters that gather gradients."""
        return [param.requires_grad_(True) for param in self.tensors(params)]

    def loss_and_grads(self, inputs, state, params, targets):
        params = self.trainable(params)
        outputs, _ = scratch.lstm(self.tensor(inputs), self.tensors(state), params)
        loss = scratch.loss(outputs, self.tensor(targets))
        loss.backward()
        return self.array(loss), self.gradients(params, [param.grad for param in params])

    def grad_clipping(self, grads, theta):
        params = self.trainable(grads)
        for param, grad in zip(params, grads, strict=True):
            param.grad = self.tensor(grad)
        scratch.grad_clipping(adapter.Net(params), theta)
        return self.arrays([param.grad for param in params])

    def train_step(self, params, X, Y, state, lr, theta):
        params = self.trainable(params)
        net = scratch.RNNModelScratch(params[0].shape[0], params[1].shape[0], self.device,
                                      lambda *_: params, scratch.init_lstm_state, scratch.lstm)
        loss, last = scratch.train_step_ch8(
            net, self.tensor(X), self.tensor(Y), self.tensors(state), scratch.loss,
            lambda batch_size: scratch.sgd(net.params, lr, batch_size), self.device, theta)
        return self.arrays(net.params), tuple(self.arrays(last)), self.array(loss)

    def get_lstm_params(self, vocab_size, num_hiddens, dtype, seed):
        torch.manual_seed(seed)
        params = scratch.get_lstm_params(vocab_size, num_hiddens, self.device, getattr(torch, str(dtype)))
        return self.drawn(params, [param.requires_grad for param in params])

    def init_lstm_state(self, batch_size, num_hiddens, dtype):
        state = scratch.init_lstm_state(batch_size, num_hiddens, self.device, getattr(torch, str(dtype)))
        return self.drawn(state, [tensor.requires_grad for tensor in state])
