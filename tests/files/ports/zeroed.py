"""Gradients are set to zero by the model, clipped by PyTorch, and an epoch reports its perplexity alone."""
import torch


def lstm(inputs, state, params):
    W_xi, W_hi, b_i, W_xf, W_hf, b_f, W_xo, W_ho, b_o, W_xc, W_hc, b_c, W_hq, b_q = params
    H, C = state
    outputs = []
    for X in inputs:
        I = torch.sigmoid(X @ W_xi + H @ W_hi + b_i)
        F = torch.sigmoid(X @ W_xf + H @ W_hf + b_f)
        O = torch.sigmoid(X @ W_xo + H @ W_ho + b_o)
        C = F * C + I * torch.tanh(X @ W_xc + H @ W_hc + b_c)
        H = O * torch.tanh(C)
        outputs.append(H @ W_hq + b_q)
    return torch.cat(outputs), (H, C)


def sgd(params, lr, batch_size):
    with torch.no_grad():
        for param in params:
            param -= lr * param.grad / batch_size


def train_epoch_ch8(net, train_iter, loss, updater, device, use_random_iter):
    state, total, n = None, 0.0, 0
    for X, Y in train_iter:
        if state is None or use_random_iter:
            state = net.begin_state(batch_size=X.shape[0], device=device)
        else:
            state = tuple(s.detach() for s in state)
        y_hat, state = net(X, state)
        l = loss(y_hat, Y.T.reshape(-1).long()).mean()
        net.zero_grad()
        l.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1)
        updater(batch_size=1)
        total += float(l) * Y.numel()
        n += Y.numel()
    return float(torch.exp(torch.tensor(total / n, dtype=torch.float64)))
