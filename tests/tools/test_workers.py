"""Training on several workers, on NumPy's engine: as one, resumed, killed, refused; the processes that it starts."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("mpi4py")  # Windows has no MPICH

from backends import launch
from lstm_ref.tools.train import checkpoint
from lstm_ref.tools.train.run import read_log
from tests.tools.test_train import ARGUMENTS, ROOT, perplexities

TRAIN = (sys.executable, "-m", "lstm_ref", "train", *ARGUMENTS)


def train(out, *arguments, status=0):
    """What the command says."""
    done = subprocess.run([*TRAIN, "--out", str(out), *map(str, arguments)], cwd=ROOT, text=True, capture_output=True,
                          check=False, timeout=300)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def weights(out):
    return checkpoint.load(out / "checkpoint.npz")[0]


def assert_close(one, other):
    """As far as sums in another order round, in float32 and over up to a few hundred epochs.

    Where it was measured, a weight was 1.5e-6 off after such a run; training amplifies that, and a mistake shows in
    whole digits.
    """
    for name, array in weights(one).items():
        np.testing.assert_allclose(array, weights(other)[name], rtol=0, atol=1e-3, err_msg=name)
    assert perplexities(read_log(one)) == pytest.approx(perplexities(read_log(other)), rel=1e-3)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Eight epochs of one worker."""
    out = tmp_path_factory.mktemp("alone") / "run"
    train(out, "--epochs", 8)
    return out


def test_two_train_as_one(alone, tmp_path):
    """On 4 rows, with the same files and the same words."""
    said = train(tmp_path / "run", "--epochs", 8, "--workers", 2)
    assert re.search(r"epoch 8: perplexity [\d.]+, [\d,]+ tokens/s", said) and "log.json, checkpoint.npz" in said
    assert_close(tmp_path / "run", alone)
    assert read_log(tmp_path / "run")["settings"]["workers"] == 2
    assert {path.name for path in (tmp_path / "run").iterdir()} == {path.name for path in alone.iterdir()}


def test_a_run_goes_on_with_any_number_of_workers(alone, tmp_path):
    """To the same numbers; 4 rows can't be shared out evenly among three."""
    out = tmp_path / "run"
    train(out, "--epochs", 3, "--workers", 3)
    assert "resuming after epoch 3 of 5" in train(out, "--epochs", 5, "--workers", 2, "--resume")
    train(out, "--epochs", 8, "--resume")
    assert_close(out, alone)
    assert "there is already a run" in train(out, "--epochs", 9, "--workers", 2, status=2)
    train(out, "--epochs", 8, "--workers", 2, "--restart")
    assert_close(out, alone)


@pytest.mark.parametrize(("arguments", "words"), [
    (("--workers", 0), "workers: expected an integer of at least 1, got 0"),
    (("--workers", 5), "workers: expected at most one for each of the 4 rows of a minibatch, got 5"),
    (("--workers", 2, "--model", "fused"), "workers: expected 1 for fused, since its step is not divided among"),
    (("--workers", 2, "--rank", 0), "rendezvous and rank: expected both"),
    (("--workers", 2, "--rank", 2, "--rendezvous", "a:1"), "rank: expected a number from 0 to 1, got 2"),
    (("--workers", 2, "--rank", 1, "--rendezvous", "a:1"), "rendezvous: expected none, since MPI starts all workers"),
])
def test_what_cannot_be_is_refused(arguments, words, tmp_path):
    """Before anything is written."""
    assert words in train(tmp_path / "run", *arguments, status=2)
    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_not_finite_is_said_once(tmp_path):
    """By the first worker; none is left."""
    said = train(tmp_path / "run", "--workers", 2, "--lr", 1e38, status=1).replace("\n", " ")
    assert re.search(r": epoch 1, minibatch \d+: .*; try a smaller --lr than 1e\+38; all workers were ended", said)
    assert not workers_of(tmp_path)


