"""Truth, noise and ratio: the judge's own arithmetic."""

import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from filelock import FileLock

import lstm_ref as ref
from lstm_ref.files import write_arrays
from lstm_ref.parity import truth
from lstm_ref.parity.cases import CASES, clipped, make
from lstm_ref.parity.checks import CHECKS, Numbers
from lstm_ref.parity.interface import OTHERS
from lstm_ref.parity.mistakes import MISTAKES, Mistaken
from lstm_ref.parity.noise import noisy_type
from lstm_ref.parity.prepare import prepare
from lstm_ref.parity.reference import Reference
from lstm_ref.parity.truth import Yardstick, measure, measure_by_rewrites, permute
from lstm_ref.parity.verdict import LIMIT, compare
from lstm_ref.training import gradient_norm

EPS = {"float32": 2.0**-23, "float64": 2.0**-52}


@pytest.mark.parametrize("dtype", EPS)
def test_one_operation_is_rounded_by_at_most_half_an_epsilon(dtype):
    """And by nearly as much, over many draws, whatever the operation."""
    noisy = noisy_type(dtype, seed=0)
    x = np.full(10_000, 0.7, truth.wider(dtype))
    for result, exact, units in ((noisy(x) * noisy(x), x * x, 1), (noisy(x) + x, x + x, 1),
                                 (np.exp(noisy(x)), np.exp(x), 2), (np.tanh(noisy(x)), np.tanh(x), 2),
                                 (noisy(x) ** 2, x**2, 1)):
        relative = np.abs(np.asarray(result) - exact) / exact / (units * EPS[dtype] / 2)
        assert 0.99 < relative.max() <= 1.001


def test_a_product_is_rounded_like_a_sum_in_blocks():
    """Within a block of k, sqrt(k) |a| |b|; and k times the sum before it, from the front or from the back."""
    noisy = noisy_type("float32", seed=0)
    product = np.asarray(noisy(np.ones((50, 400))) @ np.ones((400, 50)))
    blocks = [32] * 12 + [16]
    scale = np.sqrt(sum(k * (k**2 + sum(blocks[:i])**2) for i, k in enumerate(blocks)))
    assert 0.9 < np.abs(product - 400).max() / (scale * EPS["float32"] / 2) <= 1.01


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)], ids=["front", "back"])
@pytest.mark.parametrize("start", [0.0, 100.0])
def test_no_order_of_a_long_product_is_beyond_its_spread(start, order):
    """Added one by one from either end, also onto something larger than itself, as a GEMM that accumulates does."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(1, 1120)).astype("float32"), rng.normal(size=(1120, 300)).astype("float32")
    total = np.full((1, 300), start, "float32")
    for k in range(1120)[order]:
        total = total + a[:, k:k + 1] * b[k:k + 1]
    truth = start + a.astype(float) @ b.astype(float)
    spread = max(np.abs(np.asarray(noisy(a.astype(float)) @ b.astype(float) + start) - truth).max()
                 for noisy in (noisy_type("float32", seed) for seed in range(8)))
    assert 0.02 < np.abs(total - truth).max() / spread < 1.5


@pytest.mark.parametrize(("terms", "scale"), [
    (np.ones((50, 400)), np.sqrt(400**3 / 3)),  # partial sums 1, 2, ... 400
    (np.tile([1.0, -1.0], (50, 200)), np.sqrt(200)),  # every other partial sum is zero
])
def test_a_sum_is_rounded_like_its_partial_sums(terms, scale):
    """In the order of the terms: that of NumPy over the rows of a matrix, and of Gluon's bias gradients."""
    noisy = noisy_type("float32", seed=0)
    error = np.asarray(noisy(terms).sum(axis=1)) - terms.sum(axis=1)
    assert 0.9 < np.abs(error).max() / (scale * EPS["float32"] / 2) <= 1.01


def test_numpys_own_sum_over_rows_is_within_the_spread_of_one():
    """The model is no tighter than an honest sum, nor much wider."""
    terms = np.random.default_rng(0).uniform(0, 1, (1120, 500))
    narrow = terms.astype("float32")
    error = np.abs(narrow.sum(axis=0) - narrow.astype(float).sum(axis=0)).max()
    noisy = noisy_type("float32", seed=0)(narrow.astype(float))
    spread = np.abs(np.asarray(noisy.sum(axis=0)) - narrow.astype(float).sum(axis=0)).max()
    assert 0.2 < error / spread < 4


