"""The LSTM in TensorFlow, as fast as TensorFlow can: a step with its gradient written out, compiled as a graph.

Unlike in other backends the gates are not put side by side: a graph runs its operations on all cores at once, and four
parallel products, with their sigmoids, take three fifths of the time of one four times as wide, whose parts wait for
each other. Nor is there a loop: unrolled, its steps overlap. Differentiated by TensorFlow, the graph would add to the
gradients of the weights at every step; written out, one product per gate gives them. Inputs are rows of W_x, looked up
by the token. XLA, the kernel BlockLSTM and Keras' layer take 2 to 3.4 times as long.
"""

import numpy as np
import tensorflow as tf

from backends import fused
from backends.tensorflow import training
from lstm_ref.params import LSTMParams
from lstm_ref.validate import check_lstm

GATES = "oifc"  # a sigmoid for the first three


def cell(A, H, C, p):
    """One step from the inputs' part of the gates, by gate: the activated gates and the new H, C and tanh(C)."""
    O, I, F = (tf.sigmoid(A[k] + tf.matmul(H, p[f"W_h{k}"])) for k in "oif")
    C_tilda = tf.tanh(A["c"] + tf.matmul(H, p["W_hc"]))
    C = F * C + I * C_tilda
    tanh_C = tf.tanh(C)
    return (O, I, F, C_tilda), O * tanh_C, C, tanh_C


def by_step(parts):
    """For each step a dictionary of the gates' parts, from arrays (T, B, h)."""
    return [dict(zip(GATES, step, strict=True)) for step in zip(*map(tf.unstack, parts), strict=True)]


def lookup(X, p):
    """The inputs' part of the gates for tokens X, (batch_size, num_steps)."""
    return by_step([tf.gather(p[f"W_x{k}"] + p[f"b_{k}"], tf.transpose(X)) for k in GATES])


def project(inputs, p):
    """The same for encoded inputs."""
    return by_step([tf.tensordot(inputs, p[f"W_x{k}"], 1) + p[f"b_{k}"] for k in GATES])


def outputs_of(parts, state, p):
    """Outputs, (n, vocab_size), and the last (H, C)."""
    (H, C), Hs = state, []
    for A in parts:
        _, H, C, _ = cell(A, H, C, p)
        Hs.append(H)
    return tf.matmul(tf.concat(Hs, axis=0), p["W_hq"]) + p["b_q"], (H, C)


def gradients(parts, state, p, targets):
    """The mean cross-entropy, the last (H, C), dA by gate, (n, h), and the gradients by W_h*, b_*, W_hq and b_q."""
    (H, C), Hs, tape = state, [state[0]], []
    for A in parts:
        C_prev = C
        (O, I, F, C_tilda), H, C, tanh_C = cell(A, H, C, p)
        # The factors of dH, for o and on its way to C, and of dC, for i, f and c.
        slopes = H - H * O, I * C_tilda * (1 - I), F * C_prev * (1 - F), I - I * C_tilda * C_tilda
        tape.append((*slopes, O - H * tanh_C, F))
        Hs.append(H)
    Y, Hs_prev = tf.concat(Hs[1:], axis=0), tf.concat(Hs[:-1], axis=0)
    log_p = tf.nn.log_softmax(tf.matmul(Y, p["W_hq"]) + p["b_q"])
    one_hot = tf.one_hot(targets, log_p.shape[1], dtype=log_p.dtype)
    loss = -tf.reduce_mean(tf.gather(log_p, targets, axis=1, batch_dims=1))
    dY = (tf.exp(log_p) - one_hot) / tf.cast(tf.shape(targets)[0], log_p.dtype)
    W_T = {k: tf.transpose(p[f"W_h{k}"]) for k in GATES}
    dH, dC, dAs = tf.zeros_like(H), tf.zeros_like(C), {k: [] for k in GATES}
    from_outputs = tf.split(tf.matmul(dY, p["W_hq"], transpose_b=True), len(tape))
    for dH_out, (o, i, f, c, through, F) in zip(reversed(from_outputs), reversed(tape), strict=True):
        dH = dH + dH_out
        dC = dC + dH * through
        dA = {"o": dH * o, "i": dC * i, "f": dC * f, "c": dC * c}
        dC = dC * F
        dH = tf.add_n([tf.matmul(dA[k], W_T[k]) for k in GATES])
        for k in GATES:
            dAs[k].insert(0, dA[k])
    dA = {k: tf.concat(steps, axis=0) for k, steps in dAs.items()}
    grads = {f"W_h{k}": tf.matmul(Hs_prev, dA[k], transpose_a=True) for k in GATES}
    grads |= {f"b_{k}": tf.reduce_sum(dA[k], axis=0) for k in GATES}
    grads |= {"W_hq": tf.matmul(Y, dY, transpose_a=True), "b_q": tf.reduce_sum(dY, axis=0)}
    return loss, (Hs[-1], C), dA, grads


