"""The book's short names, in JAX. `normal` takes a key first, as all random numbers do here."""

from functools import partial

import jax
import jax.numpy as jnp

from lstm_ref import text

arange, concat, normal, reshape, tensor, zeros = (
    jnp.arange, jnp.concatenate, jax.random.normal, jnp.reshape, jnp.array, jnp.zeros)

#: minibatches of arrays; see `lstm_ref.load_data_time_machine`
load_data_time_machine = partial(text.load_data_time_machine, to_tensor=jnp.array)


def size(a):
    """Number of elements."""
    return a.size


def try_gpu(i=0):
    """GPU number i, or the CPU where there is none."""
    gpus = [device for device in jax.local_devices() if device.platform == "gpu"]
    return gpus[i] if len(gpus) > i else jax.local_devices(backend="cpu")[0]
