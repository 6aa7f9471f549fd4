"""What the reference and every backend refuse, in the same words.

The functions look only at `.shape` and `.dtype` (and, for tokens, at the values), so they work on the arrays of
any framework. Each raises a ValueError that names the argument, what was expected and what it got.
"""

import math
import re
from collections.abc import Callable, Container, Sequence
from functools import cache
from typing import Any

import numpy as np

GATE_PARAMS = tuple(f"{name}{k}" for k in "ifoc" for name in ("W_x", "W_h", "b_"))
NAMES = (*GATE_PARAMS, "W_hq", "b_q")
RNN_NAMES = ("W_xh", "W_hh", "b_h", "W_hq", "b_q")
GRU_NAMES = (*(f"{name}{k}" for k in "zrh" for name in ("W_x", "W_h", "b_")), "W_hq", "b_q")
STATES = {"HC": "the pair (H, C)", "H": "the one-tuple (H,)"}


def dtype_name(array: Any) -> str:
    """'float32' for the float32 of any framework."""
    return _name(array.dtype)


@cache
def _name(dtype: Any) -> str:
    name = getattr(dtype, "name", None) or getattr(dtype, "__name__", None) or str(dtype)
    return re.sub(r"^fp(?=\d)", "float", str(name).rsplit(".", 1)[-1].lower())  # Paddle 2 has FP32


def check_sizes(least: int = 1, /, **sizes: Any) -> None:
    """Each size is an integer of at least `least`."""
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < least:
            raise ValueError(f"{name}: expected an integer of at least {least}, got {size!r}")


def check_floating(dtype: Any) -> None:
    """A dtype is a floating one, NumPy's or, by its name, another framework's; None is for a default.

    Raises:
        ValueError: it is not.
    """
    try:
        name, floating = np.dtype(dtype).name, np.issubdtype(np.dtype(dtype), np.floating)
    except TypeError:  # not NumPy's
        name, floating = _name(dtype), False
    if not floating and name not in ("float16", "bfloat16", "float32", "float64"):
        raise ValueError(f"dtype: expected a floating one, got {name}")


def check_array(
    name: str, array: Any, shape: tuple[int | None, ...], meaning: str, dtype: str | None = None
) -> None:
    """`array` has the shape (None: any length) and, when one is given, the dtype; `meaning` names the axes.

    Raises:
        ValueError: it does not.
    """
    if not hasattr(array, "shape") or not hasattr(array, "dtype"):
        raise ValueError(f"{name}: expected an array of shape {meaning}, got {type(array).__name__}")
    found = tuple(array.shape)
    fits = len(found) == len(shape) and all(
        want is None or got is None or want == got for want, got in zip(shape, found, strict=True))
    if not fits:
        known = "" if None in shape else f" = {shape}"
        raise ValueError(f"{name}: expected shape {meaning}{known}, got {found}")
    if dtype is not None and dtype_name(array) != dtype:
        raise ValueError(f"{name}: expected dtype {dtype}, that of inputs, got {dtype_name(array)}; "
                         "convert all to one dtype")


def check_count(params: Any, names: tuple[str, ...] = NAMES) -> None:
    """The parameters are a sequence with one array for each name.

    Raises:
        ValueError: they are not.
    """
    if not isinstance(params, Sequence) or len(params) != len(names):
        found = f"{len(params)} arrays" if isinstance(params, Sequence) else type(params).__name__
        raise ValueError(f"params: expected {len(names)} arrays ({', '.join(names)}), got {found}")


def check_lstm(inputs: Any, state: Any, params: Any) -> None:
    """Arguments of `lstm`: shapes agree with each other and all arrays share one floating dtype.

    Raises:
        ValueError: a wrong number of parameters or of states, a wrong shape, mixed or integer dtypes, an
            empty sequence or batch.
    """
    _check_recurrent(inputs, state, params, NAMES, "HC")


def check_rnn(inputs: Any, state: Any, params: Any) -> None:
    """Arguments of `rnn`, as `check_lstm`; the state is the one-tuple (H,).

    Raises:
        ValueError: as `check_lstm`.
    """
    _check_recurrent(inputs, state, params, RNN_NAMES, "H")


def names_of(params: Sequence[Any]) -> tuple[str, ...]:
    """The names of a cell's parameters, by how many they are; the LSTM's where no cell has so many."""
    return {len(names): names for names in (RNN_NAMES, GRU_NAMES)}.get(len(params), NAMES)


def check_gru(inputs: Any, state: Any, params: Any) -> None:
    """Arguments of `gru`, as `check_lstm`; the state is the one-tuple (H,).

    Raises:
        ValueError: as `check_lstm`.
    """
    _check_recurrent(inputs, state, params, GRU_NAMES, "H")


