"""The seeded problems that every implementation is given."""

import random
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

import lstm_ref as ref
from lstm_ref.params import Array, draw_params
from lstm_ref.parity.interface import CELLS, DTYPES, OTHERS, cell_of, split
from lstm_ref.text import Source


@dataclass(frozen=True)
class Case:
    """One problem. Arrays are drawn in float64 and rounded to `dtype` once, so a case is the same in every dtype.

    X and Y are (batch_size, num_steps) tokens; `inputs` (num_steps, batch_size, vocab_size) is X one-hot, or
    dense real numbers. `grads` are 14 arrays to be clipped; `lr` and
    `theta` are for the training step, in which some cases clip and some do not. A case with `epochs`, the minibatches
    of each, is a trajectory: it is trained on, and nothing else; where it has `workers`, by several at once.
    """

    name: str
    params: Any  #: of a cell, `LSTMParams` say
    state: tuple[Array, ...]
    inputs: Array
    X: Array
    Y: Array
    grads: Any
    lr: float = 1.0
    theta: float = 1.0
    corpus: Source | None = None
    epochs: tuple[tuple[tuple[Array, Array], ...], ...] = ()
    use_random_iter: bool = False
    workers: int = 1

    @property
    def dtype(self) -> np.dtype[Any]:
        """The precision of all its real arrays."""
        return self.params[0].dtype

    @property
    def cell(self) -> str:
        """The name of its cell, one of `CELLS`."""
        return cell_of(self.params)

    @property
    def names(self) -> tuple[str, ...]:
        """Of its parameters."""
        return self.params._fields

    @property
    def states(self) -> str:
        """A letter for each of its states: HC, or H."""
        return CELLS[self.cell].states

    @property
    def targets(self) -> Array:
        """Y step-major, as the outputs are: (num_steps · batch_size,)."""
        return self.Y.T.reshape(-1)

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """(num_steps, batch_size, vocab_size, num_hiddens)."""
        num_steps, batch_size, vocab_size = self.inputs.shape
        return num_steps, batch_size, vocab_size, self.state[0].shape[1]

    def map(self, change: Callable[[Array], Array]) -> "Case":
        """The same case with every real array passed through `change`."""
        return replace(self, params=self.params._make(map(change, self.params)), inputs=change(self.inputs),
                       grads=self.grads._make(map(change, self.grads)), state=tuple(map(change, self.state)))

    def astype(self, dtype: DTypeLike) -> "Case":
        """The same case, its arrays rounded or widened to `dtype`."""
        return self.map(lambda array: array.astype(dtype))

    def together(self) -> list["Case"]:
        """The cases for as many workers, in every precision, which one start of them does all."""
        every = [make(name) for name in (*TEAMS, *BRIEF)]
        return [case.astype(dtype) for case in every if case.workers == self.workers for dtype in DTYPES]

    def steps(self, num_steps: int) -> "Case":
        """The same case cut to its first steps."""
        return replace(self, inputs=self.inputs[:num_steps], X=self.X[:, :num_steps], Y=self.Y[:, :num_steps])


def draw(
    name: str, num_steps: int, batch_size: int, vocab_size: int, num_hiddens: int, scale: float,
    dense: bool = False, theta: float = 1.0, seed: int | None = None,
) -> Case:
    """A random case in float64: all parameters Normal(0, scale), biases too; H in (-1, 1), C Normal(0, 1).

    Args:
        name: of the case, which says its cell; also its seed, unless one is given.
        num_steps: T.
        batch_size: B.
        vocab_size: V.
        num_hiddens: h.
        scale: standard deviation of the parameters.
        dense: inputs Normal(0, 1) instead of one-hot.
        theta: clipping threshold of the training step.
        seed: of the draw.
    """
    rng = np.random.default_rng(zlib.crc32(name.encode()) if seed is None else seed)
    cell, _ = split(name)
    params = CELLS[cell].params(*(
        rng.normal(0, scale, shape) for shape in CELLS[cell].shapes(vocab_size, num_hiddens).values()))
    H, C = rng.uniform(-1, 1, (batch_size, num_hiddens)), rng.normal(0, 1, (batch_size, num_hiddens))
    state = (H, C)[:len(CELLS[cell].states)]
    tokens = rng.integers(0, vocab_size, (batch_size, num_steps + 1))
    X, Y = tokens[:, :-1], tokens[:, 1:]
    inputs = rng.normal(0, 1, (*X.T.shape, vocab_size)) if dense else ref.one_hot(X.T, vocab_size, np.float64)
    return Case(name, params, state, inputs, X, Y, _grads(params, rng), theta=theta)


