"""What the reference and every backend refuse, in the same words.

The functions look only at `.shape` and `.dtype` (and, for tokens, at the values), so they work on the arrays of
any framework. Each raises a ValueError that names the argument, what was expected and what it got.
"""

import math
import re
from collections.abc import Hashable, Sequence
from functools import cache
from typing import Any

import numpy as np

GATE_PARAMS = tuple(f"{name}{k}" for k in "ifoc" for name in ("W_x", "W_h", "b_"))
NAMES = (*GATE_PARAMS, "W_hq", "b_q")
RNN_NAMES = ("W_xh", "W_hh", "b_h", "W_hq", "b_q")
GRU_NAMES = (*(f"{name}{k}" for k in "zrh" for name in ("W_x", "W_h", "b_")), "W_hq", "b_q")
STATES = {"HC": "the pair (H, C)", "H": "the one-tuple (H,)"}
#: They multiply by other rules, or leave numbers out.
NOT_PLAIN = np.matrix, np.ma.MaskedArray


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
    except (TypeError, ValueError):  # not NumPy's
        name, floating = _name(dtype) if isinstance(dtype, Hashable) else repr(dtype), False
    if not floating and name not in ("float16", "bfloat16", "float32", "float64"):
        raise ValueError(f"dtype: expected a floating one, got {name}")


def check_array(
    name: str, array: Any, shape: tuple[int | None, ...], meaning: str, dtype: str | None = None, tensor: str = ""
) -> None:
    """`array` has the shape (None: any length) and, when one is given, the dtype; `meaning` names the axes.

    `tensor` is what a framework calls its arrays, where it takes no others; '' where NumPy's will do.

    Raises:
        ValueError: it does not.
    """
    _check_tensor(name, array, tensor)
    if not hasattr(array, "shape") or not hasattr(array, "dtype"):
        raise ValueError(f"{name}: expected an array of shape {meaning}, got {type(array).__name__}")
    if isinstance(array, NOT_PLAIN):
        raise ValueError(f"{name}: expected a plain array, got {type(array).__name__}")
    found = tuple(array.shape)
    if not _fits(found, shape):
        known = "" if None in shape else f" = {shape}"
        raise ValueError(f"{name}: expected shape {meaning}{known}, got {found}")
    if dtype is not None and dtype_name(array) != dtype:
        raise ValueError(f"{name}: expected dtype {dtype}, that of inputs, got {dtype_name(array)}; "
                         "convert all to one dtype")


def _check_tensor(name: str, array: Any, tensor: str) -> None:
    if tensor and isinstance(array, (np.ndarray, np.generic, list, tuple)):
        raise ValueError(f"{name}: expected {tensor}, got {type(array).__module__}.{type(array).__name__}; convert it")


def _fits(found: tuple[int | None, ...], shape: tuple[int | None, ...]) -> bool:
    return len(found) == len(shape) and all(
        want is None or got is None or want == got for want, got in zip(shape, found, strict=True))


def check_numbers(name: str, array: Any, kinds: Sequence[str] = ("float", "complex")) -> None:
    """An array of floating-point numbers, real or complex unless `kinds` leaves one out; a single number is one too.

    Raises:
        ValueError: it is not, or a matrix or a masked array.
    """
    found = type(array).__name__  # which says it for Python's own float and complex
    if hasattr(array, "dtype") and not isinstance(array, NOT_PLAIN):
        found = dtype_name(array)
    if not any(kind in found for kind in kinds):
        raise ValueError(f"{name}: expected an array of floating-point numbers, got {found}")


def check_count(params: Any, names: tuple[str, ...] = NAMES) -> None:
    """The parameters are a sequence with one array for each name.

    Raises:
        ValueError: they are not.
    """
    if not isinstance(params, Sequence) or len(params) != len(names):
        found = f"{len(params)} arrays" if isinstance(params, Sequence) else type(params).__name__
        raise ValueError(f"params: expected {len(names)} arrays ({', '.join(names)}), got {found}")


def check_lstm(inputs: Any, state: Any, params: Any, tensor: str = "") -> None:
    """Arguments of `lstm`: shapes agree with each other and all arrays share one floating dtype.

    `tensor` is as for `check_array`.

    Raises:
        ValueError: a wrong number of parameters or of states, a wrong shape, mixed or integer dtypes, an
            empty sequence or batch.
    """
    _check_recurrent(inputs, state, params, NAMES, "HC", tensor)


