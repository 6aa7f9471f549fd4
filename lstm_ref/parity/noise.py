"""Monte Carlo arithmetic: NumPy code run unchanged, with every operation rounded at random.

An array of type `Noisy` computes in a wide precision and multiplies the result of each operation by 1 + u, u uniform
within half an epsilon of the narrow precision that is being tested (Parker 1997, *Monte Carlo Arithmetic*). What the
results then scatter by is what any honest implementation in the narrow precision may be off by, whatever its order
of operations.
"""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from lstm_ref.params import Array

# Operations whose result is a number they were given: nothing to round.
EXACT = {np.negative, np.positive, np.absolute, np.maximum, np.minimum,
         np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal, np.isnan}

# Rounding errors of the others, in units of half an epsilon. Libraries do not promise a correctly rounded exponential
# or hyperbolic tangent, and a quotient or a root may come from a reciprocal, so those may be off by twice as much.
UNITS = {np.add: 1, np.subtract: 1, np.multiply: 1, np.divide: 2, np.sqrt: 2, np.square: 1, np.power: 1,
         np.log: 1, np.exp: 2, np.tanh: 2, np.cosh: 2}

# Functions that only move numbers about.
MOVES = {np.where, np.concatenate, np.stack, np.split, np.zeros_like, np.ones_like, np.reshape, np.swapaxes,
         np.transpose, np.squeeze, np.expand_dims, np.real, np.nan_to_num}

# Functions that tell something about an array.
TELLS = {np.argmax, np.shape, np.ndim, np.result_type, np.iscomplexobj}


NOT_IN_NUMPY: dict[str, str] = {}  #: precisions that can't be judged here, and why
try:  # comes with JAX and TensorFlow, and gives NumPy a bfloat16
    finfo: Any = importlib.import_module("ml_dtypes").finfo
except ImportError:
    finfo, NOT_IN_NUMPY["bfloat16"] = np.finfo, "NumPy has none without the package ml_dtypes"

BLOCK = 32  #: terms of a matrix product that are taken to be added in any order


class Noisy(np.ndarray[Any, Any]):
    """An array of wide precision whose operations round at random; made by `noisy_type`."""

    rng: np.random.Generator
    eps: float
    tiny: float
    terms = 1  #: how many products this is a sum of, while nothing but sums has been made of them

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **kwargs: Any) -> Any:
        plain = [x.view(np.ndarray) if isinstance(x, Noisy) else x for x in inputs]
        if method == "at":  # puts the parts of a gradient in their places
            ufunc.at(*plain)
            return None
        terms = 1
        if ufunc is np.matmul and method == "__call__":
            result, terms = self._round(*_product(*plain)), plain[0].shape[-1]
        else:
            result = np.asarray(getattr(ufunc, method)(*plain, **kwargs))
            if ufunc not in EXACT:
                scale = _scale(ufunc, method, plain, result, kwargs)
                if ufunc is np.add and method == "__call__":
                    # What is added to a product may be where its sum begins, and is then rounded with each term.
                    terms = sum(getattr(x, "terms", 1) for x in inputs) - 1
                    scale = scale * terms**0.5
                result = self._round(result, scale)
        if out is not None:
            np.copyto(out[0].view(np.ndarray), result)
            return out[0]
        noisy = np.asarray(result).view(type(self))  # also of a single number, or it would round no more
        noisy.terms = terms
        return noisy

    def _round(self, result: Array, scale: Array) -> Array:
        """The result moved by a random rounding; all digits of a number too small for the precision are noise."""
        u = self.rng.random(result.shape)
        u -= 0.5
        low, high = np.minimum.reduce(scale, None, initial=np.inf), np.maximum.reduce(scale, None, initial=0)
        if low >= self.tiny and high < np.inf:
            u *= scale
            u *= self.eps
            return result + u
        with np.errstate(invalid="ignore"):  # infinity and NaN are replaced by what they were
            moved = np.where(scale < self.tiny, result * (1 + 2 * u), result + scale * u * self.eps)
        return np.where(np.isfinite(scale), moved, result)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func is np.sum:
            return np.add.reduce(*args, **kwargs)
        if func in TELLS:
            return func(*_each_array(np.asarray, args), **kwargs)
        if func not in MOVES:
            raise TypeError(f"Noisy has no model of how np.{func.__name__} rounds; add it to noise.py")
        result = func(*_each_array(np.asarray, args), **_each_array(np.asarray, kwargs))
        return _each_array(lambda array: array.view(type(self)), result)


