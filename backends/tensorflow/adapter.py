"""TensorFlow as the judge sees it."""

from functools import lru_cache, partial

import tensorflow as tf

from backends import adapter
from backends.tensorflow import aliases, concise, fused, scratch, training
from lstm_ref.parity.interface import TensorFlow


class Adapter(adapter.Adapter, TensorFlow):
    """See `backends.adapter.Adapter`."""

    def __init__(self, device):
        super().__init__(device)
        self.implementations = {"scratch": Scratch(self), "concise": Concise(self), "fused": adapter.Fused(self, fused)}

    def thorough(self):
        return {"compiled": Compiled(self, partial(tf.function, jit_compile=True))}

    def product(self, a, b):
        many = 16  # in one graph, as in the fused step: calling a graph costs as much as a product
        different = [tf.identity(a * (1 + k)) for k in range(many)]  # equal ones would be computed once
        return tf.function(lambda: [tf.matmul(a, b) for a in different]), many

    def synchronize(self):
        tf.test.experimental.sync_devices()

    def device_name(self):
        if self.device == "/CPU:0":
            return "cpu"
        return tf.config.experimental.get_device_details(tf.config.list_physical_devices("GPU")[0])["device_name"]

    def device_memory(self):
        return None if self.device == "/CPU:0" else tf.config.experimental.get_memory_info("GPU:0")["peak"]

    def precision(self):
        return "TF32 on" if tf.config.experimental.tensor_float_32_execution_enabled() else "float32, TF32 off"


class Tape(adapter.Implementation):
    """What both implementations share: gradients from a tape, as separate values."""

    training = training

    def loss_and_grads(self, inputs, state, params, targets):
        net = self.net(params)
        with tf.GradientTape() as tape:
            outputs, _ = self.run(net, self.tensor(inputs), self.state_in(state))
            loss = training.loss(self.tensor(targets), outputs)
        return self.array(loss), self.arrays(self.to_book(tape.gradient(
            loss, net.trainable_variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)))

    def grad_clipping(self, grads, theta):
        return self.arrays(training.grad_clipping(self.tensors(grads), theta))

    def read(self, net):
        return self.arrays(self.to_book(net.trainable_variables))

    def train_step(self, params, X, Y, state, lr, theta):
        net = self.net(params)
        updater = tf.keras.optimizers.SGD(float(lr))
        loss, last = training.train_step_ch8(net, self.tensor(X), self.tensor(Y), self.state_in(state), training.loss,
                                             updater, theta)
        return self.read(net), self.state_out(last), self.array(loss)

    def training_step(self, net, lr):
        updater = tf.keras.optimizers.SGD(float(lr))
        return lambda X, Y, state: training.train_step_ch8(net, X, Y, state, training.loss, updater)

    def inference(self, net):
        return net

    def epoch(self, net, train_iter, lr, use_random_iter, losses=None):
        return training.train_epoch_ch8(net, train_iter, training.loss, tf.keras.optimizers.SGD(float(lr)),
                                        use_random_iter, losses)

    def train_ch8(self, net, train_iter, vocab, lr, num_epochs):
        training.train_ch8(net, train_iter, vocab, lr, num_epochs, self.adapter.strategy)

    def predict(self, net, prefix, num_preds, vocab, alpha=None, rng=None):
        return training.predict_ch8(prefix, num_preds, net, vocab, alpha, rng)

    def begin_state(self, net, batch_size):
        return net.begin_state(batch_size)

    def set_weights(self, net, weights):
        for variable, array in zip(net.trainable_variables, weights.values(), strict=True):
            variable.assign(array)


class Scratch(Tape, adapter.Scratch):
    """The tab."""

    functions, aliases = scratch, aliases

    def start(self, cell, vocab_size, num_hiddens, seed):
        return self.compiled(super().start(cell, vocab_size, num_hiddens, seed))

    def compiled(self, net):
        """The net with its forward pass compiled; op by op, as the judge runs it, it takes five times as long."""
        net.forward_fn = tf.function(net.forward_fn)
        return net

    def net(self, params):
        params = [self.adapter.parameter(param) for param in params]
        get_params, init_state, forward_fn = self.functions_for(params)
        return scratch.RNNModelScratch(*params[0].shape, init_state, forward_fn, get_params)

    def run(self, net, inputs, state):
        return net.forward_fn(inputs, state, net.trainable_variables)

    def to_book(self, tensors):
        return tensors

    def mean_loss(self, outputs, targets):
        return training.loss(targets, outputs)

    def sgd(self, params, grads, lr, batch_size):
        params = [self.adapter.parameter(param) for param in params]
        training.sgd(params, self.tensors(grads), lr, batch_size)
        return self.arrays(params)

    def draw(self, function, vocab_size, num_hiddens, dtype, seed):
        self.adapter.seed(seed)
        with tf.device(self.adapter.device):
            params = function(vocab_size, num_hiddens, tf.as_dtype(dtype))
        return self.adapter.drawn(params, [getattr(param, "trainable", False) for param in params])

    def begin(self, function, batch_size, num_hiddens, dtype):
        with tf.device(self.adapter.device):
            state = function(batch_size, num_hiddens, tf.as_dtype(dtype))
        return self.adapter.drawn(state, [False] * len(state))


class Compiled(adapter.Compiled, Scratch):
    """Through `tf.function` and XLA."""

    what = "tf.function(jit_compile=True), on ragged and clipped"


class Concise(Tape, adapter.Concise):
    """Keras' `LSTM`."""

    functions = concise
    has = ("rnn", "gru")

    def __init__(self, adapter):
        super().__init__(adapter)
        self.dtypes["bfloat16"] = "Keras' LSTM begins with a QR decomposition, which TensorFlow has not in bfloat16"
        # The judge uses one net at a time, and a new one takes half a second.
        self.reused = lru_cache(maxsize=64)(concise.new_model)

    def start(self, cell, vocab_size, num_hiddens, seed):
        self.adapter.seed(seed)
        layer = {"lstm": tf.keras.layers.LSTM, "rnn": tf.keras.layers.SimpleRNN, "gru": tf.keras.layers.GRU}[cell]
        return concise.RNNModel(layer(num_hiddens, return_sequences=True, return_state=True), vocab_size)

    def net(self, params):
        return concise.from_params(self.tensors(params), self.reused)

    def fresh(self, params):
        return concise.from_params(self.tensors(params))

    def run(self, net, inputs, state):
        return net.run(inputs, state)

    def vjp(self, inputs, state, params, upstream):
        net, given = self.net(params), [self.tensor(inputs), *self.tensors(state)]
        with tf.GradientTape() as tape:
            tape.watch(given)
            outputs, last = self.run(net, given[0], given[1:])
            scalar = self.adapter.inner([outputs, *last], upstream)
        variables = net.trainable_variables
        grads = tape.gradient(scalar, [*variables, *given], unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return self.arrays([*self.to_book(grads[:len(variables)]), *grads[len(variables):]])

    def to_book(self, tensors):
        return concise.to_book(tensors)

    def weights(self, net):
        return {variable.path: self.array(variable.value) for variable in net.trainable_variables}
