"""The book's training and prediction, TensorFlow tab, for its models from scratch and for a Keras layer."""

import numpy as np
import tensorflow as tf

from backends.tensorflow.aliases import try_gpu
from lstm_ref import loop
from lstm_ref.animator import Animator
from lstm_ref.validate import check_lr, check_minibatch, check_outputs, check_sizes, check_theta
from lstm_ref.validate_text import check_run
from lstm_ref.validate_training import check_grads, check_loss, check_update


def loss(y, y_hat):
    """Mean softmax cross-entropy of y_hat, (n, vocab_size), against tokens y, (n,); in Keras' order."""
    if tf.executing_eagerly():
        check_outputs(y_hat, y)
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.cast(y, tf.int64), logits=y_hat))


def gradient_norm(grads):
    """The joint Euclidean norm of the gradients; divided by the largest entry, no square overflows."""
    largest = tf.reduce_max([tf.reduce_max(tf.abs(grad)) for grad in grads])
    scale = tf.where((largest > 0) & tf.math.is_finite(largest), largest, tf.ones_like(largest))
    return scale * tf.math.sqrt(sum(tf.reduce_sum((grad / scale) ** 2) for grad in grads))


def grad_clipping(grads, theta):
    """The gradients scaled by theta / norm when their joint norm is above theta, as a new list."""
    check_grads(grads)
    check_theta(theta)
    new_grad = [tf.convert_to_tensor(grad) for grad in grads]
    norm = gradient_norm(new_grad)
    theta = tf.constant(theta, dtype=norm.dtype)
    if tf.greater(norm, theta):
        new_grad = [grad * (theta / norm) for grad in new_grad]
    return new_grad


def sgd(params, grads, lr, batch_size):
    """Minibatch stochastic gradient descent, in place."""
    if tf.executing_eagerly():
        check_lr(lr)
        check_sizes(batch_size=batch_size)
        check_update(params, grads, "assign_sub")
    for param, grad in zip(params, grads, strict=True):
        param.assign_sub(lr * grad / batch_size)


def train_step_ch8(net, X, Y, state, loss, updater, theta=1):
    """One minibatch of the book's training loop: forward, loss, backward, clipping, update.

    X and Y are (batch_size, num_steps) tokens; `updater` is a Keras optimizer. Returns the loss and the new state.
    Raises FloatingPointError, before it updates anything, for a loss that is not finite.
    """
    check_minibatch(X, Y, net.vocab_size)
    with tf.GradientTape() as tape:
        y_hat, state = net(X, state)
        y = tf.reshape(tf.transpose(Y), [-1])
        l = loss(y, y_hat)
    params = net.trainable_variables
    grads = tape.gradient(l, params)
    check_loss(float(l), lambda: gradient_norm(grads))
    updater.apply_gradients(zip(grad_clipping(grads, theta), params, strict=True))
    return l, state


def train_epoch_ch8(net, train_iter, loss, updater, use_random_iter, losses=None):
    """Train for one epoch: perplexity and tokens per second. See `lstm_ref.loop.train_epoch`."""
    return loop.train_epoch(
        train_iter, lambda batch_size: net.begin_state(batch_size=batch_size), lambda state: state,
        lambda X, Y, state: train_step_ch8(net, X, Y, state, loss, updater), use_random_iter, losses)


def train_ch8(net, train_iter, vocab, lr, num_epochs, strategy, use_random_iter=False):
    """Train a scratch model or a Keras layer and show what it writes. See `lstm_ref.loop.train`."""
    check_run(lr, num_epochs, vocab, net.vocab_size, loop.PREFIXES)
    with strategy.scope():
        updater = tf.keras.optimizers.SGD(float(lr))  # Keras takes no integer
    animator = Animator(xlabel="epoch", ylabel="perplexity", legend=["train"], xlim=[10, num_epochs])
    loop.train(num_epochs, lambda: train_epoch_ch8(net, train_iter, loss, updater, use_random_iter),
               lambda prefix: predict_ch8(prefix, 50, net, vocab), animator, try_gpu()._device_name)


def predict_ch8(prefix, num_preds, net, vocab, alpha=None, rng=None):
    """The prefix and `num_preds` tokens after it, the most likely or drawn. See `lstm_ref.loop.predict`."""
    def step(token, state):
        y, state = net(np.array([[token]]), state)
        return y[0].numpy(), state

    return loop.predict(prefix, num_preds, vocab, net.begin_state(batch_size=1), step, alpha, rng)
