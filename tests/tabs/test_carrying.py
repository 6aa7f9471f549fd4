"""The way of the weights between the book and a framework's layer: what it refuses, its devices, both directions."""

import importlib
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


def other_layers(backend, functions):
    """Models around layers that are not the book's LSTM, and what is said to its 14 parameters."""
    V, h, model = VOCAB_SIZE, NUM_HIDDENS, functions.RNNModel
    if backend == "torch":
        from torch import nn

        from backends.torch.embedding import EmbeddingModel

        return {"got RNN": model(nn.RNN(V, h), V), "got GRU": model(nn.GRU(V, h), V),
                "num_layers=1": model(nn.LSTM(V, h, 2), V), "bias=True": model(nn.LSTM(V, h, bias=False), V),
                "num_directions=1": model(nn.LSTM(V, h, bidirectional=True), V),
                "proj_size=0": model(nn.LSTM(V, h, proj_size=2), V),
                "vocab_size: expected 3": EmbeddingModel(nn.LSTM(3, h), V)}
    if backend == "paddle":
        from paddle import nn

        def layer(kind, *more, **others):
            return model(kind(V, h, *more, time_major=True, **others), V)

        return {"got RNN": layer(nn.SimpleRNN), "got GRU": layer(nn.GRU), "num_layers=1": layer(nn.LSTM, 2),
                "num_directions=1": layer(nn.LSTM, direction="bidirect"),
                "bias=True": layer(nn.LSTM, bias_ih_attr=False)}
    if backend == "mxnet":
        from mxnet.gluon import rnn

        nets = {"got RNN": rnn.RNN(h, activation="tanh", input_size=V), "got GRU": rnn.GRU(h, input_size=V),
                "num_layers=1": rnn.LSTM(h, 2, input_size=V),
                "num_directions=1": rnn.LSTM(h, bidirectional=True, input_size=V)}
        nets = {words: model(layer, V) for words, layer in nets.items()}
        for net in nets.values():
            net.dense.weight.shape = (V, net.num_hiddens * net.rnn._dir)
            net.initialize()
        return nets
    import tensorflow as tf

    keras, both = tf.keras.layers, {"return_sequences": True, "return_state": True}
    return {words: model(layer, V) for words, layer in {
        "got RNN": keras.SimpleRNN(h, **both), "got GRU": keras.GRU(h, **both),
        "got StackedRNNCells": keras.RNN([keras.LSTMCell(h), keras.LSTMCell(h)], **both),
        "bias=True": keras.LSTM(h, use_bias=False, **both), "activation='tanh'": keras.LSTM(h, "relu", **both),
        "gates='sigmoid'": keras.LSTM(h, recurrent_activation="relu", **both),
        "go_backwards=False": keras.LSTM(h, go_backwards=True, **both)}.items()}


@pytest.mark.has("concise", "load_lstm_params")
def test_another_layer_is_refused(adapter, concise, backend):
    """Before any of its weights is changed; one that the book's parameters can't tell is not read either."""
    functions = concise.functions
    readers = [getattr(functions, name) for name in ("lstm_params", "lstm_grads") if hasattr(functions, name)]
    for words, net in other_layers(backend, functions).items():
        before = [array.copy() for array in concise.weights(net).values()]
        with pytest.raises(ValueError, match=f"^(net: .*)?{words}"):
            functions.load_lstm_params(net, adapter.tensors(CASE.params))
        assert all(map(np.array_equal, before, concise.weights(net).values())), words
        for read in readers:
            if words not in ("got RNN", "got GRU", "vocab_size: expected 3"):
                with pytest.raises(ValueError, match=r"^net: expected a layer"):
                    read(net)


