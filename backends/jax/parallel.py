"""The book's training step on several workers, JAX: a device for each in one process, reduced by `shard_map`'s `psum`.

All shards have one shape in JAX. Where the rows can't be shared out evenly, the smaller ones are filled up with a row
that counts for nothing.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import shard_map
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from backends.jax import training
from backends.workers import Workers
from lstm_ref.parallel import shards
from lstm_ref.validate import check_loss, check_minibatch, check_theta

ENGINE = "jax.shard_map"
PROCESSES = False


def prepare(size):
    """As many devices of the CPU; before JAX is used."""
    jax.config.update("jax_num_cpu_devices", size)


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
    """All workers. They begin with the same parameters."""

    def __init__(self, implementation, make, lr, size):
        net = make()
        super().__init__(implementation, net, size, range(size))
        mesh = Mesh(np.array(jax.devices()[:size]), ("workers",))
        self.each, same, rows = NamedSharding(mesh, P("workers")), P(), P("workers")
        net.params = jax.device_put(net.params, NamedSharding(mesh, same))
        self.lr, self.grads = lr, None
        self.compiled = jax.jit(shard_map(
            partial(step, net.model), mesh=mesh, in_specs=(same, rows, rows, rows, rows, same, same),
            out_specs=(same, same, rows, same, same), check_vma=False))

    def filled(self, batch_size):
        """The rows of each worker, filled up to the number that the first one has, and which of them count."""
        cut = shards(batch_size, self.size)
        most = cut[0].stop
        rows = [[*range(batch_size)[each], *[0] * (most - each.stop + each.start)] for each in cut]
        return np.concatenate(rows), np.concatenate([np.arange(most) < each.stop - each.start for each in cut])

    def begin_state(self, batch_size):
        """Of each worker's rows."""
        dtype = jax.tree.leaves(self.net.params)[0].dtype
        return jax.device_put(self.net.model.begin_state(len(self.filled(batch_size)[0]), dtype), self.each)

    def step(self, X, Y, state, theta=1):
        """One step of the book's training loop, X and Y whole: the loss of the minibatch, and the workers' new states.

        Raises FloatingPointError, before anything is updated, for a loss that is not finite.
        """
        check_minibatch(X, Y, self.net.model.vocab_size)
        check_theta(theta)
        rows, counts = self.filled(len(X))
        dtype = jax.tree.leaves(self.net.params)[0].dtype
        given = jax.device_put((X[rows], Y[rows], jnp.asarray(counts, dtype)), self.each)
        params, l, state, self.grads, norm = self.compiled(self.net.params, *given, state, theta, self.lr)
        check_loss(float(l), lambda: norm)
        self.saw(lambda: norm)
        self.net.params = params
        return l, state

    def reduction(self):
        """A compiled sum of what every device has."""
        zeros = jax.tree.map(lambda leaf: jnp.zeros((self.size, *leaf.shape), leaf.dtype), self.net.params)
        given = jax.device_put(zeros, self.each)
        summed = jax.jit(shard_map(lambda each: jax.lax.psum(each, "workers"), mesh=self.each.mesh,
                                   in_specs=P("workers"), out_specs=P(), check_vma=False))
        return lambda: summed(given)

    def reduced_gradients(self):
        """As the last step had them."""
        return self.implementation.arrays(self.implementation.to_book(self.grads))

    def params(self):
        """The copies on all devices."""
        book = self.implementation.to_book
        return [self.implementation.arrays(book(jax.tree.map(
            lambda leaf, rank=rank: leaf.addressable_shards[rank].data, self.net.params))) for rank in self.ranks]

    def states(self, state, batch_size):
        """Of the rows that count."""
        _, counts = self.filled(batch_size)
        return [tuple(part[counts] for part in self.implementation.state_out(state))]
