"""What a person asked for and can't have, as opposed to a fault of ours, which keeps its traceback."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager


class UsageError(Exception):
    """A request that is refused; the text says what was expected, what was found and what to do."""


@contextmanager
def refusals() -> Iterator[None]:
    """Around the checks of a request: what they raise is the user's to read, as a `UsageError`."""
    try:
        yield
    except (ValueError, ImportError, RuntimeError, OSError) as error:
        raise UsageError(str(error)) from error


def check_installed(package: str, extra: str, use: str) -> None:
    """See that a package of one of our extras can be imported.

    Raises:
        ImportError: it can't; says what it is used for and which extra brings it.
    """
    try:
        importlib.import_module(package)
    except ImportError as error:
        raise ImportError(f"{use}: expected the package {package}, found none ({error}); "
                          f'python -m pip install "lstm-parity[{extra}]"') from None
