"""The book's LSTM from scratch in JAX's manner: pure functions, explicit keys, no device in the signatures.

The book's JAX tab is a class; this is its counterpart to the functions of the other tabs.
"""

import jax
import jax.numpy as jnp

from lstm_ref import LSTMParams
from lstm_ref.validate import check_lstm, check_minibatch, check_sizes, check_theta, check_tokens


def get_lstm_params(key, vocab_size, num_hiddens, dtype=jnp.float32):
    """The 14 parameters, a pytree with their names: weights Normal(0, 0.01), biases zero.

    Shapes: W_x* (vocab_size, num_hiddens), W_h* (num_hiddens, num_hiddens), W_hq (num_hiddens, vocab_size).
    """
    check_sizes(vocab_size=vocab_size, num_hiddens=num_hiddens)
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
        X = jax.nn.one_hot(X.T, self.vocab_size, dtype=params[0].dtype)
        return self.forward_fn(X, state, params)

    def begin_state(self, batch_size, dtype=jnp.float32):
        """The initial state."""
        return self.init_state(batch_size, self.num_hiddens, dtype)


def loss(y_hat, y):
    """Mean softmax cross-entropy of y_hat, (n, vocab_size), against tokens y, (n,)."""
    if not isinstance(y, jax.core.Tracer):
        check_tokens("targets", y, y_hat.shape[1], shape=(y_hat.shape[0],))
    log_likelihoods = jnp.take_along_axis(jax.nn.log_softmax(y_hat), y[:, None], axis=1)
    return -log_likelihoods.mean()


def grad_clipping(grads, theta):
    """The gradients, a pytree, scaled by theta / norm when their joint norm is above theta."""
    if not isinstance(theta, jax.core.Tracer):
        check_theta(theta)
    norm = jnp.sqrt(sum(jnp.sum(grad ** 2) for grad in jax.tree.leaves(grads)))
    factor = jnp.where(norm > theta, theta / norm, jnp.ones_like(norm))
    return jax.tree.map(lambda grad: grad * factor, grads)


def sgd(params, grads, lr, batch_size):
    """Minibatch stochastic gradient descent, as new parameters."""
    return jax.tree.map(lambda param, grad: param - lr * grad / batch_size, params, grads)


def train_step_ch8(net, params, X, Y, state, loss, lr, theta=1):
    """One minibatch of the book's training loop: forward, loss, backward, clipping, update.

    X and Y are (batch_size, num_steps) tokens. Returns the new parameters, the loss and the new state.
    """
    if not isinstance(X, jax.core.Tracer):
        check_minibatch(X, Y, net.vocab_size)

    def objective(params):
        y_hat, new_state = net.apply(params, X, state)
        return loss(y_hat, Y.T.reshape(-1)), new_state

    (l, state), grads = jax.value_and_grad(objective, has_aux=True)(params)
    return sgd(params, grad_clipping(grads, theta), lr, batch_size=1), l, state
