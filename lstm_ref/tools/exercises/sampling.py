"""Drawing the next character from the model's probabilities, raised to a power alpha."""

import math
import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np

from lstm_ref import loss
from lstm_ref.loop import draw_token
from lstm_ref.loss import log_softmax
from lstm_ref.params import Array
from lstm_ref.text import Vocab
from lstm_ref.tools.exercises.study import Case, grouped, spread, text, train
from lstm_ref.tools.markdown import lines
from lstm_ref.tools.pictures import plain

SETTINGS: Case = {"data": "timemachine", "num_hiddens": 256, "num_steps": 35, "batch_size": 32, "theta": 1.0,
                  "lr": 1.0, "updates": 1600, "tokens": [10_000, 160_000], "draws": 20_000, "length": 2_000,
                  "alphas": [0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, None], "prefix": "time traveller"}
SMALL: Case = SETTINGS | {"data": "embedded", "num_hiddens": 4, "num_steps": 5, "batch_size": 2, "updates": 60,
                          "tokens": [300], "draws": 1_000, "length": 50, "alphas": [0.5, 1.0, 5.0, None]}
TABLES = ("sampling", "sampling-text")
#: Characters of a written text that are shown, and of the pieces that are looked up in the training text.
SHOWN, PIECE = 60, 8


def plan(settings: Case, seeds: Sequence[int]) -> list[Case]:
    """A network for each length of the training text and each seed."""
    return [{"tokens": tokens, "seed": seed} for tokens in settings["tokens"] for seed in seeds]


def probabilities(outputs: Array, alpha: float) -> Array:
    """What `draw_token` should draw with, by the definition: softmax to the power alpha, made to sum to one."""
    powers = np.exp(log_softmax(np.asarray(outputs, np.float64))) ** alpha
    return np.asarray(powers / powers.sum())


def write(net: Any, prefix: str, length: int, alpha: float | None, vocab: Vocab, rng: np.random.Generator
          ) -> tuple[str, list[float], list[Array]]:
    """The text after a prefix, each of its characters' loss in nats under the model itself, and the outputs."""
    state, tokens = net.zeros(1), [vocab[character] for character in prefix]
    for token in tokens[:-1]:
        _, state = net.read_token(token, state)
    token, found, losses, seen = tokens[-1], list[int](), list[float](), list[Array]()
    for _ in range(length):
        outputs, state = net.read_token(token, state)
        token = int(np.argmax(outputs)) if alpha is None else draw_token(outputs, alpha, rng)
        losses.append(-float(log_softmax(outputs)[token]))
        found.append(token)
        seen.append(outputs)
    return "".join(vocab.to_tokens(found)), losses, seen


def p_value(counts: Array, p: Array) -> float:
    """How likely draws with probabilities p lie this far from them: an upper bound that holds at every sample size.

    The relative entropy d of the frequencies of n draws, over k outcomes, is beyond a value with a probability of at
    most exp(-n d) (e n d / (k - 1))^(k - 1), where n d is above k - 1 (Agrawal 2020, theorem 1.2).
    """
    drawn, n, k = counts > 0, counts.sum(), int((p > 0).sum())
    if (p[drawn] <= 0).any():
        return 0.0
    if k == 1:
        return 1.0
    nd = float((counts[drawn] * np.log(counts[drawn] / (n * p[drawn]))).sum())
    return 1.0 if nd <= k - 1 else min(1.0, math.exp((k - 1) * (1 + math.log(nd / (k - 1))) - nd))


