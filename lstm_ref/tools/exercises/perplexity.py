"""Perplexity on the text that is trained on, on text that is held out, and on another text."""

import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np

from lstm_ref import loss
from lstm_ref.text import corpus_of, lines_of, read_text
from lstm_ref.tools.exercises.nets import mean_loss
from lstm_ref.tools.exercises.study import Case, grouped, looking, rounded, spread, train
from lstm_ref.tools.markdown import lines
from lstm_ref.tools.pictures import plain

SETTINGS: Case = {
    "data": "timemachine", "num_steps": 35, "batch_size": 32, "theta": 1.0, "updates": 1600, "looks": 10,
    "held_out": {"timemachine": 10_000, "embedded": 4_000},
    "cells": {"rnn": {"num_hiddens": 256, "lr": 1.0}, "lstm": {"num_hiddens": 128, "lr": 4.0}},
    "trainings": [["rnn", "timemachine", 10_000], ["rnn", "timemachine", 40_000], ["rnn", "timemachine", 160_000],
                  ["lstm", "timemachine", 10_000], ["rnn", "embedded", 10_000]]}
SMALL: Case = {
    "data": "embedded", "num_steps": 5, "batch_size": 2, "theta": 1.0, "updates": 60, "looks": 2,
    "held_out": {"embedded": 500}, "cells": {"rnn": {"num_hiddens": 4, "lr": 1.0}},
    "trainings": [["rnn", "embedded", 300], ["rnn", "embedded", 600]]}
TABLES = ("perplexity", "perplexity-counts")
TEXTS = {"timemachine": "The Time Machine", "embedded": "the story"}
NAMES = {"rnn": "RNN", "lstm": "LSTM"}
#: characters that a count model sees, its next one included
ORDERS = (1, 2, 3, 4)


def plan(settings: Case, seeds: Sequence[int]) -> list[Case]:
    """Every network, text and length of the training text, for every seed."""
    return [{"cell": cell, "text": name, "tokens": tokens, "seed": seed}
            for cell, name, tokens in settings["trainings"] for seed in seeds]


def corpora(settings: Case) -> tuple[dict[str, list[int]], int]:
    """All texts as tokens of one vocabulary, that of the settings' text, and its size."""
    _, vocab = corpus_of(read_text(settings["data"])[0])
    texts = {name: [vocab[c] for line in lines_of(read_text(name)[0]) for c in line] for name in settings["held_out"]}
    return texts, len(vocab)


