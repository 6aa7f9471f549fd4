"""The checks of numbers: each computes named quantities, the same way for every implementation."""

import math
import string
import zlib
from collections.abc import Callable, Sequence

import numpy as np

from lstm_ref.params import Array
from lstm_ref.parity.cases import SIZES, TEAMS, VALUES, Case, make
from lstm_ref.parity.checks.check import Numbers
from lstm_ref.parity.interface import HALVES, MODES, WAYS, Implementation, Trained
from lstm_ref.parity.truth import FEWEST, Quantities
from lstm_ref.text import Vocab

#: 28 tokens with <unk>, as The Time Machine has.
ALPHABET = [*string.ascii_lowercase, " "]

#: Prefixes and how many characters are written after them.
WRITE = (("time traveller", 50), ("t", 120), (" the time  machine by h g wells an inve ", 0))


def by_step(outputs: Array, case: Case) -> Array:
    """Outputs, step-major, as (num_steps, batch_size, vocab_size).

    Raises:
        ValueError: they have another shape.
    """
    T, B, V, _ = case.sizes
    if outputs.shape != (T * B, V):
        raise ValueError(f"outputs: expected shape (num_steps * batch_size, vocab_size) = {(T * B, V)}, "
                         f"got {outputs.shape}")
    return outputs.reshape(T, B, V)


def like(case: Case, values: Array) -> Array:
    """Values in the precision of a case, noisy where the case is."""
    return values.astype(case.dtype).view(type(case.inputs))


def states(case: Case, arrays: Sequence[Array], suffix: str = "") -> Quantities:
    """The states by their letters.

    Raises:
        ValueError: there are more, or fewer.
    """
    if len(arrays) != len(case.state):
        raise ValueError(f"state: expected {', '.join(case.states)}, got {len(arrays)} arrays")
    return {f"{letter}{suffix}": array for letter, array in zip(case.states, arrays, strict=True)}


def forward(implementation: Implementation, case: Case) -> Quantities:
    """Outputs of every step and the last H and C; then H and C after every step, from calls of one step each."""
    outputs, last = implementation.forward(case.inputs, case.state, case.params)
    each, state = list[Sequence[Array]](), tuple[Array, ...](case.state)
    for t in range(case.sizes[0]):
        _, after = implementation.forward(case.inputs[t:t + 1], state, case.params)
        state = tuple(after)
        each.append(state)
    every = [np.stack(arrays) for arrays in zip(*each, strict=True)]
    return {"outputs": by_step(outputs, case), **states(case, last), **states(case, every, "_t")}


