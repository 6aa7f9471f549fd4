"""What the engines share that train on several workers: `backends/*/parallel.py`.

An engine has a process for each worker (`PROCESSES`), which all `join` each other, or one process for all of them, in
which the framework is told before it starts how many devices to `prepare`. Between the workers there is nothing but the
framework's own reduction.
"""

import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

SECONDS = 60  #: that a worker waits for the others, to join and in a reduction


class Workers(ABC):
    """Some or all workers of one training: those of this process.

    A subclass, `Worker`, takes the implementation, a function that makes its net, the learning rate and the number of
    workers.

    Args:
        implementation: of a backend, see `backends.adapter.Implementation`.
        net: its net here.
        size: how many workers there are, here and elsewhere.
        ranks: the numbers of those of this process.
    """

    def __init__(self, implementation: Any, net: Any, size: int, ranks: Sequence[int]):
        self.implementation, self.net, self.size, self.ranks = implementation, net, size, list(ranks)
        self.watched = False
        #: of the last step, where it is watched: the gradients after the reduction, before clipping, and their norm
        self.reduced: list[np.ndarray] = []
        self.norm = np.zeros(())

    @abstractmethod
    def begin_state(self, batch_size: int) -> Any:
        """The initial states of the rows of these workers."""

    @abstractmethod
    def step(self, X: Any, Y: Any, state: Any, theta: float = 1) -> tuple[Any, Any]:
        """One step on a whole minibatch: its loss, and the new states."""

    def saw(self, norm: Callable[[], Any]) -> None:
        """What a step has after its reduction, kept where it is watched."""
        if self.watched:
            self.reduced = [array.copy() for array in self.reduced_gradients()]
            self.norm = np.array(self.implementation.adapter.array(norm()))

    def reduced_gradients(self) -> list[np.ndarray]:
        """The gradients as they are now, in the order of the book."""
        return self.implementation.grads(self.net)  # type: ignore[no-any-return]

    def params(self) -> list[list[np.ndarray]]:
        """The parameters of each worker here."""
        return [self.implementation.read(self.net)]

    def states(self, state: Any, batch_size: int) -> list[tuple[np.ndarray, ...]]:
        """The states of each worker's rows here, in the layout of the book; or of all at once."""
        return [self.implementation.state_out(state)]


def free_ports(count: int) -> list[int]:
    """Ports that are free on this machine now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
