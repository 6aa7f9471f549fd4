"""What stands for modules that are not beside a file: the framework's functions, and the few of the book's own."""

import importlib
import inspect
from importlib.metadata import entry_points
from types import SimpleNamespace
from typing import Any

import numpy as np

import lstm_ref
from lstm_ref.parity.files.slices import StandIn
from lstm_ref.parity.registry import GROUP

PLACES = {
    "torch": ("torch", "torch.nn.functional", "torch.nn"),
    "tensorflow": ("tensorflow", "tensorflow.math", "tensorflow.nn"),
    "jax": ("jax.numpy", "jax.nn", "jax.lax", "jax"),
    "mxnet": ("mxnet.np", "mxnet.npx"),
    "mxnet.nd": ("mxnet.nd",),
    "paddle": ("paddle", "paddle.nn.functional", "paddle.nn"),
    "mindspore": ("mindspore.ops", "mindspore.numpy", "mindspore"),
    "numpy": ("numpy",),
}


class Module:
    """The book's `Module`, as far as a model needs it: it keeps its hyperparameters."""

    def __init__(self, *_: Any, **__: Any):
        return

    def save_hyperparameters(self, ignore: Any = ()) -> None:
        """Keep the caller's arguments as attributes."""
        frame = inspect.currentframe()
        assert frame is not None and frame.f_back is not None
        names = inspect.getargvalues(frame.f_back)
        for name in names.args:
            if name not in ("self", *ignore):
                self.__dict__.setdefault(name, names.locals[name])

    def param(self, name: str, init: Any, *arguments: Any) -> Any:
        """A parameter as Flax makes it, from an initializer of the caller's."""
        return init(importlib.import_module("jax").random.PRNGKey(0), *arguments)


def add_to_class(owner: type) -> Any:
    """A decorator that makes a function a method."""
    def wrap(function: Any) -> Any:
        setattr(owner, function.__name__, function)
        return function

    return wrap


def load(name: str) -> Any:
    """A module, or an attribute of one, by its dotted name; None where it is not there."""
    try:
        return importlib.import_module(name)
    except ImportError:
        head, _, tail = name.rpartition(".")
        try:
            return getattr(importlib.import_module(head), tail, None) if head else None
        except ImportError:
            return None


def stand_in(package: str, device: Any) -> Any:
    """A function that gives the stand-in for a module's name, in a framework."""
    modules = [module for name in PLACES[package] if (module := load(name)) is not None]
    ours = [book(package)] if package != "numpy" else []
    extra: dict[str, Any] = {
        "try_gpu": getattr(ours[0], "try_gpu", None) if ours else None, "Module": Module, "HyperParameters": Module,
        "add_to_class": add_to_class}
    if package == "numpy":
        numpy = modules[0]
        extra |= {"sigmoid": lambda x: 1 / (1 + numpy.exp(-x)), "softmax": lambda x: numpy.exp(x) / numpy.exp(x).sum()}
    if package == "mindspore":
        extra |= {"tensor": modules[-1].Tensor, "zeros": lambda *shape, **more: modules[0].zeros(shape[0], **more)}
    extra |= {"size": lambda tensor: int(np.prod(tensor.shape)), "reshape": lambda tensor, shape: tensor.reshape(shape)}
    for name in ("Accumulator", "Animator", "Timer", "Vocab"):
        extra[name] = getattr(lstm_ref, name)
    if not callable(extra["try_gpu"]):
        extra["try_gpu"] = lambda *_, **__: device
    made: dict[str, StandIn] = {}

    def get(name: str) -> StandIn:
        where = [*ours, *modules] if name.startswith("d2l") else [*modules, *ours]
        return made.setdefault(name, StandIn(name or "a module beside it", where, extra))

    return get


def book(package: str) -> Any:
    """The book's functions in a framework, as an installed backend of its name has them; an empty one without."""
    found = [entry.module for entry in entry_points(group=GROUP) if entry.name == package]
    try:
        return importlib.import_module(found[0].rpartition(".")[0]) if found else SimpleNamespace()
    except ImportError:
        return SimpleNamespace()
