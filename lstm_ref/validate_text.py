"""What text and prediction refuse, as `lstm_ref.validate`: a corpus, a vocabulary and what a model writes."""

from collections.abc import Hashable, Iterable, Iterator
from typing import Any

import numpy as np

from lstm_ref.validate import check_lr, check_sizes, finite


def check_corpus(corpus: Any) -> None:
    """A corpus is a row of integer tokens; its length is not looked at.

    Raises:
        ValueError: it is not.
    """
    tokens = np.asarray(corpus)
    if tokens.ndim != 1 or (tokens.size and not np.issubdtype(tokens.dtype, np.integer)):
        raise ValueError(f"corpus: expected a list of integer tokens, got {type(corpus).__name__} of shape "
                         f"{tokens.shape} and {tokens.dtype}; index the text with a Vocab first")


def check_share(**shares: Any) -> None:
    """Each is a number of at least 0 and below 1.

    Raises:
        ValueError: it is not.
    """
    for name, share in shares.items():
        if not 0 <= finite(share) < 1:
            raise ValueError(f"{name}: expected a share of at least 0 and below 1, got {share!r}")


def check_lines(tokens: Any, min_freq: Any, reserved_tokens: Any) -> None:
    """A vocabulary is made of tokens, or of lists of them and nothing else.

    Args:
        tokens: all, as a list, or what was given where it can't be read.
        min_freq: an integer of at least 0.
        reserved_tokens: not one string, which would be read by characters.

    Raises:
        ValueError: it is not.
    """
    check_sizes(0, min_freq=min_freq)
    if not isinstance(tokens, list):
        raise ValueError(f"tokens: expected a list of tokens, or of lists of them, got {type(tokens).__name__}")
    if isinstance(reserved_tokens, str) or not isinstance(reserved_tokens, Iterable):
        raise ValueError(f"reserved_tokens: expected a list of tokens, got {reserved_tokens!r}")
    nested = [isinstance(token, (list, tuple)) for token in tokens]
    if any(nested) and not all(nested):
        raise ValueError("tokens: expected tokens or lists of them, got both")
    for i, token in enumerate(token for line in tokens for token in line) if any(nested) else enumerate(tokens):
        check_token(f"tokens[{i}]", token)


def check_token(name: str, token: Any) -> None:
    """A token can be looked up: it is no array, no set and nothing that is read only once.

    Raises:
        ValueError: it is not.
    """
    if not isinstance(token, Hashable) or isinstance(token, Iterator) or hasattr(token, "dtype"):
        raise ValueError(f"{name}: expected a token, or a list of them, got {type(token).__name__}")


def check_index(index: Any, size: int) -> None:
    """The index of a token is an integer in [0, size).

    Raises:
        ValueError: it is not.
    """
    if isinstance(index, (bool, np.bool_)) or not hasattr(index, "__index__") or np.ndim(index):
        raise ValueError(f"indices: expected an integer, or a list of them, got {type(index).__name__}")
    if not 0 <= index < size:
        raise ValueError(f"indices: expected an integer in [0, {size}), got {index}")


def check_vocab(vocab: Any, vocab_size: int | None = None, texts: Iterable[str] = ()) -> None:
    """A vocabulary has as many tokens as a net, where that is known, and those of some texts.

    Raises:
        ValueError: it has not.
    """
    if not hasattr(vocab, "token_to_idx"):
        raise ValueError(f"vocab: expected a Vocab, got {type(vocab).__name__}")
    if vocab_size not in (None, len(vocab)):
        raise ValueError(f"vocab: expected {vocab_size} tokens, as many as the net has, got {len(vocab)}")
    for text in texts:
        for character in text:
            if character not in vocab.token_to_idx:
                raise ValueError(f"vocab: expected the characters of {text!r}, from which text is written, got none "
                                 f"for {character!r}")


def check_run(lr: Any, num_epochs: Any, vocab: Any, vocab_size: int, texts: Iterable[str]) -> None:
    """A training can begin: its rate, its epochs, and the vocabulary that texts are written with when it ends.

    Raises:
        ValueError: it can't; called before the first epoch.
    """
    check_lr(lr)
    check_sizes(num_epochs=num_epochs)
    check_vocab(vocab, vocab_size, texts)


def check_written(outputs: Any, vocab: Any) -> None:
    """The outputs that a token is chosen by: one for each of a vocabulary, none of them NaN.

    Raises:
        ValueError: there are more or fewer.
        FloatingPointError: one is NaN.
    """
    outputs = np.asarray(outputs)
    check_vocab(vocab, len(outputs))
    if np.isnan(outputs.astype(float)).any():
        raise FloatingPointError("outputs: expected numbers to choose a token by, got NaN")
