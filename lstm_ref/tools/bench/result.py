"""The results of a run: its numbers next to the floor, and the file that holds them, which pyperf can read."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lstm_ref.files import whole
from lstm_ref.tools.bench.protocol import Item
from lstm_ref.tools.bench.work import Product, Sizes, products


@dataclass(frozen=True)
class Row:
    """One timed item, in seconds per step (per character for 'predict').

    `floor` is the time of the products that can't be avoided; None for a prediction, which has no large ones.
    """

    cell: str
    work: str
    implementation: str
    blocks: tuple[float, ...]
    first: float
    floor: float | None

    @property
    def median(self) -> float:
        """The median of the blocks."""
        return statistics.median(self.blocks)

    @property
    def minimum(self) -> float:
        """The fastest block."""
        return min(self.blocks)

    @property
    def quartiles(self) -> tuple[float, float]:
        """The quartiles of the blocks, each the nearest block."""
        low, high = np.quantile(self.blocks, (0.25, 0.75), method="nearest")
        return float(low), float(high)

    @property
    def over_floor(self) -> float | None:
        """The median as a multiple of the floor."""
        return None if self.floor is None else self.median / self.floor


def stem(backend: str, device: str) -> str:
    """The file name, without its ending, for a backend on a device ('cpu' or 'gpu')."""
    return backend if device == "cpu" else f"{backend}-{device}"


def floor(cell: str, work: str, sizes: Sizes, rates: dict[Product, Item]) -> float | None:
    """Seconds that the unavoidable products take at the framework's own rate for each of their sizes."""
    if work == "predict":
        return None
    return sum(product.times * rates[product._replace(times=1)].median for product in products(cell, work, sizes))


def rows(items: Sequence[Item], sizes: Sizes, rates: dict[Product, Item]) -> list[Row]:
    """The items as rows of a table."""
    found = []
    for item in items:
        cell, work, implementation = item.name.split("/")
        found.append(Row(cell, work, implementation, tuple(item.blocks), item.first, floor(cell, work, sizes, rates)))
    return found


def ratio(rows: Sequence[Row], row: Row, implementation: str) -> float | None:
    """How many times faster a row is than another implementation at the same work, or None if that was not timed."""
    for other in rows:
        if (other.cell, other.work, other.implementation) == (row.cell, row.work, implementation):
            return other.median / row.median
    return None


def save(path: Path, result: dict[str, Any], found: Sequence[Row]) -> None:
    """Write a run as a pyperf suite: seconds of each block, and all else as metadata; whole or not at all."""
    import pyperf

    common = {**{f"sizes_{name}": value for name, value in result["sizes"].items()},
              **{f"machine_{name}": str(value) for name, value in result["fingerprint"].items() if name != "truth"},
              "backend": result["backend"], "refused": json.dumps(result["refused"]),
              **{f"peak_{name}_bytes": value for name, value in result["peak"].items() if value is not None}}
    benchmarks = []
    for row in found:
        metadata = {**common, "name": f"{result['backend']}/{row.cell}/{row.work}/{row.implementation}",
                    "first_call_seconds": row.first, "unit": "second"}
        metadata |= {} if row.floor is None else {"floor_seconds": row.floor}
        benchmarks.append(pyperf.Benchmark([pyperf.Run(list(row.blocks), metadata=metadata, collect_metadata=False)]))
    for product, item in result["products"].items():
        metadata = {**common, "name": f"{result['backend']}/{item.name}", "flop": product.flop, "unit": "second"}
        benchmarks.append(pyperf.Benchmark([pyperf.Run(item.blocks, metadata=metadata, collect_metadata=False)]))
    with whole(path) as part:
        pyperf.BenchmarkSuite(benchmarks).dump(str(part))


def read(path: Path) -> tuple[dict[str, Any], list[Row]]:
    """The metadata that a suite's benchmarks share, and its rows.

    Raises:
        ValueError: the file was not written by `save`.
    """
    import pyperf

    try:
        benchmarks = pyperf.BenchmarkSuite.load(str(path)).get_benchmarks()
        common = benchmarks[0].get_metadata()
        found = []
        for benchmark in benchmarks:
            metadata = benchmark.get_metadata()
            _, *names = metadata["name"].split("/")
            if names[0] != "product":
                cell, work, implementation = names
                found.append(Row(cell, work, implementation, tuple(benchmark.get_values()),
                                 metadata["first_call_seconds"], metadata.get("floor_seconds")))
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{path}: expected a suite that `python -m lstm_ref bench` wrote, got {error!r}") from error
    return {**common, "refused": json.loads(common["refused"])}, found
