"""tinygrad as a framework of the judge: tensors in, arrays out, gradients, a seed."""

import os
import platform

if platform.machine() in ("x86_64", "AMD64"):
    os.environ.setdefault("DEV", "CPU:X86")  # tinygrad's own assembler; clang is for the rest

import lstm_tinygrad_concise as concise
import lstm_tinygrad_tab as tab
import numpy as np
from tinygrad import Tensor

from lstm_ref.parity import Framework, backend


class TinyGrad(Framework):
    """Tensors are lazy: what is computed is computed when it is read."""

    name = package = "tinygrad"

    def __init__(self, device="cpu"):
        super().__init__(device)
        try:
            Tensor([1.0]).realize()
        except FileNotFoundError as error:
            raise RuntimeError(f"tinygrad compiles with {error.filename}, which is not on the PATH "
                               "(Debian: apt install clang)") from error

    def tensor(self, array):
        return Tensor(np.ascontiguousarray(array)).realize()

    def array(self, tensor):
        return tensor.numpy()

    def value_and_grad(self, function, tensors):
        value = function(tensors)
        return value, value.gradient(*tensors)

    def seed(self, seed):
        Tensor.manual_seed(seed)


# Each size is compiled anew, so the larger ones take minutes.
Adapter = backend(TinyGrad, cases=("tiny", "ragged"), scratch=tab, concise=concise)
