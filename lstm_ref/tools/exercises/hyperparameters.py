"""Hyperparameters of the LSTM: two grids, each around the same point, and the epochs along every run."""

import statistics
from collections.abc import Sequence
from typing import Any

from lstm_ref.tools.exercises.study import Case, last, rounded, text, train
from lstm_ref.tools.markdown import lines
from lstm_ref.tools.pictures import plain

SETTINGS: Case = {"data": "timemachine", "max_tokens": 10_000, "theta": 1.0, "cell": "lstm", "epochs": 50,
                  "base": {"num_hiddens": 64, "num_steps": 35, "batch_size": 32, "lr": 4.0},
                  "model": {"num_hiddens": [16, 32, 64, 128], "lr": [1.0, 4.0, 8.0]},
                  "minibatch": {"batch_size": [8, 16, 32, 64], "num_steps": [10, 35]}}
SMALL: Case = {"data": "embedded", "max_tokens": 300, "theta": 1.0, "cell": "lstm", "epochs": 2,
               "base": {"num_hiddens": 4, "num_steps": 5, "batch_size": 2, "lr": 1.0},
               "model": {"num_hiddens": [2, 4], "lr": [0.5, 1.0]},
               "minibatch": {"batch_size": [2, 4], "num_steps": [5, 8]}}
TABLES = ("hyperparameters", "hyperparameters-text")
#: What a grid varies, down and across.
GRIDS = {"model": ("num_hiddens", "lr"), "minibatch": ("batch_size", "num_steps")}
NAMES = {"num_hiddens": "hidden units", "lr": "learning rate", "batch_size": "batch size", "num_steps": "steps"}


def plan(settings: Case, seeds: Sequence[int]) -> list[Case]:
    """Every point of both grids, for every seed; a point that is in both is measured once."""
    points = [settings["base"] | {down: a, across: b} for name, (down, across) in GRIDS.items()
              for a in settings[name][down] for b in settings[name][across]]
    unique = [point for i, point in enumerate(points) if point not in points[:i]]
    return [{**point, "seed": seed} for point in unique for seed in seeds]


def measure(settings: Case, case: Case) -> dict[str, Any]:
    """Perplexity of each epoch, seconds of training, and what is written at the end."""
    tokens, vocab = text(settings)
    history = train(settings["cell"], tokens[:settings["max_tokens"]], len(vocab), settings | case, case["seed"])
    return {"perplexity": rounded(history.perplexity), "training": round(history.seconds, 3),
            "updates": len(history.norms), "end": history.end,
            "text": history.net.predict("time traveller", 50, vocab)}


def at(data: Case, **point: Any) -> list[Case]:
    """The runs of a point, one for each seed; what is not given is the base's."""
    wanted = data["settings"]["base"] | point
    return [result for result in data["results"] if all(result[key] == value for key, value in wanted.items())]


def tables(data: Case) -> dict[str, str]:
    """The axes one at a time around the base, and what the best, the base and the worst write."""
    body = []
    for name, words in NAMES.items():
        grid = "model" if name in GRIDS["model"] else "minibatch"
        for value in data["settings"][grid][name]:
            runs = at(data, **{name: value})
            ends, half = sorted(map(last, runs)), len(runs[0]["perplexity"]) // 2
            middle = statistics.median(run["perplexity"][half - 1] or float("inf") for run in runs)
            seconds = statistics.median(run["training"] for run in runs)
            body.append([words, f"{value:g}", str(runs[0]["updates"]), f"{seconds:.1f}", f"{middle:.2f}",
                         f"{statistics.median(ends):.2f}", f"{ends[0]:.2f} to {ends[-1]:.2f}"])
    epochs = data["settings"]["epochs"]
    header = ["varied", "value", "updates", "seconds", f"perplexity after {epochs // 2} epochs", f"after {epochs}",
              "range"]
    order = sorted(data["results"], key=last)
    shown = [[", ".join(f"{NAMES[key]} {run[key]:g}" for key in NAMES), str(run["seed"]), f"{last(run):.2f}",
              f"`{run['text']}`"] for run in (order[0], order[len(order) // 4], order[len(order) // 2], order[-1])]
    return {"hyperparameters": lines(header, body),
            "hyperparameters-text": lines(["settings", "seed", "perplexity", "what it writes"], shown)}


def draw(data: Case) -> Any:
    """For each grid heat maps of perplexity and of seconds, and perplexity over the seconds of all runs."""
    from matplotlib.figure import Figure

    settings = data["settings"]
    figure = Figure(figsize=(12, 7.5), layout="constrained")
    panels = figure.subplots(2, 3)
    for row, (grid, (down, across)) in zip(panels, GRIDS.items(), strict=True):
        rows, columns = settings[grid][down], settings[grid][across]
        for panel, title, value in (
                (row[0], f"median perplexity after {settings['epochs']} epochs, yellow is best", last),
                (row[1], "median seconds of training, yellow is fastest", lambda run: run["training"])):
            cells = [[statistics.median(map(value, at(data, **{down: a, across: b}))) for b in columns] for a in rows]
            image = panel.imshow(cells, cmap="viridis_r", norm="log", origin="lower", aspect="auto")
            middle = image.norm.autoscale_None(cells) or image.norm.inverse(0.5)
            for i, line in enumerate(cells):
                for j, cell in enumerate(line):
                    panel.text(j, i, f"{cell:.3g}", ha="center", va="center",
                               color="white" if cell > middle else "black")
            panel.set_xticks(range(len(columns)), [f"{value:g}" for value in columns])
            panel.set_yticks(range(len(rows)), [f"{value:g}" for value in rows])
            others = ", ".join(f"{NAMES[key]} {value:g}" for key, value in settings["base"].items()
                               if key not in (down, across))
            panel.set(xlabel=NAMES[across], ylabel=NAMES[down])
            panel.set_title(f"{title}\n({others})", fontsize=10)
        panel = row[2]
        for i, value in enumerate(rows):
            for k, run in enumerate(at(data, **{down: value})):
                epochs = len(run["perplexity"])
                panel.plot([run["training"] * (e + 1) / epochs for e in range(epochs)], run["perplexity"], f"C{i}",
                           linewidth=0.9, label=None if k else f"{value:g}")
        panel.set(xlabel="seconds of training, of one core", ylabel="perplexity", xscale="log", yscale="log")
        panel.set_title("along training, one line for each seed", fontsize=10)
        plain(panel.xaxis, panel.yaxis)
        panel.grid(alpha=0.3)
        panel.legend(title=NAMES[down], fontsize=8)
    return figure
