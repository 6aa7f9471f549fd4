"""The book's models from scratch, MXNet tab: the LSTM, the vanilla RNN before it and the GRU."""

from mxnet import np, npx

from lstm_ref.validate import check_floating, check_gru, check_lstm, check_rnn, check_sizes, check_tokens


def get_lstm_params(vocab_size, num_hiddens, device, dtype="float32"):
    """The 14 parameters with gradients attached: weights Normal(0, 0.01), biases zero.

    Shapes: W_x* (vocab_size, num_hiddens), W_h* (num_hiddens, num_hiddens), W_hq (num_hiddens, vocab_size).
    """
    check_sizes(vocab_size=vocab_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    num_inputs = num_outputs = vocab_size

    def normal(shape):
        return np.random.normal(scale=0.01, size=shape, dtype=dtype, ctx=device)

    def zeros(size):
        return np.zeros(size, dtype=dtype, ctx=device)

    def three():
        return normal((num_inputs, num_hiddens)), normal((num_hiddens, num_hiddens)), zeros(num_hiddens)

    W_xi, W_hi, b_i = three()  # input gate
    W_xf, W_hf, b_f = three()  # forget gate
    W_xo, W_ho, b_o = three()  # output gate
    W_xc, W_hc, b_c = three()  # candidate memory cell
    W_hq, b_q = normal((num_hiddens, num_outputs)), zeros(num_outputs)  # output layer
    params = [W_xi, W_hi, b_i, W_xf, W_hf, b_f, W_xo, W_ho, b_o, W_xc, W_hc, b_c, W_hq, b_q]
    for param in params:
        param.attach_grad()
    return params


def init_lstm_state(batch_size, num_hiddens, device, dtype="float32"):
    """H and C: zeros of shape (batch_size, num_hiddens)."""
    check_sizes(batch_size=batch_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    return (np.zeros((batch_size, num_hiddens), dtype=dtype, ctx=device),
            np.zeros((batch_size, num_hiddens), dtype=dtype, ctx=device))


def lstm(inputs, state, params):
    """Outputs of all steps, (num_steps * batch_size, vocab_size), and the last (H, C).

    `inputs` is (num_steps, batch_size, vocab_size). Raises ValueError for shapes or dtypes that do not agree.
    """
    check_lstm(inputs, state, params, "mxnet.np.ndarray")
    W_xi, W_hi, b_i, W_xf, W_hf, b_f, W_xo, W_ho, b_o, W_xc, W_hc, b_c, W_hq, b_q = params
    H, C = state
    outputs = []
    for X in inputs:
        I = npx.sigmoid(np.dot(X, W_xi) + np.dot(H, W_hi) + b_i)
        F = npx.sigmoid(np.dot(X, W_xf) + np.dot(H, W_hf) + b_f)
        O = npx.sigmoid(np.dot(X, W_xo) + np.dot(H, W_ho) + b_o)
        C_tilda = np.tanh(np.dot(X, W_xc) + np.dot(H, W_hc) + b_c)
        C = F * C + I * C_tilda
        H = O * np.tanh(C)
        Y = np.dot(H, W_hq) + b_q
        outputs.append(Y)
    return np.concatenate(outputs, axis=0), (H, C)


def get_params(vocab_size, num_hiddens, device, dtype="float32"):
    """The vanilla RNN's 5 parameters W_xh, W_hh, b_h, W_hq, b_q, like `get_lstm_params`."""
    check_sizes(vocab_size=vocab_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    num_inputs = num_outputs = vocab_size

    def normal(shape):
        return np.random.normal(scale=0.01, size=shape, dtype=dtype, ctx=device)

    def zeros(size):
        return np.zeros(size, dtype=dtype, ctx=device)

    W_xh, W_hh, b_h = normal((num_inputs, num_hiddens)), normal((num_hiddens, num_hiddens)), zeros(num_hiddens)
    W_hq, b_q = normal((num_hiddens, num_outputs)), zeros(num_outputs)  # output layer
    params = [W_xh, W_hh, b_h, W_hq, b_q]
    for param in params:
        param.attach_grad()
    return params


def init_rnn_state(batch_size, num_hiddens, device, dtype="float32"):
    """H alone: zeros of shape (batch_size, num_hiddens)."""
    check_sizes(batch_size=batch_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    return (np.zeros((batch_size, num_hiddens), dtype=dtype, ctx=device),)


def rnn(inputs, state, params):
    """Like `lstm`, with the one-tuple (H,) as the state."""
    check_rnn(inputs, state, params, "mxnet.np.ndarray")
    W_xh, W_hh, b_h, W_hq, b_q = params
    H, = state
    outputs = []
    for X in inputs:
        H = np.tanh(np.dot(X, W_xh) + np.dot(H, W_hh) + b_h)
        Y = np.dot(H, W_hq) + b_q
        outputs.append(Y)
    return np.concatenate(outputs, axis=0), (H,)


def get_gru_params(vocab_size, num_hiddens, device, dtype="float32"):
    """The GRU's 11 parameters, like `get_lstm_params`: update gate z, reset gate r, candidate h, output layer."""
    check_sizes(vocab_size=vocab_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    num_inputs = num_outputs = vocab_size

    def normal(shape):
        return np.random.normal(scale=0.01, size=shape, dtype=dtype, ctx=device)

    def zeros(size):
        return np.zeros(size, dtype=dtype, ctx=device)

    def three():
        return normal((num_inputs, num_hiddens)), normal((num_hiddens, num_hiddens)), zeros(num_hiddens)

    W_xz, W_hz, b_z = three()  # update gate
    W_xr, W_hr, b_r = three()  # reset gate
    W_xh, W_hh, b_h = three()  # candidate hidden state
    W_hq, b_q = normal((num_hiddens, num_outputs)), zeros(num_outputs)  # output layer
    params = [W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, W_hh, b_h, W_hq, b_q]
    for param in params:
        param.attach_grad()
    return params


def init_gru_state(batch_size, num_hiddens, device, dtype="float32"):
    """H alone: zeros of shape (batch_size, num_hiddens)."""
    check_sizes(batch_size=batch_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    return (np.zeros((batch_size, num_hiddens), dtype=dtype, ctx=device),)


def gru(inputs, state, params):
    """Like `lstm`, with the one-tuple (H,) as the state; the reset gate comes before the product with W_hh."""
    check_gru(inputs, state, params, "mxnet.np.ndarray")
    W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, W_hh, b_h, W_hq, b_q = params
    H, = state
    outputs = []
    for X in inputs:
        Z = npx.sigmoid(np.dot(X, W_xz) + np.dot(H, W_hz) + b_z)
        R = npx.sigmoid(np.dot(X, W_xr) + np.dot(H, W_hr) + b_r)
        H_tilda = np.tanh(np.dot(X, W_xh) + np.dot(R * H, W_hh) + b_h)
        H = Z * H + (1 - Z) * H_tilda
        Y = np.dot(H, W_hq) + b_q
        outputs.append(Y)
    return np.concatenate(outputs, axis=0), (H,)


class RNNModelScratch:
    """A model from functions; calling it takes tokens X, (batch_size, num_steps), and a state."""

    def __init__(self, vocab_size, num_hiddens, device, get_params, init_state, forward_fn):
        self.vocab_size, self.num_hiddens = vocab_size, num_hiddens
        self.params = get_params(vocab_size, num_hiddens, device)
        self.init_state, self.forward_fn = init_state, forward_fn

    def __call__(self, X, state):
        """Outputs and new state."""
        check_tokens("X", X, self.vocab_size, tensor="mxnet.np.ndarray")
        X = npx.one_hot(X.T, self.vocab_size, dtype=self.params[0].dtype)
        return self.forward_fn(X, state, self.params)

    def begin_state(self, batch_size, ctx):
        """The initial state, in the precision of the parameters."""
        state = self.init_state(batch_size, self.num_hiddens, ctx)
        return tuple(s.astype(self.params[0].dtype) for s in state)
