"""What every adapter shares: the conversion of NumPy arrays into a framework's models and back.

An `Adapter` is a framework on a device. Each of its implementations, `scratch` (the tab) and `concise` (the framework's
own layer), is an `Implementation`: the judge calls it with arrays, and the command `train` trains what it makes.
"""

import contextlib
import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

import lstm_ref as ref
from backends.model import Model
from backends.timing import Timing
from lstm_ref.parity.interface import Drawn, Epoch, EpochAfterEpoch, Framework, Heard, Trained, watch


class Adapter(Timing, Framework):
    """A framework on a device, with its judged implementations. A subclass has its framework as a second base.

    Args:
        device: 'cpu' or 'gpu'.

    Raises:
        RuntimeError: the device is unavailable.
    """

    #: the implementations to judge, by name
    implementations: dict[str, Any]
    #: of those that can have a learned embedding in front: a function that makes one, from the embedding's size
    embeddings: Mapping[str, Callable[[int], Any]] = {}

    def thorough(self) -> dict[str, Any]:
        """Those that are judged with --thorough alone; each says in `what` what it is."""
        return {}

    def drawn(self, tensors: Sequence[Any], trainable: Sequence[bool]) -> Drawn:
        """Parameters or states as the judge expects them."""
        return Drawn.of(tensors, self.arrays(tensors), trainable)


SHARED = "shared: minibatches come from lstm_ref.text"