def test_moving_numbers_rounds_nothing():
    """Negation, comparison, selection and joining are exact."""
    x = np.linspace(-1, 1, 7)
    noisy = noisy_type("float32", seed=0)(x)
    for moved, expected in ((-noisy, -x), (np.where(noisy > 0, noisy, 0), np.where(x > 0, x, 0)),
                            (np.concatenate([noisy, noisy]), np.concatenate([x, x])), (noisy.max(), 1)):
        assert type(moved).__name__ == "Noisy"
        assert np.array_equal(np.asarray(moved), expected)


@pytest.mark.parametrize("operation", [np.sin, lambda x: np.dot(x, x), np.linalg.norm])
def test_an_operation_without_a_model_is_an_error(operation):
    """A rounding that nobody thought of can't pass unseen."""
    with pytest.raises(TypeError, match="no model of how"):
        operation(noisy_type("float32", seed=0)(np.ones(3)))


def test_infinity_nan_and_the_smallest_numbers():
    """What is not finite stays; what is below the smallest normal number has no digits that count."""
    noisy = noisy_type("float32", seed=0)
    with np.errstate(invalid="ignore"):
        special = np.asarray(noisy(np.array([np.inf, -np.inf, np.nan])) * 2)
    assert np.array_equal(special, [np.inf, -np.inf, np.nan], equal_nan=True)
    tiny = np.asarray(noisy(np.full(1000, 1e-42)) * 1.0)
    assert np.abs(tiny / 1e-42 - 1).max() > 0.9


def test_the_reference_runs_unchanged_on_noisy_arrays():
    """Outputs scatter around the truth by a few epsilons and are never equal to it."""
    case = CASES["ragged"]().astype("float32").astype("float64")
    exact, _ = ref.lstm(case.inputs, case.state, case.params)
    scattered, (H, _) = ref.lstm(*(lambda c: (c.inputs, c.state, c.params))(case.map(noisy_type("float32", seed=1))))
    far = np.abs(np.asarray(scattered) - exact).max()
    assert 1e-8 < far < 1e-5
    assert type(H).__name__ == "Noisy"


@pytest.mark.parametrize("dtype", ["float16", *EPS])
def test_truth_is_one_precision_wider(dtype):
    """Or more: float64 for float32 and float16, longdouble for float64."""
    assert truth.wider(dtype) is {"float64": np.longdouble}.get(dtype, np.float64)
    made = truth.measure(CHECKS["backward"], CASES["tiny"]().astype(dtype), evaluations=2)
    assert {array.dtype for array in made.truth.values()} == {np.dtype(truth.wider(dtype))}


@pytest.mark.parametrize("name", ["tiny", "ragged"])
def test_the_spread_hardly_moves_with_the_seed(name):
    """With the evaluations that the suite uses, two seeds differ by less than a factor of two in any quantity."""
    case = CASES[name]().astype("float32")
    one, two = (truth.measure(CHECKS["backward"], case, truth.evaluations(case), seed) for seed in (0, 1))
    for quantity in one.spread:
        assert 0.5 < (one.spread[quantity] / two.spread[quantity]).item() < 2, quantity


