"""The book's training step on several workers, Paddle: a process for each, reduced by `paddle.distributed`."""

import os

import paddle
import paddle.distributed as dist
from paddle import nn

from backends.workers import AttachedWorker, free_ports

ENGINE = "paddle.distributed"
PROCESSES = True


def meet(size, folder):
    """Where processes on this machine meet: at a port for each, which are free now."""
    return ",".join(f"127.0.0.1:{port}" for port in free_ports(size))


def join(rank, size, address, device):
    """Join the other processes, whose addresses are given, separated by commas; the number of this one."""
    os.environ |= {"PADDLE_TRAINER_ID": str(rank), "PADDLE_TRAINERS_NUM": str(size),
                   "PADDLE_TRAINER_ENDPOINTS": address, "PADDLE_CURRENT_ENDPOINT": address.split(",")[rank],
                   "PADDLE_DISTRI_BACKEND": "nccl" if "gpu" in str(device) else "gloo"}
    dist.init_parallel_env()
    return rank


def leave():
    """The last thing that a worker does."""
    if dist.is_initialized():
        dist.destroy_process_group()


class Worker(AttachedWorker):
    """This process's worker."""

    def __init__(self, implementation, make, lr, size):
        super().__init__(implementation, make(), size, dist.get_rank(), lr)

    def wrapped(self, net):
        """In `DataParallel`, where it is a layer."""
        layer = isinstance(net, nn.Layer)
        if not dist.is_initialized():  # of one worker Paddle makes no group
            return net
        with paddle.no_grad():
            for param in net.parameters() if layer else net.params:
                dist.broadcast(param, 0)
        return paddle.DataParallel(net) if layer else net

    def all_reduce(self, tensor):
        """The sum over all workers, in the place of what each has."""
        if dist.is_initialized():
            dist.all_reduce(tensor)
        return tensor

    def clear(self, param):
        """Take a parameter's gradient away."""
        param.clear_gradient()
