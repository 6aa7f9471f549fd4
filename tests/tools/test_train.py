"""The command `train`: what it leaves behind, that it resumes where it stopped, and what it refuses."""

import errno
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lstm_ref import Animator, text
from lstm_ref.tools.train import checkpoint
from lstm_ref.tools.train.run import Run
from lstm_ref.tools.train.settings import Settings
from lstm_ref.tools.train.show import show
from lstm_ref.usage import UsageError

ROOT = Path(__file__).parents[2]
SMALL = Settings(epochs=6, data="embedded", num_hiddens=8, batch_size=4, num_steps=5, max_tokens=200)
ARGUMENTS = ("--data", "embedded", "--num-hiddens", "8", "--batch-size", "4", "--num-steps", "5", "--max-tokens", "200")


def perplexities(log):
    return [point["perplexity"] for point in log["epochs"]]


def command(*arguments):
    return [sys.executable, "-m", "lstm_ref", "train", *ARGUMENTS, *map(str, arguments)]


def ends(*arguments):
    return subprocess.run(command(*arguments), cwd=ROOT, text=True, capture_output=True, check=False)


@pytest.mark.parametrize("cell", ["lstm", "rnn", "gru"])
def test_a_run_leaves_log_checkpoint_and_curve(cell, tmp_path):
    """By the command a user types."""
    done = ends("--epochs", 3, "--cell", cell, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "epoch 3: perplexity" in done.stdout and "tokens/s on cpu\ntime traveller" in done.stdout
    log = json.loads((tmp_path / "run" / "log.json").read_text())
    assert [point["epoch"] for point in log["epochs"]] == [1, 2, 3]
    assert log["finished"] and log["settings"]["cell"] == cell and log["fingerprint"]["corpus"] == "embedded"
    assert all(text.startswith(prefix) and len(text) > len(prefix) for prefix, text in log["samples"].items())
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        "log.json", "checkpoint.npz", "curve.png", "curve.svg"}


def test_a_resumed_run_has_the_numbers_of_an_uninterrupted_one(tmp_path):
    """Perplexities and weights, to the last bit, whatever the state of Python's own generator."""
    whole = Run(SMALL, tmp_path / "whole")
    expected = perplexities(whole.train())
    Run(Settings(**{**SMALL.__dict__, "epochs": 3}), tmp_path / "parts").train()
    random.seed("something else")
    again = Run(SMALL, tmp_path / "parts", resume=True)
    assert perplexities(again.train()) == expected
    assert all(np.array_equal(a, b) for a, b in zip(whole.net.params, again.net.params, strict=True))


def test_a_killed_run_leaves_a_checkpoint_that_loads(tmp_path):
    """At any moment; and resuming from it gives what an uninterrupted run gives."""
    process = subprocess.Popen(command("--epochs", 100_000, "--out", tmp_path), cwd=ROOT, stdout=subprocess.DEVNULL)
    path = tmp_path / "checkpoint.npz"
    while not path.exists():
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    _, facts = checkpoint.load(path)
    done = len(facts["history"])
    settings = Settings(**{**SMALL.__dict__, "epochs": done + 2})
    resumed = perplexities(Run(settings, tmp_path, resume=True).train())
    assert resumed == perplexities(Run(settings, tmp_path / "whole").train())


