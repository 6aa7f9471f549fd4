"""Training does what its arguments say: minibatch by minibatch, and as if no other had been refused."""

import importlib
from dataclasses import replace

import numpy as np
import pytest
from training_code import minibatches, of, step, weights

import lstm_ref as ref
from lstm_ref.parity.cases import make
from lstm_ref.parity.reference import Reference

pytestmark = pytest.mark.beside("numpy")  # the reference's own are in tests/reference
CASE = make("ragged").astype("float32")
_, BATCH, VOCAB_SIZE, NUM_HIDDENS = CASE.sizes
LABELS = ("scratch", "concise")


def stepped(implementation, **more):
    """The loss and the weights after such a step, of a net of the case's own."""
    net = implementation.net(CASE.params)
    return step(implementation, net, CASE, **more), [array.copy() for array in implementation.read(net)]


@pytest.mark.parametrize("label", LABELS)
def test_the_loss_that_is_given_is_the_one(label, adapter):
    """A weighted one, say: twice the loss, and twice the way."""
    implementation = of(adapter, label)
    loss, once = stepped(implementation)
    doubled, twice = stepped(implementation, loss=lambda *args: 2 * implementation.training.loss(*args))
    assert doubled == 2 * loss
    for start, a, b in zip(CASE.params, once, twice, strict=True):
        np.testing.assert_allclose(b - start, 2 * (a - start), rtol=0, atol=2e-6)  # roundings of the weights


