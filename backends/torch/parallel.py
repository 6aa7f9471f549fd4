"""The book's training step on several workers, PyTorch: a process for each, reduced by `torch.distributed`."""

import os
import sys
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from backends.workers import SECONDS, AttachedWorker

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


class Worker(AttachedWorker):
    """This process's worker."""

    def __init__(self, implementation, make, lr, size):
        super().__init__(implementation, make(), size, dist.get_rank(), lr)

    def wrapped(self, net):
        """In `DistributedDataParallel`, where it is a module."""
        module = isinstance(net, nn.Module)
        with torch.no_grad():
            for param in net.parameters() if module else net.params:
                dist.broadcast(param, 0)
        return DistributedDataParallel(net) if module else net

    def all_reduce(self, tensor):
        """The sum over all workers, in the place of what each has."""
        dist.all_reduce(tensor)
        return tensor

    def clear(self, param):
        """Take a parameter's gradient away."""
        param.grad = None
