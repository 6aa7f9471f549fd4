"""The book's short names, MXNet tab."""

from functools import partial

from mxnet import context, np, npx

from lstm_ref import text

arange, concat, normal, reshape, tensor, zeros = (
    np.arange, np.concatenate, np.random.normal, np.reshape, np.array, np.zeros)

#: minibatches of arrays; see `lstm_ref.load_data_time_machine`
load_data_time_machine = partial(text.load_data_time_machine, to_tensor=np.array)


def size(a):
    """Number of elements."""
    return a.size


def try_gpu(i=0):
    """GPU number i, or the CPU where there is none."""
    return npx.gpu(i) if context.num_gpus() > i else npx.cpu()
