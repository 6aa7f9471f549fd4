"""What a person asked for and can't have, as opposed to a fault of ours, which keeps its traceback."""

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
