"""The LSTM on a time series: real numbers for inputs, the next ones for targets, and the squared loss."""

from collections.abc import Callable
from typing import Any

from lstm_ref.lstm import lstm, lstm_backward
from lstm_ref.params import Array
from lstm_ref.validate import check_array


def squared_loss(outputs: Array, targets: Array) -> Array:
    """The mean of the squared errors over all steps, examples and features.

    Args:
        outputs: (n, num_features), step-major as `lstm` returns them.
        targets: real numbers of the same shape: the series one step later.

    Raises:
        ValueError: the shapes differ.
    """
    check_array("targets", targets, tuple(outputs.shape), "of the outputs")
    return ((outputs - targets) ** 2).mean()


def squared_loss_backward(outputs: Array, targets: Array) -> Array:
    """Gradient of `squared_loss` by the outputs: 2 (outputs - targets) / their number."""
    check_array("targets", targets, tuple(outputs.shape), "of the outputs")
    return 2 * (outputs - targets) / outputs.size


def series_loss_and_grads(
    inputs: Array,
    state: Any,
    params: Any,
    targets: Array,
    forward: Callable[..., Any] = lstm,
    backward: Callable[..., Any] = lstm_backward,
) -> tuple[Array, Any, Any]:
    """Squared loss of the forward pass, its gradients by the parameters, and the last state.

    Args:
        inputs: (num_steps, batch_size, num_features) real numbers; `num_features` stands where text has V.
        state: as for `lstm`.
        params: as for `lstm`.
        targets: (num_steps · batch_size, num_features), step-major.
        forward: the forward pass, called like `lstm`.
        backward: its backward pass, called like `lstm_backward`.

    Raises:
        ValueError: as `lstm` and `squared_loss`.
    """
    tape: list[Any] = []
    outputs, last = forward(inputs, state, params, tape)
    grads = backward(tape, params, squared_loss_backward(outputs, targets)).params
    return squared_loss(outputs, targets), grads, last
