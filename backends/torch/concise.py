"""The book's concise LSTM, PyTorch tab: `nn.LSTM` with an output layer, with loading and reading its weights.

`nn.LSTM` stacks the gates i, f, g (the candidate), o in `weight_ih_l0` (4h, V) and `weight_hh_l0` (4h, h), each the
transpose of the book's, and has two biases where the book has one.
"""

import torch
from torch import nn
from torch.nn import functional

from lstm_ref import GRUParams, LSTMParams, RNNParams
from lstm_ref.validate import (
    GRU_NAMES,
    NAMES,
    RNN_NAMES,
    check_gru,
    check_lstm,
    check_model,
    check_rnn,
    check_rows,
    check_sizes,
    names_of,
)
from lstm_ref.validate_layers import check_input_size, check_kind, check_layer, check_loading, check_second_bias
from lstm_ref.validate_training import check_backward

GATES = "ifco"  # the layer's order, in the book's letters
RNN_GATES = "h"  # those of a vanilla RNN, which has no gates: its one pair of matrices
GRU_GATES = "rzh"  # reset gate, update gate, candidate


class RNNModel(nn.Module):
    """A recurrent layer and an output layer; called like `RNNModelScratch`."""

    reads_tokens = True  # one-hot, so that the layer has an input for each

    def __init__(self, rnn_layer, vocab_size, **kwargs):
        super().__init__(**kwargs)
        check_sizes(vocab_size=vocab_size)
        check_kind(rnn_layer, nn.RNNBase, "nn.LSTM, nn.GRU or nn.RNN")
        if self.reads_tokens:
            check_input_size(vocab_size, rnn_layer.input_size)
        if rnn_layer.batch_first:
            raise ValueError("rnn_layer: expected batch_first=False, since the inputs are (num_steps, batch_size, ·)")
        self.rnn, self.vocab_size, self.num_hiddens = rnn_layer, vocab_size, rnn_layer.hidden_size
        self.num_directions = 2 if rnn_layer.bidirectional else 1
        self.linear = nn.Linear(self.num_hiddens * self.num_directions, vocab_size)
        self.linear.to(rnn_layer.weight_ih_l0)

    def forward(self, inputs, state):
        """Outputs and new state for tokens, (batch_size, num_steps)."""
        check_rows(inputs, self.vocab_size, "torch.Tensor")
        X = functional.one_hot(inputs.T.long(), self.vocab_size)
        return self.run(X.to(self.linear.weight.dtype), state)

    def run(self, inputs, state):
        """Outputs and new state for encoded inputs, (num_steps, batch_size, vocab_size)."""
        Y, state = self.rnn(inputs, state)
        return self.linear(Y.reshape((-1, Y.shape[-1]))), state

    def begin_state(self, device, batch_size=1):
        """Zeros of shape (layers · directions, batch_size, num_hiddens): a pair for an LSTM, else one tensor."""
        check_sizes(batch_size=batch_size)
        shape = self.num_directions * self.rnn.num_layers, batch_size, self.num_hiddens
        H = torch.zeros(shape, device=device, dtype=self.linear.weight.dtype)
        return (H, torch.zeros_like(H)) if isinstance(self.rnn, nn.LSTM) else H


def described(layer):
    """What a layer computes, for `check_layer`."""
    return {"cell": layer.mode.split("_")[0], "num_layers": layer.num_layers, "bias": layer.bias,
            "num_directions": 2 if layer.bidirectional else 1, "activation": getattr(layer, "nonlinearity", "tanh"),
            "proj_size": layer.proj_size, "input_size": layer.input_size}


def load_lstm_params(net, params):
    """Put the book's 14 parameters into an `RNNModel` with an LSTM of one layer and direction.

    The second bias is set to zero and frozen: were both trained, the bias that they sum to would move by twice its
    gradient, and clipping would count that gradient twice.
    """
    load(net, params, NAMES, GATES)


def load_rnn_params(net, params):
    """Put the vanilla RNN's 5 parameters into an `RNNModel` with such a layer, as `load_lstm_params` does."""
    load(net, params, RNN_NAMES, RNN_GATES)


