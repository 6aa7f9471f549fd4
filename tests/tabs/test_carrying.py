"""The way of the weights between the book and a framework's layer: what it refuses, its devices, both directions."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from lstm_ref.params import LSTMParams
from lstm_ref.parity.cases import make
from lstm_ref.validate import dtype_name

CASE = make("ragged").astype("float32")
_, BATCH, VOCAB_SIZE, NUM_HIDDENS = CASE.sizes


@pytest.fixture
def concise(adapter):
    """The implementation around the layer; the reference has none."""
    return adapter.implementations.get("concise")


@pytest.mark.parametrize(("keep", "words"), [
    (lambda p: p[:-1], "^params: expected 14 arrays"),
    (lambda p: [a[:, 1:] if len(a) == VOCAB_SIZE and a.ndim == 2 else a for a in p], r"^params\[[01]\] \(W_[xh]i\)"),
])
@pytest.mark.has("concise")
def test_wrong_parameters_are_refused(keep, words, adapter, concise):
    """By their number and their shapes, in the words of the reference, before any is put into the layer."""
    functions, net, params = concise.functions, concise.net(CASE.params), adapter.tensors(keep(list(CASE.params)))
    load = getattr(functions, "load_lstm_params", None) or (lambda _, params: functions.from_lstm_params(params))
    with pytest.raises(ValueError, match=words):
        load(net, params)


def randomly(concise, vocab_size, num_hiddens):
    """A net with random numbers in all its weights, both biases as well."""
    rng = np.random.default_rng(0)
    net = concise.start("lstm", vocab_size, num_hiddens, 1)
    shapes = {name: array.shape for name, array in concise.weights(net).items() if ".cell." not in name}
    drawn = {name: rng.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()}
    # Paddle shows each array under two names; both have to say the same.
    twice = {name: drawn[f"rnn.{name.rsplit('.', 1)[1]}_l0"] for name in concise.weights(net) if ".cell." in name}
    concise.set_weights(net, drawn | twice)
    return net


@pytest.mark.has("concise", "load_lstm_params")
def test_what_was_in_a_layer_does_not_matter(adapter, concise):
    """The 14 arrays take the place of all its weights; what is started already is not started again."""
    net = randomly(concise, VOCAB_SIZE, NUM_HIDDENS)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Parameter .* is already initialized")
        concise.functions.load_lstm_params(net, adapter.tensors(CASE.params))
    for came, expected in zip(concise.read(net), CASE.params, strict=True):
        np.testing.assert_array_equal(came, expected)


@pytest.mark.has("from_params")
def test_a_layer_is_made_from_the_parameters(adapter, concise):
    """By `from_params`, of their sizes and precision."""
    for dtype in ("float32", "float64"):
        params = CASE.astype(dtype).params
        for found, expected in zip(concise.read(concise.functions.from_params(adapter.tensors(params))), params,
                                   strict=True):
            assert found.dtype == expected.dtype and np.array_equal(found, expected)


@pytest.mark.has("new_model")
def test_a_fresh_layer_is_of_float32(concise):
    """Where the tab makes one."""
    assert np.dtype(concise.functions.new_model(VOCAB_SIZE, 4).dtype) == np.float32


@pytest.mark.has("concise")
def test_what_is_read_from_a_layer_computes_what_the_layer_computes(adapter, concise, judged):
    """Read as 14 arrays and given to the reference."""
    net = randomly(concise, VOCAB_SIZE, NUM_HIDDENS)
    model = (net.model, net.params) if hasattr(net, "model") else (net,)
    outputs, last = concise.run(*model, adapter.tensor(CASE.inputs), concise.state_in(CASE.state))

    def compute(reference, case):
        outputs, (H, C) = reference.forward(case.inputs, case.state, case.params)
        return {"outputs": outputs, "H": H, "C": C}

    judged(replace(CASE, params=LSTMParams(*concise.read(net))), compute,
           dict(zip(("outputs", "H", "C"), (adapter.array(outputs), *concise.state_out(last)), strict=True)))


@pytest.mark.only("torch", "mxnet")
def test_a_layer_is_made_where_the_parameters_are(request, adapter, concise):
    """PyTorch's device without memory, MXNet's second name for the host; and its state where it is asked for."""
    if request.config.option.backend == "torch":
        import torch

        meta = torch.device("meta")
        net = concise.functions.from_params([param.to(meta) for param in adapter.tensors(CASE.params)])
        assert {param.device.type for param in net.parameters()} == {"meta"}
        states = concise.net(CASE.params).begin_state(device=meta, batch_size=2)
        assert {state.device.type for state in states} == {"meta"}
    if request.config.option.backend == "mxnet":
        from mxnet import npx

        params = [param.as_in_ctx(npx.cpu(1)) for param in adapter.tensors(CASE.params)]
        net = concise.functions.from_params(params)
        assert {str(param.data().ctx) for param in net.collect_params().values()} == {"cpu(1)"}


@pytest.mark.only("paddle")
def test_making_a_layer_leaves_the_default_precision_alone(adapter, concise):
    """Paddle's has to be changed for it."""
    import paddle

    concise.functions.from_params(adapter.tensors(CASE.astype("float64").params))
    assert paddle.get_default_dtype() == "float32"


@pytest.mark.has("concise")
def test_the_output_layer_has_the_precision_of_the_recurrent_one(request, adapter, concise):
    """Of a layer that a reader made in float64."""
    backend = request.config.option.backend
    if backend == "paddle":
        import paddle

        paddle.set_default_dtype("float64")
        layer = paddle.nn.LSTM(VOCAB_SIZE, 4, time_major=True)
        paddle.set_default_dtype("float32")
        wide = concise.functions.RNNModel(layer, VOCAB_SIZE).linear.weight
    elif backend == "torch":
        import torch

        layer = torch.nn.LSTM(VOCAB_SIZE, 4, dtype=torch.float64)
        wide = concise.functions.RNNModel(layer, VOCAB_SIZE).linear.weight
    elif backend == "tensorflow":
        from tensorflow.keras.layers import LSTM

        layer = LSTM(4, return_sequences=True, return_state=True, dtype="float64")
        net = concise.functions.RNNModel(layer, VOCAB_SIZE)
        assert {str(state.numpy().dtype) for state in net.begin_state(2)} == {"float64"}
        wide = net.dense.kernel.value
    elif backend == "mxnet":
        from mxnet.gluon import rnn

        wide = concise.functions.RNNModel(rnn.LSTM(4, dtype="float64"), VOCAB_SIZE).dense.weight
    else:
        import jax

        net = concise.functions.new_model(VOCAB_SIZE, 4, dtype="float64")
        wide = net.init(jax.random.key(0))["dense"]["kernel"]
        narrow = concise.functions.new_model(VOCAB_SIZE, 4)
        for model, dtype, expected in ((net, None, "float64"), (net, "float32", "float32"), (narrow, None, "float32")):
            assert {str(array.dtype) for array in model.begin_state(2, dtype)} == {expected}
    assert dtype_name(wide) == "float64"
