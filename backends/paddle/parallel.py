"""The book's training step on several workers, Paddle: a process for each, reduced by `paddle.distributed`.

A model from scratch reduces its gradients itself; a layer is wrapped in `DataParallel`, which does.
"""

import os

import paddle
import paddle.distributed as dist
from paddle import nn

from backends.paddle import training
from backends.workers import Workers, free_ports
from lstm_ref.parallel import shards
from lstm_ref.validate import check_loss, check_minibatch, check_theta

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
        with paddle.no_grad():
            for param in net.parameters() if isinstance(net, nn.Layer) else net.params:
                dist.broadcast(param, 0)
        self.model = paddle.DataParallel(net) if isinstance(net, nn.Layer) else net

    def begin_state(self, batch_size):
        """Of this worker's rows."""
        rows = shards(batch_size, self.size)[self.ranks[0]]
        return self.net.begin_state(batch_size=rows.stop - rows.start)

    def step(self, X, Y, state, theta=1):
        """One step of the book's training loop, X and Y whole: the loss of the minibatch, and the worker's new state.

        Raises FloatingPointError, in every worker and before anything is updated, for a loss that is not finite.
        """
        net = self.net
        check_minibatch(X, Y, net.vocab_size)
        check_theta(theta)
        rows, tokens = shards(len(X), self.size)[self.ranks[0]], Y.size
        X, y = X[rows].to(self.device), Y[rows].T.reshape([-1]).to(self.device)
        y_hat, state = self.model(X, training.detach(state))
        l = training.loss(y_hat, y) * (y.size / tokens)  # its share of the mean over all tokens
        params = training.trainable(net)
        for param in params:
            param.clear_gradient()
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
        if isinstance(self.updater, paddle.optimizer.Optimizer):
            self.updater.step()
        else:
            self.updater(batch_size=1)
        return l, state
