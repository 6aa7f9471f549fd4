"""The reference as an implementation: what the truth and the noisy evaluations are computed with."""

import contextlib
import io
from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

import lstm_ref
from lstm_ref.lstm import sigmoid
from lstm_ref.params import Array
from lstm_ref.parity.interface import (
    OTHERS,
    Drawn,
    Epoch,
    EpochAfterEpoch,
    Epochs,
    Heard,
    Parallel,
    Trained,
    cell_of,
    framework,
)
from lstm_ref.text import Vocab


def textbook_dsigmoid(x: Array) -> Array:
    """σ' as s(1 - s): what automatic differentiation computes, and what it loses where s is near one."""
    s = sigmoid(x)
    return s * (1 - s)


def textbook_dtanh(x: Array) -> Array:
    """tanh' as 1 - t², likewise."""
    return 1 - np.tanh(x) ** 2


class Reference:
    """`lstm_ref` as an implementation, in whatever precision its arguments have.

    Args:
        textbook: differentiate the activations by the textbook formulas instead of the accurate ones. The
            noisy evaluations do so, because honest frameworks do.
        ref: what stands for `lstm_ref`, with its names.
    """

    not_judged: Mapping[str, str] = {}
    defects: Mapping[str, str] = {}
    dtypes: Mapping[str, str] = {"bfloat16": "NumPy's matrix products of it are float32"}
    cells: Mapping[str, Mapping[str, str]] = dict.fromkeys(OTHERS, MappingProxyType({}))
    teams = False  #: train as many workers as a case has even where one alone should give the same

    def __init__(self, textbook: bool = False, ref: Any = lstm_ref):
        self._ref = ref
        dtanh: dict[str, Any] = {"dtanh": textbook_dtanh} if textbook else {}
        dsigmoid: dict[str, Any] = {"dsigmoid": textbook_dsigmoid} if textbook else {}
        after = {"reset_after": True}
        #: draw, initial state, forward and backward pass
        self._cells: dict[str, tuple[Any, Any, Any, Any]] = {
            "lstm": (ref.get_lstm_params, ref.init_lstm_state, ref.lstm,
                     partial(ref.lstm_backward, **dtanh, **dsigmoid)),
            "rnn": (ref.get_params, ref.init_rnn_state, ref.rnn, partial(ref.rnn_backward, **dtanh)),
            "gru": (ref.get_gru_params, ref.init_gru_state, ref.gru, partial(ref.gru_backward, **dtanh, **dsigmoid)),
            "gru_after": (ref.get_gru_params, ref.init_gru_state, partial(ref.gru, **after),
                          partial(ref.gru_backward, **after, **dtanh, **dsigmoid)),
        }
        self._plain = {name: forward for name, (_, _, forward, _) in self._cells.items()}

    def forward(self, inputs: Array, state: Any, params: Any) -> tuple[Array, Any]:
        """See `lstm_ref.lstm`, `lstm_ref.rnn` and `lstm_ref.gru`."""
        return self._cells[cell_of(params)][2](inputs, state, params)

    def handed(self, way: str, inputs: Array, state: Any, params: Any) -> tuple[Array, Any]:
        """As `forward`; noise has one layout."""
        if type(inputs) is np.ndarray:
            inputs, state, made = framework("numpy").handed(way, inputs, state, params)
            params = params._make(made)
        return self.forward(inputs, state, params)

    def tape(self, inputs: Array, state: Any, params: Any) -> list[dict[str, Array]]:
        """What every step computes on its way, see `lstm_ref.lstm.Step`."""
        steps: list[Any] = []
        self._plain[cell_of(params)](inputs, state, params, steps)
        return [step._asdict() for step in steps]

    def vjp(self, inputs: Array, state: Any, params: Any, upstream: Sequence[Array]) -> Sequence[Array]:
        """See `lstm_ref.lstm_backward`."""
        *_, forward, backward = self._cells[cell_of(params)]
        tape: list[Any] = []
        forward(inputs, state, params, tape)
        grads = backward(tape, params, upstream[0], tuple(upstream[1:]))
        return [*grads.params, grads.inputs, *grads.state]

    def loss(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
        """See `lstm_ref.cross_entropy`."""
        return self._ref.cross_entropy(outputs, targets), self._ref.cross_entropy_backward(outputs, targets)

    def loss_and_grads(self, inputs: Array, state: Any, params: Any, targets: Array) -> tuple[Array, Sequence[Array]]:
        """See `lstm_ref.loss_and_grads`."""
        *_, forward, backward = self._cells[cell_of(params)]
        return self._ref.loss_and_grads(inputs, state, params, targets, forward, backward)[:2]

    def grad_clipping(self, grads: Sequence[Array], theta: float) -> Sequence[Array]:
        """See `lstm_ref.grad_clipping`."""
        return self._ref.grad_clipping(grads, theta)

    def sgd(self, params: Any, grads: Sequence[Array], lr: float, batch_size: int) -> Sequence[Array]:
        """See `lstm_ref.sgd`."""
        return self._ref.sgd(params, grads, lr, batch_size)

    def train_step(
        self, params: Any, X: Array, Y: Array, state: Any, lr: float, theta: float
    ) -> tuple[Sequence[Array], Any, Array]:
        """See `lstm_ref.train_step`."""
        *_, forward, backward = self._cells[cell_of(params)]
        return self._ref.train_step(params, X, Y, state, lr, theta, forward, backward)

    def net(self, params: Any) -> lstm_ref.RNNModelScratch:
        """The reference's model with these weights, of whatever cell they are."""
        vocab_size, num_hiddens = params[0].shape
        return self._ref.RNNModelScratch(vocab_size, num_hiddens, lambda *_: params, *self._cells[cell_of(params)][1:])

    def train(self, params: Any, epochs: Epochs, lr: float, use_random_iter: bool) -> Trained:
        """See `lstm_ref.train_epoch_ch8`."""
        net, losses = self.net(params), list[Array]()
        reports = [Epoch(epoch).report(lambda epoch: self._ref.train_epoch_ch8(net, epoch, lr, use_random_iter, losses))
                   for epoch in epochs]
        return Trained(np.stack(losses), net.params, reports, epochs)

    def parallel(self, case: Any) -> Parallel:
        """See `lstm_ref.parallel`: one worker where there is no noise, in whose model the workers' sums round, too."""
        rng = getattr(type(case.params[0]), "rng", None)
        workers = case.workers if self.teams or rng is not None else 1
        team = self._ref.Workers(self.net(case.params), workers, case.lr)
        losses, norms, first, step = list[Array](), list[Array](), list[Any](), team.step
        apart, left = list[int](), list[Any]()

        def watched(X: Array, Y: Array, states: Any) -> Any:
            loss, states = step(X, Y, states)
            norms.append(team.norm)
            first[:] = first or [team.reduced, team.params[0]]
            apart.append(sum(not all(np.array_equal(np.asarray(a), np.asarray(b))
                                     for a, b in zip(params, team.params[0], strict=True)) for params in team.params))
            left[:] = states
            return loss, states

        team.step = watched
        perplexities = [self._ref.train_workers_epoch(team, epoch, case.use_random_iter, losses)[0]
                        for epoch in case.epochs]
        return Parallel(np.stack(losses), np.stack(norms), np.array(perplexities), first[0], first[1], team.params[0],
                        [np.concatenate(parts) for parts in zip(*left, strict=True)], np.array(apart))

    def model(self, params: Any) -> "ReferenceModel":
        """See `lstm_ref.RNNModelScratch`."""
        return ReferenceModel(self._ref, self.net(params))

    def touched(self, inputs: Array, state: Any, params: Any) -> Sequence[Array]:
        """See `lstm_ref.lstm`."""
        self.forward(inputs, state, params)
        return [inputs, *state, *params]

    def written(self, params: Any, prefix: str, num_preds: int, vocab: Vocab) -> Array:
        """See `lstm_ref.predict_ch8`."""
        heard: list[Array] = []
        self._ref.predict_ch8(prefix, num_preds, Heard(self.net(params), heard.append), vocab)
        return np.concatenate(heard)

    def prediction(self, params: Any, prefix: str, num_preds: int, vocab: Vocab) -> str:
        """See `lstm_ref.predict_ch8`."""
        return self._ref.predict_ch8(prefix, num_preds, self.net(params), vocab)

    def minibatches(self, batch_size: int, num_steps: int, use_random_iter: bool, max_tokens: int) -> Epochs:
        """See `lstm_ref.load_data_time_machine`."""
        loader, _ = self._ref.load_data_time_machine(batch_size, num_steps, use_random_iter, max_tokens, "embedded")
        return [list(loader) for _ in range(2)]

    def carried(
        self, params: Any, epochs: Epochs, vocab: Vocab, lr: float
    ) -> tuple[Sequence[Array], Sequence[Array], str]:
        """See `lstm_ref.train_ch8`."""
        net = self.net(params)
        put = list(net.params)
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            self._ref.train_ch8(net, EpochAfterEpoch(epochs), vocab, lr, len(epochs))
        return put, list(net.params), printed.getvalue()

    def get_params(self, cell: str, vocab_size: int, num_hiddens: int, dtype: DTypeLike, seed: int) -> Drawn:
        """See `lstm_ref.get_lstm_params`; every array of the reference can be trained."""
        params = list(self._cells[cell][0](vocab_size, num_hiddens, seed, dtype))
        return Drawn.of(params, params, [True] * len(params))

    def init_state(self, cell: str, batch_size: int, num_hiddens: int, dtype: DTypeLike) -> Drawn:
        """See `lstm_ref.init_lstm_state`."""
        state = list(self._cells[cell][1](batch_size, num_hiddens, dtype))
        return Drawn.of(state, state)


class ReferenceModel:
    """`lstm_ref.RNNModelScratch` as a model that is used more than once."""

    def __init__(self, ref: Any, net: Any):
        self.ref, self.net = ref, net

    def __call__(self, X: Array, state: Any, mode: str) -> tuple[Array, Sequence[Array]]:
        """The same in every mode."""
        outputs, last = self.net(X, state)
        return outputs, last

    def begin_state(self, batch_size: int) -> Drawn:
        """See `lstm_ref.RNNModelScratch.begin_state`."""
        state = list(self.net.begin_state(batch_size))
        return Drawn.of(state, state)

    def load(self, params: Any) -> None:
        """Put other weights into it."""
        self.net.params = type(self.net.params)(*params)

    def read(self) -> Sequence[Array]:
        """Its weights as they are now."""
        return list(self.net.params)

    def epoch(self, minibatches: Sequence[tuple[Array, Array]], lr: float, use_random_iter: bool) -> None:
        """See `lstm_ref.train_epoch_ch8`."""
        self.ref.train_epoch_ch8(self.net, minibatches, lr, use_random_iter)

    def predict(self, prefix: str, num_preds: int, vocab: Vocab) -> str:
        """See `lstm_ref.predict_ch8`."""
        return str(self.ref.predict_ch8(prefix, num_preds, self.net, vocab))
