"""The book's training step on several workers, TensorFlow: a device for each, reduced by a `MirroredStrategy`."""

import tensorflow as tf

from backends.tensorflow import training
from backends.workers import Workers
from lstm_ref.parallel import shards
from lstm_ref.validate import check_loss, check_minibatch, check_theta

ENGINE = "tf.distribute.MirroredStrategy"
PROCESSES = False


def prepare(size):
    """As many logical devices of the CPU; before TensorFlow is used."""
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * size)


class Worker(Workers):
    """All workers. They begin with the same parameters."""

    def __init__(self, implementation, make, lr, size):
        kind = "CPU" if "CPU" in implementation.adapter.device else "GPU"
        self.strategy = tf.distribute.MirroredStrategy([f"{kind}:{rank}" for rank in range(size)])
        with self.strategy.scope():  # in which variables have a copy on each device
            net = make()
        super().__init__(implementation, net, size, range(size))
        self.lr, self.grads = lr, []

    def spread(self, parts):
        """One of the parts on each device."""
        return self.strategy.experimental_distribute_values_from_function(
            lambda context: parts[context.replica_id_in_sync_group])

    def begin_state(self, batch_size):
        """Of each worker's rows."""
        begun = [self.net.begin_state(batch_size=rows.stop - rows.start) for rows in shards(batch_size, self.size)]
        return [self.spread([tf.convert_to_tensor(state[i]) for state in begun]) for i in range(len(begun[0]))]

    def step(self, X, Y, state, theta=1):
        """One step of the book's training loop, X and Y whole: the loss of the minibatch, and the workers' new states.

        Raises FloatingPointError, before anything is updated, for a loss that is not finite.
        """
        net, tokens = self.net, tf.size(Y)
        check_minibatch(X, Y, net.vocab_size)
        check_theta(theta)
        params = net.trainable_variables

        def on_each(x, y, state):
            with tf.GradientTape() as tape:
                y_hat, new = net(x, state)
                y = tf.reshape(tf.transpose(y), [-1])
                l = training.loss(y, y_hat)
                l *= tf.cast(tf.size(y) / tokens, l.dtype)  # its share of the mean over all tokens
            return l, tape.gradient(l, params), new

        rows = shards(len(X), self.size)
        given = [self.spread([tf.convert_to_tensor(array[each]) for each in rows]) for array in (X, Y)]
        l, grads, state = self.strategy.run(on_each, (*given, state))
        l = self.strategy.reduce(tf.distribute.ReduceOp.SUM, l, axis=None)
        self.grads = [self.strategy.reduce(tf.distribute.ReduceOp.SUM, grad, axis=None) for grad in grads]
        check_loss(float(l), lambda: training.gradient_norm(self.grads))
        self.saw(lambda: training.gradient_norm(self.grads))
        for param, grad in zip(params, training.grad_clipping(self.grads, theta), strict=True):
            param.assign_sub(self.lr * grad)
        return l, state

    def reduction(self):
        """One after the other."""
        given = [self.spread([part] * self.size) for part in self.numbers()]
        return lambda: [self.strategy.reduce(tf.distribute.ReduceOp.SUM, part, axis=None) for part in given]

    def reduced_gradients(self):
        """As the last step had them."""
        return self.implementation.arrays(self.implementation.to_book(self.grads))

    def params(self):
        """The copies on all devices."""
        read, variables = self.implementation.to_book, self.net.trainable_variables
        return [self.implementation.arrays(read([values(variable)[rank] for variable in variables]))
                for rank in self.ranks]

    def states(self, state, batch_size):
        """Of each."""
        parts = [self.strategy.experimental_local_results(part) for part in state]
        return [self.implementation.state_out([part[rank] for part in parts]) for rank in self.ranks]


def values(variable):
    """The copies of a variable, a Keras one too."""
    return (variable.value if isinstance(variable, tf.keras.Variable) else variable).values