def test_ctrl_c_says_how_to_go_on(tmp_path):
    """Exit status 130, and no half-written file next to the checkpoint."""
    # A process that a shell starts in the background ignores the signal, and so do its children.
    process = subprocess.Popen(command("--epochs", 100_000, "--out", tmp_path), cwd=ROOT, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    while not (tmp_path / "log.json").exists():
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130
    assert "--resume continues from it" in said and "Traceback" not in said
    checkpoint.load(tmp_path / "checkpoint.npz")


def test_the_same_seed_gives_the_same_run_and_another_another(tmp_path):
    """Weights and offsets both."""
    one, same, other = (perplexities(Run(Settings(**{**SMALL.__dict__, "seed": seed}), tmp_path / name).train())
                        for seed, name in ((1, "a"), (1, "b"), (2, "c")))
    assert one == same
    assert one != other


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path):
    """With epoch, minibatch and gradient norm; what was saved before is kept."""
    run = Run(SMALL, tmp_path)
    run.implementation.set_weights(run.net, {
        name: np.full_like(array, np.nan) for name, array in run.implementation.weights(run.net).items()})
    with pytest.raises(FloatingPointError, match=r"epoch 1, minibatch 1: loss: .* got nan \(gradient norm nan\)"):
        run.train()
    assert checkpoint.load(tmp_path / "checkpoint.npz")[1]["history"] == []


@pytest.mark.parametrize(("arguments", "words"), [
    (("--backend", "tourch"), "unknown backend 'tourch'; known are numpy, torch"),
    (("--backend", "mxnet"), "the backend mxnet needs the package mxnet"),
    (("--model", "concise"), "the backend numpy has scratch, fused, got 'concise'"),
    (("--cell", "elman"), "cell: expected 'lstm', 'rnn' or 'gru', got 'elman'"),
    (("--epochs", "0"), "epochs: expected an integer of at least 1, got 0"),
    (("--epochs", "-3"), "epochs: expected an integer of at least 1, got -3"),
    (("--lr", "0"), "lr: expected a finite number above 0, got 0.0"),
    (("--lr", "nan"), "lr: expected a finite number above 0, got nan"),
    (("--batch-size", "0"), "batch_size: expected an integer of at least 1"),
    (("--max-tokens", "20"), "corpus: expected at least 26 tokens for one minibatch of 4 × 5"),
    (("--data", "no.txt"), "source: expected 'timemachine', 'embedded' or a text file, got 'no.txt' (No such file"),
    (("--device", "gpu"), "device gpu: NumPy computes on the CPU alone"),
    (("--resume",), "there is no checkpoint to resume from"),
    (("--tokens", "line"), "token: expected 'char' or 'word', got 'line'"),
    (("--min-freq", "-1"), "min_freq: expected an integer of at least 0, got -1"),
    (("--valid", "1"), "valid: expected a share of at least 0 and below 1, got 1.0"),
    (("--valid", "nan"), "valid: expected a share of at least 0 and below 1, got nan"),
    (("--valid", "0.02"), "valid: expected a share of at least 6 tokens, got 0.02, which is 4 of 200"),
    (("--valid", "0.95"), "corpus: expected at least 26 tokens for one minibatch of 4 × 5 at any offset, got 10"),
    (("--embedding", "4"), "embedding: the backend numpy has a learned one for the models fused alone, got 'scratch'"),
    (("--embedding", "0", "--model", "fused"), "embedding: expected an integer of at least 1, got 0"),
    (("--embedding", "4", "--model", "fused", "--cell", "rnn"), "embedding: expected the cell lstm, got 'rnn'"),
    (("--alpha", "-1"), "alpha: expected a finite number of at least 0, got -1.0"),
    (("--alpha", "inf"), "alpha: expected a finite number of at least 0, got inf"),
    (("--temperature", "0"), "temperature: expected a finite number above 0, got 0.0"),
    (("--alpha", "1", "--temperature", "1"), "argument --temperature: not allowed with argument --alpha"),
])
def test_what_can_not_be_run_is_refused_at_once(arguments, words, tmp_path):
    """In one line, before any work; nothing is left behind but an empty folder."""
    refused = ends("--epochs", "1", "--out", tmp_path / "run", *arguments)
    assert refused.returncode == 2
    assert words in refused.stderr and "Traceback" not in refused.stderr
    assert not list((tmp_path / "run").glob("*"))


def test_a_text_without_the_prefixes_characters_is_refused(tmp_path):
    """The two samples at the end could not be written."""
    text = tmp_path / "abc.txt"
    text.write_text("abc " * 200)
    with pytest.raises(ValueError, match=r"prefix: 't' at index 0 of 'time traveller' is not in the vocabulary"):
        Run(Settings(**{**SMALL.__dict__, "data": str(text)}), tmp_path / "run")