def check_rnn(inputs: Any, state: Any, params: Any, tensor: str = "") -> None:
    """Arguments of `rnn`, as `check_lstm`; the state is the one-tuple (H,).

    Raises:
        ValueError: as `check_lstm`.
    """
    _check_recurrent(inputs, state, params, RNN_NAMES, "H", tensor)


def names_of(params: Any) -> tuple[str, ...]:
    """The names of a cell's parameters, by how many they are; the LSTM's where no cell has so many."""
    count = len(params) if isinstance(params, Sequence) else 0
    return {len(names): names for names in (RNN_NAMES, GRU_NAMES)}.get(count, NAMES)


def check_gru(inputs: Any, state: Any, params: Any, tensor: str = "") -> None:
    """Arguments of `gru`, as `check_lstm`; the state is the one-tuple (H,).

    Raises:
        ValueError: as `check_lstm`.
    """
    _check_recurrent(inputs, state, params, GRU_NAMES, "H", tensor)


def _check_recurrent(
    inputs: Any, state: Any, params: Any, names: tuple[str, ...], states: str, tensor: str
) -> None:
    check_array("inputs", inputs, (None, None, None), "(num_steps, batch_size, vocab_size)", tensor=tensor)
    num_steps, batch_size, vocab_size = tuple(inputs.shape)
    for name, size in (("num_steps", num_steps), ("batch_size", batch_size), ("vocab_size", vocab_size)):
        if size == 0:
            raise ValueError(f"inputs: expected {name} of at least 1, got shape {tuple(inputs.shape)}")
    dtype = dtype_name(inputs)
    if "float" not in dtype and "complex" not in dtype:
        raise ValueError(f"inputs: expected a floating dtype (one-hot encode token indices first), got {dtype}")
    num_hiddens = check_state(state, batch_size, None, dtype, states, tensor=tensor)
    check_params(params, vocab_size, num_hiddens, names, dtype, tensor)


def check_state(
    state: Any, batch_size: int, num_hiddens: int | None, dtype: str | None = None, states: str = "HC",
    argument: str = "state", tensor: str = "",
) -> int | None:
    """A state, or the gradient by one, has its arrays, in the shape of the first and, when one is given, the dtype.

    Returns:
        The number of hidden units.

    Raises:
        ValueError: it does not.
    """
    if not isinstance(state, Sequence) or len(state) != len(states):
        found = f"{len(state)} items" if isinstance(state, Sequence) else type(state).__name__
        raise ValueError(f"{argument}: expected {STATES[states]}, got {found}")
    for i, (name, array) in enumerate(zip(states, state, strict=True)):
        check_array(f"{argument}[{i}] ({name})", array, (batch_size, num_hiddens), "(batch_size, num_hiddens)", dtype,
                    tensor)
        num_hiddens = array.shape[1]
    return num_hiddens


def check_model(params: Any, names: tuple[str, ...] = NAMES, tensor: str = "") -> None:
    """Parameters fit each other: the sizes and the dtype, a real one, are those of the first.

    `tensor` is as for `check_array`.

    Raises:
        ValueError: a wrong number of them, a wrong shape, integers or complex numbers, or mixed dtypes.
    """
    check_count(params, names)
    first = f"params[0] ({names[0]})"
    check_array(first, params[0], (None, None), "(vocab_size, num_hiddens)", tensor=tensor)
    check_numbers(first, params[0], ["float"])
    vocab_size, num_hiddens = params[0].shape
    check_params(params, vocab_size, num_hiddens, names, dtype_name(params[0]), tensor)


