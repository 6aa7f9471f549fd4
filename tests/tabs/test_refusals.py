"""What the judge's table `bad_calls` can't hand over: the other functions of a namespace, in the reference's words."""

import importlib
import inspect
import re
from types import SimpleNamespace

import numpy as np
import pytest
from training_code import of

from lstm_ref.parity.cases import make
from lstm_ref.parity.checks.facts import BAD_RATES, refusal
from lstm_ref.parity.reference import Reference
from lstm_ref.text import Vocab

CASE = make("ragged").astype("float32")
NUM_STEPS, BATCH, VOCAB_SIZE, NUM_HIDDENS = CASE.sizes
H, C = CASE.state
SHAPE = rf"expected shape \(batch_size, num_hiddens\) = \({BATCH}, {NUM_HIDDENS}\), got"
BAD_STATES = {
    "one": ((H,), r"state: expected the pair \(H, C\), got 1 items"),
    "three": ([H, C, C], r"state: expected the pair \(H, C\), got 3 items"),
    "no sequence": (None, r"state: expected the pair \(H, C\), got NoneType"),
    "another batch": ((H[1:], C[1:]), rf"state\[0\] \(H\): {SHAPE}"),
    "other units": ((H[:, 1:], C[:, 1:]), rf"state\[0\] \(H\): {SHAPE}"),
    "two sizes": ((H, C[1:]), rf"state\[1\] \(C\): {SHAPE}"),
    "two dtypes": ((H, C.astype("float64")), r"state\[1\] \(C\): expected dtype float32, that of inputs, got float64"),
    "another dtype": ((H.astype("float64"), C.astype("float64")), r"state\[0\] \(H\): expected dtype float32"),
}


def tensors(adapter, state):
    return state if state is None else type(state)(adapter.tensors(state))


@pytest.mark.parametrize(("state", "words"), BAD_STATES.values(), ids=BAD_STATES)
def test_a_fused_model_refuses_a_state(state, words, adapter):
    """Before anything is computed, when it is trained and when it is called."""
    net = adapter.implementations["fused"].net(CASE.params)
    X, Y = adapter.tensors((CASE.X, CASE.Y))
    for call in (lambda state: net.train_step(X, Y, state, 1.0), lambda state: net(X, state)):
        with pytest.raises(ValueError, match=f"^{words}"):
            call(tensors(adapter, state))


@pytest.mark.only("torch", "mxnet", "paddle")  # the others compute with NumPy's arrays as with their own
@pytest.mark.parametrize("name", ["scratch", "concise", "fused"])
def test_the_arrays_of_numpy_are_refused(name, adapter, backend):
    """By every function, before the framework says it in words of its own; one among tensors, too."""
    module, training = (importlib.import_module(f"backends.{backend}.{each}") for each in (name, "training"))
    words = adapter.implementations["fused"].functions.RNNModelFused.tensor
    params, state, tensor = adapter.tensors(CASE.params), adapter.tensors(CASE.state), adapter.tensor(CASE.inputs)
    targets = CASE.Y.T.reshape(-1)
    calls = {
        "inputs": lambda: module.lstm(CASE.inputs, state, params),
        "state[1] (C)": lambda: module.lstm(tensor, (state[0], CASE.state[1]), params),
        "params[13] (b_q)": lambda: module.lstm(tensor, state, [*params[:-1], CASE.params.b_q]),
        "outputs": lambda: training.loss(np.zeros((len(targets), VOCAB_SIZE), np.float32), targets),
        "targets": lambda: training.loss(tensor.reshape((-1, VOCAB_SIZE)), targets),
        "X": lambda: adapter.implementations[name].caller(adapter.implementations[name].net(CASE.params))(
            CASE.X, adapter.implementations[name].state_in(CASE.state)),
    }
    if name != "scratch":
        make_model = module.from_params if name == "concise" else module.RNNModelFused
        calls["params[0] (W_xi)"] = lambda: make_model(CASE.params)
    for argument, call in calls.items():
        with pytest.raises(ValueError, match=f"^{re.escape(argument)}: expected {words}, got numpy.ndarray; convert"):
            call()


@pytest.mark.only("torch", "mxnet", "paddle")
def test_clipping_wants_a_net(adapter, backend):
    """Not its parameters or gradients."""
    words = r"^net: expected a module of the framework, or a model with \.params, got tuple$"
    with pytest.raises(ValueError, match=words):
        importlib.import_module(f"backends.{backend}").grad_clipping(adapter.tensors(CASE.params), 1.0)


