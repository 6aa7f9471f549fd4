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
from backends.parallel import OnWorkers
from backends.timing import Timing
from lstm_ref.parity.interface import (
    CELLS,
    NAMES,
    Drawn,
    Epoch,
    EpochAfterEpoch,
    Framework,
    Heard,
    Trained,
    cell_of,
    watch,
)


class Adapter(OnWorkers, Timing, Framework):
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
#: The reference's own draws, by what the cell's forward pass is called.
DRAWS = {"lstm": ref.get_lstm_params, "rnn": ref.get_params, "gru": ref.get_gru_params}


class Implementation(ABC):
    """One way in which a framework computes the LSTM and other cells; see `lstm_ref.parity.interface.Implementation`.

    A `net` is the framework's model, `RNNModelScratch` or `RNNModel`. The subclasses define what it consists of, what
    its state looks like and how its gradients are computed; all else is here.
    """

    #: checks that have nothing to compare here, and why
    not_judged: Mapping[str, str] = {}
    #: defects of the framework's own: 'check on case', and what is wrong there
    defects: Mapping[str, str] = {}
    #: the cells besides the LSTM
    has: Sequence[str] = ()
    #: the module with the function `lstm`, and those of the other cells
    functions: ModuleType
    #: the module with `load_data_time_machine`
    aliases: ModuleType
    #: the module with `loss`, `grad_clipping`, `train_step_ch8` ...
    training: ModuleType

    def __init__(self, adapter: Any):
        self.adapter = adapter
        #: precisions that are unavailable, and why
        self.dtypes: Mapping[str, str] = dict(adapter.absent)
        self.not_judged = adapter.without_engine() | self.not_judged
        self.cells = dict.fromkeys(self.has, self.not_judged)
        self.tensor, self.tensors = adapter.tensor, adapter.tensors
        self.array, self.arrays = adapter.array, adapter.arrays

    @abstractmethod
    def start(self, cell: str, vocab_size: int, num_hiddens: int, seed: int) -> Any:
        """A fresh net, 'lstm', 'rnn' or 'gru', as a reader of the chapter starts it."""

    @abstractmethod
    def net(self, params: Sequence[np.ndarray]) -> Any:
        """A net with these weights, of the cell that they are of."""

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
    def predict(self, net, prefix, num_preds, vocab, alpha=None, rng=None):
        """The tab's `predict_ch8`."""

    @abstractmethod
    def training_step(self, net: Any, lr: float) -> Callable[..., Any]:
        """A function that trains a net on a minibatch: (X, Y, state) to the loss and the new state, detached."""

    @abstractmethod
    def inference(self, net: Any) -> Callable[..., Any]:
        """A function that computes a net's outputs and new state from (X, state), keeping nothing for a gradient."""

    def function(self, params: Sequence[Any]) -> Callable[..., Any]:
        """`lstm`, `rnn` or `gru`, of the tab or of the concise layer, for these parameters."""
        return getattr(self.functions, CELLS[cell_of(params)].function)  # type: ignore[no-any-return]

    def forward(self, inputs, state, params):
        """The forward pass of these parameters' cell."""
        outputs, last = self.function(params)(self.tensor(inputs), self.tensors(state), self.tensors(params))
        return self.array(outputs), tuple(self.arrays(last))

    def handed(self, way, inputs, state, params):
        """The forward pass of arguments in another way."""
        outputs, last = self.function(params)(*self.adapter.handed(way, inputs, state, params))
        return self.array(outputs), tuple(self.arrays(last))

    def tape(self, inputs, state, params):
        """What every step computes; a framework's layer does not reveal it."""
        raise LookupError("a closed box")

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
        """The arguments of the forward pass as they are after the call."""
        arguments = self.tensor(inputs), self.tensors(state), self.tensors(params)
        self.function(params)(*arguments)
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

    def parallel(self, case):
        """Training on several workers, in processes of their own."""
        return self.adapter.on_workers(self, case)

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
    has = ("rnn", "gru")

    def tape(self, inputs, state, params):
        """What every step computes, from the local variables of the tab's `lstm`."""
        arguments, function = (self.tensor(inputs), self.tensors(state), self.tensors(params)), self.function(params)
        turns = watch(function, lambda: function(*arguments), NAMES[cell_of(params)])
        return [{name: self.array(value) for name, value in turn.items()} for turn in turns]

    def vjp(self, inputs, state, params, upstream):
        """The framework's gradients through the tab's forward pass, by parameters, inputs and state."""
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
        return self.net(DRAWS[cell](vocab_size, num_hiddens, seed))

    def weights(self, net):
        arrays = [array.copy() for array in self.read(net)]
        return dict(zip(CELLS[cell_of(arrays)].params._fields, arrays, strict=True))

    @abstractmethod
    def draw(self, function: Callable[..., Any], vocab_size: int, num_hiddens: int, dtype: Any, seed: int) -> Drawn:
        """A tab's function that draws parameters, after the framework's generator was seeded."""

    def get_params(self, cell, vocab_size, num_hiddens, dtype, seed):
        """The tab's `get_lstm_params`, `get_params` or `get_gru_params`."""
        draw = getattr(self.functions, DRAWS[cell].__name__)
        return self.draw(draw, vocab_size, num_hiddens, dtype, seed)

    @abstractmethod
    def begin(self, function: Callable[..., Any], batch_size: int, num_hiddens: int, dtype: Any) -> Drawn:
        """A tab's function that begins a state."""

    def init_state(self, cell, batch_size, num_hiddens, dtype):
        """The tab's `init_lstm_state`, `init_rnn_state` or `init_gru_state`."""
        return self.begin(getattr(self.functions, f"init_{cell}_state"), batch_size, num_hiddens, dtype)

    def functions_for(self, params):
        """The functions for these parameters: a draw (that returns them), the initial state and the forward pass."""
        begin = getattr(self.functions, f"init_{cell_of(params)}_state")
        return (lambda *_: params), begin, self.function(params)


