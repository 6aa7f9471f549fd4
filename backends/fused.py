"""What every fused model shares: the book's loop around a step that is compiled or written out as a whole.

A fused model computes what `RNNModelScratch` with `lstm` computes, from the same 14 parameters, as fast as its
framework can. It keeps them in whatever layout is fastest; `params` shows them as the book has them.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from lstm_ref import loop
from lstm_ref.animator import Animator
from lstm_ref.validate import (
    check_lr,
    check_lstm,
    check_minibatch,
    check_model,
    check_rows,
    check_sizes,
    check_state,
    check_theta,
    check_tokens,
    dtype_name,
)
from lstm_ref.validate_text import check_run
from lstm_ref.validate_training import check_grads, check_loss


class RNNModelFused(ABC):
    """A model with `step`, one training step without checks and without waiting for the device.

    Args:
        params: the book's 14 parameters, which are copied.

    Attributes:
        tensor: what the framework calls its arrays, where it takes no others; '' where NumPy's will do.

    Raises:
        ValueError: they are not 14, or do not fit each other.
    """

    tensor = ""

    def __init__(self, params: Sequence[Any]):
        check_model(params, tensor=self.tensor)
        self.vocab_size, self.num_hiddens = params[0].shape
        self.precision = dtype_name(params[0])

    @property
    @abstractmethod
    def params(self) -> Sequence[Any]:
        """The 14 parameters as they are now, in the book's order."""

    @abstractmethod
    def zeros(self, batch_size: int) -> Any:
        """H and C as `begin_state`, without checks."""

    def begin_state(self, batch_size: int) -> Any:
        """H and C: zeros of shape (batch_size, num_hiddens)."""
        check_sizes(batch_size=batch_size)
        return self.zeros(batch_size)

    @abstractmethod
    def run(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Outputs and new (H, C) for encoded inputs, (num_steps, batch_size, vocab_size), without checks."""

    @abstractmethod
    def forward(self, X: Any, state: Any) -> tuple[Any, Any]:
        """Outputs and new (H, C) for tokens, as `__call__`, without checks."""

    @abstractmethod
    def loss_and_grads(self, inputs: Any, state: Any, targets: Any) -> tuple[Any, Sequence[Any]]:
        """The mean cross-entropy of encoded inputs against (num_steps * batch_size,) tokens; its 14 gradients."""

    def gradients_of(self, inputs: Any, state: Any, targets: Any) -> tuple[Any, Sequence[Any]]:
        """As `loss_and_grads`; raises ValueError for arguments that the scratch tab refuses."""
        check_lstm(inputs, state, self.params, self.tensor)
        check_tokens("targets", targets, inputs.shape[2], shape=(inputs.shape[0] * inputs.shape[1],),
                     tensor=self.tensor)
        return self.loss_and_grads(inputs, state, targets)

    @staticmethod
    @abstractmethod
    def clip_factor(grads: Sequence[Any], theta: float) -> tuple[Any, Any]:
        """The factor for the gradients in `step`, theta / norm above theta and else 1; and their joint norm."""

    @classmethod
    def clipped(cls, grads: Sequence[Any], theta: float) -> Sequence[Any]:
        """The gradients as `step` clips them. Raises ValueError for a threshold that the scratch tab refuses."""
        check_grads(grads)
        check_theta(theta)
        factor, _ = cls.clip_factor(grads, float(theta))
        return [grad * factor for grad in grads]

    @classmethod
    def lstm(cls, inputs: Any, state: Any, params: Sequence[Any]) -> tuple[Any, Any]:
        """Like the scratch tab's `lstm`, with the same refusals, but without gradients by its arguments."""
        check_lstm(inputs, state, params, cls.tensor)
        return cls(params).run(inputs, state)

    @abstractmethod
    def step(self, X: Any, Y: Any, state: Any, lr: float, theta: float) -> tuple[Any, Any, Any]:
        """Forward, loss, backward, clipping and update, without checks and without waiting: loss, norm, new state.

        Nothing is updated when the loss is not finite.
        """

    def __call__(self, X: Any, state: Any) -> tuple[Any, Any]:
        """Outputs, (num_steps * batch_size, vocab_size), and new state for tokens X, (batch_size, num_steps)."""
        check_rows(X, self.vocab_size, self.tensor)
        check_state(state, len(X), self.num_hiddens, self.precision, tensor=self.tensor)
        return self.forward(X, state)

    def train_step(self, X: Any, Y: Any, state: Any, lr: float, theta: float = 1) -> tuple[Any, Any]:
        """One minibatch of the book's training loop: the loss and the new state.

        X and Y are (batch_size, num_steps) tokens. Raises ValueError for what the scratch tab refuses,
        FloatingPointError for a loss that is not finite; nothing is updated then.
        """
        check_minibatch(X, Y, self.vocab_size, self.tensor)
        check_theta(theta)
        check_lr(lr)
        check_state(state, X.shape[0], self.num_hiddens, self.precision, tensor=self.tensor)
        loss, norm, state = self.step(X, Y, state, float(lr), float(theta))
        check_loss(float(loss), lambda: norm)
        return loss, state

    def train_epoch(self, train_iter: Any, lr: float, use_random_iter: bool, losses: list[Any] | None = None) -> Any:
        """Train for one epoch: perplexity and tokens per second. See `lstm_ref.loop.train_epoch`."""
        return loop.train_epoch(train_iter, self.begin_state, lambda state: state,
                                lambda X, Y, state: self.train_step(X, Y, state, lr), use_random_iter, losses)

    def train(self, train_iter: Any, vocab: Any, lr: float, num_epochs: int, use_random_iter: bool = False) -> None:
        """Train and show what the model writes. See `lstm_ref.loop.train`."""
        check_run(lr, num_epochs, vocab, self.vocab_size, loop.PREFIXES)
        animator = Animator(xlabel="epoch", ylabel="perplexity", legend=["train"], xlim=[10, num_epochs])
        loop.train(num_epochs, lambda: self.train_epoch(train_iter, lr, use_random_iter),
                   lambda prefix: self.predict(prefix, 50, vocab), animator, self.where())

    def predict(self, prefix: str, num_preds: int, vocab: Any, alpha: float | None = None, rng: Any = None) -> str:
        """The prefix and `num_preds` tokens after it, the most likely or drawn. See `lstm_ref.loop.predict`."""
        return loop.predict(prefix, num_preds, vocab, self.begin_state(1), self.read_token, alpha, rng)

    @abstractmethod
    def read_token(self, token: int, state: Any) -> tuple[Any, Any]:
        """Outputs (vocab_size,), on the host, and new state after one token, for a batch of one."""

    @abstractmethod
    def where(self) -> Any:
        """The device, for messages."""
