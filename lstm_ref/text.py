"""The Time Machine as a corpus of characters or words: fetch, verify, tokenize, and two ways to cut minibatches.

The corpus is fetched once, verified by its SHA-1 and kept in the user's cache folder, or in the folder that the
environment variable LSTM_REF_DATA_DIR names. Without a network and a cache there is a story of this project's own.
"""

import collections
import hashlib
import os
import random
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib import resources
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from lstm_ref.params import Array
from lstm_ref.validate import check_sizes
from lstm_ref.validate_text import check_corpus, check_index, check_lines, check_share, check_token

URL = "http://d2l-data.s3-accelerate.amazonaws.com/timemachine.txt"
SHA1 = "090b5e7e70c295757f55df93cb0a180b9691891a"
FILE_NAME = "timemachine.txt"
FETCH_SECONDS = 20

#: 'timemachine', 'embedded' (the story that ships with this package), or the name of a text file
Source = str


class CorpusUnavailableError(OSError):
    """The Time Machine is not in the cache and could not be fetched."""


def data_dir() -> Path:
    """Where the corpus is kept: LSTM_REF_DATA_DIR, else the user's cache folder."""
    if named := os.environ.get("LSTM_REF_DATA_DIR"):
        return Path(named).expanduser()
    import pooch

    return Path(pooch.os_cache("lstm_ref"))


