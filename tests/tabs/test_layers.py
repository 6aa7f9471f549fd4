"""docs/layers.md, cell by cell: what the framework itself shows, not what its documentation says."""

import importlib
import math
from functools import cache
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

import lstm_ref as ref

DOC = Path(__file__).parents[2] / "docs" / "layers.md"
V, H, B = 28, 64, 3
GATES = "ifco"

#: Names of the raw weights of each model: input, recurrent, biases, output. Several where a gate has its own.
RAW = {
    "numpy": ([f"W_x{k}" for k in "ifoc"], [f"W_h{k}" for k in "ifoc"], [[f"b_{k}" for k in "ifoc"]], "W_hq"),
    "torch": (["rnn.weight_ih_l0"], ["rnn.weight_hh_l0"], [["rnn.bias_ih_l0"], ["rnn.bias_hh_l0"]], "linear.weight"),
    "tensorflow": (["lstm/lstm_cell/kernel"], ["lstm/lstm_cell/recurrent_kernel"], [["lstm/lstm_cell/bias"]],
                   "dense/kernel"),
    "jax": ([f"rnn/cell/i{g}/kernel" for g in "ifgo"], [f"rnn/cell/h{g}/kernel" for g in "ifgo"],
            [[f"rnn/cell/h{g}/bias" for g in "ifgo"]], "dense/kernel"),
    "mxnet": (["rnn._unfused.0.i2h_weight"], ["rnn._unfused.0.h2h_weight"],
              [["rnn._unfused.0.i2h_bias"], ["rnn._unfused.0.h2h_bias"]], "dense.weight"),
    "paddle": (["rnn.weight_ih_l0"], ["rnn.weight_hh_l0"], [["rnn.bias_ih_l0"], ["rnn.bias_hh_l0"]], "linear.weight"),
}


@pytest.fixture
def layer(adapter, backend):
    """The implementation around the framework's own layer; NumPy has but the reference."""
    return adapter.implementations["scratch" if backend == "numpy" else "concise"]


