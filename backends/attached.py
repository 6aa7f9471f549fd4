"""What adapters share for the frameworks that keep each parameter's gradient on the parameter: `param.grad`."""

from abc import abstractmethod
from typing import Any

import numpy as np

from backends import adapter


class AttachedGradients(adapter.Implementation):
    """For frameworks that keep each parameter's gradient on the parameter: `param.grad`."""

    @abstractmethod
    def run(self, net, inputs, state):
        """Outputs and last state for encoded inputs."""

    @abstractmethod
    def gradients(self, net: Any) -> list[Any]:
        """The gradients of a net in the order of the book; None where it has none."""

    def grads(self, net: Any) -> list[np.ndarray]:
        """The gradients as arrays."""
        return self.arrays(self.gradients(net))

    def attach(self, param, grad):
        """Make a copy of the tensor `grad` the gradient of a parameter of a model."""
        param.grad = grad.detach().clone()

    @abstractmethod
    def updater(self, net, lr):
        """What the tab's `train_ch8` updates such a net with."""

    def loss_and_grads(self, inputs, state, params, targets):
        net = self.net(params)
        with self.adapter.recording():
            outputs, _ = self.run(net, self.tensor(inputs), self.state_in(state))
            loss = self.training.loss(outputs, self.tensor(targets)).mean()
        loss.backward()
        return self.array(loss), self.grads(net)

    def grad_clipping(self, grads, theta):
        net, given = self.net(grads), self.net(grads)  # the second holds the gradients in the layout of the first
        for param, grad in zip(self.training.trainable(net), self.training.trainable(given), strict=True):
            self.attach(param, grad)
        self.training.grad_clipping(net, theta)
        return self.adapter.clipped(self.gradients(net))

    def train_step(self, params, X, Y, state, lr, theta):
        net = self.net(params)
        loss, last = self.training.train_step_ch8(
            net, self.tensor(X), self.tensor(Y), self.state_in(state), self.training.loss, self.updater(net, lr),
            self.adapter.device, theta)
        return self.read(net), self.state_out(last), self.array(loss)

    def detach(self, state: Any) -> Any:
        """The state without its history."""
        return self.training.detach(state)

    def training_step(self, net, lr):
        training, updater = self.training, self.updater(net, lr)

        def step(X, Y, state):
            loss, state = training.train_step_ch8(net, X, Y, state, training.loss, updater, self.adapter.device)
            return loss, self.detach(state)

        return step

    def inference(self, net):
        return net

    def epoch(self, net, train_iter, lr, use_random_iter, losses=None):
        return self.training.train_epoch_ch8(
            net, train_iter, self.training.loss, self.updater(net, lr), self.adapter.device, use_random_iter, losses)

    def train_ch8(self, net, train_iter, vocab, lr, num_epochs):
        self.training.train_ch8(net, train_iter, vocab, lr, num_epochs, self.adapter.device)

    def predict(self, net, prefix, num_preds, vocab, alpha=None, rng=None):
        return self.training.predict_ch8(prefix, num_preds, net, vocab, self.adapter.device, alpha, rng)


class AttachedScratch(AttachedGradients, adapter.Scratch):
    """The tab's model in such a framework."""

    def run(self, net, inputs, state):
        return net.forward_fn(inputs, state, net.params)

    def read(self, net):
        return self.arrays(net.params)

    def gradients(self, net):
        return [param.grad for param in net.params]

    def grads(self, net):
        """For a parameter that takes no part in the loss, None in some frameworks, it is 0."""
        return [np.zeros_like(self.array(param)) if param.grad is None else self.array(param.grad)
                for param in net.params]

    def updater(self, net, lr):
        return lambda batch_size: self.training.sgd(net.params, lr, batch_size)

    def mean_loss(self, outputs, targets):
        return self.training.loss(outputs, targets).mean()

    def sgd(self, params, grads, lr, batch_size):
        net = self.net(params)
        for param, grad in zip(net.params, self.tensors(grads), strict=True):
            self.attach(param, grad)
        self.training.sgd(net.params, lr, batch_size)
        return self.read(net)


class AttachedConcise(AttachedGradients, adapter.Concise):
    """The layer in such a framework; its states have a first axis for the layers."""

    def net(self, params):
        return self.functions.from_params(self.tensors(params))

    def run(self, net, inputs, state):
        return net.run(inputs, state)

    def read(self, net):
        return self.arrays(self.functions.lstm_params(net))

    def gradients(self, net):
        return list(self.functions.lstm_grads(net))

    def vjp(self, inputs, state, params, upstream):
        net, f = self.net(params), self.adapter
        given = [f.parameter(array) for array in (inputs, *(array[None] for array in state))]
        with f.recording():
            outputs, last = self.run(net, given[0], packed(given[1:]))
            scalar = f.inner([outputs, *unpacked(last)], [upstream[0], *(array[None] for array in upstream[1:])])
        scalar.backward()
        by_inputs, *by_state = (self.array(tensor.grad) for tensor in given)
        return [*self.grads(net), by_inputs, *(array[0] for array in by_state)]

    def state_in(self, state):
        return packed([self.tensor(array[None]) for array in state])

    def state_out(self, state):
        return tuple(self.array(tensor[0]) for tensor in unpacked(state))


def packed(state):
    """States as such a layer takes them: a pair for an LSTM, else one tensor."""
    return tuple(state) if len(state) > 1 else state[0]


def unpacked(state):
    """The states that such a layer gives, as a sequence."""
    return state if isinstance(state, (list, tuple)) else (state,)
