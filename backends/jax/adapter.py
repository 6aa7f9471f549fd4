"""JAX as the judge sees it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax import traverse_util

from backends import adapter
from backends.jax import aliases, concise, fused, scratch, training
from lstm_ref.files import user_cache
from lstm_ref.parity.interface import CELLS, Heard, Jax, cell_of


def compilation_cache():
    """The folder of what JAX has compiled: the user's cache, or that of this checkout where it has one."""
    own = Path("build/jax-cache").resolve()
    return own if own.exists() else user_cache() / "jax"


class Adapter(adapter.Adapter, Jax):
    """See `backends.adapter.Adapter`. Switches JAX to 64 bits, without which it has no float64."""

    def __init__(self, device):
        super().__init__(device)
        # Run op by op, the tab needs a thousand tiny compilations; cached, they cost a second run nothing.
        if not getattr(jax.config, "jax_compilation_cache_dir", None):  # before 0.4.24 it could not be read
            jax.config.update("jax_compilation_cache_dir", str(compilation_cache()))
        jax.config.update("jax_traceback_in_locations_limit", 0)  # which nobody reads here
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
        self.implementations = {"scratch": Scratch(self), "concise": Concise(self), "fused": adapter.Fused(self, fused)}

    def thorough(self):
        return {"compiled": Compiled(self, jax.jit)}

    def compile_anew(self):
        jax.config.update("jax_enable_compilation_cache", False)

    def wait(self, results):
        jax.block_until_ready(list(results))  # all of them: calls end in any order

    def product(self, a, b):
        many = 16  # in one program, as in the fused step: alone, a product takes half as long again
        different = [b * (1 + k) for k in range(many)]  # equal ones would be computed once
        # One number of each result, to wait for all; after the barrier, or only that number would be computed.
        multiply = jax.jit(lambda a, bs: [jax.lax.optimization_barrier(a @ b)[0, 0] for b in bs])
        return (lambda: multiply(a, different)), many

    def device_name(self):
        return self.device.device_kind

    def device_memory(self):
        return (self.device.memory_stats() or {}).get("peak_bytes_in_use")

    def precision(self):
        return f"float32, precision {jax.config.jax_default_matmul_precision}, which is TF32 off"


@dataclass
class Net:
    """A model, which has no parameters in JAX, together with its parameters."""

    model: Any
    params: Any


class Pure(adapter.Implementation):
    """What both implementations share: gradients of a pure function."""

    training = training

    def loss_and_grads(self, inputs, state, params, targets):
        inputs, state, targets = self.tensor(inputs), self.state_in(state), self.tensor(targets)
        net = self.net(params)
        loss, grads = jax.value_and_grad(lambda p: training.loss(self.run(net.model, p, inputs, state)[0], targets))(
            net.params)
        return self.array(loss), self.arrays(self.to_book(grads))

    def grad_clipping(self, grads, theta):
        return self.arrays(self.to_book(training.grad_clipping(self.net(grads).params, theta)))

    def train_step(self, params, X, Y, state, lr, theta):
        net = self.net(params)
        new_params, loss, last = training.train_step_ch8(
            net.model, net.params, self.tensor(X), self.tensor(Y), self.state_in(state), training.loss, lr, theta)
        return self.arrays(self.to_book(new_params)), self.state_out(last), self.array(loss)

    def read(self, net):
        return self.arrays(self.to_book(net.params))

    def training_step(self, net, lr):
        def step(X, Y, state):
            net.params, loss, state = training.compiled_step(net.model, net.params, X, Y, state, training.loss, lr)
            return loss, state

        return step

    def inference(self, net):
        apply = jax.jit(net.model.apply)
        return lambda X, state: apply(net.params, X, state)

    def epoch(self, net, train_iter, lr, use_random_iter, losses=None):
        net.params, *result = training.train_epoch_ch8(
            net.model, net.params, train_iter, training.loss, lr, use_random_iter, losses)
        return tuple(result)

    def train_ch8(self, net, train_iter, vocab, lr, num_epochs):
        net.params = training.train_ch8(net.model, net.params, train_iter, vocab, lr, num_epochs)

    def predict(self, net, prefix, num_preds, vocab, alpha=None, rng=None):
        return training.predict_ch8(prefix, num_preds, net.model, net.params, vocab, alpha, rng)

    def caller(self, net):
        return lambda X, state: net.model.apply(net.params, X, state)

    def heard(self, net, hear):
        return Net(Heard(net.model, self.adapter.hearing(lambda outputs: hear(self.array(outputs)))), net.params)

    def begin_state(self, net, batch_size):
        return net.model.begin_state(batch_size, jax.tree.leaves(net.params)[0].dtype)


