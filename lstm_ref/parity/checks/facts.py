"""The checks of facts: how a model starts, what it writes, what it is trained on, and what is refused."""

import math
import random
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np

import lstm_ref as ref
from lstm_ref.parity.cases import Case, make, seeded
from lstm_ref.parity.checks.check import Fact, Facts, same
from lstm_ref.parity.checks.numbers import ALPHABET, WRITE
from lstm_ref.parity.checks.statistics import FALSE_ALARM, independence_p_value, scale_p_value, shape_p_value
from lstm_ref.parity.interface import CELLS, Implementation
from lstm_ref.parity.reference import Reference
from lstm_ref.parity.truth import wider
from lstm_ref.text import Vocab

Call = Callable[[Implementation], Any]


def params(implementation: Implementation, case: Case) -> Iterator[Fact]:
    """Names and order (by shape), dtype, trainability, zero biases, the weights' distribution, the seed."""
    *_, vocab_size, num_hiddens = case.sizes
    drawn = implementation.get_params(case.cell, vocab_size, num_hiddens, case.dtype, seed=1)
    shapes = CELLS[case.cell].shapes(vocab_size, num_hiddens)
    yield same("number of parameters", len(case.names), len(drawn.arrays))
    fits = same("shapes in order", list(shapes.values()), [array.shape for array in drawn.arrays])
    yield fits
    if not fits.holds:
        return  # the rest would compare one parameter with another
    for name, array, trainable in zip(shapes, drawn.arrays, drawn.trainable, strict=True):
        yield same(f"{name}: dtype", case.dtype, array.dtype)
        yield same(f"{name}: trainable", True, trainable)
        if name.startswith("b_"):
            zero = bool((array == 0).all())
            yield Fact(f"{name}: zero", zero, "" if zero else f"expected zeros, got {array}")
    yield same("no two share their memory", True, drawn.distinct)

    weights = {name: a.astype(float).ravel() / 0.01 for name, a in zip(case.names, drawn.arrays, strict=True)
               if name.startswith("W_")}
    pooled = np.concatenate(list(weights.values()))
    independent = independence_p_value(list(weights.values()))
    yield Fact("weights: independence", independent > FALSE_ALARM,
               f"expected a p-value above {FALSE_ALARM:g}, got {independent:.3g} ({pooled.size} weights)")
    if independent > FALSE_ALARM:  # which the other two take for granted
        p = shape_p_value(pooled)
        yield Fact("weights: shape of Normal(0, 0.01)", p > FALSE_ALARM,
                   f"expected a p-value above {FALSE_ALARM:g}, got {p:.3g} (mean {pooled.mean() / 100:.3g}, "
                   f"{pooled.size} weights)")
        yield Fact("weights: scale of Normal(0, 0.01)", scale_p_value(pooled) > FALSE_ALARM,
                   f"expected a standard deviation of 0.01, got about {pooled.std() / 100:.1g}")

    again, other = (implementation.get_params(case.cell, vocab_size, num_hiddens, case.dtype, seed).arrays
                    for seed in (1, 2))
    equal = [np.array_equal(a, b) for a, b in zip(drawn.arrays, again, strict=True)]
    yield same("the same seed gives the same weights", True, all(equal))
    differs = [not np.array_equal(a, b) for a, b in zip(drawn.arrays, other, strict=True) if a.ndim == 2]
    yield same("another seed gives other weights", True, all(differs))


def state(implementation: Implementation, case: Case) -> Iterator[Fact]:
    """H and C: two separate arrays of zeros, of the right shape and dtype; or H alone."""
    _, batch_size, _, num_hiddens = case.sizes
    drawn = implementation.init_state(case.cell, batch_size, num_hiddens, case.dtype)
    fits = same("number of states", len(case.state), len(drawn.arrays))
    yield fits
    if not fits.holds:
        return
    for name, array in zip(case.states, drawn.arrays, strict=True):
        yield same(f"{name}: shape", (batch_size, num_hiddens), array.shape)
        yield same(f"{name}: dtype", case.dtype, array.dtype)
        yield Fact(f"{name}: zero", bool((array == 0).all()), f"expected zeros, got {array}")
    if len(case.state) > 1:
        yield same("H and C do not share their memory", True, drawn.distinct)


def bad_calls(case: Case, left: Container[str] = (), cells: Mapping[str, Container[str]] = MappingProxyType({})
              ) -> dict[str, Call]:
    """Calls that the reference refuses, by what is wrong with them.

    Args:
        case: with whose sizes.
        left: checks whose functions are left out.
        cells: the cells besides the LSTM, each with such checks of its own.
    """
    calls = always_bad(case)
    for check, more in bad_where_judged(case).items():
        if check not in left:
            calls |= more
    for cell, absent in cells.items():
        for check, more in bad_of(cell, case).items():
            if check not in absent:
                calls |= more
    return calls


