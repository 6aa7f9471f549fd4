"""The book's models from scratch, Paddle tab: the LSTM, the vanilla RNN before it and the GRU.

`Function` is the book's name for the module of functions, since F is the forget gate.
"""

import paddle
import paddle.nn.functional as Function  # noqa: N812

from lstm_ref.validate import check_floating, check_gru, check_lstm, check_rnn, check_sizes, check_tokens


def get_lstm_params(vocab_size, num_hiddens, dtype=None):
    """The 14 parameters with gradients attached: weights Normal(0, 0.01), biases zero.

    Shapes: W_x* (vocab_size, num_hiddens), W_h* (num_hiddens, num_hiddens), W_hq (num_hiddens, vocab_size).
    `dtype` defaults to Paddle's.
    """
    check_sizes(vocab_size=vocab_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    num_inputs = num_outputs = vocab_size

    def normal(shape):
        return paddle.randn(shape=shape, dtype=dtype) * 0.01

    def zeros(size):
        return paddle.zeros([size], dtype=dtype)

    def three():
        return normal((num_inputs, num_hiddens)), normal((num_hiddens, num_hiddens)), zeros(num_hiddens)

    W_xi, W_hi, b_i = three()  # input gate
    W_xf, W_hf, b_f = three()  # forget gate
    W_xo, W_ho, b_o = three()  # output gate
    W_xc, W_hc, b_c = three()  # candidate memory cell
    W_hq, b_q = normal((num_hiddens, num_outputs)), zeros(num_outputs)  # output layer
    params = [W_xi, W_hi, b_i, W_xf, W_hf, b_f, W_xo, W_ho, b_o, W_xc, W_hc, b_c, W_hq, b_q]
    for param in params:
        param.stop_gradient = False
    return params


def init_lstm_state(batch_size, num_hiddens, dtype=None):
    """H and C: zeros of shape (batch_size, num_hiddens)."""
    check_sizes(batch_size=batch_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    return (paddle.zeros([batch_size, num_hiddens], dtype=dtype),
            paddle.zeros([batch_size, num_hiddens], dtype=dtype))


def lstm(inputs, state, params):
    """Outputs of all steps, (num_steps * batch_size, vocab_size), and the last (H, C).

    `inputs` is (num_steps, batch_size, vocab_size). Raises ValueError for shapes or dtypes that do not agree.
    """
    check_lstm(inputs, state, params, "paddle.Tensor")
    W_xi, W_hi, b_i, W_xf, W_hf, b_f, W_xo, W_ho, b_o, W_xc, W_hc, b_c, W_hq, b_q = params
    H, C = state
    outputs = []
    for X in inputs:
        I = Function.sigmoid(X @ W_xi + H @ W_hi + b_i)
        F = Function.sigmoid(X @ W_xf + H @ W_hf + b_f)
        O = Function.sigmoid(X @ W_xo + H @ W_ho + b_o)
        C_tilda = paddle.tanh(X @ W_xc + H @ W_hc + b_c)
        C = F * C + I * C_tilda
        H = O * paddle.tanh(C)
        Y = H @ W_hq + b_q
        outputs.append(Y)
    return paddle.concat(outputs, axis=0), (H, C)


def get_params(vocab_size, num_hiddens, dtype=None):
    """The vanilla RNN's 5 parameters W_xh, W_hh, b_h, W_hq, b_q, like `get_lstm_params`."""
    check_sizes(vocab_size=vocab_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    num_inputs = num_outputs = vocab_size

    def normal(shape):
        return paddle.randn(shape=shape, dtype=dtype) * 0.01

    def zeros(size):
        return paddle.zeros([size], dtype=dtype)

    W_xh, W_hh, b_h = normal((num_inputs, num_hiddens)), normal((num_hiddens, num_hiddens)), zeros(num_hiddens)
    W_hq, b_q = normal((num_hiddens, num_outputs)), zeros(num_outputs)  # output layer
    params = [W_xh, W_hh, b_h, W_hq, b_q]
    for param in params:
        param.stop_gradient = False
    return params


def init_rnn_state(batch_size, num_hiddens, dtype=None):
    """H alone: zeros of shape (batch_size, num_hiddens)."""
    check_sizes(batch_size=batch_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    return (paddle.zeros([batch_size, num_hiddens], dtype=dtype),)


def rnn(inputs, state, params):
    """Like `lstm`, with the one-tuple (H,) as the state."""
    check_rnn(inputs, state, params, "paddle.Tensor")
    W_xh, W_hh, b_h, W_hq, b_q = params
    H, = state
    outputs = []
    for X in inputs:
        H = paddle.tanh(X @ W_xh + H @ W_hh + b_h)
        Y = H @ W_hq + b_q
        outputs.append(Y)
    return paddle.concat(outputs, axis=0), (H,)


def get_gru_params(vocab_size, num_hiddens, dtype=None):
    """The GRU's 11 parameters, like `get_lstm_params`: update gate z, reset gate r, candidate h, output layer."""
    check_sizes(vocab_size=vocab_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    num_inputs = num_outputs = vocab_size

    def normal(shape):
        return paddle.randn(shape=shape, dtype=dtype) * 0.01

    def zeros(size):
        return paddle.zeros([size], dtype=dtype)

    def three():
        return normal((num_inputs, num_hiddens)), normal((num_hiddens, num_hiddens)), zeros(num_hiddens)

    W_xz, W_hz, b_z = three()  # update gate
    W_xr, W_hr, b_r = three()  # reset gate
    W_xh, W_hh, b_h = three()  # candidate hidden state
    W_hq, b_q = normal((num_hiddens, num_outputs)), zeros(num_outputs)  # output layer
    params = [W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, W_hh, b_h, W_hq, b_q]
    for param in params:
        param.stop_gradient = False
    return params


def init_gru_state(batch_size, num_hiddens, dtype=None):
    """H alone: zeros of shape (batch_size, num_hiddens)."""
    check_sizes(batch_size=batch_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    return (paddle.zeros([batch_size, num_hiddens], dtype=dtype),)


def gru(inputs, state, params):
    """Like `lstm`, with the one-tuple (H,) as the state; the reset gate comes before the product with W_hh."""
    check_gru(inputs, state, params, "paddle.Tensor")
    W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, W_hh, b_h, W_hq, b_q = params
    H, = state
    outputs = []
    for X in inputs:
        Z = Function.sigmoid(X @ W_xz + H @ W_hz + b_z)
        R = Function.sigmoid(X @ W_xr + H @ W_hr + b_r)
        H_tilda = paddle.tanh(X @ W_xh + (R * H) @ W_hh + b_h)
        H = Z * H + (1 - Z) * H_tilda
        Y = H @ W_hq + b_q
        outputs.append(Y)
    return paddle.concat(outputs, axis=0), (H,)


class RNNModelScratch:
    """A model from functions; calling it takes tokens X, (batch_size, num_steps), and a state."""

    def __init__(self, vocab_size, num_hiddens, get_params, init_state, forward_fn):
        self.vocab_size, self.num_hiddens = vocab_size, num_hiddens
        self.params = get_params(vocab_size, num_hiddens)
        self.init_state, self.forward_fn = init_state, forward_fn

    def __call__(self, X, state):
        """Outputs and new state."""
        check_tokens("X", X, self.vocab_size, tensor="paddle.Tensor")
        X = Function.one_hot(X.T.astype("int64"), self.vocab_size).astype(self.params[0].dtype)
        return self.forward_fn(X, state, self.params)

    def begin_state(self, batch_size):
        """The initial state, in the precision of the parameters."""
        state = self.init_state(batch_size, self.num_hiddens)
        return tuple(s.astype(self.params[0].dtype) for s in state)
