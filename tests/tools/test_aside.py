"""Backends side by side: shares of the cores, order, output and ends."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / ".ci"))

import aside


def test_the_cores_are_shared_out():
    """Every core is in one share, and there is no share without one."""
    everything = sorted(core for share in aside.shares(1) for core in share)
    for jobs in (1, 2, 1000):
        parts = aside.shares(jobs)
        assert sorted(core for share in parts for core in share) == everything
        assert all(parts) and len(parts) == min(jobs, len(everything))


def test_one_at_a_time_is_done_when_it_is_asked_for():
    """Nothing is begun ahead of it, and what it says is said at once."""
    done, said = [], []
    both = aside.Aside(1, {"a": lambda say, output: done.append(say("a") or output),
                           "b": lambda say, output: done.append(say("b") or output)})
    both.result("a", said.append)
    assert (done, said) == ([None], ["a"])
    both.result("b", said.append)
    assert (done, said) == ([None, None], ["a", "b"])


@pytest.mark.skipif(len(aside.shares(2)) < 2, reason="one core")
def test_the_next_one_runs_meanwhile_and_is_shown_in_its_turn(capfd):
    """Its words and its program's; its result, or what it raised."""
    met = threading.Barrier(2, timeout=20)

    def first(say, output):
        met.wait()
        return "first"

    def second(say, output):
        met.wait()
        say("second begins")
        aside.run([sys.executable, "-c", "print('its program')"], {}, output)
        return "second"

    def third(say, output):
        raise LookupError("no such thing")

    three = aside.Aside(2, {"1": first, "2": second, "3": third})
    assert three.result("1", print) == "first"
    assert "second" not in capfd.readouterr().out
    assert three.result("2", print) == "second"
    assert capfd.readouterr().out.splitlines() == ["second begins", "its program"]
    with pytest.raises(LookupError, match="no such thing"):
        three.result("3", print)


def test_how_many_at_a_time(monkeypatch):
    """Each has a core at least, and four where there are many."""
    for cores, jobs in ((1, 1), (2, 2), (3, 2), (8, 2), (12, 3), (64, 6)):
        monkeypatch.setattr(aside, "shares", lambda jobs, cores=cores: [[i] for i in range(min(cores, jobs))])
        assert aside.default_jobs(6) == jobs


@pytest.mark.skipif(len(aside.shares(2)) < 2, reason="one core")
def test_the_longest_one_is_begun_aside_first():
    """Whatever the order in which they are shown; of what is not known, that order."""
    begun, go = [], threading.Event()

    def work(name):
        def do(say, output):
            begun.append(name)
            if name == "long":
                go.set()
            return go.wait(20) and name  # nobody ends before the long one is begun
        return do

    names = "first", "short", "unknown", "long"
    four = aside.Aside(2, {name: work(name) for name in names}, {"short": 2.0, "long": 9.0})
    assert [four.result(name, print) for name in names] == [*names]
    assert next(name for name in begun if name != "first") == "long"  # `first` is done here, however late
    assert four.longest_first == ["long", "short", "first", "unknown"]


@pytest.mark.skipif(os.name != "posix" or len(aside.shares(2)) < 2, reason="signals are POSIX's; one core")
def test_what_was_begun_ends_with_it(tmp_path):
    """SIGTERM leaves no process behind, neither of the one that is shown nor of those aside."""
    program = tmp_path / "program.py"
    program.write_text(f"""
import sys
sys.path.insert(0, {str(Path(aside.__file__).parent)!r})
import aside
sleep = lambda say, output: aside.run([sys.executable, "-c",
    "import os, pathlib, time; pathlib.Path(str(os.getpid())).touch(); time.sleep(60)"], {{}}, output)
aside.Aside(2, {{"a": sleep, "b": sleep}}).result("a", print)
""")
    with subprocess.Popen([sys.executable, str(program)], cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        until = time.monotonic() + 20
        while len(pids := [int(path.name) for path in tmp_path.iterdir() if path.name.isdigit()]) < 2:
            assert time.monotonic() < until
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_what_is_ahead():
    """By what each took last, or takes on its first run; the longest one alone may take longer than its share."""
    took, first = {"numpy": 60.0, "torch": 120.0, "jax": 180.0}, {"numpy": 600.0, "paddle": 30.0}
    assert aside.outlook(["numpy", "torch", "jax"], 2, took, first) == \
        "3 backends, 2 at a time: about 3 min, less where nothing has changed"
    assert aside.outlook(["numpy", "jax", "paddle"], 1, took, first) == \
        "3 backends, 1 at a time: about 4 min, it is the first run here of paddle"
    assert aside.outlook(["numpy"], 1, took, first) == ""


def test_what_is_left():
    """By those that have ended, which may have been quicker than last time, and are not counted as slower."""
    three = aside.Aside(1, {name: lambda say, output: None for name in "abc"}, {"a": 120.0, "b": 60.0, "c": 240.0})
    assert three.left() == 7
    three.result("a", print)
    three.begun -= 30  # the clock goes on: by less than 3 seconds until it is looked at
    assert three.left() == pytest.approx(5 / 4, abs=0.05)
    three.begun -= 3000
    assert three.left() == 5
    three.tasks["c"].begun = time.monotonic() - 60
    assert three.left() == pytest.approx(4, abs=0.01)
    three.tasks["c"].begun = None
    three.result("b", print), three.result("c", print)
    assert three.left() == 0
