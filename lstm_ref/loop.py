"""The shape of the book's training loop, once for all tabs: an epoch, a run of epochs, and prediction.

A tab says how its framework begins a state, detaches it and takes a step; what happens when is said here.
"""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from lstm_ref.loss import log_softmax, perplexity
from lstm_ref.params import Array
from lstm_ref.text import Vocab
from lstm_ref.validate import check_alpha, check_prefix, check_sizes
from lstm_ref.validate_text import check_vocab, check_written
from lstm_ref.validate_training import check_seed, pair

PREFIXES = "time traveller", "traveller"  #: what a model goes on from after its training


class Timer:
    """Times several laps; it runs from the moment it is made."""

    def __init__(self) -> None:
        #: seconds of each lap
        self.times: list[float] = []
        self.start()

    def start(self) -> None:
        """Begin a lap."""
        self.tik = time.perf_counter()

    def stop(self) -> float:
        """End the lap; returns its seconds."""
        self.times.append(time.perf_counter() - self.tik)
        return self.times[-1]

    def avg(self) -> float:
        """Mean of the laps, in seconds; ValueError before there is one."""
        if not self.times:
            raise ValueError("times: expected at least one lap, got none; call stop first")
        return self.sum() / len(self.times)

    def sum(self) -> float:
        """All laps together, in seconds."""
        return sum(self.times)

    def cumsum(self) -> list[float]:
        """Seconds up to the end of each lap."""
        return [float(total) for total in np.cumsum(self.times)]


class Accumulator:
    """Keeps n running sums."""

    def __init__(self, n: int):
        self.data = [0.0] * n

    def add(self, *args: Any) -> None:
        """Add one number to each sum."""
        self.data = [total + float(x) for total, x in zip(self.data, args, strict=True)]

    def reset(self) -> None:
        """Back to zero."""
        self.data = [0.0] * len(self.data)

    def __getitem__(self, i: int) -> float:
        return self.data[i]


def train_epoch(
    train_iter: Iterable[tuple[Any, Any]],
    begin_state: Callable[[int], Any],
    detach: Callable[[Any], Any],
    step: Callable[[Any, Any, Any], tuple[Any, Any]],
    use_random_iter: bool,
    losses: list[Any] | None = None,
) -> tuple[float, float]:
    """One pass over the minibatches.

    The state begins anew at the epoch's start, and with random sampling at every minibatch; otherwise it is carried
    on, cut off from the graph that made it.

    Args:
        train_iter: minibatches X, Y of shape (batch_size, num_steps).
        begin_state: the initial state for a batch size.
        detach: the state without its history.
        step: one training step, (X, Y, state) to (loss, new state).
        use_random_iter: whether the minibatches do not continue each other.
        losses: when given, each minibatch's loss is appended to it.

    Returns:
        Perplexity (exp of the mean loss a token) and tokens per second.

    Raises:
        FloatingPointError: a loss is not finite; names the minibatch.
        ValueError: there is no minibatch, or one is no pair of arrays.
    """
    state, timer = None, Timer()
    metric = Accumulator(2)  # sum of the loss over the tokens, number of tokens
    for i, minibatch in enumerate(train_iter):
        X, Y = pair(minibatch)
        state = begin_state(X.shape[0]) if state is None or use_random_iter else detach(state)
        try:
            loss, state = step(X, Y, state)
        except FloatingPointError as error:
            raise FloatingPointError(f"minibatch {i + 1}: {error}") from None
        num_tokens = math.prod(Y.shape)
        metric.add(float(loss) * num_tokens, num_tokens)
        if losses is not None:
            losses.append(loss)
    if not metric[1]:
        raise ValueError("train_iter: expected at least one minibatch, got none")
    return perplexity(metric[0] / metric[1]), metric[1] / timer.stop()


def train(
    num_epochs: int,
    epoch: Callable[[], tuple[float, float]],
    predict: Callable[[str], str],
    animator: Any,
    device: Any,
    samples: bool = True,
) -> None:
    """Train for some epochs; every tenth is drawn and, with `samples`, shows what the model writes.

    Args:
        num_epochs: at least 1.
        epoch: trains for one epoch; perplexity and tokens per second.
        predict: fifty characters after a prefix.
        animator: the drawing, see `lstm_ref.animator.Animator`.
        device: to be named in the last line.
        samples: print a sample every ten epochs.

    Raises:
        FloatingPointError: a loss is not finite; names the epoch and the minibatch.
        ValueError: `num_epochs` is not a positive integer.
    """
    check_sizes(num_epochs=num_epochs)
    for i in range(1, num_epochs + 1):
        try:
            ppl, speed = epoch()
        except FloatingPointError as error:
            raise FloatingPointError(f"epoch {i}, {error}") from None
        if i % 10 == 0:
            if samples:
                print(predict(PREFIXES[0]))
            animator.add(i, [ppl])
    print(f"perplexity {ppl:.1f}, {speed:.1f} tokens/s on {device}")
    for prefix in PREFIXES:
        print(predict(prefix))


def draw_token(outputs: Array, alpha: float, rng: np.random.Generator) -> int:
    """A token drawn with the probabilities that softmax gives, each raised to alpha, and scaled to a sum of one.

    Args:
        outputs: (vocab_size,), of one step.
        alpha: 1 draws as the model predicts, 0 all tokens alike; the larger, the more often the most likely one. Its
            inverse is called the temperature.
        rng: what draws.
    """
    return int(rng.choice(len(outputs), p=np.exp(log_softmax(alpha * np.asarray(outputs, np.float64)))))


def predict(
    prefix: str | Sequence[str], num_preds: int, vocab: Vocab, state: Any,
    step: Callable[[int, Any], tuple[Array, Any]], alpha: float | None = None,
    rng: np.random.Generator | int | None = None,
) -> str:
    """The prefix and the characters that the model holds most likely after it, one after the other.

    Args:
        prefix: read first, to warm the state up. A string is read by characters; of words it is a list, and the text
            has spaces between them.
        num_preds: number of tokens to write; at least 0.
        vocab: of characters, or of words.
        state: initial, for a batch of one.
        step: one token and a state to the outputs (vocab_size,) on the host, and the new state.
        alpha: when given, tokens are drawn instead, see `draw_token`.
        rng: what they are drawn with: a generator, a seed, or None for fresh entropy.

    Raises:
        ValueError: the prefix is empty, no string or list of them, or has a character that is not in the vocabulary,
            which has not as many tokens as there are outputs; `num_preds` is not an integer of at least 0, `alpha`
            not a finite number of at least 0, or `rng` none of these.
        FloatingPointError: an output is NaN.
    """
    check_sizes(0, num_preds=num_preds)
    check_vocab(vocab)
    check_prefix(prefix, vocab.token_to_idx)
    if alpha is not None:
        check_alpha(alpha)
    check_seed(rng)
    rng = np.random.default_rng(rng)
    tokens = [vocab[token] for token in prefix]
    for token in tokens[:-1]:
        _, state = step(token, state)
    for _ in range(num_preds):
        outputs, state = step(tokens[-1], state)
        check_written(outputs, vocab)
        tokens.append(int(np.argmax(outputs)) if alpha is None else draw_token(outputs, alpha, rng))
    return ("" if isinstance(prefix, str) else " ").join(vocab.to_tokens(tokens))
