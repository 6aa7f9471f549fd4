"""A backend's net that is used more than once: called in every mode, loaded again, trained and asked."""

from lstm_ref.parity.interface import Drawn


class Model:
    """See `lstm_ref.parity.interface.Model`.

    Args:
        implementation: the `backends.adapter.Implementation` whose net it is.
        params: its weights, the LSTM's 14 arrays or the vanilla RNN's 5.
    """

    def __init__(self, implementation, params):
        self.implementation, self.net = implementation, implementation.fresh(params)

    def __call__(self, X, state, mode):
        """Outputs and last state for tokens."""
        i, f = self.implementation, self.implementation.adapter
        i.switch(self.net, mode == "training")
        with f.mode(mode):
            run = i.inference(self.net) if mode == "inference" else i.caller(self.net)
            outputs, last = run(i.tensor(X), i.state_in(state))
        return i.array(outputs), i.state_out(last)

    def begin_state(self, batch_size):
        """Its initial state."""
        state = self.implementation.begin_state(self.net, batch_size)
        return Drawn.of(state, self.implementation.state_out(state))

    def load(self, params):
        """Put other weights into it."""
        i = self.implementation
        i.set_weights(self.net, i.weights(i.fresh(params)))

    def read(self):
        """Its weights as they are now."""
        return [array.copy() for array in self.implementation.read(self.net)]

    def epoch(self, minibatches, lr, use_random_iter):
        """Train for one epoch."""
        i = self.implementation
        i.epoch(self.net, [i.tensors(minibatch) for minibatch in minibatches], lr, use_random_iter)

    def predict(self, prefix, num_preds, vocab):
        """What `predict_ch8` writes."""
        return self.implementation.predict(self.net, prefix, num_preds, vocab)
