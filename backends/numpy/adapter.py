"""The reference, run in the tested precision, as the judge sees it."""

import numpy as np

import lstm_ref as ref
from lstm_ref.parity.implementation import Reference


class Adapter:
    """The sanity line of the report; raises RuntimeError for any device but the CPU."""

    def __init__(self, device):
        if device != "cpu":
            raise RuntimeError(f"device {device}: NumPy computes on the CPU alone; use --device cpu")
        self.device = device
        self.implementations = {"scratch": Scratch()}

    def version(self):
        return np.__version__

    def tensor(self, array):
        return np.asarray(array)

    def array(self, tensor):
        return np.asarray(tensor)


class Scratch(Reference):
    """The reference, and what the command `train` needs beside it: see `backends.adapter.Implementation`."""

    def start(self, cell, vocab_size, num_hiddens, seed):
        return self.net({"lstm": ref.get_lstm_params, "rnn": ref.get_params}[cell](vocab_size, num_hiddens, seed))

    def weights(self, net):
        return net.params._asdict()

    def set_weights(self, net, weights):
        net.params = type(net.params)(**weights)

    def epoch(self, net, train_iter, lr, use_random_iter, losses=None):
        return ref.train_epoch_ch8(net, train_iter, lr, use_random_iter, losses)

    def predict(self, net, prefix, num_preds, vocab):
        return ref.predict_ch8(prefix, num_preds, net, vocab)
