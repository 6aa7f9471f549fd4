"""A backend of somebody's own: a framework and functions, for an entry point of the group `lstm_parity.backends`."""

from collections.abc import Callable, Sequence
from typing import Any

from lstm_ref.parity.cases import CASES
from lstm_ref.parity.interface import DTYPES
from lstm_ref.parity.interface import framework as framework_of
from lstm_ref.parity.session import port_of


class Backend:
    """What the judge and its commands have of a backend: `implementations` by name, and `version()`.

    Args:
        framework: as `judge` takes it.
        device: 'cpu' or 'gpu'.
        implementations: by name, what has roles for attributes: a module, a namespace, an object; and `dtypes` and
            `cannot`, as `judge` takes them, where it can't do something.
        cases: those that they are judged on; all where there are none.

    Raises:
        TypeError: nothing of it is a role, or the framework lacks something; says what to write.
        ValueError: the framework is not known by this name.
        ImportError: it is not installed.
        RuntimeError: the device is not there.
    """

    def __init__(self, framework: Any, device: str, implementations: dict[str, Any], cases: Sequence[str] = ()):
        self.framework = framework_of(framework, device)
        self.implementations = {
            label: port_of(given, self.framework, device, getattr(given, "dtypes", DTYPES),
                           getattr(given, "cannot", None)) for label, given in implementations.items()}
        if unknown := {*cases} - {*CASES}:
            raise ValueError(f"cases: known are {', '.join(CASES)}, got {unknown.pop()!r}")
        for port in self.implementations.values() if cases else ():
            port.cases = cases  # type: ignore[attr-defined]  # what a session asks of any implementation

    def version(self) -> str:
        """The framework's."""
        return self.framework.version()


def backend(framework: Any, *, cases: Sequence[str] = (), **implementations: Any) -> Callable[[str], Backend]:
    """What an entry point names.

        Adapter = backend(MyFramework, scratch=tab, concise=layer)

    Args:
        framework: the name of one that is known, or an object or a class with `tensor`, `array` and `value_and_grad`;
            see `lstm_ref.parity.Framework`.
        cases: names of those that are judged, for a framework that is slow; all by default.
        **implementations: what is judged, by name: a module with functions of the book's names (`scratch`), the
            framework's layer with the book's parameters carried into it as a module with such an `lstm` (`concise`).
            Its `dtypes` and `cannot`, as `judge` takes them, say what one of them can't do.

    Returns:
        What makes the backend on a device.
    """
    return lambda device: Backend(framework, device, implementations, cases)
