"""The seeded problems that every implementation is given."""

import random
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

import lstm_ref as ref
from lstm_ref.params import Array, LSTMParams, State
from lstm_ref.text import Source


@dataclass(frozen=True)
class Case:
    """One problem. Arrays are drawn in float64 and rounded to `dtype` once, so a case is the same in every dtype.

    X and Y are (batch_size, num_steps) tokens; `inputs` (num_steps, batch_size, vocab_size) is X one-hot, or
    dense real numbers. `grads` are 14 arrays to be clipped; `lr` and
    `theta` are for the training step, in which some cases clip and some do not. A case with `epochs`, the minibatches
    of each, is a trajectory: it is trained on, and nothing else.
    """

    name: str
    params: LSTMParams
    state: State
    inputs: Array
    X: Array
    Y: Array
    grads: LSTMParams
    lr: float = 1.0
    theta: float = 1.0
    corpus: Source | None = None
    epochs: tuple[tuple[tuple[Array, Array], ...], ...] = ()
    use_random_iter: bool = False

    @property
    def dtype(self) -> np.dtype[Any]:
        """The precision of all its real arrays."""
        return self.params[0].dtype

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
        return replace(self, params=LSTMParams(*map(change, self.params)), grads=LSTMParams(*map(change, self.grads)),
                       state=(change(self.state[0]), change(self.state[1])), inputs=change(self.inputs))

    def astype(self, dtype: DTypeLike) -> "Case":
        """The same case, its arrays rounded or widened to `dtype`."""
        return self.map(lambda array: array.astype(dtype))

    def steps(self, num_steps: int) -> "Case":
        """The same case cut to its first steps."""
        return replace(self, inputs=self.inputs[:num_steps], X=self.X[:, :num_steps], Y=self.Y[:, :num_steps])


def draw(
    name: str, num_steps: int, batch_size: int, vocab_size: int, num_hiddens: int, scale: float,
    dense: bool = False, theta: float = 1.0, seed: int | None = None,
) -> Case:
    """A random case in float64: all parameters Normal(0, scale), biases too; H in (-1, 1), C Normal(0, 1).

    Args:
        name: of the case; also its seed, unless one is given.
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
    params = LSTMParams(*(rng.normal(0, scale, shape) for shape in ref.param_shapes(vocab_size, num_hiddens).values()))
    state = rng.uniform(-1, 1, (batch_size, num_hiddens)), rng.normal(0, 1, (batch_size, num_hiddens))
    tokens = rng.integers(0, vocab_size, (batch_size, num_steps + 1))
    X, Y = tokens[:, :-1], tokens[:, 1:]
    inputs = rng.normal(0, 1, (*X.T.shape, vocab_size)) if dense else ref.one_hot(X.T, vocab_size, np.float64)
    return Case(name, params, state, inputs, X, Y, _grads(params, rng), theta=theta)


def _grads(params: LSTMParams, rng: np.random.Generator) -> LSTMParams:
    return LSTMParams(*(rng.normal(size=param.shape) for param in params))


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
def book() -> Case:
    """The book's first minibatch: 32 × 35 of the corpus, 256 hidden units, weights Normal(0, 0.01), zero state."""
    _, source = ref.text.read_text()
    train_iter, vocab = ref.load_data_time_machine(32, 35, source=source)
    with seeded(0):  # the offset
        X, Y = next(iter(train_iter))
    params = ref.get_lstm_params(len(vocab), 256, 0, np.float64)
    state = ref.init_lstm_state(32, 256, np.float64)
    inputs = ref.one_hot(X.T, len(vocab), np.float64)
    return Case("book", params, state, inputs, X, Y, _grads(params, np.random.default_rng(1)), corpus=source)


