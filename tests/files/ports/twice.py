import torch


def get_lstm_params(vocab_size, num_hiddens, device):
    def three():
        return [0.01 * torch.randn(s, device=device) for s in ((vocab_size, num_hiddens), (num_hiddens, num_hiddens))] + [
            torch.zeros(num_hiddens, device=device)]

    W_xi, W_hi, b_i = three()
    W_xf, W_hf, b_f = three()
    W_xo, W_ho, b_o = three()
    W_xc, W_hc, b_c = three()
    W_hq, b_q = 0.01 * torch.randn((num_hiddens, vocab_size)), torch.zeros(vocab_size)
    return [W_xi, W_hi, b_i, W_xf, W_hf, b_f,
            W_xo, W_hf, b_o, W_xc, W_hc, b_c, W_hq, b_q]


def init_lstm_state(batch_size, num_hiddens, device):
    return torch.zeros(batch_size, num_hiddens), torch.zeros(batch_size, num_hiddens)


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
