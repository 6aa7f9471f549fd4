"""Fills docs/benchmarks.md and docs/parallel.md: what stands between their marks, from the files of the runs."""

import json
from pathlib import Path
from typing import Any

from lstm_ref.files import write_text
from lstm_ref.parity import registry
from lstm_ref.tools.bench import scaling
from lstm_ref.tools.bench.curves import AXES, exponent, numbers
from lstm_ref.tools.bench.result import Row, ratio, read, stem
from lstm_ref.tools.bench.table import COLUMNS, cells, clock
from lstm_ref.tools.bench.work import Sizes
from lstm_ref.tools.markdown import filled, lines
from lstm_ref.tools.pictures import plain
from lstm_ref.usage import check_installed, refusals

Runs = dict[str, tuple[dict[str, Any], list[Row]]]


def bench_page(build: Path, docs: Path) -> int:
    """`lstm-parity bench-page`: read the runs, write their pages and pictures.

    Raises:
        UsageError: there is no run, a file is not a run, or the page does not exist.
    """
    names = [stem(backend, device) for backend in registry.names() for device in ("cpu", "gpu")]
    with refusals():
        check_installed("pyperf", "bench", "the files of the numbers")
        check_installed("matplotlib.figure", "train", "the page's pictures")
        found: Runs = {name: read(build / f"{name}.json") for name in names if (build / f"{name}.json").exists()}
        workers = workers_page(build, docs)
        if not found and workers:
            return 0
        if not found:
            raise ValueError(f"{build}: expected files of `nox -s bench`, got none; run it first")
        if len({tuple(facts[f"sizes_{name}"] for name in AXES) for facts, _ in found.values()}) > 1:
            raise ValueError(f"{build}: expected runs of the same sizes, got several; run `nox -s bench` again")
        paths = [build / f"{name}-curves.json" for name in names]
        curves = [read_curves(path) for path in paths if path.exists()]
        page = docs / "benchmarks.md"
        text = page.read_text(encoding="utf-8")
    parts = {"machine": machine(found), "train": table(found, "train"), "forward": table(found, "forward"),
             "predict": table(found, "predict"), "floor": floors(found), "goals": goals(found)}
    if curves:
        parts["growth"] = growth(curves)
    with refusals():
        write_text(page, filled(text, parts, page.name))
    draw(found, curves, docs)
    print(f"written: {page} and its pictures, from {build}: {', '.join(found)}")
    return 0


def workers_page(build: Path, docs: Path) -> bool:
    """Fill docs/parallel.md from the runs with `--workers`; whether there are any."""
    runs = [scaling.read(path) for name in registry.names() if (path := build / f"{name}-workers.json").exists()]
    if runs:
        page = docs / "parallel.md"
        write_text(page, filled(page.read_text(encoding="utf-8"), scaling.parts(runs), page.name))
        print(f"written: {page}, from {build}: {', '.join(facts['backend'] for facts, _ in runs)}")
    return bool(runs)


def read_curves(path: Path) -> dict[str, Any]:
    """The file of a run with `--curves`.

    Raises:
        ValueError: it is not such a file.
    """
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        if found["schema"] != 1:
            raise ValueError(f"schema {found['schema']}")
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: expected what `python -m lstm_ref bench --curves` writes, got {error!r}") from error
    return {**found, "backend": path.stem.removesuffix("-curves")}  # the name has the device, where that is not the CPU


def machine(found: Runs) -> str:
    """The table of backends and what they were measured on."""
    header = ["", "version", "device", "threads", "processor", "BLAS", "float32", "memory at most"]
    return lines(header, [[name, facts["machine_framework"], facts["machine_device"], facts["machine_threads"],
                           facts["machine_cpu"], facts["machine_blas"], facts["machine_float32"],
                           f"{facts['peak_process_bytes'] / 2**20:,.0f} MiB" if "peak_process_bytes" in facts else ""]
                          for name, (facts, _) in found.items()])


def table(found: Runs, work: str) -> str:
    """The table of all implementations for one kind of work."""
    body = []
    for name, (facts, rows) in found.items():
        tokens = facts["sizes_num_steps"] * facts["sizes_batch_size"]
        body += [[name, f"{row.cell} {row.implementation}", *cells(rows, row, tokens)] for row in rows
                 if row.work == work and not row.implementation.startswith("NumPy")]
        body += [[name, implementation.replace("/", " "), f"not timed: {reason}", *[""] * (len(COLUMNS) - 1)]
                 for implementation, reason in facts["refused"].items() if work == "train"]
    return lines(["", "implementation", *COLUMNS], body)


def best(rows: list[Row]) -> Row | None:
    """The fastest training step of a framework's own LSTMs."""
    mine = [row for row in rows if row.cell == "lstm" and row.work == "train"
            and not row.implementation.startswith("NumPy")]
    return min(mine, key=lambda row: row.median, default=None)


def floors(found: Runs) -> str:
    """The floor of each backend, and how far its best stays above it."""
    body = []
    for name, (_, rows) in found.items():
        if (row := best(rows)) and row.floor:
            body.append([name, clock(row.floor), row.implementation, clock(row.median),
                         f"{row.median / row.floor:.2f}"])
    return lines(["", "floor", "best", "median", "× floor"], body)