def measure(settings: Case, case: Case) -> dict[str, Any]:
    """For each alpha a text, its perplexity under the model, how it repeats and copies, and the sampler's test."""
    tokens, vocab = text(settings)
    tokens = tokens[:case["tokens"]]
    each = len(tokens) // settings["batch_size"] // settings["num_steps"]
    epochs = max(settings["updates"] // each, 1)
    history = train("rnn", tokens, len(vocab), settings | {"epochs": epochs}, case["seed"])
    known = "".join(vocab.to_tokens(tokens))
    pieces = {known[i:i + PIECE] for i in range(len(known) - PIECE + 1)}
    words, rng, found = set(known.split()), np.random.default_rng(case["seed"]), list[dict[str, Any]]()
    for alpha in settings["alphas"]:
        written, losses, seen = write(history.net, settings["prefix"], settings["length"], alpha, vocab, rng)
        own = [written[i:i + PIECE] for i in range(len(written) - PIECE + 1)]
        found.append({
            "alpha": alpha, "text": written[:SHOWN], "perplexity": loss.perplexity(float(np.mean(losses))),
            "distinct": len(set(own)) / len(own), "copied": sum(piece in pieces for piece in own) / len(own),
            "words": statistics.mean(word in words for word in written.split() or [""]),
            "p_value": None if alpha is None else tested(seen[len(seen) // 2], alpha, settings["draws"], rng)})
    return {"epochs": epochs, "training perplexity": history.perplexity[-1], "alphas": found}


def tested(outputs: Array, alpha: float, draws: int, rng: np.random.Generator) -> float:
    """The p-value of so many draws for the same outputs."""
    counts = np.bincount([draw_token(outputs, alpha, rng) for _ in range(draws)], minlength=len(outputs))
    return p_value(counts, probabilities(outputs, alpha))


def named(alpha: float | None) -> str:
    """An exponent in words."""
    return "greedy" if alpha is None else f"{alpha:g}"


def by_alpha(data: Case) -> dict[int, dict[str, list[Case]]]:
    """What was measured, by length of the training text and alpha."""
    return {tokens: {named(alpha): [part for run in runs for part in run["alphas"] if part["alpha"] == alpha]
                     for alpha in data["settings"]["alphas"]}
            for (tokens,), runs in grouped(data["results"], "tokens").items()}


def tables(data: Case) -> dict[str, str]:
    """The numbers over alpha, and the first text of each."""
    body, texts = [], []
    for tokens, alphas in by_alpha(data).items():
        for alpha, parts in alphas.items():
            p = [part["p_value"] for part in parts if part["p_value"] is not None]
            body.append([f"{tokens:,}", alpha, *(spread([part[key] for part in parts], digits) for key, digits in (
                ("perplexity", ".2f"), ("distinct", ".0%"), ("copied", ".0%"), ("words", ".0%"))),
                f"{min(p):.2g}" if p else ""])
            texts.append([f"{tokens:,}", alpha, f"`{parts[0]['text']}`"])
    return {"sampling": lines(["trained on", "alpha", "perplexity of the text under the model", "distinct pieces",
                               "pieces from the training text", "words from it", "smallest p-value of the sampler"],
                              body),
            "sampling-text": lines(["trained on", "alpha", f"what follows `{data['settings']['prefix']}` (seed 0)"],
                                   texts)}


def draw(data: Case) -> Any:
    """Perplexity, variety and copying over alpha."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3.8), layout="constrained")
    panels = figure.subplots(1, 3)
    for i, (tokens, alphas) in enumerate(by_alpha(data).items()):
        for panel, key, factor in zip(panels, ("perplexity", "distinct", "copied"), (1, 100, 100), strict=True):
            for k, parts in enumerate(alphas.values()):
                panel.plot([k] * len(parts), [factor * part[key] for part in parts], f"C{i}o", alpha=0.5, markersize=4)
            panel.plot(range(len(alphas)), [factor * statistics.median(part[key] for part in parts)
                                            for parts in alphas.values()],
                       f"C{i}", label=f"trained on {tokens:,} characters")
            panel.set_xticks(range(len(alphas)), list(alphas))
    for panel, label in zip(panels, ("perplexity of the written text under the model",
                                     f"distinct among its pieces of {PIECE} characters, %",
                                     f"pieces of {PIECE} that the training text has, %"), strict=True):
        panel.set(xlabel="alpha, the exponent of the probabilities", ylabel=label)
        panel.grid(alpha=0.3)
        panel.legend(fontsize=8)
    panels[0].set(yscale="log")
    plain(panels[0].yaxis)
    return figure
