"""The book's training step on several workers, PyTorch: a process for each, reduced by `torch.distributed`.

A model from scratch reduces its gradients itself; a module is wrapped in `DistributedDataParallel`, which does.
"""

import os
import sys
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from backends.torch import training
from backends.workers import SECONDS, Workers
from lstm_ref.parallel import shards
from lstm_ref.validate import check_loss, check_minibatch, check_theta

ENGINE = "torch.distributed"
PROCESSES = True


def meet(size, folder):
    """Where processes on this machine meet: a file, so that nothing listens for it."""
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo" if sys.platform == "linux" else "lo0")
    return f"file://{folder}/store"


def elsewhere(address):
    """Where processes on several machines meet: at a port of the first worker's machine."""
    return f"tcp://{address}"


def join(rank, size, address, device):
    """Join the other processes at `address`, a URL as `init_process_group` takes it; the number of this one."""
    dist.init_process_group("nccl" if torch.device(device).type == "cuda" else "gloo", init_method=address, rank=rank,
                            world_size=size, timeout=timedelta(seconds=SECONDS))
    return rank


def leave():
    """The last thing that a worker does."""
    dist.destroy_process_group()


def all_reduce(tensor):
    """The sum over all workers, in the place of what each has."""
    dist.all_reduce(tensor)
    return tensor


class Worker(Workers):
    """This process's worker. It begins with the first one's parameters, whatever its own are."""

    def __init__(self, implementation, make, lr, size):
        net = make()
        super().__init__(implementation, net, size, [dist.get_rank()])
        self.updater, self.device = implementation.updater(net, lr), implementation.adapter.device
        with torch.no_grad():
            for param in net.parameters() if isinstance(net, nn.Module) else net.params:
                dist.broadcast(param, 0)
        self.model = DistributedDataParallel(net) if isinstance(net, nn.Module) else net

    def begin_state(self, batch_size):
        """Of this worker's rows."""
        rows = shards(batch_size, self.size)[self.ranks[0]]
        return self.net.begin_state(batch_size=rows.stop - rows.start, device=self.device)

    def step(self, X, Y, state, theta=1):
        """One step of the book's training loop, X and Y whole: the loss of the minibatch, and the worker's new state.

        Raises FloatingPointError, in every worker and before anything is updated, for a loss that is not finite.
        """
        net = self.net
        check_minibatch(X, Y, net.vocab_size)
        check_theta(theta)
        rows, tokens = shards(len(X), self.size)[self.ranks[0]], Y.numel()
        X, y = X[rows].to(self.device), Y[rows].T.reshape(-1).to(self.device)
        y_hat, state = self.model(X, training.detach(state))
        l = training.loss(y_hat, y) * (y.numel() / tokens)  # its share of the mean over all tokens
        params = training.trainable(net)
        for param in params:
            param.grad = None
        if self.model is net:
            l.backward()
            for param in params:
                all_reduce(param.grad)
        else:
            (l * self.size).backward()  # the wrapper takes the mean over the workers
        l = all_reduce(l.detach())
        check_loss(l.item(), lambda: training.gradient_norm(params))
        self.saw(lambda: training.gradient_norm(params))
        training.grad_clipping(net, theta)
        if isinstance(self.updater, torch.optim.Optimizer):
            self.updater.step()
        else:
            self.updater(batch_size=1)
        return l, state
