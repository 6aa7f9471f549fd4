"""The book's training step on several workers, NumPy: a process for each, reduced by MPI."""

import contextlib
import os
import signal

import numpy as np

import lstm_ref as ref
from backends import launch
from backends.workers import Workers
from lstm_ref.parallel import shards
from lstm_ref.training import gradient_norm
from lstm_ref.validate import check_minibatch
from lstm_ref.validate_training import check_loss

try:
    import mpi4py

    mpi4py.rc.initialize = False  # not in the process that starts the others
    from mpi4py import MPI

    with contextlib.suppress(ValueError, AttributeError):  # its library takes a closed terminal's signal for itself
        signal.signal(signal.SIGHUP, signal.getsignal(signal.SIGHUP))
except (ImportError, RuntimeError) as error:
    raise ImportError(f"several workers of numpy need MPI: pip install mpi4py mpich, the extra mpi ({error})") from None

ENGINE = "MPI"
PROCESSES = True


def launcher(size):
    """The command before a worker's that starts them all: on this machine, where MPICH's needs no port for it."""
    if hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) < size:
        # One that waits sleeps now and then, or it would keep the core from the one it waits for: four times as long.
        os.environ.setdefault("MPIR_CVAR_CH4_PROGRESS_THROTTLE", "1")
        os.environ.setdefault("MPIR_CVAR_CH4_PROGRESS_THROTTLE_NO_PROGRESS_COUNT", "100")
    return [launch.beside("mpiexec.gforker") or launch.beside("mpiexec") or "mpiexec", "-n", str(size)]


def meet(size, folder):
    """MPI knows; through shared memory alone, so that nothing listens."""
    os.environ.setdefault("UCX_TLS", "posix,self")
    return ""


def join(rank, size, address, device):
    """Join the other processes; the number of this one."""
    MPI.Init()
    return MPI.COMM_WORLD.rank


def leave():
    """The last thing that a worker does."""
    MPI.Finalize()


def all_reduce(arrays):
    """The sums over all workers, in one message."""
    mine = np.concatenate([array.reshape(-1) for array in arrays])
    sums = np.empty_like(mine)
    MPI.COMM_WORLD.Allreduce(mine, sums)
    ends = np.cumsum([array.size for array in arrays])[:-1]
    return [part.reshape(array.shape) for part, array in zip(np.split(sums, ends), arrays, strict=True)]


class Worker(Workers):
    """This process's worker. It begins with the first one's parameters, whatever its own are."""

    def __init__(self, implementation, make, lr, size):
        net = make()
        super().__init__(implementation, net, size, [MPI.COMM_WORLD.rank])
        self.lr, self.grads = lr, []
        net.params = net.params._make(np.array(param, order="C") for param in net.params)
        for param in net.params:
            MPI.COMM_WORLD.Bcast(param)

    def begin_state(self, batch_size):
        """Of this worker's rows."""
        rows = shards(batch_size, self.size)[self.ranks[0]]
        return self.net.begin_state(rows.stop - rows.start)

    def step(self, X, Y, state, theta=1.0):
        """One step of the book's training loop, X and Y whole: the loss of the minibatch, and the worker's new state.

        Raises FloatingPointError, in every worker and before anything is updated, for a loss that is not finite.
        """
        net = self.net
        check_minibatch(X, Y, net.vocab_size)
        rows = shards(len(X), self.size)[self.ranks[0]]
        inputs, targets = ref.one_hot(X[rows].T, net.vocab_size, net.params[0].dtype), Y[rows].T.reshape(-1)
        loss, grads, last = ref.loss_and_grads(inputs, state, net.params, targets, net.forward_fn, net.backward_fn)
        share = len(targets) / Y.size  # of the mean over all tokens
        loss, *self.grads = all_reduce([part * part.dtype.type(share) for part in (loss, *grads)])
        check_loss(float(loss), lambda: gradient_norm(self.grads))
        self.saw(lambda: gradient_norm(self.grads))
        net.params = ref.sgd(net.params, ref.grad_clipping(self.grads, theta), self.lr)
        return loss[()], last

    def reduction(self):
        """One message for all."""
        arrays = self.numbers()
        return lambda: all_reduce(arrays)

    def reduced_gradients(self):
        """As the last step had them."""
        return self.grads
