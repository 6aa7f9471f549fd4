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


def step(implementation, net, case, state=None, lr=1.0, theta=1e6, loss=None):
    """One step on the case's minibatch; the loss."""
    training = implementation.training
    X, Y = implementation.adapter.tensors((case.X, case.Y))
    state = implementation.state_in(case.state) if state is None else state
    updater = implementation.updater(net, lr) if hasattr(implementation, "updater") else None
    if updater is None and "updater" in training.train_step_ch8.__code__.co_varnames:
        import tensorflow as tf

        updater = tf.keras.optimizers.SGD(lr)
    found = by_name(training.train_step_ch8, net, X=X, Y=Y, state=state, loss=loss or training.loss, lr=lr,
                    updater=updater, device=implementation.adapter.device, theta=theta)
    if hasattr(net, "model"):
        net.params, found = found[0], found[1:]
    return float(implementation.adapter.array(found[0]))
