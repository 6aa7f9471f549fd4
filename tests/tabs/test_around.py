"""`RNNModel` around any layer of PyTorch: it adds the output layer, and changes nothing of what it is given."""

import copy
import importlib

import numpy as np
import pytest

import lstm_ref as ref
from lstm_ref.gru import get_gru_params
from lstm_ref.parity.reference import Reference
from lstm_ref.rnn import RNNParams, get_params, rnn

pytestmark = pytest.mark.only("torch")
BATCH, NUM_STEPS, VOCAB_SIZE, NUM_HIDDENS = 3, 5, 7, 4
LAYERS = {
    "LSTM": {}, "GRU": {}, "RNN": {}, "RNN of relu": {"nonlinearity": "relu"}, "LSTM of two layers": {"num_layers": 2},
    "LSTM of two layers, dropped": {"num_layers": 2, "dropout": 0.5}, "LSTM of two directions": {"bidirectional": True},
    "GRU of both": {"num_layers": 2, "bidirectional": True},
}


@pytest.fixture
def torch():
    return importlib.import_module("torch")


@pytest.fixture
def model():
    return importlib.import_module("backends.torch.concise").RNNModel


def layer_of(torch, name, kind=None):
    """A layer, drawn."""
    return (kind or getattr(torch.nn, name.split()[0]))(VOCAB_SIZE, NUM_HIDDENS, **LAYERS[name])


def tokens(torch, seed=0):
    """X, (batch_size, num_steps)."""
    return torch.tensor(np.random.default_rng(seed).integers(0, VOCAB_SIZE, (BATCH, NUM_STEPS)))


@pytest.mark.parametrize("name", LAYERS)
def test_the_layer_stays_what_it_is(name, torch, model):
    """Its weights, dropout and nonlinearity; and the output layer of every model is drawn anew."""
    layer = layer_of(torch, name)
    before, settings = copy.deepcopy(layer.state_dict()), repr(layer)
    one, other = model(layer, VOCAB_SIZE), model(layer_of(torch, name), VOCAB_SIZE)
    assert one.rnn is layer and repr(layer) == settings
    assert all(torch.equal(array, layer.state_dict()[key]) for key, array in before.items())
    assert not torch.equal(one.linear.weight, other.linear.weight)


@pytest.mark.parametrize("name", LAYERS)
def test_it_computes_what_the_layers_compute_one_after_the_other(name, torch, model):
    """From a state of zeros, for each layer and direction; over two calls, the state carried."""
    net = model(layer_of(torch, name), VOCAB_SIZE).eval()
    state = net.begin_state(batch_size=BATCH, device="cpu")
    parts = state if isinstance(state, tuple) else (state,)
    depth = LAYERS[name].get("num_layers", 1) * (2 if LAYERS[name].get("bidirectional") else 1)
    assert isinstance(state, tuple) == name.startswith("LSTM")
    assert all(part.shape == (depth, BATCH, NUM_HIDDENS) and not part.any() for part in parts)
    for seed in (0, 1):
        X = torch.nn.functional.one_hot(tokens(torch, seed).T, VOCAB_SIZE).float()
        Y, expected = net.rnn(X, state)
        outputs, state = net(tokens(torch, seed), state)
        assert torch.equal(outputs, net.linear(Y.reshape(-1, Y.shape[-1])))
        for a, b in zip(state, expected, strict=True):
            assert torch.equal(a, b)


def test_a_subclass_is_the_same_kind(torch, model):
    """One that drops weights, say; and another precision is followed."""
    net = model(layer_of(torch, "LSTM", type("Dropping", (torch.nn.LSTM,), {})), VOCAB_SIZE)
    assert len(net.begin_state(batch_size=BATCH, device="cpu")) == 2
    assert {part.dtype for part in net.double().begin_state(batch_size=BATCH, device="cpu")} == {torch.float64}


@pytest.mark.parametrize(("name", "kind", "forward"), [
    ("LSTM", ref.LSTMParams, ref.lstm), ("RNN", RNNParams, rnn)])
