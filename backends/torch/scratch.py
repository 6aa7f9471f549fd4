"""The book's models from scratch, PyTorch tab: the LSTM, the vanilla RNN before it and the GRU."""

import torch
from torch.nn import functional

from lstm_ref.validate import check_floating, check_gru, check_lstm, check_rnn, check_sizes, check_tokens


def get_lstm_params(vocab_size, num_hiddens, device, dtype=None):
    """The 14 parameters with gradients attached: weights Normal(0, 0.01), biases zero.

    Shapes: W_x* (vocab_size, num_hiddens), W_h* (num_hiddens, num_hiddens), W_hq (num_hiddens, vocab_size).
    `dtype` defaults to PyTorch's.
    """
    check_sizes(vocab_size=vocab_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    num_inputs = num_outputs = vocab_size

    def normal(shape):
        return torch.randn(size=shape, device=device, dtype=dtype) * 0.01

    def zeros(size):
        return torch.zeros(size, device=device, dtype=dtype)

    def three():
        return normal((num_inputs, num_hiddens)), normal((num_hiddens, num_hiddens)), zeros(num_hiddens)

    W_xi, W_hi, b_i = three()  # input gate
    W_xf, W_hf, b_f = three()  # forget gate
    W_xo, W_ho, b_o = three()  # output gate
    W_xc, W_hc, b_c = three()  # candidate memory cell
    W_hq, b_q = normal((num_hiddens, num_outputs)), zeros(num_outputs)  # output layer
    params = [W_xi, W_hi, b_i, W_xf, W_hf, b_f, W_xo, W_ho, b_o, W_xc, W_hc, b_c, W_hq, b_q]
    for param in params:
        param.requires_grad_(True)
    return params


def init_lstm_state(batch_size, num_hiddens, device, dtype=None):
    """H and C: zeros of shape (batch_size, num_hiddens)."""
    check_sizes(batch_size=batch_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    return (torch.zeros((batch_size, num_hiddens), device=device, dtype=dtype),
            torch.zeros((batch_size, num_hiddens), device=device, dtype=dtype))


def lstm(inputs, state, params):
    """Outputs of all steps, (num_steps * batch_size, vocab_size), and the last (H, C).

    `inputs` is (num_steps, batch_size, vocab_size). Raises ValueError for shapes or dtypes that do not agree.
    """
    check_lstm(inputs, state, params, "torch.Tensor")
    W_xi, W_hi, b_i, W_xf, W_hf, b_f, W_xo, W_ho, b_o, W_xc, W_hc, b_c, W_hq, b_q = params
    H, C = state
    outputs = []
    for X in inputs:
        I = torch.sigmoid(X @ W_xi + H @ W_hi + b_i)
        F = torch.sigmoid(X @ W_xf + H @ W_hf + b_f)
        O = torch.sigmoid(X @ W_xo + H @ W_ho + b_o)
        C_tilda = torch.tanh(X @ W_xc + H @ W_hc + b_c)
        C = F * C + I * C_tilda
        H = O * torch.tanh(C)
        Y = H @ W_hq + b_q
        outputs.append(Y)
    return torch.cat(outputs, dim=0), (H, C)


def get_params(vocab_size, num_hiddens, device, dtype=None):
    """The vanilla RNN's 5 parameters W_xh, W_hh, b_h, W_hq, b_q, like `get_lstm_params`."""
    check_sizes(vocab_size=vocab_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    num_inputs = num_outputs = vocab_size

    def normal(shape):
        return torch.randn(size=shape, device=device, dtype=dtype) * 0.01

    def zeros(size):
        return torch.zeros(size, device=device, dtype=dtype)

    W_xh, W_hh, b_h = normal((num_inputs, num_hiddens)), normal((num_hiddens, num_hiddens)), zeros(num_hiddens)
    W_hq, b_q = normal((num_hiddens, num_outputs)), zeros(num_outputs)  # output layer
    params = [W_xh, W_hh, b_h, W_hq, b_q]
    for param in params:
        param.requires_grad_(True)
    return params


def init_rnn_state(batch_size, num_hiddens, device, dtype=None):
    """H alone: zeros of shape (batch_size, num_hiddens)."""
    check_sizes(batch_size=batch_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    return (torch.zeros((batch_size, num_hiddens), device=device, dtype=dtype),)


def rnn(inputs, state, params):
    """Like `lstm`, with the one-tuple (H,) as the state."""
    check_rnn(inputs, state, params, "torch.Tensor")
    W_xh, W_hh, b_h, W_hq, b_q = params
    H, = state
    outputs = []
    for X in inputs:
        H = torch.tanh(X @ W_xh + H @ W_hh + b_h)
        Y = H @ W_hq + b_q
        outputs.append(Y)
    return torch.cat(outputs, dim=0), (H,)


def get_gru_params(vocab_size, num_hiddens, device, dtype=None):
    """The GRU's 11 parameters, like `get_lstm_params`: update gate z, reset gate r, candidate h, output layer."""
    check_sizes(vocab_size=vocab_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    num_inputs = num_outputs = vocab_size

    def normal(shape):
        return torch.randn(size=shape, device=device, dtype=dtype) * 0.01

    def zeros(size):
        return torch.zeros(size, device=device, dtype=dtype)

    def three():
        return normal((num_inputs, num_hiddens)), normal((num_hiddens, num_hiddens)), zeros(num_hiddens)

    W_xz, W_hz, b_z = three()  # update gate
    W_xr, W_hr, b_r = three()  # reset gate
    W_xh, W_hh, b_h = three()  # candidate hidden state
    W_hq, b_q = normal((num_hiddens, num_outputs)), zeros(num_outputs)  # output layer
    params = [W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, W_hh, b_h, W_hq, b_q]
    for param in params:
        param.requires_grad_(True)
    return params


def init_gru_state(batch_size, num_hiddens, device, dtype=None):
    """H alone: zeros of shape (batch_size, num_hiddens)."""
    check_sizes(batch_size=batch_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    return (torch.zeros((batch_size, num_hiddens), device=device, dtype=dtype),)


def gru(inputs, state, params):
    """Like `lstm`, with the one-tuple (H,) as the state; the reset gate comes before the product with W_hh."""
    check_gru(inputs, state, params, "torch.Tensor")
    W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, W_hh, b_h, W_hq, b_q = params
    H, = state
    outputs = []
    for X in inputs:
        Z = torch.sigmoid(X @ W_xz + H @ W_hz + b_z)
        R = torch.sigmoid(X @ W_xr + H @ W_hr + b_r)
        H_tilda = torch.tanh(X @ W_xh + (R * H) @ W_hh + b_h)
        H = Z * H + (1 - Z) * H_tilda
        Y = H @ W_hq + b_q
        outputs.append(Y)
    return torch.cat(outputs, dim=0), (H,)


class RNNModelScratch:
    """A model from functions; calling it takes tokens X, (batch_size, num_steps), and a state."""

    def __init__(self, vocab_size, num_hiddens, device, get_params, init_state, forward_fn):
        self.vocab_size, self.num_hiddens = vocab_size, num_hiddens
        self.params = get_params(vocab_size, num_hiddens, device)
        self.init_state, self.forward_fn = init_state, forward_fn

    def __call__(self, X, state):
        """Outputs and new state."""
        check_tokens("X", X, self.vocab_size, tensor="torch.Tensor")
        X = functional.one_hot(X.T.long(), self.vocab_size).type(self.params[0].dtype)
        return self.forward_fn(X, state, self.params)

    def begin_state(self, batch_size, device):
        """The initial state, in the precision of the parameters."""
        state = self.init_state(batch_size, self.num_hiddens, device)
        return tuple(s.type(self.params[0].dtype) for s in state)
