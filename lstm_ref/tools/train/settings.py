"""What a training run does."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """What a run does; the defaults are the book's.

    Attributes:
        backend: an installed backend's name, or package.module:Adapter.
        model: 'scratch', 'concise' or 'fused'.
        cell: 'lstm', 'rnn' or 'gru'.
        epochs: number of passes over the data.
        seed: of the initial weights, of the offsets of the minibatches and of what is drawn.
        data: 'timemachine', 'embedded', the name of a text file, or None for the first that is available.
        use_random_iter: random sampling instead of sequential partition.
        lr: learning rate.
        num_hiddens: h.
        batch_size: rows of a minibatch.
        num_steps: tokens of a row.
        max_tokens: the corpus is cut to this many; -1 keeps all.
        tokens: 'char' or 'word'.
        min_freq: tokens that the text has less often are `<unk>`.
        valid: share of the corpus, its end, that is held out; its perplexity is measured after each epoch.
        embedding: size of a learned embedding in front of the LSTM; None is one-hot.
        alpha: what is written at the end is drawn with the probabilities raised to this; None takes the most likely.
        device: 'cpu' or 'gpu'.
        workers: how many share the rows of each minibatch.
    """

    backend: str = "numpy"
    model: str = "scratch"
    cell: str = "lstm"
    epochs: int = 500
    seed: int = 0
    data: str | None = None
    use_random_iter: bool = False
    lr: float = 1.0
    num_hiddens: int = 256
    batch_size: int = 32
    num_steps: int = 35
    max_tokens: int = 10_000
    tokens: str = "char"
    min_freq: int = 0
    valid: float = 0.0
    embedding: int | None = None
    alpha: float | None = None
    device: str = "cpu"
    workers: int = 1