def _scale(ufunc: np.ufunc, method: str, plain: list[Any], result: Array, kwargs: dict[str, Any]) -> Array:
    """What one rounding of half an epsilon is worth in this operation, as an absolute error."""
    if ufunc is np.add and method == "reduce":
        return _sum_scale(plain[0].astype(float), **kwargs)
    if ufunc in UNITS and method == "__call__":
        return UNITS[ufunc] * np.abs(result.astype(float))
    raise TypeError(f"Noisy has no model of how np.{ufunc.__name__}.{method} rounds; add it to noise.py")


def _sum_scale(terms: Array, axis: int | None = None, keepdims: bool = False, **_: Any) -> Array:
    """A sum is added up term by term, and each partial sum is rounded: the root of the sum of their squares.

    From the front, as NumPy adds the rows of a matrix, or from the back, as gradients of a sequence are; other orders
    round less.
    """
    terms, axis = (terms.reshape(-1), 0) if axis is None and not keepdims else (terms, axis)
    front = np.cumsum(terms, axis=axis)
    with np.errstate(invalid="ignore"):  # infinity less infinity: what is not finite is not moved
        back = terms.sum(axis=axis, keepdims=True) - front + terms
    return np.asarray(np.sqrt(np.maximum(*((partial**2).sum(axis=axis, keepdims=keepdims)
                                           for partial in (front, back)))))


def _product(a: Array, b: Array) -> tuple[Array, Array]:
    """The matrix product of two wide arrays, and the scale of its rounding.

    It is added up in blocks of k terms, one after another from the front or from the back. Within a block the order is
    anybody's, which gives sqrt(k) |a| |b|; and each of the k roundings is also one of the sum before the block.

    NumPy multiplies longdouble matrices a hundred times slower than float64 ones, so a large product is computed in
    float64: what that rounds differently is small beside the noise that is added, which grows with sqrt(k).
    """
    narrow_a, narrow_b = a.astype(float), b.astype(float)
    pieces = [(narrow_a[..., i:i + BLOCK], narrow_b[..., i:i + BLOCK, :]) for i in range(0, a.shape[-1], BLOCK)]
    sums = [x @ y for x, y in pieces]
    product, before, inside, front, back = sum(sums), 0.0, 0.0, 0.0, 0.0
    for (x, y), part in zip(pieces, sums, strict=True):
        k = x.shape[-1]
        inside = inside + k * (np.abs(x) @ np.abs(y)) ** 2
        front = front + k * before**2
        before = before + part
        back = back + k * (product - before) ** 2
    scale = np.sqrt(inside + np.maximum(front, back))
    if a.size * b.shape[-1] < 2**14:
        return a @ b, scale
    return np.asarray(product, np.result_type(a, b)), scale


def _each_array(change: Callable[[Array], Array], nested: Any) -> Any:
    """`nested` with `change` applied to each array in its lists, tuples and dicts."""
    if isinstance(nested, np.ndarray):
        return change(nested)
    if isinstance(nested, dict):
        return {key: _each_array(change, value) for key, value in nested.items()}
    return type(nested)(_each_array(change, x) for x in nested) if isinstance(nested, (list, tuple)) else nested


def noisy_type(dtype: DTypeLike, seed: int) -> Callable[[Array], Array]:
    """A function that makes arrays noisy: one stream of roundings as `dtype` would make them.

    Args:
        dtype: the narrow precision whose rounding is modelled.
        seed: of the stream.
    """
    info = finfo(np.dtype(dtype))
    stream = {"rng": np.random.default_rng(seed), "eps": float(info.eps), "tiny": float(info.tiny)}
    noisy: Any = type("Noisy", (Noisy,), stream)
    return lambda array: np.asarray(array).view(noisy)
