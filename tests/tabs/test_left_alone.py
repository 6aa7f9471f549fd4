"""What a call leaves as it was: the settings and generators of the process, what it was given, what others hold."""

import contextlib
import copy
import importlib
import io
import random

import numpy as np
import pytest
from training_code import by_name, minibatches, of, step

from lstm_ref.parity.cases import make
from lstm_ref.parity.checks.numbers import ALPHABET
from lstm_ref.text import Vocab

pytestmark = pytest.mark.beside("numpy")  # the reference's own are in tests/reference
CASE = make("ragged").astype("float32")
_, BATCH, VOCAB_SIZE, NUM_HIDDENS = CASE.sizes
VOCAB = Vocab("abcdef")  # and <unk>
LABELS = ("scratch", "concise")


def settings(backend):
    """What of the process a tab might change: generators, modes, and whether small numbers are numbers."""
    found = {"Python's generator": random.getstate(), "NumPy's generator": np.random.get_state()[1].tolist(),
             "subnormal numbers": float(np.float32(1e-40) * np.float32(0.5)) > 0}
    if backend == "torch":
        import torch

        found |= {"generator": torch.get_rng_state().tolist(), "recording": torch.is_grad_enabled(),
                  "precision of products": torch.get_float32_matmul_precision(),
                  "its subnormal numbers": bool(torch.tensor(1e-40) * 0.5 > 0), "dtype": torch.get_default_dtype()}
    if backend == "paddle":
        import paddle

        found |= {"recording": paddle.is_grad_enabled(), "dtype": paddle.get_default_dtype(),
                  "generator": paddle.get_rng_state()[0].current_seed()}
    if backend == "mxnet":
        from mxnet import autograd

        found |= {"recording": autograd.is_recording(), "training": autograd.is_training()}
    if backend == "tensorflow":
        import tensorflow as tf

        found |= {"eager": tf.executing_eagerly(), "dtype": tf.keras.config.floatx()}
    if backend == "jax":
        import jax

        found |= {"64 bits": jax.config.jax_enable_x64, "matmul": jax.config.jax_default_matmul_precision}
    return found


def modes(net):
    """Whether a net, and each layer in it, trains."""
    below = getattr(net, "modules", None) or getattr(net, "sublayers", tuple)
    layers = [net, *below()]
    return [layer.training for layer in layers if hasattr(layer, "training")]


@pytest.mark.parametrize("label", LABELS)
def test_nothing_of_the_process_changes(label, adapter, backend):
    """Not by importing a tab, training an epoch, writing or drawing a text."""
    implementation = of(adapter, label)
    net = implementation.net(CASE.params)
    given = minibatches(adapter, CASE)
    implementation.epoch(net, given, 0.5, False)  # whatever a framework sets up once
    book = implementation.start("lstm", len(ALPHABET) + 1, 4, 1)
    random.random(), np.random.random()  # the generators go on from here, wherever an epoch had put them
    before, training = settings(backend), modes(net)
    assert before["subnormal numbers"] and before.get("its subnormal numbers", True)
    implementation.epoch(net, given, 0.5, False)
    implementation.predict(net, "ab", 3, VOCAB)
    by_name(implementation.training.predict_ch8, net, prefix="ab", num_preds=3, vocab=VOCAB, device=adapter.device,
            alpha=1.0, rng=1)
    with contextlib.redirect_stdout(io.StringIO()):
        implementation.train_ch8(book, given, Vocab(ALPHABET), 0.5, 1)
    after = settings(backend)
    assert not [name for name in before if before[name] != after[name]]
    assert modes(net) == training


@pytest.mark.only("torch", "paddle")
def test_prediction_records_nothing_and_lets_others_record_nothing(adapter, backend):
    """Within a block that records nothing it stays so afterwards."""
    framework = importlib.import_module(backend)
    implementation = of(adapter, "scratch")
    net = implementation.net(CASE.params)
    with framework.no_grad():
        implementation.predict(net, "ab", 3, VOCAB)
        assert not framework.is_grad_enabled()


