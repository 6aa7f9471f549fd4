"""The commands that the documents show: each is known, with its options; those that take no time are run."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lstm_ref.__main__ import PASSED_ON, parser
from lstm_ref.files import write_json
from lstm_ref.parity.entry import document

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "README.zh-CN.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(
    r"(?:^ {4}(?:\$ )?|`)((?:lstm-parity|python -m lstm_ref(?:\.parity)?|nox -s) [^`\n]*)", re.MULTILINE)
SESSIONS = {name for name in re.findall(r"^def (\w+)\(session", (ROOT / "noxfile.py").read_text(), re.MULTILINE)}


def commands(path):
    """What a page shows, without the words after it and those that stand for others."""
    for found in COMMAND.findall(path.read_text(encoding="utf-8")):
        yield re.split(r" {2,}|#|…|; | \| | or: ", found)[0].strip()


def test_there_are_some():
    """Or nothing below tests anything."""
    assert len(list(commands(PAGES[0]))) > 20 and len(SESSIONS) > 15


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_commands_are_known(path):
    """By our own parser, and by noxfile.py."""
    unknown = []
    for command in commands(path):
        if command.startswith("nox"):
            name = command.split()[2].strip('",').partition("(")[0]
            unknown += [command] if name not in SESSIONS and name.isidentifier() else []
            continue
        words = shlex.split(command)
        given = [re.sub(r"^[A-Z]+$", "2", word) for word in words[1 if words[0] == "lstm-parity" else 3:]]
        if len(given) == 1 or "--help" in given:  # the name of a command in a sentence
            given = [given[0], "--help"]
        try:
            _, rest = parser().parse_known_args(given)
            unknown += [command] if rest and given[0] not in PASSED_ON else []
        except SystemExit as left:
            unknown += [command] if left.code else []
    assert not unknown


#: What is not run here, and why. All else that the documents show is.
ELSEWHERE = {
    r"nox ": "makes environments; the layers of .ci/run are these sessions",
    r"lstm-parity (train|exercise|chapters|run|report)|python -m lstm_ref (train|curves|bench|bench-page)\b":
        "takes minutes, or a framework; tests of its own run it on small sizes",
    r"lstm-parity judge (my_port|my_lstm --framework|1_lstm|chapter_09)": "wants a framework; nox -s ports judges such",
    r"(lstm-parity|python -m lstm_ref) (?!cache|open)[\w-]+$": "the name of a command in a sentence",
    r"python -m lstm_ref diagnose-curve zh-lstm.md": "the book's chapter, which is not here",
}
PORT = """
import numpy as np

def sigmoid(x):
    return 1 / (1 + np.exp(-x))

def lstm(inputs, state, params):
    W_xi, W_hi, b_i, W_xf, W_hf, b_f, W_xo, W_ho, b_o, W_xc, W_hc, b_c, W_hq, b_q = params
    (H, C), outputs = state, []
    for X in inputs:
        I, F, O = (sigmoid(X @ W_x + H @ W_h + b) for W_x, W_h, b in (
            (W_xi, W_hi, b_i), (W_xf, W_hf, b_f), (W_xo, W_ho, b_o)))
        C = F * C + I * np.tanh(X @ W_xc + H @ W_hc + b_c)
        H = O * np.tanh(C)
        outputs.append(H @ W_hq + b_q)
    return np.concatenate(outputs), (H, C)
"""
PORTS = "my_chapter.ipynb", "my_lstm.ipynb", "notes/lstm.ipynb"


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with what the documents' commands are given there: notebooks, runs, a curve, a page."""
    folder = tmp_path_factory.mktemp("desk")
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": PORT}
    for name in PORTS:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    shutil.copytree(ROOT / "tests" / "files" / "ports", folder / "tests" / "files" / "ports")
    shutil.copy(ROOT / "docs" / "reproduction.svg", folder / "curves.svg")
    entry = {"status": "pass", "reason": "", "seconds": 1.0, "selection": "", "expected": [], "not_judged": {},
             "lacking": {}, "fingerprint": {"framework": "x"}, "causes": {}, "results": []}
    (folder / "build" / "parity").mkdir(parents=True)
    for name in ("jax 0.6.2", "jax 0.10.2"):
        write_json(folder / "build" / "parity" / f"{name.replace(' ', '-')}.json", document({name: entry}))
    (folder / "build" / "parity" / "report.html").write_text("<!doctype html>")
    return folder


def shown():
    """All commands of all pages, each once."""
    return sorted({command for path in PAGES for command in commands(path)})


def runs(command):
    return not any(re.match(pattern, command) for pattern in ELSEWHERE)


def test_what_is_run():
    """Most that can be; and nothing is left out for a reason that fits no command any more."""
    assert len([command for command in shown() if runs(command)]) >= 7
    for pattern in ELSEWHERE:
        assert any(re.match(pattern, command) for command in shown()), pattern


@pytest.mark.parametrize("command", [*filter(runs, shown())])
def test_commands_do_what_the_page_says(command, desk):
    """Run as they stand: the status that the page gives them, and no traceback."""
    words = ["curves.svg" if word == "FILE" else word for word in shlex.split(command)]
    rest = words[1:] if words[0] == "lstm-parity" else words[3:]
    done = subprocess.run([sys.executable, "-m", "lstm_ref", *rest], cwd=desk, text=True, capture_output=True,
                          check=False, timeout=100, env={**os.environ, "BROWSER": "true", "PYTHONPATH": str(ROOT)})
    wrong = "coupled" in command  # a port with a mistake, to show what is said of it
    assert done.returncode == wrong and "Traceback" not in done.stderr, done.stdout + done.stderr
    assert done.stdout.strip()
