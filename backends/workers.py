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

from lstm_ref.parallel import shards
from lstm_ref.validate import check_minibatch, check_theta
from lstm_ref.validate_training import check_loss

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

    @abstractmethod
    def reduction(self) -> Callable[[], Any]:
        """A function that reduces as many numbers as the gradients have, in the way of a step, and does nothing else.

        All workers call it equally often.
        """

    def numbers(self) -> list[Any]:
        """Zeros of the gradients' shapes, in the order of the book."""
        arrays = self.implementation.read(self.net)
        return list(self.implementation.adapter.tensors([np.zeros_like(array) for array in arrays]))

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


class AttachedWorker(Workers):
    """The worker of this process, in a framework that keeps each parameter's gradient on it: `backends.attached`.

    It begins with the first one's parameters, whatever its own are. A model from scratch reduces its gradients by
    itself; a layer is wrapped in what the framework has for that.

    Args:
        implementation: a `backends.attached.AttachedGradients`.
        net: one of its nets.
        size: how many workers there are.
        rank: the number of this one.
        lr: learning rate.
    """

    def __init__(self, implementation: Any, net: Any, size: int, rank: int, lr: float):
        super().__init__(implementation, net, size, [rank])
        self.training, self.device = implementation.training, implementation.adapter.device
        self.updater, self.model = implementation.updater(net, lr), self.wrapped(net)

    @abstractmethod
    def wrapped(self, net: Any) -> Any:
        """The net, with the first worker's parameters: itself, or in what reduces the gradients to their mean."""

    @abstractmethod
    def all_reduce(self, tensor: Any) -> Any:
        """The sum over all workers, in the place of what each has."""

    @abstractmethod
    def clear(self, param: Any) -> None:
        """Take a parameter's gradient away."""

    def reduction(self) -> Callable[[], Any]:
        """One for each gradient; one for all where a layer is wrapped, see `Workers.reduction`."""
        parts = self.numbers()
        if self.model is not self.net:
            total = sum(array.size for array in self.implementation.read(self.net))
            parts = list(self.implementation.adapter.tensors([np.zeros(total, "float32")]))
        return lambda: [self.all_reduce(part) for part in parts]

    def rows(self, batch_size: int) -> slice:
        """This worker's."""
        return shards(batch_size, self.size)[self.ranks[0]]

    def begin_state(self, batch_size: int) -> Any:
        """Of this worker's rows."""
        rows = self.rows(batch_size)
        return self.implementation.begin_state(self.net, rows.stop - rows.start)

    def step(self, X: Any, Y: Any, state: Any, theta: float = 1) -> tuple[Any, Any]:
        """One step of the book's training loop on a whole minibatch, see `Workers.step`.

        Args:
            X: (batch_size, num_steps) input tokens.
            Y: (batch_size, num_steps) target tokens.
            state: of this worker's rows.
            theta: clipping threshold.

        Raises:
            ValueError: as the tab's `train_step_ch8`.
            FloatingPointError: in every worker and before anything is updated, for a loss that is not finite.
        """
        training, net = self.training, self.net
        check_minibatch(X, Y, net.vocab_size)
        check_theta(theta)
        rows = self.rows(len(X))
        y_hat, state = self.model(X[rows].to(self.device), training.detach(state))
        share = (rows.stop - rows.start) / len(X)  # of the mean over all tokens
        loss = training.loss(y_hat, Y[rows].T.reshape([-1]).to(self.device)) * share
        params = training.trainable(net)
        for param in params:
            self.clear(param)
        if self.model is net:
            loss.backward()
            for param in params:
                self.all_reduce(param.grad)
        else:
            (loss * self.size).backward()  # the wrapper takes the mean over the workers
        loss = self.all_reduce(loss.detach())
        check_loss(loss.item(), lambda: training.gradient_norm(params))
        self.saw(lambda: training.gradient_norm(params))
        training.grad_clipping(net, theta)
        if step := getattr(self.updater, "step", None):  # an optimizer
            step()
        else:
            self.updater(batch_size=1)
        return loss, state


def free_ports(count: int) -> list[int]:
    """Ports that are free on this machine now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