@pytest.mark.parametrize("label", LABELS)
def test_a_prefix_may_be_of_words(label, adapter):
    """A list, for a model of words: read one by one, and written with spaces between them."""
    implementation = of(adapter, label)
    found = by_name(implementation.training.predict_ch8, implementation.net(CASE.params), prefix=["a", "b"],
                    num_preds=2, vocab=VOCAB, device=adapter.device).split(" ")
    assert found[:2] == ["a", "b"] and len(found) == 4


@pytest.mark.parametrize("label", LABELS)
def test_two_texts_are_drawn_apart(label, adapter):
    """Unless they are given the same generator."""
    implementation = of(adapter, label)
    net = implementation.net(CASE.params)

    def draw(**more):
        return by_name(implementation.training.predict_ch8, net, prefix="a", num_preds=40, vocab=VOCAB,
                       device=adapter.device, alpha=0.1, **more)

    assert draw() != draw() and draw(rng=1) == draw(rng=1)


@pytest.mark.beside("jax")  # which is given its key
@pytest.mark.parametrize("name", ["get_lstm_params", "get_gru_params", "get_params"])
def test_two_nets_are_drawn_apart(name, adapter, backend):
    """By one generator, which goes on."""
    draw = getattr(importlib.import_module(f"backends.{backend}.scratch"), name)
    one, other = (adapter.arrays(by_name(draw, None, vocab_size=5, num_hiddens=4, device=adapter.device))
                  for _ in range(2))
    assert not any(np.array_equal(a, b) for a, b in zip(one, other, strict=True) if a.ndim == 2)