def fetch_time_machine() -> str:
    """The text of The Time Machine, from the cache or else from the book's host.

    Raises:
        ValueError: the cached or the fetched file can't be read, or is not the book's, by its SHA-1.
        CorpusUnavailableError: there is no cached file and none could be fetched.
    """
    path = data_dir() / FILE_NAME
    if not path.exists():
        _download(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: expected the book's file, which can't be read ({error.strerror})") from None
    found = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    if found != SHA1:
        raise ValueError(f"{path}: expected SHA-1 {SHA1}, found {found} ({len(content)} bytes); "
                         "this is not the book's file: delete it to fetch it again")
    return content.decode("ascii")


def _download(path: Path) -> None:
    """Fetch to `path`; pooch verifies the hash and only then puts the whole file in place."""
    import pooch

    downloader = pooch.HTTPDownloader(timeout=FETCH_SECONDS)
    level = pooch.get_logger().level
    pooch.get_logger().setLevel("WARNING")
    try:
        pooch.retrieve(URL, known_hash=f"sha1:{SHA1}", fname=path.name, path=path.parent, downloader=downloader)
    except ValueError as error:
        raise ValueError(f"{URL}: the file fetched is not the book's (expected SHA-1 {SHA1}): {error}") from None
    except OSError as error:
        raise CorpusUnavailableError(
            f"The Time Machine is not at {path} and could not be fetched from {URL} ({type(error).__name__}); "
            "connect once, or put the file there, or name its folder in LSTM_REF_DATA_DIR") from error
    finally:
        pooch.get_logger().setLevel(level)


def read_text(source: Source | None = None) -> tuple[str, Source]:
    """A text and where it came from.

    Args:
        source: 'timemachine', 'embedded' (the story that ships with this package), the name of a text file, or None
            for the first of the two that is to be had, with a line on standard error when that is the story.

    Raises:
        ValueError: the source is neither a text nor a path, there is no such file, it is no text, or the cached one is
            not the book's.
        CorpusUnavailableError: 'timemachine' was asked for by name and is not to be had.
    """
    if not isinstance(source, (str, os.PathLike, type(None))):
        raise ValueError("source: expected 'timemachine', 'embedded' or the name of a text file, got "
                         f"{type(source).__name__}")
    if source not in (None, "timemachine", "embedded"):
        try:
            return Path(source).read_text("utf-8"), source
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise ValueError(f"source: expected 'timemachine', 'embedded' or a text file, got {source!r} ({reason})"
                             ) from None
    if source != "embedded":
        try:
            return fetch_time_machine(), "timemachine"
        except CorpusUnavailableError as error:
            if source is not None:
                raise
            print(f"lstm_ref: using the embedded story instead of The Time Machine: {error}", file=sys.stderr)
    return resources.files("lstm_ref").joinpath("prose.txt").read_text("ascii"), "embedded"


def lines_of(text: str) -> list[str]:
    """The lines of a text: every run of non-letters becomes one space, ends stripped, lower-cased."""
    return [re.sub("[^A-Za-z]+", " ", line).strip().lower() for line in text.splitlines()]


def read_time_machine(source: Source | None = None) -> list[str]:
    """The lines of the text, see `lines_of` and `read_text`."""
    return lines_of(read_text(source)[0])


def tokenize(lines: Iterable[str], token: str = "word") -> list[list[str]]:
    """The words of each line, or, for token 'char', its characters, the spaces among them.

    Raises:
        ValueError: `token` is neither.
    """
    if token not in ("word", "char"):
        raise ValueError(f"token: expected 'char' or 'word', got {token!r}")
    return [line.split() if token == "word" else list(line) for line in lines]


class Vocab:
    """Tokens and their indices: `<unk>` is 0, then by falling count, ties in order of first appearance.

    Args:
        tokens: a list of tokens, or of lists of tokens.
        min_freq: rarer tokens are left out.
        reserved_tokens: follow `<unk>` before all others.

    Raises:
        ValueError: the tokens or the reserved ones are none, or `min_freq` is not an integer of at least 0.
    """

    def __init__(self, tokens: Iterable[Any] = (), min_freq: int = 0, reserved_tokens: Iterable[str] = ()):
        tokens = list(tokens) if isinstance(tokens, Iterable) else tokens
        check_lines(tokens, min_freq, reserved_tokens)
        if tokens and isinstance(tokens[0], (list, tuple)):
            tokens = [token for line in tokens for token in line]
        #: (token, count) by falling count
        self.token_freqs: list[tuple[str, int]] = collections.Counter(tokens).most_common()
        frequent = [token for token, count in self.token_freqs if count >= min_freq]
        self.idx_to_token: list[str] = list(dict.fromkeys(["<unk>", *reserved_tokens, *frequent]))
        self.token_to_idx = {token: idx for idx, token in enumerate(self.idx_to_token)}

    def __len__(self) -> int:
        return len(self.idx_to_token)

    # Without these two Python would ask __getitem__ for 0, 1, 2, ..., which never ends.
    def __contains__(self, token: object) -> bool:
        return token in self.token_to_idx

    def __iter__(self) -> Iterator[str]:
        return iter(self.idx_to_token)

    def __getitem__(self, tokens: Any) -> Any:
        """The index of a token (0 when unknown), or a list of indices for a list of tokens.

        Raises:
            ValueError: it can be neither, as an array, a set or a generator.
        """
        if isinstance(tokens, (list, tuple)):
            return [self[token] for token in tokens]
        check_token("tokens", tokens)
        return self.token_to_idx.get(tokens, self.unk)

    def to_tokens(self, indices: Any) -> Any:
        """The token of an index, or a list of tokens for a list of indices.

        Raises:
            ValueError: an index is no integer in [0, len(self)).
        """
        if isinstance(indices, (list, tuple)):
            return [self.to_tokens(index) for index in indices]
        check_index(indices, len(self))
        return self.idx_to_token[indices]

    @property
    def unk(self) -> int:
        """Index of the unknown token."""
        return 0


def load_corpus_time_machine(max_tokens: int = -1, source: Source | None = None) -> tuple[list[int], Vocab]:
    """The text as character indices, and the vocabulary, which is counted on the full text.

    Args:
        max_tokens: keep the first so many tokens; -1 keeps all (170,580 of The Time Machine).
        source: see `read_text`.

    Raises:
        ValueError: `max_tokens` is neither -1 nor positive; otherwise as `read_text`.
    """
    return corpus_of(read_text(source)[0], max_tokens)


def corpus_of(text: str, max_tokens: int = -1, token: str = "char", min_freq: int = 0) -> tuple[list[int], Vocab]:
    """As `load_corpus_time_machine`, of a text that is there, in characters or words.

    Args:
        text: all of it, which the vocabulary is counted on.
        max_tokens: as there.
        token: 'char' or 'word'; see `tokenize`.
        min_freq: rarer tokens are `<unk>`; see `Vocab`.

    Raises:
        ValueError: as `load_corpus_time_machine` and `tokenize`; `min_freq` is not an integer of at least 0.
    """
    if max_tokens != -1:
        check_sizes(max_tokens=max_tokens)
    check_sizes(0, min_freq=min_freq)
    lines = tokenize(lines_of(text), token)
    vocab = Vocab(lines, min_freq)
    tokens = islice(chain.from_iterable(lines), None if max_tokens == -1 else max_tokens)
    return [vocab[token] for token in tokens], vocab


Minibatch = tuple[Array, Array]


def _check_sampling(corpus: Any, batch_size: int, num_steps: int) -> None:
    check_sizes(batch_size=batch_size, num_steps=num_steps)
    check_corpus(corpus)
    # The largest offset and the target of the last token must fit as well.
    needed = batch_size * num_steps + num_steps + 1
    if len(corpus) < needed:
        raise ValueError(f"corpus: expected at least {needed} tokens for one minibatch of {batch_size} × {num_steps} "
                         f"at any offset, got {len(corpus)}")


def seq_data_iter_random(corpus: Any, batch_size: int, num_steps: int) -> Iterator[Minibatch]:
    """Minibatches of subsequences in random order, from a random offset (`random.randint(0, num_steps - 1)`).

    Yields:
        X, Y of shape (batch_size, num_steps), integer tokens; Y is X one token later.

    Raises:
        ValueError: the corpus is too short for one minibatch, or no row of integer tokens.
    """
    _check_sampling(corpus, batch_size, num_steps)
    corpus = np.asarray(corpus)[random.randint(0, num_steps - 1):]
    starts = list(range(0, (len(corpus) - 1) // num_steps * num_steps, num_steps))
    random.shuffle(starts)
    for first in range(0, len(starts) // batch_size * batch_size, batch_size):
        rows = np.array(starts[first:first + batch_size])[:, None] + np.arange(num_steps)
        yield corpus[rows], corpus[rows + 1]


def seq_data_iter_sequential(corpus: Any, batch_size: int, num_steps: int) -> Iterator[Minibatch]:
    """Sequential partition: row b of a minibatch continues row b of the one before.

    The offset is `random.randint(0, num_steps)`.

    Yields:
        X, Y of shape (batch_size, num_steps), integer tokens; Y is X one token later.

    Raises:
        ValueError: the corpus is too short for one minibatch, or no row of integer tokens.
    """
    _check_sampling(corpus, batch_size, num_steps)
    offset = random.randint(0, num_steps)
    num_tokens = (len(corpus) - offset - 1) // batch_size * batch_size
    tokens = np.asarray(corpus)[offset:offset + num_tokens + 1]
    Xs, Ys = tokens[:-1].reshape(batch_size, -1), tokens[1:].reshape(batch_size, -1)
    for t in range(0, Xs.shape[1] // num_steps * num_steps, num_steps):
        yield Xs[:, t:t + num_steps], Ys[:, t:t + num_steps]


class SeqDataLoader:
    """Iterates over the minibatches of one epoch; each `iter` draws a new offset.

    Args:
        batch_size: rows of a minibatch.
        num_steps: tokens of a row.
        use_random_iter: random sampling instead of sequential partition.
        max_tokens: as for `load_corpus_time_machine`.
        source: see `read_text`.
        to_tensor: turns each X and Y into the array of a framework.
        token: 'char' or 'word'.
        min_freq: rarer tokens are `<unk>`.
        held_out: share of the tokens, the last ones, that are not trained on but kept in `held_out`.

    Raises:
        ValueError: as `load_data_time_machine`; `token` or `min_freq` is none, or `held_out` is not in [0, 1).
    """

    def __init__(
        self,
        batch_size: int,
        num_steps: int,
        use_random_iter: bool = False,
        max_tokens: int = 10_000,
        source: Source | None = None,
        to_tensor: Callable[[Array], Any] = np.asarray,
        token: str = "char",
        min_freq: int = 0,
        held_out: float = 0,
    ):
        check_share(held_out=held_out)
        text, self.source = read_text(source)
        corpus, self.vocab = corpus_of(text, max_tokens, token, min_freq)
        kept = len(corpus) - round(held_out * len(corpus))
        self.corpus, self.held_out = corpus[:kept], corpus[kept:]
        _check_sampling(self.corpus, batch_size, num_steps)
        self.batch_size, self.num_steps = batch_size, num_steps
        self.data_iter_fn = seq_data_iter_random if use_random_iter else seq_data_iter_sequential
        self.to_tensor = to_tensor

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        for X, Y in self.data_iter_fn(self.corpus, self.batch_size, self.num_steps):
            yield self.to_tensor(X), self.to_tensor(Y)


def load_data_time_machine(
    batch_size: int, num_steps: int, use_random_iter: bool = False, max_tokens: int = 10_000,
    source: Source | None = None, to_tensor: Callable[[Array], Any] = np.asarray,
) -> tuple[SeqDataLoader, Vocab]:
    """The loader of `SeqDataLoader` and its vocabulary; the arguments are the same.

    Raises:
        ValueError: a size is not positive, or the corpus is too short for one minibatch.
    """
    loader = SeqDataLoader(batch_size, num_steps, use_random_iter, max_tokens, source, to_tensor)
    return loader, loader.vocab
