"""NumPy as the judge sees it: the reference, run in the tested precision, and the fused LSTM."""

from collections.abc import Mapping
from functools import partial

import lstm_ref as ref
from backends import adapter
from backends.numpy import embedding, fused
from lstm_ref.embedding import EmbeddingParams, get_embedding_params
from lstm_ref.parity.interface import OTHERS, NumPy, cell_of
from lstm_ref.parity.reference import Reference


class Adapter(adapter.Adapter, NumPy):
    """The sanity line of the report, and the fused LSTM; raises RuntimeError for any device but the CPU."""

    def __init__(self, device):
        super().__init__(device)
        self.implementations = {"scratch": Scratch(self), "fused": adapter.Fused(self, fused)}
        self.embeddings = {"fused": partial(Embedded, self)}


class Embedded(adapter.Fused):
    """The fused LSTM with an embedding of this size in front, for the command `train`."""

    def __init__(self, adapter, size):
        super().__init__(adapter, embedding)
        self.size = size

    def start(self, cell, vocab_size, num_hiddens, seed):
        return embedding.RNNModelEmbedding(get_embedding_params(vocab_size, self.size, num_hiddens, seed))

    def weights(self, net):
        return {"embedding": net.params.embedding, **net.params.lstm._asdict()}

    def set_weights(self, net, weights):
        table, *lstm = weights.values()
        net.__init__(EmbeddingParams(table, ref.LSTMParams(*lstm)))


class Scratch(Reference):
    """The reference, and what the command `train` needs besides: see `backends.adapter.Implementation`."""

    not_judged: Mapping[str, str] = {"own": "it is the reference"}
    cells: Mapping[str, Mapping[str, str]] = dict.fromkeys(OTHERS, not_judged)

    def __init__(self, adapter, ref=ref):
        super().__init__(ref=ref)
        self.adapter = adapter
        self.not_judged = adapter.without_engine() | self.not_judged
        self.cells = dict.fromkeys(OTHERS, self.not_judged)

    def parallel(self, case):
        return self.adapter.on_workers(self, case)

    def fresh(self, params):
        return self.net(params)

    def read(self, net):
        return list(net.params)

    def state_out(self, state):
        return tuple(state)

    def start(self, cell, vocab_size, num_hiddens, seed):
        return self.net(self._cells[cell][0](vocab_size, num_hiddens, seed))

    def weights(self, net):
        return net.params._asdict()

    def set_weights(self, net, weights):
        net.params = type(net.params)(**weights)

    def begin_state(self, net, batch_size):
        return net.begin_state(batch_size)

    def training_step(self, net, lr):
        *_, forward, backward = self._cells[cell_of(net.params)]

        def step(X, Y, state):
            net.params, state, loss = ref.train_step(net.params, X, Y, state, lr, 1.0, forward, backward)
            return loss, state

        return step

    def inference(self, net):
        return net

    def epoch(self, net, train_iter, lr, use_random_iter, losses=None):
        return ref.train_epoch_ch8(net, train_iter, lr, use_random_iter, losses)

    def predict(self, net, prefix, num_preds, vocab, alpha=None, rng=None):
        return ref.predict_ch8(prefix, num_preds, net, vocab, alpha, rng)