def table():
    """The cells of the document: {row: {backend: text}}."""
    lines = [[cell.strip() for cell in line.strip("|\n").split("|")]
             for line in DOC.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    header, _, *rows = lines
    return {row[0]: dict(zip(header[1:], row[1:], strict=True)) for row in rows}


def names_of(layer, backend, net):
    """Raw names, with the number that Keras may add to a layer's removed."""
    weights = layer.weights(net)
    if backend != "tensorflow":
        return weights, dict(zip(weights, weights, strict=True))
    plain = {"/".join(part.rstrip("_0123456789") for part in name.split("/")): name for name in weights}
    return weights, plain


def symbols(shape):
    letters = {V: "V", H: "h", 4 * H: "4h", B: "B", 1: "1"}
    return f"({', '.join(letters[n] for n in shape)}{',' if len(shape) == 1 else ''})"


def several(arrays):
    return f"{len(arrays)} × {symbols(arrays[0].shape)}" if len(arrays) > 1 else symbols(arrays[0].shape)


@cache
def fresh(layer):
    net = layer.start("lstm", V, H, 1)
    return net, layer.weights(net)


def start(layer):
    """A net as it starts; one is made and put back to its start, since making one takes a second in some frameworks."""
    net, weights = fresh(layer)
    layer.set_weights(net, weights)
    return net


def one_step(layer, backend, net, first, second):
    """The two states after one step on zero inputs, in the layout and order of the layer."""
    shaped = [np.broadcast_to(np.float32(value), state.shape).copy()
              for value, state in zip((first, second), raw_state(layer, net), strict=True)]
    if backend == "numpy":
        _, last = net.forward_fn(np.zeros((1, B, V), np.float32), shaped, net.params)
        return last
    inputs = layer.tensor(np.zeros((1, B, V), np.float32))
    kind = type(layer.begin_state(net, B))
    state = kind(layer.tensor(array) for array in shaped)
    run = (net.model, net.params) if backend == "jax" else (net,)
    _, last = layer.run(*run, inputs, state)
    return layer.arrays(list(last))


def raw_state(layer, net):
    """The initial state as the layer has it."""
    if hasattr(layer, "arrays"):
        return layer.arrays(list(layer.begin_state(net, B)))
    return list(net.begin_state(B))


def with_only(layer, backend, names, block):
    """A net whose weights are zero but for one gate's block of its first bias, which is huge."""
    net = start(layer)
    weights, plain = names_of(layer, backend, net)
    zero = {name: np.zeros_like(array) for name, array in weights.items()}
    if len(names) == 4:
        zero[plain[names[block]]][:] = 30
    elif block is not None:
        zero[plain[names[0]]][block * H:(block + 1) * H] = 30
    # Paddle shows each array under two names that share it; both have to say the same.
    if backend == "paddle":
        for name in zero:
            if ".cell." in name:
                zero[name] = zero["rnn." + name.rsplit(".", 1)[1] + "_l0"]
    layer.set_weights(net, zero)
    return net


def test_layer(backend):
    """The name of what is measured is that of a class or function that is there."""
    path = table()["layer"][backend].strip("`")
    module = {"numpy": "lstm_ref", "tensorflow": "tensorflow.keras.layers", "jax": "flax.linen",
              "mxnet": "mxnet.gluon.rnn", "torch": "torch.nn", "paddle": "paddle.nn"}[backend]
    assert hasattr(importlib.import_module(module), path.rsplit(".", 1)[-1])


def test_gate_order(layer, backend):
    """Each block of the bias in turn is driven wide open; C starts at a half."""
    order = ""
    names = RAW[backend][2][0]
    for block in range(4):
        net = with_only(layer, backend, names, block)
        H_first = table()["state"][backend] == "(H, C)"
        states = one_step(layer, backend, net, *((0, 0.5) if H_first else (0.5, 0)))
        hidden, cell = states if H_first else states[::-1]
        hidden, cell = float(hidden.flat[0]), float(cell.flat[0])
        at_rest = 0.25  # F * C with F a half
        gate = {0.5: "f", 0.75: "c", at_rest: "o" if hidden > 0.75 * math.tanh(at_rest) else "i"}[round(cell, 4)]
        order += gate
    assert " ".join(order) == table()["gate order"][backend]


@pytest.mark.parametrize("row", ["input weights", "recurrent weights", "biases", "output weights"])
def test_shapes(row, layer, backend):
    """Shapes and numbers of the arrays, and nothing left over."""
    net = start(layer)
    weights, plain = names_of(layer, backend, net)
    input_names, recurrent, biases, output = RAW[backend]
    measured = {
        "input weights": several([weights[plain[name]] for name in input_names]),
        "recurrent weights": several([weights[plain[name]] for name in recurrent]),
        "biases": " and ".join(several([weights[plain[name]] for name in bias]) for bias in biases),
        "output weights": symbols(weights[plain[output]].shape),
    }
    assert measured[row] == table()[row][backend]
    known = {plain[name] for name in (*input_names, *recurrent, *chain(*biases), output)}
    left = {name for name in weights if name not in known and ".cell." not in name}
    assert len(left) == 1, f"only the output layer's bias is to be left: {left}"


def test_state_order(layer, backend):
    """With all weights zero, half of C is kept and half of H's tanh of it shows: what comes of (0, 1/2)?"""
    net = with_only(layer, backend, RAW[backend][2][0][:1], None)
    first, second = (float(state.flat[0]) for state in one_step(layer, backend, net, 0.0, 0.5))
    order = "(H, C)" if (round(second, 4), first > 0) == (0.25, True) else "(C, H)" if first == second == 0 else "?"
    assert order == table()["state"][backend]


def test_state_shape(layer, backend):
    """Of each of the two, zeros."""
    states = raw_state(layer, start(layer))
    assert {symbols(state.shape) for state in states} == {table()["one state's shape"][backend]}
    assert not any(state.any() for state in states)


def run_default(backend, inputs):
    """The outputs of a default layer of 5 units, for NumPy inputs (2, 3, 4)."""
    if backend == "numpy":
        params = ref.get_lstm_params(4, 5, 0)
        hidden = ref.lstm(inputs, ref.init_lstm_state(inputs.shape[1], 5), params)[0]
        return (hidden * 1e6).reshape(*inputs.shape[:2], 4)
    if backend == "torch":
        import torch

        torch.manual_seed(0)
        return torch.nn.LSTM(4, 5)(torch.tensor(inputs))[0].detach().numpy()
    if backend == "tensorflow":
        import tensorflow as tf

        tf.keras.utils.set_random_seed(0)
        return tf.keras.layers.LSTM(5, return_sequences=True)(inputs).numpy()
    if backend == "jax":
        import jax
        from flax import linen

        layer = linen.RNN(linen.OptimizedLSTMCell(5))
        return np.asarray(layer.apply(layer.init(jax.random.key(0), inputs), inputs))
    if backend == "mxnet":
        import mxnet

        mxnet.random.seed(0)
        layer = mxnet.gluon.rnn.LSTM(5)
        layer.initialize()
        return layer(mxnet.np.array(inputs)).asnumpy()
    import paddle

    paddle.seed(0)
    return paddle.nn.LSTM(4, 5)(paddle.to_tensor(inputs))[0].numpy()


def test_inputs(backend):
    """An axis is time when what comes first on it shows in what comes later."""
    inputs = np.random.default_rng(0).normal(0, 1, (2, 3, 4)).astype(np.float32)
    changed = inputs.copy()
    changed[0, 0] += 1
    moved = np.abs(run_default(backend, changed) - run_default(backend, inputs)).max(axis=2) > 0
    assert moved[0, 0]
    first, second = moved[1, 0], moved[0, 1]
    assert {(True, False): "(T, B, V)", (False, True): "(B, T, V)"}[first, second] == table()["inputs, by default"][
        backend]


def uniform(array, bound):
    flat = np.sort(array.ravel()) / bound
    ranks = (np.arange(flat.size) + 0.5) / flat.size
    return 0.95 < flat[-1] <= 1.000001 and np.abs((flat + 1) / 2 - ranks).max() < 2.5 / math.sqrt(flat.size)


def orthogonal(array):
    if array.ndim < 2:
        return False
    small = array if array.shape[0] <= array.shape[1] else array.T
    # A float32 QR of 64 rows is orthogonal to about 1e-6; random rows, 0.1 apart, are not to 1e-4.
    return np.allclose(small @ small.T, np.eye(len(small)), atol=1e-4)


def normal(array, deviation, longest):
    return abs(array.std() / deviation - 1) < 0.05 and np.abs(array).max() <= longest * deviation


#: What a start looks like, and how it is told.
STARTS = {
    "0": lambda a: not a.any(),
    "0, forget gate 1": lambda a: (a.shape == (4 * H,) and (a[H:2 * H] == 1).all() and not a[:H].any()
                                   and not a[2 * H:].any()),
    "uniform ±1/√h": lambda a: uniform(a, 1 / math.sqrt(H)),
    "uniform ±√(6/(V + 4h))": lambda a: uniform(a, math.sqrt(6 / (V + 4 * H))),
    "uniform ±0.07": lambda a: uniform(a, 0.07),
    "orthogonal": orthogonal,
    # cut off at two of its own deviations, which leaves 0.8796 of the deviation
    "truncated normal, 1/√V": lambda a: normal(a, 1 / math.sqrt(V), 2 / 0.8796) and a.ndim == 2,
    "Normal(0, 0.01)": lambda a: normal(a, 0.01, 6),
}


@pytest.mark.parametrize(("row", "place"), [("input weights start", 0), ("recurrent weights start", 1),
                                            ("biases start", 2)])
def test_starts(row, place, layer, backend):
    """Exactly one description of `STARTS` fits all arrays, and it is the document's."""
    net = start(layer)
    if backend == "mxnet":  # the adapter starts it as the book does; here Gluon's own start is asked for
        net = layer.start("lstm", V, H, 1)
        net.initialize(force_reinit=True)
    weights, plain = names_of(layer, backend, net)
    names = RAW[backend][place] if place < 2 else [*chain(*RAW[backend][2])]
    fitting = [text for text, fits in STARTS.items() if all(fits(weights[plain[name]]) for name in names)]
    assert fitting == [table()[row][backend]]


def test_two_biases_move_twice_as_far(layer, backend):
    """As the book's concise section trains them: each moves by the whole gradient, so their sum by twice that."""
    net = start(layer)
    before, plain = names_of(layer, backend, net)
    X = np.random.default_rng(0).integers(0, V, (B, 5))
    layer.epoch(net, [layer.tensors((X, X))] if hasattr(layer, "tensors") else [(X, X)], 0.1, False)
    after = layer.weights(net)
    moved = [after[plain[names[0]]] - before[plain[names[0]]] for names in RAW[backend][2]]
    assert len(moved) == table()["biases"][backend].count(" and ") + 1
    assert np.abs(moved[0]).max() > 0
    # Each is a difference of two float32 numbers below one: half an epsilon of either.
    np.testing.assert_allclose(moved[-1], moved[0], rtol=0, atol=2 * 2.0**-24)


def test_the_document_has_a_row_for_every_test():
    """A row that no test reads would be a claim without evidence."""
    assert list(table()) == ["layer", "gate order", "input weights", "recurrent weights", "biases", "output weights",
                             "inputs, by default", "state", "one state's shape", "input weights start",
                             "recurrent weights start", "biases start", "GRU: layer", "GRU: gate order", "GRU: biases",
                             "GRU: reset gate"]
