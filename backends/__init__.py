"""The backends: the book's LSTM in five frameworks, and the reference as a sixth named numpy.

    from backends import torch as d2l

A backend is a package in this folder. `import backends` imports no framework. A new backend in this folder needs

- a row in `FRAMEWORKS`,
- `scratch.py`, the book's tab: `get_lstm_params`, `init_lstm_state`, `lstm` and `RNNModelScratch`, in the framework's
  own style,
- `training.py`: `loss`, `grad_clipping`, `sgd`, `train_step_ch8`, `train_epoch_ch8`, `train_ch8`, `predict_ch8`,
- `concise.py`, the framework's layer, with loading and reading its weights, `fused.py` and `aliases.py`,
- `parallel.py`, its engine for several workers, if it has one: see `backends.workers`,
- `adapter.py` with a class `Adapter(device)`: see `backends.adapter.Adapter`,
- `__init__.py`, which calls `require(__name__)` before it imports them and forms the namespace,
- its versions as an extra and its adapter as an entry point `lstm_parity.backends` in pyproject.toml.

A backend elsewhere needs the adapter and the entry point alone; see `lstm_ref.parity.registry`.
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


def pins(backend: str) -> list[str]:
    """The known-good requirements of a backend, in pip's syntax."""
    try:
        requirements = importlib.metadata.requires("lstm-parity") or []
    except importlib.metadata.PackageNotFoundError:
        return [FRAMEWORKS[backend]]
    marker = f'extra == "{backend}"'
    return [requirement.split(";")[0].strip() for requirement in requirements
            if requirement.replace("'", '"').endswith(marker)] or [FRAMEWORKS[backend]]


def require(module: str) -> ModuleType:
    """Import the framework of a backend from where it is installed.

    A folder of the same name in the working directory, or this folder itself, is never imported instead.

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
    except Exception as error:  # a framework next to a NumPy that it does not support may raise anything
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
