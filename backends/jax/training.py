"""The book's training and prediction in JAX's style: parameters go in and new ones come out.

`net` is an `RNNModelScratch` or an `RNNModel`: it has `apply(params, X, state)` and `begin_state`.
"""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from lstm_ref import loop
from lstm_ref.animator import Animator
from lstm_ref.validate import check_lr, check_minibatch, check_outputs, check_sizes, check_theta
from lstm_ref.validate_text import check_run
from lstm_ref.validate_training import check_grads, check_loss, check_update


def loss(y_hat, y):
    """Mean softmax cross-entropy of y_hat, (n, vocab_size), against tokens y, (n,)."""
    if not isinstance(y, jax.core.Tracer):
        check_outputs(y_hat, y)
    log_likelihoods = jnp.take_along_axis(jax.nn.log_softmax(y_hat), y[:, None].astype(int), axis=1)
    return -log_likelihoods.mean()


def gradient_norm(grads):
    """The joint Euclidean norm of the gradients, a pytree; divided by the largest entry, no square overflows."""
    leaves = jax.tree.leaves(grads)
    largest = jnp.stack([jnp.abs(grad).max() for grad in leaves]).max()
    scale = jnp.where((largest > 0) & jnp.isfinite(largest), largest, jnp.ones_like(largest))
    return scale * jnp.sqrt(sum(jnp.sum((grad / scale) ** 2) for grad in leaves))


def grad_clipping(grads, theta):
    """The gradients, a pytree, scaled by theta / norm when their joint norm is above theta."""
    if isinstance(grads, Iterator):  # which is no pytree
        check_grads(grads)
    if not isinstance(theta, jax.core.Tracer):
        check_theta(theta)
    norm = gradient_norm(grads)
    factor = jnp.where(norm > theta, theta / norm, jnp.ones_like(norm))
    return jax.tree.map(lambda grad: grad * factor, grads)


def sgd(params, grads, lr, batch_size):
    """Minibatch stochastic gradient descent, as new parameters."""
    if not isinstance(lr, jax.core.Tracer):
        check_lr(lr)
    if not isinstance(batch_size, jax.core.Tracer):
        check_sizes(batch_size=batch_size)
    check_update(jax.tree.leaves(params), jax.tree.leaves(grads))
    return jax.tree.map(lambda param, grad: param - lr * grad / batch_size, params, grads)


def value_and_gradients(net, params, X, Y, state, loss):
    """The loss and the new state, and the gradients by the parameters."""
    def objective(params):
        y_hat, new_state = net.apply(params, X, state)
        return loss(y_hat, Y.T.reshape(-1)), new_state

    return jax.value_and_grad(objective, has_aux=True)(params)


def train_step_ch8(net, params, X, Y, state, loss, lr, theta=1):
    """One minibatch of the book's training loop: forward, loss, backward, clipping, update.

    X and Y are (batch_size, num_steps) tokens. Returns the new parameters, the loss and the new state. Raises
    FloatingPointError for a loss that is not finite, unless it is being compiled.
    """
    compiling = isinstance(X, jax.core.Tracer)
    if not compiling:
        check_minibatch(X, Y, net.vocab_size)
    (l, state), grads = value_and_gradients(net, params, X, Y, state, loss)
    if not compiling:
        check_loss(float(l), lambda: gradient_norm(grads))
    return sgd(params, grad_clipping(grads, theta), lr, batch_size=1), l, state


# Compiled once for each net and size of minibatch.
compiled_step = jax.jit(train_step_ch8, static_argnames=("net", "loss"))
_compiled_gradients = jax.jit(value_and_gradients, static_argnames=("net", "loss"))
_compiled_apply = jax.jit(lambda net, params, X, state: net.apply(params, X, state), static_argnames="net")


def train_epoch_ch8(net, params, train_iter, loss, lr, use_random_iter, losses=None):
    """Train for one epoch: the new parameters, perplexity and tokens per second. See `lstm_ref.loop.train_epoch`."""
    check_lr(lr)  # where the steps are compiled it is no number any more

    def step(X, Y, state):
        nonlocal params
        check_minibatch(X, Y, net.vocab_size)
        new_params, l, new_state = compiled_step(net, params, X, Y, state, loss, lr)
        check_loss(float(l), lambda: gradient_norm(_compiled_gradients(net, params, X, Y, state, loss)[1]))
        params = new_params
        return l, new_state

    dtype = jax.tree.leaves(params)[0].dtype
    perplexity, speed = loop.train_epoch(
        train_iter, lambda batch_size: net.begin_state(batch_size, dtype), lambda state: state, step, use_random_iter,
        losses)
    return params, perplexity, speed


def train_ch8(net, params, train_iter, vocab, lr, num_epochs, use_random_iter=False):
    """Train, show what the model writes, and return the new parameters. See `lstm_ref.loop.train`."""
    check_run(lr, num_epochs, vocab, net.vocab_size, loop.PREFIXES)

    def epoch():
        nonlocal params
        params, perplexity, speed = train_epoch_ch8(net, params, train_iter, loss, lr, use_random_iter)
        return perplexity, speed

    animator = Animator(xlabel="epoch", ylabel="perplexity", legend=["train"], xlim=[10, num_epochs])
    loop.train(num_epochs, epoch, lambda prefix: predict_ch8(prefix, 50, net, params, vocab), animator,
               jax.devices()[0])
    return params


def predict_ch8(prefix, num_preds, net, params, vocab, alpha=None, rng=None):
    """The prefix and `num_preds` tokens after it, the most likely or drawn. See `lstm_ref.loop.predict`."""
    def step(token, state):
        y, state = _compiled_apply(net, params, np.array([[token]]), state)
        return np.asarray(y[0]), state

    state = net.begin_state(1, jax.tree.leaves(params)[0].dtype)
    return loop.predict(prefix, num_preds, vocab, state, step, alpha, rng)
