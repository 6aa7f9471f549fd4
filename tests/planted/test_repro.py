"""The program that a failure leaves behind: exits 1 until the fault is fixed, and shows both values."""

import os
import random
import shutil
import subprocess
import sys

from tabs import ROOT, sources

from lstm_ref.parity.mistakes import MISTAKES

SUITE = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/parity"]


PLANTED = [("W_hf for W_hi", "forward and scratch and tiny", "expected"),
           ("clipped gradients not used", "step and scratch and ragged", "expected"),
           ("H and C share their memory", "state and scratch and ragged", "do not share their memory")]


def pytest_generate_tests(metafunc):
    tab, sample = metafunc.config.option.tab, metafunc.config.option.sample
    metafunc.parametrize(("name", "selection", "words"), random.Random(tab).sample(PLANTED, min(
        len(PLANTED) if sample is None else sample, len(PLANTED))))


def test_a_failure_leaves_a_program(name, selection, words, request, tmp_path):
    """Written by the suite itself for a copy of the backends with the mistake in it."""
    backend = request.config.option.tab
    for folder in ("backends", "lstm_ref", "tests/parity"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    mistake = next(m for m in MISTAKES if m.name == name)
    for file, source in sources(mistake, backend).items():
        (tmp_path / file).write_text(source)
    build = tmp_path / "build"
    planted, fixed = (os.environ | {"PYTHONPATH": str(root)} for root in (tmp_path, ROOT))
    suite = subprocess.run([*SUITE, "--backend", backend, f"--build={build}", "-k", selection], cwd=tmp_path,
                           env=planted, capture_output=True, text=True, check=False)
    program = build / "repro" / f"{backend}-scratch-{selection.split()[0]}.py"
    assert f"reproduce: python {program}" in suite.stdout, suite.stdout + suite.stderr
    assert len(program.read_text().splitlines()) < 40
    for environment, status in ((planted, 1), (fixed, 0)):
        run = subprocess.run([sys.executable, str(program)], cwd=tmp_path if status else ROOT, env=environment,
                             capture_output=True, text=True, check=False)
        assert run.returncode == status, run.stdout + run.stderr
        assert not status or words in run.stdout