def test_yardsticks_are_stored_and_read_back(tmp_path):
    """The second time the same numbers come from the disk; another case gets another file."""
    case = CASES["tiny"]().astype("float32")
    made = truth.yardstick(CHECKS["forward"], case, tmp_path)
    (path,) = tmp_path.iterdir()
    read = truth.yardstick(CHECKS["forward"], case, tmp_path)
    assert made.truth.keys() == read.truth.keys()
    assert all(np.array_equal(made.truth[q], read.truth[q]) and made.spread[q] == read.spread[q] for q in made.truth)
    truth.yardstick(CHECKS["forward"], replace(case, inputs=1 - case.inputs), tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    for name in ("step", "backward"):
        for theta in (0.5, 2.0):
            truth.yardstick(CHECKS[name], replace(case, theta=theta), tmp_path)
    assert len(list(tmp_path.glob("step-*"))) == 2, "a case that differs in theta alone is another case"
    assert path.suffix == ".npz"


def spoilt(path, change):
    """The stored arrays changed, under a digest that is right again."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files if name != "digest"}
    arrays = change(arrays)
    write_arrays(path, arrays | {"digest": np.array(truth._digest(path, arrays))})


@pytest.mark.parametrize(("spoil", "words"), [
    (lambda path, other: path.write_bytes(b""), "it can't be read (EOFError"),
    (lambda path, other: path.write_bytes(path.read_bytes()[:-99]), "it can't be read (BadZipFile"),
    (lambda path, other: np.savez(path, a=1), "it can't be read (KeyError"),
    (lambda path, other: path.write_bytes(other.read_bytes()), "its digest is not that of its contents under this"),
    (lambda path, other: spoilt(path, lambda arrays: arrays | {"spread/H_t": -arrays["spread/H_t"]}),
     "a spread is negative or NaN"),
    (lambda path, other: spoilt(path, lambda arrays: arrays | {"spread/H_t": np.nan * arrays["spread/H_t"]}),
     "a spread is negative or NaN"),
])
def test_a_spoilt_truth_is_named_and_computed_again(spoil, words, tmp_path):
    """Cut short, of another case, without a digest or with a spread that is none."""
    check, case = CHECKS["forward"], CASES["tiny"]().astype("float32")
    made, path = truth.yardstick(check, case, tmp_path), truth.stored(check, case, tmp_path)
    another = replace(case, inputs=1 - case.inputs)
    truth.yardstick(check, another, tmp_path)
    spoil(path, truth.stored(check, another, tmp_path))
    with pytest.warns(UserWarning, match=re.escape(str(path))) as warned:
        again = truth.yardstick(check, case, tmp_path)
    assert words in str(warned[0].message) and str(warned[0].message).endswith("; the truth is computed again")
    for found in (again, truth.yardstick(check, case, tmp_path)):  # what is stored now is right
        assert all(np.array_equal(made.truth[q], found.truth[q]) for q in made.truth)
        assert all(np.array_equal(made.spread[q], found.spread[q]) for q in made.truth)


def test_one_changed_bit_is_seen(tmp_path):
    """In any number, of the truth or of the spread, also where the archive's own sum is right."""
    check, case = CHECKS["forward"], CASES["tiny"]().astype("float32")
    truth.yardstick(check, case, tmp_path)
    (path,) = tmp_path.iterdir()
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    for name in arrays.keys() - {"digest"}:
        np.savez(path, **arrays | {name: np.nextafter(arrays[name], np.inf)})
        with pytest.warns(UserWarning, match="its digest is not that of its contents"):
            truth.yardstick(check, case, tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_truth_has_the_mode_that_the_umask_gives(tmp_path):
    """Others may read what they may read elsewhere."""
    before = os.umask(0o027)
    try:
        truth.yardstick(CHECKS["clipping"], CASES["tiny"]().astype("float32"), tmp_path)
    finally:
        os.umask(before)
    (path,) = tmp_path.iterdir()
    assert path.stat().st_mode & 0o777 == 0o640


def test_preparing_computes_what_is_missing_in_fresh_processes(tmp_path):
    """And nothing twice."""
    problems = [(check, "tiny", "float32") for check in ("forward", "clipping", "state", "forward")]
    prepare(problems, tmp_path)
    written = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(written) == 2
    prepare(problems, tmp_path)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == written


def test_runs_that_prepare_at_the_same_time_share_the_work(tmp_path):
    """What another is at is left to it and waited for, and computed where it ended without."""
    check, case = CHECKS["clipping"], CASES["tiny"]().astype("float32")
    problems = [(name, "tiny", "float32") for name in ("forward", "clipping")]
    other = FileLock(tmp_path / "clipping-tiny-float32.lock")
    with ThreadPoolExecutor() as pool:
        with other:
            run = pool.submit(prepare, problems, tmp_path)
            while not list(tmp_path.glob("forward*.npz")):
                assert not run.done()
                time.sleep(0.1)
            assert not list(tmp_path.glob("clipping*.npz"))
            truth.yardstick(check, case, tmp_path)
            written = truth.stored(check, case, tmp_path).stat().st_mtime_ns
        run.result(60)
    assert truth.stored(check, case, tmp_path).stat().st_mtime_ns == written
    assert not list(tmp_path.glob("*.lock"))


def test_distance_hides_nothing():
    """NaN and infinity count as equal only where the truth has the same."""
    wide = np.array([1.0, np.nan, np.inf, -np.inf, 2.0, 3.0])
    found = np.array([1.5, np.nan, np.inf, np.inf, np.nan, np.inf])
    assert np.array_equal(truth.distance(found, wide), [0.5, 0, 0, np.inf, np.inf, np.inf])


def test_ratio_of_nothing_by_nothing():
    """Zero distance is ratio 0; any distance where the spread is zero is infinite."""
    rod = Yardstick({"H": np.array([1.0, 1.0])}, {"H": np.array([0.0])})
    assert np.array_equal(rod.ratio("H", np.array([1.0, 2.0])), [0, np.inf])
    assert rod.worst("H", np.ones(3)) == np.inf, "another shape"


def test_a_wrong_shape_or_dtype_is_a_failure():
    """Not a broadcast, not a cast."""
    rod = truth.Yardstick({"H": np.zeros((2, 3))}, {"H": np.ones((1, 1))})
    for found in (np.zeros((3, 2), np.float32), np.zeros((2, 3)), np.zeros((1, 3), np.float32)):
        verdict = compare("H", found, np.dtype("float32"), rod)
        assert verdict["verdict"] == "fail"
        assert "expected shape (2, 3) and float32, got" in verdict["detail"]
    assert "verdict" not in compare("H", np.zeros((2, 3), np.float32), np.dtype("float32"), rod)


def test_each_time_step_is_judged_by_its_own_spread(tmp_path):
    """An error that later steps would excuse is seen at the first."""
    case = CASES["ragged"]().astype("float64")
    spread = truth.yardstick(CHECKS["forward"], case, tmp_path).spread["C_t"]
    assert spread.shape == (5, 1, 1)

    class EarlyError(Reference):
        def forward(self, inputs, state, params):
            outputs, last = super().forward(inputs, state, params)
            outputs[0, 0] += spread.min() * 20
            return outputs, last

    failed = [r for r in CHECKS["forward"].judge(EarlyError(), "planted", case, tmp_path) if not r.passed]
    assert [r.quantity for r in failed] == ["outputs"]
    assert "at index (0, 0, 0)" in failed[0].detail


@pytest.mark.parametrize("run", [lambda i, c: {}, lambda i, c: {"else": np.zeros(1)}])
def test_a_check_that_compares_nothing_is_an_error(run, tmp_path, monkeypatch):
    """No quantities, or not those of the reference."""
    case = CASES["tiny"]().astype("float32")
    rod = truth.Yardstick({"H": np.zeros(1)}, {"H": np.ones(1)})
    monkeypatch.setattr("lstm_ref.parity.checks.check.yardstick", lambda *_: rod)
    with pytest.raises(LookupError, match="expected the quantities"):
        Numbers("empty", run).judge(Reference(), "planted", case, tmp_path)


def test_what_must_be_exact_has_no_spread(tmp_path):
    """Clipping below and at theta, and of zero, may not touch a bit."""
    spread = truth.yardstick(CHECKS["clipping"], CASES["ragged"]().astype("float32"), tmp_path).spread
    for quantity, value in spread.items():
        exact = quantity.startswith(("below theta", "at theta", "zero"))
        assert (value.item() == 0) == (exact or not value.any()), quantity
    assert spread["above theta: W_hf"].item() > 0


def test_steps_clip_in_some_cases_and_not_in_others():
    """Both sides of theta are trained."""
    clips = set()
    for name in (name for name in CASES if "-" not in name):
        case = CASES[name]()
        inputs = ref.one_hot(case.X.T, case.sizes[2], np.float64)
        _, grads, _ = ref.loss_and_grads(inputs, case.state, case.params, case.targets)
        clips.add(np.sqrt(sum((g**2).sum() for g in grads)) > case.theta)
    assert clips == {True, False}


@pytest.mark.parametrize("source", ["embedded", None])
@pytest.mark.parametrize("name", ["clipped", *(f"{cell}-clipped" for cell in OTHERS)])
def test_a_trajectory_crosses_theta_with_each_cell(name, source, monkeypatch):
    """Up and down, on the story and on what the suite uses here, which may be The Time Machine."""
    if source:
        monkeypatch.setattr("lstm_ref.parity.cases.source_of_text", lambda: source)
    case, norms = clipped(name), list[float]()
    params = case.params
    for epoch in case.epochs:
        state = tuple(np.zeros_like(s) for s in case.state)
        for X, Y in epoch:
            inputs = ref.one_hot(X.T, case.sizes[2], np.float64)
            _, grads = Reference().loss_and_grads(inputs, state, params, Y.T.reshape(-1))
            norms.append(float(gradient_norm(grads)))
            params, state, _ = Reference().train_step(params, X, Y, state, case.lr, 1.0)
    assert np.count_nonzero(np.diff(np.array(norms) > 1)) >= 8


def test_a_case_is_the_same_in_every_precision():
    """Drawn in float64, rounded once; the same name gives the same numbers."""
    for name in ("ragged", "random-17"):
        case, again = make(name), make(name)
        assert all(np.array_equal(a, b) for a, b in zip(case.params, again.params, strict=True))
        assert np.array_equal(case.astype("float32").params.W_hf, case.params.W_hf.astype("float32"))
    assert make("book").sizes[:2] == (35, 32)
    assert make("book").state[0].shape == (32, 256)


def test_permuted_hidden_units_compute_the_same_function():
    """And permuting back gives the parameters back."""
    case = CASES["large"]().astype("float64")
    order = np.random.default_rng(0).permutation(case.sizes[3])
    params = permute(case.params, order)
    state = case.state[0][:, order], case.state[1][:, order]
    outputs, (H, _) = Reference().forward(case.inputs, state, params)
    expected, (expected_H, _) = Reference().forward(case.inputs, case.state, case.params)
    # The sums over 32 hidden units are in another order: some epsilons of 2e-16 on numbers of order one.
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-13)
    np.testing.assert_allclose(H, expected_H[:, order], rtol=0, atol=1e-13)
    assert all(np.array_equal(a, b) for a, b in zip(permute(params, np.argsort(order)), case.params, strict=True))


def test_rewrites_are_a_fair_yardstick_for_a_trajectory():
    """Another honest evaluation is within the limit of it, a mistake is far outside."""
    case, check = CASES["sequential"]().astype("float64"), CHECKS["trajectory"]
    rod = measure_by_rewrites(check, case, 3)
    assert all(rod.spread[name].min() >= 0 and rod.spread[name].max() > 0
               for name in rod.spread.keys() - {"perplexity"})  # of three numbers, which may all be the same

    def worst(implementation):
        found = check.run(implementation, case)
        return max(rod.ratio(name, found[name])[..., -1].max() for name in rod.truth)

    assert worst(Reference(textbook=True)) <= LIMIT
    mistake = next(m for m in MISTAKES if m.name == "state not carried")
    assert worst(Mistaken(mistake)) > 1e6


def test_a_trajectorys_spread_never_shrinks():
    """What has drifted apart does not come together again by being right."""
    rod = measure(CHECKS["trajectory"], CASES["random"]().astype("float32"), 2)
    assert (np.diff(rod.spread["loss"]) >= 0).all()


def test_one_trajectory_crosses_the_threshold_up_and_down(monkeypatch):
    """So that steps that clip and steps that don't are judged; and no norm is so near that rounding decides.

    Its rounding errors hardly grow, or anything would be within their spread.
    """
    norms = []
    case = CASES["clipped"]()
    right = ref.grad_clipping
    monkeypatch.setitem(ref.train_step.__globals__, "grad_clipping", lambda grads, theta: (
        norms.append(float(np.sqrt(sum((g**2).sum() for g in grads)))), right(grads, theta))[1])
    wide = Reference().train(case.params, case.epochs, case.lr, False)
    over = np.array(norms) > case.theta
    assert (np.diff(over.astype(int)) > 0).any() and (np.diff(over.astype(int)) < 0).any()
    assert np.abs(np.array(norms) - case.theta).min() > 1e-4
    assert [len(epoch) for epoch in case.epochs] == [12, 12, 12]
    assert len({str(epoch[0]) for epoch in case.epochs}) > 1
    narrow = Reference().train(case.astype("float32").params, case.epochs, case.lr, False)
    assert max(np.abs(a - b).max() for a, b in zip(wide.params, narrow.params, strict=True)) < 1e-4
