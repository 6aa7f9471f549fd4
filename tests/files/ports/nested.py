import torch
from my_helpers import *
from utils.data import load_corpus

num_inputs, num_hiddens, num_outputs = 1024, 256, 1024
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
corpus = load_corpus("novel.txt")


def main():
    def get_params():
        def one(*shape):
            return torch.nn.Parameter(0.01 * torch.randn(shape, device=device))

        def three():
            return one(num_inputs, num_hiddens), one(num_hiddens, num_hiddens), torch.zeros(num_hiddens)

        w_xf, w_hf, b_f = three()
        w_xi, w_hi, b_i = three()
        w_xc, w_hc, b_c = three()
        w_xo, w_ho, b_o = three()
        return [w_xf, w_hf, b_f, w_xi, w_hi, b_i, w_xc, w_hc, b_c, w_xo, w_ho, b_o, one(num_hiddens, num_outputs),
                torch.zeros(num_outputs)]

    init_lstm_state = lambda batch_size, num_hiddens, device: (torch.zeros((batch_size, num_hiddens), device=device),
                                                               torch.zeros((batch_size, num_hiddens), device=device))

    def forward(x_batch, state, params):
        w_xf, w_hf, b_f, w_xi, w_hi, b_i, w_xc, w_hc, b_c, w_xo, w_ho, b_o, w_hq, b_q = params
        (h, c), ys = state, []
        for x in x_batch:
            f = torch.sigmoid(x @ w_xf + h @ w_hf + b_f)
            i = torch.sigmoid(x @ w_xi + h @ w_hi + b_i)
            o = torch.sigmoid(x @ w_xo + h @ w_ho + b_o)
            c = f * c + i * torch.tanh(x @ w_xc + h @ w_hc + b_c)
            h = o * torch.tanh(c)
            ys.append(h @ w_hq + b_q)
        return ys, (h, c)

    train(forward, get_params, init_lstm_state, corpus)


if __name__ == "__main__":
    main()
