"""The book's short names, TensorFlow tab."""

from functools import partial

import tensorflow as tf

from lstm_ref import text

arange, concat, normal, reshape, tensor, zeros = (
    tf.range, tf.concat, tf.random.normal, tf.reshape, tf.constant, tf.zeros)

#: minibatches of tensors; see `lstm_ref.load_data_time_machine`
load_data_time_machine = partial(text.load_data_time_machine, to_tensor=tf.constant)


def size(a):
    """Number of elements."""
    return tf.size(a).numpy()


def try_gpu(i=0):
    """GPU number i, or the CPU where there is none."""
    return tf.device(f"/GPU:{i}" if len(tf.config.list_physical_devices("GPU")) > i else "/CPU:0")
