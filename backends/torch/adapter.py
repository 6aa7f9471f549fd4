"""PyTorch as the judge sees it."""

from functools import partial

import torch
from torch import nn

from backends import adapter, attached
from backends.torch import aliases, concise, embedding, fused, scratch, training
from lstm_ref.parity.interface import Torch


class Adapter(adapter.Adapter, Torch):
    """See `backends.adapter.Adapter`."""

    def __init__(self, device):
        super().__init__(device)
        self.implementations = {"scratch": Scratch(self), "concise": Concise(self), "fused": adapter.Fused(self, fused)}
        self.embeddings = {"concise": partial(Embedded, self)}

    def thorough(self):
        return {"compiled": Compiled(self), "autocast": Autocast(self)}

    def synchronize(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def other_products(self, a, b):
        if self.device.type != "cpu" or not torch.backends.mkldnn.is_available():
            return {}
        # By oneDNN, whose kernel nn.LSTM is; MKL, behind `@`, is half as fast on an AMD processor.
        packed = torch.ops.mkldnn._reorder_linear_weight(b.t().contiguous(), len(a))
        return {"packed": lambda: torch.ops.mkldnn._linear_pointwise(a, packed, None, "none", [], "")}

    def device_name(self):
        return torch.cuda.get_device_name() if self.device.type == "cuda" else "cpu"

    def device_memory(self):
        return torch.cuda.max_memory_allocated() if self.device.type == "cuda" else None

    def precision(self):
        allowed = torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32
        return "TF32 on" if allowed else "float32, TF32 off"


class Shared(attached.AttachedGradients):
    """What both implementations share."""

    training = training

    def inference(self, net):
        return torch.no_grad()(lambda X, state: net(X, state))


class Scratch(Shared, attached.AttachedScratch):
    """The tab."""

    functions, aliases = scratch, aliases

    def net(self, params):
        params = [self.adapter.parameter(param) for param in params]
        return scratch.RNNModelScratch(*params[0].shape, self.adapter.device, *self.functions_for(params))

    def set_weights(self, net, weights):
        with torch.no_grad():
            for param, array in zip(net.params, weights.values(), strict=True):
                param.copy_(self.tensor(array))

    def begin_state(self, net, batch_size):
        return net.begin_state(batch_size, self.adapter.device)

    def draw(self, function, vocab_size, num_hiddens, dtype, seed):
        self.adapter.seed(seed)
        params = function(vocab_size, num_hiddens, self.adapter.device, self.adapter.dtype(dtype))
        return self.adapter.drawn(params, [param.requires_grad for param in params])

    def begin(self, function, batch_size, num_hiddens, dtype):
        state = function(batch_size, num_hiddens, self.adapter.device, self.adapter.dtype(dtype))
        return self.adapter.drawn(state, [tensor.requires_grad for tensor in state])


class Compiled(adapter.Compiled, Scratch):
    """Through `torch.compile`."""

    what = "torch.compile, on ragged and clipped"

    def __init__(self, adapter):
        # Beyond eight sizes a function would run uncompiled, and `fullgraph` make an error of that.
        torch._dynamo.config.recompile_limit = torch._dynamo.config.accumulated_recompile_limit = 10_000
        super().__init__(adapter, partial(torch.compile, fullgraph=True, dynamic=False))


class Autocast(Scratch):
    """The tab in float32 under `torch.autocast` to float16, judged as what it is: float16 inside."""

    what = "torch.autocast to float16, in float16 alone"

    def __init__(self, adapter):
        super().__init__(adapter)
        self.dtypes |= dict.fromkeys(("float32", "float64"), "autocast computes products in float16")

    def context(self):
        return torch.autocast(self.adapter.device.type, torch.float16)

    def inside(self, function, inputs, state, params, *more):
        """The function's results in float32."""
        with self.context():
            return function(inputs.astype("float32"), tuple(s.astype("float32") for s in state),
                            [param.astype("float32") for param in params], *more)

    def forward(self, inputs, state, params):
        outputs, last = self.inside(super().forward, inputs, state, params)
        return outputs.astype(inputs.dtype), tuple(s.astype(inputs.dtype) for s in last)

    def loss_and_grads(self, inputs, state, params, targets):
        loss, grads = self.inside(super().loss_and_grads, inputs, state, params, targets)
        return loss.astype(inputs.dtype), [grad.astype(inputs.dtype) for grad in grads]


class Concise(Shared, attached.AttachedConcise):
    """`nn.LSTM`."""

    functions = concise

    def start(self, cell, vocab_size, num_hiddens, seed):
        self.adapter.seed(seed)
        layer = {"lstm": nn.LSTM, "rnn": nn.RNN, "gru": nn.GRU}[cell]
        layer = layer(vocab_size, num_hiddens, device=self.adapter.device)
        return concise.RNNModel(layer, vocab_size)

    def weights(self, net):
        return {name: self.array(tensor).copy() for name, tensor in net.state_dict().items()}

    def set_weights(self, net, weights):
        net.load_state_dict({name: self.tensor(array) for name, array in weights.items()})

    def updater(self, net, lr):
        return torch.optim.SGD(net.parameters(), lr)

    def begin_state(self, net, batch_size):
        return net.begin_state(batch_size=batch_size, device=self.adapter.device)


class Embedded(Concise):
    """`nn.Embedding` of this size and `nn.LSTM`, for the command `train`."""

    functions = embedding

    def __init__(self, adapter, size):
        super().__init__(adapter)
        self.size = size

    def start(self, cell, vocab_size, num_hiddens, seed):
        self.adapter.seed(seed)
        return embedding.EmbeddingModel(nn.LSTM(self.size, num_hiddens, device=self.adapter.device), vocab_size)
