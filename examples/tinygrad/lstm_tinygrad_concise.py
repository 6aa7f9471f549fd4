"""tinygrad's own layer, `nn.LSTMCell`, with the book's parameters carried into it: its gates are i, f, g, o."""

from tinygrad import Tensor, nn


def lstm(inputs, state, params):
    """As the tab's `lstm`."""
    W_xi, W_hi, b_i, W_xf, W_hf, b_f, W_xo, W_ho, b_o, W_xc, W_hc, b_c, W_hq, b_q = params
    cell = nn.LSTMCell(*W_xi.shape)
    cell.weight_ih = Tensor.cat(W_xi, W_xf, W_xc, W_xo, dim=1).T
    cell.weight_hh = Tensor.cat(W_hi, W_hf, W_hc, W_ho, dim=1).T
    cell.bias_ih = Tensor.cat(b_i, b_f, b_c, b_o)
    cell.bias_hh = cell.bias_ih.zeros_like()
    outputs = []
    for t in range(inputs.shape[0]):
        state = cell(inputs[t], state)
        outputs.append(state[0] @ W_hq + b_q)
    return Tensor.cat(*outputs, dim=0), state
