"""What several tests of the training code ask for."""

import inspect

import numpy as np


def of(adapter, label):
    """An implementation that has framework code to train with, or None."""
    implementation = adapter.implementations.get(label)
    return implementation if hasattr(implementation, "training") else None


def minibatches(adapter, case, number=2):
    """Two steps each, of the case's batch and vocabulary; the second continues the first."""
    _, batch_size, vocab_size, _ = case.sizes
    rng = np.random.default_rng(0)
    return [adapter.tensors(rng.integers(0, vocab_size, (2, batch_size, 2))) for _ in range(number)]


def by_name(function, net, **available):
    """Call a function of any tab: each argument that it wants, by its name."""
    if hasattr(net, "model"):
        available["params"], net = net.params, net.model
    wanted = inspect.signature(function).parameters
    return function(**{name: value for name, value in {"net": net, **available}.items() if name in wanted})


def weights(implementation, net):
    """All of them, as they are now."""
    found = implementation.read(net) if hasattr(net, "forward_fn") else implementation.weights(net).values()
    return [array.copy() for array in found]
