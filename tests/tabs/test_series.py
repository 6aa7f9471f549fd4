"""Series in two frameworks, against the reference by the judge's limit; and what a trained net makes of a text."""

import importlib

import numpy as np
import pytest

import lstm_ref as ref
from lstm_ref.parity.cases import draw
from lstm_ref.series import series_loss_and_grads
from lstm_ref.tools.train.reading import Reader

#: one feature, and several; as T, B, V, h
SIZES = {"sine": (9, 4, 1, 8), "features": (5, 3, 3, 6)}


@pytest.mark.only("torch", "jax")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SIZES)
def test_squared_loss_and_its_gradients(name, dtype, backend, adapter, judged):
    """Of the tab's LSTM on real numbers: loss, last state and the gradients by all 14 parameters."""
    case = draw(name, *SIZES[name], scale=0.5, dense=True).astype("float32").astype(dtype)
    T, B, V, _ = SIZES[name]
    targets = np.random.default_rng(0).normal(0, 1, (T * B, V)).astype(np.float32).astype(dtype)

    def compute(reference, case):
        same = targets.astype(case.inputs.dtype).view(type(case.inputs))
        *_, forward, backward = reference._cells["lstm"]
        loss, grads, (H, C) = series_loss_and_grads(case.inputs, case.state, case.params, same, forward, backward)
        return {"loss": np.asarray(loss), "H": H, "C": C, **grads._asdict()}

    series = importlib.import_module(f"backends.{backend}.series")
    scratch = adapter.implementations["scratch"]
    f = adapter
    loss, grads, last = series.loss_and_grads(
        scratch.functions.lstm, f.tensor(case.inputs), f.tensors(case.state), scratch.book(f.tensors(case.params)),
        f.tensor(targets))
    found = {"loss": f.array(loss), **dict(zip("HC", f.arrays(last), strict=True))}
    judged(case, compute, found | dict(zip(ref.PARAM_NAMES, f.arrays(grads), strict=True)))


@pytest.mark.only("torch")
def test_nothing_of_the_graph_stays(adapter):
    """The parameters that are given are no more trainable than they were, and the last state has no history."""
    case, scratch = draw("sine", *SIZES["sine"], scale=0.5, dense=True), adapter.implementations["scratch"]
    T, B, V, _ = SIZES["sine"]
    params = scratch.book(adapter.tensors(case.params))
    *_, last = importlib.import_module("backends.torch.series").loss_and_grads(
        scratch.functions.lstm, adapter.tensor(case.inputs), adapter.tensors(case.state), params,
        adapter.tensor(np.ones((T * B, V))))
    assert not any(part.requires_grad for part in (*params, *last))


@pytest.mark.only("torch", "jax")
def test_targets_of_another_shape_are_refused(backend, adapter):
    """A framework would broadcast them."""
    series = importlib.import_module(f"backends.{backend}.series")
    with pytest.raises(ValueError, match=r"^targets: expected shape of the outputs = \(4, 1\), got \(4,\)"):
        series.squared_loss(adapter.tensor(np.zeros((4, 1), np.float32)), adapter.tensor(np.zeros(4, np.float32)))


@pytest.mark.parametrize("label", ["scratch", "concise", "fused"])
def test_a_text_is_read_as_the_reference_reads_it(label, adapter, judged):
    """The outputs of two minibatches with the state carried on, as perplexity on held-out text has them."""
    case = draw("reading", 6, 3, 7, 11, scale=0.5).astype("float32")
    implementation = adapter.implementations[label]
    net = implementation.net(case.params)
    reader = Reader(adapter, implementation, net)
    state, found = implementation.begin_state(net, 3), []
    for X in np.split(case.X, 2, axis=1):
        outputs, state = reader.read(X, state)
        found.append(outputs)

    def compute(reference, case):
        zeros = tuple((s * 0).view(type(s)) for s in case.state)
        return {"outputs": reference.forward(case.inputs, zeros, case.params)[0]}

    judged(case, compute, {"outputs": np.concatenate(found)})
