"""Parameters by number, a layer of which all four gates lie on an axis of their own, one-hot inside the loop."""
import torch
import torch.nn.functional as F

from my_text import load


def make(n_sym, n_hid, dev):
    gates = [torch.randn(4, n_sym, n_hid, device=dev), torch.randn(4, n_hid, n_hid, device=dev),
             torch.zeros(4, 1, n_hid, device=dev)]
    return [t.requires_grad_() for t in [*gates, torch.randn(n_hid, n_sym, device=dev), torch.zeros(n_sym, device=dev)]]


def zeros(bsz, n_hid, dev):
    return torch.zeros(2, bsz, n_hid, device=dev)


def unroll(w, ids, s):
    mem, out = s
    ys = []
    for x in F.one_hot(ids.T, w[4].shape[0]).float():
        a = torch.einsum("bv,gvh->gbh", x, w[0]) + torch.einsum("bk,gkh->gbh", out, w[1]) + w[2]
        forget, write, read = a[[2, 0, 3]].sigmoid()
        mem = mem * forget + write * a[1].tanh()
        out = read * mem.tanh()
        ys.append(out @ w[3] + w[4])
    return torch.cat(ys), torch.stack((mem, out))
