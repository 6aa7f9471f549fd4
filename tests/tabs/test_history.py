"""What PyTorch does when the state is not detached between minibatches; docs/exercises.md quotes it."""

import importlib

import pytest

from lstm_ref.rnn import get_params, init_rnn_state

pytestmark = pytest.mark.only("torch")
SIZES = NUM_STEPS, BATCH, VOCAB_SIZE, NUM_HIDDENS = 4, 3, 5, 6


def trained(detach, in_place):
    """The parameters after three minibatches."""
    torch, scratch = importlib.import_module("torch"), importlib.import_module("backends.torch.scratch")
    params = [torch.tensor(array, requires_grad=True) for array in get_params(VOCAB_SIZE, NUM_HIDDENS, 0)]
    state = tuple(map(torch.tensor, init_rnn_state(BATCH, NUM_HIDDENS)))
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        X, Y = torch.randint(VOCAB_SIZE, (2, NUM_STEPS, BATCH), generator=generator)
        if detach:
            state = tuple(part.detach() for part in state)
        inputs = torch.nn.functional.one_hot(X, VOCAB_SIZE).float()
        outputs, state = scratch.rnn(inputs, state, params)
        loss = torch.nn.functional.cross_entropy(outputs, Y.reshape(-1))
        grads = torch.autograd.grad(loss, params, retain_graph=True)
        if in_place:
            with torch.no_grad():
                for param, grad in zip(params, grads, strict=True):
                    param -= grad
        else:
            params = [(param - grad).detach().requires_grad_() for param, grad in zip(params, grads, strict=True)]
    return params


def test_a_state_that_is_not_detached_is_refused_after_an_update_in_place():
    """At the second minibatch, whose gradient needs the weights as they were in the first."""
    trained(detach=True, in_place=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        trained(detach=False, in_place=True)


def test_with_new_weights_at_each_step_it_changes_nothing():
    """The history leads to the old weights, which nobody asks for: the same numbers, bit for bit."""
    for a, b in zip(trained(detach=True, in_place=False), trained(detach=False, in_place=False), strict=True):
        assert (a == b).all()
