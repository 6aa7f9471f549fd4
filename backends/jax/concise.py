"""The concise LSTM in JAX: Flax's `OptimizedLSTMCell` with an output layer, with loading and reading its weights.

The cell has a matrix for each gate, `ii`, `if`, `ig` (the candidate), `io` for the inputs and `hi`, `hf`, `hg`, `ho`
for the state, as the book has them, and one bias, on the side of the state. Its carry is (C, H), the book's (H, C).
A `SimpleCell` has `i` and `h`, with its bias on the side of the inputs, and H for its carry. So does a `GRUCell`, with
`ir`, `iz`, `in` and `hr`, `hz`, `hn`; its second bias of the candidate, in `hn`, is left out of the parameters here.
"""

from functools import partial

import jax
import jax.numpy as jnp
from flax import linen as nn

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
)
from lstm_ref.validate_layers import check_kind, check_layer

GATES = {"i": "i", "f": "f", "g": "c", "o": "o"}  # the cell's letters, and the book's
GRU_GATES = {"r": "r", "z": "z", "n": "h"}


class RNNModel:
    """A recurrent layer (`flax.linen.RNN` of a cell) and an output layer, with the interface of `RNNModelScratch`.

    The parameters are a pytree {"rnn": ..., "dense": ...}; the state is the cell's carry.
    """

    def __init__(self, rnn_layer, vocab_size):
        check_sizes(vocab_size=vocab_size)
        check_kind(rnn_layer, nn.RNN, "flax.linen.RNN")
        if not rnn_layer.time_major:
            raise ValueError("rnn_layer: expected time_major=True, since the inputs are (num_steps, batch_size, ·)")
        self.rnn, self.vocab_size, self.num_hiddens = rnn_layer, vocab_size, rnn_layer.cell.features
        self.dtype = rnn_layer.cell.param_dtype
        self.dense = nn.Dense(vocab_size, param_dtype=self.dtype)

    def init(self, key):
        """Fresh parameters, as Flax draws them."""
        first, second = jax.random.split(key)
        X, Y = jnp.zeros((1, 1, self.vocab_size), self.dtype), jnp.zeros((1, self.num_hiddens), self.dtype)
        return {"rnn": self.rnn.init(first, X)["params"], "dense": self.dense.init(second, Y)["params"]}

    def apply(self, params, X, state):
        """Outputs and new state for tokens X, (batch_size, num_steps)."""
        if not isinstance(X, jax.core.Tracer):
            check_rows(X, self.vocab_size)
        return self.run(params, jax.nn.one_hot(X.T.astype(int), self.vocab_size, dtype=self.dtype), state)

    def run(self, params, inputs, state):
        """Outputs and new state for encoded inputs, (num_steps, batch_size, vocab_size)."""
        return _run(self.rnn, self.dense, params, inputs, state)

    def begin_state(self, batch_size, dtype=None):
        """The cell's initial carry, zeros: (C, H) for an LSTM."""
        check_sizes(batch_size=batch_size)
        carry = self.rnn.cell.initialize_carry(jax.random.key(0), (batch_size, self.vocab_size))
        return jax.tree.map(lambda array: array.astype(dtype or self.dtype), carry)


@partial(jax.jit, static_argnames=("rnn", "dense"))  # traced once for all layers of one kind and size
def _run(rnn, dense, params, inputs, state):
    cell = dict(params["rnn"]["cell"])
    if "hn" in cell and "bias" not in cell["hn"]:  # the book has no such bias: it stays zero, whatever is trained
        cell["hn"] = {**cell["hn"], "bias": jnp.zeros_like(cell["in"]["bias"])}
    state, Y = rnn.apply({"params": {"cell": cell}}, inputs, initial_carry=state, return_carry=True)
    return dense.apply({"params": params["dense"]}, Y.reshape((-1, Y.shape[-1]))), state


def new_model(vocab_size, num_hiddens, dtype=jnp.float32, cell=nn.OptimizedLSTMCell):
    """An `RNNModel` with a cell; its parameters come from `init` or `from_lstm_params`."""
    layer = nn.RNN(cell(num_hiddens, param_dtype=dtype), time_major=True)
    return RNNModel(layer, vocab_size)


def from_lstm_params(params):
    """The book's 14 parameters, or their gradients, as the pytree of an `RNNModel`."""
    check_model(params)
    p = LSTMParams(*params)._asdict()
    cell = {f"i{g}": {"kernel": p[f"W_x{k}"]} for g, k in GATES.items()}
    cell |= {f"h{g}": {"kernel": p[f"W_h{k}"], "bias": p[f"b_{k}"]} for g, k in GATES.items()}
    return {"rnn": {"cell": cell}, "dense": {"kernel": p["W_hq"], "bias": p["b_q"]}}


