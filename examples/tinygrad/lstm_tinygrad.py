"""tinygrad as a framework of the judge: tensors in, arrays out, gradients, a seed."""

import importlib.metadata
import os
import platform
import shutil

if shutil.which("clang") is None and platform.machine() in ("x86_64", "AMD64"):
    os.environ.setdefault("DEV", "CPU:X86")  # tinygrad's own assembler; its C needs clang

import lstm_tinygrad_concise as concise
import lstm_tinygrad_tab as tab
import numpy as np
from tinygrad import Tensor

from lstm_ref.parity import Framework, backend


class TinyGrad(Framework):
    """Tensors are lazy: what is computed is computed when it is read."""

    name = "tinygrad"

    def tensor(self, array):
        return Tensor(np.ascontiguousarray(array)).realize()

    def array(self, tensor):
        return tensor.numpy()

    def value_and_grad(self, function, tensors):
        value = function(tensors)
        return value, value.gradient(*tensors)

    def seed(self, seed):
        Tensor.manual_seed(seed)

    def version(self):
        return importlib.metadata.version("tinygrad")


Adapter = backend(TinyGrad, scratch=tab, concise=concise)
