"""How far C leaves (-1, 1) in a trained LSTM, and what happens when H = O * C."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lstm_ref.loss import cross_entropy, perplexity
from lstm_ref.tools.exercises.nets import bare, finite
from lstm_ref.tools.exercises.study import Case, grouped, minibatches, rounded, spread, text, train
from lstm_ref.tools.markdown import lines
from lstm_ref.tools.pictures import plain

SETTINGS: Case = {"data": "timemachine", "max_tokens": 10_000, "num_hiddens": 64, "num_steps": 35, "batch_size": 32,
                  "theta": 1.0, "epochs": 250, "lr": [4.0, 8.0]}
SMALL: Case = {"data": "embedded", "max_tokens": 300, "num_hiddens": 4, "num_steps": 5, "batch_size": 2, "theta": 1.0,
               "epochs": 2, "lr": [1.0, 2.0]}
TABLES = ("tanh", "tanh-training")
KINDS = {"lstm": "H = O · tanh(C)", "lstm, H = O * C": "H = O · C"}
QUANTILES = (0.5, 0.9, 0.99, 0.999, 1.0)
EDGES = np.linspace(-20, 20, 161)


def plan(settings: Case, seeds: Sequence[int]) -> list[Case]:
    """With and without tanh at C, for every rate and seed."""
    return [{"kind": kind, "lr": lr, "seed": seed} for lr in settings["lr"] for kind in KINDS for seed in seeds]


def measure(settings: Case, case: Case) -> dict[str, Any]:
    """The training, the distribution of C over an epoch after it, and perplexity without tanh, not trained again."""
    tokens, vocab = text(settings)
    s, tokens = settings | case, tokens[:settings["max_tokens"]]
    history = train(case["kind"], tokens, len(vocab), s, case["seed"])
    net = history.net
    found: dict[str, Any] = {"perplexity": rounded(history.perplexity),
                             "norms": rounded(history.norms[::8]), "end": history.end}
    with np.errstate(over="ignore", invalid="ignore"):
        C, loss = cells(net, tokens, s)
        if not np.isfinite(C).all():
            return found | {"C": None}
        found["C"] = {
            "quantiles": dict(zip(map(str, QUANTILES), map(float, np.quantile(np.abs(C), QUANTILES)), strict=True)),
            "outside": float((np.abs(C) > 1).mean()), "units": float((np.abs(C) > 1).any(axis=(0, 1)).mean()),
            "histogram": np.histogram(np.clip(C, EDGES[0], EDGES[-1]), EDGES)[0].tolist()}
        found["after"] = finite(perplexity(loss))
        if case["kind"] == "lstm":
            found["after without tanh"] = finite(perplexity(cells(bare(net), tokens, s)[1]))
    return found


def cells(net: Any, tokens: Sequence[int], settings: Case) -> tuple[Any, float]:
    """C of every step, example and unit of an epoch, (steps, B, h), and the mean loss."""
    state, found, losses = net.zeros(settings["batch_size"]), [], []
    for X, Y in minibatches(tokens, settings, 0, 0):
        for t in range(X.shape[1]):
            outputs, state = net.forward(X[:, t:t + 1], state)
            losses.append(float(cross_entropy(outputs, Y[:, t])) if np.isfinite(outputs).all() else np.inf)
            found.append(state[1])
    return np.array(found), float(np.mean(losses))


def tables(data: Case) -> dict[str, str]:
    """How far C goes, run by run; and how training ended."""
    body, ended = [], []
    for (lr, kind), runs in grouped(data["results"], "lr", "kind").items():
        for run in runs:
            C = run["C"]
            body.append([KINDS[kind], f"{lr:g}", str(run["seed"]), *(
                ["not finite", *[""] * (len(QUANTILES) + 1)] if C is None else
                [f"{C['outside']:.1%}", f"{C['units']:.0%}", *(f"{value:.3g}" for value in C["quantiles"].values())])])
        lost = sum(bool(run["end"]) for run in runs)
        norms = [max((n for n in run["norms"] if n is not None), default=None) for run in runs]
        ended.append([KINDS[kind], f"{lr:g}", f"{lost} of {len(runs)}", spread([run["perplexity"][-1] for run in runs]),
                      spread([min(p for p in run["perplexity"] if p is not None) for run in runs]),
                      spread(norms, ".3g"),
                      spread([run["after without tanh"] for run in runs], ".3g") if kind == "lstm" else ""])
    names = [f"{quantile:.1%} of abs(C) below" if quantile < 1 else "largest" for quantile in QUANTILES]
    return {
        "tanh": lines(["", "learning rate", "seed", "outside (-1, 1)", "units ever outside", *names], body),
        "tanh-training": lines(["", "learning rate", "not finite", "perplexity at the end", "lowest",
                                "largest gradient norm", "tanh removed after training"], ended)}


def draw(data: Case) -> Any:
    """The distribution of C, and perplexity over the epochs."""
    from matplotlib.figure import Figure

    rates = data["settings"]["lr"]
    figure = Figure(figsize=(4.2 * len(rates), 7), layout="constrained")
    panels = figure.subplots(2, len(rates), sharey="row", squeeze=False)
    centres = (EDGES[1:] + EDGES[:-1]) / 2
    for (lr, kind), runs in grouped(data["results"], "lr", "kind").items():
        upper, lower = panels[:, rates.index(lr)]
        for i, run in enumerate(runs):
            place = list(KINDS).index(kind)  # thinner over thicker, since they are often the same
            style = {"color": f"C{place}", "linewidth": (2.2, 0.9)[place % 2], "zorder": 2 + place,
                     "label": None if i else KINDS[kind]}
            if run["C"]:
                counts = np.array(run["C"]["histogram"])
                upper.step(centres, np.where(counts, counts / counts.sum(), np.nan), where="mid", **style)
            lower.plot(range(1, len(run["perplexity"]) + 1), run["perplexity"], **style)
        upper.set(title=f"learning rate {lr:g}", xlabel="C (beyond ±20 counted at the edge)", yscale="log")
        lower.set(title=f"learning rate {lr:g}, a line for each seed", xlabel="epoch", yscale="log")
        plain(lower.yaxis)
    for upper in panels[0]:
        upper.axvspan(-1, 1, color="0.9", zorder=0, label="(-1, 1)")
    panels[0][0].set(ylabel="share of all C, in bins of 0.25")
    panels[1][0].set(ylabel="perplexity")
    for panel in panels.flat:
        panel.grid(alpha=0.3)
        panel.legend(fontsize=8)
    return figure
