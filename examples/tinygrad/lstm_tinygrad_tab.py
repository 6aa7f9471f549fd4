"""The book's LSTM in tinygrad, from scratch."""

from tinygrad import Tensor


def get_lstm_params(vocab_size, num_hiddens):
    """The 14 parameters: weights Normal(0, 0.01), biases zero."""
    def three():
        return (Tensor.randn(vocab_size, num_hiddens) * 0.01, Tensor.randn(num_hiddens, num_hiddens) * 0.01,
                Tensor.zeros(num_hiddens))

    W_xi, W_hi, b_i = three()  # input gate
    W_xf, W_hf, b_f = three()  # forget gate
    W_xo, W_ho, b_o = three()  # output gate
    W_xc, W_hc, b_c = three()  # candidate memory cell
    W_hq, b_q = Tensor.randn(num_hiddens, vocab_size) * 0.01, Tensor.zeros(vocab_size)  # output layer
    params = [W_xi, W_hi, b_i, W_xf, W_hf, b_f, W_xo, W_ho, b_o, W_xc, W_hc, b_c, W_hq, b_q]
    return [param.contiguous().realize() for param in params]


def init_lstm_state(batch_size, num_hiddens):
    """H and C: zeros."""
    return tuple(Tensor.zeros(batch_size, num_hiddens).contiguous().realize() for _ in range(2))


def tanh(x):
    """Exact to rounding: tinygrad's own, 2 sigmoid(2x) - 1, loses all digits near zero.

    By exp(y) - 1, after Kahan; its gradient is 1 - tanh(x) ** 2.
    """
    y = (-2 * x.detach()).clip(-40, 40)
    u = y.exp()
    e = (u == 1).where(y, (u - 1) * y / u.log())
    t = -e / (2 + e)
    return t + (1 - t * t) * (x - x.detach())


def lstm(inputs, state, params):
    """Outputs of all steps, (num_steps * batch_size, vocab_size), and the last (H, C)."""
    W_xi, W_hi, b_i, W_xf, W_hf, b_f, W_xo, W_ho, b_o, W_xc, W_hc, b_c, W_hq, b_q = params
    H, C = state
    outputs = []
    for t in range(inputs.shape[0]):
        X = inputs[t]
        I = (X @ W_xi + H @ W_hi + b_i).sigmoid()
        F = (X @ W_xf + H @ W_hf + b_f).sigmoid()
        O = (X @ W_xo + H @ W_ho + b_o).sigmoid()
        C_tilda = tanh(X @ W_xc + H @ W_hc + b_c)
        C = (F * C + I * C_tilda).contiguous()  # or all steps become one kernel, which takes minutes to compile
        H = (O * tanh(C)).contiguous()
        outputs.append(H @ W_hq + b_q)
    return Tensor.cat(*outputs, dim=0), (H, C)


def loss(y_hat, y):
    """The mean cross-entropy."""
    return y_hat.sparse_categorical_crossentropy(y)


def grad_clipping(grads, theta):
    """Gradients whose joint norm is at most theta."""
    norm = sum(((grad ** 2).sum() for grad in grads), Tensor(0.0, dtype=grads[0].dtype)).sqrt()
    return [(norm > theta).where(grad * theta / norm, grad) for grad in grads]


def sgd(params, grads, lr, batch_size):
    """Minibatch stochastic gradient descent, as new parameters."""
    return [param - lr * grad / batch_size for param, grad in zip(params, grads, strict=True)]
