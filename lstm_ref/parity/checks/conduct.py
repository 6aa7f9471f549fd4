"""The checks of conduct: what a call leaves as it was, what an epoch reports, and who computed it."""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import lstm_ref
from lstm_ref.params import Array
from lstm_ref.parity.cases import Case
from lstm_ref.parity.checks.check import Fact, Facts, same
from lstm_ref.parity.checks.numbers import ALPHABET, vocabulary
from lstm_ref.parity.interface import Implementation, not_judged
from lstm_ref.parity.reference import Reference
from lstm_ref.parity.truth import wider
from lstm_ref.text import Vocab


def equal(quantity: str, expected: Any, found: Any) -> Fact:
    """The fact that arrays are what they were."""
    pairs = [(np.asarray(a), np.asarray(b)) for a, b in zip(expected, found, strict=True)]
    wrong = [f"expected {a}, got {b}" for a, b in pairs if a.dtype != b.dtype or not np.array_equal(a, b)]
    return Fact(quantity, not wrong, " ".join(wrong[0].split()) if wrong else "")


def twice(case: Case) -> list[tuple[Array, Array]]:
    """Two minibatches of a case, the second with its rows in another order."""
    return [(case.X, case.Y), (case.X[::-1].copy(), case.Y[::-1].copy())]


def kept(implementation: Implementation, case: Case) -> Iterator[Fact]:
    """Arguments, weights that were loaded and minibatches are left alone; models share nothing and keep nothing old."""
    c = case
    arrays = [array.copy() for array in (c.inputs, *c.state, *c.params)]
    for name, before, after in zip(("inputs", *c.states, *c.names), arrays,
                                   implementation.touched(c.inputs, c.state, c.params), strict=True):
        yield equal(f"{name}: unchanged by {c.cell}", [before], [after])

    minibatches = twice(c)
    many = [(X.copy(), Y.copy()) for X, Y in minibatches * 6]
    left = implementation.train(c.params, [many], 1.0, False).minibatches
    yield equal("minibatches: unchanged by an epoch", [a for m in minibatches * 6 for a in m],
                [a for m in left[0] for a in m])

    net, other = implementation.model(c.params), implementation.model(c.params)
    yield equal("a model has the weights that it is given", c.params, net.read())
    for batch_size in (1, c.sizes[1] + 2):
        drawn = net.begin_state(batch_size)
        yield equal(f"begin_state: zeros for a batch of {batch_size}",
                    [np.zeros((batch_size, c.sizes[3]), c.dtype) for _ in c.state], drawn.arrays)
        if len(c.state) > 1:
            yield same(f"begin_state: H and C do not share their memory, batch of {batch_size}", True, drawn.distinct)
    vocab = Vocab(ALPHABET)
    old = net.predict("time", 20, vocab)
    for _ in range(3):
        net.epoch(minibatches, 3.0, False)
    yield equal("training one model leaves another as it was", c.params, other.read())
    yield equal("training leaves the arrays as they were", arrays[1 + len(c.state):], c.params)
    trained = c.params._make(array.astype(wider(c.dtype)) for array in net.read())
    expected, found = Reference().prediction(trained, "time", 20, vocab), net.predict("time", 20, vocab)
    stale = " (what it wrote before it was trained)" if found == old != expected else ""
    yield Fact("a model that was trained on writes with its new weights", found == expected,
               "" if found == expected else f"expected {expected!r}, got {found!r}{stale}")


def reports(implementation: Implementation, case: Case) -> Iterator[Fact]:
    """Tokens per second by the judge's clock; `train_ch8` prints the last perplexity, and what its model writes."""
    trained = implementation.train(case.params, case.epochs, case.lr, case.use_random_iter)
    for i, (epoch, report) in enumerate(zip(case.epochs, trained.reports, strict=True), 1):
        tokens = sum(Y.size for _, Y in epoch)
        low, high = tokens / report.most, tokens / report.least if report.least > 0 else np.inf
        yield Fact(f"tokens per second in epoch {i}", bool(low <= report.speed <= high),
                   f"expected between {low:.6g} and {high:.6g} ({tokens} tokens in {report.least:.3g} to "
                   f"{report.most:.3g} s), got {report.speed:.6g}")
    vocab = vocabulary(case)
    _, weights, printed = implementation.carried(case.params, case.epochs, vocab, case.lr)
    expected = f"{Reference().train(case.params, case.epochs, case.lr, False).reports[-1].perplexity:.1f}"
    yield Fact("train_ch8 prints the last epoch's perplexity", expected in re.findall(r"\d+\.\d", printed),
               f"expected {expected}, got {printed!r}")
    for prefix in ("time traveller", "traveller"):
        text = implementation.prediction(weights, prefix, 50, vocab)
        yield Fact(f"train_ch8 prints what its model writes after {prefix!r}", text in printed,
                   f"expected {text!r}, got {printed!r}")


#: Modules whose functions compute what is judged.
JUDGED = ("params", "lstm", "rnn", "gru", "loss", "training", "model")
HELPS = {"perplexity", "<module>"}  #: what a backend may take from them


def own(implementation: Implementation, case: Case) -> Iterator[Fact]:
    """What is judged computes for itself: no function of the reference runs while it is called."""
    root = Path(lstm_ref.__file__).parent
    files = {str(root / f"{module}.py") for module in JUDGED}
    heard: set[str] = set()

    def listen(frame: Any, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename in files and frame.f_code.co_name not in HELPS:
            heard.add(f"lstm_ref.{Path(frame.f_code.co_filename).stem}.{frame.f_code.co_name}")

    calls: dict[str, Callable[[], Any]] = {
        "forward": lambda: implementation.forward(case.inputs, case.state, case.params),
        "backward": lambda: implementation.loss_and_grads(case.inputs, case.state, case.params, case.targets),
        "clipping": lambda: implementation.grad_clipping(case.grads, 1.0),
        "step": lambda: implementation.train_step(case.params, case.X, case.Y, case.state, 1.0, 1.0),
    }
    for name, call in calls.items():
        if name in not_judged(implementation, case.cell):
            continue
        heard.clear()
        previous = sys.getprofile()
        sys.setprofile(listen)
        try:
            call()
        finally:
            sys.setprofile(previous)
        yield Fact(f"what {name} calls is its own", not heard, f"expected no function of the reference to run, got "
                                                    f"{', '.join(sorted(heard))}")


CONDUCT = (
    Facts("kept", kept, ("touched", "train", "model"), ("large",), cells=("large",)),
    Facts("reports", reports, ("train", "carried", "prediction"), ("sequential",), ("float32",)),
    Facts("own", own, ("forward",), ("ragged",), ("float32",), cells=("ragged",)),
)
