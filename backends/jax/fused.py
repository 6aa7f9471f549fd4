"""The LSTM in JAX, as fast as JAX can: a pure step with its gradient written out, compiled as a whole.

The weights of the gates o, i, f, c lie side by side, so that one product per step serves all four. Differentiated by
JAX, the loop would add to the gradient of the recurrent weights at every step, a megabyte at a time; written out, one
product over all steps gives it. Up to 70 steps are unrolled: compiling takes longer, 8 s for the book's 35 and 17 s for
70, but a step takes a fifth or two fifths less than in a loop. On a CPU a minibatch is computed in two halves side by
side: while one waits the other continues, which saves a sixth of a step and adds 3 s of compiling; in four parts a step
takes as long as in one. The transposed weights are laid out once, held by a barrier, since the compiler would otherwise
do so at every step. Inputs are rows of W_x, looked up by the token, and their gradients are segment sums.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from backends import fused
from backends.jax import training
from lstm_ref.params import LSTMParams
from lstm_ref.validate import check_lstm

GATES = "oifc"  # a sigmoid for the first three
UNROLLED = 70
barrier = getattr(jax.lax, "optimization_barrier", lambda array: array)  # without it, before 0.4.31, it is only slower


def pack(params):
    """W_x (V, 4h), W_h (h, 4h), b (4h,), W_hq and b_q."""
    p = LSTMParams(*params)._asdict()
    x, h, b = (jnp.concatenate([p[f"{name}{k}"] for k in GATES], axis=-1) for name in ("W_x", "W_h", "b_"))
    return x, h, b, jnp.array(p["W_hq"]), jnp.array(p["b_q"])


@jax.jit
def unpack(packed):
    """The 14 parameters, or their gradients, in the book's order."""
    x, h, b, W_hq, b_q = packed
    parts = zip(GATES, *(jnp.split(array, 4, axis=-1) for array in (x, h, b)), strict=True)
    gates = {name: part for k, x, h, b in parts for name, part in ((f"W_x{k}", x), (f"W_h{k}", h), (f"b_{k}", b))}
    return LSTMParams(**gates, W_hq=W_hq, b_q=b_q)


def scan(body, carry, xs, reverse=False):
    """`jax.lax.scan`, unrolled as far as it pays."""
    return jax.lax.scan(body, carry, xs, reverse=reverse, unroll=min(UNROLLED, len(jax.tree.leaves(xs)[0])))


def cell(A, H, C, W_h):
    """One step from the inputs' part of the gates: the activated gates and the new H, C and tanh(C)."""
    h = H.shape[1]
    # σ(x) = (1 + tanh(x / 2)) / 2, so one tanh serves all gates: a step takes a sixteenth less than with XLA's σ.
    tanh = jnp.tanh((A + H @ W_h) * jnp.where(jnp.arange(4 * h) < 3 * h, 0.5, 1).astype(A.dtype))
    O, I, F = jnp.split(0.5 + 0.5 * tanh[:, :3 * h], 3, axis=1)
    C_tilda = tanh[:, 3 * h:]
    C = F * C + I * C_tilda
    tanh_C = jnp.tanh(C)
    return (O, I, F, C_tilda), O * tanh_C, C, tanh_C


def outputs_of(A, state, packed):
    """Outputs, (n, vocab_size), and last (H, C) for the inputs' part A of the gates, (T, B, 4h)."""
    _, W_h, _, W_hq, b_q = packed

    def step(state, A):
        _, H, C, _ = cell(A, *state, W_h)
        return (H, C), H

    state, Hs = scan(step, state, A)
    return Hs.reshape(-1, Hs.shape[-1]) @ W_hq + b_q, state


def chain(A, state, packed, targets, tokens):
    """The share of some sequences in `gradients` of a minibatch with `tokens` tokens.

    A is (T, B, 4h) for B sequences and targets (T, B). Returns first what is summed over the parts, loss and
    gradients; then the last (H, C), each (B, h), and dA as (T, B, 4h).
    """
    _, W_h, _, W_hq, b_q = packed

    def forward(state, A):
        H_prev, C_prev = state
        (O, I, F, C_tilda), H, C, tanh_C = cell(A, H_prev, C_prev, W_h)
        # The factors of dH, for o and on its way to C, and of dC, for i, f and c.
        slopes = H - H * O, I * C_tilda * (1 - I), F * C_prev * (1 - F), I - I * C_tilda * C_tilda
        return (H, C), (H_prev, H, F, jnp.concatenate(slopes, axis=1), O - H * tanh_C)

    state, (Hs_prev, Hs, Fs, slopes, throughs) = scan(forward, state, A)
    T, B, h = Hs.shape
    Y, y = Hs.reshape(T * B, h), targets.reshape(-1)
    log_p = jax.nn.log_softmax(Y @ W_hq + b_q)
    loss = -log_p[jnp.arange(T * B), y].sum() / tokens
    dY = (jnp.exp(log_p) - jax.nn.one_hot(y, log_p.shape[1], dtype=log_p.dtype)) / tokens
    W_h_T = barrier(W_h.T)

    def backward(carry, step):
        (dH, dC), (dH_out, F, slope, through) = carry, step
        dH = dH + dH_out
        dC = dC + dH * through
        dA = slope * jnp.concatenate([dH, dC, dC, dC], axis=1)
        return (dA @ W_h_T, dC * F), dA

    start = jnp.zeros_like(Hs[0]), jnp.zeros_like(Hs[0])
    _, dAs = scan(backward, start, ((dY @ W_hq.T).reshape(T, B, h), Fs, slopes, throughs), reverse=True)
    dA = dAs.reshape(T * B, 4 * h)
    return (loss, (Hs_prev.reshape(T * B, h).T @ dA, dA.sum(axis=0), Y.T @ dY, dY.sum(axis=0))), state, dAs