@pytest.mark.has("load_rnn_params")
def test_the_layers_of_other_cells_are_told_apart(adapter, concise, backend):
    """A vanilla RNN with another activation; and an LSTM or a GRU of one unit, whose matrices would fit by rows."""
    functions, rnn, gru = concise.functions, make("rnn-ragged"), make("gru-ragged")
    rnn, gru = (adapter.tensors(case.astype("float32").params) for case in (rnn, gru))
    net = concise.net(CASE.params)
    for load, params, words in ((functions.load_rnn_params, rnn, "RNN"), (functions.load_gru_params, gru, "GRU")):
        with pytest.raises(ValueError, match=f"^net: expected a layer of the kind {words}, got LSTM$"):
            load(net, params)
    V, h = VOCAB_SIZE, NUM_HIDDENS
    relu = {"torch": lambda: _module("torch.nn").RNN(V, h, nonlinearity="relu"),
            "paddle": lambda: _module("paddle.nn").SimpleRNN(V, h, activation="relu", time_major=True),
            "mxnet": lambda: _module("mxnet.gluon.rnn").RNN(h, activation="relu", input_size=V),
            "tensorflow": lambda: _module("tensorflow.keras.layers").SimpleRNN(
                h, "relu", return_sequences=True, return_state=True)}[backend]()
    net = functions.RNNModel(relu, VOCAB_SIZE)
    for call in (lambda: functions.load_rnn_params(net, rnn), lambda: functions.lstm_params(net)):
        with pytest.raises(ValueError, match=r"^net: expected a layer with activation='tanh'.*, got 'relu'$"):
            call()


def _module(name):
    return importlib.import_module(name)


@pytest.mark.only("jax")
def test_a_pytree_of_another_cell_is_refused(concise):
    """By the names of its matrices and its biases."""
    import jax
    from flax import linen as nn

    def tree(cell):
        net = concise.functions.RNNModel(nn.RNN(cell, time_major=True), VOCAB_SIZE)
        return net.init(jax.random.key(0))

    readers = {"LSTM": concise.functions.lstm_params, "RNN": concise.functions.rnn_params,
               "GRU": concise.functions.gru_params}
    trees = {"LSTM": tree(nn.OptimizedLSTMCell(4)), "RNN": tree(nn.SimpleCell(4)), "GRU": tree(nn.GRUCell(4)),
             "hf hn if in": tree(nn.MGUCell(4))}
    for wanted, read in readers.items():
        for found, given in trees.items():
            if wanted != found:
                with pytest.raises(ValueError, match=f"^net: expected a layer of the kind {wanted}, got {found}$"):
                    read(given)
    del trees["RNN"]["rnn"]["cell"]["i"]["bias"]
    with pytest.raises(ValueError, match=r"^net: expected a layer with bias=True, .* got False$"):
        readers["RNN"](trees["RNN"])


@pytest.mark.has("concise")
def test_a_model_is_made_around_a_layer_that_fits(concise, backend):
    """What is no layer of the framework is refused, and so is one that is made for another vocabulary."""
    functions, words = concise.functions, f"^vocab_size: expected {VOCAB_SIZE}, the size of the layer's inputs, got 9$"
    if backend == "jax":
        from flax import linen as nn

        bad = nn.Bidirectional(nn.RNN(nn.SimpleCell(4)), nn.RNN(nn.SimpleCell(4))), None
    else:
        net = functions.from_params(concise.tensors(CASE.params))
        with pytest.raises(ValueError, match=words):
            functions.RNNModel(net.rnn, 9)
        bad = {"torch": lambda: _module("torch.nn").LSTMCell(3, 4),
               "paddle": lambda: _module("paddle.nn").LSTMCell(3, 4),
               "mxnet": lambda: _module("mxnet.gluon.rnn").LSTMCell(4),
               "tensorflow": lambda: _module("tensorflow.keras.layers").LSTMCell(4)}[backend](), None
    for layer in bad:
        with pytest.raises(ValueError, match=rf"^rnn_layer: expected .*, got {type(layer).__name__}$"):
            functions.RNNModel(layer, VOCAB_SIZE)


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