def bad_of(cell: str, case: Case) -> dict[str, dict[str, Call]]:
    """Calls of another cell's functions, by the check that judges them."""
    c, name = case, cell.upper().replace("_AFTER", ", reset after")
    *_, vocab_size, num_hiddens = c.sizes
    params = make(f"{cell}-{c.name}").astype(c.dtype).params

    def run(params: Any, state: Any = c.state[:1], inputs: Any = c.inputs) -> Call:
        return lambda m: m.forward(inputs, state, params)

    return {
        "forward": {
            f"{name}: a parameter of a wrong shape": run(params._replace(**{params._fields[0]: params[0][1:]})),
            f"{name}: a state of two": run(params, c.state),
            f"{name}: inputs of two axes": run(params, inputs=c.inputs[0]),
        },
        "model": {f"{name}: a model's state for 0 examples": lambda m: m.model(params).begin_state(0)},
        "params": {f"{name}: 2.5 hidden units": lambda m: m.get_params(cell, vocab_size, 2.5, c.dtype, 1)},
        "state": {f"{name}: a state for 0 examples": lambda m: m.init_state(cell, 0, num_hiddens, c.dtype)},
    }


def always_bad(case: Case) -> dict[str, Call]:
    """Calls of functions that every implementation has."""
    c = case
    wrong = {"float32": np.float64, "float64": np.float32}[str(c.dtype)]

    def replaced(i: int, array: Any) -> tuple[Any, ...]:
        return (*c.params[:i], array, *c.params[i + 1:])

    def step(X: Any, Y: Any) -> Call:
        return lambda m: m.train_step(c.params, X, Y, c.state, 1.0, 1.0)

    def loss(targets: Any) -> Call:
        return lambda m: m.loss_and_grads(c.inputs, c.state, c.params, targets)

    def clip(theta: Any) -> Call:
        return lambda m: m.grad_clipping(c.grads, theta)

    def write(prefix: str, num_preds: Any = 3) -> Call:
        return lambda m: m.prediction(c.params, prefix, num_preds, Vocab(ALPHABET[:c.sizes[2] - 1]))

    def weighed(params: Any) -> Call:
        return lambda m: m.train_step(params, c.X, c.Y, c.state, 1.0, 1.0)

    outside = c.X.copy()
    outside[-1, -1] = c.sizes[2]
    negative = c.X.copy()
    negative[0, 0] = -1
    boolean = c.X > 0
    empty = c.X[:, :0]
    long = np.zeros((c.state[1].shape[0] + 1, c.state[1].shape[1]), c.dtype)
    return {
        "13 parameters": lambda m: m.forward(c.inputs, c.state, c.params[:-1]),
        "15 parameters": lambda m: m.forward(c.inputs, c.state, (*c.params, c.params[-1])),
        "a parameter of a wrong shape": lambda m: m.forward(
            c.inputs, c.state, replaced(3, np.zeros((c.sizes[2] + 1, c.sizes[3]), c.dtype))),
        "a parameter with an axis too many": lambda m: m.forward(c.inputs, c.state, replaced(2, c.params[2][None])),
        "a parameter of another dtype": lambda m: m.forward(c.inputs, c.state, replaced(4, c.params[4].astype(wrong))),
        "inputs of another dtype": lambda m: m.forward(c.inputs.astype(wrong), c.state, c.params),
        "inputs of two axes": lambda m: m.forward(c.inputs[0], c.state, c.params),
        "an empty sequence": lambda m: m.forward(c.inputs[:0], c.state, c.params),
        "a state of another batch": lambda m: m.forward(c.inputs, (c.state[0], long), c.params),
        "a single state": lambda m: m.forward(c.inputs, c.state[:1], c.params),
        "14 parameters, one of another dtype, in a step": weighed(replaced(4, c.params[4].astype(wrong))),
        "14 parameters, one of another shape, in a step": weighed(replaced(12, c.params[12][1:])),
        "an input token outside the vocabulary": step(outside, c.Y),
        "a negative input token": step(negative, c.Y),
        "a target token outside the vocabulary": step(c.X, outside),
        "a minibatch without steps": step(empty, empty),
        "targets of another shape": step(c.X, c.Y[:, 1:]),
        "boolean tokens": step(boolean, boolean),
        "fractional tokens": step(c.X + 0.5, c.Y),
        "a target outside the vocabulary in the loss": loss(outside.T.reshape(-1)),
        "too few targets in the loss": loss(c.targets[1:]),
        "theta 0": clip(0.0),
        "theta -1": clip(-1.0),
        "theta infinite": clip(math.inf),
        "theta NaN": clip(math.nan),
        "theta a text": clip("1"),
        "a loss that is not finite": lambda m: m.train_step(
            replaced(13, np.full_like(c.params[13], np.nan)), c.X, c.Y, c.state, 1.0, 1.0),
        "an epoch without minibatches": lambda m: m.train(c.params, [[]], 1.0, False),
        "an empty prefix": write(""),
        "a prefix with an unknown character": write("aé"),
        "-1 characters": write("a", -1),
        "half a character": write("a", 0.5),
    }