def trajectory(
    name: str, num_epochs: int, batch_size: int, num_steps: int, num_hiddens: int, max_tokens: int, scale: float,
    use_random_iter: bool = False, lr: float = 1.0,
) -> Case:
    """A case of several epochs over the beginning of the corpus.

    Args:
        name: of the case; also its seed.
        num_epochs: passes over the tokens, each with its own offset.
        batch_size: B.
        num_steps: T.
        num_hiddens: h.
        max_tokens: how much of the corpus.
        scale: standard deviation of the weights; the biases are zero.
        use_random_iter: random sampling instead of sequential partition; an epoch's last minibatch has half the rows.
        lr: learning rate.
    """
    _, source = ref.text.read_text()
    train_iter, vocab = ref.load_data_time_machine(batch_size, num_steps, use_random_iter, max_tokens, source)
    seed = zlib.crc32(name.encode())
    with seeded(seed):  # the offsets
        epochs = tuple(tuple(train_iter) for _ in range(num_epochs))
    if use_random_iter:  # so that a mean over minibatches is not the mean over tokens
        epochs = tuple((*epoch[:-1], (X[:batch_size // 2], Y[:batch_size // 2]))
                       for epoch in epochs for X, Y in epoch[-1:])
    drawn = ref.get_lstm_params(len(vocab), num_hiddens, seed, np.float64)
    params = LSTMParams(*(param * (scale / 0.01) for param in drawn))
    X, Y = epochs[0][0]
    state = ref.init_lstm_state(batch_size, num_hiddens, np.float64)
    inputs = ref.one_hot(X.T, len(vocab), np.float64)
    return Case(name, params, state, inputs, X, Y, params, lr, corpus=source, epochs=epochs,
                use_random_iter=use_random_iter)


#: Those that are trained on, and nothing else.
TRAJECTORIES: dict[str, Callable[[], Case]] = {
    "sequential": cache(lambda: trajectory("sequential", 3, 4, 7, 32, 360, scale=0.3, lr=2.0)),
    "random": cache(lambda: trajectory("random", 3, 4, 7, 32, 360, scale=0.3, use_random_iter=True,
                                          lr=0.3125)),  # near 0.3, and a float32: some optimizers keep no other
    # gradients whose norm crosses theta, up and down
    "clipped": cache(lambda: trajectory("clipped", 3, 4, 4, 32, 205, scale=0.85, lr=0.25)),
}

#: The cases of the suite by name, smallest first. Sizes are (T, B, V, h).
CASES: dict[str, Callable[[], Case]] = {
    "tiny": lambda: draw("tiny", 1, 1, 2, 1, scale=1.0),
    "ragged": lambda: draw("ragged", 5, 3, 7, 11, scale=0.5, dense=True, theta=0.05),
    "saturated": lambda: draw("saturated", 7, 4, 28, 32, scale=3.0, theta=0.05),
    "large": lambda: draw("large", 7, 4, 28, 32, scale=0.3, dense=True),
    "square": lambda: draw("square", 6, 6, 6, 6, scale=0.7, theta=0.05),
    # together beyond `book` in every size, and cheap, since each is small in others; one example, too
    "rows": lambda: draw("rows", 36, 130, 31, 3, scale=0.7, theta=0.05),
    "units": lambda: draw("units", 3, 1, 3, 260, scale=0.3),
    "book": book,
    **TRAJECTORIES,
}

#: Those that show something of a size alone, in the checks where sizes matter.
SIZES = ("rows", "units")

#: The book's own training, as far as float64 rewrites of it agree; on request only.
LONG = {"long": cache(lambda: trajectory("long", 200, 32, 35, 256, 10_000, scale=0.01))}

#: Trajectories for the diagnosis, which compares many mistakes: two epochs of a few small minibatches.
BRIEF = {
    "brief-sequential": cache(lambda: trajectory("brief-sequential", 2, 2, 3, 8, 28, scale=0.5)),
    "brief-random": cache(lambda: trajectory("brief-random", 2, 2, 3, 8, 28, scale=0.5, use_random_iter=True)),
}

#: Sizes of the random cases; the smallest decide the limit, since there a spread rests on few roundings.
RANDOM_SIZES = ((1, 1, 2, 1), (1, 2, 2, 1), (2, 1, 3, 2), (3, 2, 5, 4), (6, 3, 13, 17))


def random_case(seed: int) -> Case:
    """A case of one of `RANDOM_SIZES`, with weights of scale 0.01 to 3, for finding out what ratios are normal."""
    rng = np.random.default_rng(seed)
    return draw(f"random-{seed}", *RANDOM_SIZES[seed % len(RANDOM_SIZES)], scale=float(10 ** rng.uniform(-2, 0.5)),
                dense=bool(rng.integers(2)), theta=float(10 ** rng.uniform(-3, 1)), seed=seed)


def is_trajectory(name: str) -> bool:
    """Whether a case is trained on, and nothing else: known without the corpus, which it is made of."""
    return name in TRAJECTORIES | LONG | BRIEF


def make(name: str) -> Case:
    """A case by its name: one of `CASES`, `LONG` or `BRIEF`, or 'random-17'."""
    if name.startswith("random-"):
        return random_case(int(name.removeprefix("random-")))
    return (CASES | LONG | BRIEF)[name]()