def gradients(A, state, packed, targets, chains):
    """The mean cross-entropy, the last (H, C), dA, and the gradients of W_h, b, W_hq and b_q.

    A is the inputs' part of the gates, (T, B, 4h); targets are tokens, (T, B); the sequences are computed in `chains`
    parts side by side.
    """
    parts = zip(*(jnp.array_split(array, chains, axis=1) for array in (A, targets)),
                *(jnp.array_split(array, chains) for array in state), strict=True)
    sums, states, dAs = zip(*(chain(A, (H, C), packed, y, targets.size) for A, y, H, C in parts), strict=True)
    loss, grads = jax.tree.map(lambda *parts: sum(parts), *sums)
    state = tuple(jnp.concatenate(parts) for parts in zip(*states, strict=True))
    return loss, state, jnp.concatenate(dAs, axis=1).reshape(-1, A.shape[2]), grads


def lookup(X, packed):
    """The inputs' part of the gates for tokens X, (batch_size, num_steps)."""
    W_x, _, b, _, _ = packed
    return (W_x + b)[X.T]


def project(inputs, packed):
    """The same for encoded inputs."""
    W_x, _, b, _, _ = packed
    return inputs @ W_x + b


@jax.jit
def clip_factor(grads, theta):
    """The factor for the gradients, and their joint norm."""
    norm = training.gradient_norm(grads)
    return jnp.where(norm > theta, theta / norm, jnp.ones_like(norm)), norm


@partial(jax.jit, donate_argnames="packed", static_argnames="chains")
def compiled_step(packed, X, Y, state, lr, theta, chains):
    """New weights, loss, norm and new state."""
    X, Y = X.astype(int), Y.astype(int)
    loss, state, dA, (dW_h, db, *output) = gradients(lookup(X, packed), state, packed, Y.T, chains)
    dW_x = jax.ops.segment_sum(dA, X.T.reshape(-1), packed[0].shape[0])
    grads = dW_x, dW_h, db, *output
    factor, norm = clip_factor(grads, theta)
    rate, finite = lr * factor, jnp.isfinite(loss)
    updated = tuple(jnp.where(finite, param - rate * grad, param) for param, grad in zip(packed, grads, strict=True))
    return updated, loss, norm, state


@jax.jit
def compiled_forward(packed, X, state):
    """Outputs and new state for tokens."""
    return outputs_of(lookup(X.astype(int), packed), state, packed)


@jax.jit
def compiled_run(packed, inputs, state):
    """Outputs and new state for encoded inputs."""
    return outputs_of(project(inputs, packed), state, packed)


@partial(jax.jit, static_argnames="chains")
def compiled_gradients(packed, inputs, state, targets, chains):
    """Loss and gradients for encoded inputs."""
    loss, _, dA, rest = gradients(project(inputs, packed), state, packed, targets.astype(int).reshape(inputs.shape[:2]),
                                   chains)
    return loss, (inputs.reshape(-1, inputs.shape[-1]).T @ dA, *rest)


def lstm(inputs, state, params):
    """Like the scratch `lstm`; it can be differentiated and compiled as well."""
    check_lstm(inputs, state, params)
    return compiled_run(pack(params), inputs, tuple(state))


class RNNModelFused(fused.RNNModelFused):
    """See `backends.fused.RNNModelFused`. It keeps its parameters, and `step` reuses their memory for the new ones."""

    clip_factor = staticmethod(clip_factor)

    def __init__(self, params):
        super().__init__(params)
        self.packed = pack(params)

    def chains(self, batch_size):
        """The number of parts a minibatch is computed in: two on a CPU."""
        return min(2, batch_size) if self.where().platform == "cpu" else 1

    @property
    def params(self):
        return unpack(self.packed)

    def zeros(self, batch_size):
        return tuple(jnp.zeros((batch_size, self.num_hiddens), self.packed[0].dtype) for _ in range(2))

    def where(self):
        return next(iter(self.packed[0].devices()))

    def run(self, inputs, state):
        return compiled_run(self.packed, inputs, tuple(state))

    def forward(self, X, state):
        return compiled_forward(self.packed, X, tuple(state))

    def loss_and_grads(self, inputs, state, targets):
        loss, grads = compiled_gradients(self.packed, inputs, tuple(state), targets, self.chains(inputs.shape[1]))
        return loss, unpack(grads)

    def step(self, X, Y, state, lr, theta):
        self.packed, loss, norm, state = compiled_step(self.packed, X, Y, tuple(state), lr, theta, self.chains(len(X)))
        return loss, norm, state

    def read_token(self, token, state):
        outputs, state = self.forward(np.array([[token]]), state)
        return np.asarray(outputs[0]), state
