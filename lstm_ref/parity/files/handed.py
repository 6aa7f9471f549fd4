"""What a port is handed in place of its own: a list of parameters that have names, layers with the judge's weights."""

from collections.abc import Sequence
from typing import Any

from lstm_ref.parity.files.ops import Ops


class Bag(list[Any]):
    """Parameters in order, which can be asked for by name as well."""

    def __init__(self, values: Sequence[Any], names: Sequence[str]):
        super().__init__(values)
        self.named = dict(zip(names, values, strict=False))

    def __getitem__(self, key: Any) -> Any:
        return self.named[key] if isinstance(key, str) else super().__getitem__(key)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["named"][name]
        except KeyError:
            raise AttributeError(name) from None


class Affine:
    """Stands for a layer that multiplies, with the judge's weights.

    Args:
        ops: of the framework.
        weight: (inputs, outputs).
        bias: or None.
        activation: what the layer applies to its sum, or None.
    """

    def __init__(self, ops: Ops, weight: Any, bias: Any, activation: Any = None):
        self.ops, self.weight, self.bias, self.activation = ops, weight, bias, activation

    def __call__(self, x: Any) -> Any:
        """The product, and the bias where there is one."""
        y = self.ops.matmul(x, self.weight)
        y = y if self.bias is None else y + self.bias
        return self.activation(y) if callable(self.activation) else y


def biased(layer: Any) -> bool:
    """Whether a layer that multiplies adds a bias."""
    return bool(getattr(layer, "use_bias", getattr(layer, "has_bias", getattr(layer, "bias", True) is not None)))
