"""The book's models from scratch, TensorFlow tab: the LSTM, the vanilla RNN before it and the GRU."""

import tensorflow as tf

from lstm_ref.validate import check_floating, check_gru, check_lstm, check_rnn, check_sizes, check_tokens


def get_lstm_params(vocab_size, num_hiddens, dtype=tf.float32):
    """The 14 parameters as trainable variables: weights Normal(0, 0.01), biases zero.

    Shapes: W_x* (vocab_size, num_hiddens), W_h* (num_hiddens, num_hiddens), W_hq (num_hiddens, vocab_size).
    """
    check_sizes(vocab_size=vocab_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    num_inputs = num_outputs = vocab_size

    def normal(shape):
        return tf.Variable(tf.random.normal(shape=shape, stddev=0.01, mean=0, dtype=dtype))

    def zeros(size):
        return tf.Variable(tf.zeros(size, dtype=dtype))

    def three():
        return normal((num_inputs, num_hiddens)), normal((num_hiddens, num_hiddens)), zeros(num_hiddens)

    W_xi, W_hi, b_i = three()  # input gate
    W_xf, W_hf, b_f = three()  # forget gate
    W_xo, W_ho, b_o = three()  # output gate
    W_xc, W_hc, b_c = three()  # candidate memory cell
    W_hq, b_q = normal((num_hiddens, num_outputs)), zeros(num_outputs)  # output layer
    return [W_xi, W_hi, b_i, W_xf, W_hf, b_f, W_xo, W_ho, b_o, W_xc, W_hc, b_c, W_hq, b_q]


def init_lstm_state(batch_size, num_hiddens, dtype=tf.float32):
    """H and C: zeros of shape (batch_size, num_hiddens)."""
    check_sizes(batch_size=batch_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    return (tf.zeros(shape=(batch_size, num_hiddens), dtype=dtype),
            tf.zeros(shape=(batch_size, num_hiddens), dtype=dtype))


def lstm(inputs, state, params):
    """Outputs of all steps, (num_steps * batch_size, vocab_size), and the last (H, C).

    `inputs` is (num_steps, batch_size, vocab_size). Raises ValueError for shapes or dtypes that do not agree.
    The steps are unstacked into a list so that `tf.function(lstm)` can unroll them.
    """
    check_lstm(inputs, state, params)
    W_xi, W_hi, b_i, W_xf, W_hf, b_f, W_xo, W_ho, b_o, W_xc, W_hc, b_c, W_hq, b_q = params
    H, C = state
    outputs = []
    for X in tf.unstack(inputs):
        I = tf.sigmoid(tf.matmul(X, W_xi) + tf.matmul(H, W_hi) + b_i)
        F = tf.sigmoid(tf.matmul(X, W_xf) + tf.matmul(H, W_hf) + b_f)
        O = tf.sigmoid(tf.matmul(X, W_xo) + tf.matmul(H, W_ho) + b_o)
        C_tilda = tf.tanh(tf.matmul(X, W_xc) + tf.matmul(H, W_hc) + b_c)
        C = F * C + I * C_tilda
        H = O * tf.tanh(C)
        Y = tf.matmul(H, W_hq) + b_q
        outputs.append(Y)
    return tf.concat(outputs, axis=0), (H, C)


def get_params(vocab_size, num_hiddens, dtype=tf.float32):
    """The vanilla RNN's 5 parameters W_xh, W_hh, b_h, W_hq, b_q, like `get_lstm_params`."""
    check_sizes(vocab_size=vocab_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    num_inputs = num_outputs = vocab_size

    def normal(shape):
        return tf.Variable(tf.random.normal(shape=shape, stddev=0.01, mean=0, dtype=dtype))

    def zeros(size):
        return tf.Variable(tf.zeros(size, dtype=dtype))

    W_xh, W_hh, b_h = normal((num_inputs, num_hiddens)), normal((num_hiddens, num_hiddens)), zeros(num_hiddens)
    W_hq, b_q = normal((num_hiddens, num_outputs)), zeros(num_outputs)  # output layer
    return [W_xh, W_hh, b_h, W_hq, b_q]


def init_rnn_state(batch_size, num_hiddens, dtype=tf.float32):
    """H alone: zeros of shape (batch_size, num_hiddens)."""
    check_sizes(batch_size=batch_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    return (tf.zeros(shape=(batch_size, num_hiddens), dtype=dtype),)


def rnn(inputs, state, params):
    """Like `lstm`, with the one-tuple (H,) as the state."""
    check_rnn(inputs, state, params)
    W_xh, W_hh, b_h, W_hq, b_q = params
    H, = state
    outputs = []
    for X in tf.unstack(inputs):
        H = tf.tanh(tf.matmul(X, W_xh) + tf.matmul(H, W_hh) + b_h)
        Y = tf.matmul(H, W_hq) + b_q
        outputs.append(Y)
    return tf.concat(outputs, axis=0), (H,)


def get_gru_params(vocab_size, num_hiddens, dtype=tf.float32):
    """The GRU's 11 parameters, like `get_lstm_params`: update gate z, reset gate r, candidate h, output layer."""
    check_sizes(vocab_size=vocab_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    num_inputs = num_outputs = vocab_size

    def normal(shape):
        return tf.Variable(tf.random.normal(shape=shape, stddev=0.01, mean=0, dtype=dtype))

    def zeros(size):
        return tf.Variable(tf.zeros(size, dtype=dtype))

    def three():
        return normal((num_inputs, num_hiddens)), normal((num_hiddens, num_hiddens)), zeros(num_hiddens)

    W_xz, W_hz, b_z = three()  # update gate
    W_xr, W_hr, b_r = three()  # reset gate
    W_xh, W_hh, b_h = three()  # candidate hidden state
    W_hq, b_q = normal((num_hiddens, num_outputs)), zeros(num_outputs)  # output layer
    return [W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, W_hh, b_h, W_hq, b_q]


def init_gru_state(batch_size, num_hiddens, dtype=tf.float32):
    """H alone: zeros of shape (batch_size, num_hiddens)."""
    check_sizes(batch_size=batch_size, num_hiddens=num_hiddens)
    check_floating(dtype)
    return (tf.zeros(shape=(batch_size, num_hiddens), dtype=dtype),)


def gru(inputs, state, params):
    """Like `lstm`, with the one-tuple (H,) as the state; the reset gate comes before the product with W_hh."""
    check_gru(inputs, state, params)
    W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, W_hh, b_h, W_hq, b_q = params
    H, = state
    outputs = []
    for X in tf.unstack(inputs):
        Z = tf.sigmoid(tf.matmul(X, W_xz) + tf.matmul(H, W_hz) + b_z)
        R = tf.sigmoid(tf.matmul(X, W_xr) + tf.matmul(H, W_hr) + b_r)
        H_tilda = tf.tanh(tf.matmul(X, W_xh) + tf.matmul(R * H, W_hh) + b_h)
        H = Z * H + (1 - Z) * H_tilda
        Y = tf.matmul(H, W_hq) + b_q
        outputs.append(Y)
    return tf.concat(outputs, axis=0), (H,)


class RNNModelScratch:
    """A model from functions; calling it takes tokens X, (batch_size, num_steps), and a state."""

    def __init__(self, vocab_size, num_hiddens, init_state, forward_fn, get_params):
        self.vocab_size, self.num_hiddens = vocab_size, num_hiddens
        self.init_state, self.forward_fn = init_state, forward_fn
        self.trainable_variables = get_params(vocab_size, num_hiddens)

    def __call__(self, X, state):
        """Outputs and new state."""
        check_tokens("X", X, self.vocab_size)
        X = tf.one_hot(tf.transpose(tf.cast(X, tf.int64)), self.vocab_size, dtype=self.trainable_variables[0].dtype)
        return self.forward_fn(X, state, self.trainable_variables)

    def begin_state(self, batch_size, *args, **kwargs):
        """The initial state, in the precision of the parameters."""
        state = self.init_state(batch_size, self.num_hiddens)
        return tuple(tf.cast(s, self.trainable_variables[0].dtype) for s in state)
