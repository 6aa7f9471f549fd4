"""The book's short names, PyTorch tab."""

from functools import partial

import torch

from lstm_ref import text

arange, concat, normal, reshape, tensor, zeros = (
    torch.arange, torch.cat, torch.normal, torch.reshape, torch.tensor, torch.zeros)

#: minibatches of tensors; see `lstm_ref.load_data_time_machine`
load_data_time_machine = partial(text.load_data_time_machine, to_tensor=torch.tensor)


def size(a):
    """Number of elements."""
    return a.numel()


def try_gpu(i=0):
    """GPU number i, or the CPU where there is none."""
    return torch.device(f"cuda:{i}" if torch.cuda.device_count() > i else "cpu")
