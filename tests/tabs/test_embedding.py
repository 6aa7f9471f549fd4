"""Learned embeddings of the backends that have them, by the judge's limit."""

import importlib
from dataclasses import replace

import numpy as np
import pytest

import lstm_ref as ref
from lstm_ref.embedding import EmbeddingParams, embedding_loss_and_grads, embedding_lstm
from lstm_ref.parity.cases import make

NAMES = ("embedding", *ref.PARAM_NAMES)
#: a case and a vocabulary: more tokens than numbers a token, fewer, and as many
PROBLEMS = [("ragged", 3), ("ragged", 19), ("square", 6)]


def with_embedding(params, vocab_size, convert=lambda array: array):
    """The case's LSTM with an embedding in front, whose size is the case's V, and another vocabulary behind it."""
    h, rng = len(params.W_hq), np.random.default_rng(0)
    embedding, W_hq, b_q = (convert(rng.normal(0, 0.5, shape).astype(np.float32).astype(params.W_xi.dtype)) for shape in
                            ((vocab_size, len(params.W_xi)), (h, vocab_size), (vocab_size,)))
    return EmbeddingParams(embedding, params._replace(W_hq=W_hq, b_q=b_q))


def noisy_as(params):
    """What makes arrays of the type that these parameters have, which may be the judge's noisy one."""
    return lambda array: array.view(type(params.W_xi))


@pytest.fixture
def problem(request):
    """A case with tokens of another vocabulary; its numbers are float32's in every precision."""
    name, vocab_size, dtype = request.param
    case, rng = make(name).astype("float32").astype(dtype), np.random.default_rng(1)
    X, Y = rng.integers(0, vocab_size, (2, *case.X.shape))
    return replace(case, X=X, Y=Y), vocab_size


def problems(*given):
    """In both precisions."""
    both = [(*p, dtype) for p in given for dtype in ("float32", "float64")]
    return pytest.mark.parametrize("problem", both, indirect=True, ids=lambda p: "-".join(map(str, p)))


def numpy_net(adapter, params):
    from backends.numpy.embedding import RNNModelEmbedding

    return RNNModelEmbedding(params)


def torch_net(adapter, params):
    from backends.torch import embedding

    return embedding.from_params(torch_params(adapter, params))


def torch_params(adapter, params):
    return EmbeddingParams(adapter.tensor(params.embedding), ref.LSTMParams(*adapter.tensors(params.lstm)))


def torch_step(net, adapter, case, theta):
    """One step of the tab's on the case's minibatch, at a rate of 0.5."""
    import torch

    from backends.torch import training

    training.train_step_ch8(
        net, *adapter.tensors((case.X, case.Y)), tuple(s[None] for s in adapter.tensors(case.state)), training.loss,
        torch.optim.SGD(net.parameters(), 0.5), adapter.device, theta)


def numpy_results(net, adapter, case):
    """Outputs, last state and loss, and the gradients in the order of `NAMES`."""
    from backends.numpy import fused

    outputs, last = net(case.X, case.state)
    work = net.reading(case.X, case.state)
    loss, dY = fused.cross_entropy(net.outputs(work, training=True), case.Y.T)
    dW, dW_hq, db_q, d_embedding = net.gradients(work, case.X, dY)
    return (outputs, *last, loss), (d_embedding, *fused.unpack(dW, dW_hq, db_q))


def torch_results(net, adapter, case):
    """Likewise."""
    from backends.torch import embedding, training

    outputs, last = net(adapter.tensor(case.X), tuple(s[None] for s in adapter.tensors(case.state)))
    loss = training.loss(outputs, adapter.tensor(case.Y.T.reshape(-1)))
    loss.backward()
    grads = embedding.gradients(net)
    return adapter.arrays([outputs, *(s[0] for s in last), loss]), adapter.arrays([grads.embedding, *grads.lstm])


def results(backend, adapter, params, case):
    """Of a backend's model with these parameters."""
    if backend == "numpy":
        return numpy_results(numpy_net(adapter, params), adapter, case)
    return torch_results(torch_net(adapter, params), adapter, case)


