"""What the exercises on words, series and embeddings compute, held against what is worked out another way."""

import math
import sys

import numpy as np
import pytest

import lstm_ref as ref
from lstm_ref.__main__ import main
from lstm_ref.embedding import embedding_lstm
from lstm_ref.tools.exercises import embedding, series, words
from lstm_ref.tools.exercises.nets import mean_loss

TEXT = "the cat sat\non the mat\nthe dog"


@pytest.fixture
def settings(tmp_path):
    """Of a small text: 19 characters to train on, then eleven."""
    (tmp_path / "text.txt").write_text(TEXT)
    return {"data": str(tmp_path / "text.txt"), "train": 19, "held_out": 11}


def test_both_readings_are_of_the_same_text(settings):
    """Lines are joined by spaces; the vocabulary is counted on the training text alone."""
    chars, found = words.reading(settings, "char", 1), words.reading(settings, "word", 2)
    assert "".join(chars.vocab.to_tokens(chars.start)) == "the cat sat on the "
    assert "".join(chars.vocab.to_tokens(chars.end)) == "<unk>at the <unk>o<unk>"  # m, d and g are new
    assert found.vocab.idx_to_token == ["<unk>", "the"] and found.start == [1, 0, 0, 0, 1] and found.end == [0, 1, 0]
    assert (chars.characters, found.characters) == (11, len("mat the dog") + 1)


def test_an_unknown_word_costs_its_letters():
    """By their frequencies, the end of a word among them, one added to each of the 27."""
    cost = words.spelling(["ab", "a"])
    total = 27 + 5
    assert cost("a") == pytest.approx(math.log(total / 3) + math.log(total / 3))
    assert cost("bz") == pytest.approx(math.log(total / 2) + math.log(total / 1) + math.log(total / 3))
    letters = [*"abcdefghijklmnopqrstuvwxyz"]
    assert sum(math.exp(math.log(total / 3) - cost(letter)) for letter in letters) == pytest.approx(1 - 3 / total)


def test_bits_a_character_are_those_of_the_whole_text(settings):
    """Tokens' losses and the spelling together, over all characters."""
    read = words.reading(settings, "word", 1)
    assert words.bits(2.0, read) == pytest.approx(
        (2.0 * (len(read.end) - 1) + read.spelled) / math.log(2) / read.characters)
    assert read.spelled > 0  # mat and dog
    counts = np.bincount(read.start, minlength=len(read.vocab)) + 1
    assert words.frequencies(read) == pytest.approx(-np.mean(np.log(counts[read.end] / counts.sum())))


def test_the_nets_are_the_references():
    """An embedding's fused net reads as `embedding_lstm`; and the control starts at the same function."""
    text = np.random.default_rng(0).integers(0, 9, 30)
    net, control = words.net_of(5)(9, 6, 3), embedding.from_product(5)(9, 6, 3)
    outputs, _ = embedding_lstm(text[None, :-1], ref.init_lstm_state(1, 6), net.params)
    loss = float(ref.cross_entropy(outputs, text[1:]))
    assert mean_loss(net, text) == pytest.approx(loss, rel=1e-5)
    assert mean_loss(control, text) == pytest.approx(loss, rel=1e-5)
    assert control.trained()[0].shape == (24, 6 + 9 + 1) and net.trained()[0].shape == (24, 6 + 5 + 1)


@pytest.mark.parametrize("seed", range(3))
def test_one_hot_is_an_embedding(seed):
    """As the exercise finds it: the same bits, and a ratio that passes."""
    found = embedding.equal(2, 2, 3, 2, dtype="float32", seed=seed)
    assert found["quantities"] == 18 and found["other bits"] == 0 and 0 < found["ratio"] <= 4


def test_an_autoregression_is_found_and_continued():
    """The one that made a series without noise; by hand for three steps."""
    values = [1.0, 2.0]
    for _ in range(40):
        values.append(0.5 + 1.5 * values[-1] - 0.8 * values[-2])
    coefficients = series.fitted(np.array(values), 2)
    np.testing.assert_allclose(coefficients, [0.5, -0.8, 1.5], rtol=1e-8)
    found = series.autoregress(coefficients, np.array([values[5:9], values[6:10]]), 3)
    np.testing.assert_allclose(found, [values[9:12], values[10:13]], rtol=1e-8)


def test_a_forecast_reads_its_own_predictions():
    """Step by step through the reference's LSTM."""
    params = ref.LSTMParams(*(param * 30 for param in ref.get_lstm_params(1, 4, 0, float)))
    given = np.random.default_rng(0).normal(size=(3, 5))
    found, n = series.forecast(params, given, 4), 1
    for k in range(4):
        row = np.concatenate([given[n], found[n, :k]])
        outputs, _ = ref.lstm(row[:, None, None], ref.init_lstm_state(1, 4, float), params)
        assert outputs[-1, 0] == pytest.approx(found[n, k], rel=1e-12)


def test_training_on_a_series_learns_it():
    """A sine without noise, to a fraction of what its last value misses it by."""
    values = np.sin(0.3 * np.arange(200)).astype(np.float32)
    check = series.windows(values[100:], 9)
    settings = {"num_steps": 8, "batch_size": 8, "num_hiddens": 8, "updates": 300, "look": 50, "lr": 0.5, "theta": 1.0}
    _, looks = series.trained(values[:100], check, settings, 0)
    assert min(look["error"] for look in looks) < 0.3 * series.rms(check[:, -1] - check[:, -2])
    assert [look["update"] for look in looks] == list(range(50, 301, 50))


def test_the_noisy_sine():
    """The noise is what the seed says, and of the size that is said."""
    noise = series.series("sine", 0) - np.sin(0.01 * np.arange(1, 1001))
    assert 0.19 < noise.std() < 0.21 and not np.array_equal(series.series("sine", 0), series.series("sine", 1))


def test_without_the_real_series_its_extra_is_named(capsys, tmp_path, monkeypatch):
    """Before any work; the toy needs none."""
    monkeypatch.setattr("lstm_ref.tools.exercises.command.measured", None)
    monkeypatch.setitem(sys.modules, "statsmodels.api", None)
    assert main(["exercise", "series", "--out", str(tmp_path)]) == 2
    assert 'python -m pip install "lstm-parity[series]"' in capsys.readouterr().err
