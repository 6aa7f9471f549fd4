"""Data-parallel training: several workers, each with rows of its own, that compute together what one would alone.

This is what it means, without processes; `backends/*/parallel.py` do it with each framework's own engine.

A minibatch is cut by examples. Each worker has all the parameters, runs forward and backward on its rows, and keeps
their state. Loss and gradient are means over all tokens, so that a worker counts by how many tokens it has. They are
reduced to one, which every worker then clips by its norm and takes the same step with.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from lstm_ref import loop
from lstm_ref.model import RNNModelScratch
from lstm_ref.params import Array
from lstm_ref.training import grad_clipping, gradient_norm, loss_and_grads, one_hot, sgd
from lstm_ref.validate import check_lr, check_minibatch, check_sizes
from lstm_ref.validate_training import check_loss, check_parts, check_reduction


def shards(batch_size: int, workers: int) -> list[slice]:
    """The rows of each worker: one after the other, alike in number or one more in the first.

    A minibatch of the same size is always cut alike, so in sequential partition a row stays with its worker.

    Raises:
        ValueError: a number is not a positive integer, or there are fewer rows than workers.
    """
    check_sizes(batch_size=batch_size, workers=workers)
    if batch_size < workers:
        raise ValueError(f"workers: expected at most one for each of the {batch_size} rows of a minibatch, got "
                         f"{workers}")
    few, more = divmod(batch_size, workers)
    ends = np.cumsum([few + (worker < more) for worker in range(workers)])
    return [slice(int(end) - few - (worker < more), int(end)) for worker, end in enumerate(ends)]


def all_reduce(means: Sequence[Array], tokens: Sequence[int]) -> Array:
    """The mean over all tokens, of the workers' means over theirs: what a worker gets back from an all-reduce.

    Args:
        means: a list of arrays of one shape, of floating-point numbers.
        tokens: a list of how many each worker has, at least 1.

    Raises:
        ValueError: they are not.
    """
    check_reduction(means, tokens)
    tokens = [int(count) for count in tokens]  # a NumPy integer would bound their sum
    sums = [mean * count for mean, count in zip(means, tokens, strict=True)]
    return sum(sums[1:], sums[0]) / sum(tokens)


class Workers:
    """Several workers that train one model.

    Args:
        net: the model; every worker begins with its parameters.
        workers: how many.
        lr: learning rate.

    Attributes:
        params: of each worker; always the same.
        reduced: the gradients of the last step by the parameters, after the reduction and before clipping.
        norm: of those.

    Raises:
        ValueError: `workers` is not a positive integer, or `lr` is not a finite number of at least zero.
    """

    def __init__(self, net: RNNModelScratch, workers: int, lr: float):
        check_sizes(workers=workers)
        check_lr(lr)
        self.net, self.size, self.lr = net, workers, lr
        self.params = [net.params for _ in range(workers)]
        self.reduced: Any = None
        self.norm: Any = None

    def begin_state(self, batch_size: int) -> list[Any]:
        """The initial state of each worker's rows."""
        return [self.net.begin_state(rows.stop - rows.start) for rows in shards(batch_size, self.size)]

    def step(self, X: Array, Y: Array, states: Sequence[Any], theta: float = 1.0) -> tuple[Array, list[Any]]:
        """One step of the book's training loop on a whole minibatch: its loss, and the new state of each worker.

        Args:
            X: (batch_size, num_steps) input tokens.
            Y: (batch_size, num_steps) target tokens.
            states: at the start of the minibatch, of each worker's rows.
            theta: clipping threshold.

        Raises:
            ValueError: see `lstm_ref.train_step` and `shards`; `states` is not a list with one for each worker.
            FloatingPointError: the loss is not finite; nothing was updated.
        """
        check_minibatch(X, Y, self.net.vocab_size)
        check_parts(states, self.size)
        losses, grads, last, tokens = [], [], [], []
        for params, state, rows in zip(self.params, states, shards(len(X), self.size), strict=True):
            inputs, targets = one_hot(X[rows].T, self.net.vocab_size, params[0].dtype), Y[rows].T.reshape(-1)
            loss, gradient, state = loss_and_grads(
                inputs, state, params, targets, self.net.forward_fn, self.net.backward_fn)
            losses.append(loss)
            grads.append(gradient)
            last.append(state)
            tokens.append(len(targets))
        loss = all_reduce(losses, tokens)
        self.reduced = [all_reduce(each, tokens) for each in zip(*grads, strict=True)]
        self.norm = gradient_norm(self.reduced)
        check_loss(float(loss), lambda: self.norm)
        # Each takes the same step from the same parameters.
        self.params = [sgd(self.params[0], grad_clipping(self.reduced, theta), self.lr)] * self.size
        return loss, last


def train_workers_epoch(
    workers: Any, train_iter: Iterable[tuple[Any, Any]], use_random_iter: bool, losses: list[Any] | None = None
) -> tuple[float, float]:
    """Train for one epoch with the workers of any engine; result and errors as `lstm_ref.loop.train_epoch`."""
    return loop.train_epoch(train_iter, workers.begin_state, lambda state: state,
                            workers.step, use_random_iter, losses)
