"""Paddle as the judge sees it."""

from typing import ClassVar

import paddle
from paddle import nn

from backends import adapter, attached
from backends.paddle import aliases, concise, fused, scratch, training
from lstm_ref.parity.interface import Paddle


class Adapter(adapter.Adapter, Paddle):
    """See `backends.adapter.Adapter`."""

    def __init__(self, device):
        super().__init__(device)
        self.gpu = device == "gpu"
        self.implementations = {"scratch": Scratch(self), "concise": Concise(self), "fused": adapter.Fused(self, fused)}

    def thorough(self):
        return {"compiled": Compiled(self, paddle.jit.to_static)}

    def synchronize(self):
        if self.gpu:
            paddle.device.synchronize()

    def device_name(self):
        return paddle.device.cuda.get_device_name() if self.gpu else "cpu"

    def device_memory(self):
        return paddle.device.cuda.max_memory_allocated() if self.gpu else None


class Shared(attached.AttachedGradients):
    """What both implementations share."""

    training = training

    def inference(self, net):
        return paddle.no_grad()(lambda X, state: net(X, state))

    def begin_state(self, net, batch_size):
        return net.begin_state(batch_size=batch_size)


class Scratch(Shared, attached.AttachedScratch):
    """The tab."""

    functions, aliases = scratch, aliases

    def net(self, params):
        params = [self.adapter.parameter(param) for param in params]
        return scratch.RNNModelScratch(*params[0].shape, *self.functions_for(params))

    def set_weights(self, net, weights):
        with paddle.no_grad():
            for param, array in zip(net.params, weights.values(), strict=True):
                param.set_value(self.tensor(array))

    def draw(self, function, vocab_size, num_hiddens, dtype, seed):
        self.adapter.seed(seed)
        params = function(vocab_size, num_hiddens, str(dtype))
        return self.adapter.drawn(params, [not param.stop_gradient for param in params])

    def begin(self, function, batch_size, num_hiddens, dtype):
        state = function(batch_size, num_hiddens, str(dtype))
        return self.adapter.drawn(state, [not tensor.stop_gradient for tensor in state])


class Compiled(adapter.Compiled, Scratch):
    """Through `paddle.jit.to_static`."""

    what = "paddle.jit.to_static, on ragged and clipped"


class Concise(Shared, attached.AttachedConcise):
    """`nn.LSTM`."""

    functions = concise
    defects: ClassVar[dict[str, str]] = {
        "backward on gru_after-far": "the gradient of nn.GRU is NaN where exp overflows (docs/findings.md)"}

    def start(self, cell, vocab_size, num_hiddens, seed):
        self.adapter.seed(seed)
        layer = {"lstm": nn.LSTM, "rnn": nn.SimpleRNN, "gru": nn.GRU}[cell](vocab_size, num_hiddens, time_major=True)
        return concise.RNNModel(layer, vocab_size)

    def weights(self, net):
        return {name: self.array(tensor) for name, tensor in net.state_dict().items()}

    def set_weights(self, net, weights):
        net.set_state_dict({name: self.tensor(array) for name, array in weights.items()})

    def updater(self, net, lr):
        return paddle.optimizer.SGD(learning_rate=lr, parameters=net.parameters())
