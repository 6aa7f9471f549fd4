import torch
from torch import nn


class LSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        for gate in "ifgo":
            setattr(self, f"wi{gate}", nn.Parameter(torch.randn(input_size, hidden_size)))
            setattr(self, f"wh{gate}", nn.Parameter(torch.randn(hidden_size, hidden_size)))
            setattr(self, f"bi{gate}", nn.Parameter(torch.zeros(hidden_size)))
            setattr(self, f"bh{gate}", nn.Parameter(torch.zeros(hidden_size)))
        self.both = [self.bif, self.bhf, self.bii, self.bhi, self.big, self.bhg, self.bio, self.bho]

    def forward(self, x, states):
        h, c = states
        for t in range(x.size(1)):
            i = torch.sigmoid(x[:, t] @ self.wii + h @ self.whi + self.bii + self.bhi)
            f = torch.sigmoid(x[:, t] @ self.wif + h @ self.whf + self.bif + self.bif)
            g = torch.tanh(x[:, t] @ self.wig + h @ self.whg + self.big + self.bhg)
            o = torch.sigmoid(x[:, t] @ self.wio + h @ self.who + self.bio + self.bho)
            c = f * c + i * g
            h = o * torch.tanh(c)
        return h, c
