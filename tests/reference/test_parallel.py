"""Several workers compute what one does: the rows, the reduction, the gradient by complex step, whole epochs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lstm_ref as ref
from lstm_ref import parallel
from tests.reference.test_lstm import PROOF_DTYPE, assert_same_gradient, complex_step

V, H = 5, 4
CELLS = {"lstm": (ref.get_lstm_params, ref.init_lstm_state, ref.lstm, ref.lstm_backward),
         "gru": (ref.get_gru_params, ref.init_gru_state, ref.gru, ref.gru_backward),
         "rnn": (ref.get_params, ref.init_rnn_state, ref.rnn, ref.rnn_backward)}


#: Times 0.01: weights with which the gradient's norm crosses theta, up and down.
SCALES = {"lstm": 250, "gru": 90, "rnn": 60}


def model(cell="lstm", dtype=PROOF_DTYPE):
    net = ref.RNNModelScratch(V, H, *CELLS[cell], rng=3, dtype=dtype)
    net.params = net.params._make(param * param.dtype.type(SCALES[cell]) for param in net.params)
    return net


def minibatches(batch_size, count=4, num_steps=3, seed=0):
    """Every second one always has the same target, which makes for a large gradient."""
    tokens = np.random.default_rng(seed).integers(0, V, (count, 2, batch_size, num_steps))
    return [(X, Y * (i % 2)) for i, (X, Y) in enumerate(tokens)]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.integers(1, 9), st.integers(0, 30))
def test_every_row_has_one_worker(workers, more):
    """In order, and no worker has two rows more than another."""
    rows = parallel.shards(workers + more, workers)
    assert [i for each in rows for i in range(workers + more)[each]] == list(range(workers + more))
    sizes = [each.stop - each.start for each in rows]
    assert sizes == sorted(sizes, reverse=True) and max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(("batch_size", "workers", "words"), [
    (2, 3, "workers: expected at most one for each of the 2 rows of a minibatch, got 3"),
    (2, 0, "workers: expected an integer of at least 1, got 0"),
    (2, 1.5, "workers: expected an integer of at least 1, got 1.5"),
])
def test_too_many_workers_are_refused(batch_size, workers, words):
    with pytest.raises(ValueError, match=f"^{words}$"):
        parallel.shards(batch_size, workers)
    if workers != 3:
        with pytest.raises(ValueError, match=f"^{words}$"):
            parallel.Workers(model(), workers, 0.5)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("batch_size", "workers"), [(5, 2), (4, 2), (5, 3), (5, 5)])
def test_the_reduced_gradient_is_complex_step(batch_size, workers, cell):
    """Of the mean over all tokens of the minibatch, however it is cut."""
    net = model(cell)
    (X, Y), = minibatches(batch_size, 1)

    def loss(*params):
        inputs = ref.one_hot(X.T, V, params[0].dtype)
        state = tuple(part.astype(params[0].dtype) for part in net.begin_state(batch_size))
        return ref.cross_entropy(net.forward_fn(inputs, state, params)[0], Y.T.reshape(-1))

    team = parallel.Workers(net, workers, 0.5)
    found, _ = team.step(X, Y, team.begin_state(batch_size))
    np.testing.assert_allclose(float(found), float(loss(*net.params)), rtol=1e-15)  # computed wider: float64's rounding
    for name, ours, numeric in zip(net.params._fields, team.reduced, complex_step(loss, list(net.params)),
                                   strict=True):
        assert_same_gradient(name, ours, numeric)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("use_random_iter", [False, True])
@pytest.mark.parametrize("workers", [1, 2, 3, 5])
def test_an_epoch_of_several_is_that_of_one(workers, cell, use_random_iter):
    """To rounding, with a minibatch that is smaller at the end, steps that clip and steps that don't."""
    net = model(cell)
    train_iter = [*minibatches(7), *(minibatches(5, 1) if use_random_iter else ())]
    team, norms = parallel.Workers(net, workers, 0.5), []
    step = team.step
    team.step = lambda *args: (step(*args), norms.append(float(team.norm)))[0]
    found, expected = [], []
    perplexity, speed = parallel.train_workers_epoch(team, train_iter, use_random_iter, found)
    assert speed > 0 and min(norms) < 1 < max(norms), norms
    # Sums in another order: at most 2 epsilons of longdouble were measured, on numbers of order one, and no difference
    # in the perplexity, which is a float64.
    eps = np.finfo(PROOF_DTYPE).eps
    assert ref.train_epoch_ch8(net, train_iter, 0.5, use_random_iter, expected)[0] == pytest.approx(perplexity, 1e-15)
    np.testing.assert_allclose(np.array(found), np.array(expected), rtol=8 * eps)
    for params in team.params:
        for ours, theirs in zip(params, net.params, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=8 * eps)
        assert all(map(np.array_equal, params, team.params[0]))


def test_a_shard_counts_by_its_tokens():
    """Not every worker alike."""
    assert parallel.all_reduce([np.float64(1), np.float64(4)], [2, 1]) == 2


def test_a_loss_that_is_not_finite_updates_nothing():
    """And is named."""
    net = model(dtype=np.float32)
    net.params.W_hq[:] = np.nan
    team = parallel.Workers(net, 2, 0.5)
    (X, Y), = minibatches(4, 1)
    with pytest.raises(FloatingPointError, match="loss"):
        team.step(X, Y, team.begin_state(4))
    assert all(params is net.params for params in team.params)
    with pytest.raises(FloatingPointError, match=r"^minibatch 1: "):
        parallel.train_workers_epoch(team, [(X, Y)], False)