def load_gru_params(net, params):
    """Put the GRU's 11 parameters into an `RNNModel` with such a layer, as `load_lstm_params` does."""
    load(net, params, GRU_NAMES, GRU_GATES)


def load(net, params, names, gates):
    """Put parameters with these names into the layers."""
    check_loading(described(net.rnn), params, net.vocab_size, net.num_hiddens, names)
    fill(net, dict(zip(names, params, strict=True)), gates)


def fill(net, p, gates):
    """`load` parameters by name that have been checked."""
    with torch.no_grad():
        net.rnn.weight_ih_l0.copy_(torch.cat([p[f"W_x{k}"].T for k in gates]))
        net.rnn.weight_hh_l0.copy_(torch.cat([p[f"W_h{k}"].T for k in gates]))
        net.rnn.bias_ih_l0.copy_(torch.cat([p[f"b_{k}"] for k in gates]))
        net.rnn.bias_hh_l0.zero_()
        net.linear.weight.copy_(p["W_hq"].T)
        net.linear.bias.copy_(p["b_q"])
    net.rnn.bias_hh_l0.requires_grad_(False)


def lstm_params(net):
    """The 14 parameters of an `RNNModel`, a GRU's 11 or a vanilla RNN's 5, in the book's order; the biases summed."""
    rnn, linear = net.rnn, net.linear
    check_layer(described(rnn))
    if isinstance(rnn, nn.GRU):
        check_second_bias("bias_hh_l0", rnn.bias_hh_l0)
    return book(rnn.weight_ih_l0, rnn.weight_hh_l0, rnn.bias_ih_l0 + rnn.bias_hh_l0, linear.weight, linear.bias)


def lstm_grads(net):
    """The gradients by these parameters; that of a sum of two biases is the gradient of either."""
    rnn, linear = net.rnn, net.linear
    check_layer(described(rnn))
    params = rnn.weight_ih_l0, rnn.weight_hh_l0, rnn.bias_ih_l0, linear.weight, linear.bias
    check_backward(params)
    return book(*(param.grad for param in params))


def book(weight_ih, weight_hh, bias, weight, bias_q):
    """The parameters, or gradients, of the book from the layers' own, with one bias."""
    n = weight_hh.shape[0] // weight_hh.shape[1]
    kind, letters = {4: (LSTMParams, GATES), 3: (GRUParams, GRU_GATES), 1: (RNNParams, RNN_GATES)}[n]
    parts = zip(letters, weight_ih.chunk(n), weight_hh.chunk(n), bias.chunk(n), strict=True)
    gates = {name: part for k, x, h, b in parts for name, part in ((f"W_x{k}", x.T), (f"W_h{k}", h.T), (f"b_{k}", b))}
    return kind(**gates, W_hq=weight.T, b_q=bias_q)


def from_params(params):
    """An `RNNModel` that computes what `lstm` does with these 14 parameters; `gru` with 11, `rnn` with 5."""
    check_model(params, names_of(params), "torch.Tensor")
    vocab_size, num_hiddens = params[0].shape
    layer, load_params = {5: (nn.RNN, load_rnn_params), 11: (nn.GRU, load_gru_params)}.get(
        len(params), (nn.LSTM, load_lstm_params))
    net = RNNModel(layer(vocab_size, num_hiddens, device=params[0].device, dtype=params[0].dtype), vocab_size)
    load_params(net, params)
    return net


def lstm(inputs, state, params):
    """`nn.LSTM` with the arguments and results of the scratch `lstm`."""
    check_lstm(inputs, state, params, "torch.Tensor")
    outputs, last = from_params(params).run(inputs, tuple(s[None] for s in state))
    return outputs, tuple(s[0] for s in last)


def rnn(inputs, state, params):
    """`nn.RNN` with the arguments and results of the scratch `rnn`."""
    check_rnn(inputs, state, params, "torch.Tensor")
    outputs, H = from_params(params).run(inputs, state[0][None])
    return outputs, (H[0],)


def gru(inputs, state, params):
    """`nn.GRU` called like the scratch `gru`; the reset gate comes after the product with W_hh."""
    check_gru(inputs, state, params, "torch.Tensor")
    outputs, H = from_params(params).run(inputs, state[0][None])
    return outputs, (H[0],)
