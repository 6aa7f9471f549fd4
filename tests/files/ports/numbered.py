import torch

num_inputs, num_hiddens, num_outputs = 28, 256, 28


def get_params():
    def one(*shape):
        return 0.01 * torch.randn(shape)
    w1, w2, b1 = one(num_inputs, num_hiddens), one(num_hiddens, num_hiddens), torch.zeros(num_hiddens)
    w3, w4, b2 = one(num_inputs, num_hiddens), one(num_hiddens, num_hiddens), torch.zeros(num_hiddens)
    w5, w6, b3 = one(num_inputs, num_hiddens), one(num_hiddens, num_hiddens), torch.zeros(num_hiddens)
    w7, w8, b4 = one(num_inputs, num_hiddens), one(num_hiddens, num_hiddens), torch.zeros(num_hiddens)
    w9, b5 = one(num_hiddens, num_outputs), torch.zeros(num_outputs)
    return [w1, w2, b1, w3, w4, b2, w5, w6, b3, w7, w8, b4, w9, b5]


def lstm(X, state, params):
    w1, w2, b1, w3, w4, b2, w5, w6, b3, w7, w8, b4, w9, b5 = params
    h, c = state
    ys = []
    for x in X:
        i = torch.sigmoid(x @ w1 + h @ w2 + b1)
        f = torch.sigmoid(x @ w3 + h @ w4 + b2)
        o = torch.sigmoid(x @ w5 + h @ w6 + b3)
        g = torch.tanh(x @ w7 + h @ w8 + b4)
        c = f * c + i * g
        h = o * torch.tanh(c)
        ys.append(h @ w9 + b5)
    return torch.stack(ys), (h, c)
