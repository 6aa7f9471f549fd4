import torch


class Packed(torch.nn.Module):
    """Batch first; all four gates in one product."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.W = torch.nn.Parameter(0.1 * torch.randn(input_size, 4 * hidden_size))
        self.U = torch.nn.Parameter(0.1 * torch.randn(hidden_size, 4 * hidden_size))
        self.bias = torch.nn.Parameter(torch.zeros(4 * hidden_size))

    def forward(self, x, state=None):
        batch, steps, _ = x.shape
        h, c = state if state is not None else (torch.zeros(batch, self.hidden_size),) * 2
        hs = []
        for t in range(steps):
            gates = x[:, t] @ self.W + h @ self.U + self.bias
            i, f, g, o = gates.chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            hs.append(h)
        return torch.stack(hs, 1), (h, c)
