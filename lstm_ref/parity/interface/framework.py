"""A framework, as far as the judge has to know one: tensors and gradients."""

import contextlib
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from types import MappingProxyType
from typing import Any

import numpy as np

from lstm_ref.params import Array

#: What to write for a framework that is not among `known.KNOWN`, shown wherever something is missing.
EXAMPLE = '''    class MyFramework:
        def tensor(self, array): return my.tensor(array)              # from a NumPy array, of the same dtype
        def array(self, tensor): return tensor.numpy()                # and back
        def value_and_grad(self, function, tensors): return my.value_and_grad(function)(tensors)'''


class Framework(ABC):
    """Tensors and gradients of a framework on a device.

    `tensor` and `array` are required, and gradients in one of two ways: `value_and_grad`, or tensors that carry their
    gradient after `value.backward()`, which is what the method here relies on.

    Args:
        device: 'cpu' or 'gpu'.

    Attributes:
        name: as a person calls it.
        package: its name as it is installed, for `version`.
        has_gradients: False where it has none; it is then judged in the rest.
        own_updater: the book's tab updates with the framework's optimizer, not with `sgd`.
        weak: an operator of its loss that rounds more than any order of operations does, or ''.
        absent: precisions that it does not have on this device, and why; bfloat16 by default.

    Raises:
        ImportError: the framework is not installed.
        RuntimeError: the device is not there.
    """

    name = "this framework"
    package = ""
    has_gradients = True
    own_updater = False
    weak = ""
    absent: Mapping[str, str] = MappingProxyType({"bfloat16": "tensors come and go as NumPy arrays"})

    def __init__(self, device: str = "cpu"):
        self.device: Any = device

    @abstractmethod
    def tensor(self, array: Array) -> Any:
        """A tensor on the device, with the dtype and values of `array`."""

    @abstractmethod
    def array(self, tensor: Any) -> Array:
        """The tensor's values as a NumPy array of the same dtype."""

    def parameter(self, array: Array) -> Any:
        """A tensor that gradients are computed by."""
        tensor = self.tensor(array)
        with contextlib.suppress(AttributeError, TypeError):  # where none has to be asked for them
            tensor.requires_grad = True
        return tensor

    def laid_out(self, array: Array, way: str) -> Any:
        """A tensor of these values that is strided or transposed in memory, where this framework has such tensors."""
        return self.tensor(array)

    def handed(self, way: str, inputs: Array, state: Sequence[Array], params: Sequence[Array]
               ) -> tuple[Any, tuple[Any, ...], list[Any]]:
        """Arguments of `lstm` in one of `implementation.WAYS`."""
        if way == "W_hq frozen":
            *others, W_hq, b_q = params
            return self.tensor(inputs), self.tensors(state), [
                *map(self.parameter, others), self.tensor(W_hq), self.parameter(b_q)]
        first, *rest = (self.laid_out(array, way) for array in (inputs, *state, *params))
        return first, tuple(rest[:len(state)]), rest[len(state):]

    def is_trainable(self, tensor: Any) -> bool:
        """Whether gradients are computed by this tensor as it stands."""
        return bool(getattr(tensor, "requires_grad", True))

    def gradient(self, parameter: Any) -> Any:
        """The gradient that a parameter carries, or None."""
        return parameter.grad

    def attach(self, parameter: Any, gradient: Array) -> None:
        """Make `gradient` the one that a parameter carries."""
        parameter.grad = self.tensor(gradient)

    def recording(self) -> Any:
        """The context in which operations are recorded for the gradient."""
        return contextlib.nullcontext()

    def hearing(self, hear: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """A function that passes a tensor on, also from compiled code."""
        return hear

    def evaluating(self) -> Any:
        """The context in which a model is evaluated, and nothing is recorded."""
        return contextlib.nullcontext()

    def mode(self, name: str) -> Any:
        """The context of one of `implementation.MODES`."""
        return {"training": self.recording, "evaluation": self.evaluating}.get(name, contextlib.nullcontext)()

    def value_and_grad(self, function: Callable[[Sequence[Any]], Any], tensors: Sequence[Any]) -> tuple[Any, list[Any]]:
        """A scalar function of several tensors, and its gradients by each of them (None: by none of its operations)."""
        parameters = [self.parameter(self.array(tensor)) for tensor in tensors]
        with self.recording():
            value = function(parameters)
        value.backward()
        return value, [self.gradient(parameter) for parameter in parameters]

    def differentiate(self, function: Callable[[Sequence[Any]], Any], arrays: Sequence[Array]
                      ) -> tuple[Array, list[Array]]:
        """As `value_and_grad`, from arrays to arrays; the gradient by what takes no part is zero."""
        value, grads = self.value_and_grad(function, self.tensors(arrays))
        return self.array(value), [np.zeros_like(array) if grad is None else self.array(grad)
                                   for array, grad in zip(arrays, grads, strict=True)]

    def clipped(self, grads: Sequence[Any]) -> list[Array]:
        """Gradients as `grad_clipping` left them.

        Raises:
            ValueError: it left None for one of them, which no update can use.
        """
        missing = [str(i) for i, grad in enumerate(grads) if grad is None]
        if missing:
            raise ValueError(f"grad_clipping: expected a gradient for each parameter, got None for "
                             f"parameter {', '.join(missing)}")
        return self.arrays(grads)

    def dot(self, a: Any, b: Any) -> Any:
        """The sum of the products of two tensors' elements, as a scalar that can be differentiated."""
        return (a * b).sum()

    def updater(self, sgd: Callable[..., Any] | None, params: Sequence[Any], lr: float) -> Any:
        """What `train_epoch_ch8` of the book's tab is given to update with; None where it updates by itself."""
        return sgd and (lambda batch_size: sgd(params, lr, batch_size))

    def bundle(self, parameters: Sequence[Any]) -> Any:
        """Parameters as a model of this framework keeps several of them."""
        return parameters

    def loss(self) -> Any:
        """The mean cross-entropy as the framework has it, for a port without one; None where it is not known."""
        return None

    def exactly(self) -> Any:
        """The context in which `weak` is computed from other operators."""
        return contextlib.nullcontext()

    def arguments(self) -> dict[str, Any]:
        """What functions of this framework may ask for besides, by the names of their parameters."""
        return {"device": self.device}

    def inner(self, tensors: Sequence[Any], arrays: Sequence[Array]) -> Any:
        """The sum of `dot` over pairs of tensors and arrays: a scalar whose gradients by the tensors are the arrays."""
        terms = [self.dot(tensor, self.tensor(array)) for tensor, array in zip(tensors, arrays, strict=True)]
        return sum(terms[1:], terms[0])

    def seed(self, seed: int) -> None:
        """Seed the framework's own generator.

        Raises:
            LookupError: it is not known how.
        """
        raise LookupError("how its generator is seeded is not given (a method `seed(seed)`)")

    @property
    def can_seed(self) -> bool:
        """Whether it is known how its generator is seeded."""
        return getattr(self.seed, "__func__", None) is not Framework.seed

    def version(self) -> str:
        """The framework's version."""
        try:
            return metadata.version(self.package) if self.package else "unknown"
        except metadata.PackageNotFoundError:
            return "unknown"

    def dtype(self, dtype: Any) -> Any:
        """The framework's own name for a NumPy dtype."""
        return str(np.dtype(dtype))

    def tensors(self, arrays: Sequence[Array]) -> tuple[Any, ...]:
        """Several tensors."""
        return tuple(map(self.tensor, arrays))

    def arrays(self, tensors: Sequence[Any]) -> list[Array]:
        """Several arrays."""
        return [self.array(tensor) for tensor in tensors]


def check_framework(framework: Framework, dtypes: Sequence[str], gradients: bool) -> None:
    """See that tensors and gradients come and go as they should, before anybody's functions are blamed.

    Args:
        framework: somebody's own.
        dtypes: the precisions that it has.
        gradients: whether something is judged that needs them.

    Raises:
        TypeError: they do not; says what was expected, what came, and what to write.
    """
    name = framework.name
    for dtype in dtypes:
        given = np.array([[1.0, -2.0, 3.0], [0.0, 0.5, 4.0]], dtype)
        found = framework.array(framework.tensor(given.copy()))
        if found.dtype != given.dtype or found.shape != given.shape or not np.array_equal(found, given):
            advice = f". Hand the dtype on in `tensor`, or say absent = {{'{dtype}': 'why'}}"
            raise TypeError(f"framework {name}: expected array(tensor(a)) to be a, of shape {given.shape} and {dtype}, "
                            f"got shape {found.shape} and {found.dtype}" + advice * (found.dtype != given.dtype))
        if not (gradients and framework.has_gradients):
            continue
        try:
            _, (grad,) = framework.differentiate(lambda tensors: framework.dot(tensors[0], tensors[0]), [given])
        except LookupError:  # it says that it has none
            continue
        except Exception as error:
            raise TypeError(f"framework {name}: the gradient of a sum of squares raised {type(error).__name__}: "
                            f"{error}. Write value_and_grad(function, tensors), or say has_gradients = False"
                            ) from error
        if grad.dtype != given.dtype or not np.array_equal(grad, 2 * given):
            raise TypeError(f"framework {name}: expected value_and_grad to give the gradient of a sum of squares, "
                            f"twice {given.tolist()} in {dtype}, got {grad.tolist()} in {grad.dtype}")


class Given(Framework):
    """A framework that somebody gave as an object with `tensor`, `array` and whatever else of `Framework` it has.

    Where the framework follows the Python array standard, the object needs neither: `xp`, its namespace (`jax.numpy`,
    say), has `asarray`, and NumPy reads what has `__array__` or `__dlpack__`. The namespace itself will do as well;
    the standard has no gradients, so what needs them is then not judged.

    Raises:
        TypeError: `tensor` or `array` is missing; shows what to write.
    """

    def __init__(self, given: Any, device: str = "cpu"):
        super().__init__(device)
        bare = callable(getattr(given, "asarray", None)) and not callable(getattr(given, "tensor", None))
        self.given, self.xp = given, given if bare else getattr(given, "xp", None)
        missing = [name for name in ("tensor", "array") if not callable(getattr(given, name, None)) and self.xp is None]
        if missing:
            raise TypeError(f"framework: expected a name or an object with tensor, array and value_and_grad, got "
                            f"{given!r}, which has no {' and no '.join(missing)}. Write:\n{EXAMPLE}")
        self.has_gradients = not bare
        self.name = str(getattr(given, "name", getattr(given, "__name__", type(given).__name__)))
        for name in dir(Framework) if not bare else ():  # a namespace's dot is another one
            if not name.startswith("_") and callable(getattr(given, name, None)):
                setattr(self, name, getattr(given, name))

    def tensor(self, array: Array) -> Any:
        """As it was given, or as the array standard has it."""
        return (self.given.tensor if self.xp is None else self.xp.asarray)(array)

    def array(self, tensor: Any) -> Array:
        """As it was given, or as the array standard has it."""
        if self.xp is None:
            return np.asarray(self.given.array(tensor))
        return np.asarray(tensor) if hasattr(tensor, "__array__") else np.from_dlpack(tensor)

    def version(self) -> str:
        """Its own, or that of the package it comes from."""
        package = sys.modules.get(getattr(self.xp or self.given, "__name__", "").partition(".")[0])
        return str(getattr(package, "__version__", "unknown"))
