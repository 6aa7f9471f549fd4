"""The book's concise LSTM, TensorFlow tab: a Keras layer with an output layer, with loading and reading its weights.

Keras stacks the gates i, f, c, o in `kernel` (V, 4h) and `recurrent_kernel` (h, 4h), as the book has them, with one
bias. Its layers expect the batch first; Keras 3 no longer has `time_major`.
"""

from functools import lru_cache, partial

import tensorflow as tf

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
from lstm_ref.validate_layers import check_input_size, check_kind, check_layer, check_loading

GATES = "ifco"  # the layer's order, in the book's letters
RNN_GATES = "h"  # those of a vanilla RNN, which has no gates: its one pair of matrices
GRU_GATES = "zrh"  # update gate, reset gate, candidate
TWO_BIASES = "rnn_layer: expected reset_after=False, since the book's 11 parameters have one bias a gate"


class RNNModel(tf.keras.layers.Layer):
    """A recurrent layer and an output layer; called like `RNNModelScratch`.

    The layer is one with `return_sequences=True, return_state=True`, `LSTM(...)` or `RNN(LSTMCell(...), ...)`.
    """

    def __init__(self, rnn_layer, vocab_size, **kwargs):
        check_kind(rnn_layer, tf.keras.layers.RNN, "a Keras LSTM, GRU, SimpleRNN or RNN")
        super().__init__(dtype=rnn_layer.dtype, **kwargs)
        check_sizes(vocab_size=vocab_size)
        if hasattr(rnn_layer.cell, "kernel"):  # else the layer is built here
            check_input_size(vocab_size, rnn_layer.cell.kernel.shape[0])
        if not (rnn_layer.return_sequences and rnn_layer.return_state):
            raise ValueError("rnn_layer: expected return_sequences=True and return_state=True")
        self.rnn, self.vocab_size, self.num_hiddens = rnn_layer, vocab_size, rnn_layer.cell.output_size
        self.dense = tf.keras.layers.Dense(vocab_size, dtype=rnn_layer.dtype)
        self.rnn.build((None, None, vocab_size))
        self.dense.build((None, self.num_hiddens))
        # Run eagerly, the layer's loop takes Keras three times as long. Traced once, whatever the number of examples
        # and steps.
        state = tf.nest.map_structure(lambda s: tf.TensorSpec((None, s.shape[-1]), self.dtype), self.begin_state(1))
        signature = [tf.TensorSpec((None, None, vocab_size), self.dtype), state]
        self.compiled = tf.function(lambda X, state: self.rnn(X, initial_state=state), signature)

    def call(self, inputs, state):
        """Outputs and new state for tokens, (batch_size, num_steps)."""
        check_rows(inputs, self.vocab_size)
        X = tf.one_hot(tf.transpose(tf.cast(inputs, tf.int64)), self.vocab_size, dtype=self.dtype)
        return self.run(X, state)

    def run(self, inputs, state):
        """Outputs and new state for encoded inputs, (num_steps, batch_size, vocab_size)."""
        Y, *state = self.compiled(tf.transpose(inputs, (1, 0, 2)), list(state))
        return self.dense(tf.reshape(tf.transpose(Y, (1, 0, 2)), (-1, self.num_hiddens))), state

    def begin_state(self, batch_size, *args, **kwargs):
        """Zeros of shape (batch_size, num_hiddens), as a list: [H, C] for an LSTM; a list of such for stacked cells."""
        check_sizes(batch_size=batch_size)
        state = self.rnn.cell.get_initial_state(batch_size=batch_size)
        state = tf.nest.map_structure(lambda s: tf.cast(s, self.dtype), state)
        return list(state) if isinstance(state, (list, tuple)) else [state]


def described(layer):
    """What a layer computes, for `check_layer`."""
    cell, found = layer.cell, {"go_backwards": layer.go_backwards}
    for kind, name in ((tf.keras.layers.LSTMCell, "LSTM"), (tf.keras.layers.GRUCell, "GRU"),
                       (tf.keras.layers.SimpleRNNCell, "RNN")):
        if isinstance(cell, kind):
            found |= {"cell": name, "bias": cell.use_bias, "activation": cell.activation.__name__}
            if name != "RNN":
                found["gates"] = cell.recurrent_activation.__name__
    return {"cell": type(cell).__name__} | found


