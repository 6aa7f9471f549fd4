"""The chapters' model and its training in NumPy: `RNNModelScratch`, `train_epoch_ch8`, `train_ch8`, `predict_ch8`.

NumPy has no automatic differentiation, so a model is given its backward pass beside its forward pass.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from lstm_ref import loop
from lstm_ref.animator import Animator
from lstm_ref.params import Array
from lstm_ref.text import Vocab
from lstm_ref.training import one_hot, train_step
from lstm_ref.validate import check_sizes
from lstm_ref.validate_text import check_run


class RNNModelScratch:
    """A model from functions; calling it takes tokens X, (batch_size, num_steps), and a state.

    Args:
        vocab_size: V.
        num_hiddens: h.
        get_params: `get_lstm_params`, or `lstm_ref.rnn.get_params`.
        init_state: `init_lstm_state`, or `lstm_ref.rnn.init_rnn_state`.
        forward_fn: `lstm`, or `lstm_ref.rnn.rnn`.
        backward_fn: `lstm_backward`, or `lstm_ref.rnn.rnn_backward`.
        rng: passed to `get_params`.
        dtype: passed to `get_params`.
    """

    def __init__(
        self,
        vocab_size: int,
        num_hiddens: int,
        get_params: Callable[..., Any],
        init_state: Callable[..., Any],
        forward_fn: Callable[..., Any],
        backward_fn: Callable[..., Any],
        rng: np.random.Generator | int | None = None,
        dtype: DTypeLike = np.float32,
    ):
        check_sizes(vocab_size=vocab_size, num_hiddens=num_hiddens)
        self.vocab_size, self.num_hiddens = vocab_size, num_hiddens
        #: the parameters; a training step replaces them
        self.params = get_params(vocab_size, num_hiddens, rng, dtype)
        self.init_state, self.forward_fn, self.backward_fn = init_state, forward_fn, backward_fn

    def __call__(self, X: Array, state: Any) -> tuple[Array, Any]:
        """Outputs (num_steps · batch_size, vocab_size) and the new state."""
        return self.forward_fn(one_hot(np.asanyarray(X).T, self.vocab_size, self.params[0].dtype), state, self.params)

    def begin_state(self, batch_size: int) -> Any:
        """The initial state, in the precision of the parameters."""
        return self.init_state(batch_size, self.num_hiddens, self.params[0].dtype)


def train_epoch_ch8(
    net: RNNModelScratch,
    train_iter: Iterable[tuple[Array, Array]],
    lr: float,
    use_random_iter: bool,
    losses: list[Array] | None = None,
) -> tuple[float, float]:
    """Train for one epoch; arguments, result and errors as `lstm_ref.loop.train_epoch`. Clips at theta 1."""

    def step(X: Array, Y: Array, state: Any) -> tuple[Array, Any]:
        net.params, state, loss = train_step(
            net.params, X, Y, state, lr, forward=net.forward_fn, backward=net.backward_fn)
        return loss, state

    return loop.train_epoch(train_iter, net.begin_state, lambda state: state, step, use_random_iter, losses)


def train_ch8(
    net: RNNModelScratch,
    train_iter: Iterable[tuple[Array, Array]],
    vocab: Vocab,
    lr: float,
    num_epochs: int,
    use_random_iter: bool = False,
) -> None:
    """Train and show what the model writes; see `lstm_ref.loop.train`.

    Raises:
        ValueError: as there; before the first epoch, where `vocab` has not the net's size or lacks a character of
            `lstm_ref.loop.PREFIXES`.
    """
    check_run(lr, num_epochs, vocab, net.vocab_size, loop.PREFIXES)
    animator = Animator(xlabel="epoch", ylabel="perplexity", legend=["train"], xlim=[10, num_epochs])
    loop.train(num_epochs, lambda: train_epoch_ch8(net, train_iter, lr, use_random_iter),
               lambda prefix: predict_ch8(prefix, 50, net, vocab), animator, "cpu")


def predict_ch8(
    prefix: str | Sequence[str], num_preds: int, net: RNNModelScratch, vocab: Vocab, alpha: float | None = None,
    rng: np.random.Generator | int | None = None,
) -> str:
    """The prefix and `num_preds` characters after it, the most likely or drawn; see `lstm_ref.loop.predict`."""

    def step(token: int, state: Any) -> tuple[Array, Any]:
        outputs, state = net(np.array([[token]]), state)
        return outputs[0], state

    return loop.predict(prefix, num_preds, vocab, net.begin_state(batch_size=1), step, alpha, rng)