@pytest.mark.only("numpy", "torch")
@problems(("ragged", 7), ("square", 6))
def test_one_hot_is_an_embedding(problem, backend, adapter, judged):
    """With the identity for it: held against the LSTM that reads one-hot rows."""
    case, V = problem
    one_hot = ref.one_hot(case.X.T, V, case.dtype)

    def compute(reference, case):
        params, targets = case.params, case.Y.T.reshape(-1)
        outputs, (H, C) = reference.forward(one_hot.astype(params.W_xi.dtype), case.state, params)
        loss, grads = reference.loss_and_grads(one_hot.astype(params.W_xi.dtype), case.state, params, targets)
        return {"outputs": outputs, "H": H, "C": C, "loss": np.asarray(loss),
                **dict(zip(ref.PARAM_NAMES, grads, strict=True))}

    plain, grads = results(backend, adapter, EmbeddingParams(np.eye(V, dtype=case.dtype), case.params), case)
    judged(case, compute, dict(zip(("outputs", "H", "C", "loss"), plain, strict=True))
           | dict(zip(ref.PARAM_NAMES, grads[1:], strict=True)))


@pytest.mark.only("numpy", "torch")
@problems(*PROBLEMS)
def test_a_learned_embedding(problem, backend, adapter, judged):
    """Outputs, state, loss and all 15 gradients."""
    case, vocab_size = problem

    def compute(reference, case):
        params = with_embedding(case.params, vocab_size, noisy_as(case.params))
        outputs, (H, C) = embedding_lstm(case.X, case.state, params)
        loss, grads, _ = embedding_loss_and_grads(case.X, case.state, params, case.Y.T.reshape(-1))
        return {"outputs": outputs, "H": H, "C": C, "loss": np.asarray(loss),
                **dict(zip(NAMES, (grads.embedding, *grads.lstm), strict=True))}

    plain, grads = results(backend, adapter, with_embedding(case.params, vocab_size), case)
    judged(case, compute, dict(zip(("outputs", "H", "C", "loss"), plain, strict=True))
           | dict(zip(NAMES, grads, strict=True)))


@pytest.mark.only("numpy", "torch")
@problems(("ragged", 19))
def test_the_arrays_that_were_given_stay(problem, backend, adapter):
    """Also while the model that was made of them is trained."""
    case, vocab_size = problem
    given = with_embedding(case.params, vocab_size)
    if backend == "numpy":
        held = given
        numpy_net(adapter, held).train_step(case.X, case.Y, case.state, 0.5, 1.0)
    else:
        held = torch_params(adapter, given)
        torch_step(importlib.import_module("backends.torch.embedding").from_params(held), adapter, case, 1.0)
    fresh = with_embedding(case.params, vocab_size)
    for name, before, after in zip(NAMES, (fresh.embedding, *fresh.lstm), (held.embedding, *held.lstm), strict=True):
        np.testing.assert_array_equal(before, np.asarray(after), err_msg=name)


@pytest.mark.only("numpy", "torch")
@pytest.mark.parametrize("theta", [0.05, 100.0])
@problems(("ragged", 19))
def test_a_step_with_an_embedding(problem, theta, backend, adapter, judged):
    """Clipped by the norm of all 15 gradients together, or not; the embedding is updated like the others."""
    case, vocab_size = problem

    def compute(reference, case):
        params = with_embedding(case.params, vocab_size, noisy_as(case.params))
        _, grads, _ = embedding_loss_and_grads(case.X, case.state, params, case.Y.T.reshape(-1))
        clipped = ref.grad_clipping([grads.embedding, *grads.lstm], theta)
        return dict(zip(NAMES, ref.sgd([params.embedding, *params.lstm], clipped, 0.5), strict=True))

    params = with_embedding(case.params, vocab_size)
    if backend == "numpy":
        net = numpy_net(adapter, params)
        net.train_step(case.X, case.Y, case.state, 0.5, theta)
        after = net.params.embedding, *net.params.lstm
    else:
        from backends.torch import concise

        net = torch_net(adapter, params)
        torch_step(net, adapter, case, theta)
        after = adapter.arrays([net.embedding.weight, *concise.lstm_params(net)])
    judged(case, compute, dict(zip(NAMES, after, strict=True)))
