"""The book's models from scratch in JAX's style: pure functions, explicit keys, no device in the signatures.

The book's JAX tab is a class; this is its counterpart to the functions of the other tabs.
"""

import jax
import jax.numpy as jnp

from lstm_ref import GRUParams, LSTMParams, RNNParams
from lstm_ref.validate import check_floating, check_gru, check_lstm, check_rnn, check_sizes, check_tokens


def get_lstm_params(key, vocab_size, num_hiddens, dtype=jnp.float32):
    """The 14 parameters, a pytree with their names: weights Normal(0, 0.01), biases zero.

    Shapes: W_x* (vocab_size, num_hiddens), W_h* (num_hiddens, num_hiddens), W_hq (num_hiddens, vocab_size).
    """
    check_sizes(vocab_size=vocab_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    num_inputs = num_outputs = vocab_size
    keys = iter(jax.random.split(key, 9))

    def normal(shape):
        return jax.random.normal(next(keys), shape, dtype) * 0.01

    def three():
        return (normal((num_inputs, num_hiddens)), normal((num_hiddens, num_hiddens)),
                jnp.zeros(num_hiddens, dtype))

    W_xi, W_hi, b_i = three()  # input gate
    W_xf, W_hf, b_f = three()  # forget gate
    W_xo, W_ho, b_o = three()  # output gate
    W_xc, W_hc, b_c = three()  # candidate memory cell
    W_hq, b_q = normal((num_hiddens, num_outputs)), jnp.zeros(num_outputs, dtype)  # output layer
    return LSTMParams(W_xi, W_hi, b_i, W_xf, W_hf, b_f, W_xo, W_ho, b_o, W_xc, W_hc, b_c, W_hq, b_q)


def init_lstm_state(batch_size, num_hiddens, dtype=jnp.float32):
    """H and C: zeros of shape (batch_size, num_hiddens)."""
    check_sizes(batch_size=batch_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    return jnp.zeros((batch_size, num_hiddens), dtype), jnp.zeros((batch_size, num_hiddens), dtype)


def lstm(inputs, state, params):
    """Outputs of all steps, (num_steps * batch_size, vocab_size), and the last (H, C).

    `inputs` is (num_steps, batch_size, vocab_size). Raises ValueError for shapes or dtypes that do not agree.
    """
    check_lstm(inputs, state, params)
    W_xi, W_hi, b_i, W_xf, W_hf, b_f, W_xo, W_ho, b_o, W_xc, W_hc, b_c, W_hq, b_q = params
    H, C = state
    outputs = []
    for X in inputs:
        I = jax.nn.sigmoid(X @ W_xi + H @ W_hi + b_i)
        F = jax.nn.sigmoid(X @ W_xf + H @ W_hf + b_f)
        O = jax.nn.sigmoid(X @ W_xo + H @ W_ho + b_o)
        C_tilda = jnp.tanh(X @ W_xc + H @ W_hc + b_c)
        C = F * C + I * C_tilda
        H = O * jnp.tanh(C)
        Y = H @ W_hq + b_q
        outputs.append(Y)
    return jnp.concatenate(outputs, axis=0), (H, C)


def get_params(key, vocab_size, num_hiddens, dtype=jnp.float32):
    """The vanilla RNN's 5 parameters W_xh, W_hh, b_h, W_hq, b_q, like `get_lstm_params`."""
    check_sizes(vocab_size=vocab_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    num_inputs = num_outputs = vocab_size
    keys = iter(jax.random.split(key, 3))

    def normal(shape):
        return jax.random.normal(next(keys), shape, dtype) * 0.01

    W_xh, W_hh, b_h = (normal((num_inputs, num_hiddens)), normal((num_hiddens, num_hiddens)),
                       jnp.zeros(num_hiddens, dtype))
    W_hq, b_q = normal((num_hiddens, num_outputs)), jnp.zeros(num_outputs, dtype)  # output layer
    return RNNParams(W_xh, W_hh, b_h, W_hq, b_q)


def init_rnn_state(batch_size, num_hiddens, dtype=jnp.float32):
    """H alone: zeros of shape (batch_size, num_hiddens)."""
    check_sizes(batch_size=batch_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    return (jnp.zeros((batch_size, num_hiddens), dtype),)


def rnn(inputs, state, params):
    """Like `lstm`, with the one-tuple (H,) as the state."""
    check_rnn(inputs, state, params)
    W_xh, W_hh, b_h, W_hq, b_q = params
    H, = state
    outputs = []
    for X in inputs:
        H = jnp.tanh(X @ W_xh + H @ W_hh + b_h)
        Y = H @ W_hq + b_q
        outputs.append(Y)
    return jnp.concatenate(outputs, axis=0), (H,)


def get_gru_params(key, vocab_size, num_hiddens, dtype=jnp.float32):
    """The GRU's 11 parameters, like `get_lstm_params`: update gate z, reset gate r, candidate h, output layer."""
    check_sizes(vocab_size=vocab_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    num_inputs = num_outputs = vocab_size
    keys = iter(jax.random.split(key, 7))

    def normal(shape):
        return jax.random.normal(next(keys), shape, dtype) * 0.01

    def three():
        return (normal((num_inputs, num_hiddens)), normal((num_hiddens, num_hiddens)),
                jnp.zeros(num_hiddens, dtype))

    W_xz, W_hz, b_z = three()  # update gate
    W_xr, W_hr, b_r = three()  # reset gate
    W_xh, W_hh, b_h = three()  # candidate hidden state
    W_hq, b_q = normal((num_hiddens, num_outputs)), jnp.zeros(num_outputs, dtype)  # output layer
    return GRUParams(W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, W_hh, b_h, W_hq, b_q)


def init_gru_state(batch_size, num_hiddens, dtype=jnp.float32):
    """H alone: zeros of shape (batch_size, num_hiddens)."""
    check_sizes(batch_size=batch_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    return (jnp.zeros((batch_size, num_hiddens), dtype),)


def gru(inputs, state, params):
    """Like `lstm`, with the one-tuple (H,) as the state; the reset gate comes before the product with W_hh."""
    check_gru(inputs, state, params)
    W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, W_hh, b_h, W_hq, b_q = params
    H, = state
    outputs = []
    for X in inputs:
        Z = jax.nn.sigmoid(X @ W_xz + H @ W_hz + b_z)
        R = jax.nn.sigmoid(X @ W_xr + H @ W_hr + b_r)
        H_tilda = jnp.tanh(X @ W_xh + (R * H) @ W_hh + b_h)
        H = Z * H + (1 - Z) * H_tilda
        Y = H @ W_hq + b_q
        outputs.append(Y)
    return jnp.concatenate(outputs, axis=0), (H,)


class RNNModelScratch:
    """A model from functions: holds no parameters, they are passed to `init` and `apply` as in Flax."""

    def __init__(self, vocab_size, num_hiddens, get_params, init_state, forward_fn):
        self.vocab_size, self.num_hiddens = vocab_size, num_hiddens
        self.get_params, self.init_state, self.forward_fn = get_params, init_state, forward_fn

    def init(self, key):
        """Fresh parameters."""
        return self.get_params(key, self.vocab_size, self.num_hiddens)

    def apply(self, params, X, state):
        """Outputs and new state for tokens X, (batch_size, num_steps)."""
        if not isinstance(X, jax.core.Tracer):
            check_tokens("X", X, self.vocab_size)
        X = jax.nn.one_hot(X.T.astype(int), self.vocab_size, dtype=params[0].dtype)
        return self.forward_fn(X, state, params)

    def begin_state(self, batch_size, dtype=jnp.float32):
        """The initial state."""
        return self.init_state(batch_size, self.num_hiddens, dtype)
