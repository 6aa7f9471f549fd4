"""Words for characters: bits a character on held-out text, and what the vocabulary costs in time and memory."""

import math
import statistics
import tracemalloc
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from lstm_ref import loop
from lstm_ref.embedding import get_embedding_params
from lstm_ref.loss import perplexity
from lstm_ref.text import Vocab, lines_of, read_text, seq_data_iter_sequential, tokenize
from lstm_ref.tools.exercises.nets import NETS, mean_loss
from lstm_ref.tools.exercises.perplexity import counted
from lstm_ref.tools.exercises.study import Case, grouped, looking, rounded, spread, train
from lstm_ref.tools.markdown import lines

embedded: Any = import_module("backends.numpy.embedding")

SETTINGS: Case = {
    "data": "timemachine", "train": 40_000, "held_out": 10_000, "num_hiddens": 64, "num_steps": 35, "batch_size": 32,
    "theta": 1.0, "lr": 4.0, "epochs": {"char": 50, "word": 25}, "looks": 25, "written": {"char": 80, "word": 16},
    "prefix": "the time traveller", "alpha": 1.5,
    "readings": [["char", 1, None], ["word", 1, 64], ["word", 2, 64], ["word", 5, 64], ["word", 2, None]]}
SMALL: Case = SETTINGS | {
    "data": "embedded", "train": 900, "held_out": 300, "num_hiddens": 4, "num_steps": 3, "batch_size": 2, "looks": 2,
    "epochs": {"char": 2, "word": 2}, "readings": [["char", 1, None], ["word", 1, 3], ["word", 2, None]]}
TABLES = ("words", "words-cost", "words-text")


class Reading(NamedTuple):
    """A text as tokens, counted on its beginning alone.

    Attributes:
        vocab: of the training text.
        start: the training text.
        end: the held-out text.
        characters: of the held-out text, a space after each word included.
        spelled: nats that the letters of the held-out text's unknown tokens cost.
    """

    vocab: Vocab
    start: list[int]
    end: list[int]
    characters: int
    spelled: float


def reading(settings: Case, token: str, min_freq: int) -> Reading:
    """The text in characters or words. All its lines are one, with a space between, so that both read the same.

    A word that the vocabulary lacks is `<unk>`, and what a model predicts of it is less than the text has: so its
    letters are charged by the frequencies that letters have in the training text's words, one added to each count.
    """
    text = " ".join(filter(None, lines_of(read_text(settings["data"])[0])))
    size = settings["train"], settings["train"] + settings["held_out"]
    parts = [text[:size[0]], text[size[0]:size[1]]]
    (start,), (end,) = (tokenize([part], token) for part in parts)
    vocab = Vocab(start, min_freq)
    cost = spelling(start)
    unknown = [found for found in end if found not in vocab]
    characters = sum(len(found) for found in end) + (len(end) if token == "word" else 0)
    return Reading(vocab, vocab[start], vocab[end], characters, sum(map(cost, unknown)))


def spelling(words: Sequence[str]) -> Callable[[str], float]:
    """A function that says how many nats a word's letters and its end cost, by their frequencies in these words."""
    letters = Vocab([*"abcdefghijklmnopqrstuvwxyz", "end", *(letter for word in words for letter in [*word, "end"])])
    counts = dict(letters.token_freqs)
    total = sum(counts.values())
    return lambda word: sum(math.log(total / counts[letter]) for letter in [*word, "end"])


def net_of(embedding: int | None) -> Callable[[int, int, int], Any]:
    """A function that makes the fused LSTM on one-hot rows, or on an embedding of a size."""
    if embedding is None:
        return NETS["lstm"]
    return lambda V, h, seed: embedded.RNNModelEmbedding(get_embedding_params(V, embedding, h, seed))


def bits(loss: float, read: Reading) -> float:
    """Bits a character of the held-out text, from the mean loss in nats a token."""
    return (loss * (len(read.end) - 1) + read.spelled) / math.log(2) / read.characters


def plan(settings: Case, seeds: Sequence[int]) -> list[Case]:
    """Every way of reading, for every seed."""
    return [{"tokens": token, "min_freq": min_freq, "embedding": embedding, "seed": seed}
            for token, min_freq, embedding in settings["readings"] for seed in seeds]


def measure(settings: Case, case: Case) -> dict[str, Any]:
    """Perplexity of the epochs, bits a character on held-out text, time and memory of the training, and a text."""
    read = reading(settings, case["tokens"], case["min_freq"])
    epochs = settings["epochs"][case["tokens"]]

    def look(net: Any) -> Case:
        loss = mean_loss(net, read.end)
        return {"perplexity": perplexity(loss), "bits": bits(loss, read)}

    looks, after_epoch = looking(epochs, settings["looks"], look)
    history = train(net_of(case["embedding"]), read.start, len(read.vocab), settings | {"epochs": epochs},
                    case["seed"], after_epoch)
    words = [] if case["tokens"] == "char" else read.vocab.to_tokens(read.vocab[settings["prefix"].split()])
    written = loop.predict(words or settings["prefix"], settings["written"][case["tokens"]], read.vocab,
                           history.net.zeros(1), history.net.read_token, settings["alpha"], case["seed"])
    read_in_an_epoch = settings["train"] * epochs / 1000
    return {"vocabulary": len(read.vocab), "training tokens": len(read.start), "held-out tokens": len(read.end),
            "unknown": [tokens.count(0) / len(tokens) for tokens in (read.start, read.end)],
            "spelled bits": read.spelled / math.log(2) / read.characters, "perplexity": rounded(history.perplexity),
            "end": history.end, "looks": looks, "text": written, "training": history.seconds / read_in_an_epoch,
            "parameters": sum(array.size for array in history.net.trained()),
            "peak bytes": peak(net_of(case["embedding"]), read, settings),
            "frequencies": bits(frequencies(read), read),
            "counts": [bits(math.log(counted(read.start, read.end, order, len(read.vocab))), read)
                       for order in (2, 3, 4)] if case["tokens"] == "char" else []}


