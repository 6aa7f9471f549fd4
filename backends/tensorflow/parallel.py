"""The book's training step on several workers, TensorFlow: a device for each, reduced by a `MirroredStrategy`.

Or a process for each, which meet at a port of each: a `MultiWorkerMirroredStrategy`.
"""

import json
import os

import tensorflow as tf

from backends.tensorflow import training
from backends.workers import Workers
from lstm_ref.parallel import shards
from lstm_ref.validate import check_minibatch, check_theta
from lstm_ref.validate_training import check_loss

ENGINE = "tf.distribute.MirroredStrategy"
PROCESSES = False
APART: list[tf.distribute.Strategy] = []  #: the strategy of this process, where each worker has its own


def prepare(size):
    """As many logical devices of the CPU; before TensorFlow is used."""
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * size)


def elsewhere(address):
    """Where processes meet: at a port of each of them, with commas between, in the order of their numbers."""
    return address


def join(rank, size, address, device):
    """Join the other processes; the number of this one."""
    workers = address.split(",")
    if len(workers) != size:
        raise SystemExit(f"error: rendezvous: expected HOST:PORT of each of the {size} workers, with commas between, "
                         f"got {address}")
    os.environ["TF_CONFIG"] = json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": rank}})
    APART.append(tf.distribute.MultiWorkerMirroredStrategy())  # before TensorFlow is used
    return rank


def leave():
    """The last thing that a worker does."""


class Worker(Workers):
    """The workers of this process: all, or one. They begin with the first one's parameters, whatever its own are."""

    def __init__(self, implementation, make, lr, size):
        kind = "CPU" if "CPU" in implementation.adapter.device else "GPU"
        self.strategy = APART[0] if APART else tf.distribute.MirroredStrategy([f"{kind}:{k}" for k in range(size)])
        with self.strategy.scope():  # in which variables have a copy on each device
            net = make()
        ranks = [self.strategy.cluster_resolver.task_id] if APART else range(size)
        super().__init__(implementation, net, size, ranks)
        self.lr, self.grads = lr, []
        for variable in net.trainable_variables if APART else ():
            mine = tf.convert_to_tensor(variable)
            mine = mine if self.ranks[0] == 0 else tf.zeros_like(mine)
            variable.assign(self.sum(self.spread([mine] * size)))

    def sum(self, value):
        """Over all workers."""
        return self.strategy.reduce(tf.distribute.ReduceOp.SUM, value, axis=None)

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
        l, self.grads = self.sum(l), [self.sum(grad) for grad in grads]
        check_loss(float(l), lambda: training.gradient_norm(self.grads))
        self.saw(lambda: training.gradient_norm(self.grads))
        for param, grad in zip(params, training.grad_clipping(self.grads, theta), strict=True):
            param.assign_sub(self.lr * grad)
        return l, state

    def reduction(self):
        """One after the other."""
        given = [self.spread([part] * self.size) for part in self.numbers()]
        return lambda: [self.sum(part) for part in given]

    def reduced_gradients(self):
        """As the last step had them."""
        return self.implementation.arrays(self.implementation.to_book(self.grads))

    def params(self):
        """The copies on all devices."""
        read, variables = self.implementation.to_book, self.net.trainable_variables
        return [self.implementation.arrays(read([values(variable)[i] for variable in variables]))
                for i in range(len(self.ranks))]

    def states(self, state, batch_size):
        """Of each."""
        parts = [self.strategy.experimental_local_results(part) for part in state]
        return [self.implementation.state_out([part[i] for part in parts]) for i in range(len(self.ranks))]


def values(variable):
    """The copies of a variable, a Keras one too."""
    return (variable.value if isinstance(variable, tf.keras.Variable) else variable).values
