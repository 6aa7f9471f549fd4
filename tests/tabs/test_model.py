"""The models of a tab, called as a reader calls them: tokens outside the vocabulary, layers of another kind."""

import importlib
import inspect

import numpy as np
import pytest

import lstm_ref as ref
from lstm_ref.parity.cases import make
from lstm_ref.parity.checks.facts import refusal
from lstm_ref.parity.reference import Reference

CASE = make("ragged").astype("float32")
_, BATCH, V, H = CASE.sizes


@pytest.mark.beside("numpy")
@pytest.mark.parametrize("cell", ["lstm", "rnn", "gru"])
def test_a_model_makes_its_own_parameters(cell, adapter, backend):
    """As the book makes it, from functions; and it runs with them."""
    scratch = adapter.implementations["scratch"]
    tab = scratch.functions
    get_params, init_state, forward_fn = (getattr(tab, name) for name in {
        "lstm": ("get_lstm_params", "init_lstm_state", "lstm"), "rnn": ("get_params", "init_rnn_state", "rnn"),
        "gru": ("get_gru_params", "init_gru_state", "gru")}[cell])
    wanted = inspect.signature(tab.RNNModelScratch).parameters
    available = {"vocab_size": V, "num_hiddens": H, "device": adapter.device, "get_params": get_params,
                 "init_state": init_state, "forward_fn": forward_fn}
    net = tab.RNNModelScratch(**{name: available[name] for name in wanted})
    if backend == "jax":
        import jax

        params = net.init(jax.random.key(0))
        outputs, state = net.apply(params, adapter.tensor(CASE.X), net.begin_state(BATCH))
    else:
        params = net.trainable_variables if backend == "tensorflow" else net.params
        outputs, state = net(adapter.tensor(CASE.X), scratch.begin_state(net, BATCH))
    assert [tuple(p.shape) for p in params[:3]] == [(V, H), (H, H), (H,)]
    assert tuple(outputs.shape) == (CASE.X.size, V)
    assert isinstance(state, tuple) and [tuple(s.shape) for s in state] == [(BATCH, H)] * (2 if cell == "lstm" else 1)


@pytest.mark.beside("numpy")
@pytest.mark.parametrize("label", ["scratch", "concise"])
def test_the_last_state_is_a_tuple(label, adapter):
    """It is given back with the next call."""
    implementation = adapter.implementations[label]
    inputs, state, params = adapter.tensor(CASE.inputs), adapter.tensors(CASE.state), adapter.tensors(CASE.params)
    _, last = implementation.functions.lstm(inputs, state, params)
    assert isinstance(last, tuple) and len(last) == 2


@pytest.mark.beside("numpy")
@pytest.mark.parametrize("cell", ["rnn", "gru"])
def test_a_cell_refuses_what_the_reference_refuses(cell, adapter):
    """In the same words."""
    scratch, params = adapter.implementations["scratch"], make(f"{cell}-ragged").astype("float32").params
    wrong = {"14 parameters": (CASE.inputs, CASE.state[:1], CASE.params),
             "a parameter too few": (CASE.inputs, CASE.state[:1], params[:-1]),
             "two states": (CASE.inputs, CASE.state, params),
             "a wrong shape": (CASE.inputs, CASE.state[:1], (params[1], *params[1:])),
             "a wrong dtype": (CASE.inputs.astype(float), CASE.state[:1], params)}
    for what, (inputs, state, given) in wrong.items():
        tensors = scratch.tensor(inputs), scratch.tensors(state), scratch.tensors(given)
        words = [refusal(lambda m, a=arguments: getattr(m, cell)(*a), module) for module, arguments in (
            (ref, (inputs, state, given)), (scratch.functions, tensors))]
        assert words[0].startswith("ValueError «"), what
        assert words[1] == words[0], what


def test_the_precision_is_that_of_the_first_parameter(adapter, backend):
    """Of the encoded tokens and of the initial state: so a second one of another precision is the one that is named."""
    scratch = adapter.implementations["scratch"]
    params = (CASE.params[0], CASE.params[1].astype(float), *CASE.params[2:])
    words = [refusal(lambda m: m.train_step(params, CASE.X, CASE.Y, CASE.state, 1.0, 1.0), m)
             for m in (Reference(), scratch)]
    assert words[0].startswith("ValueError «params[1] (W_hi): expected dtype float32")
    assert words[1] == words[0]
    net = scratch.net(params)
    state = net.begin_state(BATCH) if backend == "numpy" else scratch.begin_state(net, BATCH)
    assert {str(adapter.array(s).dtype) for s in state} == {"float32"}


