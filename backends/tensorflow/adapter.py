"""TensorFlow as the judge sees it."""

import numpy as np
import tensorflow as tf

from backends import adapter
from backends.tensorflow import scratch


class Adapter(adapter.Adapter):
    """See `backends.adapter.Adapter`."""

    tab = scratch

    def __init__(self, device):
        if device == "gpu" and not tf.config.list_physical_devices("GPU"):
            raise RuntimeError(f"device gpu: TensorFlow {tf.__version__} sees no GPU; use --device cpu")
        self.device = "/GPU:0" if device == "gpu" else "/CPU:0"
        tf.config.experimental.enable_tensor_float_32_execution(False)  # float32 means float32

    def version(self):
        return tf.__version__

    def tensor(self, array):
        with tf.device(self.device):
            return tf.constant(np.asarray(array))

    def array(self, tensor):
        return tensor.numpy()

    def variables(self, params):
        with tf.device(self.device):
            return [tf.Variable(np.asarray(param)) for param in params]

    def loss_and_grads(self, inputs, state, params, targets):
        params = self.variables(params)
        with tf.GradientTape() as tape:
            outputs, _ = scratch.lstm(self.tensor(inputs), self.tensors(state), params)
            loss = scratch.loss(self.tensor(targets), outputs)
        return self.array(loss), self.gradients(params, tape.gradient(loss, params))

    def grad_clipping(self, grads, theta):
        return self.arrays(scratch.grad_clipping(self.tensors(grads), theta))

    def train_step(self, params, X, Y, state, lr, theta):
        params = self.variables(params)
        net = scratch.RNNModelScratch(params[0].shape[0], params[1].shape[0], scratch.init_lstm_state, scratch.lstm,
                                      lambda *_: params)
        # Keras' SGD refuses variables of another precision than its own; for the judge the tab's sgd will do.
        updater = Updater(lr)
        loss, last = scratch.train_step_ch8(net, self.tensor(X), self.tensor(Y), self.tensors(state), scratch.loss,
                                            updater, theta)
        return self.arrays(params), tuple(self.arrays(last)), self.array(loss)

    def get_lstm_params(self, vocab_size, num_hiddens, dtype, seed):
        tf.random.set_seed(seed)
        with tf.device(self.device):
            params = scratch.get_lstm_params(vocab_size, num_hiddens, tf.as_dtype(dtype))
        return self.drawn(params, [getattr(param, "trainable", False) for param in params])

    def init_lstm_state(self, batch_size, num_hiddens, dtype):
        with tf.device(self.device):
            state = scratch.init_lstm_state(batch_size, num_hiddens, tf.as_dtype(dtype))
        return self.drawn(state, [False] * len(state))


class Updater:
    """The tab's `sgd` with the face of a Keras optimizer."""

    def __init__(self, lr):
        self.lr = lr

    def apply_gradients(self, grads_and_vars):
        """Update every variable by its gradient."""
        grads, params = zip(*grads_and_vars, strict=True)
        scratch.sgd(params, grads, self.lr, batch_size=1)
