"""What the judge needs of an implementation, and the reference as one.

Everything crosses this border as NumPy arrays of the tested precision; how a framework computes stays on its side.
"""

import contextlib
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import DTypeLike

import lstm_ref
from lstm_ref.lstm import sigmoid
from lstm_ref.params import Array, State
from lstm_ref.text import Vocab


class Drawn(NamedTuple):
    """What `get_lstm_params` or `init_lstm_state` of a framework gave, seen from NumPy."""

    arrays: list[Array]
    trainable: list[bool]
    distinct: bool  #: no two of them share their memory


Epochs = Sequence[Sequence[tuple[Array, Array]]]


class Implementation(Protocol):
    """The functions under test. Shapes and errors are those of the same functions in `lstm_ref`."""

    inapplicable: frozenset[str]  #: checks that have nothing to compare here

    def lstm(self, inputs: Array, state: State, params: Sequence[Array]) -> tuple[Array, State]:
        """Outputs (num_steps · batch_size, vocab_size) and the last (H, C)."""

    def tape(self, inputs: Array, state: State, params: Sequence[Array]) -> list[dict[str, Array]]:
        """The book's I, F, O, C_tilda, C, H and Y of every step; a closed box raises LookupError."""

    def rnn(self, inputs: Array, state: Any, params: Sequence[Array]) -> tuple[Array, Any]:
        """Outputs and the last (H,) of the vanilla RNN."""

    def loss_and_grads(
        self, inputs: Array, state: Any, params: Sequence[Array], targets: Array
    ) -> tuple[Array, Sequence[Array]]:
        """The framework's own mean cross-entropy and gradients, by the LSTM's 14 parameters or the RNN's 5."""

    def grad_clipping(self, grads: Sequence[Array], theta: float) -> Sequence[Array]:
        """The gradients after clipping, wherever the framework leaves them."""

    def train_step(
        self, params: Sequence[Array], X: Array, Y: Array, state: State, lr: float, theta: float
    ) -> tuple[Sequence[Array], State, Array]:
        """New parameters, last state and loss of one training step."""

    def train(
        self, params: Sequence[Array], epochs: Epochs, lr: float, use_random_iter: bool
    ) -> tuple[Array, Sequence[Array]]:
        """Loss of every minibatch of some epochs of `train_epoch_ch8`, and the parameters after them."""

    def write(self, params: Sequence[Array], prefix: str, num_preds: int, vocab: Vocab) -> str:
        """What `predict_ch8` writes."""

    def minibatches(self, batch_size: int, num_steps: int, use_random_iter: bool, max_tokens: int) -> Epochs:
        """Two epochs of `load_data_time_machine` on the embedded story."""

    def carried(
        self, params: Sequence[Array], train_iter: Sequence[tuple[Array, Array]], vocab: Vocab
    ) -> tuple[Sequence[Array], Sequence[Array]]:
        """The weights of a model they were put into, before and after `train_ch8` with a learning rate of zero."""

    def get_lstm_params(self, vocab_size: int, num_hiddens: int, dtype: DTypeLike, seed: int) -> Drawn:
        """Parameters as the framework draws them after seeding its own generator."""

    def init_lstm_state(self, batch_size: int, num_hiddens: int, dtype: DTypeLike) -> Drawn:
        """The initial (H, C)."""


def textbook_dsigmoid(x: Array) -> Array:
    """σ' as s(1 - s): what automatic differentiation computes, and what it loses where s is near one."""
    s = sigmoid(x)
    return s * (1 - s)


def textbook_dtanh(x: Array) -> Array:
    """tanh' as 1 - t², likewise."""
    return 1 - np.tanh(x) ** 2