def test_a_folder_that_can_not_be_written_to_is_refused(tmp_path):
    """Before the run, not after it."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"can't be written to .*name another folder"):
        Run(SMALL, tmp_path / "file" / "run")


def test_a_run_is_not_overwritten_silently(tmp_path):
    """Unless --restart says so."""
    Run(SMALL, tmp_path).train()
    with pytest.raises(ValueError, match="there is already a run; --resume continues it, --restart starts over"):
        Run(SMALL, tmp_path)
    assert len(perplexities(Run(SMALL, tmp_path, restart=True).train())) == SMALL.epochs


@pytest.mark.parametrize(("change", "words"), [
    ({"num_hiddens": 9}, r"W_xi: expected float32 of shape \(\d+, 9\), got float32 of shape \(\d+, 8\)"),
    ({"cell": "rnn"}, "expected the weights W_xh, W_hh, b_h, W_hq, b_q, got W_xi"),
    ({"lr": 0.5}, "a run with other settings: lr was 1.0 and is 0.5"),
    ({"epochs": 2}, "epochs: the run in .* already has 6, got 2"),
])
def test_a_checkpoint_of_another_run_is_refused(change, words, tmp_path):
    """By what differs."""
    Run(SMALL, tmp_path).train()
    with pytest.raises(ValueError, match=words):
        Run(Settings(**{**SMALL.__dict__, **change}), tmp_path, resume=True)


@pytest.mark.parametrize("other", ["shorter", "same letters", "same tokens"])
def test_a_run_is_not_resumed_on_another_corpus(other, tmp_path):
    """With the same name, it may be cut short, have other characters, or give the same tokens other indices."""
    path = tmp_path / "text.txt"
    story = "time traveller " * 20
    path.write_text(story + "z" * 30)
    settings = replace(SMALL, data=str(path))
    Run(replace(settings, epochs=2), tmp_path / "run").train()
    path.write_text({"shorter": story[:150], "same letters": story[::-1] + "z" * 30, "same tokens": story + "z" * 99
                     }[other])
    with pytest.raises(ValueError, match=r"expected the corpus that the run began with, 200 tokens \(SHA-256 .*, got "
                                         r"\d+ tokens .* from '.*text.txt'; bring that text back"):
        Run(settings, tmp_path / "run", resume=True)
    path.write_text(story + "z" * 30)
    assert len(perplexities(Run(settings, tmp_path / "run", resume=True).train())) == settings.epochs


def test_the_embedded_story_does_not_continue_the_time_machine(tmp_path, monkeypatch):
    """When the folder of the text is gone, and no --data was given."""
    settings = replace(SMALL, data=None)
    monkeypatch.setattr(text, "fetch_time_machine", lambda: "time traveller " * 20)
    Run(settings, tmp_path).train()

    def gone():
        raise text.CorpusUnavailableError("gone")

    monkeypatch.setattr(text, "fetch_time_machine", gone)
    with pytest.raises(ValueError, match=r"expected the corpus that the run began with, .* from 'embedded'"):
        Run(replace(settings, epochs=9), tmp_path, resume=True)


@pytest.mark.parametrize("name", ["log.json", "curve.svg"])
def test_files_of_another_origin_are_kept(name, tmp_path):
    """Without --restart; and a log.json that is no log of a run in any case, as well as a user's tmp files."""
    for own in (name, "tmp1.tmp"):
        (tmp_path / own).write_text('{"mine": 1}')
    with pytest.raises(ValueError, match=rf"there is already a run; .* replaces {name}, --out names another"):
        Run(SMALL, tmp_path)
    if name == "log.json":
        with pytest.raises(ValueError, match=r"log.json: expected the log of a run, got another file \(KeyError"):
            Run(SMALL, tmp_path, restart=True)
        assert (tmp_path / name).read_text() == '{"mine": 1}'
    else:
        Run(SMALL, tmp_path, restart=True).train()
    assert (tmp_path / "tmp1.tmp").exists()


