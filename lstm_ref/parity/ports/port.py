"""Somebody's functions as an implementation: what they compute is theirs, what they lack is not judged."""

import contextlib
import io
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from lstm_ref.params import Array
from lstm_ref.parity.checks import CHECKS
from lstm_ref.parity.interface import (
    CELLS,
    DTYPES,
    HALVES,
    NAMES,
    OTHERS,
    Drawn,
    Epoch,
    EpochAfterEpoch,
    Epochs,
    Framework,
    Trained,
    cell_of,
    watch,
)
from lstm_ref.parity.ports.calls import ROLES, SignatureError, call, check, takes
from lstm_ref.parity.ports.model import PortModel
from lstm_ref.text import Vocab

FORWARD = ("lstm or lstm_step",)
MODEL = ("RNNModelScratch", "init_lstm_state", "lstm")

#: The roles that each function of an implementation is made of, for the LSTM.
NEEDS: dict[str, tuple[str, ...]] = {
    "get_params": ("get_lstm_params",), "init_state": ("init_lstm_state",), "forward": FORWARD,
    "handed": FORWARD, "vjp": FORWARD,
    "loss": ("loss",), "loss_and_grads": (*FORWARD, "loss"), "grad_clipping": ("grad_clipping",), "sgd": ("sgd",),
    "train_step": ("train_step",), "train": ("train_epoch_ch8", *MODEL, "loss", "sgd"),
    "carried": ("train_ch8", *MODEL), "prediction": ("predict_ch8", *MODEL), "written": ("predict_ch8", *MODEL),
    "model": MODEL, "touched": FORWARD, "minibatches": (), "parallel": ()}
#: The roles of the other cells in the place of the LSTM's.
INSTEAD = {cell: {"lstm or lstm_step": cell, "lstm": cell, "init_lstm_state": f"init_{form}_state",
                  "get_lstm_params": "get_gru_params" if form == "gru" else "get_params of the RNN"}
           for cell in OTHERS for form in [CELLS[cell].function]}
#: Checks that are for backends alone.
HOUSE_RULES = {"bad_input": "a rule for backends: refusals in the reference's words",
               "sampling": "a rule for backends: minibatches of the embedded story",
               "parallel": "several workers are judged of backends alone, which are started in processes of their own"}


class Holder(list[Any]):
    """Parameters as a model has them, as `net.params` or `net.parameters()`, or by themselves.

    Args:
        params: with their gradients.
    """

    def __init__(self, params: Sequence[Any]):
        super().__init__(params)
        self.params = self.trainable_variables = list(params)

    def parameters(self) -> Any:
        """As a module has them."""
        return iter(self.params)


