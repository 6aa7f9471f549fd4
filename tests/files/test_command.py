"""`lstm-parity judge FILE`: words, lines, exit statuses, and a port that does not behave."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PORTS = Path(__file__).parent / "ports"
GOOD = (PORTS / "coupled.py").read_text().replace("(1 - F) * C_tilda", "I * C_tilda")

#: So that the page of the report in this checkout does not show what is judged here.
NOWHERE = ("--build", "build/nowhere")


def judge(*arguments, cwd=None):
    """The command, run as a user types it."""
    return subprocess.run([sys.executable, "-m", "lstm_ref.parity", "judge", *map(str, arguments), *NOWHERE],
                          text=True, cwd=cwd, capture_output=True, timeout=600)


@pytest.mark.parametrize(("name", "status", "words"), [
    ("gates.py", 0, "gates.py: lstm_step in NumPy: right"),
    ("coupled.py", 1, "coupled.py, line 28: C = F * C + (1 - F) * C_tilda"),
    ("nothing.md", 2, "no function or statements that compute an LSTM; it defines get_lstm_params; it uses "
                      "init_lstm_state, lstm, which it does not define"),
    ("gru.py", 0, "gru.py: gru in NumPy: right"),
    ("missing.py", 2, "missing.py: No such file or directory"),
])
def test_a_file_has_a_verdict_and_an_exit_status(name, status, words):
    """0 right, 1 wrong, 2 not judged."""
    found = judge(PORTS / name)
    assert found.returncode == status, found.stdout + found.stderr
    assert words in found.stdout + found.stderr


def test_annotations_and_json(tmp_path):
    """On the right line, and with the same rows."""
    found = judge(PORTS / "coupled.py", "--format", "github", "--json", tmp_path / "found.json")
    assert found.returncode == 1
    assert f"::error file={PORTS / 'coupled.py'},line=28,title=lstm%3A wrong::" in found.stdout
    port, = json.loads((tmp_path / "found.json").read_text())["ports"]
    assert port["status"] == "wrong" and port["rows"][0]["line"] == 28


def test_what_is_guessed_can_be_said_by_hand(tmp_path):
    """The function by its name, and the order of its state."""
    path = tmp_path / "two.py"
    swapped = GOOD.replace("def lstm", "def other").replace("H, C = state", "first, second = state").replace(
        "outputs = []", "outputs, C, H = [], first, second").replace(", (H, C)", ", (C, H)")
    path.write_text(GOOD + swapped.partition("\n\n\ndef init")[2].partition("\n\n\n")[2])
    both = judge(path)
    assert both.returncode == 1 and "other in NumPy: wrong" in both.stdout
    assert judge(path, "--as", "lstm=lstm").returncode == 0
    assert judge(path, "--as", "lstm=other", "--state", "C,H").returncode == 0
    assert "expected a function 'third'" in judge(path, "--as", "lstm=third").stderr


@pytest.mark.parametrize(("line", "words"), [
    ("import time; time.sleep(1000)", "no end within 5 s"), ("import os; os._exit(0)", "ended with exit status 0"),
    ("print('x' * 10**7)", "right"), ("raise SystemExit", "its process ended with exit status 0")])
def test_a_port_that_does_not_behave_is_told_in_words(tmp_path, line, words):
    """One that hangs, ends its process or prints without end."""
    path = tmp_path / "port.py"
    path.write_text(GOOD.replace("    H, C = state\n", f"    H, C = state\n    {line}\n"))
    found = judge(path, *(["--time-limit", "5"] if "sleep" in line else []))
    assert found.returncode == (0 if words == "right" else 2), found.stdout + found.stderr
    assert words in found.stdout and len(found.stdout) < 10**4


def test_carriage_returns_and_tabs_are_python_too(tmp_path):
    """As some editors leave them."""
    path = tmp_path / "port.py"
    path.write_bytes(GOOD.replace("    ", "\t").replace("\n", "\r\n").encode())
    assert judge(path).returncode == 0


def test_nothing_of_the_file_runs_but_what_is_needed(tmp_path):
    """No training, no neighbour that shadows a library, nothing written beside it."""
    path = tmp_path / "folder" / "port.py"
    path.parent.mkdir()
    (path.parent / "numpy.py").write_text("raise RuntimeError('the neighbour was imported')")
    path.write_text(f"import wandb\nopen('mark.txt', 'w')\n{GOOD}\nfor i in range(10**9):\n    lstm(None, None, None)\n"
                    "raise RuntimeError('the script ran')\n")
    assert judge(path, cwd=path.parent.parent).returncode == 0
    assert [each.name for each in path.parent.iterdir() if each.name != "numpy.py"] == ["port.py"]


def test_an_importable_function_or_class_is_judged_by_its_file(tmp_path):
    """Where it is called otherwise than the book's, without a framework's name."""
    package = tmp_path / "mine"
    package.mkdir()
    (package / "__init__.py").write_text("")
    for name in ("kept.py", "coupled.py"):
        shutil.copy(PORTS / name, package)
    assert judge("mine.kept:Recurrent", cwd=tmp_path).returncode == 0
    assert judge("mine.coupled", cwd=tmp_path).returncode == 1


def test_a_framework_that_is_missing_is_named(tmp_path):
    """With the command that chooses the right environment."""
    shutil.copy(PORTS / "twice.py", tmp_path)
    found = judge(tmp_path / "twice.py")
    assert found.returncode == 2 and "No module named 'torch'" in found.stdout and "nox -s judge" in found.stdout


def test_the_plugin_collects_one_item_for_each_role():
    """In the reporter that a repository already has."""
    found = subprocess.run([sys.executable, "-m", "pytest", "-q", "--parity", str(PORTS / "coupled.py")], text=True,
                           capture_output=True, timeout=600)
    assert found.returncode == 1 and "1 failed, 3 passed" in found.stdout, found.stdout
    assert "coupled.py, line 28: C = F * C + (1 - F) * C_tilda" in found.stdout
