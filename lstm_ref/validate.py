"""What the reference and every backend refuse, in the same words.

The functions look at `.shape` and `.dtype` alone (and, for tokens, at the values), so they serve the arrays of
any framework. Each raises a ValueError that names the argument, what was expected and what came.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

GATE_PARAMS = tuple(f"{name}{k}" for k in "ifoc" for name in ("W_x", "W_h", "b_"))
NAMES = (*GATE_PARAMS, "W_hq", "b_q")


def dtype_name(array: Any) -> str:
    """'float32' for the float32 of any framework."""
    dtype = array.dtype
    name = getattr(dtype, "name", None) or getattr(dtype, "__name__", None) or str(dtype)
    return str(name).rsplit(".", 1)[-1].lower()


def check_sizes(**sizes: Any) -> None:
    """Each size is an integer of at least 1."""
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
            raise ValueError(f"{name}: expected an integer of at least 1, got {size!r}")


def check_array(
    name: str, array: Any, shape: tuple[int | None, ...], meaning: str, dtype: str | None = None
) -> None:
    """`array` has the shape (None: any length) and, when one is given, the dtype; `meaning` names the axes.

    Raises:
        ValueError: it has not.
    """
    if not hasattr(array, "shape") or not hasattr(array, "dtype"):
        raise ValueError(f"{name}: expected an array of shape {meaning}, got {type(array).__name__}")
    came = tuple(array.shape)
    fits = len(came) == len(shape) and all(
        want is None or got is None or want == got for want, got in zip(shape, came, strict=True))
    if not fits:
        known = "" if None in shape else f" = {shape}"
        raise ValueError(f"{name}: expected shape {meaning}{known}, got {came}")
    if dtype is not None and dtype_name(array) != dtype:
        raise ValueError(f"{name}: expected dtype {dtype}, that of inputs, got {dtype_name(array)}; "
                         "convert all to one dtype")


def check_count(params: Any) -> None:
    """The parameters are a sequence of 14.

    Raises:
        ValueError: they are not.
    """
    if not isinstance(params, Sequence) or len(params) != len(NAMES):
        came = f"{len(params)} arrays" if isinstance(params, Sequence) else type(params).__name__
        raise ValueError(f"params: expected {len(NAMES)} arrays ({', '.join(NAMES)}), got {came}")


def check_lstm(inputs: Any, state: Any, params: Any) -> None:
    """Arguments of `lstm`: shapes agree with each other and all arrays share one floating dtype.

    Raises:
        ValueError: a wrong number of parameters or of states, a wrong shape, mixed or integer dtypes, an
            empty sequence or batch.
    """
    check_array("inputs", inputs, (None, None, None), "(num_steps, batch_size, vocab_size)")
    num_steps, batch_size, vocab_size = tuple(inputs.shape)
    for name, size in (("num_steps", num_steps), ("batch_size", batch_size), ("vocab_size", vocab_size)):
        if size == 0:
            raise ValueError(f"inputs: expected {name} of at least 1, got shape {tuple(inputs.shape)}")
    dtype = dtype_name(inputs)
    if "float" not in dtype and "complex" not in dtype:
        raise ValueError(f"inputs: expected a floating dtype (one-hot encode token indices first), got {dtype}")

    if not isinstance(state, Sequence) or len(state) != 2:
        came = f"{len(state)} items" if isinstance(state, Sequence) else type(state).__name__
        raise ValueError(f"state: expected the pair (H, C), got {came}")
    check_array("state[0] (H)", state[0], (batch_size, None), "(batch_size, num_hiddens)", dtype)
    num_hiddens = state[0].shape[1]
    shape = (batch_size, num_hiddens)
    check_array("state[1] (C)", state[1], shape, "(batch_size, num_hiddens)", dtype)

    check_count(params)
    axes = {"W_x": ("vocab_size", "num_hiddens"), "W_h": ("num_hiddens", "num_hiddens"), "b_": ("num_hiddens",)}
    sizes = {"vocab_size": vocab_size, "num_hiddens": num_hiddens}
    for i, (name, param) in enumerate(zip(NAMES, params, strict=True)):
        named = {"W_hq": ("num_hiddens", "vocab_size"), "b_q": ("vocab_size",)}.get(name) or axes[name[:-1]]
        meaning = f"({', '.join(named)}{',' if len(named) == 1 else ''})"
        check_array(f"params[{i}] ({name})", param, tuple(sizes[axis] for axis in named), meaning, dtype)


def check_tokens(name: str, tokens: Any, vocab_size: int, shape: tuple[int, ...] | None = None) -> Any:
    """Token indices: integers in [0, vocab_size), not empty, of the given shape; whole floats, MXNet's habit, too.

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
    """The values of any framework's integer tensor, wherever it lies."""
    tokens = tokens.asnumpy() if hasattr(tokens, "asnumpy") else tokens.cpu() if hasattr(tokens, "cpu") else tokens
    return np.asarray(tokens)


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
    try:
        value = math.nan if isinstance(theta, (str, bytes, bool)) else float(theta)
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"theta: expected a finite number above 0, got {theta!r}")
