"""The few operations with which arguments are put into the layout that a port expects, in each framework's words."""

import importlib
from collections.abc import Sequence
from typing import Any


class Ops:
    """Of a framework's package; each can be differentiated.

    Args:
        package: 'torch', 'mxnet.nd' and so on.
    """

    def __init__(self, package: str):
        self.package = package
        root = importlib.import_module(package.partition(".")[0])
        self.module: Any = {"jax": lambda: root.numpy, "mxnet": lambda: root.np, "mxnet.nd": lambda: root.nd,
                            "mindspore": lambda: root.ops}.get(package, lambda: root)()

    def transpose(self, tensor: Any) -> Any:
        """A matrix with rows and columns exchanged; a vector as it is."""
        if len(tensor.shape) != 2:
            return tensor
        return self.module.transpose(tensor) if self.package == "tensorflow" else tensor.T

    def permute(self, tensor: Any, axes: Sequence[int]) -> Any:
        """Its axes in another order."""
        if self.package == "torch":
            return tensor.permute(*axes)
        if self.package in ("tensorflow", "paddle"):
            return self.module.transpose(tensor, list(axes))
        return tensor.transpose(tuple(axes))

    def swap(self, tensor: Any) -> Any:
        """The first two of three axes exchanged."""
        return self.permute(tensor, (1, 0, 2))

    def last(self, tensor: Any) -> Any:
        """The last two of three axes exchanged."""
        return self.permute(tensor, (0, 2, 1))

    def reshape(self, tensor: Any, shape: Sequence[int]) -> Any:
        """Another shape of the same numbers."""
        if self.package in ("tensorflow", "paddle", "numpy", "jax"):
            return self.module.reshape(tensor, tuple(shape))
        return tensor.reshape(tuple(shape))

    def concat(self, tensors: Sequence[Any], axis: int) -> Any:
        """Joined on an axis."""
        if self.package == "mxnet.nd":
            return self.module.concat(*tensors, dim=axis)
        name = {"torch": "cat", "tensorflow": "concat", "paddle": "concat", "mindspore": "cat"}.get(
            self.package, "concatenate")
        return getattr(self.module, name)(list(tensors), axis)

    def matmul(self, a: Any, b: Any) -> Any:
        """The product of two matrices."""
        if self.package == "mxnet.nd":
            return self.module.dot(a, b)
        return getattr(self.module, "matmul" if self.package != "mxnet" else "dot")(a, b)