def check_params(
    params: Any, vocab_size: int, num_hiddens: int | None, names: tuple[str, ...] = NAMES, dtype: str | None = None,
    tensor: str = "",
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
        check_array(f"params[{i}] ({name})", param, tuple(sizes[axis] for axis in named), meaning, dtype, tensor)


def check_tokens(
    name: str, tokens: Any, vocab_size: int, shape: tuple[int | None, ...] | None = None, meaning: str = "",
    tensor: str = "",
) -> Any:
    """Token indices: integers in [0, vocab_size), not empty, of the given shape (None: any length), whose axes
    `meaning` may name; whole floats, as in MXNet, pass too. `tensor` is as for `check_array`.

    Returns:
        The tokens as a NumPy array of integers.

    Raises:
        ValueError: a wrong shape or dtype, no tokens at all, or a token outside the vocabulary (with its
            index and value).
    """
    _check_tensor(name, tokens, tensor)
    if isinstance(tokens, np.ma.MaskedArray):  # on the host the mask is gone
        raise ValueError(f"{name}: expected a plain array, got MaskedArray")
    values = _on_host(tokens)
    if shape is not None and not _fits(values.shape, shape):
        raise ValueError(f"{name}: expected shape {meaning or shape}, got {values.shape}")
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


def check_rows(X: Any, vocab_size: int, tensor: str = "") -> None:
    """X is (batch_size, num_steps) tokens of a vocabulary.

    Raises:
        ValueError: it is not.
    """
    check_tokens("X", X, vocab_size, (None, None), "(batch_size, num_steps)", tensor)


def check_outputs(outputs: Any, targets: Any, tensor: str = "") -> Any:
    """Outputs are (n, vocab_size) floating-point numbers, and targets n tokens of that vocabulary.

    `tensor` is as for `check_array`.

    Returns:
        The targets as a NumPy array of integers.

    Raises:
        ValueError: they are not.
    """
    check_array("outputs", outputs, (None, None), "(n, vocab_size)", tensor=tensor)
    check_numbers("outputs", outputs)
    return check_tokens("targets", targets, outputs.shape[1], shape=(outputs.shape[0],), tensor=tensor)


def check_minibatch(X: Any, Y: Any, vocab_size: int, tensor: str = "") -> None:
    """X and Y are tokens of one shape, (batch_size, num_steps).

    Raises:
        ValueError: they are not, or a token is outside the vocabulary.
    """
    check_array("X", X, (None, None), "(batch_size, num_steps)", tensor=tensor)
    check_array("Y", Y, tuple(X.shape), "of X", tensor=tensor)
    check_tokens("X", X, vocab_size)
    check_tokens("Y", Y, vocab_size)


def check_theta(theta: Any) -> None:
    """The clipping threshold is a finite number above zero, or a ValueError says that it is not."""
    if not finite(theta) > 0:
        raise ValueError(f"theta: expected a finite number above 0, got {theta!r}")


def check_lr(lr: Any) -> None:
    """The learning rate is a finite number of at least zero, or a ValueError says that it is not."""
    if not finite(lr) >= 0:
        raise ValueError(f"lr: expected a finite number of at least 0, got {lr!r}")


def check_alpha(alpha: Any) -> None:
    """The exponent of probabilities is a finite number of at least zero, or a ValueError says that it is not."""
    if not finite(alpha) >= 0:
        raise ValueError(f"alpha: expected a finite number of at least 0, got {alpha!r}")


def finite(number: Any) -> float:
    """A finite number as a float; NaN for anything else."""
    value = _number(number)
    return math.nan if value is None or math.isinf(value) else value


def _number(number: Any) -> float | None:
    """A real number as a float; None for a text, a truth value, a complex number or an array with axes."""
    if isinstance(number, (str, bytes, bytearray, memoryview, bool)):
        return None
    if hasattr(number, "dtype") and (tuple(number.shape) or not re.match("u?int|b?float", dtype_name(number))):
        return None
    try:
        return float(number)
    except OverflowError:
        return math.inf
    except (TypeError, ValueError):
        return None


def check_number(name: str, number: Any) -> None:
    """A real number, which may be infinite or NaN.

    Raises:
        ValueError: it is not.
    """
    if _number(number) is None:
        raise ValueError(f"{name}: expected a number, got {number!r}")


def check_prefix(prefix: Any, known: Any) -> None:
    """Every character of a prefix, or every token of a list of them, is in the vocabulary, and there is at least one.

    Raises:
        ValueError: it is neither a string nor a list or tuple of strings; or names the first one that is not in the
            vocabulary, and its index.
    """
    if not isinstance(prefix, (str, list, tuple)):
        raise ValueError(f"prefix: expected a string or a list of tokens, got {type(prefix).__name__}")
    if not prefix:
        kind = "character" if isinstance(prefix, str) else "token"
        raise ValueError(f"prefix: expected at least one {kind}, got none")
    for i, token in enumerate(prefix):
        if not isinstance(token, str):
            raise ValueError(f"prefix: expected strings for its tokens, got {type(token).__name__} at index {i}")
        if token not in known:
            raise ValueError(f"prefix: {token!r} at index {i} of {prefix!r} is not in the vocabulary")