def _check_recurrent(inputs: Any, state: Any, params: Any, names: tuple[str, ...], states: str) -> None:
    check_array("inputs", inputs, (None, None, None), "(num_steps, batch_size, vocab_size)")
    num_steps, batch_size, vocab_size = tuple(inputs.shape)
    for name, size in (("num_steps", num_steps), ("batch_size", batch_size), ("vocab_size", vocab_size)):
        if size == 0:
            raise ValueError(f"inputs: expected {name} of at least 1, got shape {tuple(inputs.shape)}")
    dtype = dtype_name(inputs)
    if "float" not in dtype and "complex" not in dtype:
        raise ValueError(f"inputs: expected a floating dtype (one-hot encode token indices first), got {dtype}")
    check_params(params, vocab_size, check_state(state, batch_size, None, dtype, states), names, dtype)


def check_state(
    state: Any, batch_size: int, num_hiddens: int | None, dtype: str | None = None, states: str = "HC"
) -> int | None:
    """A state has its arrays, in the shape of the first and, when one is given, the dtype.

    Returns:
        The number of hidden units.

    Raises:
        ValueError: it does not.
    """
    if not isinstance(state, Sequence) or len(state) != len(states):
        found = f"{len(state)} items" if isinstance(state, Sequence) else type(state).__name__
        raise ValueError(f"state: expected {STATES[states]}, got {found}")
    for i, (name, array) in enumerate(zip(states, state, strict=True)):
        check_array(f"state[{i}] ({name})", array, (batch_size, num_hiddens), "(batch_size, num_hiddens)", dtype)
        num_hiddens = array.shape[1]
    return num_hiddens


def check_model(params: Any, names: tuple[str, ...] = NAMES) -> None:
    """Parameters fit each other: the sizes and the dtype are those of the first.

    Raises:
        ValueError: a wrong number of them, a wrong shape, or mixed dtypes.
    """
    check_count(params, names)
    check_array(f"params[0] ({names[0]})", params[0], (None, None), "(vocab_size, num_hiddens)")
    vocab_size, num_hiddens = params[0].shape
    check_params(params, vocab_size, num_hiddens, names, dtype_name(params[0]))


def check_params(
    params: Any, vocab_size: int, num_hiddens: int | None, names: tuple[str, ...] = NAMES, dtype: str | None = None
) -> None:
    """The parameters have the number and shapes that these sizes require and, when one is given, the dtype.

    Raises:
        ValueError: they do not.
    """
    check_count(params, names)
    axes = {"W_x": ("vocab_size", "num_hiddens"), "W_h": ("num_hiddens", "num_hiddens"), "b_": ("num_hiddens",)}
    sizes = {"vocab_size": vocab_size, "num_hiddens": num_hiddens}
    for i, (name, param) in enumerate(zip(names, params, strict=True)):
        named = {"W_hq": ("num_hiddens", "vocab_size"), "b_q": ("vocab_size",)}.get(name) or axes[name[:-1]]
        meaning = f"({', '.join(named)}{',' if len(named) == 1 else ''})"
        check_array(f"params[{i}] ({name})", param, tuple(sizes[axis] for axis in named), meaning, dtype)


def check_tokens(name: str, tokens: Any, vocab_size: int, shape: tuple[int, ...] | None = None) -> Any:
    """Token indices: integers in [0, vocab_size), not empty, of the given shape; whole floats, as in MXNet, pass too.

    Returns:
        The tokens as a NumPy array of integers.

    Raises:
        ValueError: a wrong shape or dtype, no tokens at all, or a token outside the vocabulary (with its
            index and value).
    """
    values = _on_host(tokens)
    if shape is not None and values.shape != shape:
        raise ValueError(f"{name}: expected shape {shape}, got {values.shape}")
    if values.size == 0:
        raise ValueError(f"{name}: expected at least one token, got shape {values.shape}")
    whole = np.issubdtype(values.dtype, np.integer) or (
        np.issubdtype(values.dtype, np.floating) and np.array_equal(values, np.floor(values)))
    if not whole:
        raise ValueError(f"{name}: expected integer token indices, got {values.dtype}")
    outside = (values < 0) | (values >= vocab_size)
    if outside.any():
        index = tuple(int(i) for i in np.argwhere(outside)[0])
        raise ValueError(f"{name}: expected tokens in [0, {vocab_size}), got {values[index]} at index {index}")
    return values.astype(int)