def test_a_fresh_layer_is_read_with_both_biases(name, kind, forward, torch, model):
    """The parameters compute what it computes, and the gradients are those by them."""
    functions = importlib.import_module("backends.torch.concise")
    net = model(layer_of(torch, name), VOCAB_SIZE).double()
    state, X, Y = net.begin_state(batch_size=BATCH, device="cpu"), tokens(torch), tokens(torch, 1)
    outputs, _ = net(X, state)
    torch.nn.functional.cross_entropy(outputs, Y.T.reshape(-1)).backward()
    params = kind(*(part.detach().numpy() for part in functions.lstm_params(net)))
    zeros = tuple(np.zeros((BATCH, NUM_HIDDENS)) for _ in (state if isinstance(state, tuple) else (state,)))
    inputs = ref.one_hot(X.numpy().T, VOCAB_SIZE, np.float64)
    # float64 in another order of operations: thousands of epsilons; one bias less is 0.1 off.
    np.testing.assert_allclose(outputs.detach().numpy(), forward(inputs, zeros, params)[0], rtol=0, atol=1e-12)
    _, grads = Reference().loss_and_grads(inputs, zeros, params, Y.numpy().T.reshape(-1))
    for name_of, a, b in zip(kind._fields, functions.lstm_grads(net), grads, strict=True):
        np.testing.assert_allclose(a.numpy(), b, rtol=0, atol=1e-12, err_msg=name_of)


@pytest.mark.parametrize(("name", "load", "draw"), [
    ("LSTM", "load_lstm_params", ref.get_lstm_params), ("RNN", "load_rnn_params", get_params),
    ("GRU", "load_gru_params", get_gru_params)])
def test_loading_keeps_the_parameters_that_an_optimizer_holds(name, load, draw, torch, model):
    """New numbers in the same objects; and a checkpoint that does not fit is refused."""
    functions = importlib.import_module("backends.torch.concise")
    net = model(layer_of(torch, name), VOCAB_SIZE)
    held = dict(net.named_parameters())
    drawn = draw(VOCAB_SIZE, NUM_HIDDENS, 1)
    getattr(functions, load)(net, type(drawn)(*map(torch.tensor, drawn)))
    assert all(parameter is held[key] for key, parameter in net.named_parameters())
    assert torch.equal(net.linear.weight, torch.tensor(drawn.W_hq.T))
    with pytest.raises(RuntimeError, match="Missing key"):
        net.load_state_dict({})


@pytest.fixture
def stepped(torch, model):
    """Takes a step of the tab's on a fresh model that was changed before; the model."""
    training = importlib.import_module("backends.torch.training")

    def step(change=lambda net: None, optimizer=torch.optim.SGD, device="cpu", theta=1.0):
        torch.manual_seed(1)
        net = model(layer_of(torch, "LSTM"), VOCAB_SIZE)
        change(net)
        training.train_step_ch8(net, tokens(torch), tokens(torch, 1), net.begin_state(batch_size=BATCH, device="cpu"),
                                training.loss, optimizer(net.parameters(), 0.5), device, theta)
        return net

    return step


def test_any_optimizer_and_a_device_by_its_name(torch, stepped):
    """As a reader writes them."""
    assert not torch.equal(stepped(optimizer=torch.optim.Adam).linear.weight, stepped().linear.weight)
    assert torch.equal(stepped(device="cpu").linear.weight, stepped(device=torch.device("cpu")).linear.weight)


def test_a_step_calls_the_model(torch, stepped):
    """So that hooks run: pruning, spectral norms, profilers."""
    calls = []
    stepped(lambda net: net.register_forward_hook(lambda *_: calls.append(1)))
    assert calls == [1]


def test_a_parameter_of_two_names_counts_once(torch, stepped):
    """Tied weights: in the norm, and in the scaling."""
    def tie(net):
        net.module, net.tied = net.linear, torch.nn.Linear(NUM_HIDDENS, VOCAB_SIZE, bias=False)
        net.tied.weight = net.linear.weight

    tied = stepped(tie, theta=0.01)
    assert torch.equal(tied.linear.weight, stepped(theta=0.01).linear.weight)
