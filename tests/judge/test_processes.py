"""Several processes judge as one does, and whatever happens to one of them is said."""

from pathlib import Path

import pytest

from lstm_ref.__main__ import main
from lstm_ref.parity.runner.record import read_status
from lstm_ref.parity.runner.report import merge
from lstm_ref.parity.runner.supervise import supervise

ROOT = Path(__file__).parents[2]
TWO = ("-n2", "--dist=worksteal", "--max-worker-restart=0")


@pytest.fixture
def run(monkeypatch, tmp_path, truths):
    """Runs a few checks of the backend numpy in two processes; whether it passed, and the entry of its file."""
    (tmp_path / "truth").symlink_to(truths)
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.setenv("PLANTED", "")
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID"):
        monkeypatch.delenv(name, raising=False)  # of the session that runs this test

    def run(*arguments, processes=TWO, few="tiny and float32", time_limit=120):
        passed = supervise("numpy", tmp_path, time_limit, ["tests/parity", "--backend=numpy", "-q", "-k", few,
                                                           *processes, *arguments])
        return passed, read_status(tmp_path, "numpy")

    return run


def test_two_processes_find_what_one_finds(run, tmp_path):
    """To the bit, and the report's facts with it."""
    passed, two = run()
    assert passed and merge(["numpy"], tmp_path, page=False)
    one = run(processes=())[1]
    key = "check", "implementation", "case", "dtype", "quantity"
    assert sorted(two["results"], key=lambda r: [r[k] for k in key]) == sorted(
        one["results"], key=lambda r: [r[k] for k in key])
    assert len(one["results"]) > 100
    for entry in (one, two):
        del entry["fingerprint"]["threads"]
    for fact in ("expected", "not_judged", "lacking", "selection", "fingerprint"):
        assert two[fact] == one[fact]


def test_a_wrong_number_is_told_whole(run, monkeypatch, capfd):
    """The first at once, then its cause, as by one process."""
    monkeypatch.setenv("PLANTED", "err")
    passed, entry = run("-p", "planted", few="tiny and float32 and (forward or state)")
    assert not passed and entry["status"] == "fail"
    assert entry["reason"].startswith("scratch: departs first at time step t = 0, in the output Y")
    assert len(entry["causes"]["scratch"]["commands"]["forward"]) == 2
    said = capfd.readouterr()
    assert "fails: forward[scratch-tiny-float32]: " in said.err
    assert "numpy: forward of scratch on case tiny in float32" in said.out


@pytest.mark.parametrize("what", ["crash", "leave"])
def test_a_process_that_ends_early_is_named_with_its_test(what, run, monkeypatch):
    """Whatever the others find."""
    monkeypatch.setenv("PLANTED", what)
    passed, entry = run("-p", "planted")
    assert not passed and entry["status"] == "crashed"
    assert "a process ended early, in forward[scratch-tiny-float32]" in entry["reason"]


def test_a_hang_ends_at_the_time_limit(run, monkeypatch):
    """And with it all processes; what was under way is said."""
    monkeypatch.setenv("PLANTED", "hang")
    passed, entry = run("-p", "planted", time_limit=6)
    assert not passed and entry["status"] == "crashed"
    assert "hung: no end within 6 s" in entry["reason"] and "forward[scratch-tiny-float32]" in entry["reason"]


def test_what_can_not_be_judged_is_said_once(run, capfd):
    """In the words of one process."""
    passed, entry = run("--random", "0")
    assert not passed and entry == {"status": "not run", "reason": "--random: expected at least 1 case, got 0"}
    assert "ERROR: --random: expected at least 1 case, got 0" in capfd.readouterr().out


def test_how_many_there_are(capsys):
    """At least one."""
    assert main(["run", "numpy", "--processes", "0"]) == 2
    assert "--processes: expected at least 1, got 0" in capsys.readouterr().err
