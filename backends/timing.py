"""What benchmarks ask of a framework, and the judge does not."""

from collections.abc import Callable, Iterable
from typing import Any


class Timing:
    """How a framework is waited for, and what it says of its device."""

    def wait(self, results: Iterable[Any]) -> None:
        """Take the results one by one, keeping none, and return when all of them are there."""
        for _ in results:
            pass
        self.synchronize()

    def synchronize(self) -> None:
        """Return when the device has done what it was given; nothing to do where calls return with their results."""

    def compile_anew(self) -> None:
        """Use nothing that earlier runs have compiled, so that first calls show what compiling takes."""

    def product(self, a: Any, b: Any) -> tuple[Callable[[], Any], int]:
        """What computes the matrix product of two tensors in the framework's fastest way; how often a call does so."""
        return (lambda: a @ b), 1

    def device_name(self) -> str:
        """What the device calls itself."""
        return "cpu"

    def device_memory(self) -> int | None:
        """Bytes of a GPU's memory in use at most; None where nobody says."""
        return None

    def precision(self) -> str:
        """What a product of float32 is computed in."""
        return "float32"
