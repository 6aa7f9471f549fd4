"""A backend that crashes, hangs or is missing is reported in words; the real pytest run, end to end."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lstm_ref.__main__ import main
from lstm_ref.parity.runner.record import read_status
from lstm_ref.parity.runner.report import merge
from lstm_ref.parity.runner.supervise import supervise
from lstm_ref.usage import UsageError

ROOT = Path(__file__).parents[2]
FEW = ("-q", "-k", "tiny and float32")


@pytest.fixture
def planted(monkeypatch, tmp_path, truths):
    """Runs the checks of the backend numpy with something planted in it; returns the entry of its file."""
    (tmp_path / "truth").symlink_to(truths)
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))

    def run(what, *arguments, time_limit=120):
        monkeypatch.setenv("PLANTED", what)
        passed = supervise("numpy", tmp_path, time_limit,
                           ["tests/parity", "--backend=numpy", "-p", "planted", *FEW, *arguments])
        assert not passed
        assert not merge(["numpy"], tmp_path)
        return read_status(tmp_path, "numpy")

    return run


def test_a_crash_is_named_with_what_it_was_doing(planted):
    """Killed by a signal in the middle of a check."""
    entry = planted("crash")
    assert entry["status"] == "crashed"
    assert "killed by signal 11 (SIGSEGV)" in entry["reason"]
    assert "the process ended in forward[scratch-tiny-float32]" in entry["reason"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="files have no limit here")
@pytest.mark.parametrize(("size", "words"), [
    (50, "error: {}: can't be written (File too large)"),
    (10_000, "numpy: crashed: ended with exit status 1, and its output says why; the process ended in ")])
def test_a_disk_that_is_full_is_one_sentence(size, words, tmp_path, truths):
    """Before the first check, and when the results are written; here by a limit to the size of a file."""
    import resource

    (tmp_path / "truth").symlink_to(truths)
    command = [sys.executable, "-m", "lstm_ref.parity", "run", "numpy", "--build", str(tmp_path), *FEW]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False,
                           preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
    assert found.returncode != 0 and "Traceback" not in found.stdout + found.stderr
    assert words.format(tmp_path / "numpy.json") in found.stderr + found.stdout
    assert "can't be written (File too large)" in found.stderr + found.stdout


def test_a_hang_ends_at_the_time_limit(planted):
    """And the results so far are kept."""
    entry = planted("hang", time_limit=4)
    assert entry["status"] == "crashed"
    assert "hung: no end within 4 s" in entry["reason"]


def test_a_process_that_leaves_early_did_not_pass(planted):
    """Exit status 0 proves nothing."""
    entry = planted("leave")
    assert entry["status"] == "crashed"
    assert "ended with exit status 0; the process ended in forward[" in entry["reason"]


def test_an_exception_is_a_failure_with_its_text(planted, capfd):
    """Not a broken test: a finding about the implementation, with the line that raised it."""
    entry = planted("throw")
    assert entry["status"] == "fail"
    assert "forward (tiny float32)" in entry["reason"]
    assert "the call: raised RuntimeError: a kernel was not found (planted.py, line" in capfd.readouterr().out


def test_a_wrong_number_is_told_whole(planted, capfd):
    """From the check down to the command that runs just this again."""
    entry = planted("err")
    assert entry["status"] == "fail"
    assert entry["reason"].startswith("scratch: departs first at time step t = 0, in the output Y")
    assert "forward (tiny float32)" in entry["reason"]
    printed = capfd.readouterr().out
    for words in ("numpy: forward of scratch on case tiny in float32", "mathematics", "in the output Y", "again: ",
                  "tests/parity/test_checks.py::checks::forward[scratch-tiny-float32]"):
        assert words in printed


def test_a_wrong_number_is_seen_where_asserts_are_off(planted, monkeypatch):
    """The tests next to the checks are made of them."""
    monkeypatch.setenv("PYTHONOPTIMIZE", "1")
    entry = planted("err")
    assert entry["status"] == "fail" and "forward (tiny float32)" in entry["reason"]


def test_an_interrupted_run_is_no_pass(planted):
    """Even if all that ran until then passed."""
    entry = planted("interrupt")
    assert entry["status"] == "fail"
    assert "the run was broken off: interrupted" in entry["reason"]


def test_what_goes_wrong_before_the_first_check_is_said(planted, monkeypatch, tmp_path):
    """A corpus that is not the book's, and an option that pytest does not know."""
    assert "pytest ended with exit status 4 before any check" in planted("err", "--no-such-option")["reason"]
    (tmp_path / "timemachine.txt").write_text("not the time machine")
    monkeypatch.setenv("LSTM_REF_DATA_DIR", str(tmp_path))
    entry = planted("err")
    assert entry["status"] == "not run"
    assert "timemachine.txt: expected SHA-1" in entry["reason"]