def frequencies(read: Reading) -> float:
    """The loss of a model that predicts every token by its frequency in the training text, one added to each count."""
    counts = np.bincount(read.start, minlength=len(read.vocab)) + 1.0
    return float(-np.log(counts / counts.sum())[read.end].mean())


def peak(make: Callable[[int, int, int], Any], read: Reading, settings: Case) -> int:
    """Bytes that a net and two of its steps hold at most."""
    X, Y = next(seq_data_iter_sequential(read.start, settings["batch_size"], settings["num_steps"]))
    tracemalloc.start()
    try:
        net = make(len(read.vocab), settings["num_hiddens"], 0)
        state = net.zeros(settings["batch_size"])
        for _ in range(2):
            *_, state = net.step(X, Y, state, 0.0, 1.0)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def named(token: str, min_freq: int, embedding: int | None) -> str:
    """A way of reading in words."""
    rows = "one-hot" if embedding is None else f"embedding of {embedding}"
    often = {1: "all words"}.get(min_freq, f"words that occur {min_freq} times or more")
    return f"characters, {rows}" if token == "char" else f"{often}, {rows}"


def groups(data: Case) -> dict[str, list[Case]]:
    """The runs by way of reading."""
    return {named(*key): runs for key, runs in grouped(data["results"], "tokens", "min_freq", "embedding").items()}


def lowest(run: Case) -> dict[str, Any]:
    """The look with the fewest bits."""
    found: dict[str, Any] = min(run["looks"], key=lambda look: look["bits"])
    return found


def tables(data: Case) -> dict[str, str]:
    """Bits a character; time and memory; texts."""
    body, cost, texts = [], [], []
    for name, runs in groups(data).items():
        first, best = runs[0], [lowest(run) for run in runs]
        body.append([name, spread([run["perplexity"][-1] for run in runs]),
                     spread([look["perplexity"] for look in best]), spread([look["bits"] for look in best]),
                     f"{statistics.median(look['epoch'] for look in best):g} of {len(first['perplexity'])}",
                     spread([run["looks"][-1]["bits"] for run in runs]), f"{first['spelled bits']:.2f}",
                     f"{first['frequencies']:.2f}"])
        cost.append([name, f"{first['vocabulary']:,}", f"{first['unknown'][0]:.1%}", f"{first['unknown'][1]:.1%}",
                     f"{first['training tokens']:,}", f"{first['parameters']:,}",
                     spread([1000 * run["training"] for run in runs], ".1f"), f"{first['peak bytes'] / 2**20:.1f} MiB"])
        texts += [[name, str(run["seed"]), f"`{run['text']}`"] for run in runs]
    return {
        "words": lines(["read as", "training perplexity a token", "held-out perplexity a token, lowest",
                        "held-out bits a character, lowest", "after epoch", "at the end", "of which spelling",
                        "by frequencies alone"], body),
        "words-cost": lines(["read as", "vocabulary", "unknown in training", "unknown in held-out", "training tokens",
                             "parameters", "ms for 1,000 characters, training", "memory of a step"], cost),
        "words-text": lines(["read as", "seed", f"drawn with alpha {data['settings']['alpha']:g}"], texts)}


def draw(data: Case) -> Any:
    """Bits a character over the text read, and the cost of the vocabulary."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.6), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=(2, 1, 1))
    names = list(groups(data))
    for i, (name, runs) in enumerate(groups(data).items()):
        for k, run in enumerate(runs):
            left.plot([look["epoch"] for look in run["looks"]], [look["bits"] for look in run["looks"]], f"C{i}",
                      linewidth=0.9, marker=".", markersize=3, label=None if k else name)
        middle.plot([i] * len(runs), [1000 * run["training"] for run in runs], f"C{i}o", markersize=4)
        right.plot([i], [runs[0]["peak bytes"] / 2**20], f"C{i}s", markersize=5)
    counts: list[float] = next((runs[0]["counts"] for runs in groups(data).values() if runs[0]["counts"]), [])
    if counts:
        left.axhline(min(counts), color="0.5", linestyle="--", linewidth=0.9, label="characters, by counting")
    left.set(xlabel="epochs", ylabel="bits a character, held-out text")
    short = [name.replace(", ", ",\n").replace("that occur ", "≥ ").replace(" or more", "") for name in names]
    for panel, label in ((middle, "ms for 1,000 characters, training"), (right, "memory of a step, MiB")):
        panel.set_xticks(range(len(names)), short, rotation=90, fontsize=7)
        panel.set(xlabel="read as", ylabel=label, ylim=(0, None))
    for panel in (left, middle, right):
        panel.grid(alpha=0.3)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    return figure
