"""The book's training step on several workers, MXNet: a context for each in one process, reduced by a key-value store.

Or a process for each, and a store of another process, `dist_sync`. A block has its parameters on all contexts, and
`gluon.Trainer` reduces its gradients; of a model from scratch each context has its own.
"""

import copy
import os
import subprocess
import sys

from mxnet import autograd, gluon, kv, np, npx

from backends import launch
from backends.mxnet import training
from backends.workers import Workers
from lstm_ref.parallel import shards
from lstm_ref.validate import check_minibatch, check_theta
from lstm_ref.validate_training import check_loss

ENGINE = "mxnet.kvstore"
PROCESSES = False
APART = []  #: the store, where each worker has a process of its own
TRAINED = []  #: whether there was a training in this process
BESIDE = "from backends import launch; launch.end_with_the_others(); import mxnet"  #: which serves until all have left
LOSS = 1_000_000  #: its key in the store; those of the gradients are their numbers


def prepare(size):
    """MXNet has as many contexts of the CPU as are asked for."""


def elsewhere(address):
    """Where processes on several machines meet: at a port of the first worker's machine."""
    return address


def join(rank, size, address, device):
    """Join the other processes, beside the first of which are the store and what they find each other by; its number.

    The store gives the numbers, so that it may be another one than was asked for.
    """
    host, _, port = address.rpartition(":")
    here = {"DMLC_PS_ROOT_URI": host, "DMLC_PS_ROOT_PORT": port, "DMLC_NUM_WORKER": str(size), "DMLC_NUM_SERVER": "1"}
    if host in ("127.0.0.1", "localhost"):
        here["DMLC_NODE_HOST"] = "127.0.0.1"
    os.environ.update(here, DMLC_ROLE="worker")
    for role in ("scheduler", "server") if rank == 0 else ():
        subprocess.Popen([sys.executable, "-c", BESIDE], env=os.environ | {"DMLC_ROLE": role},
                         pass_fds=[int(os.environ[launch.PIPE])], stdin=subprocess.DEVNULL)
    APART.append(kv.create("dist_sync"))
    return APART[0].rank


def leave():
    """The last thing that a worker does."""


class Worker(Workers):
    """The workers of this process: all, or one. They begin with the first one's parameters, whatever its own are."""

    def __init__(self, implementation, make, lr, size):
        if APART and TRAINED:
            raise RuntimeError("dist_sync: a store takes one training of a process, since its keys stay")
        TRAINED.append(True)
        net = make()
        super().__init__(implementation, net, size, [APART[0].rank] if APART else range(size))
        kind = npx.gpu if implementation.adapter.device.device_type == "gpu" else npx.cpu
        self.devices = [kind(i) for i in range(len(self.ranks))]
        self.store = APART[0] if APART else kv.create("device")
        self.store.init(LOSS, np.zeros((), dtype=training.trainable(net)[0].dtype))
        if isinstance(net, gluon.Block):
            net.collect_params().reset_ctx(self.devices)
            for i, param in enumerate(net.collect_params().values()):
                self.store.broadcast(LOSS + 1 + i, param.list_data()[0], out=param.list_data())
            self.nets = [net] * len(self.ranks)
            self.trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": lr}, self.store,
                                         update_on_kvstore=False)
        else:
            self.nets = [net, *(on(net, device) for device in self.devices[1:])]
            self.updaters = [implementation.updater(each, lr) for each in self.nets]
            for i, param in enumerate(net.params):
                self.store.broadcast(i, param, out=param)

    def all_reduce(self, key, parts):
        """The sum of what each worker has, in the place of all of them."""
        self.store.pushpull(key, parts, out=parts)
        return parts

    def reduce_gradients(self):
        """The sum of what each worker has, on all of them."""
        if isinstance(self.net, gluon.Block):
            self.trainer.allreduce_grads()
        else:
            for i, same in enumerate(zip(*(net.params for net in self.nets), strict=True)):
                self.all_reduce(i, [param.grad for param in same])

    def reduction(self):
        """Of the gradients that are there."""
        return self.reduce_gradients

    def rows(self, batch_size):
        """Those of each worker here."""
        cut = shards(batch_size, self.size)
        return [cut[rank] for rank in self.ranks]

    def begin_state(self, batch_size):
        """Of each worker's rows."""
        return [net.begin_state(batch_size=rows.stop - rows.start, ctx=device)
                for net, rows, device in zip(self.nets, self.rows(batch_size), self.devices, strict=True)]

    def step(self, X, Y, state, theta=1):
        """One step of the book's training loop, X and Y whole: the loss of the minibatch, and the workers' new states.

        Raises FloatingPointError, before anything is updated, for a loss that is not finite.
        """
        check_minibatch(X, Y, self.net.vocab_size)
        check_theta(theta)
        losses, states = [], []
        for net, old, rows, device in zip(self.nets, state, self.rows(len(X)), self.devices, strict=True):
            x, y = X[rows].as_in_ctx(device), Y[rows].T.reshape(-1).as_in_ctx(device)
            with autograd.record():
                y_hat, new = net(x, [part.detach() for part in old])
                l = training.loss(y_hat, y).sum() / Y.size  # its share of the mean over all tokens
            l.backward()
            losses.append(l.detach())
            states.append(new)
        self.reduce_gradients()
        l = self.all_reduce(LOSS, losses)[0]
        check_loss(l.item(), lambda: training.gradient_norm(training.trainable(self.net)))
        self.saw(lambda: np.array(training.gradient_norm(training.trainable(self.net)), dtype=l.dtype))
        for net, device in zip(self.nets, self.devices, strict=True):
            with device:  # whose parameters are meant
                training.grad_clipping(net, theta)
        if isinstance(self.net, gluon.Block):
            self.trainer.update(1)
        else:
            for updater in self.updaters:
                updater(batch_size=1)
        return l, states

    def params(self):
        """Of each."""
        found = []
        for net, device in zip(self.nets, self.devices, strict=True):
            with device:
                found.append(self.implementation.read(net))
        return found

    def states(self, state, batch_size):
        """Of each."""
        return [self.implementation.state_out(each) for each in state]


def on(net, device):
    """A model from scratch with the same parameters on another context."""
    other = copy.copy(net)
    other.params = [param.copyto(device) for param in net.params]
    for param in other.params:
        param.attach_grad()
    return other