@pytest.mark.parametrize("label", ["scratch", "concise"])
def test_tokens_of_32_bits_are_tokens(label, adapter):
    """A step with them is the step with those of 64."""
    implementation = adapter.implementations[label]
    steps = [implementation.train_step(CASE.params, CASE.X.astype(dtype), CASE.Y.astype(dtype), CASE.state, 1.0, 1.0)
             for dtype in (np.int64, np.int32)]
    assert all(map(np.array_equal, steps[0][0], steps[1][0]))
    assert steps[0][2] == steps[1][2]


@pytest.mark.parametrize("label", ["scratch", "concise"])
def test_tokens_outside_the_vocabulary_are_refused(label, adapter, backend):
    """By the model itself: a framework's one-hot makes a row of zeros of them, or fails in its own words.

    Keras puts its own text around that of the refusal.
    """
    implementation = adapter.implementations[label]
    name = "tokens" if backend == "numpy" else "X"
    net = implementation.net(CASE.params)
    state = net.begin_state(1) if backend == "numpy" else implementation.begin_state(net, 1)
    for token in (V, -1):
        X = adapter.tensor(np.array([[0, token]]))
        with pytest.raises(ValueError, match=rf"{name}: expected tokens in \[0, {V}\), got {token} at index"):
            net.model.apply(net.params, X, state) if backend == "jax" else net(X, state)


@pytest.mark.parametrize("label", ["scratch", "concise", "fused"])
def test_what_is_written_may_be_drawn(label, adapter):
    """With a seed, as the reference draws; a large alpha leaves nothing to chance; a senseless one is refused."""
    implementation, vocab = adapter.implementations[label], ref.Vocab("abcdef")
    assert len(vocab) == V
    net = implementation.net(CASE.params)
    expected = ref.predict_ch8("a", 40, Reference().net(CASE.params), vocab, 1.0, 7)
    assert implementation.predict(net, "a", 40, vocab, 1.0, 7) == expected
    assert implementation.predict(net, "a", 40, vocab, 1.0, 8) != expected
    assert implementation.predict(net, "a", 40, vocab, 1e6, 7) == implementation.predict(net, "a", 40, vocab)
    with pytest.raises(ValueError, match="alpha: expected a finite number of at least 0, got -1"):
        implementation.predict(net, "a", 4, vocab, -1)


def other_layers(backend):
    """Layers that `RNNModel` refuses, and words of the refusal."""
    if backend == "torch":
        from torch import nn

        return [(nn.LSTM(V, 4, batch_first=True), "expected batch_first=False")]
    if backend == "tensorflow":
        from tensorflow.keras.layers import LSTM

        words = "expected return_sequences=True and return_state=True"
        return [(LSTM(4), words), (LSTM(4, return_sequences=True), words), (LSTM(4, return_state=True), words)]
    if backend == "jax":
        from flax import linen as nn

        return [(nn.RNN(nn.OptimizedLSTMCell(4)), "expected time_major=True")]
    if backend == "mxnet":
        from mxnet.gluon import rnn

        return [(rnn.LSTM(4, layout="NTC"), "expected layout 'TNC'")]
    if backend == "paddle":
        from paddle import nn

        return [(nn.LSTM(V, 4), "expected time_major=True")]
    return []


@pytest.mark.beside("numpy")
def test_layers_of_another_layout_are_refused(adapter, backend):
    """They would read time as examples."""
    for layer, words in other_layers(backend):
        with pytest.raises(ValueError, match=f"^rnn_layer: {words}"):
            adapter.implementations["concise"].functions.RNNModel(layer, V)


@pytest.mark.only("torch", "paddle")
def test_a_layer_of_two_directions(adapter, backend):
    """Where the tab has the book's `num_directions`: a state for each, and outputs from both."""
    nn = importlib.import_module(f"{backend}.nn")
    options = {"bidirectional": True} if backend == "torch" else {"direction": "bidirect", "time_major": True}
    implementation = adapter.implementations["concise"]
    for kind, states in ((nn.LSTM, 2), (nn.RNN if backend == "torch" else nn.SimpleRNN, 1)):
        net = implementation.functions.RNNModel(kind(V, 4, num_layers=3, **options), V)
        state = implementation.begin_state(net, 2)
        assert [tuple(s.shape) for s in (state if states == 2 else [state])] == [(6, 2, 4)] * states
        outputs, _ = net(adapter.tensor(np.zeros((2, 5), int)), state)
        assert tuple(outputs.shape) == (10, V)


@pytest.mark.only("torch", "paddle")
def test_the_batch_is_one_unless_told(adapter, backend):
    """The layer's `begin_state` as the book calls it, where it has that default."""
    implementation = adapter.implementations.get("concise")
    if backend == "torch":
        net = implementation.net(CASE.params)
        assert [tuple(s.shape) for s in net.begin_state(adapter.device)] == [(1, 1, CASE.sizes[3])] * 2
    if backend == "paddle":
        net = implementation.net(CASE.params)
        assert [tuple(s.shape) for s in net.begin_state()] == [(1, 1, CASE.sizes[3])] * 2
