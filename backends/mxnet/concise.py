"""The book's concise LSTM, MXNet tab: `gluon.rnn.LSTM` with an output layer, with loading and reading its weights.

Gluon stacks the gates i, f, c, o in `l0_i2h_weight` (4h, V) and `l0_h2h_weight` (4h, h), each the transpose of the
book's, and has two biases where the book has one.
"""

from functools import partial

from mxnet import init, np, npx
from mxnet.gluon import nn
from mxnet.gluon import rnn as layers
from mxnet.gluon.rnn.rnn_layer import _RNNLayer

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

GATES = "ifco"  # the layer's order, in the book's letters
RNN_GATES = "h"  # those of a vanilla RNN, which has no gates: its one pair of matrices
GRU_GATES = "rzh"  # reset gate, update gate, candidate


class RNNModel(nn.Block):
    """A recurrent layer and an output layer; called like `RNNModelScratch`. `dtype` is that of the layer."""

    def __init__(self, rnn_layer, vocab_size, **kwargs):
        super().__init__(**kwargs)
        check_sizes(vocab_size=vocab_size)
        check_kind(rnn_layer, _RNNLayer, "gluon.rnn.LSTM, GRU or RNN")
        if rnn_layer._input_size:  # else it is to show with the first inputs
            check_input_size(vocab_size, rnn_layer._input_size)
        if rnn_layer._layout != "TNC":
            raise ValueError(f"rnn_layer: expected layout 'TNC', since the inputs are (num_steps, batch_size, ·), "
                             f"got {rnn_layer._layout!r}")
        self.rnn, self.vocab_size, self.dtype = rnn_layer, vocab_size, rnn_layer._dtype
        self.num_hiddens = rnn_layer._hidden_size
        self.dense = nn.Dense(vocab_size, dtype=self.dtype)

    def forward(self, inputs, state):
        """Outputs and new state for tokens, (batch_size, num_steps)."""
        check_rows(inputs, self.vocab_size, "mxnet.np.ndarray")
        return self.run(npx.one_hot(inputs.T, self.vocab_size, dtype=self.dtype), state)

    def run(self, inputs, state):
        """Outputs and new state for encoded inputs, (num_steps, batch_size, vocab_size)."""
        Y, state = self.rnn(inputs, state)
        return self.dense(Y.reshape(-1, Y.shape[-1])), state

    def begin_state(self, batch_size, *args, **kwargs):
        """Zeros of shape (layers · directions, batch_size, num_hiddens), as a list: [H, C] for an LSTM."""
        check_sizes(batch_size=batch_size)
        return self.rnn.begin_state(batch_size, *args, **kwargs)


def described(layer):
    """What a layer computes, for `check_layer`; a Gluon layer has biases always."""
    cell, _, activation = layer._mode.partition("_")
    return {"cell": cell.upper(), "num_layers": layer._num_layers, "num_directions": layer._dir,
            "activation": activation or "tanh", "proj_size": layer._projection_size or 0,
            "input_size": layer._input_size}


def load_lstm_params(net, params, device=None):
    """Put the book's 14 parameters into an `RNNModel` with an LSTM of one layer and direction.

    The second bias is set to zero and frozen: were both trained, the bias that they sum to would move by twice its
    gradient, and clipping would count that gradient twice.
    """
    load(net, params, NAMES, GATES, device)


def load_rnn_params(net, params, device=None):
    """Put the vanilla RNN's 5 parameters into an `RNNModel` with such a layer, as `load_lstm_params` does."""
    load(net, params, RNN_NAMES, RNN_GATES, device)


def load_gru_params(net, params, device=None):
    """Put the GRU's 11 parameters into an `RNNModel` with such a layer, as `load_lstm_params` does."""
    load(net, params, GRU_NAMES, GRU_GATES, device)


