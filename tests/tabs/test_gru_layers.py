"""The rows of docs/layers.md on the GRU: what each framework's own layer shows from the outside."""

import importlib
from functools import cache

import numpy as np
import pytest
from test_layers import names_of, table

V, H, B = 28, 64, 3

#: Names of a layer's raw weights: input, recurrent, and the biases.
RAW = {
    "numpy": ([f"W_x{k}" for k in "zrh"], [f"W_h{k}" for k in "zrh"], [[f"b_{k}" for k in "zrh"]]),
    "tensorflow": (["gru/gru_cell/kernel"], ["gru/gru_cell/recurrent_kernel"], [["gru/gru_cell/bias"]]),
    "jax": ([f"rnn/cell/i{g}/kernel" for g in "rzn"], [f"rnn/cell/h{g}/kernel" for g in "rzn"],
            [[f"rnn/cell/i{g}/bias" for g in "rzn"], ["rnn/cell/hn/bias"]]),
    "mxnet": (["rnn._unfused.0.i2h_weight"], ["rnn._unfused.0.h2h_weight"],
              [["rnn._unfused.0.i2h_bias"], ["rnn._unfused.0.h2h_bias"]]),
}
RAW["torch"] = RAW["paddle"] = (
    ["rnn.weight_ih_l0"], ["rnn.weight_hh_l0"], [["rnn.bias_ih_l0"], ["rnn.bias_hh_l0"]])


@pytest.fixture
def layer(adapter, backend):
    """The implementation around the framework's own layer; NumPy has but the reference."""
    return adapter.implementations["scratch" if backend == "numpy" else "concise"]


@pytest.fixture
def fresh(layer):
    """A net as a reader starts it; what a test puts into it the next one replaces."""
    return started(layer)


@cache
def started(layer):
    return layer.start("gru", V, H, 1)


def part(arrays, plain, names, block):
    """A gate's part of some weights: an array of its own, or a third of one axis; of a pair of biases the first."""
    if len(names) == 3:
        return arrays[plain[names[block]]]
    array = arrays[plain[names[0]]]
    array = array[0] if array.shape == (2, 3 * H) else array
    axis = array.shape.index(3 * H)
    return np.split(array, 3, axis)[block]  # a view


def after_one_step(layer, backend, net, state, **parts):
    """H after a step on zero inputs, of a net whose weights are zero but for some: `bias0` is block 0's first bias."""
    weights, plain = names_of(layer, backend, net)
    zero = {name: np.zeros_like(array) for name, array in weights.items()}
    for name, value in parts.items():
        names = RAW[backend][2][0] if name.startswith("bias") else RAW[backend][1]
        part(zero, plain, names, int(name[-1]))[:] = value
    if backend == "paddle":  # shows each array under two names; both have to say the same
        zero |= {name: zero["rnn." + name.rsplit(".", 1)[1] + "_l0"] for name in zero if ".cell." in name}
    layer.set_weights(net, zero)
    inputs = np.zeros((1, B, V), np.float32)
    if backend == "numpy":
        _, (last,) = net.forward_fn(inputs, (state,), net.params)
        return last
    run = (net.model, net.params) if backend == "jax" else (net,)
    _, last = layer.run(*run, layer.tensor(inputs), layer.state_in((state,)))
    return layer.state_out(last)[0]


def order_of(layer, backend, net):
    """Each gate's letter, by what its bias does to a state of a half: kept, on the way to one, or what it was."""
    half = np.full((B, H), 0.5, np.float32)
    return ["zrh"[[0.5, 0.25, 0.75].index(round(float(after_one_step(
        layer, backend, net, half, **{f"bias{block}": 30}).flat[0]), 4))] for block in range(3)]


def test_layer(backend):
    """The name of what is measured is that of a class or function that is there."""
    path = table()["GRU: layer"][backend].strip("`")
    module = {"numpy": "lstm_ref", "tensorflow": "tensorflow.keras.layers", "jax": "flax.linen",
              "mxnet": "mxnet.gluon.rnn", "torch": "torch.nn", "paddle": "paddle.nn"}[backend]
    assert hasattr(importlib.import_module(module), path.rsplit(".", 1)[-1])


def test_gate_order_and_the_old_states_share(layer, backend, fresh):
    """With the update gate open the state stays what it was, in all of them: Z is its share."""
    assert " ".join(order_of(layer, backend, fresh)) == table()["GRU: gate order"][backend]


def test_biases(layer, backend, fresh):
    """How many, and of what shape."""
    weights, plain = names_of(layer, backend, fresh)
    letters = {H: "h", 3 * H: "3h", 2: "2"}

    def said(names):
        shape = weights[plain[names[0]]].shape
        text = f"({', '.join(letters[n] for n in shape)}{',' if len(shape) == 1 else ''})"
        return f"{len(names)} × {text}" if len(names) > 1 else text

    assert " and ".join(map(said, RAW[backend][2])) == table()["GRU: biases"][backend]


@pytest.mark.only("torch", "tensorflow", "jax", "mxnet", "paddle")
def test_a_second_bias_is_not_read_as_one_of_the_books(layer, backend, fresh):
    """The reset gate multiplies it, so that no sum of the two is what the layer computes."""
    weights, plain = names_of(layer, backend, fresh)
    zero = {name: np.zeros_like(array) for name, array in weights.items()}
    for name in RAW[backend][2][-1]:
        zero[plain[name]][..., -1] = 0.5
    if backend == "paddle":
        zero |= {name: zero["rnn." + name.rsplit(".", 1)[1] + "_l0"] for name in zero if ".cell." in name}
    layer.set_weights(fresh, zero)
    with pytest.raises(ValueError, match=r"expected (zeros|none|reset_after=False), since .*book's 11 parameters"):
        layer.read(fresh)


def test_where_the_reset_gate_is(layer, backend, fresh):
    """Unit 0 alone has a state. Its own reset gate lets it through before the product, that of unit 1 after it."""
    order = order_of(layer, backend, fresh)
    state = np.zeros((B, H), np.float32)
    state[:, 0] = 0.5
    reset = np.full(H, -30, np.float32)
    reset[1] = 30
    new = after_one_step(layer, backend, fresh, state, **{
        f"bias{order.index('r')}": reset, f"bias{order.index('z')}": -30, f"weight{order.index('h')}": 1})
    through = {0.0: "before", round(float(np.tanh(0.5)), 3): "after"}[round(float(new[0, 1]), 3)]
    assert table()["GRU: reset gate"][backend] == f"{through} the product"
