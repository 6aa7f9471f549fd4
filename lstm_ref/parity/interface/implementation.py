"""What is judged: the functions under test, as the judge calls them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import DTypeLike

from lstm_ref.params import Array
from lstm_ref.text import Vocab

#: The precisions that are judged.
DTYPES = ("float32", "float64")

#: Those of 16 bits, each of which has a check of its own, where a framework has it.
HALVES = ("float16", "bfloat16")


class Drawn(NamedTuple):
    """What `get_lstm_params` or `init_lstm_state` of a framework gave, or those of another cell, seen from NumPy."""

    arrays: list[Array]
    trainable: list[bool]
    distinct: bool  #: no two of them share their memory

    @classmethod
    def of(cls, tensors: Sequence[Any], arrays: Sequence[Array], trainable: Sequence[bool] = ()) -> "Drawn":
        """From a framework's tensors and their values; none is trainable unless said."""
        separate = len({id(tensor) for tensor in tensors}) == len(tensors) and distinct(arrays)
        return cls(list(arrays), list(trainable) or [False] * len(arrays), separate)


Epochs = Sequence[Sequence[tuple[Array, Array]]]


class Report(NamedTuple):
    """What `train_epoch_ch8` reported of an epoch, beside the judge's own clock."""

    perplexity: float
    speed: float  #: tokens per second, as reported
    least: float  #: seconds from the first minibatch that was asked for to the end of the last
    most: float  #: seconds of the whole call


class Trained(NamedTuple):
    """What some epochs of `train_epoch_ch8` gave and left behind."""

    losses: Array  #: of every minibatch
    params: Sequence[Array]
    reports: Sequence[Report]  #: of every epoch
    minibatches: Epochs  #: as they are afterwards


class Parallel(NamedTuple):
    """What training on several workers gave."""

    losses: Array  #: of every minibatch, whole
    norms: Array  #: of its gradients after the reduction, before clipping
    perplexities: Array  #: of every epoch
    reduced: Sequence[Array]  #: the gradients of the first minibatch after the reduction, by the parameters
    first: Sequence[Array]  #: the parameters after the first minibatch
    last: Sequence[Array]  #: and at the end
    states: Sequence[Array]  #: at the end, of all rows
    #: after every minibatch, how many workers have not the first one's parameters to the bit
    apart: Array


#: How a forward pass is handed arguments of the same values: lying otherwise in memory, or with W_hq not to be trained.
WAYS = ("strided", "transposed", "W_hq frozen")

#: How a model is called: while operations are recorded for a gradient, as a model is evaluated, and as it is used.
MODES = ("training", "evaluation", "inference")


class Model(Protocol):
    """A framework's model, `RNNModelScratch` or `RNNModel`, which is used more than once."""

    def __call__(self, X: Array, state: Any, mode: str) -> tuple[Array, Sequence[Array]]:
        """Outputs and last state for tokens (batch_size, num_steps), in one of `MODES`."""

    def begin_state(self, batch_size: int) -> Drawn:
        """Its initial state."""

    def load(self, params: Sequence[Array]) -> None:
        """Put other weights into it."""

    def read(self) -> Sequence[Array]:
        """Its weights as they are now."""

    def epoch(self, minibatches: Sequence[tuple[Array, Array]], lr: float, use_random_iter: bool) -> None:
        """Train for one epoch."""

    def predict(self, prefix: str, num_preds: int, vocab: Vocab) -> str:
        """What `predict_ch8` writes."""


