"""Softmax cross-entropy, its gradient, and perplexity."""

import numpy as np

from lstm_ref.params import Array
from lstm_ref.validate import check_number, check_outputs
from lstm_ref.validate_training import check_logits


def log_softmax(outputs: Array) -> Array:
    """Logarithm of the softmax over the last axis; shifted by the largest entry, so it never overflows.

    Raises:
        ValueError: `outputs` is no array of floating-point numbers, or has no entry on its last axis.
    """
    check_logits(outputs)
    shifted = outputs - outputs.real.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def cross_entropy(outputs: Array, targets: Array) -> Array:
    """Mean cross-entropy, in nats, of the softmax of `outputs` against the target tokens.

    Args:
        outputs: (n, vocab_size), step-major as `lstm` returns them.
        targets: (n,) token indices in the same order: `Y.T.reshape(-1)`.

    Raises:
        ValueError: `outputs` are no floating-point numbers, `targets` does not fit them, or holds a token outside the
            vocabulary.
    """
    targets = check_outputs(outputs, targets)
    return -log_softmax(outputs)[np.arange(len(targets)), targets].mean()


def cross_entropy_backward(outputs: Array, targets: Array) -> Array:
    """Gradient of `cross_entropy` by the outputs, (n, vocab_size): (softmax - one-hot) / n."""
    targets = check_outputs(outputs, targets)
    one_hot = np.arange(outputs.shape[1]) == targets[:, None]
    return (np.exp(log_softmax(outputs)) - one_hot.astype(outputs.dtype)) / len(targets)


def perplexity(loss: float) -> float:
    """exp of the mean cross-entropy: how many equally likely tokens the model hesitates between.

    Raises:
        ValueError: the loss is no number; infinity and NaN are.
    """
    check_number("loss", loss)
    with np.errstate(over="ignore"):  # infinity says it well enough
        return float(np.exp(loss))
