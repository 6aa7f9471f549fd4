"""Training with and without clipping, over rates and seeds, with the gradient norms."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lstm_ref.tools.exercises.nets import finite
from lstm_ref.tools.exercises.study import Case, grouped, last, rounded, spread, text, train
from lstm_ref.tools.markdown import lines
from lstm_ref.tools.pictures import plain

SETTINGS: Case = {"data": "timemachine", "max_tokens": 10_000, "num_steps": 35, "batch_size": 32,
                  "epochs": 150, "thetas": [1.0, None],
                  "kinds": {"rnn": {"num_hiddens": 128, "lr": [1.0, 2.0, 4.0, 8.0]},
                            "lstm": {"num_hiddens": 64, "lr": [1.0, 2.0, 4.0, 8.0]}}}
SMALL: Case = {"data": "embedded", "max_tokens": 300, "num_steps": 5, "batch_size": 2, "epochs": 2,
               "thetas": [1.0, None],
               "kinds": {"rnn": {"num_hiddens": 4, "lr": [1.0, 1e6]}, "lstm": {"num_hiddens": 4, "lr": [1.0, 1e6]}}}
TABLES = ("clipping",)
GUESSING = 28  #: the perplexity of a model that knows nothing: the size of the texts' vocabulary
NAMES = {"rnn": "RNN", "lstm": "LSTM", "rnn, relu": "RNN with ReLU"}


def plan(settings: Case, seeds: Sequence[int]) -> list[Case]:
    """Every kind of network, threshold, rate and seed."""
    return [{"kind": kind, "lr": lr, "theta": theta, "seed": seed} for kind, own in settings["kinds"].items()
            for lr in own["lr"] for theta in settings["thetas"] for seed in seeds]


def measure(settings: Case, case: Case) -> dict[str, Any]:
    """Perplexity and the gradient norm's largest value in each epoch, the share above 1, and how it ended."""
    tokens, vocab = text(settings)
    history = train(case["kind"], tokens[:settings["max_tokens"]], len(vocab),
                    settings | case | {"num_hiddens": settings["kinds"][case["kind"]]["num_hiddens"]}, case["seed"])
    norms = np.array([np.inf if norm is None else norm for norm in history.norms])
    parts = np.array_split(norms, len(history.perplexity))
    return {"perplexity": rounded(history.perplexity), "norms": rounded([finite(part.max()) for part in parts]),
            "median norm": finite(np.median(norms)), "largest norm": finite(norms.max()),
            "above 1": float((norms > 1).mean()), "end": history.end}


def lost(run: Case) -> bool:
    """It ended because a number was not finite, or above the perplexity of guessing."""
    return bool(run["end"]) or last(run) > GUESSING


def tables(data: Case) -> dict[str, str]:
    """For each network, rate and threshold: how many runs were lost, perplexity, and the norms."""
    body = []
    for (kind, lr, theta), runs in grouped(data["results"], "kind", "lr", "theta").items():
        body.append([NAMES[kind], f"{lr:g}", "none" if theta is None else f"at {theta:g}",
                     f"{sum(bool(run['end']) for run in runs)} / {sum(map(lost, runs))} of {len(runs)}",
                     spread([last(run) for run in runs], ".3g"), spread([run["median norm"] for run in runs], ".2g"),
                     spread([run["largest norm"] for run in runs], ".2g"),
                     spread([run["above 1"] for run in runs], ".0%")])
    return {data["exercise"]: lines(["network", "rate", "clipping", "not finite / worse than guessing",
                                     "perplexity at the end", "median norm", "largest norm", "norms above 1"], body)}


def middle(settings: Case, kind: str) -> float:
    """The rate in the middle of a network's, at which its norms are drawn."""
    rates: list[float] = settings["kinds"][kind]["lr"]
    return rates[len(rates) // 2]


def draw(data: Case) -> Any:
    """For each network: perplexity at the end over the rate, and the largest norm of each epoch."""
    from matplotlib.figure import Figure

    settings = data["settings"]
    figure = Figure(figsize=(11, 3.6 * len(settings["kinds"])), layout="constrained")
    rows = figure.subplots(len(settings["kinds"]), 2, squeeze=False)
    for (kind, theta), runs in grouped(data["results"], "kind", "theta").items():
        ends, norms = rows[list(settings["kinds"]).index(kind)]
        name = "no clipping" if theta is None else f"clipped at {theta:g}"
        colour, offset = ("C3", 1.03) if theta is None else ("C0", 0.97)
        under = {"linewidth": 2.4, "alpha": 0.5} if theta is None else {"linewidth": 0.8, "zorder": 3}  # often the same
        good, bad = [run for run in runs if not lost(run)], [run for run in runs if lost(run)]
        ends.plot([run["lr"] * offset for run in good], [last(run) for run in good], "o", color=colour, alpha=0.7,
                  label=name)
        ends.plot([run["lr"] * offset for run in bad], [GUESSING] * len(bad), "x", color=colour, markersize=9,
                  label=f"{name}: not finite, or worse than guessing" if bad else None)
        for run in (run for run in runs if run["lr"] == middle(settings, kind)):
            values = [np.nan if norm is None else norm for norm in run["norms"]]
            norms.plot(range(1, len(values) + 1), values, color=colour, **under)
            if run["end"]:
                norms.plot(len(values) - 0.5, 1, "x", color=colour, markersize=9)
    for (kind, own), (ends, norms) in zip(settings["kinds"].items(), rows, strict=True):
        ends.axhline(GUESSING, color="0.6", linewidth=0.8, label="guessing")
        ends.set(title=f"{NAMES[kind]}, a point for each seed", xscale="log", yscale="log", xlabel="learning rate",
                 ylabel=f"perplexity after {settings['epochs']} epochs")
        ends.set_xticks(own["lr"], [f"{lr:g}" for lr in own["lr"]])
        ends.minorticks_off()
        plain(ends.yaxis)
        norms.axhline(1, color="0.6", linewidth=0.8, linestyle=":")
        ends.plot([], [], color="0.6", linewidth=0.8, linestyle=":", label="threshold of the clipping")
        norms.set(title=f"{NAMES[kind]}, learning rate {middle(settings, kind):g}", yscale="log",
                  xlabel="epoch", ylabel="largest gradient norm of the epoch")
        for panel in (ends, norms):
            panel.grid(alpha=0.3)
    told = {label: handle for ends, _ in rows for handle, label in zip(*ends.get_legend_handles_labels(), strict=True)}
    figure.legend(told.values(), told.keys(), loc="outside lower center", ncols=3, fontsize=9)
    return figure
