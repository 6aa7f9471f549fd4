"""The backends: the book's LSTM in five frameworks, and the reference as a sixth named numpy.

    from backends import torch as d2l

A backend is a package of this folder. `import backends` imports no framework. A new backend needs

- a row in `FRAMEWORKS`,
- `scratch.py`, the book's tab: `get_lstm_params`, `init_lstm_state`, `lstm`, `grad_clipping`, `sgd`,
  `RNNModelScratch` and `train_step_ch8`, in the framework's own manner,
- `adapter.py` with a class `Adapter(device)`: see `backends.adapter.Adapter`,
- `__init__.py`, which calls `require(__name__)` before it imports the two and makes up the namespace,
- its versions as an extra in pyproject.toml.
"""

import importlib
import importlib.metadata
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

#: The framework's module for each backend.
FRAMEWORKS = {
    "numpy": "numpy",
    "torch": "torch",
    "tensorflow": "tensorflow",
    "jax": "jax",
    "mxnet": "mxnet",
    "paddle": "paddle",
}


def names() -> list[str]:
    """The names of all backends."""
    return list(FRAMEWORKS)


def pins(backend: str) -> list[str]:
    """The known-good requirements of a backend, as pip understands them."""
    try:
        requirements = importlib.metadata.requires("lstm-parity") or []
    except importlib.metadata.PackageNotFoundError:
        return [FRAMEWORKS[backend]]
    marker = f'extra == "{backend}"'
    return [requirement.split(";")[0].strip() for requirement in requirements
            if requirement.replace("'", '"').endswith(marker)] or [FRAMEWORKS[backend]]


def require(module: str) -> ModuleType:
    """Import the framework of a backend from where it is installed.

    A folder of the same name in the working directory, or this folder itself, never stands in for it.

    Args:
        module: the name of the backend's package: 'backends.torch'.

    Raises:
        ImportError: the framework is not installed, or does not import; says what to install.
    """
    backend = module.rpartition(".")[2]
    framework = FRAMEWORKS[backend]
    here = {Path.cwd(), Path(__file__).parent}
    path = sys.path[:]
    sys.path[:] = [entry for entry in path if Path(entry or os.curdir).resolve() not in here]
    try:
        return importlib.import_module(framework)
    except Exception as error:  # a framework beside a NumPy that it does not know may raise anything
        missing = isinstance(error, ModuleNotFoundError) and error.name == framework
        state = "is not installed" if missing else f"does not import ({type(error).__name__}: {error})"
        wanted = " ".join(f'"{pin}"' for pin in pins(backend))
        raise ImportError(f"the backend {backend} needs the package {framework}, which {state} in {sys.prefix}. "
                          f"Known to work: pip install {wanted}", name=framework) from error
    finally:
        sys.path[:] = path


def __getattr__(name: str) -> Any:
    # An ImportError, not an AttributeError, so that `from backends import tourch` shows this text.
    if name.startswith("_") or importlib.util.find_spec(f"{__name__}.{name}"):
        raise AttributeError(f"module 'backends' has no attribute {name!r}")
    raise ImportError(f"unknown backend {name!r}; known are {', '.join(FRAMEWORKS)}", name=f"backends.{name}")


def load(backend: str, device: str = "cpu") -> Any:
    """The judge's view of a backend: `backends.<backend>.adapter.Adapter(device)`.

    Raises:
        ImportError: an unknown backend, or its framework is missing.
        RuntimeError: the device is not there.
    """
    if backend not in FRAMEWORKS:
        __getattr__(backend)
    importlib.import_module(f"backends.{backend}")
    return importlib.import_module(f"backends.{backend}.adapter").Adapter(device)
