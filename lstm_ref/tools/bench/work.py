"""What is computed: the sizes, the matrix products that no implementation can avoid, and what these cost."""

from dataclasses import dataclass, replace
from typing import NamedTuple

from lstm_ref.validate import check_sizes


class Product(NamedTuple):
    """A matrix product (m, k) × (k, n), and how often it is needed."""

    m: int
    k: int
    n: int
    times: int

    @property
    def flop(self) -> int:
        """Floating-point operations of all of them: a multiplication and an addition each."""
        return 2 * self.m * self.k * self.n * self.times


@dataclass(frozen=True)
class Sizes:
    """The sizes of the work; by default the book's.

    Raises:
        ValueError: one of them is not an integer of at least 1.
    """

    num_steps: int = 35
    batch_size: int = 32
    vocab_size: int = 28
    num_hiddens: int = 256

    def __post_init__(self) -> None:
        check_sizes(**vars(self))

    @property
    def tokens(self) -> int:
        """Tokens in a minibatch."""
        return self.num_steps * self.batch_size

    def times(self, name: str, factor: float) -> "Sizes":
        """The same sizes with one of them scaled."""
        return replace(self, **{name: max(round(getattr(self, name) * factor), 1)})


GATES = {"lstm": 4, "gru": 3, "rnn": 1}


def products(cell: str, work: str, sizes: Sizes) -> list[Product]:
    """The products that a training step ('train') or a forward pass ('forward') can't do without.

    Tokens are looked up, so the inputs need none. In the backward pass the first step passes no gradient on, and the
    gradients of the recurrent weights are one product over all steps.

    Args:
        cell: 'lstm', 'gru' or 'rnn'.
        work: 'train' or 'forward'.
        sizes: of the minibatch.
    """
    T, B, V, h = sizes.num_steps, sizes.batch_size, sizes.vocab_size, sizes.num_hiddens
    wide = GATES[cell] * h
    forward = [Product(B, h, wide, T), Product(T * B, h, V, 1)]
    if work == "forward":
        return forward
    backward = [Product(B, wide, h, T - 1), Product(h, T * B, wide, 1),
                Product(T * B, V, h, 1), Product(h, T * B, V, 1)]
    return [product for product in forward + backward if product.times]
