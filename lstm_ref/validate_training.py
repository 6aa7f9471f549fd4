"""What training refuses, as `lstm_ref.validate`: seeds, gradients, tapes, losses and the parts of several workers."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from lstm_ref.validate import check_array, check_floating, check_numbers, check_params, check_sizes, check_state


def check_grads(grads: Any) -> None:
    """Gradients are a sequence of real arrays: a generator would be empty after its norm was taken.

    Raises:
        ValueError: they are not.
    """
    _check_reals("grads", grads)
    if not grads:
        raise ValueError("grads: expected at least one array, got none")


def check_update(params: Any, grads: Any, by: str = "") -> None:
    """Parameters and gradients are such sequences, and each gradient has the shape of its parameter: an update would
    broadcast any other. `by` names the method that changes a parameter in place, where one does.

    Raises:
        ValueError: they are not.
    """
    _check_reals("grads", grads)
    _check_reals("params", params)
    if len(grads) != len(params):
        raise ValueError(f"grads: expected {len(params)} arrays, one for each parameter, got {len(grads)}")
    for i, (param, grad) in enumerate(zip(params, grads, strict=True)):
        check_array(f"grads[{i}]", grad, tuple(param.shape), "of its parameter")
    for i, param in enumerate(params):
        if by and not hasattr(param, by):
            raise ValueError(f"params[{i}]: expected a variable, with {by}, got {type(param).__name__}")


def _check_reals(name: str, arrays: Any) -> None:
    if not isinstance(arrays, Sequence) or isinstance(arrays, (str, bytes)):
        raise ValueError(f"{name}: expected a list or tuple of arrays, got {type(arrays).__name__}")
    for i, array in enumerate(arrays):
        if not hasattr(array, "dtype"):
            raise ValueError(f"{name}[{i}]: expected an array of floating-point numbers, got {type(array).__name__}")
        check_numbers(f"{name}[{i}]", array, ["float"])


def check_seed(rng: Any) -> None:
    """What numbers are drawn with is a generator, a seed, or None for fresh entropy.

    Raises:
        ValueError: it is none of the three.
    """
    try:
        np.random.default_rng(rng)
    except (TypeError, ValueError):
        raise ValueError(f"rng: expected a generator, a seed of at least 0 or None, got {rng!r}") from None


def check_encoding(dtype: Any) -> None:
    """A dtype holds numbers, of whatever kind.

    Raises:
        ValueError: it does not, or is no dtype.
    """
    try:
        numbers = np.dtype(dtype).kind in "iufc"
    except (TypeError, ValueError):
        numbers = False
    if not numbers:
        check_floating(dtype)  # which knows those of other frameworks


def check_logits(outputs: Any) -> None:
    """Outputs are floating-point numbers with at least one on their last axis.

    Raises:
        ValueError: they are not.
    """
    check_numbers("outputs", outputs)
    shape = tuple(getattr(outputs, "shape", ()))
    if not shape or not shape[-1]:
        raise ValueError(f"outputs: expected at least one number on the last axis, got shape {shape}")


def params_of(net: Any) -> Any:
    """The parameters of a model that is no module of its framework.

    Raises:
        ValueError: it has none.
    """
    if not hasattr(net, "params"):
        raise ValueError(f"net: expected a module of the framework, or a model with .params, got {type(net).__name__}")
    return net.params


def check_backward(params: Any) -> list[Any]:
    """The parameters that are to be updated: each has a gradient on it, and there is at least one.

    Args:
        params: a list, or what can be gone through once, as `net.parameters()`.

    Raises:
        ValueError: one has none; called before anything is changed.
    """
    if not isinstance(params, Iterable):
        raise ValueError(f"params: expected a list or an iterator of parameters, got {type(params).__name__}")
    params = list(params)
    if not params:
        raise ValueError("params: expected at least one parameter that is trained, got none")
    for i, param in enumerate(params):
        if getattr(param, "grad", None) is None:
            raise ValueError(f"params[{i}]: expected a parameter with a gradient, got none; call backward first")
    return params


def check_tape(
    tape: Any, kind: type, function: str, params: Any, names: tuple[str, ...], d_outputs: Any, d_state: Any, states: str
) -> None:
    """A tape is a list of one cell's steps; parameters and upstream gradients are of its sizes.

    Args:
        tape: what the forward pass recorded.
        kind: of its steps.
        function: the forward pass, for the message.
        params: as for the forward pass.
        names: of the parameters.
        d_outputs: (num_steps · batch_size, vocab_size).
        d_state: of the shapes of the state, or None.
        states: the letters of the state.

    Raises:
        ValueError: they are not.
    """
    if not isinstance(tape, (list, tuple)):
        raise ValueError(f"tape: expected the steps that {function} recorded, got {type(tape).__name__}")
    if not tape:
        raise ValueError(f"tape: expected the steps that {function} recorded, got an empty tape")
    for i, step in enumerate(tape):
        if type(step) is not kind:
            raise ValueError(f"tape[{i}]: expected a {kind.__name__} that {function} recorded, got a "
                             f"{type(step).__name__}")
    (batch_size, num_hiddens), vocab_size = tape[0].H.shape, tape[0].Y.shape[1]
    check_params(params, vocab_size, num_hiddens, names)
    check_array("d_outputs", d_outputs, (len(tape) * batch_size, vocab_size), "of the outputs")
    check_numbers("d_outputs", d_outputs)
    if d_state is not None:
        check_state(d_state, batch_size, num_hiddens, None, states, "d_state")


def check_loss(loss: float, norm: Callable[[], Any]) -> None:
    """The loss of a training step is a finite number; called before the step changes anything.

    Args:
        loss: of the minibatch.
        norm: returns the joint norm of its gradients; called only for the message.

    Raises:
        FloatingPointError: it is not.
    """
    if not math.isfinite(loss):
        raise FloatingPointError(f"loss: expected a finite number, got {loss} (gradient norm {float(norm()):g})")


def pair(minibatch: Any) -> tuple[Any, Any]:
    """X and Y of what an epoch is given for a minibatch.

    Raises:
        ValueError: it is not a pair of arrays.
    """
    try:
        X, Y = minibatch
    except (TypeError, ValueError):
        raise ValueError(f"train_iter: expected pairs (X, Y), got {type(minibatch).__name__}") from None
    for name, array in (("X", X), ("Y", Y)):
        if not getattr(array, "shape", ()):
            raise ValueError(f"{name}: expected an array of shape (batch_size, num_steps), got {type(array).__name__}")
    return X, Y


def check_reduction(means: Any, tokens: Any) -> None:
    """The workers' means are arrays of one shape, and each counts by its number of tokens.

    Raises:
        ValueError: they are not, or a worker has no tokens.
    """
    for name, values in (("means", means), ("tokens", tokens)):
        if not isinstance(values, (list, tuple)) or not values:
            found = "none" if isinstance(values, (list, tuple)) else type(values).__name__
            raise ValueError(f"{name}: expected a list or tuple with one for each worker, got {found}")
    if len(means) != len(tokens):
        raise ValueError(f"tokens: expected {len(means)} numbers, one for each of the means, got {len(tokens)}")
    check_sizes(**{f"tokens[{i}]": count for i, count in enumerate(tokens)})
    for i, mean in enumerate(means):
        check_array(f"means[{i}]", mean, tuple(getattr(means[0], "shape", ())), "of the first")
        check_numbers(f"means[{i}]", mean)


def check_parts(states: Any, workers: int) -> None:
    """A list has the state of each worker.

    Raises:
        ValueError: it does not.
    """
    if not isinstance(states, (list, tuple)) or len(states) != workers:
        found = len(states) if isinstance(states, (list, tuple)) else type(states).__name__
        raise ValueError(f"states: expected a list of {workers}, one for each worker, got {found}")