def _grads(params: Any, rng: np.random.Generator) -> Any:
    return params._make(rng.normal(size=param.shape) for param in params)


def _start(cell: str, vocab_size: int, num_hiddens: int, seed: int) -> Any:
    """A cell's parameters as the book draws them, in float64."""
    shapes = CELLS[cell].shapes(vocab_size, num_hiddens).values()
    return CELLS[cell].params(*draw_params(shapes, seed, np.float64))


def _zeros(cell: str, batch_size: int, num_hiddens: int) -> tuple[Array, ...]:
    return tuple(np.zeros((batch_size, num_hiddens)) for _ in CELLS[cell].states)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Python's own generator, seeded; as the caller had it afterwards."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)


@cache
def source_of_text() -> Source:
    """The Time Machine, or the embedded story: looked for, and a missing one said, once in a process."""
    return ref.text.read_text()[1]


@cache
def book(name: str = "book") -> Case:
    """The book's first minibatch: 32 × 35 of the corpus, 256 hidden units, weights Normal(0, 0.01), zero state."""
    source = source_of_text()
    train_iter, vocab = ref.load_data_time_machine(32, 35, source=source)
    with seeded(0):  # the offset
        X, Y = next(iter(train_iter))
    cell, _ = split(name)
    params, state = _start(cell, len(vocab), 256, 0), _zeros(cell, 32, 256)
    inputs = ref.one_hot(X.T, len(vocab), np.float64)
    return Case(name, params, state, inputs, X, Y, _grads(params, np.random.default_rng(1)), corpus=source)


