"""What every adapter shares: the way from NumPy arrays into a framework's scratch tab and back."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from lstm_ref.parity.implementation import Drawn, distinct


class Adapter(ABC):
    """A backend as `lstm_ref.parity.implementation.Implementation`: arrays in, arrays out.

    Args:
        device: 'cpu' or 'gpu'.

    Raises:
        RuntimeError: the device is not there.
    """

    #: the backend's scratch tab
    tab: ModuleType

    @abstractmethod
    def __init__(self, device: str): ...

    @abstractmethod
    def tensor(self, array: np.ndarray) -> Any:
        """A tensor of the framework on the device, with the dtype and values of `array`."""

    @abstractmethod
    def array(self, tensor: Any) -> np.ndarray:
        """The tensor's values as a NumPy array of the same dtype."""

    @property
    def implementations(self) -> dict[str, Any]:
        """What the judge judges, by name."""
        return {"scratch": self}

    @abstractmethod
    def version(self) -> str:
        """The framework's version."""

    def tensors(self, arrays: Sequence[np.ndarray]) -> tuple[Any, ...]:
        """Several tensors."""
        return tuple(map(self.tensor, arrays))

    def arrays(self, tensors: Sequence[Any]) -> list[np.ndarray]:
        """Several arrays."""
        return [self.array(tensor) for tensor in tensors]

    def gradients(self, params: Sequence[Any], grads: Sequence[Any]) -> list[np.ndarray]:
        """Gradients as arrays; that of a parameter which takes no part in the loss, None in some frameworks, is 0."""
        return [np.zeros_like(self.array(param)) if grad is None else self.array(grad)
                for param, grad in zip(params, grads, strict=True)]

    def lstm(self, inputs, state, params):
        """The tab's `lstm`."""
        outputs, last = self.tab.lstm(self.tensor(inputs), self.tensors(state), self.tensors(params))
        H, C = self.arrays(last)
        return self.array(outputs), (H, C)

    @abstractmethod
    def loss_and_grads(self, inputs, state, params, targets):
        """The tab's loss of its `lstm`, and the framework's gradients of it by the 14 parameters."""

    @abstractmethod
    def grad_clipping(self, grads, theta):
        """The tab's `grad_clipping`, in place or not."""

    @abstractmethod
    def train_step(self, params, X, Y, state, lr, theta):
        """The tab's `train_step_ch8`."""

    @abstractmethod
    def get_lstm_params(self, vocab_size, num_hiddens, dtype, seed) -> Drawn:
        """The tab's `get_lstm_params`, after the framework's generator was seeded."""

    @abstractmethod
    def init_lstm_state(self, batch_size, num_hiddens, dtype) -> Drawn:
        """The tab's `init_lstm_state`."""

    def drawn(self, tensors: Sequence[Any], trainable: Sequence[bool]) -> Drawn:
        """Parameters or states as the judge wants to see them."""
        arrays = self.arrays(tensors)
        return Drawn(arrays, list(trainable), len({id(t) for t in tensors}) == len(tensors) and distinct(arrays))


class AttachedGradients(Adapter):
    """For frameworks that keep each parameter's gradient on the parameter: `param.grad`."""

    #: the framework's name of the device
    device: Any

    @abstractmethod
    def trainable(self, params: Sequence[np.ndarray]) -> Sequence[Any]:
        """Parameters that gather gradients."""

    @abstractmethod
    def attach(self, param: Any, grad: Any) -> None:
        """Make `grad` the gradient of `param`."""

    @abstractmethod
    def model(self, params: Sequence[Any]) -> Any:
        """The tab's `RNNModelScratch` of its `lstm` with these parameters."""

    def grad_clipping(self, grads, theta):
        net = self.model(self.trainable(grads))
        for param, grad in zip(net.params, grads, strict=True):
            self.attach(param, self.tensor(grad))
        self.tab.grad_clipping(net, theta)
        return self.arrays([param.grad for param in net.params])

    def train_step(self, params, X, Y, state, lr, theta):
        net = self.model(self.trainable(params))
        loss, last = self.tab.train_step_ch8(
            net, self.tensor(X), self.tensor(Y), self.tensors(state), self.tab.loss,
            lambda batch_size: self.tab.sgd(net.params, lr, batch_size), self.device, theta)
        return self.arrays(net.params), tuple(self.arrays(last)), self.array(loss)