def alive(pid):
    """Whether a process computes or waits; one that ended may not have been waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def children(pid):
    found = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return found + [below for child in found for below in children(child)]


@pytest.fixture
def started():
    """Starts a run in a process of its own, which does not outlive the test."""
    processes = []

    def start(*arguments):
        asking = [getattr(signal, name) for name in ("SIGINT", "SIGHUP") if hasattr(signal, name)]
        before = [signal.signal(each, signal.SIG_DFL) for each in asking]  # a child of nohup would inherit its deafness
        processes.append(subprocess.Popen([sys.executable, "-m", *arguments], cwd=ROOT))
        for each, handler in zip(asking, before, strict=True):
            signal.signal(each, handler)
        return processes[-1]

    yield start
    for process in processes:
        process.terminate()
        process.wait()


linux = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads Linux's table of processes")


@pytest.fixture
def under_way(started, tmp_path, truths, monkeypatch):
    """A run whose backend has started a process and waits; the run's process, and the file of their numbers."""
    (tmp_path / "truth").symlink_to(truths)
    pids = tmp_path / "pids"
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
    monkeypatch.setenv("PLANTED", "start")
    monkeypatch.setenv("PLANTED_PIDS", str(pids))
    process = started("lstm_ref", "run", "numpy", "--build", str(tmp_path), "-p", "planted", *FEW)
    until(pids.exists)
    return process, pids


@linux
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_run_that_is_asked_to_end_ends_whole(number, under_way, tmp_path):
    """With what its backend has started, and with what happened in its file; no second run meanwhile."""
    process, pids = under_way
    with pytest.raises(UsageError, match=r"another run of numpy is under way in this folder; wait for it, or name"):
        supervise("numpy", tmp_path, 60, [])
    assert read_status(tmp_path, "numpy")["status"] == "crashed", "the second run left the file alone"
    process.send_signal(number)
    assert process.wait(20) == 128 + number
    assert not any(map(alive, map(int, pids.read_text().split())))
    entry = read_status(tmp_path, "numpy")
    assert entry["status"] == "crashed"
    assert entry["reason"] == f"ended from outside by {number.name}; the process ended in forward[scratch-tiny-float32]"


@linux
@pytest.mark.parametrize(("program", "number"), [
    ("lstm_ref run numpy", signal.SIGTERM), ("pytest tests/parity --backend numpy", signal.SIGKILL)])
def test_truths_under_way_end_with_the_run(program, number, started, tmp_path):
    """Nobody would read them."""
    (tmp_path / "truth").mkdir()  # of its own, with nothing in it
    process = started(*program.split(), "--build", str(tmp_path), "-q")
    until(lambda: [*tmp_path.glob("truth/*.npz")])
    below = children(process.pid)
    process.send_signal(number)
    assert process.wait(20) in (143, -9)
    until(lambda: not any(map(alive, below)), 20)
    entry = read_status(tmp_path, "numpy")
    assert entry["status"] == "crashed"
    assert entry["reason"].endswith("the computation of the truths")


@linux
def test_a_run_that_is_killed_leaves_nothing_behind(under_way, tmp_path):
    """No pytest that goes on to write a verdict, and nothing that it has started."""
    process, pids = under_way
    below = [*children(process.pid), *map(int, pids.read_text().split())]
    process.kill()
    until(lambda: not any(map(alive, below)), 20)
    assert read_status(tmp_path, "numpy")["status"] == "crashed"