def load(net, params, names, gates, device=None):
    """Put parameters with these names into the layers."""
    check_loading(described(net.rnn), params, net.vocab_size, net.num_hiddens, names)
    p = dict(zip(names, params, strict=True))
    if device is not None:  # Gluon's initialisers can't draw random numbers in float64
        net.initialize(init.Zero(), ctx=device)
    net.rnn.l0_i2h_weight.set_data(np.concatenate([p[f"W_x{k}"].T for k in gates]))
    net.rnn.l0_h2h_weight.set_data(np.concatenate([p[f"W_h{k}"].T for k in gates]))
    net.rnn.l0_i2h_bias.set_data(np.concatenate([p[f"b_{k}"] for k in gates]))
    net.rnn.l0_h2h_bias.set_data(np.zeros_like(net.rnn.l0_i2h_bias.data()))
    net.rnn.l0_h2h_bias.grad_req = "null"
    net.dense.weight.set_data(p["W_hq"].T)
    net.dense.bias.set_data(p["b_q"])


def lstm_params(net):
    """The 14 parameters of an `RNNModel`, a GRU's 11 or a vanilla RNN's 5, in the book's order; the biases summed."""
    rnn, dense = net.rnn, net.dense
    check_layer(described(rnn))
    if isinstance(rnn, layers.GRU):
        check_second_bias("l0_h2h_bias", rnn.l0_h2h_bias.data())
    bias = rnn.l0_i2h_bias.data() + rnn.l0_h2h_bias.data()
    return book(rnn.l0_i2h_weight.data(), rnn.l0_h2h_weight.data(), bias, dense.weight.data(), dense.bias.data())


def lstm_grads(net):
    """The gradients by these parameters; that of a sum of two biases is the gradient of either."""
    rnn, dense = net.rnn, net.dense
    check_layer(described(rnn))
    return book(*(p.grad() for p in (rnn.l0_i2h_weight, rnn.l0_h2h_weight, rnn.l0_i2h_bias, dense.weight, dense.bias)))


def book(i2h_weight, h2h_weight, bias, weight, bias_q):
    """The parameters, or gradients, of the book from the layers' own, with one bias."""
    n = h2h_weight.shape[0] // h2h_weight.shape[1]
    kind, letters = {4: (LSTMParams, GATES), 3: (GRUParams, GRU_GATES), 1: (RNNParams, RNN_GATES)}[n]
    parts = zip(letters, np.split(i2h_weight, n), np.split(h2h_weight, n), np.split(bias, n), strict=True)
    gates = {name: part for k, x, h, b in parts for name, part in ((f"W_x{k}", x.T), (f"W_h{k}", h.T), (f"b_{k}", b))}
    return kind(**gates, W_hq=weight.T, b_q=bias_q)


def from_params(params):
    """An `RNNModel` that computes what `lstm` does with these 14 parameters; `gru` with 11, `rnn` with 5."""
    check_model(params, names_of(params), "mxnet.np.ndarray")
    vocab_size, num_hiddens = params[0].shape
    sizes = {"input_size": vocab_size, "dtype": params[0].dtype}
    layer, load_params = {5: (partial(layers.RNN, activation="tanh"), load_rnn_params),
                          11: (layers.GRU, load_gru_params)}.get(len(params), (layers.LSTM, load_lstm_params))
    net = RNNModel(layer(num_hiddens, **sizes), vocab_size)
    net.dense.weight.shape = (vocab_size, num_hiddens)
    load_params(net, params, params[0].ctx)
    return net


def lstm(inputs, state, params):
    """`gluon.rnn.LSTM` with the arguments and results of the scratch `lstm`."""
    check_lstm(inputs, state, params, "mxnet.np.ndarray")
    outputs, last = from_params(params).run(inputs, [np.expand_dims(s, 0) for s in state])
    return outputs, tuple(s[0] for s in last)


def rnn(inputs, state, params):
    """`gluon.rnn.RNN` with the arguments and results of the scratch `rnn`."""
    check_rnn(inputs, state, params, "mxnet.np.ndarray")
    outputs, (H,) = from_params(params).run(inputs, [np.expand_dims(s, 0) for s in state])
    return outputs, (H[0],)


def gru(inputs, state, params):
    """`gluon.rnn.GRU` called like the scratch `gru`; the reset gate comes after the product with W_hh."""
    check_gru(inputs, state, params, "mxnet.np.ndarray")
    outputs, (H,) = from_params(params).run(inputs, [np.expand_dims(s, 0) for s in state])
    return outputs, (H[0],)
