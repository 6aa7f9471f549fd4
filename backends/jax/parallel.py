"""The book's training step on several workers, JAX: a device for each, reduced by `shard_map`'s `psum`.

The devices are those of one process, or of several that meet at a port (`jax.distributed`).

All shards have one shape in JAX. Where the rows can't be shared out evenly, the smaller ones are filled up with a row
that counts for nothing.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import shard_map
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from backends.jax import training
from backends.workers import SECONDS, Workers
from lstm_ref.parallel import shards
from lstm_ref.validate import check_minibatch, check_theta
from lstm_ref.validate_training import check_loss

ENGINE = "jax.shard_map"
PROCESSES = False


def prepare(size):
    """As many devices of the CPU; before JAX is used."""
    jax.config.update("jax_num_cpu_devices", size)


def elsewhere(address):
    """Where processes on several machines meet: at a port of the first worker's machine."""
    return address


def join(rank, size, address, device):
    """Join the other processes, each with one device; the number of this one."""
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(address, size, rank, initialization_timeout=SECONDS, heartbeat_timeout_seconds=SECONDS,
                               coordinator_bind_address=address)  # by default it listens on every interface
    return rank


def leave():
    """The last thing that a worker does."""
    jax.distributed.shutdown()


def step(net, params, X, Y, counts, state, theta, lr):
    """What each worker does with its rows; `counts` is 1 for each that counts."""
    def objective(params):
        y_hat, new_state = net.apply(params, X, state)
        picked = jnp.take_along_axis(jax.nn.log_softmax(y_hat), Y.T.reshape(-1, 1), axis=1)[:, 0]
        tokens = jax.lax.psum(counts.sum(), "workers") * Y.shape[1]
        # Its share of the mean over all tokens; the outputs are step after step.
        return -jnp.sum(picked * jnp.tile(counts, Y.shape[1])) / tokens, new_state

    (l, new_state), grads = jax.value_and_grad(objective, has_aux=True)(params)
    l, grads = jax.lax.psum((l, grads), "workers")
    new_params = training.sgd(params, training.grad_clipping(grads, theta), lr, 1)
    return new_params, l, new_state, grads, training.gradient_norm(grads)


class Worker(Workers):
    """The workers of this process: all, or one. They begin with the first one's parameters, whatever their own are."""

    def __init__(self, implementation, make, lr, size):
        net, apart = make(), jax.process_count() > 1
        super().__init__(implementation, net, size, [jax.process_index()] if apart else range(size))
        mesh = Mesh(np.array(jax.devices()[:size]), ("workers",))
        same, rows = P(), P("workers")
        self.each, self.same = NamedSharding(mesh, rows), NamedSharding(mesh, same)
        begin = multihost_utils.broadcast_one_to_all(net.params) if apart else net.params
        self.shared = self.spread(begin, self.same)
        self.lr, self.grads = lr, None
        self.compiled = jax.jit(shard_map(
            partial(step, net.model), mesh=mesh, in_specs=(same, rows, rows, rows, rows, same, same),
            out_specs=(same, same, rows, same, same), check_vma=False))
        self.net.params = local(self.shared)

    def spread(self, tree, sharding):
        """What every process has, on the devices of all."""
        return jax.tree.map(lambda leaf: jax.make_array_from_callback(
            np.shape(leaf), sharding, np.asarray(leaf).__getitem__), tree)

    def filled(self, batch_size):
        """The rows of each worker, filled up to the number that the first one has, and which of them count."""
        cut = shards(batch_size, self.size)
        most = cut[0].stop
        rows = [[*range(batch_size)[each], *[0] * (most - each.stop + each.start)] for each in cut]
        return np.concatenate(rows), np.concatenate([np.arange(most) < each.stop - each.start for each in cut])

    def begin_state(self, batch_size):
        """Of each worker's rows."""
        dtype = jax.tree.leaves(self.net.params)[0].dtype
        return self.spread(self.net.model.begin_state(len(self.filled(batch_size)[0]), dtype), self.each)

    def step(self, X, Y, state, theta=1):
        """One step of the book's training loop, X and Y whole: the loss of the minibatch, and the workers' new states.

        Raises FloatingPointError, before anything is updated, for a loss that is not finite.
        """
        check_minibatch(X, Y, self.net.model.vocab_size)
        check_theta(theta)
        rows, counts = self.filled(len(X))
        dtype = jax.tree.leaves(self.net.params)[0].dtype
        given = self.spread((np.asarray(X)[rows], np.asarray(Y)[rows], counts.astype(dtype)), self.each)
        params, l, state, grads, norm = self.compiled(self.shared, *given, state, theta, self.lr)
        l, self.grads, norm = local((l, grads, norm))
        check_loss(float(l), lambda: norm)
        self.saw(lambda: norm)
        self.shared, self.net.params = params, local(params)
        return l, state

    def reduction(self):
        """A compiled sum of what every device has."""
        zeros = jax.tree.map(lambda leaf: np.zeros((self.size, *leaf.shape), leaf.dtype), self.net.params)
        given = self.spread(zeros, self.each)
        summed = jax.jit(shard_map(lambda each: jax.lax.psum(each, "workers"), mesh=self.each.mesh,
                                   in_specs=P("workers"), out_specs=P(), check_vma=False))
        return lambda: summed(given)

    def reduced_gradients(self):
        """As the last step had them."""
        return self.implementation.arrays(self.implementation.to_book(self.grads))

    def params(self):
        """The copies on all devices of this process."""
        book = self.implementation.to_book
        return [self.implementation.arrays(book(local(self.shared, i))) for i in range(len(self.ranks))]

    def states(self, state, batch_size):
        """Of each, the rows that count."""
        return [tuple(part[:rows.stop - rows.start] for part in self.implementation.state_out(local(state, i)))
                for i, rows in enumerate(shards(batch_size, self.size)[rank] for rank in self.ranks)]


def local(tree, device=0):
    """What one of this process's devices has."""
    return jax.tree.map(lambda leaf: sorted(leaf.addressable_shards, key=lambda shard: shard.device.id)[device].data,
                        tree)