def load_lstm_params(net, params):
    """Put the book's 14 parameters into an `RNNModel` with an LSTM."""
    load(net, params, NAMES, GATES)


def load_rnn_params(net, params):
    """Put the vanilla RNN's 5 parameters into an `RNNModel` with such a layer."""
    load(net, params, RNN_NAMES, RNN_GATES)


def load_gru_params(net, params):
    """Put the GRU's 11 parameters into an `RNNModel` with such a layer, `GRU(..., reset_after=False)`."""
    check_layer(described(net.rnn), GRU_NAMES)
    if net.rnn.cell.reset_after:
        raise ValueError(TWO_BIASES)
    load(net, params, GRU_NAMES, GRU_GATES)


def load(net, params, names, gates):
    """Put parameters with these names into the layers."""
    check_loading(described(net.rnn), params, net.vocab_size, net.num_hiddens, names)
    p = dict(zip(names, params, strict=True))
    kernel, recurrent_kernel, bias = net.rnn.trainable_variables
    kernel.assign(tf.concat([p[f"W_x{k}"] for k in gates], axis=1))
    recurrent_kernel.assign(tf.concat([p[f"W_h{k}"] for k in gates], axis=1))
    bias.assign(tf.concat([p[f"b_{k}"] for k in gates], axis=0))
    net.dense.kernel.assign(p["W_hq"])
    net.dense.bias.assign(p["b_q"])


def lstm_params(net):
    """The 14 parameters of an `RNNModel`, a GRU's 11 or a vanilla RNN's 5, in the book's order."""
    check_layer(described(net.rnn))
    return to_book(net.trainable_variables)


def to_book(variables):
    """The trainable variables of an `RNNModel`, or their gradients, in the book's order."""
    kernel, recurrent_kernel, bias, weight, bias_q = map(tf.convert_to_tensor, variables)
    if bias.shape.rank == 2:
        raise ValueError(TWO_BIASES)
    n = recurrent_kernel.shape[1] // recurrent_kernel.shape[0]
    kind, letters = {4: (LSTMParams, GATES), 3: (GRUParams, GRU_GATES), 1: (RNNParams, RNN_GATES)}[n]
    parts = zip(letters, tf.split(kernel, n, 1), tf.split(recurrent_kernel, n, 1), tf.split(bias, n), strict=True)
    gates = {name: part for k, x, h, b in parts for name, part in ((f"W_x{k}", x), (f"W_h{k}", h), (f"b_{k}", b))}
    return kind(**gates, W_hq=weight, b_q=bias_q)


def new_model(vocab_size, num_hiddens, dtype="float32", layer=tf.keras.layers.LSTM):
    """An `RNNModel` with a fresh layer."""
    return RNNModel(layer(num_hiddens, return_sequences=True, return_state=True, dtype=dtype), vocab_size)


#: Keras' own default, `reset_after=True`, is another GRU, with a second bias that is trained as well.
_GRU = partial(tf.keras.layers.GRU, reset_after=False)


def from_params(params, make=new_model):
    """An `RNNModel` that computes what `lstm` does with these 14 parameters, `gru` with 11 or `rnn` with 5."""
    check_model(params, names_of(params))
    layer, load_params = {5: (tf.keras.layers.SimpleRNN, load_rnn_params), 11: (_GRU, load_gru_params)}.get(
        len(params), (tf.keras.layers.LSTM, load_lstm_params))
    net = make(*params[0].shape, params[0].dtype.name, layer)
    load_params(net, params)
    return net


# Making a Keras layer and compiling it takes half a second, so `lstm` makes one of each size.
_reused_model = lru_cache(maxsize=64)(new_model)


def lstm(inputs, state, params):
    """Keras' `LSTM` with the arguments and results of the scratch `lstm`."""
    check_lstm(inputs, state, params)
    outputs, last = from_params(params, _reused_model).run(inputs, state)
    return outputs, tuple(last)


def rnn(inputs, state, params):
    """Keras' `SimpleRNN` with the arguments and results of the scratch `rnn`."""
    check_rnn(inputs, state, params)
    outputs, last = from_params(params, _reused_model).run(inputs, state)
    return outputs, tuple(last)


def gru(inputs, state, params):
    """Keras' `GRU` with the arguments and results of the scratch `gru`, whose reset gate comes before the product."""
    check_gru(inputs, state, params)
    outputs, last = from_params(params, _reused_model).run(inputs, state)
    return outputs, tuple(last)