class Reference:
    """`lstm_ref` as an implementation, in whatever precision its arguments have.

    Args:
        textbook: differentiate the activations by the textbook formulas instead of the accurate ones. The
            noisy evaluations do so, because honest frameworks do.
        ref: what stands for `lstm_ref`, with its names.
    """

    inapplicable: frozenset[str] = frozenset()

    def __init__(self, textbook: bool = False, ref: Any = lstm_ref):
        self._ref = ref
        dtanh: dict[str, Any] = {"dtanh": textbook_dtanh} if textbook else {}
        dsigmoid: dict[str, Any] = {"dsigmoid": textbook_dsigmoid} if textbook else {}
        lstm = ref.init_lstm_state, ref.lstm, partial(ref.lstm_backward, **dtanh, **dsigmoid)
        rnn = ref.init_rnn_state, ref.rnn, partial(ref.rnn_backward, **dtanh)
        #: initial state, forward and backward pass, by the number of parameters
        self._cells = {len(ref.LSTMParams._fields): lstm, len(ref.RNNParams._fields): rnn}

    def lstm(self, inputs: Array, state: State, params: Any) -> tuple[Array, State]:
        """See `lstm_ref.lstm`."""
        return self._ref.lstm(inputs, state, params)

    def tape(self, inputs: Array, state: State, params: Any) -> list[dict[str, Array]]:
        """What every step computes on its way, see `lstm_ref.lstm.Step`."""
        steps: list[Any] = []
        self._ref.lstm(inputs, state, params, steps)
        return [step._asdict() for step in steps]

    def rnn(self, inputs: Array, state: Any, params: Any) -> tuple[Array, Any]:
        """See `lstm_ref.rnn`."""
        return self._ref.rnn(inputs, state, params)

    def loss_and_grads(self, inputs: Array, state: Any, params: Any, targets: Array) -> tuple[Array, Sequence[Array]]:
        """See `lstm_ref.loss_and_grads`."""
        _, forward, backward = self._cells[len(params)]
        return self._ref.loss_and_grads(inputs, state, params, targets, forward, backward)[:2]

    def grad_clipping(self, grads: Sequence[Array], theta: float) -> Sequence[Array]:
        """See `lstm_ref.grad_clipping`."""
        return self._ref.grad_clipping(grads, theta)

    def train_step(
        self, params: Any, X: Array, Y: Array, state: State, lr: float, theta: float
    ) -> tuple[Sequence[Array], State, Array]:
        """See `lstm_ref.train_step`."""
        _, forward, backward = self._cells[len(params)]
        return self._ref.train_step(params, X, Y, state, lr, theta, forward, backward)

    def net(self, params: Any) -> lstm_ref.RNNModelScratch:
        """The reference's model with these weights, the LSTM's or the RNN's."""
        vocab_size, num_hiddens = params[0].shape
        return self._ref.RNNModelScratch(vocab_size, num_hiddens, lambda *_: params, *self._cells[len(params)])

    def train(self, params: Any, epochs: Epochs, lr: float, use_random_iter: bool) -> tuple[Array, Sequence[Array]]:
        """See `lstm_ref.train_epoch_ch8`."""
        net, losses = self.net(params), list[Array]()
        for epoch in epochs:
            self._ref.train_epoch_ch8(net, epoch, lr, use_random_iter, losses)
        return np.stack(losses), net.params

    def write(self, params: Any, prefix: str, num_preds: int, vocab: Vocab) -> str:
        """See `lstm_ref.predict_ch8`."""
        return self._ref.predict_ch8(prefix, num_preds, self.net(params), vocab)

    def minibatches(self, batch_size: int, num_steps: int, use_random_iter: bool, max_tokens: int) -> Epochs:
        """See `lstm_ref.load_data_time_machine`."""
        loader, _ = self._ref.load_data_time_machine(batch_size, num_steps, use_random_iter, max_tokens, "embedded")
        return [list(loader) for _ in range(2)]

    def carried(
        self, params: Any, train_iter: Sequence[tuple[Array, Array]], vocab: Vocab
    ) -> tuple[Sequence[Array], Sequence[Array]]:
        """See `lstm_ref.train_ch8`."""
        net = self.net(params)
        put = list(net.params)
        with contextlib.redirect_stdout(None):
            self._ref.train_ch8(net, train_iter, vocab, 0.0, 1)
        return put, list(net.params)

    def get_lstm_params(self, vocab_size: int, num_hiddens: int, dtype: DTypeLike, seed: int) -> Drawn:
        """See `lstm_ref.get_lstm_params`; every array of the reference can be trained."""
        params = list(self._ref.get_lstm_params(vocab_size, num_hiddens, seed, dtype))
        return Drawn(params, [True] * len(params), distinct(params))

    def init_lstm_state(self, batch_size: int, num_hiddens: int, dtype: DTypeLike) -> Drawn:
        """See `lstm_ref.init_lstm_state`."""
        state = list(self._ref.init_lstm_state(batch_size, num_hiddens, dtype))
        return Drawn(state, [False] * len(state), distinct(state))


def distinct(arrays: Sequence[Array]) -> bool:
    """No two of the arrays share their memory."""
    return not any(np.shares_memory(a, b) for i, a in enumerate(arrays) for b in arrays[:i])