class Implementation(ABC):
    """One way in which a framework computes the LSTM; see `lstm_ref.parity.interface.Implementation`.

    A `net` is the framework's model, `RNNModelScratch` or `RNNModel`. The subclasses define what it consists of, what
    its state looks like and how its gradients are computed; all else is here.
    """

    #: checks that have nothing to compare here, and why
    not_judged: Mapping[str, str] = {}
    #: the module with the function `lstm`
    functions: ModuleType
    #: the module with `load_data_time_machine`
    aliases: ModuleType
    #: the module with `loss`, `grad_clipping`, `train_step_ch8` ...
    training: ModuleType

    def __init__(self, adapter: Any):
        self.adapter = adapter
        #: precisions that are unavailable, and why
        self.dtypes: Mapping[str, str] = dict(adapter.absent)
        self.tensor, self.tensors = adapter.tensor, adapter.tensors
        self.array, self.arrays = adapter.array, adapter.arrays

    @abstractmethod
    def start(self, cell: str, vocab_size: int, num_hiddens: int, seed: int) -> Any:
        """A fresh net, 'lstm' or 'rnn', as a reader of the chapter starts it."""

    @abstractmethod
    def net(self, params: Sequence[np.ndarray]) -> Any:
        """A net with these weights: the LSTM's 14, or the vanilla RNN's 5."""

    @abstractmethod
    def read(self, net: Any) -> list[np.ndarray]:
        """The weights of a net in the order of the book."""

    @abstractmethod
    def weights(self, net: Any) -> dict[str, np.ndarray]:
        """All weights of a net by name, in its own layout."""

    @abstractmethod
    def set_weights(self, net: Any, weights: dict[str, np.ndarray]) -> None:
        """Put such weights back."""

    @abstractmethod
    def begin_state(self, net: Any, batch_size: int) -> Any:
        """The net's initial state."""

    def state_in(self, state: Sequence[np.ndarray]) -> Any:
        """The book's state in the layout of the net."""
        return self.tensors(state)

    def state_out(self, state: Any) -> tuple[np.ndarray, ...]:
        """The net's state in the layout of the book."""
        return tuple(self.arrays(state))

    @abstractmethod
    def loss_and_grads(self, inputs, state, params, targets):
        """The tab's loss, and the framework's gradients of it by the parameters."""

    @abstractmethod
    def grad_clipping(self, grads, theta):
        """The tab's `grad_clipping`, in place or not."""

    @abstractmethod
    def train_step(self, params, X, Y, state, lr, theta):
        """The tab's `train_step_ch8`."""

    @abstractmethod
    def epoch(self, net, train_iter, lr, use_random_iter, losses=None):
        """The tab's `train_epoch_ch8`: perplexity and tokens per second."""

    @abstractmethod
    def train_ch8(self, net, train_iter, vocab, lr, num_epochs):
        """The tab's `train_ch8`."""

    @abstractmethod
    def predict(self, net, prefix, num_preds, vocab):
        """The tab's `predict_ch8`."""

    @abstractmethod
    def training_step(self, net: Any, lr: float) -> Callable[..., Any]:
        """A function that trains a net on a minibatch: (X, Y, state) to the loss and the new state, detached."""

    @abstractmethod
    def inference(self, net: Any) -> Callable[..., Any]:
        """A function that computes a net's outputs and new state from (X, state), keeping nothing for a gradient."""

    def lstm(self, inputs, state, params):
        """`lstm` of the tab or of the concise layer."""
        outputs, last = self.functions.lstm(self.tensor(inputs), self.tensors(state), self.tensors(params))
        H, C = self.arrays(last)
        return self.array(outputs), (H, C)

    def handed(self, way, inputs, state, params):
        """`lstm` of arguments in another way."""
        outputs, last = self.functions.lstm(*self.adapter.handed(way, inputs, state, params))
        H, C = self.arrays(last)
        return self.array(outputs), (H, C)

    def tape(self, inputs, state, params):
        """What every step computes; a framework's layer does not reveal it."""
        raise LookupError("a closed box")

    def rnn(self, inputs, state, params):
        """The tab's `rnn`."""
        outputs, last = self.functions.rnn(self.tensor(inputs), self.tensors(state), self.tensors(params))
        return self.array(outputs), tuple(self.arrays(last))

    def train(self, params, epochs, lr, use_random_iter):
        """The losses of all minibatches of some epochs, and the parameters after them."""
        net = self.net(params)
        minibatches = [[self.tensors(minibatch) for minibatch in epoch] for epoch in epochs]
        losses: list[Any] = []
        reports = [Epoch(epoch).report(lambda epoch: self.epoch(net, epoch, lr, use_random_iter, losses))
                   for epoch in minibatches]
        return Trained(np.stack(self.arrays(losses)), self.read(net), reports,
                       [[tuple(self.arrays(minibatch)) for minibatch in epoch] for epoch in minibatches])

    def model(self, params):
        """A model with these weights, to be used more than once."""
        return Model(self, params)

    def fresh(self, params: Sequence[np.ndarray]) -> Any:
        """A net with these weights that nobody else has; `net` may give one that it keeps."""
        return self.net(params)

    def caller(self, net: Any) -> Callable[..., Any]:
        """A function that computes a net's outputs and new state from (X, state), as a user calls it."""
        return net

    def switch(self, net: Any, training: bool) -> None:
        """Set a net's own mode, where it has one; others compute the same in any."""
        return

    def touched(self, inputs, state, params):
        """The arguments of `lstm` as they are after the call."""
        arguments = self.tensor(inputs), self.tensors(state), self.tensors(params)
        self.functions.lstm(*arguments)
        return self.arrays([arguments[0], *arguments[1], *arguments[2]])

    def heard(self, net: Any, hear: Callable[[np.ndarray], None]) -> Any:
        """The net as `predict` uses it; its outputs, one row a character, are passed on as arrays."""
        return Heard(net, lambda outputs: hear(self.array(outputs)))

    def written(self, params, prefix, num_preds, vocab):
        """The outputs behind what the model with these weights writes."""
        heard: list[np.ndarray] = []
        self.predict(self.heard(self.net(params), heard.append), prefix, num_preds, vocab)
        return np.concatenate(heard)

    def prediction(self, params, prefix, num_preds, vocab):
        """What the model with these weights writes after a prefix."""
        return self.predict(self.net(params), prefix, num_preds, vocab)

    def minibatches(self, batch_size, num_steps, use_random_iter, max_tokens):
        """Two epochs of `load_data_time_machine` on the embedded story."""
        loader, _ = self.aliases.load_data_time_machine(batch_size, num_steps, use_random_iter, max_tokens, "embedded")
        return [[tuple(self.arrays(minibatch)) for minibatch in loader] for _ in range(2)]

    def carried(self, params, epochs, vocab, lr):
        """The weights after they were set, and after `train_ch8` trained them; what it printed."""
        net = self.net(params)
        put = [array.copy() for array in self.read(net)]
        minibatches = [[self.tensors(minibatch) for minibatch in epoch] for epoch in epochs]
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            self.train_ch8(net, EpochAfterEpoch(minibatches), vocab, lr, len(epochs))
        return put, self.read(net), printed.getvalue()


