"""Truth and rounding spread: what every implementation is measured by, computed once per case and kept.

The truth is the reference one precision wider than the one under test. The spread is how far the noisy reference lands
from it at most, over several evaluations. Neither depends on the implementation, so both are stored on disk for all.
"""

import dataclasses
import hashlib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike

import lstm_ref
from lstm_ref.files import write_arrays
from lstm_ref.params import PARAM_NAMES, Array, LSTMParams
from lstm_ref.parity.cases import BRIEF, LONG, Case
from lstm_ref.parity.interface import Implementation
from lstm_ref.parity.noise import noisy_type
from lstm_ref.parity.reference import Reference

Quantities = dict[str, Array]


class Measurable(Protocol):
    """A check of numbers, see `lstm_ref.parity.checks.Numbers`."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def stepped(self) -> frozenset[str]: ...  # noqa: D102
    @property
    def exact(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def drifts(self) -> bool: ...  # noqa: D102
    @property
    def draws(self) -> int: ...  # noqa: D102
    @property
    def run(self) -> Callable[[Implementation, Case], Quantities]: ...  # noqa: D102


#: Noisy evaluations of a case with n numbers in its hidden states: WORK / n, within these bounds. The largest of a
#: few draws of a single number jumps about, the largest of many or of a large array does not (docs/judge.md).
WORK, FEWEST, MOST = 2**16, 8, 64

#: Permutations for the long trajectory.
REWRITES = 3


def wider(dtype: DTypeLike) -> type[np.floating[Any]]:
    """The precision in which the truth for `dtype` is computed: longdouble for float64, float64 for all others."""
    return np.longdouble if np.dtype(dtype) == np.float64 else np.float64


def truth_is_wider(dtype: DTypeLike) -> bool:
    """Whether this machine has a precision wider than `dtype`; some have no longdouble beyond float64."""
    return bool(np.finfo(wider(dtype)).eps < np.finfo(np.dtype(dtype)).eps)


def evaluations(case: Case) -> int:
    """How many noisy evaluations make the spread of a case stable: many for a tiny one, few for a large one."""
    if case.name in BRIEF:  # these only tell mistakes apart, and there are many to tell
        return 2 * FEWEST
    num_steps, batch_size, _, num_hiddens = case.sizes
    minibatches = sum(map(len, case.epochs)) or 1
    return int(np.clip(WORK // (num_steps * batch_size * num_hiddens * minibatches), FEWEST, MOST))


def draws(check: Measurable, case: Case) -> int:
    """How many are made for a check on a case."""
    return min(evaluations(case), check.draws)


def distance(result: Array, truth: Array) -> Array:
    """|result - truth|, element by element, in the precision of the truth.

    Equal infinities, and NaN where the truth is NaN, are at distance zero; any other mismatch is infinitely far.
    """
    result = np.asarray(result).astype(truth.dtype)
    with np.errstate(invalid="ignore"):
        far = np.abs(result - truth)
    same = (result == truth) | (np.isnan(result) & np.isnan(truth))
    return np.where(same, 0, np.where(np.isnan(far), np.inf, far))


def largest(far: Array, stepped: bool) -> Array:
    """The largest distance, over all elements or over those of each time step; keeps the axes."""
    return far.max(axis=tuple(range(1 if stepped else 0, far.ndim)), keepdims=True)


def ratio(found: Array, truth: Array, spread: Array) -> Array:
    """Distance over spread, element by element, shaped like the truth; 0 / 0 is 0, another shape infinitely far."""
    if found.shape != truth.shape:
        return np.full(truth.shape, np.inf)
    far = distance(found, truth)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(far == 0, 0, far / spread)


@dataclass(frozen=True)
class Yardstick:
    """What one check on one case is measured by.

    Attributes:
        truth: each quantity in the wide precision.
        spread: its rounding spread, shaped to divide a distance by: one number, or one per time step.
    """

    truth: Quantities
    spread: Quantities

    def ratio(self, name: str, found: Array) -> Array:
        """Distance from the truth over the spread, element by element; 0 / 0 is 0, another shape infinitely far."""
        return ratio(found, self.truth[name], self.spread[name])

    def worst(self, name: str, found: Array) -> float:
        """The largest of them."""
        return float(self.ratio(name, found).max(initial=0))


def measure(
    check: Measurable, case: Case, evaluations: int, seed: int = 0, reference: Callable[..., Implementation] = Reference
) -> Yardstick:
    """Compute truth and spread of a check on a case.

    Args:
        check: what is computed.
        case: the problem, in the precision under test.
        evaluations: K, the number of noisy evaluations.
        seed: of the first evaluation's roundings.
        reference: makes what is taken for the truth, with or without `textbook`.
    """
    wide = case.astype(wider(case.dtype))
    truth = check.run(reference(), wide)
    exact = {name for name in truth if name.startswith(check.exact)}
    spread: Quantities = {name: np.zeros((1,) * array.ndim) for name, array in truth.items()}
    for k in range(evaluations):
        noisy = noisy_type(case.dtype, seed * 1_000_003 + k)
        found = check.run(reference(textbook=True), wide.map(noisy))
        for name in spread.keys() - exact:
            far = distance(found[name].view(np.ndarray), truth[name])
            spread[name] = np.maximum(spread[name], largest(far, name in check.stepped))
    return Yardstick(truth, _drifted(check, spread))


def _drifted(check: Measurable, spread: Quantities) -> Quantities:
    stepped = check.stepped if check.drifts else frozenset()
    return {name: np.maximum.accumulate(array, axis=0) if name in stepped else array for name, array in spread.items()}


def measure_by_rewrites(check: Measurable, case: Case, rewrites: int) -> Yardstick:
    """Truth and spread where a wider precision takes too long: the reference in the tested precision itself.

    The spread is how far it lands from that when its hidden units are permuted, which changes nothing but the order
    of summation. Fair only for what has gone through many roundings (docs/judge.md).

    Args:
        check: what is computed; a trajectory.
        case: the problem, in the precision under test.
        rewrites: number of permutations.
    """
    truth = check.run(Reference(), case)
    spread: Quantities = {name: np.zeros((1,) * array.ndim, array.dtype) for name, array in truth.items()}
    for seed in range(rewrites):
        order = np.random.default_rng(seed).permutation(case.sizes[3])
        permuted = dataclasses.replace(case, params=permute(case.params, order))
        found = check.run(Reference(), permuted)
        back = dict(zip(PARAM_NAMES, permute([found[name] for name in PARAM_NAMES], np.argsort(order)), strict=True))
        for name, array in (found | back).items():
            spread[name] = np.maximum(spread[name], largest(distance(array, truth[name]), name in check.stepped))
    return Yardstick(truth, _drifted(check, spread))


def permute(params: Sequence[Array], order: Array) -> LSTMParams:
    """The 14 parameters of the same function with its hidden units in another order."""
    def moved(name: str, array: Array) -> Array:
        if name == "b_q":
            return array
        array = array[order] if name == "W_hq" or name.startswith(("W_h", "b_")) else array
        return array[:, order] if name.startswith("W_") and name != "W_hq" else array

    return LSTMParams(*(moved(name, array) for name, array in zip(PARAM_NAMES, params, strict=True)))


#: What truth and spread come from: the reference, and of the judge what runs it.
SOURCES = ("params", "lstm", "rnn", "gru", "loss", "training", "model", "parallel", "loop", "text", "validate",
           "parity/reference", "parity/cases", "parity/noise", "parity/truth", "parity/interface/cells",
           "parity/interface/epoch", "parity/checks/check", "parity/checks/numbers")


@cache
def sources() -> bytes:
    """Their text: a stored yardstick is only as good as the code that made it."""
    root = Path(lstm_ref.__file__).parent
    return b"".join(path.read_bytes() for name in SOURCES for path in sorted(root.glob(f"{name}.py")))


def _key(check: Measurable, case: Case, evaluations: int) -> str:
    arrays: Sequence[Array] = (*case.params, *case.state, case.inputs, case.X, case.Y, *case.grads)
    digest = hashlib.sha256(sources())
    digest.update(f"{check.name} {case.lr} {case.theta} {evaluations} {np.finfo(wider(case.dtype)).eps}".encode())
    minibatches = [array for epoch in case.epochs for minibatch in epoch for array in minibatch]
    for array in (*arrays, *minibatches):
        digest.update(f"{array.shape} {array.dtype}".encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def stored(check: Measurable, case: Case, folder: Path) -> Path:
    """Where the yardstick of a check on a case is kept."""
    return folder / f"{check.name}-{case.name}-{case.dtype}-{_key(check, case, draws(check, case))}.npz"


def _digest(path: Path, arrays: Quantities) -> str:
    """Of the arrays and of the name they are stored under, which says what they are the truth of."""
    digest = hashlib.sha256(path.name.encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.shape} {array.dtype}".encode() + array.tobytes())
    return digest.hexdigest()


def _read(path: Path) -> Yardstick:
    """A stored yardstick.

    Raises:
        ValueError: it is not what was stored there.
    """
    try:
        with path.open("rb") as file, np.load(file) as parts:
            arrays = {name: parts[name] for name in parts.files}
        digest = str(arrays.pop("digest"))
    except Exception as error:  # of a damaged archive: zipfile, zlib and NumPy have a dozen ways to say so
        raise ValueError(f"it can't be read ({type(error).__name__}: {error})") from None
    truth, spread = ({name[len(part):]: array for name, array in arrays.items() if name.startswith(part)}
                     for part in ("truth/", "spread/"))
    if digest != _digest(path, arrays):
        raise ValueError("its digest is not that of its contents under this name")
    if not all((array >= 0).all() for array in spread.values()):
        raise ValueError("a spread is negative or NaN")
    return Yardstick(truth, spread)


def yardstick(check: Measurable, case: Case, folder: Path) -> Yardstick:
    """Truth and spread of a check on a case, from `folder` or else computed and stored there.

    Warns of a file that is not what was stored, and computes it again.

    Args:
        check: what is computed.
        case: the problem, in the precision under test.
        folder: of the stored yardsticks; made when missing. Files are put in place whole.
    """
    path = stored(check, case, folder)
    if path.exists():
        try:
            return _read(path)
        except ValueError as error:
            warnings.warn(f"{path}: {error}; the truth is computed again", stacklevel=2)
    long = case.name in LONG
    made = measure_by_rewrites(check, case, REWRITES) if long else measure(check, case, draws(check, case))
    both = {"truth": made.truth, "spread": made.spread}
    # In C's order, in which a file is read back: the digest is of the bytes, longdouble's unused ones too.
    arrays = {f"{part}/{name}": np.array(array, order="C") for part, named in both.items()
              for name, array in named.items()}
    write_arrays(path, arrays | {"digest": np.array(_digest(path, arrays))})
    return made