def goals(found: Runs) -> str:
    """What was aimed at for a training step of the LSTM, and how far each backend is."""
    def times(slow: str, fast: str) -> dict[str, float]:
        """By which factor one is faster than the other, by backend."""
        return {name: factor for name, (_, rows) in found.items() for row in rows
                if (row.cell, row.work, row.implementation) == ("lstm", "train", fast)
                and (factor := ratio(rows, row, slow)) is not None}

    above = {name: row.median / row.floor for name, (_, rows) in found.items()
             if (row := best(rows)) and row.floor}
    numpy = {name: factor for name, factor in times("concise", "NumPy fused").items() if name == "torch"}
    rates = {name: facts["sizes_num_steps"] * facts["sizes_batch_size"] / row.median
             for name, (facts, rows) in found.items() if "cpu" not in facts["machine_device"] and (row := best(rows))}
    return lines(["goal, for a training step", "reached", "by how much"], [
        ["fused as fast as the framework's layer", *reached(times("concise", "fused"), 1.0)],
        ["fused 3 times as fast as the scratch tab", *reached(times("scratch", "fused"), 3.0)],
        ["NumPy's fused LSTM 0.8 times as fast as torch's `nn.LSTM`", *reached(numpy, 0.8)],
        ["the best one within 1.3 times the floor", *reached(above, 1.3, at_most=True)],
        ["on a CUDA device: 3,000,000 tokens/s", *reached(rates, 3e6)],
    ])


def reached(found: dict[str, float], goal: float, at_most: bool = False) -> tuple[str, str]:
    """Where a goal is reached, and the numbers; the best first."""
    if not found:
        return "not measured", ""
    order = sorted(found, key=lambda name: found[name], reverse=not at_most)
    good = [name for name in order if (found[name] <= goal if at_most else found[name] >= goal)]
    return (", ".join(good) or "nowhere", ", ".join(
        f"{name} {found[name]:,.0f}" if found[name] > 1e3 else f"{name} {found[name]:.2f}" for name in order))


def growth(curves: list[dict[str, Any]]) -> str:
    """The exponent of each curve, and the memory that a step, an example and a hidden unit add."""
    header = ["", "implementation", *AXES, "memory, numbers"]
    body = []
    for curve in curves:
        for name in dict.fromkeys(point["implementation"] for point in curve["memory"] + curve["points"]):
            cells = []
            for axis in AXES:
                mine = [p for p in curve["points"] if (p["axis"], p["implementation"]) == (axis, name)]
                cells.append(f"{exponent([p['size'] for p in mine], [p['seconds'] for p in mine]):.2f}" if mine else "")
            held = numbers([p for p in curve["memory"] if p["implementation"] == name], Sizes(**curve["sizes"]))
            body.append([curve["backend"], name, *cells, ", ".join(f"{number:.1f}" for number in held)])
    return lines(header, body)


def draw(found: Runs, curves: list[dict[str, Any]], docs: Path) -> None:
    """benchmarks.svg, each step and its floor, and benchmarks-curves.svg, cost over each size."""
    import matplotlib

    matplotlib.rcParams["svg.hashsalt"] = "benchmarks"
    steps(found).savefig(docs / "benchmarks.svg", metadata={"Date": None})
    if curves:
        costs(curves).savefig(docs / "benchmarks-curves.svg", metadata={"Date": None})


def steps(found: Runs) -> Any:
    """Each implementation's training step, beside its floor."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 1), layout="constrained")
    axes = figure.subplots()
    kinds = {"the products that can't be avoided": ("|", "C1"), "the tab, the framework's layer": ("o", "C7"),
             "fused": ("o", "C0")}
    floor, others, fused = points = [list[tuple[float, int]]() for _ in kinds]
    labels: list[str] = []
    for name, (_, rows) in found.items():
        for row in rows:
            if row.work == "train" and row.cell == "lstm" and not row.implementation.startswith("NumPy"):
                least, place = row.floor or row.median, len(labels)
                axes.plot([least * 1e3, row.median * 1e3], [place, place], color="C7", linewidth=1, zorder=1)
                floor.append((least * 1e3, place))
                (fused if row.implementation == "fused" else others).append((row.median * 1e3, place))
                labels.append(f"{name} {row.implementation}")
    for (label, (marker, color)), places in zip(kinds.items(), points, strict=True):
        size, edge = (12, 2) if marker == "|" else (7, 0)
        axes.plot(*zip(*places, strict=True), marker, color=color, label=label, markersize=size, markeredgewidth=edge)
    figure.set_figheight(1.4 + 0.28 * len(labels))
    axes.set(xscale="log", xlabel="training step of the LSTM, ms")
    axes.set_yticks(range(len(labels)), labels)
    axes.invert_yaxis()
    axes.grid(alpha=0.3)
    plain(axes.xaxis)
    figure.legend(loc="outside upper center", ncols=3)
    return figure


def costs(curves: list[dict[str, Any]]) -> Any:
    """A training step as each of the sizes grows."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), layout="constrained")
    for panel, axis in zip(figure.subplots(2, 2, sharey=True).flat, AXES, strict=True):
        for number, curve in enumerate(curves):
            for style, name in (("--", "concise"), ("-", "fused")):
                mine = [p for p in curve["points"] if (p["axis"], p["implementation"]) == (axis, name)]
                if mine:
                    panel.loglog([p["size"] for p in mine], [p["seconds"] * 1e3 for p in mine], style, marker=".",
                                 color=f"C{number}", label=f"{curve['backend']} {name}")
        sizes = sorted({p["size"] for curve in curves for p in curve["points"] if p["axis"] == axis})
        plain(panel.yaxis)
        panel.minorticks_off()
        panel.set_xticks(sizes, [str(size) for size in sizes])
        panel.grid(alpha=0.3)
        panel.set(xlabel=axis, ylabel="a training step, ms")
    figure.legend(*panel.get_legend_handles_labels(), loc="outside right center", fontsize="small")
    return figure