class Scratch(Implementation):
    """A tab's `RNNModelScratch`."""

    not_judged: Mapping[str, str] = {"sampling": SHARED}

    def tape(self, inputs, state, params):
        """What every step computes, from the local variables of the tab's `lstm`."""
        arguments = self.tensor(inputs), self.tensors(state), self.tensors(params)
        turns = watch(self.functions.lstm, lambda: self.functions.lstm(*arguments))
        return [{name: self.array(value) for name, value in turn.items()} for turn in turns]

    def vjp(self, inputs, state, params, upstream):
        """The framework's gradients through the tab's `lstm` or `rnn`, by parameters, inputs and state."""
        f, n = self.adapter, len(params)
        *_, forward = self.functions_for(params)

        def scalar(tensors):
            outputs, last = forward(tensors[n], tuple(tensors[n + 1:]), self.book(tensors[:n]))
            return f.inner([outputs, *last], upstream)

        return f.differentiate(scalar, [*params, inputs, *state])[1]

    def book(self, params):
        """Parameters as the tab's `lstm` takes them."""
        return list(params)

    def loss(self, outputs, targets):
        """The tab's loss and its gradient by the outputs."""
        y = self.tensor(targets)
        value, (gradient,) = self.adapter.differentiate(lambda tensors: self.mean_loss(tensors[0], y), [outputs])
        return value, gradient

    def mean_loss(self, outputs, targets):
        """The tab's loss as a scalar."""
        return self.training.loss(outputs, targets)

    @abstractmethod
    def sgd(self, params, grads, lr, batch_size):
        """The tab's `sgd`, in place or not."""

    def start(self, cell, vocab_size, num_hiddens, seed):
        """From the reference's own draw, so that every framework starts from the same weights."""
        draw = {"lstm": ref.get_lstm_params, "rnn": ref.get_params}[cell]
        return self.net(draw(vocab_size, num_hiddens, seed))

    def weights(self, net):
        arrays = [array.copy() for array in self.read(net)]
        names = ref.PARAM_NAMES if len(arrays) == len(ref.PARAM_NAMES) else ref.RNNParams._fields
        return dict(zip(names, arrays, strict=True))

    @abstractmethod
    def get_lstm_params(self, vocab_size, num_hiddens, dtype, seed) -> Drawn:
        """The tab's `get_lstm_params`, after the framework's generator was seeded."""

    @abstractmethod
    def init_lstm_state(self, batch_size, num_hiddens, dtype) -> Drawn:
        """The tab's `init_lstm_state`."""

    def functions_for(self, params):
        """The functions for these parameters: a draw (that returns them), the initial state and the forward pass."""
        tab = self.functions
        if len(params) == len(ref.PARAM_NAMES):
            return (lambda *_: params), tab.init_lstm_state, tab.lstm
        return (lambda *_: params), tab.init_rnn_state, tab.rnn


class Compiled(Scratch):
    """A tab whose `lstm` and `rnn` have gone through the framework's compiler. A subclass has the tab as second base.

    Args:
        adapter: the framework.
        compiler: of a function.
    """

    #: how it is compiled
    what: str
    #: the cases it is judged on: each size is compiled anew, and a sequence is unrolled
    cases: Sequence[str] = ("ragged", "clipped")
    not_judged: Mapping[str, str] = Scratch.not_judged | dict.fromkeys(
        ("params", "state", "carrier", "loss", "clipping", "sgd", "kept", "reports", "own", "prediction", "written",
         "bad_input", "chapter"), "left to scratch, to save time")

    def __init__(self, adapter: Any, compiler: Callable[[Any], Any]):
        super().__init__(adapter)
        compiled = {name: compiler(getattr(self.functions, name)) for name in ("lstm", "rnn")}
        self.functions: Any = SimpleNamespace(**vars(self.functions) | compiled)

    def tape(self, inputs, state, params):
        """What every step computes stays inside."""
        raise LookupError("a closed box")