def trajectory(
    name: str, num_epochs: int, batch_size: int, num_steps: int, num_hiddens: int, max_tokens: int, scale: float,
    use_random_iter: bool = False, lr: float = 1.0,
) -> Case:
    """A case of several epochs over the beginning of the corpus.

    Args:
        name: of the case, which says its cell; also its seed.
        num_epochs: passes over the tokens, each with its own offset.
        batch_size: B.
        num_steps: T.
        num_hiddens: h.
        max_tokens: how much of the corpus.
        scale: standard deviation of the weights; the biases are zero.
        use_random_iter: random sampling instead of sequential partition; an epoch's last minibatch has half the rows.
        lr: learning rate.
    """
    source = source_of_text()
    train_iter, vocab = ref.load_data_time_machine(batch_size, num_steps, use_random_iter, max_tokens, source)
    seed = zlib.crc32(name.encode())
    with seeded(seed):  # the offsets
        epochs = tuple(tuple(train_iter) for _ in range(num_epochs))
    if use_random_iter:  # so that a mean over minibatches is not the mean over tokens
        epochs = tuple((*epoch[:-1], (X[:batch_size // 2], Y[:batch_size // 2]))
                       for epoch in epochs for X, Y in epoch[-1:])
    cell, _ = split(name)
    drawn = _start(cell, len(vocab), num_hiddens, seed)
    params = drawn._make(param * (scale / 0.01) for param in drawn)
    X, Y = epochs[0][0]
    state = _zeros(cell, batch_size, num_hiddens)
    inputs = ref.one_hot(X.T, len(vocab), np.float64)
    return Case(name, params, state, inputs, X, Y, params, lr, corpus=source, epochs=epochs,
                use_random_iter=use_random_iter)


#: Those that are trained on, and nothing else.
TRAJECTORIES: dict[str, Callable[[], Case]] = {
    "sequential": cache(lambda: trajectory("sequential", 3, 4, 7, 32, 360, scale=0.3, lr=2.0)),
    "random": cache(lambda: trajectory("random", 3, 4, 7, 32, 360, scale=0.3, use_random_iter=True,
                                          lr=0.3125)),  # near 0.3, and a float32: some optimizers keep no other
    "clipped": cache(lambda: clipped("clipped")),
    "epochs": cache(lambda: epochs("epochs")),
}


def epochs(name: str) -> Case:
    """An epoch of 52 minibatches, then seventeen of one each; the last is not the best of them."""
    case = trajectory(name, 18, 4, 4, 32, 860, scale=0.3, lr=0.3125)
    return replace(case, epochs=(case.epochs[0][:52], *(epoch[:1] for epoch in case.epochs[1:])))


def clipped(name: str, num_epochs: int = 3, batch_size: int = 4, max_tokens: int = 205) -> Case:
    """A trajectory whose gradients' norm crosses theta, up and down: for that each cell needs weights of its own.

    The scales are such that it does so on The Time Machine and on the embedded story.
    """
    scale = {"lstm": 0.85, "rnn": 0.15}.get(split(name)[0], 0.44)
    return trajectory(name, num_epochs, batch_size, 4, 32, max_tokens, scale=scale, lr=0.25)


def team(name: str) -> Case:
    """Such a trajectory for several workers: 'workers-3-5' has 3 of them for 5 rows."""
    _, workers, batch_size = split(name)[1].split("-")
    case = clipped(name, 2, int(batch_size), 26 * int(batch_size))
    return replace(case, workers=int(workers))


def ragged(name: str) -> Case:
    """Odd sizes, dense inputs."""
    return draw(name, 5, 3, 7, 11, scale=0.5, dense=True, theta=0.05)


def large(name: str) -> Case:
    """Large weights for its size, dense inputs."""
    return draw(name, 7, 4, 28, 32, scale=0.3, dense=True)


def rows(name: str) -> Case:
    """More examples, steps and tokens than in `book`, and few hidden units; some tokens are no int8."""
    return draw(name, 36, 130, 131, 3, scale=0.7, theta=0.05)


def zero(name: str) -> Case:
    """A state of zeros, and inputs with none, one or several ones, in the sizes of `ragged`."""
    case = ragged(name)
    inputs = (case.inputs > 0.5).astype(float)
    inputs[1, 1], inputs[2, 0] = 0, 1
    return replace(case, inputs=inputs, state=tuple(np.zeros_like(array) for array in case.state))


def far(name: str) -> Case:
    """Gates and outputs far out, and a large memory, in the sizes of `ragged`: exp(800) is no float64.

    The norm of its gradients is above a hundred.
    """
    case = ragged(name)
    biases = {field: array.copy() for field, array in case.params._asdict().items()
              if field.startswith("b_") and field != "b_q"}
    for i, bias in enumerate(biases.values()):  # each gate has units at both ends, and others between
        bias[[i, i + 1]] = 800
        bias[[i + 2, i + 3]] = -800
    params = case.params._replace(**biases, W_hq=case.params.W_hq * 512)
    return replace(case, params=params, state=tuple(array * (1 if letter == "H" else 200) for letter, array in
                                                    zip(case.states, case.state, strict=True)))


def steps(name: str) -> Case:
    """Many steps, whose first still count at the end."""
    case = draw(name, 60, 3, 7, 11, scale=0.3, theta=0.05)
    kept = {"lstm": "b_f", "gru": "b_z", "gru_after": "b_z"}.get(case.cell)
    if kept:
        return replace(case, params=case.params._replace(**{kept: np.full(11, 3.0)}))
    return replace(case, params=case.params._replace(W_hh=np.linalg.qr(case.params.W_hh)[0]))


#: The cases of the other cells, by what they are without the cell's name.
SHARED: dict[str, Callable[[str], Case]] = {"ragged": ragged, "zero": zero, "far": far, "steps": steps,
                                            "large": large, "rows": rows, "book": book, "clipped": clipped}
TRAJECTORIES |= {f"{cell}-clipped": cache(partial(clipped, f"{cell}-clipped")) for cell in OTHERS}

#: Those that several workers are trained on, with rows that can be shared out evenly and that can't.
TEAMS: dict[str, Callable[[], Case]] = {
    name: cache(partial(team, name)) for name in (
        "workers-2-5", "workers-2-4", "workers-3-5", "workers-3-6", "workers-4-6",
        *(f"{cell}-workers-2-5" for cell in OTHERS))}

#: The cases of the suite by name, smallest first; of the other cells, which show what is their own, last. Sizes are
#: (T, B, V, h).
CASES: dict[str, Callable[[], Case]] = {
    "tiny": lambda: draw("tiny", 1, 1, 2, 1, scale=1.0),
    "ragged": lambda: ragged("ragged"),
    "zero": lambda: zero("zero"),
    "far": lambda: far("far"),
    "steps": lambda: steps("steps"),
    "saturated": lambda: draw("saturated", 7, 4, 28, 32, scale=3.0, theta=0.05),
    "large": lambda: large("large"),
    "square": lambda: draw("square", 6, 6, 6, 6, scale=0.7, theta=0.05),
    # together beyond `book` in every size, and cheap, since each is small in others; one example, too
    "rows": lambda: rows("rows"),
    # with tokens, given and to be predicted, that are no uint8
    "units": lambda: draw("units", 3, 1, 300, 260, scale=0.3, seed=71),
    "book": book,
    **TRAJECTORIES, **TEAMS,
    **{name: partial(make, name) for cell in OTHERS for base, make in SHARED.items()
       if (name := f"{cell}-{base}") not in TRAJECTORIES},
}

#: Those that show something of a size alone, in the checks where sizes matter.
SIZES = ("rows", "units")

#: Those that show something of their values alone, in the sizes of `ragged`.
VALUES = ("zero", "far", "steps")

#: The book's own training, as far as float64 rewrites of it agree; on request only.
LONG = {"long": cache(lambda: trajectory("long", 200, 32, 35, 256, 10_000, scale=0.01))}

#: Trajectories for the diagnosis, which compares many mistakes: two epochs of a few small minibatches.
BRIEF = {
    "brief-sequential": cache(lambda: trajectory("brief-sequential", 2, 2, 3, 8, 28, scale=0.5)),
    "brief-random": cache(lambda: trajectory("brief-random", 2, 2, 3, 8, 28, scale=0.5, use_random_iter=True)),
    "brief-workers-5": cache(lambda: brief_team("brief-workers-5", 5)),
    "brief-workers-4": cache(lambda: brief_team("brief-workers-4", 4)),
}


def brief_team(name: str, batch_size: int) -> Case:
    """Two epochs of two workers."""
    return replace(trajectory(name, 2, batch_size, 3, 8, 10 * batch_size, scale=1.5), workers=2)

#: Sizes of the random cases; the smallest decide the limit, since there a spread rests on few roundings.
RANDOM_SIZES = ((1, 1, 2, 1), (1, 2, 2, 1), (2, 1, 3, 2), (3, 2, 5, 4), (6, 3, 13, 17))


def random_case(seed: int) -> Case:
    """A case of one of `RANDOM_SIZES`, with weights of scale 0.01 to 3, for finding out what ratios are normal."""
    rng = np.random.default_rng(seed)
    return draw(f"random-{seed}", *RANDOM_SIZES[seed % len(RANDOM_SIZES)], scale=float(10 ** rng.uniform(-2, 0.5)),
                dense=bool(rng.integers(2)), theta=float(10 ** rng.uniform(-3, 1)), seed=seed)


def is_trajectory(name: str) -> bool:
    """Whether a case is trained on, and nothing else: known without the corpus, which it is made of."""
    return name in TRAJECTORIES | TEAMS | LONG | BRIEF


def make(name: str) -> Case:
    """A case by its name: one of `CASES`, `LONG` or `BRIEF`, or 'random-17'."""
    if name.startswith("random-"):
        return random_case(int(name.removeprefix("random-")))
    return (CASES | LONG | BRIEF)[name]()
