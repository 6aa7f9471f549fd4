"""Truth and rounding spread: what every implementation is measured by, computed once per case and kept.

The truth is the reference one precision wider than the one under test. The spread is how far the noisy reference lands
from it at most, over several evaluations. Neither depends on the implementation, so both are stored on disk for all.
"""

import dataclasses
import hashlib
import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl
from numpy.typing import DTypeLike

import lstm_ref
from lstm_ref.params import PARAM_NAMES, Array, LSTMParams
from lstm_ref.parity.cases import LONG, Case
from lstm_ref.parity.checks import CHECKS, Check, Quantities
from lstm_ref.parity.implementation import Implementation, Reference
from lstm_ref.parity.noise import noisy_type
from lstm_ref.parity.terminal import progress

#: Noisy evaluations of a case with n numbers in its hidden states: WORK / n, within these bounds. The largest of a
#: few draws of a single number jumps about, the largest of many or of a large array does not (docs/judge.md).
WORK, FEWEST, MOST = 2**16, 8, 64

#: Permutations for the long trajectory.
REWRITES = 3


def wider(dtype: DTypeLike) -> type[np.floating[Any]]:
    """The precision in which the truth for `dtype` is computed: float64 for float32, longdouble for float64."""
    return np.float64 if np.dtype(dtype) == np.float32 else np.longdouble


def truth_is_wider(dtype: DTypeLike) -> bool:
    """Whether this machine has a precision wider than `dtype`; some have no longdouble beyond float64."""
    return bool(np.finfo(wider(dtype)).eps < np.finfo(np.dtype(dtype)).eps)


def evaluations(case: Case) -> int:
    """How many noisy evaluations make the spread of a case stable: many for a tiny one, few for a large one."""
    num_steps, batch_size, _, num_hiddens = case.sizes
    minibatches = sum(map(len, case.epochs)) or 1
    return int(np.clip(WORK // (num_steps * batch_size * num_hiddens * minibatches), FEWEST, MOST))


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


@dataclass(frozen=True)
class Yardstick:
    """What one check on one case is measured by.

    Attributes:
        truth: each quantity in the wide precision.
        spread: its rounding spread, shaped to divide a distance by: one number, or one per time step.
    """

    truth: Quantities
    spread: Quantities


def measure(
    check: Check, case: Case, evaluations: int, seed: int = 0, reference: Callable[..., Implementation] = Reference
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


def _drifted(check: Check, spread: Quantities) -> Quantities:
    stepped = check.stepped if check.drifts else frozenset()
    return {name: np.maximum.accumulate(array, axis=0) if name in stepped else array for name, array in spread.items()}


def measure_by_rewrites(check: Check, case: Case, rewrites: int) -> Yardstick:
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


def sources() -> bytes:
    """The source of the reference and of the judge: a stored yardstick is only as good as the code that made it."""
    root = Path(lstm_ref.__file__).parent
    judge = (f"parity/{module}.py" for module in ("cases", "checks", "implementation", "noise", "truth"))
    names = ("lstm.py", "rnn.py", "loss.py", "training.py", "model.py", "loop.py", "params.py", *judge)
    return b"".join((root / name).read_bytes() for name in names)


def _key(check: Check, case: Case, evaluations: int) -> str:
    arrays: Sequence[Array] = (*case.params, *case.state, case.inputs, case.X, case.Y, *case.grads)
    digest = hashlib.sha256(sources())
    digest.update(f"{check.name} {case.lr} {case.theta} {evaluations} {np.finfo(wider(case.dtype)).eps}".encode())
    minibatches = [array for epoch in case.epochs for minibatch in epoch for array in minibatch]
    for array in (*arrays, *minibatches):
        digest.update(f"{array.shape} {array.dtype}".encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def _path(check: Check, case: Case, folder: Path) -> Path:
    return folder / f"{check.name}-{case.name}-{case.dtype}-{_key(check, case, evaluations(case))}.npz"


def yardstick(check: Check, case: Case, folder: Path) -> Yardstick:
    """Truth and spread of a check on a case, from `folder` or else computed and stored there.

    Args:
        check: what is computed.
        case: the problem, in the precision under test.
        folder: of the stored yardsticks; made when missing. Files are put in place whole.
    """
    path = _path(check, case, folder)
    if path.exists():
        with np.load(path) as stored:
            parts = {part: {name[len(part):]: stored[name] for name in stored.files if name.startswith(part)}
                     for part in ("truth/", "spread/")}
        return Yardstick(parts["truth/"], parts["spread/"])
    long = case.name in LONG
    made = measure_by_rewrites(check, case, REWRITES) if long else measure(check, case, evaluations(case))
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".tmp", delete=False) as file:
        parts = {"truth": made.truth, "spread": made.spread}
        arrays: Any = {f"{part}/{name}": array for part in parts for name, array in parts[part].items()}
        np.savez(file, **arrays)
    Path(file.name).replace(path)
    return made


def _prepare(check: str, case: Case, folder: Path) -> None:
    threadpoolctl.threadpool_limits(1)  # the processes share the cores already
    yardstick(CHECKS[check], case, folder)


def prepare(problems: Iterable[tuple[str, Case]], folder: Path) -> None:
    """Compute and store all yardsticks that are missing, on all cores, with a progress bar.

    Args:
        problems: names of checks, and cases in the precision under test.
        folder: of the stored yardsticks.
    """
    missing = [(check, case) for check, case in problems if not _path(CHECKS[check], case, folder).exists()]
    if not missing:
        return
    # The longest first, so that no core is left with one at the end.
    missing.sort(key=lambda problem: (problem[1].inputs.size * problem[1].dtype.itemsize, problem[0] != "forward"),
                 reverse=True)
    # Fresh processes: a forked one would inherit the threads of BLAS.
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool, progress() as bar:
        task = bar.add_task("truth and rounding spread, once for all backends", total=len(missing))
        for future in as_completed([pool.submit(_prepare, *problem, folder) for problem in missing]):
            future.result()
            bar.advance(task)