def _on_host(tokens: Any) -> Any:
    """The values of any framework's integer tensor, on whatever device it is."""
    if hasattr(tokens, "asnumpy"):  # MXNet
        return tokens.asnumpy()
    return np.asarray(tokens.detach().cpu() if hasattr(tokens, "detach") else tokens)  # PyTorch and Paddle; the others


def check_outputs(outputs: Any, targets: Any) -> Any:
    """Outputs are (n, vocab_size), and targets n tokens of that vocabulary.

    Returns:
        The targets as a NumPy array of integers.

    Raises:
        ValueError: they are not.
    """
    check_array("outputs", outputs, (None, None), "(n, vocab_size)")
    return check_tokens("targets", targets, outputs.shape[1], shape=(outputs.shape[0],))


def check_minibatch(X: Any, Y: Any, vocab_size: int) -> None:
    """X and Y are tokens of one shape, (batch_size, num_steps).

    Raises:
        ValueError: they are not, or a token is outside the vocabulary.
    """
    check_array("X", X, (None, None), "(batch_size, num_steps)")
    check_array("Y", Y, tuple(X.shape), "of X")
    check_tokens("X", X, vocab_size)
    check_tokens("Y", Y, vocab_size)


def check_theta(theta: Any) -> None:
    """The clipping threshold is a finite number above zero.

    Raises:
        ValueError: it is not.
    """
    if not _finite(theta) > 0:
        raise ValueError(f"theta: expected a finite number above 0, got {theta!r}")


def check_lr(lr: Any) -> None:
    """The learning rate is a finite number of at least zero.

    Raises:
        ValueError: it is not.
    """
    if not _finite(lr) >= 0:
        raise ValueError(f"lr: expected a finite number of at least 0, got {lr!r}")


def check_second_bias(name: str, bias: Any) -> None:
    """The second bias of a layer's GRU is zero, since the reset gate multiplies the candidate's part of it.

    Args:
        name: what the layer calls it.
        bias: of any shape, NumPy's or a framework's.

    Raises:
        ValueError: it is not zero, so that the 11 parameters can't say what the layer computes.
    """
    if bool((bias != 0).any()):
        raise ValueError(f"{name}: expected zeros, since no bias of the book's 11 parameters is multiplied by the "
                         "reset gate; begin with load_gru_params")


def check_alpha(alpha: Any) -> None:
    """The exponent of the probabilities that tokens are drawn with is a finite number of at least zero.

    Raises:
        ValueError: it is not.
    """
    if not _finite(alpha) >= 0:
        raise ValueError(f"alpha: expected a finite number of at least 0, got {alpha!r}")


def _finite(number: Any) -> float:
    """A finite number as a float; NaN for anything else."""
    try:
        value = math.nan if isinstance(number, (str, bytes, bool)) else float(number)
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    return value if math.isfinite(value) else math.nan


def check_grads(grads: Any, params: Any = None) -> None:
    """Gradients are a sequence: a generator would be empty after its norm was taken.

    Given the parameters, each gradient has the shape of its own: an update would broadcast any other.

    Raises:
        ValueError: they are not.
    """
    if not isinstance(grads, Sequence):
        raise ValueError(f"grads: expected a list or tuple of arrays, got {type(grads).__name__}")
    if params is None:
        return
    if len(grads) != len(params):
        raise ValueError(f"grads: expected {len(params)} arrays, one for each parameter, got {len(grads)}")
    for i, (param, grad) in enumerate(zip(params, grads, strict=True)):
        check_array(f"grads[{i}]", grad, tuple(param.shape), "of its parameter")


def check_corpus(corpus: Any) -> None:
    """A corpus is a row of integer tokens; its length is not looked at.

    Raises:
        ValueError: it is not.
    """
    tokens = np.asarray(corpus)
    if tokens.ndim != 1 or (tokens.size and not np.issubdtype(tokens.dtype, np.integer)):
        raise ValueError(f"corpus: expected a list of integer tokens, got {type(corpus).__name__} of shape "
                         f"{tokens.shape} and {tokens.dtype}; index the text with a Vocab first")


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


def check_prefix(prefix: str | Sequence[str], known: Container[str]) -> None:
    """Every character of a prefix, or every token of a list of them, is in the vocabulary, and there is at least one.

    Raises:
        ValueError: names the first one that is not, and its index.
    """
    if not prefix:
        kind = "character" if isinstance(prefix, str) else "token"
        raise ValueError(f"prefix: expected at least one {kind}, got none")
    for i, token in enumerate(prefix):
        if token not in known:
            raise ValueError(f"prefix: {token!r} at index {i} of {prefix!r} is not in the vocabulary")
