import torch


def get_params(vocab_size, num_hiddens):
    def three():
        return torch.randn(vocab_size, num_hiddens), torch.randn(num_hiddens, num_hiddens), torch.zeros(num_hiddens)

    W_xi, W_hi, b_i = three()
    W_xf, W_hf, b_f = three()
    W_xo, W_ho, b_o = three()
    W_xc, W_hc, b_c = three()
    W_x, W_h = torch.cat([W_xi, W_xf, W_xo, W_xc], 1), torch.cat([W_hi, W_hf, W_ho, W_hc], 1)
    b = torch.cat([b_i, b_f, b_o, b_c])
    return [W_x, W_h, b, torch.randn(num_hiddens, vocab_size), torch.zeros(vocab_size)]


def lstm(inputs, state, params):
    W_x, W_h, b, W_hq, b_q = params
    H, C = state
    outputs = []
    for X in inputs:
        z_i, z_f, z_c, z_o = (X @ W_x + H @ W_h + b).chunk(4, 1)
        C = torch.sigmoid(z_f) * C + torch.sigmoid(z_i) * torch.tanh(z_c)
        H = torch.sigmoid(z_o) * torch.tanh(C)
        outputs.append(H @ W_hq + b_q)
    return torch.cat(outputs), (H, C)