def clip_factor(grads, theta):
    """The factor for the gradients, and their joint norm."""
    norm = training.gradient_norm(grads)
    theta = tf.convert_to_tensor(theta, norm.dtype)
    return tf.where(norm > theta, theta / norm, tf.ones_like(norm)), norm


def by_name(params):
    """The 14 parameters as tensors, by name."""
    return {name: tf.convert_to_tensor(param) for name, param in LSTMParams(*params)._asdict().items()}


@tf.function
def compiled_step(params, X, Y, state, lr, theta):
    """Loss, norm and new state; the variables are updated."""
    p = by_name(params)
    loss, state, dA, grads = gradients(lookup(X, p), state, p, tf.reshape(tf.transpose(Y), [-1]))
    one_hot = tf.one_hot(tf.reshape(tf.transpose(X), [-1]), p["W_xi"].shape[0], dtype=loss.dtype)
    grads |= {f"W_x{k}": tf.matmul(one_hot, dA[k], transpose_a=True) for k in GATES}
    grads = LSTMParams(**grads)
    factor, norm = clip_factor(grads, theta)
    if tf.math.is_finite(loss):
        rate = lr * factor
        for param, grad in zip(params, grads, strict=True):
            param.assign_sub(grad * rate)
    return loss, norm, state


@tf.function
def compiled_forward(params, X, state):
    """Outputs and new state for tokens."""
    p = by_name(params)
    return outputs_of(lookup(X, p), state, p)


@tf.function
def compiled_run(params, inputs, state):
    """Outputs and new state for encoded inputs."""
    p = by_name(params)
    return outputs_of(project(inputs, p), state, p)


@tf.function
def compiled_gradients(params, inputs, state, targets):
    """Loss and gradients for encoded inputs."""
    p = by_name(params)
    loss, _, dA, grads = gradients(project(inputs, p), state, p, targets)
    rows = tf.reshape(inputs, (-1, inputs.shape[2]))
    grads |= {f"W_x{k}": tf.matmul(rows, dA[k], transpose_a=True) for k in GATES}
    return loss, LSTMParams(**grads)


def lstm(inputs, state, params):
    """Like the scratch `lstm`; it can be differentiated and compiled as well."""
    check_lstm(inputs, state, params)
    return compiled_run(tuple(params), inputs, tuple(state))


class RNNModelFused(fused.RNNModelFused):
    """See `backends.fused.RNNModelFused`. Its variables are the book's 14 parameters."""

    clip_factor = staticmethod(clip_factor)

    def __init__(self, params):
        super().__init__(params)
        with tf.device(params[0].device):
            self.variables = tuple(tf.Variable(param) for param in params)

    @property
    def params(self):
        return [tf.identity(variable) for variable in self.variables]

    def zeros(self, batch_size):
        return tuple(tf.zeros((batch_size, self.num_hiddens), self.variables[0].dtype) for _ in range(2))

    def where(self):
        return self.variables[0].device

    def run(self, inputs, state):
        return compiled_run(self.variables, inputs, tuple(state))

    def forward(self, X, state):
        return compiled_forward(self.variables, tf.cast(X, tf.int64), tuple(state))

    def loss_and_grads(self, inputs, state, targets):
        return compiled_gradients(self.variables, inputs, tuple(state), tf.cast(targets, tf.int64))

    def step(self, X, Y, state, lr, theta):
        lr, theta = (tf.constant(number, self.variables[0].dtype) for number in (lr, theta))  # numbers recompile
        X, Y = tf.cast(X, tf.int64), tf.cast(Y, tf.int64)
        return compiled_step(self.variables, X, Y, tuple(state), lr, theta)

    def read_token(self, token, state):
        outputs, state = self.forward(np.array([[token]]), state)
        return outputs[0].numpy(), state
