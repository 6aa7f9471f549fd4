"""PyTorch's tab, differentiated in the ways that PyTorch has."""

import importlib

import numpy as np
import pytest
from training_code import of

from lstm_ref.parity.cases import draw

pytestmark = pytest.mark.only("torch")
SMALL = draw("derivatives", 2, 2, 3, 2, scale=0.7, dense=True)
CELLS = {"lstm": 2, "rnn": 1, "gru": 1}


@pytest.fixture
def torch():
    return importlib.import_module("torch")


def tensors(torch, cell, requires_grad=True):
    """Inputs, state and parameters of a cell, float64."""
    case = SMALL if cell == "lstm" else draw(f"{cell}-derivatives", 2, 2, 3, 2, scale=0.7, dense=True)
    return [torch.tensor(array, requires_grad=requires_grad) for array in (case.inputs, *case.state, *case.params)]


def summed(cell, parts):
    """Outputs and last state in one number."""
    scratch = importlib.import_module("backends.torch.scratch")
    n = 1 + CELLS[cell]
    outputs, last = getattr(scratch, cell)(parts[0], tuple(parts[1:n]), parts[n:])
    return (outputs ** 2).sum() + sum((part ** 3).sum() for part in last)


@pytest.mark.parametrize("cell", CELLS)
def test_second_derivatives(cell, torch):
    """A gradient's gradient, against differences of the gradient."""
    assert torch.autograd.gradgradcheck(lambda *parts: summed(cell, parts), tensors(torch, cell))


@pytest.mark.parametrize("cell", CELLS)
def test_backward_twice(cell, torch):
    """Where the graph is kept, the second adds the same again."""
    parts = tensors(torch, cell)
    value = summed(cell, parts)
    value.backward(retain_graph=True)
    once = [part.grad.clone() for part in parts]
    value.backward()
    for a, part in zip(once, parts, strict=True):
        torch.testing.assert_close(part.grad, 2 * a)


@pytest.mark.parametrize("cell", CELLS)
def test_inputs_and_state_have_gradients_of_frozen_parameters(cell, torch):
    """The same as when they train: what a saliency map or a learned initial state needs."""
    n = 1 + CELLS[cell]
    trained, frozen = tensors(torch, cell), tensors(torch, cell)
    for part in frozen[n:]:
        part.requires_grad_(False)
    for parts in (trained, frozen):
        summed(cell, parts).backward()
    for a, b in zip(trained[:n], frozen[:n], strict=True):
        torch.testing.assert_close(a.grad, b.grad)


@pytest.mark.parametrize("label", ["scratch", "concise"])
def test_the_state_has_a_history_in_every_mode(label, adapter, torch):
    """In evaluation as in training."""
    implementation = of(adapter, label)
    gradients = []
    for training in (True, False):
        net = implementation.net(SMALL.params)
        if label == "concise":
            net.train(training)
        state = implementation.state_in(SMALL.state)
        for part in state:
            part.requires_grad_()
        _, last = net(torch.tensor(SMALL.X), state)
        sum(part.sum() for part in last).backward()
        gradients.append([part.grad.clone() for part in state])
    for a, b in zip(*gradients, strict=True):
        assert a.any() and torch.equal(a, b)


@pytest.mark.parametrize("label", ["scratch", "concise"])
def test_a_step_lets_its_state_be_learned(label, adapter, torch):
    """A learned initial state has a gradient by the step that begins from it."""
    implementation = of(adapter, label)
    net = implementation.net(SMALL.params)
    state = implementation.state_in(SMALL.state)
    for part in state:
        part.requires_grad_()
    implementation.training.train_step_ch8(net, *map(torch.tensor, (SMALL.X, SMALL.Y)), state,
                                           implementation.training.loss, implementation.updater(net, 0.5),
                                           adapter.device)
    assert all(np.abs(adapter.array(part.grad)).max() > 0 for part in state)
