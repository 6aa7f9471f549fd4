"""JAX as the judge sees it."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from backends import adapter
from backends.jax import scratch
from lstm_ref import LSTMParams


class Adapter(adapter.Adapter):
    """See `backends.adapter.Adapter`. Switches JAX to 64 bits, without which it has no float64."""

    tab = scratch

    def __init__(self, device):
        jax.config.update("jax_enable_x64", True)
        jax.config.update("jax_default_matmul_precision", "highest")  # float32 means float32
        # Run op by op, the tab makes a thousand tiny compilations; kept, they cost a second run nothing.
        if not jax.config.jax_compilation_cache_dir:
            jax.config.update("jax_compilation_cache_dir", str(Path("build/jax-cache").resolve()))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
        try:
            self.device = jax.devices(device)[0]
        except RuntimeError as error:
            raise RuntimeError(f"device {device}: JAX {jax.__version__} sees none: {error}; use --device cpu") from None
        jax.config.update("jax_default_device", self.device)

    def version(self):
        return jax.__version__

    def tensor(self, array):
        return jnp.asarray(np.asarray(array))

    def array(self, tensor):
        return np.asarray(tensor)

    def loss_and_grads(self, inputs, state, params, targets):
        inputs, state, targets = self.tensor(inputs), self.tensors(state), self.tensor(targets)
        loss, grads = jax.value_and_grad(lambda p: scratch.loss(scratch.lstm(inputs, state, p)[0], targets))(
            LSTMParams(*self.tensors(params)))
        return self.array(loss), self.arrays(grads)

    def grad_clipping(self, grads, theta):
        return self.arrays(scratch.grad_clipping(LSTMParams(*self.tensors(grads)), theta))

    def train_step(self, params, X, Y, state, lr, theta):
        params = LSTMParams(*self.tensors(params))
        net = scratch.RNNModelScratch(params.W_xi.shape[0], params.W_hi.shape[0], scratch.get_lstm_params,
                                      scratch.init_lstm_state, scratch.lstm)
        params, loss, last = scratch.train_step_ch8(
            net, params, self.tensor(X), self.tensor(Y), self.tensors(state), scratch.loss, lr, theta)
        return self.arrays(params), tuple(self.arrays(last)), self.array(loss)

    def get_lstm_params(self, vocab_size, num_hiddens, dtype, seed):
        params = scratch.get_lstm_params(jax.random.key(seed), vocab_size, num_hiddens, dtype)
        # What JAX differentiates is any floating leaf of a pytree.
        return self.drawn(params, [jnp.issubdtype(param.dtype, jnp.floating) for param in params])

    def init_lstm_state(self, batch_size, num_hiddens, dtype):
        state = scratch.init_lstm_state(batch_size, num_hiddens, dtype)
        return self.drawn(state, [False] * len(state))