def from_rnn_params(params):
    """The vanilla RNN's 5 parameters, or their gradients, as the pytree of an `RNNModel` with a `SimpleCell`."""
    check_model(params, RNN_NAMES)
    W_xh, W_hh, b_h, W_hq, b_q = params
    cell = {"i": {"kernel": W_xh, "bias": b_h}, "h": {"kernel": W_hh}}
    return {"rnn": {"cell": cell}, "dense": {"kernel": W_hq, "bias": b_q}}


def from_gru_params(params):
    """The GRU's 11 parameters, or their gradients, as the pytree of an `RNNModel` with a `GRUCell`."""
    check_model(params, GRU_NAMES)
    p = GRUParams(*params)._asdict()
    cell = {f"i{g}": {"kernel": p[f"W_x{k}"], "bias": p[f"b_{k}"]} for g, k in GRU_GATES.items()}
    cell |= {f"h{g}": {"kernel": p[f"W_h{k}"]} for g, k in GRU_GATES.items()}
    return {"rnn": {"cell": cell}, "dense": {"kernel": p["W_hq"], "bias": p["b_q"]}}


def described(tree):
    """What cell a pytree is of, for `check_layer`: by the names of its matrices, and whether it has the biases."""
    cell = tree["rnn"]["cell"]
    with_bias = {"LSTM": "hf hg hi ho", "GRU": "in ir iz", "RNN": "i"}
    names = {"hf hg hi ho if ig ii io": "LSTM", "hn hr hz in ir iz": "GRU", "h i": "RNN"}
    found = " ".join(sorted(cell))
    kind = names.get(found, found)
    return {"cell": kind, "bias": all("bias" in cell[name] for name in with_bias.get(kind, "").split())}


def gru_params(tree):
    """Such a pytree as the GRU's 11 parameters; ValueError where it has the second bias, which the book has not."""
    check_layer(described(tree), GRU_NAMES)
    cell, dense = tree["rnn"]["cell"], tree["dense"]
    if "bias" in cell["hn"]:
        raise ValueError("rnn/cell/hn/bias: expected none, since the reset gate multiplies it and no bias of the "
                         "book's 11 parameters; begin with from_gru_params")
    gates = {name: array for g, k in GRU_GATES.items() for name, array in (
        (f"W_x{k}", cell[f"i{g}"]["kernel"]), (f"W_h{k}", cell[f"h{g}"]["kernel"]), (f"b_{k}", cell[f"i{g}"]["bias"]))}
    return GRUParams(**gates, W_hq=dense["kernel"], b_q=dense["bias"])


def rnn_params(tree):
    """Such a pytree as the vanilla RNN's 5 parameters."""
    check_layer(described(tree), RNN_NAMES)
    cell, dense = tree["rnn"]["cell"], tree["dense"]
    return RNNParams(cell["i"]["kernel"], cell["h"]["kernel"], cell["i"]["bias"], dense["kernel"], dense["bias"])


def lstm_params(tree):
    """The pytree of an `RNNModel`, or of its gradients, as the book's 14 parameters."""
    check_layer(described(tree), NAMES)
    cell, dense = tree["rnn"]["cell"], tree["dense"]
    gates = {name: array for g, k in GATES.items() for name, array in (
        (f"W_x{k}", cell[f"i{g}"]["kernel"]), (f"W_h{k}", cell[f"h{g}"]["kernel"]), (f"b_{k}", cell[f"h{g}"]["bias"]))}
    return LSTMParams(**gates, W_hq=dense["kernel"], b_q=dense["bias"])


def lstm(inputs, state, params):
    """Flax's LSTM with the arguments and results of the scratch `lstm`."""
    check_lstm(inputs, state, params)
    H, C = state
    net = new_model(*params[0].shape, params[0].dtype)
    outputs, (C, H) = net.run(from_lstm_params(params), inputs, (C, H))
    return outputs, (H, C)


def rnn(inputs, state, params):
    """Flax's `SimpleCell` with the arguments and results of the scratch `rnn`."""
    check_rnn(inputs, state, params)
    net = new_model(*params[0].shape, params[0].dtype, nn.SimpleCell)
    outputs, H = net.run(from_rnn_params(params), inputs, state[0])
    return outputs, (H,)


def gru(inputs, state, params):
    """Flax's `GRUCell`, called like the scratch `gru`; the reset gate comes after the product with W_hh."""
    check_gru(inputs, state, params)
    net = new_model(*params[0].shape, params[0].dtype, nn.GRUCell)
    outputs, H = net.run(from_gru_params(params), inputs, state[0])
    return outputs, (H,)
