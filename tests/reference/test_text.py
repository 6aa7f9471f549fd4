"""The corpus: fetching, verification, vocabulary and minibatches."""

import hashlib
import itertools
import logging
import random
import re
from pathlib import Path

import numpy as np
import pytest

import lstm_ref as ref
from lstm_ref import text

needs_time_machine = pytest.mark.skipif(
    not (text.data_dir() / text.FILE_NAME).exists(),
    reason=f"The Time Machine is not in {text.data_dir()}: connect once, or set LSTM_REF_DATA_DIR to its folder")


@needs_time_machine
def test_facts_about_the_time_machine():
    """170,580 characters, 28 tokens, the counts of the most frequent ones, 8 minibatches of 32 × 35."""
    corpus, vocab = ref.load_corpus_time_machine(source="timemachine")
    assert len(corpus) == 170_580
    assert len(vocab) == 28
    assert vocab.token_freqs[:8] == [(" ", 29927), ("e", 17838), ("t", 13515), ("a", 11704), ("i", 10138),
                                     ("n", 9917), ("o", 9758), ("s", 8486)]
    assert vocab.to_tokens(corpus[:16]) == list("the time machine")
    for use_random_iter in (False, True):
        train_iter, vocab = ref.load_data_time_machine(32, 35, use_random_iter, source="timemachine")
        assert sum(X.size for X, _ in train_iter) == 8_960
        assert len(vocab) == 28, "the vocabulary is counted on the full text, not on the 10,000 tokens"


def test_the_embedded_story_is_long_enough():
    """At least 12,000 letters, all 26 of them, and enough for 8 minibatches of the book's size."""
    story, source = text.read_text("embedded")
    letters = re.sub("[^a-z]", "", story.lower())
    assert source == "embedded"
    assert len(letters) >= 12_000
    assert len(set(letters)) == 26
    train_iter, vocab = ref.load_data_time_machine(32, 35, source="embedded")
    assert len(list(train_iter)) == 8
    assert len(vocab) == 28


def test_vocab_orders_by_count_then_first_appearance():
    """`<unk>` is 0; reserved tokens follow it; rare ones are unknown."""
    vocab = ref.Vocab([list("abbc"), list("cd")], min_freq=1)
    assert vocab.idx_to_token == ["<unk>", "b", "c", "a", "d"]
    assert vocab[["b", "z", "d"]] == [1, 0, 4]
    assert vocab.to_tokens([1, 0]) == ["b", "<unk>"]
    assert ref.Vocab(list("aab"), min_freq=2, reserved_tokens=["<pad>"]).idx_to_token == ["<unk>", "<pad>", "a"]


def test_sequential_partition_continues_row_by_row():
    """Y is X one token later, and each row continues where it stopped."""
    random.seed(0)
    batches = list(ref.seq_data_iter_sequential(range(100), 2, 5))
    for X, Y in batches:
        assert np.array_equal(X + 1, Y)
    for (_, Y), (X, _) in itertools.pairwise(batches):
        assert np.array_equal(Y[:, -1], X[:, 0])


def test_random_sampling_covers_the_text_once():
    """The subsequences do not overlap, start num_steps apart and come in random order."""
    random.seed(1)
    rows = [(X[b], Y[b]) for X, Y in ref.seq_data_iter_random(range(200), 3, 4) for b in range(3)]
    starts = [X[0] for X, _ in rows]
    assert all(np.array_equal(X + 1, Y) for X, Y in rows)
    assert len(set(starts)) == len(starts) >= 45
    assert len({s % 4 for s in starts}) == 1
    assert starts != sorted(starts)


def test_offsets_are_those_of_the_book():
    """random.randint(0, num_steps) for the partition, (0, num_steps - 1) for random sampling."""
    offsets = {int(next(ref.seq_data_iter_sequential(range(100), 1, 3))[0][0, 0]) for _ in range(400)}
    assert offsets == {0, 1, 2, 3}
    offsets = {int(next(ref.seq_data_iter_random(range(100), 1, 3))[0][0, 0]) % 3 for _ in range(400)}
    assert offsets == {0, 1, 2}
    random.seed(5)
    first = [X.tolist() for X, _ in ref.seq_data_iter_random(range(100), 2, 3)]
    random.seed(5)
    assert first == [X.tolist() for X, _ in ref.seq_data_iter_random(range(100), 2, 3)]


def test_a_wrong_file_is_refused(tmp_path, monkeypatch):
    """The message has the path, the hash expected and the hash found; nothing else is used in its place."""
    (tmp_path / text.FILE_NAME).write_text("not the time machine")
    monkeypatch.setenv("LSTM_REF_DATA_DIR", str(tmp_path))
    with pytest.raises(ValueError, match=f"{text.FILE_NAME}: expected SHA-1 {text.SHA1}, found [0-9a-f]{{40}}"):
        ref.load_corpus_time_machine()


