"""What benchmarks need of a framework, and the judge does not."""

from collections.abc import Callable, Iterable
from typing import Any


class Timing:
    """How to wait for a framework, and what it reports about its device."""

    def wait(self, results: Iterable[Any]) -> None:
        """Take the results one by one, keeping none, and return when all of them are ready."""
        for _ in results:
            pass
        self.synchronize()

    def synchronize(self) -> None:
        """Return when the device has finished its work; does nothing where calls return finished results."""

    def compile_anew(self) -> None:
        """Use nothing that earlier runs have compiled, so that first calls show how long compiling takes."""

    def product(self, a: Any, b: Any) -> tuple[Callable[[], Any], int]:
        """A function that computes the matrix product of two tensors in the usual way; how often a call does so."""
        return (lambda: a @ b), 1

    def other_products(self, a: Any, b: Any) -> dict[str, Callable[[], Any]]:
        """Functions that compute the same product in other ways that the framework has, by name."""
        return {}

    def device_name(self) -> str:
        """What the device calls itself."""
        return "cpu"

    def device_memory(self) -> int | None:
        """Peak bytes of a GPU's memory in use; None where unknown."""
        return None

    def precision(self) -> str:
        """The precision in which a product of float32 is computed."""
        return "float32"
