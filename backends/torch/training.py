"""The book's training and prediction, PyTorch tab, for its models from scratch and for a framework's module."""

import torch
from torch import nn
from torch.nn import functional

from lstm_ref import loop
from lstm_ref.animator import Animator
from lstm_ref.validate import check_lr, check_minibatch, check_outputs, check_sizes, check_theta
from lstm_ref.validate_text import check_run
from lstm_ref.validate_training import check_backward, check_loss, params_of


def loss(y_hat, y):
    """Mean softmax cross-entropy of y_hat, (n, vocab_size), against tokens y, (n,)."""
    check_outputs(y_hat, y, "torch.Tensor")
    return functional.cross_entropy(y_hat, y.long())


def trainable(net):
    """What a step updates: the parameters of a module that are not frozen, or all of a scratch model."""
    return [p for p in net.parameters() if p.requires_grad] if isinstance(net, nn.Module) else params_of(net)


def gradient_norm(params):
    """The joint Euclidean norm of the parameters' gradients; divided by the largest entry, no square overflows."""
    largest = max(p.grad.abs().max() for p in params)
    scale = largest if 0 < largest < torch.inf else 1
    return scale * torch.sqrt(sum(torch.sum((p.grad / scale) ** 2) for p in params))


def grad_clipping(net, theta):
    """Scale the gradients of net in place by theta / norm when their joint norm is above theta."""
    check_theta(theta)
    params = trainable(net)
    check_backward(params)
    norm = gradient_norm(params)
    if norm > theta:
        for param in params:
            param.grad[:] *= theta / norm


def sgd(params, lr, batch_size):
    """Minibatch stochastic gradient descent, in place; sets the gradients to zero."""
    check_lr(lr)
    check_sizes(batch_size=batch_size)
    params = check_backward(params)
    with torch.no_grad():
        for param in params:
            param -= lr * param.grad / batch_size
            param.grad.zero_()


def train_step_ch8(net, X, Y, state, loss, updater, device, theta=1):
    """One minibatch of the book's training loop: forward, loss, backward, clipping, update.

    X and Y are (batch_size, num_steps) tokens; `updater` is an optimizer, or is called with batch_size=1 since the
    loss is a mean. Returns the loss and the new state, which the caller detaches before the next minibatch. Raises
    FloatingPointError, before it updates anything, for a loss that is not finite.
    """
    check_minibatch(X, Y, net.vocab_size, "torch.Tensor")
    check_theta(theta)  # first, so that a refusal leaves no gradients behind
    y = Y.T.reshape(-1)
    X, y = X.to(device), y.to(device)
    y_hat, state = net(X, state)
    l = loss(y_hat, y.long()).mean()
    for param in trainable(net):
        param.grad = None  # those of a minibatch that was refused, too
    l.backward()
    check_loss(l.item(), lambda: gradient_norm(trainable(net)))
    grad_clipping(net, theta)
    if isinstance(updater, torch.optim.Optimizer):
        updater.step()
    else:
        updater(batch_size=1)
    return l.detach(), state


def detach(state):
    """The state without its history: a tensor for some layers, a tuple for others and for the scratch models."""
    return tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()


def train_epoch_ch8(net, train_iter, loss, updater, device, use_random_iter, losses=None):
    """Train for one epoch: perplexity and tokens per second. See `lstm_ref.loop.train_epoch`."""
    return loop.train_epoch(
        train_iter, lambda batch_size: net.begin_state(batch_size=batch_size, device=device), detach,
        lambda X, Y, state: train_step_ch8(net, X, Y, state, loss, updater, device), use_random_iter, losses)


def train_ch8(net, train_iter, vocab, lr, num_epochs, device, use_random_iter=False):
    """Train a scratch model or a module and show what it writes. See `lstm_ref.loop.train`."""
    check_run(lr, num_epochs, vocab, net.vocab_size, loop.PREFIXES)
    if not isinstance(net, nn.Module):
        def updater(batch_size):
            return sgd(net.params, lr, batch_size)
    else:
        updater = torch.optim.SGD(net.parameters(), lr)
    animator = Animator(xlabel="epoch", ylabel="perplexity", legend=["train"], xlim=[10, num_epochs])
    loop.train(num_epochs, lambda: train_epoch_ch8(net, train_iter, loss, updater, device, use_random_iter),
               lambda prefix: predict_ch8(prefix, 50, net, vocab, device), animator, device)


def predict_ch8(prefix, num_preds, net, vocab, device, alpha=None, rng=None):
    """The prefix and `num_preds` tokens after it, the most likely or drawn. See `lstm_ref.loop.predict`."""
    def step(token, state):
        with torch.no_grad():
            y, state = net(torch.tensor([[token]], device=device), state)
        return y[0].cpu().numpy(), state

    return loop.predict(prefix, num_preds, vocab, net.begin_state(batch_size=1, device=device), step, alpha, rng)