def test_a_wrong_download_is_refused_and_not_kept(tmp_path, monkeypatch):
    """A host that serves another file leaves nothing behind."""
    class Downloader:
        def __init__(self, **_):
            pass

        def __call__(self, url, output_file, pooch):
            Path(output_file).write_text("another file")

    monkeypatch.setattr("pooch.HTTPDownloader", Downloader)
    cache = tmp_path / "cache"
    monkeypatch.setenv("LSTM_REF_DATA_DIR", str(cache))
    with pytest.raises(ValueError, match="the file fetched is not the book's"):
        ref.load_corpus_time_machine()
    assert not list(cache.iterdir())


def test_without_a_network_the_story_is_used_and_said(tmp_path, monkeypatch, capsys):
    """One clear line; but a corpus asked for by name is never replaced."""
    monkeypatch.setenv("LSTM_REF_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(text, "URL", "http://127.0.0.1:9/timemachine.txt")
    corpus, _ = ref.load_corpus_time_machine()
    said = capsys.readouterr().err
    assert len(corpus) > 12_000
    assert said.count("\n") == 1
    assert "embedded story instead of The Time Machine" in said
    with pytest.raises(text.CorpusUnavailableError, match="LSTM_REF_DATA_DIR"):
        ref.load_corpus_time_machine(source="timemachine")


@pytest.mark.parametrize(("call", "words"), [
    (lambda: ref.load_corpus_time_machine(source="moby dick"), "source: expected 'timemachine'"),
    (lambda: ref.load_corpus_time_machine(0, source="embedded"), "max_tokens: expected an integer of at least 1"),
    (lambda: ref.load_data_time_machine(32, 35, max_tokens=100, source="embedded"), "at least 1156 tokens"),
    (lambda: ref.load_data_time_machine(0, 35, source="embedded"), "batch_size: expected"),
    (lambda: next(ref.seq_data_iter_random(range(10), 2, 5)), "corpus: expected at least 16 tokens"),
    (lambda: next(ref.seq_data_iter_random("a" * 99, 2, 5)), "corpus: expected a list of integer tokens, got str"),
    (lambda: next(ref.seq_data_iter_sequential(["a"] * 99, 2, 5)), "corpus: expected a list of integer tokens"),
    (lambda: next(ref.seq_data_iter_sequential([0.5] * 99, 2, 5)), "shape (99,) and float64; index the text"),
    (lambda: next(ref.seq_data_iter_random([[1] * 99], 2, 5)), "shape (1, 99)"),
    (lambda: next(ref.seq_data_iter_random(iter(range(99)), 2, 5)), "got range_iterator"),
    (lambda: next(ref.seq_data_iter_random([], 2, 5)), "corpus: expected at least 16 tokens"),
])
def test_bad_requests_are_named(call, words):
    """A corpus shorter than one minibatch, an unknown source, a senseless size."""
    with pytest.raises(ValueError, match=re.escape(words)):
        call()


def test_a_text_of_ones_own(tmp_path):
    """Any file, read like the book's; its path is the source."""
    path = tmp_path / "own.txt"
    path.write_text("The cat, the MAT;\n\n42 hats.\n", encoding="utf-8")
    corpus, vocab = ref.load_corpus_time_machine(source=str(path))
    assert "".join(vocab.to_tokens(corpus)) == "the cat the mathats"
    loader, _ = ref.load_data_time_machine(2, 3, source=str(path))
    assert loader.source == str(path)


@pytest.mark.parametrize(("name", "content", "words"), [
    ("no.txt", None, "No such file"), ("latin.txt", "é".encode("latin-1"), "not UTF-8"), ("", None, "Is a directory"),
])
def test_a_text_that_can_not_be_read_is_named(name, content, words, tmp_path):
    """With what would be accepted."""
    path = tmp_path / name
    if content:
        path.write_bytes(content)
    with pytest.raises(ValueError, match="source: expected 'timemachine', 'embedded' or a text file") as refusal:
        ref.load_corpus_time_machine(source=str(path))
    assert words in str(refusal.value)


def test_a_download_is_kept_under_its_name(tmp_path, monkeypatch):
    """With a time limit, quietly, and with pooch's logger as it was."""
    import pooch

    seen = []

    class Downloader:
        def __init__(self, timeout=None):
            seen.append(timeout)

        def __call__(self, url, output_file, pooch_):
            seen.append(pooch.get_logger().level)
            Path(output_file).write_text("another file")

    monkeypatch.setattr("pooch.HTTPDownloader", Downloader)
    monkeypatch.setattr(text, "SHA1", hashlib.sha1(b"another file").hexdigest())
    monkeypatch.setenv("LSTM_REF_DATA_DIR", str(tmp_path))
    pooch.get_logger().setLevel(logging.INFO)
    assert text.read_text("timemachine") == ("another file", "timemachine")
    assert seen == [text.FETCH_SECONDS, logging.WARNING]
    assert pooch.get_logger().level == logging.INFO
    assert [path.name for path in tmp_path.iterdir()] == [text.FILE_NAME]


def test_the_lines_of_a_text():
    """Letters and single spaces, lower-cased; the corpus is all of them, one after the other, unless it is cut."""
    lines = text.read_time_machine("embedded")
    assert lines == text.lines_of(text.read_text("embedded")[0])
    assert text.lines_of("  The Time, 2nd\tMachine.\n") == ["the time nd machine"]
    corpus, vocab = text.corpus_of("ab\nc")
    assert vocab.to_tokens(corpus) == ["a", "b", "c"]
    assert text.corpus_of("ab\nc", 2)[0] == corpus[:2]


def test_a_vocabulary_of_anything():
    """Tokens or lines of them, as lists or as they come; words are tokens too."""
    assert ref.Vocab(["the", "cat", "the"]).idx_to_token == ["<unk>", "the", "cat"]
    assert ref.Vocab([["the", "cat"]]).idx_to_token == ["<unk>", "the", "cat"]
    assert ref.Vocab(iter("abb")).idx_to_token == ["<unk>", "b", "a"]
    assert ref.Vocab(("ab", "c")).idx_to_token == ["<unk>", "ab", "c"]
    assert ref.Vocab().idx_to_token == ["<unk>"]


def test_a_vocabulary_ends():
    """It is a container of its tokens; asked by index, as Python does of what says nothing else, it would not end."""
    vocab = ref.Vocab("abb")
    assert "a" in vocab and "c" not in vocab and 0 not in vocab
    assert list(vocab) == ["<unk>", "b", "a"]


@pytest.mark.parametrize("batches", [ref.seq_data_iter_random, ref.seq_data_iter_sequential])
def test_the_shortest_corpus(batches, monkeypatch):
    """Enough for a minibatch of 2 × 5 at the largest offset; one token less is refused, as are senseless sizes."""
    monkeypatch.setattr(random, "randint", lambda low, high: high)
    assert len(list(batches(range(16), 2, 5))) == 1
    with pytest.raises(ValueError, match="corpus: expected at least 16 tokens for one minibatch of 2 × 5 at any"):
        next(batches(range(15), 2, 5))
    with pytest.raises(ValueError, match="batch_size: expected an integer of at least 1"):
        next(batches(range(99), 0, 5))
    with pytest.raises(ValueError, match="num_steps: expected an integer of at least 1"):
        next(batches(range(99), 2, 0))


def test_no_token_is_left_out_that_fits(monkeypatch):
    """The last target may be the last token."""
    monkeypatch.setattr(random, "randint", lambda low, high: low)
    starts = [int(X[0, 0]) for X, _ in ref.seq_data_iter_random(range(9), 1, 4)]
    assert sorted(starts) == [0, 4]
    (X, _), (_, Y) = ref.seq_data_iter_sequential(range(17), 2, 4)
    assert X.tolist() == [[0, 1, 2, 3], [8, 9, 10, 11]] and Y[-1, -1] == 16


def test_the_book_reads_in_order_and_ten_thousand_tokens():
    """What a loader does by default."""
    for loader in (ref.SeqDataLoader(4, 5, source="embedded"), ref.load_data_time_machine(4, 5, source="embedded")[0]):
        assert loader.data_iter_fn is ref.seq_data_iter_sequential
        assert len(loader.corpus) == 10_000


def test_words():
    """The words of all lines; rare ones are unknown; the vocabulary is counted on the full text."""
    assert text.tokenize(["the cat", "", "a  mat"]) == [["the", "cat"], [], ["a", "mat"]]
    assert text.tokenize(["a b"], "char") == [["a", " ", "b"]]
    corpus, vocab = text.corpus_of("The cat, the mat.\nThe hat", -1, "word", 2)
    assert vocab.idx_to_token == ["<unk>", "the"] and corpus == [1, 0, 1, 0, 1, 0]
    corpus, vocab = text.corpus_of("the cat the mat", 2, "word")
    assert corpus == [1, 2] and len(vocab) == 4
    with pytest.raises(ValueError, match=r"^token: expected 'char' or 'word', got 'line'$"):
        text.corpus_of("the cat", -1, "line")
    with pytest.raises(ValueError, match=r"^min_freq: expected an integer of at least 0, got -1$"):
        text.corpus_of("the cat", -1, "word", -1)


def test_the_end_of_a_corpus_is_held_out():
    """A share of what max_tokens leaves, and no minibatch has a token of it."""
    whole = text.SeqDataLoader(2, 5, max_tokens=101, source="embedded")
    loader = text.SeqDataLoader(2, 5, max_tokens=101, source="embedded", held_out=0.1)
    assert (len(whole.corpus), len(whole.held_out), len(loader.corpus), len(loader.held_out)) == (101, 0, 91, 10)
    assert loader.corpus + loader.held_out == whole.corpus
    for share in (-0.1, 1, float("nan")):
        with pytest.raises(ValueError, match=r"^held_out: expected a share of at least 0 and below 1, got"):
            text.SeqDataLoader(2, 5, source="embedded", held_out=share)
    with pytest.raises(ValueError, match=r"^corpus: expected at least 16 tokens .* got 10"):
        text.SeqDataLoader(2, 5, max_tokens=20, source="embedded", held_out=0.5)
