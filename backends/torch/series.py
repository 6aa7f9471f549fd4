"""A time series in PyTorch: real inputs and the squared loss, see `lstm_ref.series`."""

import torch
from torch.nn import functional

from lstm_ref.validate import check_array


def squared_loss(y_hat, y):
    """Mean squared error of y_hat, (n, num_features), against real numbers of its shape."""
    check_array("targets", y, tuple(y_hat.shape), "of the outputs")
    return functional.mse_loss(y_hat, y)


def loss_and_grads(forward, inputs, state, params, targets):
    """The loss of `forward`, called like the tab's `lstm`, its gradients by the parameters, and the last state."""
    params = [param.detach().requires_grad_() for param in params]
    outputs, last = forward(inputs, state, params)
    loss = squared_loss(outputs, targets)
    return loss.detach(), torch.autograd.grad(loss, params), tuple(s.detach() for s in last)
