"""The concise LSTM with a learned embedding in front, `nn.Embedding`: see `lstm_ref.embedding`."""

from torch import nn

from backends.torch import concise
from lstm_ref.embedding import EmbeddingParams
from lstm_ref.validate import check_rows


class EmbeddingModel(concise.RNNModel):
    """An `RNNModel` whose layer reads as many numbers as the embedding gives for a token."""

    reads_tokens = False

    def __init__(self, rnn_layer, vocab_size):
        super().__init__(rnn_layer, vocab_size)
        like = rnn_layer.weight_ih_l0
        self.embedding = nn.Embedding(vocab_size, rnn_layer.input_size, device=like.device, dtype=like.dtype)

    def forward(self, inputs, state):
        """Outputs and new state for tokens, (batch_size, num_steps)."""
        check_rows(inputs, self.vocab_size, "torch.Tensor")
        return self.run(self.embedding(inputs.T), state)


def from_params(params):
    """A model that computes what `embedding_lstm` does with these `EmbeddingParams` of tensors, on their device."""
    (vocab_size, size), like = params.embedding.shape, params.embedding
    layer = nn.LSTM(size, len(params.lstm.W_hq), device=like.device, dtype=like.dtype)
    net = EmbeddingModel(layer, vocab_size)
    concise.fill(net, params.lstm._asdict(), concise.GATES)
    net.embedding.weight.data.copy_(params.embedding)
    return net


def gradients(net):
    """The gradients of a model as `EmbeddingParams`."""
    return EmbeddingParams(net.embedding.weight.grad, concise.lstm_grads(net))
