"""One-hot is an embedding, held against the reference by the judge's limit; and learned embeddings next to it."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from lstm_ref.embedding import EmbeddingParams, embedding_loss_and_grads, embedding_lstm, get_embedding_params
from lstm_ref.loss import perplexity
from lstm_ref.lstm import lstm
from lstm_ref.params import Array, LSTMParams, State
from lstm_ref.parity.cases import draw as problem_of
from lstm_ref.parity.checks import Numbers
from lstm_ref.parity.truth import evaluations
from lstm_ref.parity.truth import measure as yardstick
from lstm_ref.parity.verdict import LIMIT, compare
from lstm_ref.tools.exercises.nets import mean_loss
from lstm_ref.tools.exercises.study import Case, grouped, looking, rounded, spread, train
from lstm_ref.tools.exercises.words import net_of, reading
from lstm_ref.tools.markdown import lines
from lstm_ref.tools.pictures import plain
from lstm_ref.training import loss_and_grads, one_hot

fused: Any = import_module("backends.numpy.fused")
embedded: Any = import_module("backends.numpy.embedding")

SETTINGS: Case = {
    "data": "timemachine", "train": 20_000, "held_out": 10_000, "num_hiddens": 64, "num_steps": 35, "batch_size": 32,
    "theta": 1.0, "lr": 4.0, "epochs": {"char": 60, "word": 40}, "looks": 20, "min_freq": {"char": 1, "word": 2},
    "sizes": {"char": [4, 28, 128], "word": [16, 64]}, "control": {"char": 128, "word": 64},
    "judged": [["float32", 5, 3, 7, 11], ["float64", 5, 3, 7, 11]]}
SMALL: Case = SETTINGS | {
    "data": "embedded", "train": 900, "held_out": 300, "num_hiddens": 4, "num_steps": 3, "batch_size": 2, "looks": 2,
    "epochs": {"char": 2, "word": 2}, "sizes": {"char": [3], "word": [3]}, "control": {"char": 3, "word": 3},
    "judged": [["float32", 2, 2, 3, 2]]}
TABLES = ("embedding", "embedding-equal")
TOKENS = {"char": "characters", "word": "words"}


def plan(settings: Case, seeds: Sequence[int]) -> list[Case]:
    """The identity in each precision and size; and one-hot, a start of one-hot as an embedding has it, embeddings."""
    equal = [{"part": "equal", "dtype": dtype, "sizes": sizes, "seed": seed}
             for dtype, *sizes in settings["judged"] for seed in seeds]
    ways = [(token, *way) for token, sizes in settings["sizes"].items() for way in (
        ("one-hot", None), ("one-hot from the start of an embedding", settings["control"][token]),
        *(("embedding", size) for size in sizes))]
    return equal + [{"part": "learned", "tokens": token, "way": way, "size": size, "seed": seed}
                    for token, way, size in ways for seed in seeds]


def measure(settings: Case, case: Case) -> dict[str, Any]:
    """Either how far the identity is from one-hot, or how a training went."""
    if case["part"] == "equal":
        return equal(*case["sizes"], dtype=case["dtype"], seed=case["seed"])
    read = reading(settings, case["tokens"], settings["min_freq"][case["tokens"]])
    epochs = settings["epochs"][case["tokens"]]
    looks, after_epoch = looking(epochs, settings["looks"],
                                 lambda net: {"perplexity": perplexity(mean_loss(net, read.end))})
    make = from_product(case["size"]) if case["way"].startswith("one-hot from") else net_of(case["size"])
    history = train(make, read.start, len(read.vocab), settings | {"epochs": epochs}, case["seed"], after_epoch)
    return {"vocabulary": len(read.vocab), "perplexity": rounded(history.perplexity), "looks": looks,
            "end": history.end, "parameters": sum(array.size for array in history.net.trained()),
            "training": history.seconds}


def from_product(size: int) -> Callable[[int, int, int], Any]:
    """One-hot that computes at its start what an embedding of this size computes at its own: W_x* is E W_x*."""
    def make(V: int, h: int, seed: int) -> Any:
        params = get_embedding_params(V, size, h, seed)
        return fused.RNNModelFused(LSTMParams(**{
            name: params.embedding @ W if name.startswith("W_x") else W for name, W in params.lstm._asdict().items()}))

    return make


def quantities(outputs: Array, last: State, loss: Array, grads: LSTMParams) -> dict[str, Array]:
    """What is compared, by name."""
    return {"outputs": outputs, **dict(zip("HC", last, strict=True)), "loss": np.asarray(loss),
            **LSTMParams(*grads)._asdict()}


def equal(T: int, B: int, V: int, h: int, *, dtype: str, seed: int) -> dict[str, Any]:
    """Of the identity as an embedding: quantities of the reference with other bits than one-hot rows give, and a ratio.

    The ratio is the worst of the fused LSTM with an embedding, against the truth of one-hot rows.
    """
    problem = problem_of("one-hot", T, B, V, h, scale=0.5, seed=seed).astype(dtype)
    X, Y, (H, C), params = problem.X, problem.Y, problem.state, problem.params
    state = H, C
    identity, rows = EmbeddingParams(np.eye(V, dtype=dtype), params), one_hot(X.T, V, dtype)

    def judged(reference: Any, case: Any) -> dict[str, Array]:
        loss, grads = reference.loss_and_grads(case.inputs, case.state, case.params, case.targets)
        outputs, last = reference.forward(case.inputs, case.state, case.params)
        return quantities(outputs, last, loss, grads)

    loss, grads, _ = embedding_loss_and_grads(X, state, identity, problem.targets)
    ours = quantities(*embedding_lstm(X, state, identity), loss, grads.lstm)
    loss, grads, _ = loss_and_grads(rows, state, params, problem.targets)
    theirs = quantities(*lstm(rows, state, params), loss, grads)
    net = embedded.RNNModelEmbedding(identity)
    work = net.reading(X, state)
    loss, dY = fused.cross_entropy(net.outputs(work, training=True), Y.T)
    dW, dW_hq, db_q, _ = net.gradients(work, X, dY)
    outputs, last = net.forward(X, state)
    found = quantities(outputs, last, loss, fused.unpack(dW, dW_hq, db_q))
    truth = yardstick(Numbers("one-hot", judged), problem, evaluations(problem))
    return {"quantities": len(ours), "other bits": sum(not np.array_equal(ours[name], theirs[name]) for name in ours),
            "ratio": max(compare(name, found[name], problem.dtype, truth)["ratio"] for name in found)}


def learned(data: Case) -> dict[tuple[str, str], list[Case]]:
    """The trainings by tokens and way."""
    runs = [result for result in data["results"] if result["part"] == "learned"]
    return {(token, way if size is None else f"{way} of {size}"): found
            for (token, way, size), found in grouped(runs, "tokens", "way", "size").items()}


def lowest(run: Case) -> dict[str, Any]:
    """The look with the lowest perplexity."""
    found: dict[str, Any] = min(run["looks"], key=lambda look: look["perplexity"])
    return found


def tables(data: Case) -> dict[str, str]:
    """The trainings; and the identity."""
    body = [[TOKENS[token], way, f"{runs[0]['vocabulary']:,}", f"{runs[0]['parameters']:,}",
             spread([run["perplexity"][-1] for run in runs]),
             spread([lowest(run)["perplexity"] for run in runs]),
             spread([lowest(run)["epoch"] for run in runs], "g"),
             spread([run["looks"][-1]["perplexity"] for run in runs]), spread([run["training"] for run in runs], ".1f")]
            for (token, way), runs in learned(data).items()]
    same = [[dtype, " × ".join(map(str, sizes)), f"{sum(run['other bits'] for run in runs)} of "
             f"{sum(run['quantities'] for run in runs)}", spread([run["ratio"] for run in runs])]
            for (dtype, sizes), runs in grouped([{**run, "sizes": tuple(run["sizes"])} for run in data["results"]
                                                 if run["part"] == "equal"], "dtype", "sizes").items()]
    return {"embedding": lines(["", "read as", "vocabulary", "parameters", "training perplexity at the end",
                                "held-out, lowest", "after epoch", "held-out at the end", "seconds of training"], body),
            "embedding-equal": lines(["", "T × B × V × h", "quantities with other bits, reference",
                                      f"worst ratio, fused (limit {LIMIT:g})"], same)}


def draw(data: Case) -> Any:
    """Perplexity over the epochs, training above and held-out text below, of characters and of words."""
    from matplotlib.figure import Figure

    tokens = list(data["settings"]["sizes"])
    figure = Figure(figsize=(11, 7.5), layout="constrained")
    panels = figure.subplots(2, len(tokens), squeeze=False)
    for upper, lower, token in zip(*panels, tokens, strict=True):
        for i, ((_, way), runs) in enumerate((key, runs) for key, runs in learned(data).items() if key[0] == token):
            for k, run in enumerate(runs):
                style = {"color": f"C{i}", "linewidth": 0.9, "label": None if k else way}
                upper.plot(range(1, len(run["perplexity"]) + 1), run["perplexity"], **style)
                lower.plot([look["epoch"] for look in run["looks"]], [look["perplexity"] for look in run["looks"]],
                           marker=".", markersize=3, **style)
        for panel, text in ((upper, "training text"), (lower, "held-out text")):
            panel.set(title=f"{TOKENS[token]}, {text}", xlabel="epoch", ylabel="perplexity", yscale="log")
            plain(panel.yaxis)
            panel.grid(alpha=0.3)
            panel.legend(fontsize=8)
    return figure