class Concise(Implementation):
    """A tab's `RNNModel` around the framework's layer."""

    not_judged: Mapping[str, str] = {
        "params": "a layer draws its own weights", "sampling": SHARED, "loss": "that of the tab",
        "sgd": "the framework's optimizer"}

    def switch(self, net, training):
        """Torch's and Paddle's modules have a mode."""
        getattr(net, "train" if training else "eval", lambda: None)()

    def init_lstm_state(self, batch_size, num_hiddens, dtype):
        """The model's initial state."""
        net = self.net(ref.get_lstm_params(1, num_hiddens, 0, dtype))
        state = self.begin_state(net, batch_size)
        return Drawn.of(state, self.state_out(state))


class Fused(Implementation):
    """A backend's `RNNModelFused`, the same in all frameworks; see `backends.fused`."""

    not_judged: Mapping[str, str] = {
        "params": "it starts from given weights", "rnn": "it is an LSTM", "rnn_training": "it is an LSTM",
        "sampling": SHARED, "vjp": "its gradients are those of its loss", "loss": "a part of its step",
        "sgd": "a part of its step"}

    def __init__(self, adapter, functions):
        super().__init__(adapter)
        self.functions = functions

    def net(self, params):
        return self.functions.RNNModelFused(self.tensors(params))

    def start(self, cell, vocab_size, num_hiddens, seed):
        if cell != "lstm":
            raise ValueError(f"model fused: expected the cell lstm, got {cell}")
        return self.net(ref.get_lstm_params(vocab_size, num_hiddens, seed))

    def handed(self, way, inputs, state, params):
        outputs, last = self.functions.RNNModelFused.lstm(*self.adapter.handed(way, inputs, state, params))
        H, C = self.arrays(last)
        return self.array(outputs), (H, C)

    def read(self, net):
        return self.arrays(net.params)

    def weights(self, net):
        return dict(zip(ref.PARAM_NAMES, self.read(net), strict=True))

    def set_weights(self, net, weights):
        net.__init__(self.tensors(list(weights.values())))

    def begin_state(self, net, batch_size):
        return net.begin_state(batch_size)

    def init_lstm_state(self, batch_size, num_hiddens, dtype):
        net = self.net(ref.get_lstm_params(1, num_hiddens, 0, dtype))
        return self.adapter.drawn(net.begin_state(batch_size), [False, False])

    def loss_and_grads(self, inputs, state, params, targets):
        loss, grads = self.net(params).gradients_of(self.tensor(inputs), self.tensors(state), self.tensor(targets))
        return self.array(loss), self.arrays(grads)

    def grad_clipping(self, grads, theta):
        return self.arrays(self.functions.RNNModelFused.clipped(self.tensors(grads), theta))

    def train_step(self, params, X, Y, state, lr, theta):
        net = self.net(params)
        loss, last = net.train_step(self.tensor(X), self.tensor(Y), self.tensors(state), lr, theta)
        return self.read(net), tuple(self.arrays(last)), self.array(loss)

    def training_step(self, net, lr):
        def step(X, Y, state):
            loss, _, state = net.step(X, Y, state, lr, 1.0)
            return loss, state

        return step

    def inference(self, net):
        return net.forward

    def epoch(self, net, train_iter, lr, use_random_iter, losses=None):
        return net.train_epoch(train_iter, lr, use_random_iter, losses)

    def train_ch8(self, net, train_iter, vocab, lr, num_epochs):
        net.train(train_iter, vocab, lr, num_epochs)

    def predict(self, net, prefix, num_preds, vocab):
        return net.predict(prefix, num_preds, vocab)

    def heard(self, net, hear):
        read = net.read_token

        def read_token(token, state):
            outputs, state = read(token, state)
            hear(np.asarray(outputs)[None])
            return outputs, state

        net.read_token = read_token
        return net
