"""The fused LSTM with a learned embedding in front: see `lstm_ref.embedding`."""

from backends.numpy import fused
from lstm_ref.embedding import EmbeddingParams, embed_backward, squared
from lstm_ref.validate import check_model, dtype_name


class RNNModelEmbedding(fused.RNNModelFused):
    """`RNNModelFused` for `EmbeddingParams`, which are copied.

    Raises:
        ValueError: they do not fit each other.
    """

    def __init__(self, params):
        check_model(squared(params))
        (self.vocab_size, self.num_inputs), self.num_hiddens = params.embedding.shape, len(params.lstm.W_hq)
        self.precision = dtype_name(params.embedding)
        self.embedding, self.buffers = params.embedding.copy(), None
        self.W, self.W_hq, self.b_q = fused.pack(params.lstm)

    @property
    def params(self):
        """The parameters as they are now."""
        return EmbeddingParams(self.embedding.copy(), super().params)

    def reading(self, X, state):
        """The buffers with the rows of tokens X, (B, T), for inputs."""
        work = self.work(*X.T.shape, state)
        work.encoded(self.embedding[X.T])
        return work

    def trained(self):
        """The arrays that a step updates."""
        return *super().trained(), self.embedding

    def gradients(self, work, X, dY):
        """The last one by the embedding, as a whole array: rows of tokens that did not occur are zeros."""
        grads = super().gradients(work, X, dY)
        T, B, D, h = work.sizes
        d_inputs = self.W[:, h:-1].T @ work.all_dA.reshape(-1, T * B)
        return *grads, embed_backward(X.T, d_inputs.T.reshape(T, B, D), self.vocab_size)
