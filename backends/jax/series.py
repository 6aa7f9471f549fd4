"""A time series in JAX: real inputs and the squared loss, see `lstm_ref.series`."""

import jax

from lstm_ref.validate import check_array


def squared_loss(y_hat, y):
    """Mean squared error of y_hat, (n, num_features), against real numbers of its shape."""
    check_array("targets", y, tuple(y_hat.shape), "of the outputs")
    return ((y_hat - y) ** 2).mean()


def loss_and_grads(forward, inputs, state, params, targets):
    """The loss of `forward`, called like the tab's `lstm`, its gradients by the parameters, and the last state."""
    def objective(params):
        outputs, last = forward(inputs, state, params)
        return squared_loss(outputs, targets), last

    (loss, last), grads = jax.value_and_grad(objective, has_aux=True)(params)
    return loss, grads, last
