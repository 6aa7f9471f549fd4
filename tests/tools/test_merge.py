"""`.ci/merge`, which puts together what the parts of a long session left on several machines."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(os.name == "nt", reason="bash scripts of continuous integration")


def merge(folder, session):
    """Run it in a folder with two parts, and a nox that says what it is given; what that said, and the status."""
    (folder / ".ci").mkdir(exist_ok=True)
    shutil.copy(ROOT / ".ci/merge", folder / ".ci/merge")
    nox = folder / "bin/nox"
    nox.parent.mkdir(exist_ok=True)
    nox.write_text('#!/bin/sh\necho "nox $*"\n')
    nox.chmod(0o755)
    done = subprocess.run(["bash", str(folder / ".ci/merge"), str(folder / "parts"), session], text=True,
                          capture_output=True, check=False, env=os.environ | {"PATH": f"{nox.parent}:/usr/bin:/bin"})
    return done.stdout + done.stderr, done.returncode


def part(folder, name, text):
    """A file that a part left."""
    path = folder / "parts" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_mutants(tmp_path):
    """Lines of all parts, one after the other, and those that were there."""
    part(tmp_path, "1/mutants/torch.jsonl", "a\n")
    part(tmp_path, "2/mutants/torch.jsonl", "b\n")
    part(tmp_path, "2/mutants/jax.jsonl", "c\n")
    assert merge(tmp_path, "mutants") == ("nox -s mutants\n", 0)
    build = tmp_path / "build/mutants"
    assert (build / "torch.jsonl").read_text() == "a\nb\n" and (build / "jax.jsonl").read_text() == "c\n"


def test_runs(tmp_path):
    """The folders of the runs side by side."""
    part(tmp_path, "1/reproduce/torch-scratch-0/log.json", "1")
    part(tmp_path, "2/reproduce/jax-scratch-0/log.json", "2")
    assert merge(tmp_path, "reproduce") == ("nox -s reproduce\n", 0)
    assert len(list((tmp_path / "build/reproduce").glob("*/log.json"))) == 2


def test_curves(tmp_path):
    """Are merged by the command."""
    part(tmp_path, "1/runs.json", "")
    part(tmp_path, "2/runs.json", "")
    said, status = merge(tmp_path, "curves")
    assert status == 0 and said.count("--merge") == 2 and said.startswith("nox -s curves -- --merge ")


def test_another_session(tmp_path):
    """Is refused; parts that left nothing are an error."""
    part(tmp_path, "1/mutants/none", "")
    assert merge(tmp_path, "tests") == ("expected mutants, planted, reproduce or curves, got tests\n", 2)
    for session in ("mutants", "reproduce", "curves"):
        assert merge(tmp_path, session)[1] == 1