@pytest.mark.only("tensorflow")
def test_an_update_wants_variables(adapter):
    """Which it changes in place."""
    tensors = adapter.tensors(CASE.params)
    with pytest.raises(ValueError, match=r"^params\[0\]: expected a variable, with assign_sub, got EagerTensor$"):
        importlib.import_module("backends.tensorflow").sgd(tensors, tensors, 0.5, 1)


@pytest.mark.parametrize("lr", BAD_RATES)
def test_a_fused_step_refuses_a_rate(lr, adapter):
    """Which elsewhere belongs to the optimizer, or to `sgd`."""
    def call(implementation):
        return implementation.train_step(CASE.params, CASE.X, CASE.Y, CASE.state, lr, 1.0)

    expected = refusal(call, Reference())
    assert expected.startswith("ValueError «lr: expected a finite number")
    assert refusal(call, adapter.implementations["fused"]) == expected


@pytest.mark.parametrize("label", ["scratch", "fused"])
def test_gradients_that_can_be_read_only_once_are_refused(label, adapter, backend):
    """Where they are handed over; elsewhere they are the model's own."""
    grads = (grad for grad in adapter.tensors(CASE.grads))
    if label == "fused":
        clip = adapter.implementations[label].functions.RNNModelFused.clipped
    elif backend in ("numpy", "tensorflow", "jax"):
        clip = importlib.import_module(f"backends.{backend}").grad_clipping
    else:
        return
    with pytest.raises(ValueError, match="grads: expected a list or tuple of arrays, got generator"):
        clip(grads, 1.0)


@pytest.mark.only("numpy", "tensorflow", "jax")
def test_an_update_refuses_gradients_that_do_not_fit(adapter, backend):
    """Of another shape, which would be broadcast, or too few."""
    params, grads = adapter.tensors(CASE.params), adapter.tensors(CASE.grads)
    sgd = importlib.import_module(f"backends.{backend}").sgd
    with pytest.raises(ValueError, match=rf"grads\[2\]: .* of its parameter = \({NUM_HIDDENS},\), got \(1,\)"):
        sgd(params, [*grads[:2], grads[2][:1], *grads[3:]], 0.5, 1)
    with pytest.raises(ValueError, match="grads: expected 14 arrays, one for each parameter, got 13"):
        sgd(params, grads[:-1], 0.5, 1)


def start(adapter, backend, name, **arguments):
    """A function of the namespace that begins something, with what it wants besides."""
    function = getattr(importlib.import_module(f"backends.{backend}"), name)
    arguments = {"vocab_size": VOCAB_SIZE, "num_hiddens": NUM_HIDDENS, "batch_size": BATCH, "device": adapter.device,
                 "dtype": adapter.dtype(np.float32)} | arguments
    if backend == "jax":
        import jax

        arguments["key"] = jax.random.key(0)
    wanted = inspect.signature(function).parameters
    return function(**{key: value for key, value in arguments.items() if key in wanted})


@pytest.mark.parametrize("name", ["get_lstm_params", "init_lstm_state", "get_params", "init_rnn_state"])
def test_a_start_in_integers_is_refused(name, adapter, backend):
    """Sizes and dtypes, of the framework's own kind or NumPy's; each floating one that the framework has is fine."""
    for dtype in (np.dtype(int), adapter.dtype(np.dtype(int)), "int64"):
        with pytest.raises(ValueError, match=r"^dtype: expected a floating one, got int64$"):
            start(adapter, backend, name, dtype=dtype)
    size = "vocab_size" if name.startswith("get") else "batch_size"
    with pytest.raises(ValueError, match=f"^{size}: expected an integer of at least 1, got 0$"):
        start(adapter, backend, name, **{size: 0})
    for dtype in ("float32", "float64"):
        assert start(adapter, backend, name, dtype=adapter.dtype(np.dtype(dtype)))


@pytest.mark.has("concise")
def test_a_layer_for_no_tokens_is_refused(adapter):
    """By the model around it."""
    implementation = of(adapter, "concise")
    net = implementation.net(CASE.params)
    with pytest.raises(ValueError, match=r"^vocab_size: expected an integer of at least 1, got 0$"):
        implementation.functions.RNNModel(getattr(net, "model", net).rnn, 0)


