"""MXNet as the judge sees it."""

import mxnet
import numpy as np
from mxnet import autograd, npx

from backends import adapter
from backends.mxnet import scratch


class Adapter(adapter.AttachedGradients):
    """See `backends.adapter.AttachedGradients`."""

    tab = scratch

    def __init__(self, device):
        if device == "gpu" and not npx.num_gpus():
            raise RuntimeError(f"device gpu: MXNet {mxnet.__version__} sees no GPU; use --device cpu")
        self.device = npx.gpu() if device == "gpu" else npx.cpu()

    def version(self):
        return mxnet.__version__

    def tensor(self, array):
        array = np.asarray(array)
        return mxnet.np.array(array, dtype=array.dtype, ctx=self.device)

    def array(self, tensor):
        return tensor.asnumpy()

    def trainable(self, params):
        params = self.tensors(params)
        for param in params:
            param.attach_grad()
        return params

    def loss_and_grads(self, inputs, state, params, targets):
        params = self.trainable(params)
        with autograd.record():
            outputs, _ = scratch.lstm(self.tensor(inputs), self.tensors(state), params)
            loss = scratch.loss(outputs, self.tensor(targets)).mean()
        loss.backward()
        return self.array(loss), self.arrays([param.grad for param in params])

    def attach(self, param, grad):
        param.grad[:] = grad

    def model(self, params):
        vocab_size, num_hiddens = params[0].shape
        return scratch.RNNModelScratch(vocab_size, num_hiddens, self.device, lambda *_: params,
                                       scratch.init_lstm_state, scratch.lstm)

    def get_lstm_params(self, vocab_size, num_hiddens, dtype, seed):
        mxnet.random.seed(seed)
        params = scratch.get_lstm_params(vocab_size, num_hiddens, self.device, str(dtype))
        return self.drawn(params, [param.grad is not None for param in params])

    def init_lstm_state(self, batch_size, num_hiddens, dtype):
        state = scratch.init_lstm_state(batch_size, num_hiddens, self.device, str(dtype))
        return self.drawn(state, [tensor.grad is not None for tensor in state])
