"""MXNet as the judge sees it."""

import mxnet
from mxnet import gluon, npx

from backends import adapter, attached
from backends.mxnet import aliases, concise, fused, scratch, training
from lstm_ref.parity.interface import MXNet


class Adapter(adapter.Adapter, MXNet):
    """See `backends.adapter.Adapter`."""

    def __init__(self, device):
        super().__init__(device)
        self.implementations = {"scratch": Scratch(self), "concise": Concise(self), "fused": adapter.Fused(self, fused)}

    def thorough(self):
        return {"compiled": Hybridised(self)}

    def synchronize(self):
        npx.waitall()

    def product(self, a, b):
        b = b.T.copy()  # np.dot takes four times as long
        return (lambda: npx.fully_connected(a, b, None, num_hidden=len(b), no_bias=True)), 1

    def device_name(self):
        return str(self.device)


class Shared(attached.AttachedGradients):
    """What both implementations share."""

    training = training

    def attach(self, param, grad):
        param.grad[:] = grad

    def detach(self, state):
        return [s.detach() for s in state]

    def begin_state(self, net, batch_size):
        return net.begin_state(batch_size=batch_size, ctx=self.adapter.device)


class Scratch(Shared, attached.AttachedScratch):
    """The tab."""

    functions, aliases = scratch, aliases

    def net(self, params):
        params = [self.adapter.parameter(param) for param in params]
        return scratch.RNNModelScratch(*params[0].shape, self.adapter.device, *self.functions_for(params))

    def set_weights(self, net, weights):
        for param, array in zip(net.params, weights.values(), strict=True):
            param[:] = self.tensor(array)

    def draw(self, function, vocab_size, num_hiddens, dtype, seed):
        self.adapter.seed(seed)
        params = function(vocab_size, num_hiddens, self.adapter.device, str(dtype))
        return self.adapter.drawn(params, [param.grad is not None for param in params])

    def begin(self, function, batch_size, num_hiddens, dtype):
        state = function(batch_size, num_hiddens, self.adapter.device, str(dtype))
        return self.adapter.drawn(state, [tensor.grad is not None for tensor in state])


class Concise(Shared, attached.AttachedConcise):
    """`gluon.rnn.LSTM`."""

    functions = concise

    def start(self, cell, vocab_size, num_hiddens, seed):
        self.adapter.seed(seed)
        layer = {"lstm": gluon.rnn.LSTM, "rnn": gluon.rnn.RNN, "gru": gluon.rnn.GRU}[cell]
        layer = layer(num_hiddens, input_size=vocab_size, **({"activation": "tanh"} if cell == "rnn" else {}))
        net = concise.RNNModel(layer, vocab_size)
        net.dense.weight.shape = (vocab_size, num_hiddens)
        net.initialize(mxnet.init.Normal(0.01), ctx=self.adapter.device)
        return net

    def weights(self, net):
        return {name: self.array(param.data()) for name, param in net._collect_params_with_prefix().items()}

    def set_weights(self, net, weights):
        params = net._collect_params_with_prefix()
        for name, array in weights.items():
            params[name].set_data(self.tensor(array))

    def updater(self, net, lr):
        return gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": lr}).step


class Hybridised(Concise):
    """Gluon's layers as cached graphs."""

    what = "the concise model, hybridised"
    not_judged = Concise.not_judged | {"parallel": "left to concise, to save time"}

    def net(self, params):
        net = super().net(params)
        net.hybridize()
        return net