def workers_of(folder):
    """The processes whose command names a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if any(str(folder) in word for word in words) and "backends.parallel" in words and "-n" not in words:
            found.append(int(path.name))
    return found


def gone(folder, seconds=10.0):
    """Whether no worker is left, or soon will not be."""
    end = time.monotonic() + seconds
    while (left := workers_of(folder)) and time.monotonic() < end:
        time.sleep(0.05)
    return not left


@pytest.mark.skipif(not Path("/proc").exists(), reason="this system does not list its processes: run on Linux")
@pytest.mark.parametrize("who", ["a worker", "who started them"])
def test_none_outlives_another(who, tmp_path):
    """Killed by kill -9 in the midst of it; the run goes on from its checkpoint.

    At a rate that does not amplify rounding: 3e-6 after 800 epochs, where a rate of 1 gives 2.7.
    """
    out, slow = tmp_path / "run", ("--lr", "0.1")
    process = subprocess.Popen([*TRAIN, *slow, "--out", str(out), "--workers", "2", "--epochs", "100000"], cwd=ROOT,
                               text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    end = time.monotonic() + 60
    while not (out / "log.json").exists() or len(read_log(out)["epochs"]) < 2:
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.05)
    os.kill(workers_of(tmp_path)[-1] if who == "a worker" else process.pid, signal.SIGKILL)
    said, _ = process.communicate(timeout=60)
    assert gone(tmp_path)
    if who == "a worker":
        assert process.returncode == 1
        assert "did not come to their end" in said and "--resume continues from the checkpoint" in said
    epochs = len(read_log(out)["epochs"])
    train(out, "--epochs", epochs + 1, "--resume", *slow)
    train(tmp_path / "plain", "--epochs", epochs + 1, *slow)
    assert_close(out, tmp_path / "plain")


def python(code):
    return [sys.executable, "-c", code]


def test_one_that_fails_ends_the_others():
    """And is named, with what it said last."""
    began = time.monotonic()
    with pytest.raises(launch.WorkerError, match=r"^worker 2 of 2 ended with exit status 3: out of memory$"):
        launch.launch([python("import time; time.sleep(60)"), python(
            "import sys; print('first'); print('error: out of memory', file=sys.stderr); sys.exit(3)")])
    with pytest.raises(launch.WorkerError, match=r"^the process of the workers killed by signal 9 \(SIGKILL\)$"):
        launch.launch([python("import os; os.kill(os.getpid(), 9)")])
    assert time.monotonic() - began < 30


def test_workers_have_a_time_limit():
    """After which none is left."""
    with pytest.raises(launch.WorkerError, match=r"^the workers had not ended after 1 s: waiting$"):
        launch.launch([python("import sys, time; print('waiting', file=sys.stderr, flush=True); time.sleep(60)")], 1)


def test_a_worker_ends_with_who_started_it(tmp_path):
    """However that ended."""
    ours = f"import os, sys, time; sys.path.insert(0, {str(ROOT)!r}); from backends import launch\n"
    code = f"{ours}launch.end_with_the_others()\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
    starter = subprocess.Popen(python(f"{ours}launch.launch([[sys.executable, '-c', {code + 'time.sleep(60)'!r}]])"))
    end = time.monotonic() + 30
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < end
        time.sleep(0.05)
    starter.kill()
    starter.wait()
    pid = int((tmp_path / "pid").read_text())
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        status = Path(f"/proc/{pid}/status")
        if status.exists() and "zombie" in status.read_text():
            return
        time.sleep(0.05)
    pytest.fail("it is still there")


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes are held to cores in Linux alone")
def test_workers_have_all_cores_of_a_run_that_is_held_to_some(monkeypatch, capfd):
    """Where they are named; this process keeps its own."""
    mine = os.sched_getaffinity(0)
    one = min(mine)
    command = [sys.executable, "-c", "import os; print(sorted(os.sched_getaffinity(0)))"]
    os.sched_setaffinity(0, {one})
    try:
        monkeypatch.delenv("LSTM_PARITY_CORES", raising=False)
        launch.launch([command])
        monkeypatch.setenv("LSTM_PARITY_CORES", ",".join(map(str, mine)))
        launch.launch([command])
        assert os.sched_getaffinity(0) == {one}
    finally:
        os.sched_setaffinity(0, mine)
    assert capfd.readouterr().out.splitlines() == [str([one]), str(sorted(mine))]