@pytest.mark.parametrize("label", [*LABELS, "fused"])
def test_a_step_leaves_the_state_that_it_is_given(label, adapter):
    """Whoever keeps it, to begin from the same again, has it still."""
    implementation = adapter.implementations[label]
    if label == "fused":
        net, state = implementation.net(CASE.params), adapter.tensors(CASE.state)
        net.step(*adapter.tensors((CASE.X, CASE.Y)), state, 1.0, 1.0)
        left = adapter.arrays(state)
    else:
        net, state = implementation.net(CASE.params), implementation.state_in(CASE.state)
        step(implementation, net, CASE, state)
        left = implementation.state_out(state)
    for before, after in zip(CASE.state, left, strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.has("fused")
def test_weights_that_were_read_stay(adapter):
    """Those of the best epoch, say, while training goes on."""
    implementation = adapter.implementations["fused"]
    net = implementation.net(CASE.params)
    read = net.params
    net.step(*adapter.tensors((CASE.X, CASE.Y)), adapter.tensors(CASE.state), 1.0, 1.0)
    for before, after in zip(CASE.params, adapter.arrays(read), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.only("torch", "mxnet", "paddle")
@pytest.mark.parametrize("cell", ["lstm", "rnn", "gru"])
def test_each_beginning_is_its_own(cell, adapter):
    """What is written into a state is in no other row, and in no other state."""
    implementation = of(adapter, "scratch")
    net = implementation.start(cell, VOCAB_SIZE, 4, 1)
    state = implementation.begin_state(net, BATCH)
    for array in state:
        array[0] = 1
        assert not adapter.array(array)[1:].any()
    for array in implementation.begin_state(net, BATCH):
        assert not adapter.array(array).any()


@pytest.mark.only("torch", "mxnet", "paddle")
@pytest.mark.parametrize("label", LABELS)
def test_tokens_are_read_where_they_stand(label, adapter):
    """A buffer that is filled again, as a loop that generates does."""
    implementation = of(adapter, label)
    net = implementation.net(CASE.params)
    X = adapter.tensor(CASE.X)
    net(X, implementation.begin_state(net, BATCH))
    X[:] = adapter.tensor((CASE.X + 1) % VOCAB_SIZE)
    again = adapter.array(net(X, implementation.begin_state(net, BATCH))[0])
    fresh = adapter.array(net(adapter.tensor((CASE.X + 1) % VOCAB_SIZE), implementation.begin_state(net, BATCH))[0])
    np.testing.assert_array_equal(again, fresh)


@pytest.mark.only("torch", "tensorflow", "mxnet", "paddle")
def test_each_token_that_is_read_is_an_array_of_its_own(adapter):
    """Whoever keeps it, a hook or another thread that writes at the same time, has it still."""
    implementation = of(adapter, "scratch")
    net, kept = implementation.net(CASE.params), []

    def now(X):  # TensorFlow's tab hands over NumPy arrays
        return np.array(X if isinstance(X, np.ndarray) else adapter.array(X))

    class Keeping:
        def __call__(self, X, *state):
            kept.append((X, now(X)))
            return net(X, *state)

        def __getattr__(self, name):
            return getattr(net, name)

    implementation.predict(Keeping(), "abc", 4, VOCAB)
    assert len({then.item() for _, then in kept}) > 2
    assert all(now(X) == then for X, then in kept)


@pytest.mark.only("torch")
def test_an_update_is_seen_by_what_was_recorded_before_it(adapter):
    """PyTorch then refuses a backward pass through weights that are no longer those of the forward pass."""
    implementation = of(adapter, "scratch")
    net, X = implementation.net(CASE.params), adapter.tensor(CASE.X)
    outputs = [net(X, implementation.begin_state(net, BATCH))[0].sum() for _ in range(2)]
    outputs[0].backward()
    implementation.training.sgd(net.params, 0.5, 1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        outputs[1].backward()


@pytest.mark.only("torch", "mxnet", "paddle")
@pytest.mark.parametrize("label", LABELS)
def test_weights_are_read_where_they_stand(label, adapter, backend):
    """Written into, under no recording and past it."""
    implementation = of(adapter, label)
    net = implementation.net(CASE.params)
    before = implementation.predict(net, "a", 8, VOCAB)
    bias = (net.params if label == "scratch" else implementation.training.trainable(net))[-1]
    pushed = adapter.tensor(np.eye(VOCAB_SIZE, dtype=np.float32)[VOCAB["f"]] * 100)
    if backend == "torch":
        bias.data.copy_(pushed)
    elif backend == "paddle":
        bias.set_value(pushed)
    elif label == "scratch":
        bias[:] = pushed
    else:
        net.dense.bias.set_data(pushed)
    assert implementation.predict(net, "a", 8, VOCAB) == "a" + 8 * "f" != before


@pytest.mark.only("torch", "paddle")
def test_the_layer_reads_the_parameters_of_each_call(adapter):
    """`concise.lstm` again, after its parameters were changed in place."""
    lstm = adapter.implementations["concise"].functions.lstm
    params = adapter.tensors(CASE.params)
    inputs, state = adapter.tensor(CASE.inputs), tuple(adapter.tensors(CASE.state))
    before = adapter.array(lstm(inputs, state, params)[0])
    for param in params:
        param[:] = -param
    after = adapter.array(lstm(inputs, state, params)[0])
    fresh = adapter.array(lstm(inputs, state, adapter.tensors([-array for array in CASE.params]))[0])
    assert np.array_equal(after, fresh) and not np.array_equal(after, before)


@pytest.mark.only("torch")
@pytest.mark.parametrize("label", LABELS)
def test_a_net_can_be_copied_after_a_call(label, adapter):
    """It keeps nothing of its last minibatch; and a scratch net's parameters are a list, as in the book."""
    implementation = of(adapter, label)
    net = implementation.net(CASE.params)
    net(adapter.tensor(CASE.X), implementation.begin_state(net, BATCH))
    other = copy.deepcopy(net)
    for a, b in zip(implementation.read(net), implementation.read(other), strict=True):
        np.testing.assert_array_equal(a, b)
    assert label == "concise" or isinstance(net.params, list)
