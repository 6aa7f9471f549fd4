"""`lstm-parity judge FILE`: words, lines, exit statuses, and a port that does not behave."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lstm_ref.__main__ import main

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


KINDS = "a file that ends in .py, .md, .markdown, .qmd, .rmd, .ipynb, or package.module:function"
ALONE = ("judged as a file, without pytest, which alone knows this; leave it out, or give package.module:function with "
         "--framework")


@pytest.mark.parametrize(("arguments", "words"), [
    ("right.py other.py", "right.py: one file is judged at a time, found other.py as well; judge it in a call of its "
                          "own"),
    ("right.py --nonsense 5", f"--nonsense: right.py is {ALONE}"),
    ("right.py -k forward", f"-k: right.py is {ALONE}"),
    ("right.py --book", f"--book: right.py is {ALONE}"),
    ("lstm=right:lstm --tab jax", "--tab: expected a file to judge, found lstm=right:lstm; leave --tab out, or name "
                                  "the file"),
    ("right.py --as gru=lstm", "right.py: expected --as lstm=lstm, which is what lstm computes, found --as gru=lstm"),
    ("right.py --as gruu=lstm", "--as: expected lstm=NAME, rnn=NAME, gru=NAME, or the name alone, found 'gruu=lstm'"),
    ("right.py --as nope", "right.py: expected a function 'nope' that multiplies an input and a state with "
                           "parameters, found none"),
    ("right.py --tab nope", "right.py: expected code of the tab nope, found a file without tabs; leave --tab out"),
    ("right.py --state X", "--state: expected H,C or C,H for lstm, found 'X'"),
    ("right.py --with nope.py", "nope.py: No such file or directory"),
    ("right.py --with folder.py", "folder.py: expected a file, found a folder"),
    ("right.py --with pipe.py", "pipe.py: expected a file, found a pipe or a device"),
    ("right.py --device gpu", "device gpu: NumPy computes on the CPU alone; use --device cpu"),
    ("right.py --time-limit 0", "--time-limit: expected seconds above 0, got 0"),
    ("right.py --time-limit nan", "--time-limit: expected seconds above 0, got nan"),
    ("right.py --time-limit inf", "--time-limit: expected at most 10000000 seconds, got inf"),
    ("./pipe.py", "pipe.py: expected a file, found a pipe or a device"),
    ("endless.py", "endless.py: expected a file, found a pipe or a device"),
    ("right.py --json pipe.py", "{here}/pipe.py: expected a file to write, found a pipe or a device; name another"),
    ("right.py --json folder.py", "{here}/folder.py: expected a file to write, found a folder; name another"),
    ("right.py --json right.py/found.json", "{here}/right.py: can't be written to (File exists); name another folder"),
    ("right.py --build right.py", "right.py: can't be written to (File exists); name another folder"),
    ("./right.txt", f"'./right.txt': expected {KINDS}"),
    ("..", f"'..': expected {KINDS}"),
    ("", f"'': expected {KINDS}"),
    ("lstm=", f"'lstm=': expected {KINDS}"),
    ("open.md", "open.md: line 1: expected a closing ``` for this fence, got the end of the file"),
    ("list.ipynb", "list.ipynb: expected a notebook, found JSON without its cells"),
    ("deep.ipynb", "deep.ipynb: expected a notebook (RecursionError: "),
])
def test_what_can_not_be_judged_is_refused_before_it_runs(arguments, words, tmp_path, monkeypatch, capsys):
    """In one sentence, with nothing judged and nothing written."""
    monkeypatch.chdir(tmp_path)
    for name, text in {"right.py": GOOD, "other.py": GOOD, "open.md": "```{.python .input}\n1\n", "list.ipynb": "[1]",
                       "deep.ipynb": "[" * 10**5}.items():
        Path(name).write_text(text)
    Path("folder.py").mkdir()
    os.mkfifo("pipe.py")
    Path("endless.py").symlink_to("/dev/zero")
    before = sorted(Path().rglob("*"))
    assert main(["judge", *(arguments.split() or [""])]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"error: {words.format(here=tmp_path)}") and not said.out
    assert sorted(Path().rglob("*")) == before and Path("pipe.py").is_fifo()


def test_what_a_link_points_to_is_written_and_the_link_stays(tmp_path):
    """As an editor does it."""
    (tmp_path / "link.json").symlink_to("found.json")
    assert judge(PORTS / "gates.py", "--json", tmp_path / "link.json").returncode == 0
    assert (tmp_path / "link.json").is_symlink() and json.loads((tmp_path / "found.json").read_text())["ports"]


def test_a_file_may_have_any_name(tmp_path, monkeypatch):
    """One that no text can hold is shown with escapes, and in a table for the page as well."""
    monkeypatch.chdir(tmp_path)
    Path("build").mkdir()
    path = Path(os.fsdecode(b"\xff.py"))
    path.write_text(GOOD)
    assert main(["judge", str(path), "--build", "build"]) == 0
    section, = Path("build/sections").iterdir()
    assert json.loads(section.read_text())["title"] == f"Port: {path}"


def test_what_a_port_leaves_behind_is_not_waited_for(tmp_path):
    """It may hold the channel for what goes wrong, and ends with the port."""
    path, pid = tmp_path / "port.py", tmp_path / "pid"
    path.write_text(GOOD.replace("    H, C = state\n", f"""    H, C = state
    import subprocess
    open({str(pid)!r}, "w").write(str(subprocess.Popen(["sleep", "100"]).pid))
"""))
    begun = time.monotonic()
    assert judge(path).returncode == 0
    assert time.monotonic() - begun < 90
    assert not computes(int(pid.read_text()))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL])
def test_a_judge_that_is_asked_or_made_to_end_leaves_nothing(number, tmp_path):
    """Neither the port's process, nor a traceback."""
    path, pid = tmp_path / "port.py", tmp_path / "pid"
    path.write_text(GOOD.replace("    H, C = state\n", f"""    H, C = state
    import os, time
    open({str(pid)!r}, "w").write(str(os.getpid()))
    time.sleep(100)
"""))
    asking = (signal.SIGINT, signal.SIGHUP)  # a child of nohup would inherit its deafness
    before = [signal.signal(each, signal.SIG_DFL) for each in asking]
    process = subprocess.Popen([sys.executable, "-m", "lstm_ref.parity", "judge", str(path), *NOWHERE], text=True,
                               stderr=subprocess.PIPE)
    for each, handler in zip(asking, before, strict=True):
        signal.signal(each, handler)
    end = time.monotonic() + 60
    while not (pid.exists() and pid.read_text()) and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(number)
    _, said = process.communicate(timeout=20)
    assert process.returncode in (128 + number, -signal.SIGKILL) and not said
    while computes(int(pid.read_text())):
        assert time.monotonic() < end, "the port's process is still there"
        time.sleep(0.05)


def computes(pid):
    """Whether a process is there and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


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