#: Learning rates that are none.
BAD_RATES = (math.nan, math.inf, -0.1, "1", None)


def bad_where_judged(case: Case) -> dict[str, dict[str, Call]]:
    """Calls of functions that not every implementation has, by the check that judges them."""
    c = case
    num_steps, batch_size, vocab_size, num_hiddens = c.sizes
    integer = np.dtype(int)
    outputs = c.inputs[0]
    tokens = np.zeros(len(outputs), int)

    def update(lr: Any, count: Any = 1) -> Call:
        return lambda m: m.sgd(c.params, c.grads, lr, count)

    def trained(lr: Any, epochs: int = 1) -> Call:
        return lambda m: m.carried(c.params, [[(c.X, c.Y)]] * epochs, Vocab(ALPHABET[:vocab_size - 1]), lr)

    def loss(outputs: Any, targets: Any) -> Call:
        return lambda m: m.loss(outputs, targets)

    return {
        "params": {
            "parameters that are integers": lambda m: m.get_params("lstm", vocab_size, num_hiddens, integer, 1),
            "a vocabulary of 0": lambda m: m.get_params("lstm", 0, num_hiddens, c.dtype, 1),
            "2.5 hidden units": lambda m: m.get_params("lstm", vocab_size, 2.5, c.dtype, 1),
        },
        "state": {
            "a state of integers": lambda m: m.init_state("lstm", batch_size, num_hiddens, integer),
            "a state for 0 examples": lambda m: m.init_state("lstm", 0, num_hiddens, c.dtype),
            "a state of -1 units": lambda m: m.init_state("lstm", batch_size, -1, c.dtype),
        },
        "model": {
            "a model's state for 0 examples": lambda m: m.model(c.params).begin_state(0),
            "a model's state for a text of examples": lambda m: m.model(c.params).begin_state("1"),
        },
        "loss": {
            "outputs of one axis in the loss": loss(outputs[0], tokens[:1]),
            "outputs of three axes in the loss": loss(outputs[None], tokens[:1]),
            "targets of two axes in the loss": loss(outputs, tokens[None]),
            "a negative target in the loss": loss(outputs, tokens - 1),
        },
        "sgd": {
            **{f"lr {lr!r} in an update": update(lr) for lr in BAD_RATES},
            **{f"batch_size {count!r} in an update": update(0.5, count) for count in (0, -1, 1.5)},
        },
        "carrier": {
            **{f"lr {lr!r} in train_ch8": trained(lr) for lr in BAD_RATES},
            "no epochs in train_ch8": trained(1.0, 0),
        },
        "sampling": {
            "minibatches of 0 examples": lambda m: m.minibatches(0, num_steps, False, 303),
            "minibatches of 0 steps": lambda m: m.minibatches(batch_size, 0, True, 303),
            "a corpus of 0 tokens": lambda m: m.minibatches(batch_size, num_steps, False, 0),
            "a corpus too short": lambda m: m.minibatches(batch_size, num_steps, False, 2),
        },
    }


def refusal(call: Call, implementation: Implementation) -> str:
    """The error that a call raises, or what happened instead."""
    try:
        call(implementation)
    except (ValueError, FloatingPointError) as error:
        return f"{type(error).__name__} «{error}»"
    except Exception as error:  # the type is the finding
        return f"{type(error).__name__}: {error}"
    return "no error"


@cache
def refusals(name: str, dtype: str) -> dict[str, str]:
    """What the reference says to each bad call on a case."""
    calls = bad_calls(make(name).astype(dtype), cells=Reference.cells)
    return {what: refusal(call, Reference()) for what, call in calls.items()}


def bad_input(implementation: Implementation, case: Case) -> Iterator[Fact]:
    """Each call that the reference refuses is refused in the same words."""
    expected = refusals(case.name, str(case.dtype))
    for what, call in bad_calls(case, implementation.not_judged, getattr(implementation, "cells", {})).items():
        yield same(what, expected[what], refusal(call, implementation))


@cache
def written(name: str, dtype: str, prefix: str, num_preds: int) -> str:
    """What the reference writes after a prefix, one precision wider."""
    case = make(name).astype(dtype)
    return Reference().prediction(case.astype(wider(dtype)).params, prefix, num_preds, Vocab(ALPHABET))


