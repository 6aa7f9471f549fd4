"""The book's training and prediction, Paddle tab, for its models from scratch and for a framework's layer."""

import paddle
from paddle import nn

from lstm_ref import loop
from lstm_ref.animator import Animator
from lstm_ref.validate import check_lr, check_minibatch, check_outputs, check_sizes, check_theta
from lstm_ref.validate_text import check_run
from lstm_ref.validate_training import check_backward, check_loss, params_of


def loss(y_hat, y):
    """Mean softmax cross-entropy of y_hat, (n, vocab_size), against tokens y, (n,).

    From exp and log rather than functional.cross_entropy, which on a CPU returns no loss above 64 (docs/judge.md).
    """
    check_outputs(y_hat, y, "paddle.Tensor")
    shifted = y_hat - y_hat.detach().max(axis=1, keepdim=True)
    picked = paddle.take_along_axis(shifted, y.reshape((-1, 1)).astype("int64"), axis=1)[:, 0]
    return (paddle.log(paddle.exp(shifted).sum(axis=1)) - picked).mean()


def trainable(net):
    """What a step updates: the parameters of a layer that are not frozen, or all of a scratch model."""
    if isinstance(net, nn.Layer):
        return [p for p in net.parameters() if not p.stop_gradient and p.optimize_attr["learning_rate"]]
    return params_of(net)


def gradient_norm(params):
    """The joint Euclidean norm of the parameters' gradients; divided by the largest entry, no square overflows."""
    largest = max(p.grad.abs().max() for p in params)
    scale = largest if 0 < largest < float("inf") else 1
    return scale * paddle.sqrt(sum(paddle.sum((p.grad / scale) ** 2) for p in params))


def grad_clipping(net, theta):
    """Scale the gradients of net in place by theta / norm when their joint norm is above theta."""
    check_theta(theta)
    params = trainable(net)
    check_backward(params)
    norm = gradient_norm(params)
    if norm > theta:
        with paddle.no_grad():
            for param in params:
                param.grad.set_value(param.grad * (theta / norm))


def sgd(params, lr, batch_size):
    """Minibatch stochastic gradient descent, in place; clears the gradients."""
    check_lr(lr)
    check_sizes(batch_size=batch_size)
    params = check_backward(params)
    with paddle.no_grad():
        for param in params:
            param.set_value(param - lr * param.grad / batch_size)
            param.clear_gradient()


def train_step_ch8(net, X, Y, state, loss, updater, device, theta=1):
    """One minibatch of the book's training loop: forward, loss, backward, clipping, update.

    X and Y are (batch_size, num_steps) tokens; `updater` is an optimizer, or is called with batch_size=1 since the
    loss is a mean. Returns the loss and the new state, whose gradient the caller stops before the next minibatch.
    Raises FloatingPointError, before it updates anything, for a loss that is not finite.
    """
    check_minibatch(X, Y, net.vocab_size, "paddle.Tensor")
    check_theta(theta)  # first, so that a refusal leaves no gradients behind
    y = paddle.reshape(Y.T, shape=[-1])
    X, y = X.to(device), y.to(device)
    y_hat, state = net(X, state)
    l = loss(y_hat, y).mean()
    for param in trainable(net):
        param.clear_gradient()  # those of a minibatch that was refused, too
    l.backward()
    check_loss(l.item(), lambda: gradient_norm(trainable(net)))
    grad_clipping(net, theta)
    if isinstance(updater, paddle.optimizer.Optimizer):
        updater.step()
    else:
        updater(batch_size=1)
    return l.detach(), state


def detach(state):
    """The state without its history: a tensor for some layers, a tuple for others and for the scratch models."""
    return tuple(s.detach() for s in state) if isinstance(state, (tuple, list)) else state.detach()


def train_epoch_ch8(net, train_iter, loss, updater, device, use_random_iter, losses=None):
    """Train for one epoch: perplexity and tokens per second. See `lstm_ref.loop.train_epoch`."""
    return loop.train_epoch(
        train_iter, lambda batch_size: net.begin_state(batch_size=batch_size), detach,
        lambda X, Y, state: train_step_ch8(net, X, Y, state, loss, updater, device), use_random_iter, losses)


def train_ch8(net, train_iter, vocab, lr, num_epochs, device, use_random_iter=False):
    """Train a scratch model or a layer and show what it writes. See `lstm_ref.loop.train`."""
    check_run(lr, num_epochs, vocab, net.vocab_size, loop.PREFIXES)
    if isinstance(net, nn.Layer):
        updater = paddle.optimizer.SGD(learning_rate=lr, parameters=net.parameters())
    else:
        def updater(batch_size):
            return sgd(net.params, lr, batch_size)
    animator = Animator(xlabel="epoch", ylabel="perplexity", legend=["train"], xlim=[10, num_epochs])
    loop.train(num_epochs, lambda: train_epoch_ch8(net, train_iter, loss, updater, device, use_random_iter),
               lambda prefix: predict_ch8(prefix, 50, net, vocab, device), animator, device)


def predict_ch8(prefix, num_preds, net, vocab, device, alpha=None, rng=None):
    """The prefix and `num_preds` tokens after it, the most likely or drawn. See `lstm_ref.loop.predict`."""
    def step(token, state):
        with paddle.no_grad():
            y, state = net(paddle.to_tensor([[token]], place=device), state)
        return y[0].numpy(), state

    return loop.predict(prefix, num_preds, vocab, net.begin_state(batch_size=1), step, alpha, rng)
