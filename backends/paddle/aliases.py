"""The book's short names, Paddle tab."""

from functools import partial

import paddle

from lstm_ref import text

arange, concat, normal, reshape, tensor, zeros = (
    paddle.arange, paddle.concat, paddle.normal, paddle.reshape, paddle.to_tensor, paddle.zeros)

#: minibatches of tensors; see `lstm_ref.load_data_time_machine`
load_data_time_machine = partial(text.load_data_time_machine, to_tensor=paddle.to_tensor)


def size(a):
    """Number of elements."""
    return a.size


def try_gpu(i=0):
    """GPU number i, or the CPU where there is none."""
    there = paddle.is_compiled_with_cuda() and paddle.device.cuda.device_count() > i
    return paddle.CUDAPlace(i) if there else paddle.CPUPlace()
