"""What the exercises share: their form, the text and the training loop, which follows losses and gradient norms."""

import importlib
import math
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from lstm_ref.text import Vocab, corpus_of, read_text, seq_data_iter_sequential
from lstm_ref.tools.exercises.nets import NETS, finite

Case = dict[str, Any]


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Attributes:
        name: what it is called on the command line.
        chapter: 'LSTM' or 'RNN', where the question is asked.
        question: in our words.
        module: of this package. It has SETTINGS and SMALL, the same at toy size;
            `plan(settings, seeds)`, the cases to measure; `measure(settings, case)`, the numbers of one;
            `draw(data)`, a figure; `tables(data)`, Markdown by name; where something may be missing, `check(settings)`,
            which raises what a user reads.
    """

    name: str
    chapter: str
    question: str
    module: str = field(default="")

    def load(self) -> ModuleType:
        """The module."""
        return importlib.import_module(f"lstm_ref.tools.exercises.{self.module or self.name}")


EXERCISES = {exercise.name: exercise for exercise in (
    Exercise("hyperparameters", "LSTM", "What do hidden units, steps, batch size, learning rate and epochs do to "
             "running time, perplexity and the text that is written?"),
    Exercise("words", "LSTM", "What changes when the model reads and writes words instead of characters, and what does "
             "their vocabulary cost?"),
    Exercise("cost", "LSTM", "What do an LSTM, a GRU and a vanilla RNN of the same hidden size cost, in training and "
             "in use?"),
    Exercise("tanh", "LSTM", "The candidate memory cell is squashed by tanh already; why is C squashed once more on "
             "its way to H?", "squashing"),
    Exercise("series", "LSTM", "How well does an LSTM predict a series of numbers, one step ahead and many, next to "
             "plain baselines?"),
    Exercise("embedding", "RNN", "Is one-hot encoding an embedding, and are learned embeddings better?"),
    Exercise("perplexity", "RNN", "How low does perplexity get, on the text that was trained on, on text that was "
             "not, and on another book?"),
    Exercise("sampling", "RNN", "What does a model write when it draws the next character instead of taking the most "
             "likely one, and when the probabilities are first raised to a power?"),
    Exercise("clipping", "RNN", "What happens without gradient clipping?"),
    Exercise("detaching", "RNN", "What do running time, memory and perplexity do when the gradient also flows back "
             "into earlier minibatches?"),
    Exercise("relu", "RNN", "What does ReLU in the place of tanh change, and does it still need clipping?"),
)}


def run(exercise: Exercise, settings: Case, seeds: Sequence[int], advance: Callable[[str], None] = lambda _: None
        ) -> list[Case]:
    """Measure all cases of an exercise, one after the other.

    Args:
        exercise: which.
        settings: the module's SETTINGS or SMALL.
        seeds: of the weights and the minibatches' offsets.
        advance: called with a case's words when it is done.

    Returns:
        For each case what it is, what was measured, and the processor's seconds.
    """
    module, found = exercise.load(), list[Case]()
    for case in module.plan(settings, seeds):
        start = time.process_time()
        measured = module.measure(settings, case)
        found.append({**case, **measured, "seconds": round(time.process_time() - start, 3)})
        advance(", ".join(f"{key} {value}" for key, value in case.items()))
    return found


def text(settings: Case) -> tuple[list[int], Vocab]:
    """All tokens of the text that the settings name, and the vocabulary."""
    return corpus_of(read_text(settings["data"])[0])


@dataclass
class History:
    """How a training went.

    Attributes:
        perplexity: of each epoch, None where it is not finite.
        norms: of the gradient, before clipping, at each minibatch; None likewise.
        seconds: of training, of the processor: the machine may have other work.
        end: why it ended early, or ''.
        net: the network at the end.
    """

    net: Any
    perplexity: list[float | None] = field(default_factory=list)
    norms: list[float | None] = field(default_factory=list)
    seconds: float = 0.0
    end: str = ""


def minibatches(tokens: Sequence[int], settings: Case, epoch: int, seed: int) -> Iterator[tuple[Any, Any]]:
    """An epoch by sequential partition, from the offset that `lstm-parity train` draws for this seed and epoch."""
    random.seed(seed * 1_000_003 + epoch)
    return seq_data_iter_sequential(tokens, settings["batch_size"], settings["num_steps"])


def train(kind: str | Callable[[int, int, int], Any], tokens: Sequence[int], vocab_size: int, settings: Case, seed: int,
          after_epoch: Callable[[Any, int], None] = lambda *_: None) -> History:
    """Train as the book does, from its start.

    Args:
        kind: a key of `NETS`, or a function like theirs.
        tokens: the text to train on.
        vocab_size: V.
        settings: num_hiddens, batch_size, num_steps, lr, epochs, and theta, the clipping threshold; None for none.
        seed: of weights and offsets.
        after_epoch: called with the network and the epoch's number; its time is not counted.

    Returns:
        The history. A loss or a gradient that is not finite ends it.
    """
    net = (NETS[kind] if isinstance(kind, str) else kind)(vocab_size, settings["num_hiddens"], seed)
    history, theta = History(net), math.inf if settings["theta"] is None else settings["theta"]
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is part of the answer
        for epoch in range(1, settings["epochs"] + 1):
            start = time.process_time()
            state, losses = net.zeros(settings["batch_size"]), []
            for i, (X, Y) in enumerate(minibatches(tokens, settings, epoch, seed), 1):
                loss, norm, state = net.step(X, Y, state, settings["lr"], theta)
                losses.append(float(loss))
                history.norms.append(finite(norm))
                if not (math.isfinite(loss) and math.isfinite(norm)):
                    history.end = f"epoch {epoch}, minibatch {i}: loss {loss:.3g}, gradient norm {norm:.3g}"
                    break
            history.perplexity.append(finite(np.exp(np.float64(np.mean(losses)))))
            history.seconds += time.process_time() - start
            if history.end:
                break
            after_epoch(net, epoch)
    return history


def looking(epochs: int, many: int, look: Callable[[Any], Case]) -> tuple[list[Case], Callable[[Any, int], None]]:
    """Looks at a network in training, evenly spread over the epochs.

    Args:
        epochs: how many there are.
        many: how often to look.
        look: what is found of the network.

    Returns:
        What was found so far, each with its epoch, and a function for `train` to call after each epoch.
    """
    wanted, found = {round(epochs * (i + 1) / many) for i in range(many)}, list[Case]()

    def after_epoch(net: Any, epoch: int) -> None:
        if epoch in wanted:
            found.append({"epoch": epoch, **look(net)})

    return found, after_epoch


def last(result: Case) -> float:
    """Perplexity of a run's last epoch; infinite where it is not finite."""
    end = result["perplexity"][-1]
    return math.inf if end is None else float(end)


def spread(values: Sequence[float | None], digits: str = ".2f") -> str:
    """Median and range; None counts as infinite."""
    known = sorted(math.inf if value is None else value for value in values)
    shown = [f"{value:{digits}}" for value in (statistics.median(known), known[0], known[-1])]
    return f"{shown[0]} ({shown[1]} to {shown[2]})"


def grouped(results: Sequence[Case], *keys: str) -> dict[tuple[Any, ...], list[Case]]:
    """The results by the values of some keys, in order of appearance."""
    found: dict[tuple[Any, ...], list[Case]] = {}
    for result in results:
        found.setdefault(tuple(result[key] for key in keys), []).append(result)
    return found


def rounded(numbers: Sequence[float | None], digits: int = 4) -> list[float | None]:
    """To so many significant digits, so that a JSON file stays small."""
    return [None if number is None else float(f"{number:.{digits}g}") for number in numbers]
