"""What a tab starts from, for both of its cells: parameters, state, defaults, and the sizes that are refused."""

import numpy as np
import pytest

import lstm_ref as ref
from lstm_ref.parity.checks.statistics import FALSE_ALARM, independence_p_value, scale_p_value, shape_p_value

V, H, B = 28, 64, 3
MAKERS = {"get_lstm_params": ("vocab_size", "num_hiddens"), "get_params": ("vocab_size", "num_hiddens"),
          "init_lstm_state": ("batch_size", "num_hiddens"), "init_rnn_state": ("batch_size", "num_hiddens")}


def tab(adapter):
    """The functions of the tab."""
    scratch = adapter.implementations["scratch"]
    return getattr(scratch, "functions", None) or scratch._ref


@pytest.fixture
def rnn(adapter, monkeypatch):
    """The implementation, with the vanilla RNN's start where the judge asks for the LSTM's."""
    functions = tab(adapter)
    monkeypatch.setattr(functions, "get_lstm_params", functions.get_params)
    monkeypatch.setattr(functions, "init_lstm_state", functions.init_rnn_state)
    return adapter.implementations["scratch"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_params_of_the_rnn(dtype, rnn):
    """Five arrays: shapes, dtype, trainability, zero biases, weights from Normal(0, 0.01), all of their own."""
    drawn = rnn.get_lstm_params(V, H, np.dtype(dtype), 1)
    assert [array.shape for array in drawn.arrays] == list(ref.rnn_param_shapes(V, H).values())
    assert {str(array.dtype) for array in drawn.arrays} == {dtype}
    assert drawn.trainable == [True] * 5 and drawn.distinct
    assert not any(array.any() for array in drawn.arrays if array.ndim == 1)
    weights = [array.astype(float).ravel() / 0.01 for array in drawn.arrays if array.ndim == 2]
    pooled = np.concatenate(weights)
    assert min(shape_p_value(pooled), scale_p_value(pooled), independence_p_value(weights)) > FALSE_ALARM
    again, other = (rnn.get_lstm_params(V, H, np.dtype(dtype), seed).arrays for seed in (1, 2))
    assert all(map(np.array_equal, drawn.arrays, again))
    assert not np.array_equal(drawn.arrays[0], other[0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_state_of_the_rnn(dtype, rnn):
    """H alone, zeros."""
    state, = rnn.init_lstm_state(B, H, np.dtype(dtype)).arrays
    assert state.shape == (B, H) and str(state.dtype) == dtype and not state.any()


def make(adapter, name, sizes, device=None):
    """What a function of the tab makes; the other arguments are those that the tab wants."""
    first, last = [], []
    if type(adapter).__module__ == "backends.jax.adapter" and name.startswith("get"):
        import jax

        first = [jax.random.key(0)]
    if type(adapter).__module__ in ("backends.torch.adapter", "backends.mxnet.adapter"):
        last = [device or adapter.device]
    return getattr(tab(adapter), name)(*first, *sizes, *last)


@pytest.mark.parametrize("name", MAKERS)
def test_the_default_is_float32(name, adapter):
    """Whatever the framework's."""
    made = make(adapter, name, (2, 3))
    assert {str(adapter.array(tensor).dtype) for tensor in made} == {"float32"}


@pytest.mark.parametrize("name", MAKERS)
def test_sizes_are_refused(name, adapter):
    """Each by its name, in the words of the reference."""
    for place, size in enumerate(MAKERS[name]):
        sizes = [2, 2]
        sizes[place] = 0
        with pytest.raises(ValueError, match=f"^{size}: expected an integer of at least 1, got 0$"):
            make(adapter, name, sizes)


@pytest.mark.only("torch", "mxnet")
@pytest.mark.parametrize("name", MAKERS)
def test_the_device_is_the_one_that_is_named(name, request, adapter):
    """Where the tab takes one: PyTorch's device without memory, MXNet's second name for the host."""
    if request.config.option.backend == "torch":
        import torch

        assert {tensor.device.type for tensor in make(adapter, name, (2, 3), torch.device("meta"))} == {"meta"}
    if request.config.option.backend == "mxnet":
        from mxnet import npx

        assert {str(tensor.ctx) for tensor in make(adapter, name, (2, 3), npx.cpu(1))} == {"cpu(1)"}
