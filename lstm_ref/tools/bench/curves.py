"""How the cost of a training step grows with the number of steps, the batch, the hidden units and the vocabulary."""

import itertools
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np

from lstm_ref.files import write_json
from lstm_ref.terminal import console, progress
from lstm_ref.tools.bench.measure import Bench
from lstm_ref.tools.bench.memory import forget_peak, peak
from lstm_ref.tools.bench.protocol import Item, take
from lstm_ref.tools.bench.work import Sizes, products

AXES = ("num_steps", "batch_size", "num_hiddens", "vocab_size")
FACTORS = (0.25, 0.5, 1, 2)  #: times the size of the work
SHOWN = ("concise", "fused")  #: the others take too long to compile at every size
STEPS = 3  #: of training, after which a process has reached its peak memory


def measure(bench: Bench, blocks: int, path: Path) -> int:
    """Time every size, with this many blocks of each; then measure the memory; save both in one file."""
    refused = {name: bench.disagrees(name, "lstm") for name in SHOWN if name in bench.adapter.implementations}
    implementations = [name for name, reason in refused.items() if not reason]
    found: list[tuple[str, int, str, int, Item]] = []
    for axis in AXES:
        for sizes in grown(bench.sizes, axis):
            flop = sum(product.flop for product in products("lstm", "train", sizes))
            at = Bench(bench.backend, bench.device, sizes, bench.folder)
            found += [(axis, getattr(sizes, axis), name, flop, item) for name in implementations
                      for item in at.items_of(name, "lstm", ("train",))]
    with progress() as bar:
        task = bar.add_task(f"{bench.backend}: cost by size", total=len(found) + blocks)
        take([item for *_, item in found], bench.wait, blocks, lambda: bar.advance(task))
    points = [{"axis": axis, "size": size, "implementation": name, "seconds": item.median, "gflop": flop / 1e9}
              for axis, size, name, flop, item in found]
    memory = [point for name in bench.adapter.implementations if not refused.get(name) for point in held(bench, name)]
    write_json(path, {"schema": 1, "backend": bench.backend, "sizes": vars(bench.sizes), "points": points,
                      "memory": memory})
    show(points, memory, bench)
    out = console()
    for name, reason in refused.items():
        if reason:
            out.print(f"{name}: not timed, {reason}", markup=False)
    out.print(f"the numbers are in {path}", markup=False)
    return 1 if any(refused.values()) else 0


def grown(sizes: Sizes, axis: str) -> list[Sizes]:
    """The sizes with one of them scaled by each factor, without duplicates: small ones can't be divided."""
    return list(dict.fromkeys(sizes.times(axis, factor) for factor in FACTORS))


def held(bench: Bench, implementation: str) -> list[dict[str, Any]]:
    """The memory that training holds at each number of steps, from a fresh process for each implementation."""
    sizes = grown(bench.sizes, "num_steps")
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        try:
            found = pool.submit(train, bench.backend, bench.device, sizes, bench.folder, implementation).result()
        except BrokenProcessPool:
            console().print(f"{implementation}: the process that measured its memory died", markup=False)
            return []
    return [{"implementation": implementation, "num_steps": at.num_steps, "bytes": size}
            for at, size in zip(sizes, found, strict=True) if size is not None]


def train(backend: str, device: str, sizes: list[Sizes], folder: Path, implementation: str) -> list[int | None]:
    """Peak memory of training with each of these sizes, smallest first, so that no peak is hidden by an earlier one."""
    found: list[int | None] = []
    for at in sizes:
        bench = Bench(backend, device, at, folder)
        item, = bench.items_of(implementation, "lstm", ("train",))
        bench.wait([item.call()])  # memory for compiling is not counted, where the system can reset the peak
        time.sleep(0.1)
        counted = forget_peak()
        for _ in range(STEPS):
            bench.wait([item.call()])
        found.append(peak() if counted else None)
    return found


def exponent(sizes: list[int], values: list[float]) -> float:
    """p of the best fit value ~ size^p: 1 is linear."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def show(points: list[dict[str, Any]], memory: list[dict[str, Any]], bench: Bench) -> None:
    """Print a line for each curve."""
    out = console()
    for axis in AXES:
        for name in SHOWN:
            mine = [p for p in points if (p["axis"], p["implementation"]) == (axis, name)]
            if mine:
                grown = exponent([p["size"] for p in mine], [p["seconds"] for p in mine])
                counted = exponent([p["size"] for p in mine], [p["gflop"] for p in mine])
                times = ", ".join(f"{p['size']}: {p['seconds'] * 1e3:.3g} ms" for p in mine)
                out.print(f"{name}, {axis}: time ~ size^{grown:.2f}, products ~ size^{counted:.2f} ({times})",
                          markup=False)
    for name in bench.adapter.implementations:
        mine = [p for p in memory if p["implementation"] == name]
        if mine:
            out.print(f"{name}, memory for each hidden unit, example and further step: "
                      f"{', '.join(f'{n:.1f}' for n in numbers(mine, bench.sizes))} numbers", markup=False)


def numbers(memory: list[dict[str, Any]], sizes: Sizes) -> list[float]:
    """The float32 numbers that one more step holds for each hidden unit and example, from each length to the next."""
    each = 4 * sizes.batch_size * sizes.num_hiddens
    return [(after["bytes"] - before["bytes"]) / each / (after["num_steps"] - before["num_steps"])
            for before, after in itertools.pairwise(memory)]
