"""What an LSTM, a GRU and a vanilla RNN of equal size cost: counted, and measured on the reference in NumPy."""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import lstm_ref as ref
from lstm_ref.params import Array
from lstm_ref.tools.bench.work import Product, Sizes, products
from lstm_ref.tools.exercises.study import Case, grouped, spread
from lstm_ref.tools.markdown import lines
from lstm_ref.tools.pictures import plain

SETTINGS: Case = {"cells": ["lstm", "gru", "rnn"], "num_hiddens": [64, 128, 256, 512], "batch_size": 32,
                  "num_steps": 35, "vocab_size": 28, "repeats": 12}
SMALL: Case = SETTINGS | {"num_hiddens": [3, 5], "batch_size": 2, "num_steps": 4, "vocab_size": 6, "repeats": 2}
TABLES = ("cost",)
#: Draw, initial state, forward and backward pass of each cell.
CELLS: dict[str, tuple[Any, Any, Any, Any]] = {
    "lstm": (ref.get_lstm_params, ref.init_lstm_state, ref.lstm, ref.lstm_backward),
    "gru": (ref.get_gru_params, ref.init_gru_state, ref.gru, ref.gru_backward),
    "rnn": (ref.get_params, ref.init_rnn_state, ref.rnn, ref.rnn_backward)}
WORK = ("training step", "forward pass", "a character")


def plan(settings: Case, seeds: Sequence[int]) -> list[Case]:
    """Every size, cell and seed; the cells of a size follow each other, so that they meet the same machine."""
    return [{"num_hiddens": size, "cell": cell, "seed": seed} for size in settings["num_hiddens"] for seed in seeds
            for cell in settings["cells"]]


def took(call: Callable[[], object], repeats: int) -> float:
    """Milliseconds of the processor, the median after a first call that does not count."""
    call()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(1e3 * (time.process_time() - start))
    return statistics.median(times)


def floor(needed: Sequence[Product], repeats: int) -> float:
    """Milliseconds of the matrix products alone that the work can't do without."""
    rng, total = np.random.default_rng(0), 0.0
    for product in needed:
        a, b = (rng.normal(size=shape).astype(np.float32) for shape in (
            (product.m, product.k), (product.k, product.n)))

        def call(a: Array = a, b: Array = b, times: int = product.times) -> None:
            for _ in range(times):
                a @ b

        total += took(call, repeats)
    return total


def kept(tape: Sequence[Any]) -> int:
    """Bytes of all that the forward pass leaves for the backward pass, each array once."""
    return sum({id(array): array.nbytes for step in tape for array in step}.values())


def measure(settings: Case, case: Case) -> dict[str, Any]:
    """Operations and bytes, counted; milliseconds of a training step, a forward pass and a character."""
    s = settings | case
    draw, begin, forward, backward = CELLS[case["cell"]]
    V, h, rng = s["vocab_size"], s["num_hiddens"], np.random.default_rng(case["seed"])
    params, state = draw(V, h, case["seed"]), begin(s["batch_size"], h)
    X, Y = rng.integers(0, V, (2, s["batch_size"], s["num_steps"]))
    inputs, sizes = ref.one_hot(X.T, V), Sizes(s["num_steps"], s["batch_size"], V, h)
    tape: list[Any] = []
    forward(inputs, state, params, tape)
    one, first = inputs[:1, :1], tuple(array[:1] for array in state)
    calls: dict[str, Callable[[], object]] = {
        "training step": lambda: ref.train_step(params, X, Y, state, 0.01, 1.0, forward, backward),
        "forward pass": lambda: forward(inputs, state, params),
        "a character": lambda: forward(one, first, params)}
    times = {work: round(took(call, s["repeats"]), 4) for work, call in calls.items()}
    times["floor"] = round(floor(products(case["cell"], "train", sizes), s["repeats"]), 4)
    return {"million operations": {work: sum(product.flop for product in products(case["cell"], work, sizes)) / 1e6
                                   for work in ("train", "forward")},
            "parameters": sum(param.size for param in params), "kept bytes": kept(tape), "milliseconds": times}


def tables(data: Case) -> dict[str, str]:
    """For each size and cell: numbers counted, times, and times over the LSTM's."""
    body = []
    groups = grouped(data["results"], "num_hiddens", "cell")
    for (size, cell), runs in groups.items():
        first, lstm = runs[0], groups[size, "lstm"]
        part = [run["milliseconds"]["training step"] / other["milliseconds"]["training step"]
                for run, other in zip(runs, lstm, strict=True)]
        over = [run["milliseconds"]["training step"] / run["milliseconds"]["floor"] for run in runs]
        body.append([str(size), cell.upper(), f"{first['parameters']:,}",
                     f"{first['million operations']['train']:,.0f}", f"{first['kept bytes'] / 2**20:.1f}",
                     *(spread([run["milliseconds"][work] for run in runs], ".2f") for work in WORK),
                     f"{statistics.median(part):.2f}", f"{statistics.median(over):.1f}"])
    return {"cost": lines(["hidden units", "cell", "parameters", "million operations a step", "MiB kept", *(
        f"{work}, ms" for work in WORK), "of the LSTM's step", "step over floor"], body)}


def draw(data: Case) -> Any:
    """Times of a step over the hidden size with the products alone, of a character, and what is kept."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullLocator

    sizes = data["settings"]["num_hiddens"]
    figure = Figure(figsize=(13, 4), layout="constrained")
    step, character, memory = figure.subplots(1, 3)
    for i, cell in enumerate(data["settings"]["cells"]):
        runs = {size: [run for run in data["results"] if run["num_hiddens"] == size and run["cell"] == cell]
                for size in sizes}

        def median(what: str, runs: dict[int, list[Case]] = runs) -> list[float]:
            return [statistics.median(run["milliseconds"][what] for run in runs[size]) for size in sizes]

        style: dict[str, Any] = {"color": f"C{i}", "marker": "o", "label": cell.upper()}
        step.plot(sizes, median("training step"), **style)
        step.plot(sizes, median("floor"), color=f"C{i}", linestyle=":", label=f"{cell.upper()}, products alone")
        character.plot(sizes, median("a character"), **style)
        memory.plot(sizes, [runs[size][0]["kept bytes"] / 2**20 for size in sizes], **style)
    for panel, label in ((step, "a training step, ms"), (character, "a character, ms"),
                         (memory, "kept for the backward pass, MiB")):
        panel.set(xlabel="hidden units", ylabel=label, xscale="log", yscale="log")
        panel.set_xticks(sizes, [str(size) for size in sizes])
        panel.xaxis.set_minor_locator(NullLocator())
        plain(panel.yaxis)
        panel.grid(alpha=0.3)
        panel.legend(fontsize=8, loc="lower right")
    return figure
