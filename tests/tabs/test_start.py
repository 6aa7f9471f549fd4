"""What a tab's functions that begin something give by default, and the sizes that are refused, for all of its cells."""

import pytest

V, H, B = 28, 64, 3
MAKERS = {**dict.fromkeys(("get_lstm_params", "get_params", "get_gru_params"), ("vocab_size", "num_hiddens")),
          **dict.fromkeys(("init_lstm_state", "init_rnn_state", "init_gru_state"), ("batch_size", "num_hiddens"))}


def tab(adapter):
    """The functions of the tab."""
    scratch = adapter.implementations["scratch"]
    return getattr(scratch, "functions", None) or scratch._ref


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
