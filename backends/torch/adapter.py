"""PyTorch as the judge sees it."""

import numpy as np
import torch

from backends import adapter
from backends.torch import scratch


class Adapter(adapter.AttachedGradients):
    """See `backends.adapter.AttachedGradients`."""

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
        return [param.requires_grad_(True) for param in self.tensors(params)]

    def loss_and_grads(self, inputs, state, params, targets):
        params = self.trainable(params)
        outputs, _ = scratch.lstm(self.tensor(inputs), self.tensors(state), params)
        loss = scratch.loss(outputs, self.tensor(targets))
        loss.backward()
        return self.array(loss), self.gradients(params, [param.grad for param in params])

    def attach(self, param, grad):
        param.grad = grad

    def model(self, params):
        vocab_size, num_hiddens = params[0].shape
        return scratch.RNNModelScratch(vocab_size, num_hiddens, self.device, lambda *_: params,
                                       scratch.init_lstm_state, scratch.lstm)

    def get_lstm_params(self, vocab_size, num_hiddens, dtype, seed):
        torch.manual_seed(seed)
        params = scratch.get_lstm_params(vocab_size, num_hiddens, self.device, getattr(torch, str(dtype)))
        return self.drawn(params, [param.requires_grad for param in params])

    def init_lstm_state(self, batch_size, num_hiddens, dtype):
        state = scratch.init_lstm_state(batch_size, num_hiddens, self.device, getattr(torch, str(dtype)))
        return self.drawn(state, [tensor.requires_grad for tensor in state])