@pytest.mark.parametrize(("arguments", "words"), [
    (("run", "numpy", "--subject", "a" * 300), "backend: expected a name for its files, of at most 100 characters and "
                                               f"not 'report', got '{'a' * 100}'"),
    (("run", "numpy", "--subject", "report"), "backend: expected a name for its files, of at most 100 characters and "
                                              "not 'report', got 'report'"),
    (("run", "../evil"), "backend: expected a registered name or package.module:Adapter, got '../evil'"),
    (("report", "../evil"), "backend: expected a registered name or package.module:Adapter, got '../evil'"),
    (("run", "numpy", "--time-limit", "0"), "--time-limit: expected seconds above 0, got 0"),
    (("run", "numpy", "--time-limit", "nan"), "--time-limit: expected seconds above 0, got nan"),
    (("run", "numpy", "--build", "file"), "file: can't be written to (File exists); name another folder"),
    (("report", "numpy", "--build", "file"), "file: can't be written to (File exists); name another folder"),
    (("judge", "my_port:lstm", "--build", "file"), "file: can't be written to (File exists); name another folder"),
])
def test_what_a_command_can_not_do_is_refused_in_words(arguments, words, tmp_path, monkeypatch, capsys):
    """And writes nothing."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    assert main([*arguments]) == 2
    assert capsys.readouterr().err == f"error: {words}\n"
    assert not [*tmp_path.parent.glob("evil*")]


def test_a_run_without_results_says_why(tmp_path, monkeypatch, capfd):
    """In another folder than a checkout, and on a line of its own."""
    monkeypatch.chdir(tmp_path)
    assert main(["run", "numpy", "--build", "here", "--random", "0"]) == 1
    assert capfd.readouterr().err.endswith("numpy: not run: --random: expected at least 1 case, got 0\n")
    assert main(["run", "numpy", "-q", "-k", "state"]) == 0
    assert read_status(tmp_path / "build" / "parity", "numpy")["status"] == "pass"


def parity(*arguments):
    return subprocess.run([sys.executable, "-m", "pytest", "tests/parity", *arguments], cwd=ROOT, text=True,
                          capture_output=True, check=False)


def test_a_missing_framework_says_what_to_install(tmp_path, monkeypatch):
    """The tests run with NumPy alone: MXNet is not there."""
    monkeypatch.setenv("PYTHONSAFEPATH", "")
    run = parity("--backend", "mxnet", "--build", str(tmp_path))
    entry = read_status(tmp_path, "mxnet")
    assert run.returncode != 0
    assert entry["status"] == "not run"
    assert "the backend mxnet needs the package mxnet, which is not installed" in entry["reason"]
    assert 'pip install "mxnet==1.9.1"' in entry["reason"]
    assert entry["reason"] in run.stderr


@pytest.mark.parametrize(("arguments", "words"), [
    (("--backend", "tourch"), "unknown backend 'tourch'; known are numpy, torch, tensorflow, jax, mxnet, paddle"),
    (("--backend", "numpy", "--random", "0"), "--random: expected at least 1 case, got 0"),
    (("--backend", "numpy", "--random", "-1"), "--random: expected at least 1 case, got -1"),
    (("--backend", "../evil"), "backend: expected a registered name or package.module:Adapter, got '../evil'"),
    (("--backend", "numpy", "--build", "README.md"), "README.md: can't be written to (File exists)"),
    (("--backend", "numpy", "--device", "gpu"), "NumPy computes on the CPU alone"),
])
def test_a_wrong_command_line_is_refused_in_words(arguments, words, tmp_path):
    """Before anything runs."""
    run = parity("--build", str(tmp_path), *arguments)
    assert run.returncode == 4
    assert words in run.stderr


def test_a_part_of_the_suite_is_called_a_part(tmp_path):
    """However it was chosen."""
    run = parity("--backend", "numpy", "--build", str(tmp_path), "-k", "state")
    assert run.returncode == 0
    part, whole = map(int, re.fullmatch(r"(\d+) of (\d+) checks", read_status(tmp_path, "numpy")["selection"]).groups())
    assert 0 < part < whole


def test_deselecting_everything_is_no_pass(tmp_path):
    """A run without a single check fails."""
    run = parity("--backend", "numpy", "-k", "nothing_of_this_name", "--build", str(tmp_path))
    assert run.returncode != 0
    assert read_status(tmp_path, "numpy")["status"] == "fail"


def test_random_cases_are_judged(tmp_path, truths, monkeypatch):
    """Those of other seeds than the suite's; a check that none of them is for is left out, not skipped."""
    (tmp_path / "truth").symlink_to(truths)
    monkeypatch.chdir(ROOT)
    assert supervise("numpy", tmp_path, 120, ["tests/parity", "--backend=numpy", "-q", "--random", "1", "-k",
                                                "random-0 and float32"])
    entry = read_status(tmp_path, "numpy")
    assert entry["status"] == "pass" and "--random 1" in entry["selection"]
    assert {result["case"] for result in entry["results"]} == {"random-0"}
