"""What the book's loops are given to be seen by: minibatches under the judge's clock, a model that is heard."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lstm_ref.parity.interface.implementation import Report


class Epoch:
    """The minibatches of one epoch, which know when they were asked for.

    Args:
        minibatches: X and Y, as the framework has them.
    """

    def __init__(self, minibatches: Sequence[Any]):
        self.minibatches = minibatches
        self.first = self.last = 0.0  #: seconds; `last` stays zero where the end was not reached

    def __iter__(self) -> Iterator[Any]:
        self.first = time.perf_counter()
        yield from self.minibatches
        self.last = time.perf_counter()

    def __len__(self) -> int:
        return len(self.minibatches)

    def report(self, train: Callable[["Epoch"], tuple[Any, Any]]) -> Report:
        """Train on it; what was reported of it.

        Raises:
            ValueError: it was not two numbers.
        """
        begin = time.perf_counter()
        reported = train(self)
        most = time.perf_counter() - begin
        try:
            perplexity, speed = map(float, reported)
        except (TypeError, ValueError):
            raise ValueError(f"train_epoch_ch8: expected to return perplexity and tokens per second, got {reported!r}"
                             ) from None
        return Report(perplexity, speed, self.last - self.first, most)


class EpochAfterEpoch:
    """An iterator as the book's loader: another of the epochs each time it is gone through, the last one again."""

    def __init__(self, epochs: Sequence[Sequence[Any]]):
        self.left = list(epochs)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.left.pop(0) if len(self.left) > 1 else self.left[0])


class Heard:
    """A model whose answers are heard: each call's outputs are passed on.

    Args:
        net: the model.
        hear: is given the outputs.
    """

    def __init__(self, net: Any, hear: Callable[[Any], Any]):
        self._net, self._hear = net, hear

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """What the model answers."""
        outputs, state = self._net(*arguments, **named)
        self._hear(outputs)
        return outputs, state

    def apply(self, *arguments: Any) -> Any:
        """What the model answers where its parameters are an argument."""
        outputs, state = self._net.apply(*arguments)
        self._hear(outputs)
        return outputs, state

    def __getattr__(self, name: str) -> Any:
        return getattr(self._net, name)
