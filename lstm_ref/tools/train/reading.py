"""What a trained net makes of a text, in any framework: its perplexity on it."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from lstm_ref.loss import cross_entropy, perplexity
from lstm_ref.params import Array

#: A row of a text that is measured has at least so many minibatches: each begins without a state, which costs a little.
LONG = 10


class Reader:
    """A net that reads, and is not trained by it.

    Args:
        adapter: of a backend, see `backends.adapter.Adapter`.
        implementation: one of its implementations.
        net: one of its nets; it may be trained between two readings.
    """

    def __init__(self, adapter: Any, implementation: Any, net: Any):
        self.adapter, self.implementation, self.net = adapter, implementation, net
        self.inference = implementation.inference(net)

    def read(self, X: Array, state: Any) -> tuple[Array, Any]:
        """Outputs, (num_steps · batch_size, vocab_size), on the host, and new state for tokens X."""
        outputs, state = self.inference(self.adapter.tensor(X), state)
        return self.adapter.array(outputs), state

    def loss(self, corpus: Sequence[int], num_steps: int, batch_size: int) -> float:
        """The mean cross-entropy, in nats a token, of a text that is read once from front to back.

        It is laid out in up to `batch_size` rows, as many as leave each `LONG` times `num_steps` tokens; each row
        begins with a state of zeros and carries it to its end. The fewer than `batch_size` tokens that fill no column
        are left out, and so is the first token of all, which nothing predicts.
        """
        rows = max(1, min(batch_size, (len(corpus) - 1) // (LONG * num_steps)))
        length = (len(corpus) - 1) // rows
        tokens = np.asarray(corpus[:rows * length + 1])
        Xs, Ys = tokens[:-1].reshape(rows, length), tokens[1:].reshape(rows, length)
        state, total = self.implementation.begin_state(self.net, rows), 0.0
        for t in range(0, length, num_steps):
            Y = Ys[:, t:t + num_steps]
            outputs, state = self.read(Xs[:, t:t + num_steps], state)
            with np.errstate(all="ignore"):  # a net that diverged has a loss that is not finite
                total += float(cross_entropy(outputs.astype(np.float64), Y.T.reshape(-1))) * Y.size
        return total / tokens[1:].size

    def perplexity(self, corpus: Sequence[int], num_steps: int, batch_size: int) -> float | None:
        """exp of `loss`, or None where that is not finite."""
        found = perplexity(self.loss(corpus, num_steps, batch_size))
        return found if math.isfinite(found) else None
