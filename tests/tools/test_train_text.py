"""The command `train` on words, with text held out, and with an embedding."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

import lstm_ref as ref
from lstm_ref.parity import registry
from lstm_ref.tools.train import checkpoint
from lstm_ref.tools.train.run import Run
from tests.tools.test_train import SMALL, ends, perplexities

WORDS = replace(SMALL, tokens="word", min_freq=2, valid=0.25, max_tokens=400, alpha=1.0)


def test_a_run_on_words_with_a_part_held_out(tmp_path):
    """By the command: both perplexities in the progress, the log and the curve; what is written is drawn."""
    done = ends("--epochs", 3, "--tokens", "word", "--valid", 0.25, "--temperature", 2, "--max-tokens", 400,
                "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert re.search(r"epoch 3: perplexity [\d.]+ \(held out [\d.]+\), ", done.stdout)
    log = json.loads((tmp_path / "run" / "log.json").read_text())
    assert log["settings"]["alpha"] == 0.5 and log["corpus"]["tokens"] == 300
    assert all(point["valid_perplexity"] > 1 for point in log["epochs"])
    assert len(log["samples"]["traveller"].split(" ")) == 51
    assert "held out" in (tmp_path / "run" / "curve.svg").read_text()
    again = Run(WORDS, tmp_path / "again").train()
    assert again["samples"] == Run(WORDS, tmp_path / "same").train()["samples"]
    assert again["samples"] != Run(replace(WORDS, seed=1), tmp_path / "other").train()["samples"]


@pytest.mark.parametrize("model", ["scratch", "fused"])
def test_perplexity_on_held_out_text_is_that_of_the_forward_pass(model, tmp_path):
    """Over the whole stretch at once, in float64, with the weights after the last epoch."""
    run = Run(replace(WORDS, model=model, valid=0.3), tmp_path)
    log = run.train()
    params = ref.LSTMParams(*(array.astype(float) for array in run.implementation.weights(run.net).values()))
    tokens = np.array(run.data.held_out)
    assert len(tokens) == 120  # in two rows of 59
    X, Y = tokens[:118].reshape(2, 59), tokens[1:119].reshape(2, 59)
    outputs, _ = ref.lstm(ref.one_hot(X.T, len(run.vocab), float), ref.init_lstm_state(2, 8, float), params)
    expected = np.exp(ref.cross_entropy(outputs, Y.T.reshape(-1)))
    assert log["epochs"][-1]["valid_perplexity"] == pytest.approx(expected, rel=1e-5)


def test_a_resumed_run_on_words_has_the_numbers_of_an_uninterrupted_one(tmp_path):
    """What is drawn at the end too; another exponent may be given, for another text of the same net."""
    expected = Run(WORDS, tmp_path / "whole").train()
    Run(replace(WORDS, epochs=3), tmp_path / "parts").train()
    again = Run(WORDS, tmp_path / "parts", resume=True).train()
    assert (perplexities(again), again["samples"]) == (perplexities(expected), expected["samples"])
    assert [p["valid_perplexity"] for p in again["epochs"]] == [p["valid_perplexity"] for p in expected["epochs"]]
    other = Run(replace(WORDS, alpha=None), tmp_path / "parts", resume=True).train()
    assert perplexities(other) == perplexities(expected) and other["samples"] != expected["samples"]


@pytest.mark.parametrize(("change", "words"), [
    ({"tokens": "char"}, "a run with other settings: tokens was 'word' and is 'char'"),
    ({"min_freq": 3}, "min_freq was 2 and is 3"),
    ({"valid": 0.3}, "valid was 0.25 and is 0.3"),
])
def test_a_run_is_not_resumed_on_other_tokens(change, words, tmp_path):
    """By the setting, not by the shape of a weight."""
    Run(WORDS, tmp_path).train()
    with pytest.raises(ValueError, match=words):
        Run(replace(WORDS, **change), tmp_path, resume=True)


def test_a_checkpoint_from_before_there_were_words_resumes(tmp_path):
    """Its settings lack the new ones, whose defaults are what was done then."""
    Run(replace(SMALL, epochs=2), tmp_path).train()
    weights, facts = checkpoint.load(tmp_path / "checkpoint.npz")
    for key in ("tokens", "min_freq", "valid", "embedding", "alpha"):
        del facts["settings"][key]
    checkpoint.save(tmp_path / "checkpoint.npz", weights, facts)
    resumed = Run(SMALL, tmp_path, resume=True).train()
    assert perplexities(resumed) == perplexities(Run(SMALL, tmp_path / "whole").train())


def test_held_out_text_does_not_change_the_training(tmp_path):
    """The same tokens, with and without the measurement between the epochs."""
    with_valid = Run(replace(SMALL, valid=0.25), tmp_path / "valid").train()
    assert perplexities(with_valid) == perplexities(Run(replace(SMALL, max_tokens=150), tmp_path / "without").train())


EMBEDDED = replace(WORDS, model="fused", embedding=3)


def test_a_run_with_an_embedding_resumes(tmp_path):
    """Perplexities and weights, the embedding's among them, to the last bit."""
    whole = Run(EMBEDDED, tmp_path / "whole")
    start = whole.net.params.embedding
    expected = whole.train()
    assert not np.array_equal(whole.net.params.embedding, start) and start.shape == (len(whole.vocab), 3)
    Run(replace(EMBEDDED, epochs=3), tmp_path / "parts").train()
    again = Run(EMBEDDED, tmp_path / "parts", resume=True)
    assert perplexities(again.train()) == perplexities(expected)
    np.testing.assert_array_equal(again.net.params.embedding, whole.net.params.embedding)
    with pytest.raises(ValueError, match=r"embedding: expected float32 of shape \(\d+, 4\), got float32 of"):
        Run(replace(EMBEDDED, embedding=4), tmp_path / "parts", resume=True)
    with pytest.raises(ValueError, match=r"expected the weights W_xi.*, got embedding, W_xi"):
        Run(replace(EMBEDDED, embedding=None), tmp_path / "parts", resume=True)


def test_an_adapter_without_embeddings_is_named(tmp_path, monkeypatch):
    """One of another package, say."""
    adapter = registry.load("numpy", "cpu")
    del adapter.embeddings
    monkeypatch.setattr(registry, "load", lambda *_: adapter)
    with pytest.raises(ValueError, match="the backend numpy has a learned one for no model; numpy and torch do"):
        Run(EMBEDDED, tmp_path)
