"""The namespace `d2l` of a tab: each name is the function that is judged."""

import importlib
import itertools

import numpy as np
import pytest

pytestmark = pytest.mark.beside("numpy")
OF = {"scratch": ("RNNModelScratch", "get_gru_params", "get_lstm_params", "get_params", "gru", "init_gru_state",
                  "init_lstm_state", "init_rnn_state", "lstm", "rnn"),
      "training": ("grad_clipping", "loss", "predict_ch8", "sgd", "train_ch8", "train_epoch_ch8", "train_step_ch8"),
      "concise": ("RNNModel",)}


@pytest.fixture
def d2l(backend):
    return importlib.import_module(f"backends.{backend}")


@pytest.mark.parametrize("room", OF)
def test_each_name_is_what_is_judged(room, d2l, backend):
    """Not a namesake of another module."""
    module = importlib.import_module(f"backends.{backend}.{room}")
    for name in OF[room]:
        assert getattr(d2l, name) is getattr(module, name), name
    assert {*OF[room]} <= {*d2l.__all__}


def test_the_short_names(d2l, adapter):
    """Called once each, with what a reader gives them."""
    Y = adapter.tensor(np.arange(6).reshape(2, 3))
    assert int(d2l.size(Y)) == 6
    turned = d2l.reshape(adapter.tensor(np.arange(6).reshape(2, 3).T.copy()), (-1,))
    assert adapter.array(turned).tolist() == [0, 3, 1, 4, 2, 5]
    assert adapter.array(d2l.zeros((2, 3))).tolist() == [[0, 0, 0]] * 2


@pytest.mark.only("torch", "paddle")
def test_what_is_turned_can_be_reshaped(d2l, adapter):
    """`reshape(Y.T, (-1,))` of the book."""
    Y = adapter.tensor(np.arange(6).reshape(2, 3))
    assert adapter.array(d2l.reshape(Y.T, (-1,))).tolist() == [0, 3, 1, 4, 2, 5]


def test_the_loader_samples_as_it_is_told(d2l, adapter):
    """Sequential minibatches continue each other; random ones do not."""
    def continues(use_random_iter):
        train_iter, _ = d2l.load_data_time_machine(2, 5, use_random_iter=use_random_iter, max_tokens=400,
                                                   source="embedded")
        pairs = [(adapter.array(X), adapter.array(Y)) for X, Y in train_iter]
        return all((Y[:, -1] == X[:, 0]).all() for (_, Y), (X, _) in itertools.pairwise(pairs))

    assert continues(False) and not continues(True)


@pytest.mark.only("torch")
def test_a_gpu_is_taken_by_its_number(d2l, monkeypatch):
    """And the CPU where there are fewer."""
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [str(d2l.try_gpu(i)) for i in range(3)] == ["cuda:0", "cuda:1", "cpu"]


@pytest.mark.only("torch")
def test_parameters_have_the_default_dtype(d2l):
    """PyTorch's, where none is given."""
    import torch

    torch.set_default_dtype(torch.float64)
    try:
        for draw in (d2l.get_lstm_params, d2l.get_gru_params, d2l.get_params):
            assert {param.dtype for param in draw(5, 4, "cpu")} == {torch.float64}
    finally:
        torch.set_default_dtype(torch.float32)
