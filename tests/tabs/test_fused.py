"""What the checks of the table do not ask of the fused LSTM: what it leaves alone, what it tells, what it refuses."""

import contextlib
from dataclasses import replace

import numpy as np
import pytest

import lstm_ref as ref
from lstm_ref.parity.cases import make

CASE = make("ragged").astype("float32")


@pytest.fixture
def fused(adapter):
    return adapter.implementations["fused"]


def step(fused, case, lr=1.0, theta=0.05):
    """A net of the case's parameters, before and after a step, and what the step returned."""
    net, adapter = fused.net(case.params), fused.adapter
    before = [array.copy() for array in fused.read(net)]
    told = net.step(*adapter.tensors((case.X, case.Y)), adapter.tensors(case.state), lr, theta)
    return before, told, fused.read(net)


def test_the_norm_is_that_of_all_gradients(fused, judged):
    """Before they are clipped."""
    def norm(reference, case):
        inputs = ref.one_hot(case.X.T, case.sizes[2], case.dtype)
        _, grads = reference.loss_and_grads(inputs, case.state, case.params, case.targets)
        return {"norm": np.asarray(ref.training.gradient_norm(grads))}

    judged(CASE, norm, {"norm": np.float32(fused.array(step(fused, CASE)[1][1]))})


@pytest.mark.parametrize(("name", "value"), [("b_q", np.nan), ("W_hq", np.inf), ("W_xi", np.nan)])
def test_a_loss_that_is_not_finite_changes_no_weight(name, value, fused):
    """Although the update is compiled into the step, or written behind it without asking."""
    params = CASE.params._asdict()
    params[name] = params[name].copy()
    params[name].flat[0] = value
    case = replace(CASE, params=ref.LSTMParams(**params), X=np.zeros_like(CASE.X))  # the token that W_xi's row is for
    with np.errstate(all="ignore"):
        before, (loss, *_), after = step(fused, case)
    assert not np.isfinite(float(loss))
    for name, one, other in zip(ref.PARAM_NAMES, before, after, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=name)


def test_the_parameters_that_were_given_stay_as_they_are(fused):
    given = fused.tensors(CASE.params)
    net = fused.functions.RNNModelFused(given)
    fused.adapter.wait([net.step(*fused.tensors((CASE.X, CASE.Y)), fused.tensors(CASE.state), 1.0, 1.0)])
    for before, after, trained in zip(CASE.params, fused.arrays(given), fused.read(net), strict=True):
        np.testing.assert_array_equal(before, after)
        assert not np.array_equal(before, trained)


def test_minibatches_of_other_sizes_follow_each_other(fused, judged):
    """Buffers and compiled steps of one size are not used for another; the state comes from before."""
    net, small, state = fused.net(CASE.params), (CASE.X[:2, :3], CASE.Y[:2, :3]), tuple(s[:2] for s in CASE.state)
    for X, Y in (small, (CASE.X, CASE.Y), small):
        batch = tuple(s[:len(X)] for s in CASE.state)
        net.step(*fused.tensors((X, Y)), fused.tensors(batch), 0.0, 1.0)
    outputs, (H, C) = net(fused.tensor(small[0]), fused.tensors(state))

    def compute(reference, case):
        inputs = ref.one_hot(small[0].T, case.sizes[2], case.dtype)
        outputs, (H, C) = reference.forward(inputs, tuple(s[:2] for s in case.state), case.params)
        return {"outputs": outputs, "H": H, "C": C}

    judged(CASE, compute, dict(zip(("outputs", "H", "C"), fused.arrays((outputs, H, C)), strict=True)))


def test_it_is_no_vanilla_rnn(fused):
    with pytest.raises(ValueError, match=r"^model fused: expected the cell lstm, got rnn$"):
        fused.start("rnn", 28, 8, 0)


@pytest.mark.only("torch")
def test_a_recorded_step_reads_what_it_is_given_and_learns_nothing_before(fused, backend, monkeypatch):
    """PyTorch's graph, with one that records on the host and does nothing when it is replayed."""
    import torch

    class Nothing:
        def wait_stream(self, stream):
            """As a stream."""

        def replay(self):
            """As a graph."""

    for name in ("Stream", "CUDAGraph"):
        monkeypatch.setattr(torch.cuda, name, Nothing)
    monkeypatch.setattr(torch.cuda, "current_stream", Nothing)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: contextlib.nullcontext())
    monkeypatch.setattr(torch.cuda, "graph", lambda graph: contextlib.nullcontext())
    net = fused.net(CASE.params)
    X, Y, state = *fused.tensors((CASE.X, CASE.Y)), fused.tensors(CASE.state)
    loss, norm, last = net.graph(X, Y, state, 0.5, 0.05)
    for before, after in zip(CASE.params, fused.read(net), strict=True):
        np.testing.assert_array_equal(before, after)
    expected = net.compute(X, Y, state, 0.0, 0.05)
    for came, wanted in zip((loss, norm, *last), (*expected[:2], *expected[2]), strict=True):
        assert torch.equal(came, wanted)
    net.graph(Y, X, last, 0.25, 2.0)
    (_, given, results), = net.graphs.values()
    held = {tensor.data_ptr() for tensor in (*results[:2], *results[2])}
    assert not held & {tensor.data_ptr() for tensor in (loss, norm, *last)}  # the next step writes into what it holds
    for place, value in zip(given, (Y, X, *last, torch.tensor(0.25), torch.tensor(2.0)), strict=True):
        assert torch.equal(place, value)