def prediction(implementation: Implementation, case: Case) -> Iterator[Fact]:
    """The characters after a prefix are those of the reference one precision wider, the warm-up included."""
    vocab = Vocab(ALPHABET)
    prefix, num_preds, found = "", 0, ""
    for prefix, num_preds in WRITE:
        expected, found = written(case.name, str(case.dtype), prefix, num_preds), implementation.prediction(
            case.params, prefix, num_preds, vocab)
        differ = [i for i, (a, b) in enumerate(zip(expected, found, strict=False)) if a != b]
        place = f", first different at index {differ[0]}" if differ else ""
        yield Fact(f"{num_preds} characters after {prefix!r}", found == expected,
                   f"expected {expected!r}, got {found!r}{place}")
    yield same("the same text again", found, implementation.prediction(case.params, prefix, num_preds, vocab))


def epoch_of(corpus: Sequence[int], batch_size: int, num_steps: int, use_random_iter: bool) -> list[tuple[Any, Any]]:
    """The minibatches X, Y of an epoch, put together token by token as the book describes it."""
    tokens = corpus[random.randint(0, num_steps - 1 if use_random_iter else num_steps):]
    if use_random_iter:
        starts = list(range(0, (len(tokens) - 1) // num_steps * num_steps, num_steps))
        random.shuffle(starts)
        firsts = [starts[i:i + batch_size] for i in range(0, len(starts) - batch_size + 1, batch_size)]
    else:
        row = (len(tokens) - 1) // batch_size
        firsts = [[b * row + t for b in range(batch_size)] for t in range(0, row // num_steps * num_steps, num_steps)]
    X, Y = ([np.array([tokens[first + i:][:num_steps] for first in group]) for group in firsts] for i in (0, 1))
    return list(zip(X, Y, strict=True))


def sampling(implementation: Implementation, case: Case) -> Iterator[Fact]:
    """The minibatches of two epochs, by sequential partition and by random sampling, are those of the book."""
    num_steps, batch_size, *_ = case.sizes
    corpus, _ = ref.load_corpus_time_machine(303, "embedded")
    with seeded(0):
        for use_random_iter, name in ((False, "sequential partition"), (True, "random sampling")):
            random.seed(1)
            wanted = [epoch_of(corpus, batch_size, num_steps, use_random_iter) for _ in range(2)]
            random.seed(1)
            drawn = implementation.minibatches(batch_size, num_steps, use_random_iter, 303)
            for epoch, (expected, found) in enumerate(zip(wanted, drawn, strict=True), 1):
                where = f"{name}, epoch {epoch}"
                yield same(f"{where}: number of minibatches", len(expected), len(found))
                for letter, i in (("X", 0), ("Y", 1)):
                    pairs = zip(expected, found, strict=False)
                    wrong = [(n, a[i], b[i]) for n, (a, b) in enumerate(pairs, 1) if not np.array_equal(a[i], b[i])]
                    detail = "minibatch {}: expected {}, got {}".format(*map(str, wrong[0])) if wrong else ""
                    yield Fact(f"{where}: {letter}", not wrong, " ".join(detail.split()))


def carrier(implementation: Implementation, case: Case) -> Iterator[Fact]:
    """Weights that are put into a model come out as they went in, and `train_ch8` starts from them."""
    put, kept, _ = implementation.carried(case.params, [[(case.X, case.Y)]], Vocab(ALPHABET), 0.0)
    for what, arrays in (("comes out as it went in", put), ("kept by train_ch8", kept)):
        for name, expected, found in zip(case.names, case.params, arrays, strict=True):
            equal = found.dtype == expected.dtype and np.array_equal(found, expected)
            yield Fact(f"{name}: {what}", equal, "" if equal else f"expected {expected}, got {found}")


FACTS_FIRST = (
    Facts("params", params, ("get_params",), ("ragged", "large", "book"), cells=("large",)),  # odd sizes; many weights
    Facts("state", state, ("init_state",), ("tiny", "ragged", "square", "rows", "units", "book"), cells=("ragged",)),
)
FACTS_LAST = (  # a wrong gate, say, is to be told first by the numbers of `forward`
    Facts("carrier", carrier, ("carried",), ("large", "saturated"), cells=("large",)),
    Facts("prediction", prediction, ("prediction",), ("large",), cells=("large",)),  # 28 tokens, and no near ties
    Facts("sampling", sampling, ("minibatches",), ("ragged",), ("float32",)),  # tokens have no precision
    Facts("bad_input", bad_input,  # what is refused is refused in either precision
          ("forward", "train_step", "loss_and_grads", "grad_clipping", "train", "prediction"), ("ragged",),
          ("float32",)),
)
