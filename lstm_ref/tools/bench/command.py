"""`python -m lstm_ref bench`: measure one backend, show the table and save the numbers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from lstm_ref.files import check_writable, write_section
from lstm_ref.parity.session import truths_of_build
from lstm_ref.terminal import console
from lstm_ref.tools.bench.measure import Bench, check_threads, pin
from lstm_ref.tools.bench.protocol import BLOCKS
from lstm_ref.tools.bench.result import Row, rows, save, stem
from lstm_ref.tools.bench.table import COLUMNS, cells
from lstm_ref.tools.bench.work import Sizes, products
from lstm_ref.tools.bench.workers import measure as on_workers
from lstm_ref.usage import check_installed, refusals


def bench(
    backend: str, device: str, threads: int | None, blocks: int, out: Path, build: Path, curves: bool,
    workers: Sequence[int] = (), **sizes: int
) -> int:
    """`lstm-parity bench`.

    Args:
        backend: its name.
        device: 'auto', 'cpu' or 'gpu'.
        threads: for all libraries; one per core when None.
        blocks: number for each item, at least 20 for numbers worth keeping.
        out: folder of the JSON file.
        build: folder of the stored truths.
        curves: measure the cost over T, B, h and the vocabulary instead of the table.
        workers: numbers of them, on which a step is measured instead of the table.
        sizes: of the work, see `Sizes`.

    Raises:
        UsageError: a size or a number of threads or blocks is impossible, the backend is unknown, its framework is
            missing, or the device is unavailable; pyperf is missing, or the numbers can't be written to their file.
    """
    with refusals():
        work = Sizes(**sizes)
        if blocks < 1:
            raise ValueError(f"blocks: expected at least 1, got {blocks}")
        if workers:
            if threads is not None:
                raise ValueError(f"threads: expected none with workers, which share the cores, got {threads}")
            check_writable(out)
            return on_workers(backend, device, workers, work, blocks, out / f"{backend}-workers.json", build)
        if not curves:
            check_installed("pyperf", "bench", "the file of the numbers")
        pin(check_threads(threads))
        loaded = Bench(backend, device, work, truths_of_build(build))
        check_writable(out)
        check_writable(build)
    name = stem(backend, loaded.device)
    if curves:
        from lstm_ref.tools.bench.curves import measure

        return measure(loaded, max(blocks // 4, 3), out / f"{name}-curves.json")
    return run(loaded, blocks, out / f"{name}.json", build)


def run(bench: Bench, blocks: int, path: Path, build: Path) -> int:
    """Measure, show and save; exit status 1 when an implementation was refused."""
    result = bench.run(blocks)
    found = rows(result["items"], bench.sizes, result["products"])
    out = console()
    show(out, result, found, bench.sizes)
    with refusals():
        save(path, result, found)
        write_section(build, f"bench-{path.stem}", f"Benchmark: {result['backend']}, "
                      f"{result['fingerprint']['device']}", ["", *COLUMNS],
                      [[f"{row.cell} {row.work} {row.implementation}", *cells(found, row, bench.sizes.tokens)]
                       for row in found])
    out.print(f"every block is in {path}" + ("" if blocks >= BLOCKS else f"; with {blocks} blocks, fewer than "
                                             f"{BLOCKS}, the medians vary a lot"), markup=False)
    return 1 if result["refused"] else 0


def show(out: Any, result: dict[str, Any], found: Sequence[Row], sizes: Sizes) -> None:
    """The table on the terminal, and what it was measured on."""
    facts = result["fingerprint"]
    flop = sum(product.flop for product in products("lstm", "train", sizes))
    out.print(f"{result['backend']} {facts['framework']} on {facts['device']}, {facts['threads']} threads, "
              f"{facts['cpu']}; {facts['float32']}; {flop / 1e9:.2f} GFLOP in the products of an LSTM training step",
              markup=False)
    table = Table("", *COLUMNS, box=None)
    for row in found:
        table.add_row(f"{row.cell} {row.work} {row.implementation}", *cells(found, row, sizes.tokens))
    out.print(table)
    for name, reason in result["refused"].items():
        out.print(f"{name}: not timed, {reason}", markup=False)
    for note in result["notes"]:
        out.print(note, markup=False)
    peak = result["peak"]
    peaks = [f"{what} {size / 2**20:,.0f} MiB" for what, size in peak.items() if size is not None]
    out.print(f"peak memory: {', '.join(peaks) or 'unknown'}; {result['seconds']:.0f} s in all", markup=False)
