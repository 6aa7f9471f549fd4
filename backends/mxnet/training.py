"""The book's training and prediction, MXNet tab, for its models from scratch and for a Gluon block."""

import math

from mxnet import autograd, gluon, init, np, npx

from lstm_ref import loop
from lstm_ref.animator import Animator
from lstm_ref.validate import check_lr, check_minibatch, check_outputs, check_sizes, check_theta
from lstm_ref.validate_text import check_run
from lstm_ref.validate_training import check_backward, check_loss, params_of


def loss(y_hat, y):
    """Softmax cross-entropy of y_hat, (n, vocab_size), against tokens y, (n,): one number per example.

    From exp and log rather than npx.log_softmax, whose float32 version is off by 3.6e-6 (docs/judge.md).
    """
    check_outputs(y_hat, y, "mxnet.np.ndarray")
    shifted = y_hat - y_hat.max(axis=1, keepdims=True)
    return np.log(np.exp(shifted).sum(axis=1)) - npx.pick(shifted, y)


def trainable(net):
    """What a step updates: the parameters of a block that are not frozen, or all of a scratch model."""
    if isinstance(net, gluon.Block):
        return [p.data() for p in net.collect_params().values() if p.grad_req != "null"]
    return params_of(net)


def gradient_norm(params):
    """The joint Euclidean norm of the parameters' gradients; divided by the largest entry, no square overflows."""
    largest = max(np.abs(p.grad).max().item() for p in params)
    scale = largest if 0 < largest < math.inf else 1
    return scale * math.sqrt(sum(((p.grad / scale) ** 2).sum() for p in params))


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
    """Minibatch stochastic gradient descent, in place."""
    check_lr(lr)
    check_sizes(batch_size=batch_size)
    params = check_backward(params)
    for param in params:
        param[:] = param - lr * param.grad / batch_size


def train_step_ch8(net, X, Y, state, loss, updater, device, theta=1):
    """One minibatch of the book's training loop: forward, loss, backward, clipping, update.

    X and Y are (batch_size, num_steps) tokens; `updater` is called with batch_size=1 since the mean is taken here.
    Returns the loss and the new state. Raises FloatingPointError, before it updates anything, for a loss that is not
    finite.
    """
    check_minibatch(X, Y, net.vocab_size, "mxnet.np.ndarray")
    check_theta(theta)  # first, so that a refusal leaves no gradients behind
    y = Y.T.reshape(-1)
    X, y = X.as_in_ctx(device), y.as_in_ctx(device)
    with autograd.record():
        y_hat, state = net(X, state)
        l = loss(y_hat, y).mean()
    l.backward()
    check_loss(l.item(), lambda: gradient_norm(trainable(net)))
    grad_clipping(net, theta)
    updater(batch_size=1)
    return l, state


def train_epoch_ch8(net, train_iter, loss, updater, device, use_random_iter, losses=None):
    """Train for one epoch: perplexity and tokens per second. See `lstm_ref.loop.train_epoch`."""
    return loop.train_epoch(
        train_iter, lambda batch_size: net.begin_state(batch_size=batch_size, ctx=device),
        lambda state: [s.detach() for s in state],
        lambda X, Y, state: train_step_ch8(net, X, Y, state, loss, updater, device), use_random_iter, losses)


def train_ch8(net, train_iter, vocab, lr, num_epochs, device, use_random_iter=False):
    """Train a scratch model or a block and show what it writes. See `lstm_ref.loop.train`.

    A block is initialised (weights Normal(0, 0.01)) where it is not yet; weights that it already has are kept.
    """
    check_run(lr, num_epochs, vocab, net.vocab_size, loop.PREFIXES)
    if isinstance(net, gluon.Block):
        for param in net.collect_params().values():
            if not initialized(param):
                param.initialize(ctx=device, default_init=init.Normal(0.01))
        trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": lr})
        updater = trainer.step
    else:
        def updater(batch_size):
            return sgd(net.params, lr, batch_size)
    animator = Animator(xlabel="epoch", ylabel="perplexity", legend=["train"], xlim=[10, num_epochs])
    loop.train(num_epochs, lambda: train_epoch_ch8(net, train_iter, loss, updater, device, use_random_iter),
               lambda prefix: predict_ch8(prefix, 50, net, vocab, device), animator, device, samples=False)


def initialized(param):
    """Whether a Gluon parameter has its values, or knows what they will be once its shape is known."""
    return param._data is not None or bool(param._deferred_init)


def predict_ch8(prefix, num_preds, net, vocab, device, alpha=None, rng=None):
    """The prefix and `num_preds` tokens after it, the most likely or drawn. See `lstm_ref.loop.predict`."""
    def step(token, state):
        y, state = net(np.array([[token]], ctx=device), state)
        return y[0].asnumpy(), state

    return loop.predict(prefix, num_preds, vocab, net.begin_state(batch_size=1, ctx=device), step, alpha, rng)
