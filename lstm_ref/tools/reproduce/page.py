"""The report of the reproduction: our final perplexities next to the book's, and the curves in one picture."""

import math
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

#: Final perplexities published with the book's text, by cell: PyTorch's by readers who ran its notebooks, Paddle's in
#: the Chinese edition's own output cells.
PUBLISHED = {"lstm": {("torch", "scratch"): 1.1, ("torch", "concise"): 1.0, ("paddle", "scratch"): 5.0,
                      ("paddle", "concise"): 6.2},
             "gru": {("torch", "scratch"): 1.1, ("torch", "concise"): 1.1}}
PAGES = {"lstm": "reproduction", "gru": "reproduction-gru"}


def write_report(logs: Sequence[dict[str, Any]], docs: Path, cell: str = "lstm") -> Iterator[str]:
    """Write reproduction.md and reproduction.svg into a folder, or those of the GRU.

    Args:
        logs: of finished runs.
        docs: the folder.
        cell: of all of them.

    Yields:
        The lines of the table, for the terminal.
    """
    docs.mkdir(parents=True, exist_ok=True)
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for log in logs:
        groups.setdefault((log["settings"]["backend"], log["settings"]["model"]), []).append(log)
    table = list(rows(groups, cell))
    s, page = logs[0]["settings"], PAGES[cell]
    command = "nox -s reproduce" if cell == "lstm" else f"nox -s reproduce -- --cell {cell}"
    lines = [
        "# The book's result, reproduced" + ("" if cell == "lstm" else f": the {cell.upper()}"), "",
        f"`{command}` wrote this page: {s['epochs']} epochs of The Time Machine ({s['max_tokens']:,} characters,"
        f" minibatches of {s['batch_size']} × {s['num_steps']}, sequential partition), {s['num_hiddens']} hidden units,"
        f" learning rate {s['lr']:g}, gradients clipped at 1. One run for each seed. A scratch model starts from the "
        "weights that NumPy draws with that seed, the same in every backend; a concise one as its layer starts by "
        "itself (Gluon's: Normal(0, 0.01), as in the book). The offsets of the minibatches depend on seed and epoch "
        "alone, so all backends see the same minibatches. TensorFlow's scratch model runs compiled (op by op it "
        "takes five times as long), JAX's inside one compiled loop over the steps.", "",
        *table, "",
        "Perplexity is exp of the mean loss over an epoch, as the book prints it. Past some hundred iterations a "
        "training run is chaotic: a difference of one rounding grows until nothing of it can be compared but "
        "statistics, so what is given here is the median and the range over the seeds.", "",
        *verdicts(groups, cell),
        f"- The largest median of all is {max(statistics.median(map(final, group)) for group in groups.values()):.3f}.",
        *(["- The MindSpore edition prints 1.4 for both models; its published curve fits a state that is never carried "
           "([ports.md](ports.md))."] if cell == "gru" else []),
        "",
        f"![Perplexity of every run]({page}.svg)", "",
        "Versions: " + ", ".join(f"{backend} {version}" for backend, version in versions(logs).items()) + ".",
    ]
    (docs / f"{page}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    draw(groups, docs / f"{page}.svg")
    yield from table
    yield f"written: {docs / f'{page}.md'}, {docs / f'{page}.svg'}"


def final(log: dict[str, Any]) -> float:
    """Perplexity of a run's last epoch; infinite where it was not finite."""
    last = log["epochs"][-1]["perplexity"]
    return math.inf if last is None else last


def rows(groups: dict[tuple[str, str], list[dict[str, Any]]], cell: str) -> Iterator[str]:
    """The table, one line per model, in Markdown."""
    yield "| backend | model | seeds | median | range | the book | time traveller … (first seed) |"
    yield "|---|---|---|---|---|---|---|"
    for (backend, model), logs in groups.items():
        ends = sorted(map(final, logs))
        published = PUBLISHED[cell].get((backend, model))
        sample = logs[0]["samples"]["time traveller"].removeprefix("time traveller")
        yield (f"| {backend} | {model} | {len(ends)} | {statistics.median(ends):.3f} | {ends[0]:.3f} to {ends[-1]:.3f} "
               f"| {'–' if published is None else published} | {sample} |")


def verdicts(groups: dict[tuple[str, str], list[dict[str, Any]]], cell: str) -> Iterator[str]:
    """A sentence on each published figure: whether our runs reach it, to the digit that was printed."""
    for key, logs in groups.items():
        if key not in PUBLISHED[cell]:
            continue
        ends = sorted(map(final, logs))
        published = PUBLISHED[cell][key]
        reached = round(ends[0], 1) <= published <= round(ends[-1], 1)
        ours = f"ours end between {ends[0]:.2f} and {ends[-1]:.2f}"
        if reached:
            yield f"- {key[0]} {key[1]}: the published {published} is reproduced ({ours})."
        elif statistics.median(ends) < published:
            yield f"- {key[0]} {key[1]}: the published {published} is **not** reproduced: {ours}, which is better."
        else:
            yield f"- {key[0]} {key[1]}: the published {published} is **not** reached: {ours}."


def versions(logs: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Each backend's version."""
    return {log["settings"]["backend"]: log["fingerprint"]["framework"] for log in logs}


def draw(groups: dict[tuple[str, str], list[dict[str, Any]]], path: Path) -> None:
    """All curves: one panel per model, one colour per backend, one line per seed."""
    from matplotlib.figure import Figure

    models = list(dict.fromkeys(model for _, model in groups))
    names = list(dict.fromkeys(backend for backend, _ in groups))
    figure = Figure(figsize=(5 * len(models), 3.6), layout="constrained")
    panels = figure.subplots(1, len(models), sharey=True, squeeze=False)[0]
    for panel, model in zip(panels, models, strict=True):
        for (backend, its_model), logs in groups.items():
            for i, log in enumerate(logs):
                if its_model == model:
                    place = names.index(backend)  # thinner over thicker: where all agree, all are seen
                    panel.plot([point["epoch"] for point in log["epochs"]],
                               [point["perplexity"] for point in log["epochs"]], f"C{place}",
                               linewidth=0.6 + 0.6 * (len(names) - 1 - place), label=None if i else backend)
        panel.set(title=model, xlabel="epoch", yscale="log")
        panel.grid(alpha=0.3)
        panel.legend()
    panels[0].set(ylabel="perplexity")
    figure.savefig(path, metadata={"Date": None})
