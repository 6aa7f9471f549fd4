"""The networks of the exercises: the fused LSTM, with and without tanh at C, and a vanilla RNN with tanh or ReLU.

Both have the same methods: `step`, `forward`, `zeros`, `predict`. Their tests hold them against the reference, and
what the reference does not have against complex-step derivatives.
"""

import math
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from lstm_ref import loop
from lstm_ref.loss import cross_entropy, cross_entropy_backward
from lstm_ref.params import Array, get_lstm_params
from lstm_ref.rnn import RNNParams, get_params
from lstm_ref.text import Vocab
from lstm_ref.training import one_hot

fused: Any = import_module("backends.numpy.fused")


class BareWork(fused.Work):  # type: ignore[misc]  # backends have no types
    """The LSTM's passes with H = O ⊙ C."""

    def squashed(self) -> Array:
        """C as it is."""
        found: Array = self.C
        return found

    def slope(self, O: Array, H: Array, out: Array) -> None:  # noqa: E741
        """The factor from dH to dC: O."""
        out[...] = O


class BareLSTM(fused.RNNModelFused):  # type: ignore[misc]
    """The LSTM without tanh at C."""

    Work = BareWork


class Pass(NamedTuple):
    """What a forward pass leaves for the backward pass: tokens X, (B, T), and all hidden states, (T + 1, B, h)."""

    X: Array
    H: Array


#: an activation, and its derivative as a function of its value
ACTIVATIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "tanh": (np.tanh, lambda H: 1 - H * H),
    "relu": (lambda A: np.maximum(A, 0), lambda H: (H > 0).astype(H.dtype)),
}


class RNN:
    """The vanilla RNN of `lstm_ref.rnn` in few operations over all steps, which takes half of its time.

    Args:
        params: `RNNParams`.
        activation: 'tanh' or 'relu'.
    """

    def __init__(self, params: Sequence[Array], activation: str = "tanh"):
        self.params = RNNParams(*params)
        self.vocab_size, self.num_hiddens = self.params.W_xh.shape
        self.activation, self.derivative = ACTIVATIONS[activation]

    def zeros(self, batch_size: int) -> tuple[Array]:
        """The state at the start."""
        return (np.zeros((batch_size, self.num_hiddens), self.params.W_hh.dtype),)

    def hidden(self, X: Array, H: Array) -> Pass:
        """All hidden states for tokens (B, T) from a state (B, h)."""
        A = self.params.W_xh[X.T] + self.params.b_h
        states = np.empty((len(A) + 1, *H.shape), A.dtype)
        states[0] = H
        for t in range(len(A)):
            states[t + 1] = self.activation(A[t] + states[t] @ self.params.W_hh)
        return Pass(X, states)

    def outputs(self, H: Array) -> Array:
        """Outputs, (T · B, vocab_size), of hidden states (T, B, h)."""
        return H.reshape(-1, self.num_hiddens) @ self.params.W_hq + self.params.b_q

    def forward(self, X: Array, state: tuple[Array]) -> tuple[Array, tuple[Array]]:
        """Outputs and last state for tokens (B, T)."""
        _, H = self.hidden(np.asarray(X), state[0])
        return self.outputs(H[1:]), (H[-1],)

    def loss_and_grads(self, passes: Sequence[Pass], Y: Array) -> tuple[Array, list[RNNParams]]:
        """The loss of the last pass, and its gradient through all of them.

        Args:
            passes: one minibatch after the other, each from the state that the one before ended with.
            Y: (B, T), targets of the last.

        Returns:
            The loss and, from the first pass to the last, what each adds to the gradient.
        """
        W, (_, H) = self.params, passes[-1]
        outputs, targets = self.outputs(H[1:]), Y.T.reshape(-1)
        dY = cross_entropy_backward(outputs, targets)
        dHs = (dY @ W.W_hq.T).reshape(H[1:].shape)
        dH, found = np.zeros_like(H[0]), list[RNNParams]()
        W_hh = np.ascontiguousarray(W.W_hh.T)  # laid out once, not in each of the products
        for X, H in reversed(passes):
            dA = self.derivative(H[1:])
            for t in reversed(range(len(dA))):
                dA[t] *= dH if found else dH + dHs[t]
                dH = dA[t] @ W_hh
            rows = dA.reshape(-1, self.num_hiddens)
            inputs = one_hot(X.T, self.vocab_size, rows.dtype).reshape(-1, self.vocab_size)
            found.append(RNNParams(inputs.T @ rows, H[:-1].reshape(rows.shape).T @ rows, rows.sum(axis=0),
                                   np.zeros_like(W.W_hq), np.zeros_like(W.b_q)))
        found[0] = found[0]._replace(W_hq=passes[-1].H[1:].reshape(-1, self.num_hiddens).T @ dY, b_q=dY.sum(axis=0))
        return cross_entropy(outputs, targets), found[::-1]

    def update(self, grads: Sequence[Array], lr: float, theta: float) -> Array:
        """Clip and descend; the norm before clipping. A norm that is not finite changes nothing."""
        factor, norm = fused.clip_factor(grads, theta)
        if np.isfinite(norm):
            self.params = RNNParams(*(param - grad * (lr * factor).astype(grad.dtype)
                                      for param, grad in zip(self.params, grads, strict=True)))
        found: Array = norm
        return found

    def step(self, X: Array, Y: Array, state: tuple[Array], lr: float, theta: float
             ) -> tuple[Array, Array, tuple[Array]]:
        """One training step: the loss, the gradient's norm before clipping, and the new state."""
        done = self.hidden(X, state[0])
        loss, (grads,) = self.loss_and_grads([done], Y)
        return loss, self.update(grads, lr, theta), (done.H[-1],)

    def read_token(self, token: int, state: tuple[Array]) -> tuple[Array, tuple[Array]]:
        """Outputs, (vocab_size,), and state after one token, for a batch of one."""
        outputs, state = self.forward(np.array([[token]]), state)
        return outputs[0], state

    def predict(self, prefix: str, num_preds: int, vocab: Vocab) -> str:
        """The prefix and what the network writes after it, see `lstm_ref.loop.predict`."""
        return loop.predict(prefix, num_preds, vocab, self.zeros(1), self.read_token)


NETS: dict[str, Callable[[int, int, int], Any]] = {
    "lstm": lambda V, h, seed: fused.RNNModelFused(get_lstm_params(V, h, seed)),
    "lstm, H = O * C": lambda V, h, seed: BareLSTM(get_lstm_params(V, h, seed)),
    "rnn": lambda V, h, seed: RNN(get_params(V, h, seed)),
    "rnn, relu": lambda V, h, seed: RNN(get_params(V, h, seed), "relu"),
}


def bare(net: Any) -> Any:
    """An LSTM with the same weights, without tanh at C."""
    return BareLSTM(net.params)


def mean_loss(net: Any, tokens: Sequence[int]) -> float:
    """Mean cross-entropy, in nats, over a text that is read from its first token to its last, from a state of zeros."""
    text = np.asarray(tokens)[None]
    outputs, _ = net.forward(text[:, :-1], net.zeros(1))
    return float(cross_entropy(outputs, text[0, 1:]))


def finite(number: float) -> float | None:
    """The number as a float, or None, which JSON has, where it is not finite."""
    return float(number) if math.isfinite(number) else None
