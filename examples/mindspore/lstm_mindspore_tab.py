"""The book's LSTM in MindSpore, from scratch."""

import mindspore
from mindspore import Parameter, ops


def get_lstm_params(vocab_size, num_hiddens):
    """The 14 parameters: weights Normal(0, 0.01), biases zero."""
    def normal(*shape):
        return ops.standard_normal(shape) * 0.01

    def three():
        return normal(vocab_size, num_hiddens), normal(num_hiddens, num_hiddens), ops.zeros(num_hiddens)

    W_xi, W_hi, b_i = three()  # input gate
    W_xf, W_hf, b_f = three()  # forget gate
    W_xo, W_ho, b_o = three()  # output gate
    W_xc, W_hc, b_c = three()  # candidate memory cell
    W_hq, b_q = normal(num_hiddens, vocab_size), ops.zeros(vocab_size)  # output layer
    params = [W_xi, W_hi, b_i, W_xf, W_hf, b_f, W_xo, W_ho, b_o, W_xc, W_hc, b_c, W_hq, b_q]
    return [Parameter(param, name=f"param{i}") for i, param in enumerate(params)]


def init_lstm_state(batch_size, num_hiddens):
    """H and C: zeros."""
    return ops.zeros((batch_size, num_hiddens)), ops.zeros((batch_size, num_hiddens))


def sigmoid(x):
    """In float64: on a CPU the float32 one is up to 40 half epsilons off."""
    return ops.sigmoid(x.astype(mindspore.float64)).astype(x.dtype)


def tanh(x):
    """In float64: on a CPU the float32 one is up to 1,700 half epsilons off."""
    return ops.tanh(x.astype(mindspore.float64)).astype(x.dtype)


def lstm(inputs, state, params):
    """Outputs of all steps, (num_steps * batch_size, vocab_size), and the last (H, C)."""
    W_xi, W_hi, b_i, W_xf, W_hf, b_f, W_xo, W_ho, b_o, W_xc, W_hc, b_c, W_hq, b_q = params
    H, C = state
    outputs = []
    for X in inputs:
        I = sigmoid(ops.matmul(X, W_xi) + ops.matmul(H, W_hi) + b_i)
        F = sigmoid(ops.matmul(X, W_xf) + ops.matmul(H, W_hf) + b_f)
        O = sigmoid(ops.matmul(X, W_xo) + ops.matmul(H, W_ho) + b_o)
        C_tilda = tanh(ops.matmul(X, W_xc) + ops.matmul(H, W_hc) + b_c)
        C = F * C + I * C_tilda
        H = O * tanh(C)
        outputs.append(ops.matmul(H, W_hq) + b_q)
    return ops.cat(outputs, axis=0), (H, C)


def loss(y_hat, y):
    """The mean cross-entropy, in float64 for the same reason."""
    return ops.cross_entropy(y_hat.astype(mindspore.float64), y.astype(mindspore.int32)).astype(y_hat.dtype)


def grad_clipping(grads, theta):
    """Gradients whose joint norm is at most theta."""
    norm = ops.sqrt(sum(ops.sum(grad ** 2) for grad in grads))
    theta = mindspore.Tensor(theta, norm.dtype)  # MindSpore makes a Python number a float32
    return [grad * (theta / norm) for grad in grads] if norm > theta else list(grads)


def sgd(params, grads, lr, batch_size):
    """Minibatch stochastic gradient descent, as new parameters."""
    return [param - lr * grad / batch_size for param, grad in zip(params, grads, strict=True)]