class Implementation(Protocol):
    """The functions under test, of one cell or several; shapes and errors are those of `lstm_ref`'s.

    Which cell is meant the parameters say (`cells.cell_of`). A check in `not_judged` is never run, so what it alone
    would call may be missing.
    """

    not_judged: Mapping[str, str]  #: checks that have nothing to compare here, and why
    defects: Mapping[str, str]  #: of the framework's own: 'check on case', which is not judged, and what is wrong there
    dtypes: Mapping[str, str]  #: of `DTYPES` and `HALVES`, those that it does not have, and why
    cells: Mapping[str, Mapping[str, str]]  #: besides the LSTM, those that it has, each with its own `not_judged`

    def forward(self, inputs: Array, state: Any, params: Sequence[Array]) -> tuple[Array, Sequence[Array]]:
        """`lstm`, `rnn` or `gru`: outputs (num_steps · batch_size, vocab_size) and the last (H, C) or (H,)."""

    def handed(self, way: str, inputs: Array, state: Any, params: Sequence[Array]) -> tuple[Array, Sequence[Array]]:
        """As `forward`, its arguments handed over in one of `WAYS`."""

    def tape(self, inputs: Array, state: Any, params: Sequence[Array]) -> list[dict[str, Array]]:
        """What every step computes, by the book's names (I, F, O, ...); a closed box raises LookupError."""

    def vjp(self, inputs: Array, state: Any, params: Sequence[Array], upstream: Sequence[Array]) -> Sequence[Array]:
        """Gradients of outputs · upstream[0] + H · upstream[1] (+ C · upstream[2]) by parameters, inputs and state."""

    def loss(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
        """The mean cross-entropy, and its gradient by the outputs."""

    def loss_and_grads(
        self, inputs: Array, state: Any, params: Sequence[Array], targets: Array
    ) -> tuple[Array, Sequence[Array]]:
        """The framework's own mean cross-entropy and gradients by the parameters."""

    def grad_clipping(self, grads: Sequence[Array], theta: float) -> Sequence[Array]:
        """The gradients after clipping, wherever the framework leaves them."""

    def sgd(self, params: Sequence[Array], grads: Sequence[Array], lr: float, batch_size: int) -> Sequence[Array]:
        """The parameters after an update, wherever the framework leaves them."""

    def train_step(
        self, params: Sequence[Array], X: Array, Y: Array, state: Any, lr: float, theta: float
    ) -> tuple[Sequence[Array], Any, Array]:
        """New parameters, last state and loss of one training step."""

    def train(self, params: Sequence[Array], epochs: Epochs, lr: float, use_random_iter: bool) -> Trained:
        """Some epochs of `train_epoch_ch8`."""

    def model(self, params: Sequence[Array]) -> Model:
        """A model of a cell with these weights."""

    def touched(self, inputs: Array, state: Any, params: Sequence[Array]) -> Sequence[Array]:
        """The inputs, the state and the parameters as they are after the forward pass."""

    def written(self, params: Sequence[Array], prefix: str, num_preds: int, vocab: Vocab) -> Array:
        """The outputs that `predict_ch8` had from the model, one row a character."""

    def prediction(self, params: Sequence[Array], prefix: str, num_preds: int, vocab: Vocab) -> str:
        """What `predict_ch8` writes."""

    def minibatches(self, batch_size: int, num_steps: int, use_random_iter: bool, max_tokens: int) -> Epochs:
        """Two epochs of `load_data_time_machine` on the embedded story."""

    def carried(
        self, params: Sequence[Array], epochs: Epochs, vocab: Vocab, lr: float
    ) -> tuple[Sequence[Array], Sequence[Array], str]:
        """The weights of a model before and after `train_ch8`, one of the epochs after the other; what it printed."""

    def parallel(self, case: Any) -> Parallel:
        """Training on a case, see `lstm_ref.parity.cases.Case`, by as many workers as it says."""

    def get_params(self, cell: str, vocab_size: int, num_hiddens: int, dtype: DTypeLike, seed: int) -> Drawn:
        """A cell's parameters as the framework draws them after seeding its own generator: `get_lstm_params`, say."""

    def init_state(self, cell: str, batch_size: int, num_hiddens: int, dtype: DTypeLike) -> Drawn:
        """A cell's initial state: `init_lstm_state`, say."""


def distinct(arrays: Sequence[Array]) -> bool:
    """No two of the arrays share their memory."""
    return not any(np.shares_memory(a, b) for i, a in enumerate(arrays) for b in arrays[:i])