class Port:
    """See `lstm_ref.parity.interface.Implementation`.

    Args:
        roles: functions by the names of `ROLES`.
        framework: tensors and gradients.
        unusable: roles that are there and can't be called, and why.
        dtypes: the precisions that it has; or those it does not have, with a reason each. In one of 16 bits it is
            judged only if that is named among the former.
        cannot: checks that it can't do, with a reason each.

    Raises:
        SignatureError: a role is unknown, or can't be called; says how it should be.
    """

    def __init__(self, roles: Mapping[str, Any], framework: Framework,
                 unusable: Mapping[str, str] = MappingProxyType({}),
                 dtypes: Sequence[str] | Mapping[str, str] = DTYPES, cannot: Mapping[str, str] | None = None):
        for role, function in roles.items():
            if role not in ROLES:
                raise SignatureError(f"unknown role {role!r}; known are {', '.join(ROLES)}")
            check(role, function)
        if not roles:
            raise SignatureError(f"nothing to judge was given; name at least one role of {', '.join(ROLES)}")
        self.roles, self.framework, self.unusable = dict(roles), framework, unusable
        self.dtypes = dict(dtypes) if isinstance(dtypes, Mapping) else {
            dtype: f"no {dtype} here, as declared" for dtype in DTYPES if dtype not in dtypes}
        named = () if isinstance(dtypes, Mapping) else dtypes
        if unknown := {*self.dtypes, *named} - {*DTYPES, *HALVES}:
            raise SignatureError(f"dtypes: judged are {', '.join((*DTYPES, *HALVES))}, got {unknown.pop()!r}")
        halves = {dtype: "not given: name it in `dtypes` to have it judged" for dtype in HALVES if dtype not in named}
        self.dtypes = {**framework.absent, **self.dtypes, **halves}
        self.not_judged = self._lacks("lstm") | HOUSE_RULES | halves
        self.cells = {cell: self._lacks(cell) | HOUSE_RULES | halves for cell in OTHERS if cell in roles}
        rows = {CELLS[cell].row: cell for cell in reversed(OTHERS)}
        self.not_judged |= {row: f"not given: {cell}" for row, cell in rows.items()
                            if not any(CELLS[other].row == row for other in self.cells)}
        if any(str(getattr(function, "__module__", "")).startswith("lstm_ref.") for function in roles.values()):
            self.not_judged["own"] = "it is the reference"
        if unknown := (cannot or {}).keys() - CHECKS.keys():
            raise SignatureError(f"cannot: unknown check {unknown.pop()!r}; known are {', '.join(CHECKS)}")
        for absent in (self.not_judged, *self.cells.values()):
            absent |= cannot or {}

    def _lacks(self, cell: str) -> dict[str, str]:
        """The checks of a cell that need what is not given, and what that is."""
        return {name: reason for name, check in CHECKS.items() if (reason := self._missing(check.calls, cell))}

    def _missing(self, calls: Sequence[str], cell: str) -> str:
        """Which roles are not given for calling these functions, or ''."""
        instead = INSTEAD.get(cell, {})
        needed = dict.fromkeys(instead.get(role, role) for function in calls for role in NEEDS[function])
        epoch = self.roles.get("train_epoch_ch8")
        updates = self.framework.own_updater or (epoch is not None and takes("train_epoch_ch8", epoch, "lr"))
        if "train" in calls and updates:  # it is not handed an `sgd`
            del needed["sgd"]
        missing = [role for role in needed if not any(name in self.roles for name in role.split(" or "))]
        if missing:
            why = "".join(f"; {self.unusable[role]}" for role in missing if role in self.unusable)
            return f"not given: {', '.join(missing)}{why}"
        if "get_params" in calls and not self.framework.can_seed and not any(
                takes(role, self.roles[role], what) for role in needed for what in ("rng", "key")):
            return "not given: seed(seed) of the framework"
        gradients = {"vjp", "loss", "loss_and_grads", "train"} & {*calls}
        return "this framework has no gradients" if gradients and not self.framework.has_gradients else ""

    def call(self, role: str, **available: Any) -> Any:
        """Call a role by what its parameters are named."""
        return call(role, self.roles[role], {**self.framework.arguments(), **available})

    def role(self, params: Sequence[Any]) -> str:
        """Which forward pass these parameters are for."""
        cell = cell_of(params)
        return "gru_after" if cell == "gru" and "gru" not in self.roles else cell

    def pieces(self, inputs: Any, state: Any, params: Any) -> tuple[list[Any], Any]:
        """The outputs in pieces, as the port gives them, and the last state."""
        role = self.role(params)
        if role in self.roles:
            outputs, state = self.call(role, inputs=inputs, state=state, params=params)
            return (list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]), state
        pieces = []
        for X in inputs:
            Y, state = self.call("lstm_step", inputs=X, state=state, params=params)
            pieces.append(Y)
        return pieces, state

    def _seen(self, given: tuple[list[Any], Any]) -> tuple[Array, tuple[Array, ...]]:
        """What `pieces` gives, as arrays."""
        (pieces, last), f = given, self.framework
        arrays = f.arrays(pieces)
        outputs = np.concatenate([a.reshape(-1, a.shape[-1]) for a in arrays]) if len(arrays) > 1 else arrays[0]
        return outputs, tuple(f.arrays(last))

    def forward(self, inputs: Array, state: Any, params: Sequence[Array]) -> tuple[Array, Sequence[Array]]:
        """`lstm`, or `lstm_step` time after time; `rnn` or `gru`."""
        f = self.framework
        outputs, last = self._seen(self.pieces(f.tensor(inputs), f.tensors(state), list(f.tensors(params))))
        if len(last) != len(state):
            raise SignatureError(f"{self.role(params)}: expected to return outputs and the state "
                                 f"{'(H, C)' if len(state) > 1 else '(H,)'}, got {len(last)} states")
        return outputs, last

    def handed(self, way: str, inputs: Array, state: Any, params: Sequence[Array]) -> tuple[Array, Sequence[Array]]:
        """The forward pass of arguments in another way."""
        return self._seen(self.pieces(*self.framework.handed(way, inputs, state, params)))

    def tape(self, inputs: Array, state: Any, params: Sequence[Array]) -> list[dict[str, Array]]:
        """The local variables of the forward pass while it runs."""
        f = self.framework
        function: Any = self.roles.get(self.role(params))
        if not hasattr(function, "__code__"):
            raise LookupError("a closed box")
        turns = watch(function, lambda: self.pieces(f.tensor(inputs), f.tensors(state), list(f.tensors(params))),
                      NAMES[cell_of(params)])
        return [{name: f.array(value) for name, value in turn.items()} for turn in turns]

    def vjp(self, inputs: Array, state: Any, params: Sequence[Array], upstream: Sequence[Array]) -> Sequence[Array]:
        """The framework's gradients through `lstm`."""
        f, n = self.framework, len(params)

        def scalar(tensors: Sequence[Any]) -> Any:
            pieces, last = self.pieces(tensors[n], tuple(tensors[n + 1:]), list(tensors[:n]))
            parts = [part.reshape(tuple(piece.shape)) for part, piece in zip(
                np.split(upstream[0], len(pieces)), pieces, strict=True)]
            return f.inner([*pieces, *last], [*parts, *upstream[1:]])

        return f.differentiate(scalar, [*params, inputs, *state])[1]

    def _mean_loss(self, outputs: Any, targets: Any, dtype: DTypeLike) -> Any:
        """The port's loss as a scalar: it may give one number for each token."""
        loss = self.call("loss", outputs=outputs, targets=targets)
        if not (shape := tuple(loss.shape)):
            return loss
        return self.framework.dot(loss, self.framework.tensor(np.full(shape, 1 / np.prod(shape), dtype)))

    def _detached(self, tensor: Any) -> Any:
        return tensor.detach() if hasattr(tensor, "detach") else tensor

    def loss(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
        """`loss`, differentiated by the outputs."""
        y = self.framework.tensor(targets)
        value, (gradient,) = self.framework.differentiate(
            lambda tensors: self._mean_loss(tensors[0], y, outputs.dtype), [outputs])
        return value, gradient

    def loss_and_grads(self, inputs: Array, state: Any, params: Sequence[Array], targets: Array
                       ) -> tuple[Array, Sequence[Array]]:
        """`loss` of `lstm` or `rnn`, differentiated by the parameters."""
        f = self.framework
        X, begin = f.tensor(inputs), f.tensors(state)

        def scalar(tensors: Sequence[Any]) -> Any:
            pieces, _ = self.pieces(X, begin, list(tensors))
            losses = [self._mean_loss(piece, f.tensor(y), inputs.dtype) for piece, y in zip(
                pieces, np.split(targets, len(pieces)), strict=True)]
            return losses[0] if len(losses) == 1 else sum(losses[1:], losses[0]) / len(losses)

        return self.framework.differentiate(scalar, params)

    def _attached(self, params: Sequence[Array], grads: Sequence[Array]) -> list[Any]:
        """Parameters that carry these gradients."""
        made = [self.framework.parameter(param) for param in params]
        for param, grad in zip(made, grads, strict=True):
            self.framework.attach(param, grad)
        return made

    def grad_clipping(self, grads: Sequence[Array], theta: float) -> Sequence[Array]:
        """`grad_clipping`, of gradients, or of what carries them."""
        f, function = self.framework, self.roles["grad_clipping"]
        if takes("grad_clipping", function, "grads"):
            given: list[Any] = list(f.tensors(grads))
            found = self.call("grad_clipping", grads=given, theta=theta)
            return f.arrays(given if found is None else list(found))
        params = self._attached(grads, grads)
        found = self.call("grad_clipping", net=Holder(params), params=params, theta=theta)
        return f.clipped([f.gradient(param) for param in params] if found is None else list(found))

    def sgd(self, params: Sequence[Array], grads: Sequence[Array], lr: float, batch_size: int) -> Sequence[Array]:
        """`sgd`, in place or not."""
        f = self.framework
        if takes("sgd", self.roles["sgd"], "grads"):
            made: list[Any] = [f.parameter(param) for param in params]
            found = self.call("sgd", params=made, grads=list(f.tensors(grads)), lr=lr, batch_size=batch_size)
        else:
            made = self._attached(params, grads)
            found = self.call("sgd", params=made, lr=lr, batch_size=batch_size)
        return f.arrays(made if found is None else list(found))

    def train_step(self, params: Sequence[Array], X: Array, Y: Array, state: Any, lr: float, theta: float
                   ) -> tuple[Sequence[Array], Any, Array]:
        """`train_step`."""
        f = self.framework
        made: Any = [f.parameter(param) for param in params]
        made, last, loss = self.call("train_step", params=made, X=f.tensor(X), Y=f.tensor(Y),
                                     state=f.tensors(state), lr=lr, theta=theta)
        return f.arrays(list(made)), tuple(f.arrays(list(last))), f.array(loss)

    def model(self, params: Sequence[Array]) -> PortModel:
        """`RNNModelScratch` with these parameters."""
        return PortModel(self, params)

    def touched(self, inputs: Array, state: Any, params: Sequence[Array]) -> Sequence[Array]:
        """The arguments of `lstm` after the call."""
        f = self.framework
        given: list[Any] = [f.tensor(inputs), f.tensors(state), list(f.tensors(params))]
        self.pieces(*given)
        return f.arrays([given[0], *given[1], *given[2]])

    def train(self, params: Sequence[Array], epochs: Epochs, lr: float, use_random_iter: bool) -> Trained:
        """`train_epoch_ch8`, epoch after epoch, with every minibatch's loss as the port's `loss` gives it."""
        net, losses = PortModel(self, params), list[Any]()
        minibatches = [[self.framework.tensors(minibatch) for minibatch in epoch] for epoch in epochs]
        reports = [Epoch(epoch).report(lambda epoch: net.train(epoch, lr, use_random_iter, losses))
                   for epoch in minibatches]
        steps = sum(map(len, epochs))
        if len(losses) != steps:
            raise SignatureError(f"train_epoch_ch8: expected to call the loss once for each of {steps} minibatches, "
                                 f"called it {len(losses)} times")
        means = [self.framework.array(self._detached(loss)).mean() for loss in losses]
        left = [[tuple(self.framework.arrays(minibatch)) for minibatch in epoch] for epoch in minibatches]
        return Trained(np.stack(means), net.read(), reports, left)  # type: ignore[arg-type]

    def carried(self, params: Sequence[Array], epochs: Epochs, vocab: Vocab, lr: float
                ) -> tuple[Sequence[Array], Sequence[Array], str]:
        """`train_ch8`, the weights before and after it, and what it prints."""
        f, net = self.framework, PortModel(self, params)
        put, minibatches = net.read(), [[f.tensors(minibatch) for minibatch in epoch] for epoch in epochs]
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            found = self.call("train_ch8", net=net.net, params=net.made, train_iter=EpochAfterEpoch(minibatches),
                              vocab=vocab, lr=lr, num_epochs=len(epochs))
        kept = list(found) if takes("train_ch8", self.roles["train_ch8"], "params") else net.made
        return put, f.arrays(kept), printed.getvalue()

    def prediction(self, params: Sequence[Array], prefix: str, num_preds: int, vocab: Vocab) -> str:
        """`predict_ch8`."""
        return PortModel(self, params).predict(prefix, num_preds, vocab)

    def written(self, params: Sequence[Array], prefix: str, num_preds: int, vocab: Vocab) -> Array:
        """The outputs of the forward function while `predict_ch8` runs."""
        heard = list[Array]()
        hear = self.framework.hearing(lambda outputs: heard.append(self.framework.array(outputs)))
        PortModel(self, params, hear).predict(prefix, num_preds, vocab)
        return np.concatenate([outputs.reshape(-1, outputs.shape[-1]) for outputs in heard])

    def drawn(self, role: str, dtype: DTypeLike, sizes: Mapping[str, int], **more: Any) -> Drawn:
        """What a role that draws or begins something gives."""
        f = self.framework
        tensors = list(self.call(role, dtype=f.dtype(dtype), **sizes, **more))
        arrays = f.arrays(tensors)
        if not takes(role, self.roles[role], "dtype"):  # as in the book: one precision, which is judged in both
            arrays = [array.astype(dtype) for array in arrays]
        return Drawn.of(tensors, arrays, [f.is_trainable(tensor) for tensor in tensors])

    def get_params(self, cell: str, vocab_size: int, num_hiddens: int, dtype: DTypeLike, seed: int) -> Drawn:
        """`get_lstm_params` or `get_gru_params` after seeding the framework."""
        if self.framework.can_seed:
            self.framework.seed(seed)
        return self.drawn(f"get_{CELLS[cell].function}_params", dtype,
                          {"vocab_size": vocab_size, "num_hiddens": num_hiddens}, rng=seed)

    def init_state(self, cell: str, batch_size: int, num_hiddens: int, dtype: DTypeLike) -> Drawn:
        """`init_lstm_state`, or that of another cell."""
        return self.drawn(f"init_{CELLS[cell].function}_state", dtype,
                          {"batch_size": batch_size, "num_hiddens": num_hiddens})
