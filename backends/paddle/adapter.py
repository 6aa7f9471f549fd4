"""Paddle as the judge sees it."""

import numpy as np
import paddle

from backends import adapter
from backends.paddle import scratch


class Adapter(adapter.AttachedGradients):
    """See `backends.adapter.AttachedGradients`."""

    tab = scratch

    def __init__(self, device):
        if device == "gpu" and not (paddle.is_compiled_with_cuda() and paddle.device.cuda.device_count()):
            raise RuntimeError(f"device gpu: Paddle {paddle.__version__} sees no GPU; use --device cpu")
        paddle.set_device(device)
        self.device = paddle.CUDAPlace(0) if device == "gpu" else paddle.CPUPlace()

    def version(self):
        return paddle.__version__

    def tensor(self, array):
        return paddle.to_tensor(np.asarray(array), place=self.device)

    def array(self, tensor):
        return tensor.numpy()

    def trainable(self, params):
        params = self.tensors(params)
        for param in params:
            param.stop_gradient = False
        return params

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
        return scratch.RNNModelScratch(vocab_size, num_hiddens, lambda *_: params, scratch.init_lstm_state,
                                       scratch.lstm)

    def get_lstm_params(self, vocab_size, num_hiddens, dtype, seed):
        paddle.seed(seed)
        params = scratch.get_lstm_params(vocab_size, num_hiddens, str(dtype))
        return self.drawn(params, [not param.stop_gradient for param in params])

    def init_lstm_state(self, batch_size, num_hiddens, dtype):
        state = scratch.init_lstm_state(batch_size, num_hiddens, str(dtype))
        return self.drawn(state, [not tensor.stop_gradient for tensor in state])
