"""The gradient of a minibatch's loss through a history of several minibatches, in the vanilla RNN."""

import statistics
import time
import tracemalloc
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np

from lstm_ref.rnn import RNNParams
from lstm_ref.tools.exercises.nets import NETS, RNN, Pass, finite
from lstm_ref.tools.exercises.study import Case, grouped, last, minibatches, rounded, spread, text
from lstm_ref.tools.markdown import lines
from lstm_ref.tools.pictures import plain
from lstm_ref.training import gradient_norm

SETTINGS: Case = {"data": "timemachine", "max_tokens": 10_000, "num_hiddens": 128, "batch_size": 32, "lr": 1.0,
                  "theta": 1.0, "histories": [1, 2, 4, 8], "num_steps": {"35": 150, "5": 50}}
SMALL: Case = {"data": "embedded", "max_tokens": 300, "num_hiddens": 4, "batch_size": 2, "lr": 1.0, "theta": 1.0,
               "histories": [1, 3], "num_steps": {"5": 2}}
TABLES = ("detaching",)


def plan(settings: Case, seeds: Sequence[int]) -> list[Case]:
    """Every length of minibatch, with its number of epochs, every history and seed."""
    return [{"num_steps": int(steps), "epochs": epochs, "history": history, "seed": seed}
            for steps, epochs in settings["num_steps"].items() for history in settings["histories"] for seed in seeds]


class Learner:
    """Trains an RNN with gradients through the last minibatches.

    At each minibatch those of the history are run again from the state in which the first of them began, with today's
    weights, so that the gradient of the minibatch's loss is exact, as automatic differentiation would give it.

    Args:
        net: the network.
        history: the number of minibatches, the present one included; 1 is what the book does.
    """

    def __init__(self, net: RNN, history: int):
        self.net, self.kept = net, deque[tuple[Any, Any]](maxlen=history)

    def begin(self, batch_size: int) -> None:
        """A new epoch: nothing is remembered."""
        self.kept.clear()
        self.state, = self.net.zeros(batch_size)

    def step(self, X: Any, Y: Any, lr: float, theta: float) -> tuple[float, float]:
        """One update: the loss, and the norm of what earlier minibatches add to the gradient over its whole norm."""
        self.kept.append((X, self.state))
        H, passes = self.kept[0][1], list[Pass]()
        for tokens, _ in self.kept:
            passes.append(self.net.hidden(tokens, H))
            H = passes[-1].H[-1]
        loss, parts = self.net.loss_and_grads(passes, Y)
        earlier = [sum(arrays) for arrays in zip(*parts[:-1], strict=True)] or [np.zeros(1)]
        grads: list[Any] = [sum(arrays) for arrays in zip(*parts, strict=True)]
        norm = self.net.update(RNNParams(*grads), lr, theta)
        self.state = H
        return float(loss), float(gradient_norm(earlier) / norm)


def measure(settings: Case, case: Case) -> dict[str, Any]:
    """Perplexity of each epoch, seconds an update, peak memory of one more epoch, and the earlier minibatches' part."""
    tokens, vocab = text(settings)
    tokens, s = tokens[:settings["max_tokens"]], settings | case
    net = NETS["rnn"](len(vocab), s["num_hiddens"], case["seed"])
    learner, perplexity, parts, updates = Learner(net, case["history"]), list[float | None](), list[float](), 0

    def epoch(number: int) -> list[tuple[float, float]]:
        learner.begin(s["batch_size"])
        return [learner.step(X, Y, s["lr"], s["theta"]) for X, Y in minibatches(tokens, s, number, case["seed"])]

    start = time.process_time()
    for number in range(1, case["epochs"] + 1):
        losses, ratios = zip(*epoch(number), strict=True)
        perplexity.append(finite(np.exp(np.mean(losses))))
        parts.append(float(np.mean(ratios)))
        updates += len(losses)
    seconds = time.process_time() - start
    tracemalloc.start()
    epoch(0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {"perplexity": rounded(perplexity), "earlier": rounded(parts), "updates": updates,
            "milliseconds": round(1e3 * seconds / updates, 3), "peak bytes": peak}


def tables(data: Case) -> dict[str, str]:
    """For each length of minibatch and history: time, memory, the part of the gradient, and perplexity."""
    body = []
    for (steps, history), runs in grouped(data["results"], "num_steps", "history").items():
        body.append([str(steps), str(history), str(steps * history), str(runs[0]["updates"]),
                     spread([run["milliseconds"] for run in runs], ".1f"),
                     f"{statistics.median(run['peak bytes'] for run in runs) / 2**20:.1f}",
                     "" if history == 1 else spread([statistics.mean(run["earlier"]) for run in runs], ".1%"),
                     spread([last(run) for run in runs])])
    return {"detaching": lines(["steps", "minibatches", "steps back, at most", "updates", "ms an update", "peak MiB",
                                "gradient from earlier minibatches", "perplexity at the end"], body)}


def draw(data: Case) -> Any:
    """Time and memory over the history, the part of the gradient, and perplexity over the epochs."""
    from matplotlib.figure import Figure

    lengths = list(data["settings"]["num_steps"])
    histories = data["settings"]["histories"]
    figure = Figure(figsize=(12, 7), layout="constrained")
    (first, second, third), lower = figure.subplots(2, 3)
    for i, steps in enumerate(lengths):
        groups = {history: [run for run in data["results"] if run["num_steps"] == int(steps)
                            and run["history"] == history] for history in histories}
        name, style = f"{steps} steps a minibatch", {"color": f"C{i}", "marker": "o"}
        first.plot(histories, [statistics.median(run["milliseconds"] for run in groups[h]) for h in histories],
                   label=name, **style)
        second.plot(histories, [statistics.median(run["peak bytes"] for run in groups[h]) / 2**20 for h in histories],
                    label=name, **style)
        third.plot(histories[1:], [statistics.median(100 * statistics.mean(run["earlier"]) for run in groups[h])
                                   for h in histories[1:]], label=name, **style)
        for k, (history, runs) in enumerate(groups.items()):
            for j, run in enumerate(runs):
                lower[i].plot(range(1, len(run["perplexity"]) + 1), run["perplexity"], color=f"C{k}", linewidth=0.9,
                              label=None if j else "1 (detached)" if history == 1 else str(history))
        lower[i].set(title=f"{name}, a line for each seed", xlabel="epoch", ylabel="perplexity", yscale="log")
        plain(lower[i].yaxis)
        lower[i].legend(title="minibatches in the gradient", fontsize=8)
    for panel, label in ((first, "milliseconds an update, median"), (second, "peak memory of an epoch, MiB"),
                         (third, "norm from earlier minibatches, %")):
        panel.set(xlabel="minibatches that the gradient goes through", ylabel=label, ylim=(0, None))
        panel.set_xticks(histories)
        panel.legend(fontsize=8)
    for panel in (first, second, third, *lower):
        panel.grid(alpha=0.3)
    for panel in lower[len(lengths):]:
        panel.remove()
    return figure
