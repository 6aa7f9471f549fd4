"""What the judge needs of an implementation, and the reference as one.

Everything crosses this border as NumPy arrays of the tested precision; how a framework computes stays on its side.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import DTypeLike

import lstm_ref as ref
from lstm_ref.lstm import sigmoid
from lstm_ref.params import Array, State


class Drawn(NamedTuple):
    """What `get_lstm_params` or `init_lstm_state` of a framework gave, seen from NumPy."""

    arrays: list[Array]
    trainable: list[bool]
    distinct: bool  #: no two of them share their memory


class Implementation(Protocol):
    """The functions under test. Shapes and errors are those of the same functions in `lstm_ref`."""

    def lstm(self, inputs: Array, state: State, params: Sequence[Array]) -> tuple[Array, State]:
        """Outputs (num_steps · batch_size, vocab_size) and the last (H, C)."""

    def loss_and_grads(
        self, inputs: Array, state: State, params: Sequence[Array], targets: Array
    ) -> tuple[Array, Sequence[Array]]:
        """The framework's own mean cross-entropy and gradients by the 14 parameters."""

    def grad_clipping(self, grads: Sequence[Array], theta: float) -> Sequence[Array]:
        """The gradients after clipping, wherever the framework leaves them."""

    def train_step(
        self, params: Sequence[Array], X: Array, Y: Array, state: State, lr: float, theta: float
    ) -> tuple[Sequence[Array], State, Array]:
        """New parameters, last state and loss of one training step."""

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
    """

    def __init__(self, textbook: bool = False):
        formulas: dict[str, Any] = {"dsigmoid": textbook_dsigmoid, "dtanh": textbook_dtanh} if textbook else {}
        self._backward = partial(ref.lstm_backward, **formulas)

    def lstm(self, inputs: Array, state: State, params: Any) -> tuple[Array, State]:
        """See `lstm_ref.lstm`."""
        return ref.lstm(inputs, state, params)

    def loss_and_grads(self, inputs: Array, state: State, params: Any, targets: Array) -> tuple[Array, Sequence[Array]]:
        """See `lstm_ref.loss_and_grads`."""
        return ref.loss_and_grads(inputs, state, params, targets, self._backward)[:2]

    def grad_clipping(self, grads: Sequence[Array], theta: float) -> Sequence[Array]:
        """See `lstm_ref.grad_clipping`."""
        return ref.grad_clipping(grads, theta)

    def train_step(
        self, params: Any, X: Array, Y: Array, state: State, lr: float, theta: float
    ) -> tuple[Sequence[Array], State, Array]:
        """See `lstm_ref.train_step`."""
        return ref.train_step(params, X, Y, state, lr, theta, self._backward)

    def get_lstm_params(self, vocab_size: int, num_hiddens: int, dtype: DTypeLike, seed: int) -> Drawn:
        """See `lstm_ref.get_lstm_params`; every array of the reference can be trained."""
        params = list(ref.get_lstm_params(vocab_size, num_hiddens, seed, dtype))
        return Drawn(params, [True] * len(params), distinct(params))

    def init_lstm_state(self, batch_size: int, num_hiddens: int, dtype: DTypeLike) -> Drawn:
        """See `lstm_ref.init_lstm_state`."""
        state = list(ref.init_lstm_state(batch_size, num_hiddens, dtype))
        return Drawn(state, [False] * len(state), distinct(state))


def distinct(arrays: Sequence[Array]) -> bool:
    """No two of the arrays share their memory."""
    return not any(np.shares_memory(a, b) for i, a in enumerate(arrays) for b in arrays[:i])