@pytest.mark.parametrize("label", ["scratch", "concise", "fused"])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "int64", "float32"])
def test_tokens_of_any_width_are_the_same_tokens(dtype, label, adapter, backend):
    """Whole floats as well: no mask, no other rows. MXNet has no int16; NumPy's tab is the reference."""
    if (backend, dtype) == ("mxnet", "int16") or (backend, label) == ("numpy", "scratch"):
        return
    implementation = adapter.implementations[label]
    net, model = (implementation.net(CASE.params) for _ in range(2))
    X, Y, state = adapter.tensor(CASE.X), adapter.tensor(CASE.Y), implementation.state_in(CASE.state)
    narrow = adapter.tensor(CASE.X.astype(dtype)), adapter.tensor(CASE.Y.astype(dtype))
    expected, found = (implementation.caller(net)(tokens, state)[0] for tokens in (X, narrow[0]))
    np.testing.assert_array_equal(adapter.array(found), adapter.array(expected))
    if label == "fused":
        losses = [adapter.array(each.train_step(*tokens, state, 0.5)[0])
                  for each, tokens in ((net, (X, Y)), (model, narrow))]
        assert losses[0] == losses[1]


@pytest.mark.parametrize("label", ["scratch", "fused"])
def test_a_model_casts_no_state(label, adapter, backend):
    """Of another precision than its parameters'. What a framework's layer does there is its own affair."""
    if backend == "numpy" and label == "scratch":
        return
    implementation = adapter.implementations[label]
    net = implementation.net(CASE.params)
    state = implementation.state_in(tuple(array.astype("float64") for array in CASE.state))
    with pytest.raises(ValueError, match=r"^state\[0\] \(H\): expected dtype float32"):
        implementation.caller(net)(adapter.tensor(CASE.X), state)


@pytest.mark.parametrize("label", ["concise", "fused"])
def test_tokens_are_a_table(label, adapter):
    """A layer may take one axis for a sequence without a batch. Keras puts words of its own around the refusal."""
    implementation = adapter.implementations[label]
    net, state = implementation.net(CASE.params), implementation.state_in(CASE.state)
    for X in (CASE.X[0], CASE.X[0, 0], CASE.X[None]):
        with pytest.raises(ValueError, match=r"X: expected shape \(batch_size, num_steps\), got \("):
            implementation.caller(net)(adapter.tensor(np.array(X)), state)


@pytest.mark.only("torch", "mxnet", "paddle")
@pytest.mark.parametrize("label", ["scratch", "concise"])
def test_nothing_is_updated_without_gradients(label, adapter):
    """Clipping and update before the backward pass, and of a net that has no parameters."""
    implementation = adapter.implementations[label]
    training, net = implementation.training, implementation.net(CASE.params)
    params = list(training.trainable(net))
    if hasattr(params[0], "attach_grad"):  # MXNet, which has zeros for gradients
        params[-1] = params[-1].detach()
    else:
        for param in params[:-1]:
            implementation.attach(param, param)
    last = len(params) - 1
    words = rf"^params\[{last}\]: expected a parameter with a gradient, got none; call backward first$"
    before = [array.copy() for array in implementation.read(net)]
    with pytest.raises(ValueError, match=words):
        training.sgd(params, 0.5, 1)
    assert all(map(np.array_equal, before, implementation.read(net)))
    with pytest.raises(ValueError, match=words):
        training.grad_clipping(SimpleNamespace(params=params), 1)
    for none, words in (((), "at least one parameter"), (iter(()), "at least one"), (None, "a list or")):
        with pytest.raises(ValueError, match=f"^params: expected {words}"):
            training.sgd(none, 0.5, 1)


@pytest.mark.parametrize("label", ["scratch", "concise", "fused"])
def test_training_asks_for_its_vocabulary_first(label, adapter, backend):
    """Before an epoch, not after all of them. NumPy's tab is the reference."""
    if (backend, label) == ("numpy", "scratch"):
        return
    implementation = adapter.implementations[label]
    with pytest.raises(ValueError, match=f"^vocab: expected {VOCAB_SIZE} tokens, as many as the net has, got 3$"):
        implementation.train_ch8(implementation.net(CASE.params), None, Vocab("ab"), 0.5, 1)
    with pytest.raises(ValueError, match=r"^vocab: expected the characters of 'time traveller'.* got none for 't'$"):
        implementation.train_ch8(implementation.net(CASE.params), None, Vocab("abcdef"), 0.5, 1)


@pytest.mark.parametrize("dtype", [np.complex64, np.int32])
def test_a_fused_model_is_of_real_numbers(dtype, adapter, backend):
    """Which complex ones would pass for in some frameworks; MXNet has none."""
    if (backend, dtype) == ("mxnet", np.complex64):
        return
    functions = adapter.implementations["fused"].functions
    words = rf"^params\[0\] \(W_xi\): expected an array of floating-point numbers, got {np.dtype(dtype)}$"
    with pytest.raises(ValueError, match=words):
        functions.RNNModelFused([adapter.tensor(np.ones(param.shape, dtype)) for param in CASE.params])
