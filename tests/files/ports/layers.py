import torch
from torch import nn


class Cell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.forget_gate = nn.Linear(input_size + hidden_size, hidden_size)
        self.input_gate = nn.Linear(input_size + hidden_size, hidden_size)
        self.output_gate = nn.Linear(input_size + hidden_size, hidden_size)
        self.candidate = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x, state):
        h, c = state
        joined = torch.cat([x, h], dim=1)
        f, i = torch.sigmoid(self.forget_gate(joined)), torch.sigmoid(self.input_gate(joined))
        o = torch.sigmoid(self.output_gate(joined))
        g = torch.tanh(self.candidate(joined))
        c = f * c + i * g
        return o * torch.tanh(c), c