class Scratch(Pure, adapter.Scratch):
    """The tab."""

    functions, aliases = scratch, aliases

    def start(self, cell, vocab_size, num_hiddens, seed):
        return self.compiled(super().start(cell, vocab_size, num_hiddens, seed))

    def compiled(self, net):
        """The net with its loop over the steps inside the compiled code."""
        net.model.forward_fn = scanned(net.model.forward_fn)
        return net

    def net(self, params):
        kind = self.kind(params)
        params = kind(*self.tensors(params))
        return Net(scratch.RNNModelScratch(*params[0].shape, *self.functions_for(params)), params)

    def run(self, model, params, inputs, state):
        return model.forward_fn(inputs, state, params)

    def to_book(self, params):
        return params

    def kind(self, params):
        """The named tuple for parameters."""
        return CELLS[cell_of(params)].params

    def book(self, params):
        return self.kind(params)(*params)

    def sgd(self, params, grads, lr, batch_size):
        return self.arrays(training.sgd(self.net(params).params, self.net(grads).params, lr, batch_size))

    def set_weights(self, net, weights):
        net.params = type(net.params)(*self.tensors(list(weights.values())))

    def draw(self, function, vocab_size, num_hiddens, dtype, seed):
        params = function(jax.random.key(seed), vocab_size, num_hiddens, dtype)
        # JAX differentiates any floating leaf of a pytree.
        return self.adapter.drawn(params, [jnp.issubdtype(param.dtype, jnp.floating) for param in params])

    def begin(self, function, batch_size, num_hiddens, dtype):
        state = function(batch_size, num_hiddens, dtype)
        return self.adapter.drawn(state, [False] * len(state))


class Compiled(adapter.Compiled, Scratch):
    """Through `jax.jit`; a step is compiled as a whole and takes its arguments' memory for its results."""

    what = "jax.jit, the step with donated arguments, on ragged and clipped"
    step = staticmethod(jax.jit(training.train_step_ch8, static_argnames=("net", "loss"),
                                donate_argnames=("params", "state")))

    def train_step(self, params, X, Y, state, lr, theta):
        net = self.net(params)
        new_params, loss, last = self.step(net.model, net.params, self.tensor(X), self.tensor(Y), self.state_in(state),
                                           training.loss, lr, theta)
        return self.arrays(new_params), self.state_out(last), self.array(loss)


def scanned(forward_fn):
    """A forward pass, run over a sequence step by step inside one compiled loop.

    Compiled unchanged, with its loop unrolled, 35 steps take 20 s to compile and run at a quarter of the speed.
    """
    def run(inputs, state, params):
        def step(state, X):
            outputs, state = forward_fn(X[None], state, params)
            return state, outputs

        state, outputs = jax.lax.scan(step, state, inputs)
        return outputs.reshape((-1, outputs.shape[-1])), state

    return run


class Concise(Pure, adapter.Concise):
    """Flax's `OptimizedLSTMCell`."""

    functions = concise

    def start(self, cell, vocab_size, num_hiddens, seed):
        cell = {"lstm": nn.OptimizedLSTMCell, "rnn": nn.SimpleCell, "gru": nn.GRUCell}[cell]
        model = concise.new_model(vocab_size, num_hiddens, cell=cell)
        return Net(model, model.init(jax.random.key(seed)))

    def net(self, params):
        params = self.tensors(params)
        cell, load = {"rnn": (nn.SimpleCell, concise.from_rnn_params), "gru": (nn.GRUCell, concise.from_gru_params),
                      "lstm": (nn.OptimizedLSTMCell, concise.from_lstm_params)}[cell_of(params)]
        return Net(concise.new_model(*params[0].shape, params[0].dtype, cell), load(params))

    def run(self, model, params, inputs, state):
        return model.run(params, inputs, state)

    def vjp(self, inputs, state, params, upstream):
        net = self.net(params)

        def scalar(params, inputs, state):
            outputs, last = self.run(net.model, params, inputs, state)
            return self.adapter.inner([outputs, *self.in_order(last)], upstream)

        by_params, by_inputs, by_state = jax.grad(scalar, (0, 1, 2))(
            net.params, self.tensor(inputs), self.state_in(state))
        return [*self.arrays(self.to_book(by_params)), self.array(by_inputs), *self.state_out(by_state)]

    def to_book(self, params):
        cell = params["rnn"]["cell"]
        read = concise.rnn_params if "h" in cell else concise.gru_params if "hn" in cell else concise.lstm_params
        return read(params)

    def weights(self, net):
        return {name: self.array(leaf) for name, leaf in traverse_util.flatten_dict(net.params, sep="/").items()}

    def set_weights(self, net, weights):
        net.params = traverse_util.unflatten_dict(
            {name: self.tensor(array) for name, array in weights.items()}, sep="/")

    def in_order(self, carry):
        """The carry as the book's state: (C, H) as (H, C), and H alone as (H,)."""
        return carry[::-1] if isinstance(carry, tuple) else (carry,)

    def state_in(self, state):
        state = self.tensors(state)
        return state[::-1] if len(state) > 1 else state[0]

    def state_out(self, state):
        return tuple(self.arrays(self.in_order(state)))
