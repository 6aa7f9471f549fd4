"""The book's model, made by a port's `RNNModelScratch` around its own functions."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from lstm_ref.params import Array
from lstm_ref.parity.interface import CELLS, Drawn
from lstm_ref.parity.ports.calls import call, takes
from lstm_ref.text import Vocab

if TYPE_CHECKING:
    from lstm_ref.parity.ports.port import Port


def zero_grad(params: Sequence[Any]) -> None:
    """Set gradients to zero that are kept with the parameters and added to; others are made anew."""
    for param in params:
        if hasattr(gradient := getattr(param, "grad", None), "zero_"):
            gradient.zero_()  # type: ignore[union-attr]


class Updater:
    """An update that is called as the book's is, or stepped as an optimizer is.

    Args:
        update: takes the batch size.
        params: that it updates.
    """

    def __init__(self, update: Callable[[int], Any], params: Sequence[Any]):
        self.update, self.params = update, params

    def __call__(self, batch_size: int) -> Any:
        """Update."""
        return self.update(batch_size)

    def zero_grad(self) -> None:
        """Set gradients that are kept with the parameters to zero."""
        zero_grad(self.params)

    def step(self, batch_size: int = 1) -> None:
        """Update."""
        self.update(batch_size)


class PortModel:
    """See `lstm_ref.parity.interface.Model`.

    Args:
        port: whose model it is.
        params: its weights.
        hear: is given the outputs of every call of the forward function.
    """

    def __init__(self, port: "Port", params: Sequence[Array], hear: Callable[[Any], Any] | None = None):
        self.port, self.hear = port, hear
        self.load(params)

    def load(self, params: Sequence[Array]) -> None:
        """Make it anew: how weights are put into a port's model is not known."""
        port, f = self.port, self.port.framework
        self.dtype, self.sizes = params[0].dtype, params[0].shape
        self.made: Any = f.bundle([f.parameter(param) for param in params])
        role = port.role(params)
        forward, begin = port.roles[role], f"init_{CELLS[role].function}_state"

        def init_state(batch_size: int, num_hiddens: int, *_: Any, **__: Any) -> Any:
            return tuple(f.tensors(port.drawn(begin, self.dtype, {
                "batch_size": batch_size, "num_hiddens": num_hiddens}).arrays))

        def heard(*arguments: Any, **named: Any) -> Any:
            outputs, state = forward(*arguments, **named)
            for piece in outputs if isinstance(outputs, (list, tuple)) else [outputs]:
                self.hear(piece)  # type: ignore[misc]
            return outputs, state

        self.net = port.call("RNNModelScratch", vocab_size=self.sizes[0], num_hiddens=self.sizes[1],
                             get_params=lambda *_, **__: self.made, init_state=init_state,
                             forward_fn=heard if self.hear else forward)
        for name, value in (("parameters", lambda: iter(self.made)), ("train", lambda *_: None),
                            ("eval", lambda: None), ("zero_grad", lambda: zero_grad(self.made))):
            if not hasattr(self.net, name):  # as modules of frameworks have them
                setattr(self.net, name, value)

    def __call__(self, X: Array, state: Any, mode: str) -> tuple[Array, Sequence[Array]]:
        """Outputs and last state for tokens."""
        f = self.port.framework
        with f.mode(mode):
            arguments = f.tensor(X), f.tensors(state)
            pure = hasattr(self.net, "apply") and takes("train_epoch_ch8", self.port.roles.get(
                "train_epoch_ch8", lambda: None), "params")
            outputs, last = self.net.apply(self.made, *arguments) if pure else self.net(*arguments)
        return f.array(outputs), f.arrays(list(last))

    def begin_state(self, batch_size: int) -> Drawn:
        """The model's `begin_state`."""
        f = self.port.framework
        state = list(call("init_lstm_state", self.net.begin_state, {
            **f.arguments(), "batch_size": batch_size, "num_hiddens": self.sizes[1], "dtype": f.dtype(self.dtype)}))
        return Drawn.of(state, f.arrays(state))

    def read(self) -> list[Array]:
        """Its weights as they are now."""
        return [array.copy() for array in self.port.framework.arrays(list(self.made))]

    def train(self, minibatches: Any, lr: float, use_random_iter: bool, losses: list[Any]) -> tuple[Any, Any]:
        """`train_epoch_ch8`; the loss of each minibatch is appended. What it reports."""
        port, f = self.port, self.port.framework
        function = port.roles["train_epoch_ch8"]

        def loss(*arguments: Any, **named: Any) -> Any:
            value = port.roles["loss"](*arguments, **named)
            losses.append(value)
            return value

        updater = f.updater(port.roles.get("sgd"), self.made, lr)
        if callable(updater) and not f.own_updater:
            updater = Updater(updater, self.made)
        keeps = takes("train_epoch_ch8", function, "losses")
        found = port.call("train_epoch_ch8", net=self.net, params=self.made, loss=port.roles["loss"] if keeps else loss,
                          train_iter=minibatches, updater=updater, lr=lr,
                          use_random_iter=use_random_iter, losses=losses if keeps else None)
        if takes("train_epoch_ch8", function, "params"):
            self.made, *found = found
            self.made = list(self.made)
        return tuple(found)

    def epoch(self, minibatches: Sequence[tuple[Array, Array]], lr: float, use_random_iter: bool) -> None:
        """Train for one epoch."""
        tensors = [self.port.framework.tensors(minibatch) for minibatch in minibatches]
        self.train(tensors, lr, use_random_iter, [])

    def predict(self, prefix: str, num_preds: int, vocab: Vocab) -> str:
        """`predict_ch8`."""
        return str(self.port.call("predict_ch8", prefix=prefix, num_preds=num_preds, net=self.net, params=self.made,
                                  vocab=vocab))