def test_a_folder_in_a_picture_s_place_is_said_before_the_run(tmp_path):
    """Not after hours of training."""
    (tmp_path / "curve.png").mkdir()
    with pytest.raises(ValueError, match=r"curve.png: expected a file or nothing, found a folder; --out names another"):
        Run(SMALL, tmp_path)


def test_a_full_disk_is_said_and_leaves_no_parts(tmp_path, monkeypatch, capsys):
    """Exit status 1; the checkpoint that was there before remains."""
    run = Run(SMALL, tmp_path)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Animator, "save", full)
    assert show(run) == 1
    assert capsys.readouterr().err == (f"error: {tmp_path / 'curve.png'}: can't be written (No space left on device); "
                                       "make room, then --resume continues from the checkpoint\n")
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint.npz", "log.json"}


def test_of_two_trainings_in_one_folder_one_stops(tmp_path):
    """With a sentence, and what the other wrote stays; a checkpoint that is gone is written again."""
    first, second = Run(SMALL, tmp_path), Run(replace(SMALL, seed=5), tmp_path)

    def begin_the_other(epoch, *_):
        if epoch == 1:
            second.train()

    with pytest.raises(UsageError, match="expected the checkpoint that this run wrote last, got another training's"):
        first.train(begin_the_other)
    assert checkpoint.load(tmp_path / "checkpoint.npz")[1]["settings"]["seed"] == 5
    alone = Run(SMALL, tmp_path, restart=True)
    assert alone.train(lambda *_: alone.checkpoint.unlink(missing_ok=True))["finished"]


def test_a_missing_matplotlib_is_said_before_the_run(tmp_path, monkeypatch):
    """With the extra that brings it."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r'expected the package matplotlib.figure, .*"lstm-parity\[train\]"'):
        Run(SMALL, tmp_path)


FACTS = {"settings": {}, "corpus": {}, "history": []}
POINT = {"epoch": 1, "perplexity": 2.0, "tokens_per_second": 3.0}


@pytest.mark.parametrize("facts", [
    [], 1, {}, FACTS | {"settings": 1}, FACTS | {"corpus": None}, FACTS | {"history": {}}, FACTS | {"history": [1]},
    *(FACTS | {"history": [POINT | change]} for change in (
        {"epoch": 2}, {"perplexity": "2"}, {"perplexity": float("nan")}, {"tokens_per_second": None})),
])
def test_foreign_facts_in_a_checkpoint_are_refused(facts, tmp_path):
    """Whatever JSON they are; it is not met later, in the middle of a run."""
    checkpoint.save(tmp_path / "checkpoint.npz", {}, facts)
    with pytest.raises(ValueError, match=r"not a checkpoint of this program .*--restart starts over"):
        Run(SMALL, tmp_path, resume=True)


def a_header_of(shape):
    """A .npz file with one array, whose header claims this shape."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}\n".encode()
        file.writestr("facts.json.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    return content.getvalue()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut off", b"\x93NUMPY",
                                     a_header_of("(10**9"), a_header_of("(10000000000000000,)"), a_header_of("(0,)")])
def test_a_damaged_checkpoint_is_named(content, tmp_path):
    """Not a traceback from deep inside NumPy."""
    (tmp_path / "checkpoint.npz").write_bytes(content)
    with pytest.raises(ValueError, match="not a checkpoint of this program"):
        Run(SMALL, tmp_path, resume=True)


def test_a_checkpoint_holds_no_pickle(tmp_path):
    """One that does is refused."""
    np.savez(tmp_path / "checkpoint.npz", weights=np.array([{"a": 1}], object))
    with pytest.raises(ValueError, match="not a checkpoint of this program"):
        checkpoint.load(tmp_path / "checkpoint.npz")