@pytest.mark.parametrize("label", LABELS)
def test_a_refused_minibatch_changes_nothing(label, adapter):
    """No weight, and nothing that the next one could take over."""
    implementation = of(adapter, label)
    expected = stepped(implementation)
    net = implementation.net(CASE.params)
    diverged = implementation.state_in([np.full_like(array, np.nan) for array in CASE.state])
    with pytest.raises(FloatingPointError, match="loss"):
        step(implementation, net, CASE, diverged)
    for before, after in zip(CASE.params, implementation.read(net), strict=True):
        np.testing.assert_array_equal(before, after)
    assert step(implementation, net, CASE) == expected[0]
    for a, b in zip(implementation.read(net), expected[1], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("label", LABELS)
def test_a_later_minibatch_is_refused_as_the_first_is(label, adapter):
    """One whose target the model holds impossible: no epoch ends with a finite perplexity."""
    implementation = of(adapter, label)
    bias = CASE.params[-1].copy()
    bias[0] = -np.inf
    net = implementation.net(ref.LSTMParams(*CASE.params[:-1], bias))
    X, Y = CASE.X, np.maximum(CASE.Y, 1)
    other = Y.copy()
    other[0, 0] = 0
    given = [adapter.tensors((X, Y)), adapter.tensors((X, other)), adapter.tensors((X, Y))]
    with pytest.raises(FloatingPointError, match="minibatch 2: loss"):
        implementation.epoch(net, given, 0.0, False)


def test_a_drawn_net_takes_the_step_of_the_reference(adapter):
    """Not only a net whose weights were given; layers of their own draw have a second bias."""
    implementation = of(adapter, "scratch")
    net = implementation.start("lstm", VOCAB_SIZE, NUM_HIDDENS, 1)
    drawn = ref.LSTMParams(*(array.copy() for array in implementation.read(net)))
    case = replace(CASE, params=drawn, Y=np.zeros_like(CASE.Y))  # so that a gradient is near one
    expected, _, loss = Reference().train_step(drawn, case.X, case.Y, case.state, 1.0, 1e6)
    assert step(implementation, net, case) == pytest.approx(float(loss), rel=1e-5)  # a hundred roundings of float32
    for name, a, b in zip(ref.PARAM_NAMES, expected, implementation.read(net), strict=True):
        np.testing.assert_allclose(b, a, rtol=0, atol=1e-5, err_msg=name)  # a clamped gradient is 0.1 off


@pytest.mark.only("torch", "paddle", "mxnet")
def test_and_so_does_one_that_the_tab_has_drawn(adapter, backend):
    """By `get_lstm_params`, in the book's model; its weights are made larger, so that gradients are."""
    implementation, d2l = of(adapter, "scratch"), importlib.import_module(f"backends.{backend}")
    net = d2l.RNNModelScratch(VOCAB_SIZE, NUM_HIDDENS, *(() if backend == "paddle" else (adapter.device,)),
                              d2l.get_lstm_params, d2l.init_lstm_state, d2l.lstm)
    for param, array in zip(net.params, adapter.tensors(CASE.params), strict=True):
        if backend == "torch":
            param.data.copy_(array)
        elif backend == "paddle":
            param.set_value(array)
        else:
            param[:] = array
    expected, _, loss = Reference().train_step(CASE.params, CASE.X, CASE.Y, CASE.state, 1.0, 1e6)
    assert step(implementation, net, CASE) == pytest.approx(float(loss), rel=1e-5)  # a hundred roundings of float32
    for name, a, b in zip(ref.PARAM_NAMES, expected, implementation.read(net), strict=True):
        np.testing.assert_allclose(b, a, rtol=0, atol=1e-5, err_msg=name)  # a clamped gradient is 0.1 off


@pytest.mark.beside("tensorflow")  # whose scratch tab has the framework's optimizer
def test_the_rate_is_no_float32(adapter):
    """0.1 is none; frameworks' own optimizers keep the rate in one, ours do not."""
    at_its_rate(of(adapter, "scratch"))


@pytest.mark.has("fused")
def test_nor_is_it_one_in_the_fused_model(adapter):
    """All of which is ours."""
    at_its_rate(adapter.implementations["fused"])


def at_its_rate(implementation):
    """A step in float64 has the rate that was given."""
    case = CASE.astype("float64")
    steps = [implementation.train_step(case.params, case.X, case.Y, case.state, lr, 1e6)[0]
             for lr in (0.1, float(np.float32(0.1)))]
    expected = Reference().train_step(case.params, case.X, case.Y, case.state, 0.1, 1e6)[0]
    far = [max(abs(a - b).max() for a, b in zip(found, expected, strict=True)) for found in steps]
    # 500 epsilons of float64; the rate rounded to float32 is 1.5e-9 off.
    assert far[0] < 1e-13 < far[1], "the two rates lead to the same weights"


@pytest.mark.only("torch", "paddle")
@pytest.mark.parametrize("lr", [0.0, 0.5])
def test_sgd_takes_an_iterator_and_leaves_no_gradients(lr, adapter):
    """`net.parameters()` is one; a rate of zero, at the start of a warm-up, is one as well."""
    implementation = of(adapter, "scratch")
    net = implementation.net(CASE.params)
    given = list(net.params)
    for param, grad in zip(given, adapter.tensors(CASE.grads), strict=True):
        implementation.attach(param, grad)
    implementation.training.sgd(iter(given), lr, 1)
    for param, old, grad in zip(given, CASE.params, CASE.grads, strict=True):
        np.testing.assert_array_equal(adapter.array(param), old - np.float32(lr) * grad)
        assert param.grad is None or not adapter.array(param.grad).any()


@pytest.mark.beside("jax")  # whose parameters are new ones
def test_an_update_is_in_place(adapter, backend):
    """Whoever unpacked the parameters, or gave them to an optimizer, has the trained ones."""
    implementation = of(adapter, "scratch")
    net = implementation.net(CASE.params)
    given = list(net.trainable_variables if backend == "tensorflow" else net.params)
    step(implementation, net, CASE)
    for held, now, before in zip(given, implementation.read(net), CASE.params, strict=True):
        np.testing.assert_array_equal(adapter.array(held), now)
        assert not np.array_equal(now, before)


@pytest.mark.parametrize("label", LABELS)
def test_an_epoch_takes_its_minibatches_in_turn(label, adapter):
    """The same weights as of steps taken one by one, and each loss its own."""
    implementation = of(adapter, label)
    net, losses = implementation.net(CASE.params), []
    implementation.epoch(net, minibatches(adapter, CASE, 3), 0.5, True, losses)
    other, alone = implementation.net(CASE.params), []
    for minibatch in minibatches(adapter, CASE, 3):
        implementation.epoch(other, [minibatch], 0.5, True, alone)
    assert len({float(loss) for loss in losses}) == 3
    # Ten roundings of float32: a compiled epoch may round otherwise.
    np.testing.assert_allclose([float(a) for a in losses], [float(b) for b in alone], rtol=1e-6)
    for a, b in zip(weights(implementation, net), weights(implementation, other), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)