def measure(settings: Case, case: Case) -> dict[str, Any]:
    """Perplexity of the epochs, and on the same text read from its start, held-out text and the other text."""
    texts, vocab_size = corpora(settings)
    ends = {name: tokens[-settings["held_out"][name]:] for name, tokens in texts.items()}
    start = texts[case["text"]][:-settings["held_out"][case["text"]]][:case["tokens"]]
    each = len(start) // settings["batch_size"] // settings["num_steps"]  # minibatches of an epoch
    epochs = max(settings["updates"] // each, 1)

    def look(net: Any) -> Case:
        found = {"seen": mean_loss(net, start[:len(ends[case["text"]])]),
                 **{name: mean_loss(net, end) for name, end in ends.items()}}
        return {"perplexity": {name: float(f"{loss.perplexity(value):.4g}") for name, value in found.items()}}

    looks, after_epoch = looking(epochs, settings["looks"], look)
    history = train(case["cell"], start, vocab_size,
                    settings | settings["cells"][case["cell"]] | {"epochs": epochs}, case["seed"], after_epoch)
    looks = [{"epoch": found["epoch"], "updates": found["epoch"] * each, **found} for found in looks]
    counts = [{name: float(f"{counted(start, end, order, vocab_size):.4g}") for name, end in ends.items()}
              for order in ORDERS]
    return {"epochs": epochs, "perplexity": rounded(history.perplexity), "looks": looks, "end": history.end,
            "counts": counts}


def counted(start: Sequence[int], end: Sequence[int], order: int, vocab_size: int) -> float:
    """Perplexity, on a text, of the frequencies of character sequences in another, one added to each count.

    Args:
        start: what is counted.
        end: what is predicted.
        order: characters of a sequence; the last one is predicted from those before it.
        vocab_size: V.
    """
    def codes(tokens: Sequence[int]) -> Any:
        windows = np.lib.stride_tricks.sliding_window_view(np.asarray(tokens), order)
        return windows @ vocab_size ** np.arange(order)[::-1]

    counts = np.bincount(codes(start), minlength=vocab_size**order).reshape(-1, vocab_size) + 1.0
    share = (counts / counts.sum(axis=1, keepdims=True)).reshape(-1)
    return loss.perplexity(float(-np.log(share[codes(end)]).mean()))


def groups(data: Case) -> dict[tuple[Any, ...], list[Case]]:
    """The runs by training."""
    return grouped(data["results"], "cell", "text", "tokens")


def tables(data: Case) -> dict[str, str]:
    """Perplexity on each text at the end and at its lowest; and that of counting."""
    names = list(data["settings"]["held_out"])
    body, counted_in = [], {}
    for (cell, name, tokens), runs in groups(data).items():
        ends = [run["looks"][-1]["perplexity"] for run in runs]
        lowest = [min(run["looks"], key=lambda look: look["perplexity"][name]) for run in runs]
        body.append([NAMES[cell], f"{TEXTS[name]}, {tokens:,}", str(runs[0]["epochs"]),
                     spread([end["seen"] for end in ends]), spread([end[name] for end in ends]),
                     f"{spread([look['perplexity'][name] for look in lowest])} after "
                     f"{statistics.median(look['epoch'] for look in lowest):g} epochs",
                     *([spread([end[other] for end in ends]) for other in names if other != name] or [""])])
        counted_in[name, tokens] = runs[0]["counts"]
    header = ["network", "trained on its first characters", "epochs", "the training text",
              "its held-out end", "lowest there", "the end of the other text"]
    counts = [[f"{TEXTS[name]}, {tokens:,}", *(f"{found[name]:.2f}" for found in orders)]
              for (name, tokens), orders in counted_in.items()]
    return {"perplexity": lines(header, body),
            "perplexity-counts": lines(["counted in", "letters", "pairs", "triples", "fours"], counts)}


def draw(data: Case) -> Any:
    """A panel for each training: perplexity over the updates, on all texts."""
    from matplotlib.figure import Figure

    found = groups(data)
    figure = Figure(figsize=(3.2 * len(found), 4.2), layout="constrained")
    panels = figure.subplots(1, len(found), sharey=True, squeeze=False)[0]
    for panel, ((cell, name, tokens), runs) in zip(panels, found.items(), strict=True):
        others = [other for other in data["settings"]["held_out"] if other != name]
        shown = {"seen": "the training text", name: "its held-out end", **{other: "the other text" for other in others}}
        for i, run in enumerate(runs):
            for k, (key, label) in enumerate(shown.items()):
                panel.plot([look["updates"] for look in run["looks"]],
                           [look["perplexity"][key] for look in run["looks"]], f"C{k}", linewidth=0.9, marker=".",
                           markersize=3, label=None if i else label)
        best = min(counts[name] for counts in runs[0]["counts"])
        panel.axhline(best, color="0.5", linestyle="--", linewidth=0.9,
                      label="its held-out end, by the best of the counts")
        panel.set_title(f"{NAMES[cell]}, {TEXTS[name]},\n{tokens:,} characters, {runs[0]['epochs']} epochs", fontsize=9)
        panel.set(xlabel="updates", yscale="log")
        panel.grid(alpha=0.3)
    panels[0].set(ylabel="perplexity")
    plain(panels[0].yaxis)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=9)
    return figure
