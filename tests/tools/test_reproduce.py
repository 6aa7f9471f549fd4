"""The command `reproduce`: which runs it makes, what it refuses, and its report."""

import argparse
import json
import re
import subprocess
import sys
from dataclasses import replace

import pytest

from lstm_ref.tools.reproduce.page import write_report
from lstm_ref.tools.reproduce.runs import Task, finished, run, tasks
from lstm_ref.tools.train.run import Run, read_log
from lstm_ref.usage import shard
from tests.tools.test_train import ROOT, SMALL


def test_reproduction_runs_each_model_once(tmp_path):
    """Seed by seed; a run that is done is left alone, one that fails is named."""
    every = list(tasks(["numpy", "torch"], 2, tmp_path))
    assert [str(task) for task in every[:3]] == ["numpy scratch, seed 0", "torch scratch, seed 0",
                                                 "torch concise, seed 0"]
    assert len(every) == 6
    failing = Task("mxnet", "scratch", 0, tmp_path / "mxnet")
    assert "mxnet scratch, seed 0: ended with exit status 2: error: the backend mxnet needs" in run(
        failing, sys.executable, 1, 1, [])
    Run(SMALL, tmp_path / "done").train()
    done = Task("numpy", "scratch", 0, tmp_path / "done")
    assert finished(done, SMALL.epochs) and not finished(done, SMALL.epochs + 1)
    assert run(done, "no such python", SMALL.epochs, 1, []) == ""


def reproduce(tmp_path, *pythons, build="build"):
    return subprocess.run([sys.executable, "-m", "lstm_ref", "reproduce", "--epochs", "1", "--seeds", "1", "--build",
                           tmp_path / build, "--docs", tmp_path / "docs", *(f"--python={p}" for p in pythons)],
                          cwd=ROOT, text=True, capture_output=True, check=False)


@pytest.mark.parametrize(("pythons", "words"), [
    (("numpy",), "--python: expected BACKEND=PATH once for each backend, .*, got 'numpy'"),
    (("numpy=",), "got 'numpy='"), (("numpy=/no/python",), "got 'numpy=/no/python'"),
    ((f"numpy={ROOT}",), f"got 'numpy={ROOT}'"),
    ((f"numpy={sys.executable}",) * 2, "got 'numpy=.*' again"),
    ((f"numpi={sys.executable}",), "unknown backend 'numpi'"),
])
def test_a_wrong_python_is_refused_before_the_runs(pythons, words, tmp_path):
    """In one line."""
    refused = reproduce(tmp_path, *pythons)
    assert refused.returncode == 2 and not (tmp_path / "build").exists()
    assert re.fullmatch(f"error: .*{words}.*\n", refused.stderr)


def test_a_python_that_is_none_fails_its_runs(tmp_path):
    """A file may be executable and not be a program."""
    path = tmp_path / "python"
    path.write_bytes(b"\0")
    path.chmod(0o755)
    failed = reproduce(tmp_path, f"numpy={path}")
    assert failed.returncode == 1 and failed.stderr == ""
    said = " ".join(failed.stdout.split())
    assert said == f"numpy scratch, seed 0: expected {path} to be a Python, got Exec format error"


@pytest.mark.parametrize("content", [
    "", "{", "[]", "{}", "null", "[" * 100_000, "\udcff",
    json.dumps({"schema": 1, "settings": {"epochs": 1}, "fingerprint": {}, "finished": True, "epochs": []}),
], ids=range(8))
def test_a_broken_log_is_refused_before_the_runs(content, tmp_path):
    """It is named; so is one of another run."""
    folder = tmp_path / "build" / "numpy-scratch-0"
    folder.mkdir(parents=True)
    (folder / "log.json").write_text(content, errors="surrogateescape")
    refused = reproduce(tmp_path, f"numpy={sys.executable}")
    assert refused.returncode == 2 and not refused.stdout
    assert refused.stderr.startswith(f"error: {folder / 'log.json'}: expected the log of a run, got another file (")


def test_a_log_of_another_run_is_not_counted(tmp_path):
    """The report would mix them up. A folder that is a file is none."""
    Run(replace(SMALL, epochs=1, seed=7), tmp_path / "build" / "numpy-scratch-0").train()
    refused = reproduce(tmp_path, f"numpy={sys.executable}")
    assert refused.returncode == 2 and "expected a run of numpy scratch, seed 0, got one of {" in refused.stderr
    (tmp_path / "file").touch()
    refused = reproduce(tmp_path, f"numpy={sys.executable}", build="file")
    assert refused.returncode == 2 and "file: can't be written to" in refused.stderr


def test_the_reproductions_report(tmp_path):
    """Median and range next to the published figure, said plainly when they differ; and a picture."""
    Run(SMALL, tmp_path / "run").train()
    log = read_log(tmp_path / "run")

    def logged(backend, model, end):
        epochs = [*log["epochs"][:-1], {**log["epochs"][-1], "perplexity": end}]
        return {**log, "settings": {**log["settings"], "backend": backend, "model": model}, "epochs": epochs}

    logs = [logged("torch", "scratch", end) for end in (1.09, 1.3, 1.12)]
    logs += [logged("paddle", "scratch", 1.1), logged("jax", "scratch", None), logged("torch", "concise", 2.0)]
    list(write_report(logs, tmp_path / "docs"))
    text = (tmp_path / "docs" / "reproduction.md").read_text()
    assert "| torch | scratch | 3 | 1.120 | 1.090 to 1.300 | 1.1 |" in text
    assert "| jax | scratch | 1 | inf | inf to inf |" in text
    assert "torch scratch: the published 1.1 is reproduced" in text
    assert "paddle scratch: the published 5.0 is **not** reproduced" in text
    assert "torch concise: the published 1.0 is **not** reached" in text
    assert "</svg>" in (tmp_path / "docs" / "reproduction.svg").read_text()


def test_parts_are_all_of_it_once():
    """The K-th of N; a call with a part writes no page."""
    parts = [list(range(11))[shard(f"{k}/4")] for k in (1, 2, 3, 4)]
    assert sorted(n for part in parts for n in part) == list(range(11)) and parts[0] == [0, 4, 8]
    for text in ("0/4", "5/4", "1", "a/b", "1/0", ""):
        with pytest.raises(argparse.ArgumentTypeError, match="expected K/N, the K-th of N parts, such as 3/8, got "
                                                             f"'{text}'"):
            shard(text)


def test_a_part_of_the_runs_writes_no_page(tmp_path):
    """The call without it does, over all that is there."""
    Run(replace(SMALL, epochs=1), tmp_path / "build" / "numpy-scratch-0").train()
    for part, pages in ((("--shard", "1/2"), 0), (("--shard", "2/2"), 0), ((), 1)):
        done = subprocess.run([sys.executable, "-m", "lstm_ref", "reproduce", "--epochs=1", "--seeds=1", "--build",
                               str(tmp_path / "build"), "--docs", str(tmp_path / "docs"), "--python",
                               f"numpy={sys.executable}", *part], cwd=ROOT, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        assert len(list((tmp_path / "docs").glob("*.md"))) == pages