def not_finite(implementation: Implementation, case: Case) -> Quantities:
    """Outputs of every step when one input of the middle step, or one number of a state, is NaN, then infinite."""
    T, B, V, _ = case.sizes
    quantities = {}
    for name, value in (("NaN", np.nan), ("infinity", np.inf)):
        inputs = case.inputs.copy()
        inputs[T // 2, B // 2, V // 2] = value
        with np.errstate(invalid="ignore"):
            outputs, _ = implementation.forward(inputs, case.state, case.params)
        quantities[f"outputs, {name} at step {T // 2}"] = by_step(outputs, case)
        for i, letter in enumerate(case.states):
            state = [array.copy() for array in case.state]
            state[i][B // 2, 0] = value
            with np.errstate(invalid="ignore"):
                outputs, _ = implementation.forward(case.inputs, tuple(state), case.params)
            quantities[f"outputs, {name} in {letter}"] = by_step(outputs, case)
    return quantities


def arguments(implementation: Implementation, case: Case) -> Quantities:
    """Outputs of every step and the last H and C, of the same numbers handed over in other ways."""
    quantities = {}
    for way in WAYS:
        outputs, last = implementation.handed(way, case.inputs, case.state, case.params)
        quantities.update({f"outputs, {way}": by_step(outputs, case), **states(case, last, f", {way}")})
    return quantities


def upstream(case: Case) -> list[Array]:
    """Factors of the outputs, H and C in a sum; multiples of 1/16, so the same numbers in every precision."""
    T, B, V, h = case.sizes
    rng = np.random.default_rng(zlib.crc32(b"upstream"))
    shapes = ((T * B, V), *((B, h) for _ in case.state))
    return [like(case, rng.integers(-16, 17, shape) / 16) for shape in shapes]


def vjp(implementation: Implementation, case: Case) -> Quantities:
    """Gradients by parameters, inputs and state of a sum over outputs, last H and C, which needs no loss."""
    grads = implementation.vjp(case.inputs, case.state, case.params, upstream(case))
    return dict(zip((*case.names, "inputs", *case.states), grads, strict=True))


def loss(implementation: Implementation, case: Case) -> Quantities:
    """The mean cross-entropy and its gradient by the outputs, from small ones to some that would overflow an exp."""
    T, B, V, _ = case.sizes
    rng = np.random.default_rng(zlib.crc32(b"outputs"))
    outputs = rng.integers(-64, 65, (T * B, V)) / 16
    outputs[::2] *= 32  # up to 128: exp of it is no float32
    value, gradient = implementation.loss(like(case, outputs), case.targets)
    return {"loss": np.asarray(value), "gradient": gradient}


def sgd(implementation: Implementation, case: Case) -> Quantities:
    """The parameters after an update with a mean loss (batch_size 1), and with sums."""
    quantities = {}
    for lr, batch_size in ((1.0, 1), (0.5, 7), (0.5, 32)):
        for name, array in zip(case.names, implementation.sgd(case.params, case.grads, lr, batch_size), strict=True):
            quantities[f"lr {lr:g}, batch_size {batch_size}: {name}"] = array
    return quantities


def backward(implementation: Implementation, case: Case) -> Quantities:
    """The loss and its gradient by each parameter."""
    loss, grads = implementation.loss_and_grads(case.inputs, case.state, case.params, case.targets)
    return {"loss": np.asarray(loss), **dict(zip(case.names, grads, strict=True))}


def half(implementation: Implementation, case: Case) -> Quantities:
    """In a precision of 16 bits: outputs of every step, last H and C, the loss and its gradient by the parameters."""
    outputs, last = implementation.forward(case.inputs, case.state, case.params)
    return {"outputs": by_step(outputs, case), **states(case, last), **backward(implementation, case)}


def clipping(implementation: Implementation, case: Case) -> Quantities:
    """Gradients after clipping: norm above, below and exactly at theta, tiny, zero, and with one huge element.

    The gradients are scaled by powers of two, so that they are the same numbers in every precision.
    """
    plain = [np.asarray(g) for g in case.grads]
    norm = math.sqrt(sum(float((g.astype(float) ** 2).sum()) for g in plain))
    zero = [np.zeros_like(g) for g in plain]
    three_four = [g.copy() for g in zero]
    three_four[0].flat[0], three_four[-1].flat[-1] = 3, 4  # norm 5, in every precision and order
    huge = [g.copy() for g in plain]
    huge[4].flat[-1] = 2.0**62  # its square is still a finite float32
    down = 2.0 ** -math.ceil(math.log2(norm / 1e-3))  # an epsilon beside a small norm shows
    scenarios = {
        "above theta": (plain, norm / 3),
        "just above theta": (plain, norm * 0.999),
        "below theta": (plain, norm * 1.001),
        "at theta": (three_four, 5.0),
        "tiny": ([g * g.dtype.type(down) for g in plain], norm * down / 10),
        "zero": (zero, 1.0),
        "one huge": (huge, 1.0),
    }
    quantities = {}
    for scenario, (grads, theta) in scenarios.items():
        given = [g.view(type(like)) for g, like in zip(grads, case.grads, strict=True)]
        for name, clipped in zip(case.names, implementation.grad_clipping(given, theta), strict=True):
            quantities[f"{scenario}: {name}"] = clipped
    return quantities


def step(implementation: Implementation, case: Case) -> Quantities:
    """All parameters, the loss, H and C after one training step."""
    params, last, loss = implementation.train_step(case.params, case.X, case.Y, case.state, case.lr, case.theta)
    return {**dict(zip(case.names, params, strict=True)), "loss": np.asarray(loss), **states(case, last)}


def chunks(implementation: Implementation, case: Case) -> Quantities:
    """The sequence in two halves with the state carried over: outputs of every step, last H and C."""
    half = case.sizes[0] // 2
    first, state = implementation.forward(case.inputs[:half], case.state, case.params)
    second, last = implementation.forward(case.inputs[half:], state, case.params)
    return {"outputs": by_step(np.concatenate([first, second]), case), **states(case, last)}


def perplexities(trained: Trained, case: Case) -> Array:
    """What every epoch reported, in the precision of the case."""
    return like(case, np.array([report.perplexity for report in trained.reports]))


def trajectory(implementation: Implementation, case: Case) -> Quantities:
    """The loss of every minibatch of several epochs, every epoch's perplexity, and all parameters at the end."""
    trained = implementation.train(case.params, case.epochs, case.lr, case.use_random_iter)
    return {"loss": trained.losses, "perplexity": perplexities(trained, case),
            **dict(zip(case.names, trained.params, strict=True))}


def parallel(implementation: Implementation, case: Case) -> Quantities:
    """What training on several workers is, and that they stay the same to the bit."""
    found = implementation.parallel(case)
    return {"loss": found.losses, "norm": found.norms, "perplexity": like(case, found.perplexities),
            **{f"gradient by {name}": array for name, array in zip(case.names, found.reduced, strict=True)},
            **{f"{name} after a step": array for name, array in zip(case.names, found.first, strict=True)},
            **dict(zip(case.names, found.last, strict=True)), **states(case, found.states),
            "workers apart": like(case, found.apart)}


def vocabulary(case: Case) -> Vocab:
    """As many characters as the case has outputs."""
    return Vocab(ALPHABET[:len(case.params.b_q) - 1])


def chapter(implementation: Implementation, case: Case) -> Quantities:
    """All parameters after `train_ch8`, over other minibatches in every epoch."""
    _, kept, _ = implementation.carried(case.params, case.epochs, vocabulary(case), case.lr)
    return dict(zip(case.names, kept, strict=True))


def model(implementation: Implementation, case: Case) -> Quantities:
    """Outputs, H and C of one model: in every mode, called again, with other weights, on other sizes, as at first."""
    net, other = implementation.model(case.params), case.params._make(map(np.negative, case.params))
    quantities: Quantities = {}

    def note(what: str, X: Array = case.X, state: Sequence[Array] = case.state, mode: str = "inference") -> None:
        try:
            outputs, last = net(X, state, mode)
        except Exception:
            if X.dtype == case.X.dtype:
                raise
            outputs, last = net(X.astype(case.X.dtype), state, mode)  # no wrong number: it has no such indices
        quantities.update({f"outputs, {what}": outputs, **states(case, last, f", {what}")})

    for mode in MODES:
        note(mode, mode=mode)
    note("called again")
    net.load(other)
    note("with other weights")
    note("one step", case.X[:, :1])
    one = [array[:1] for array in case.state]
    note("one example", case.X[:1], one)
    note("one token of one example", case.X[:1, :1], one)
    net.load(case.params)
    note("with the first weights again")
    note("in training again", mode="training")
    for dtype in TOKENS:
        note(f"tokens in {dtype}", case.X.astype(dtype), mode="evaluation")
    return quantities


def written(implementation: Implementation, case: Case) -> Quantities:
    """The outputs behind what `predict_ch8` writes, character by character."""
    return {extent((prefix, more)): implementation.written(case.params, prefix, more, Vocab(ALPHABET))
            for prefix, more in WRITE[1:]}


def extent(what: tuple[str, int]) -> str:
    """How much is read and how much is written."""
    return f"{len(what[0])} characters and {what[1]} more"


#: Types of tokens besides that of the cases, int64; what a framework refuses as indices is left out.
TOKENS = ("int8", "int16", "int32")

Which = Callable[[str], bool]  #: of the cases, those that a check is run on


def only(*names: str) -> Which:
    """These cases alone."""
    return lambda name: name in names


def without(*names: str) -> Which:
    """All cases but these, random ones too: they show nothing more of a check, or take too long."""
    return lambda name: name not in names


def divisible(name: str) -> bool:
    """Whether a case has steps to divide, and is not there for a size alone."""
    return name not in (*SIZES, *VALUES) and make(name).sizes[0] > 1


#: They differ in what a check of given gradients or of an update does not see.
SIZED = ("square", *SIZES, *VALUES)

#: Cases that a check is run on with --thorough alone.
EXPENSIVE = {**dict.fromkeys(("vjp", "loss", "model"), ("book",)),
             "parallel": ("workers-3-5", "workers-3-6", "workers-4-6")}

# `cells` are the cases of the other cells; loss, clipping and update know of no cell, and `step` goes through them.
NUMBERS = (
    Numbers("forward", forward, ("forward",), stepped=frozenset({"outputs", "H_t", "C_t"}), applies=without("steps"),
            cells=("ragged", "zero", "far", "large", "rows", "book")),
    Numbers("not_finite", not_finite, ("forward",), applies=only("ragged"), cells=("ragged",)),
    Numbers("arguments", arguments, ("handed",), stepped=frozenset(f"outputs, {way}" for way in WAYS),
            applies=only("ragged"), cells=("ragged",)),
    Numbers("vjp", vjp, ("vjp",), applies=without("book"), cells=("ragged", "zero", "steps", "rows")),
    Numbers("loss", loss, ("loss",), applies=without("book", "square", "units", *VALUES)),
    # JAX compiles the gradient as a whole: of sixty steps for minutes, where `vjp` takes them one by one.
    Numbers("backward", backward, ("loss_and_grads",), applies=without("zero", "steps"),
            cells=("ragged", "far", "large", "rows", "book")),
    Numbers("clipping", clipping, ("grad_clipping",), exact=("below theta", "at theta", "zero"),
            applies=without(*SIZED)),
    Numbers("sgd", sgd, ("sgd",), applies=without("book", *SIZED)),
    Numbers("step", step, ("train_step",), applies=without("zero", "steps"), cells=("ragged", "rows")),
    Numbers("chunks", chunks, ("forward",), stepped=frozenset({"outputs"}), applies=divisible, cells=("ragged",)),
    Numbers("model", model, ("model",), applies=only("square", "large"), cells=("large",)),
    Numbers("trajectory", trajectory, ("train",), stepped=frozenset({"loss", "perplexity"}),
            applies=without(*TEAMS), trains=True, drifts=True, cells=("clipped",)),
    # A trajectory whose steps clip and don't shows all that the others show.
    Numbers("chapter", chapter, ("carried",), applies=only("clipped", "epochs"), trains=True, cells=("clipped",)),
    Numbers("parallel", parallel, ("parallel",), stepped=frozenset({"loss", "norm", "perplexity"}),
            exact=("workers apart",), applies=only("workers-2-5", "workers-2-4"), trains=True, drifts=True,
            cells=("workers-2-5",), optional="its adapter starts no workers"),
    Numbers("written", written, ("written",), stepped=frozenset(map(extent, WRITE[1:])),
            applies=only("large"), drifts=True, draws=FEWEST, cells=("large",)),
    *(Numbers(dtype, half, ("forward", "loss_and_grads"), stepped=frozenset({"outputs"}),
              applies=only("ragged", "large"), dtypes=(dtype,), cells=("ragged",)) for dtype in HALVES),
)
