"""The reference's forward and backward pass, computed by NumPy's fused LSTM, for runs that otherwise take hours.

It is judged by the same checks (`nox -s "parity(numpy)"`), and rounds differently.
"""

from collections.abc import Sequence
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from lstm_ref.params import Array, State
from lstm_ref.validate import check_lstm

fused: Any = import_module("backends.numpy.fused")


def lstm(inputs: Array, state: State, params: Any, tape: list[Any] | None = None) -> tuple[Array, State]:
    """As `lstm_ref.lstm`; the tape holds what `lstm_backward` below reads."""
    check_lstm(inputs, state, params)
    net = fused.RNNModelFused(params)
    if tape is None:
        found: tuple[Array, State] = net.run(inputs, state)
        return found
    work = net.work(*inputs.shape[:2], state)
    work.encoded(inputs)
    outputs = fused.rows(net.outputs(work, training=True))
    tape.append((net, work))
    return outputs, work.state()


def lstm_backward(tape: Sequence[Any], params: Any, d_outputs: Array) -> Any:
    """As `lstm_ref.lstm_backward`, without the gradients by the inputs and the state."""
    (net, work), = tape
    T, B, V, _ = work.sizes
    dY = d_outputs.reshape(T, B, V).transpose(0, 2, 1).copy()
    grads = fused.unpack(*work.backward(net.W, net.W_hq, dY))
    return SimpleNamespace(params=getattr(params, "_make", tuple)(grads))