class Compiled(Scratch):
    """A tab whose forward passes have gone through the framework's compiler. A subclass has the tab as second base.

    Args:
        adapter: the framework.
        compiler: of a function.
    """

    #: how it is compiled
    what: str
    #: the cases it is judged on: each size is compiled anew, and a sequence is unrolled
    cases: Sequence[str] = tuple(f"{cell}{name}" for cell in ("", "rnn-", "gru-") for name in ("ragged", "clipped"))
    not_judged: Mapping[str, str] = Scratch.not_judged | dict.fromkeys(
        ("params", "state", "carrier", "loss", "clipping", "sgd", "kept", "reports", "own", "prediction", "written",
         "bad_input", "chapter", "parallel"), "left to scratch, to save time")

    def __init__(self, adapter: Any, compiler: Callable[[Any], Any]):
        super().__init__(adapter)
        compiled = {name: compiler(getattr(self.functions, name)) for name in ("lstm", *self.has)}
        self.functions: Any = SimpleNamespace(**vars(self.functions) | compiled)

    def tape(self, inputs, state, params):
        """What every step computes stays inside."""
        raise LookupError("a closed box")


class Concise(Implementation):
    """A tab's `RNNModel` around the framework's layer; its GRU has the reset gate after the product unless said."""

    has = ("rnn", "gru_after")
    not_judged: Mapping[str, str] = {
        "params": "a layer draws its own weights", "sampling": SHARED, "loss": "that of the tab",
        "sgd": "the framework's optimizer"}

    def switch(self, net, training):
        """Torch's and Paddle's modules have a mode."""
        getattr(net, "train" if training else "eval", lambda: None)()

    def init_state(self, cell, batch_size, num_hiddens, dtype):
        """The model's initial state."""
        net = self.net(DRAWS[CELLS[cell].function](1, num_hiddens, 0, dtype))
        state = self.begin_state(net, batch_size)
        return Drawn.of(state, self.state_out(state))


class Fused(Implementation):
    """A backend's `RNNModelFused`, the same in all frameworks; see `backends.fused`."""

    not_judged: Mapping[str, str] = {
        "params": "it starts from given weights", "rnn": "it is an LSTM", "gru": "it is an LSTM",
        "sampling": SHARED, "vjp": "its gradients are those of its loss", "loss": "a part of its step",
        "sgd": "a part of its step", "parallel": "its step is not divided among workers"}

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
        return self.array(outputs), tuple(self.arrays(last))

    def read(self, net):
        return self.arrays(net.params)

    def weights(self, net):
        return dict(zip(ref.PARAM_NAMES, self.read(net), strict=True))

    def set_weights(self, net, weights):
        net.__init__(self.tensors(list(weights.values())))

    def begin_state(self, net, batch_size):
        return net.begin_state(batch_size)

    def init_state(self, cell, batch_size, num_hiddens, dtype):
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

    def predict(self, net, prefix, num_preds, vocab, alpha=None, rng=None):
        return net.predict(prefix, num_preds, vocab, alpha, rng)

    def heard(self, net, hear):
        read = net.read_token

        def read_token(token, state):
            outputs, state = read(token, state)
            hear(np.asarray(outputs)[None])
            return outputs, state

        net.read_token = read_token
        return net
