"""Workers that meet at a port, each in a process of its own: judged as those that one start of ours makes."""

import subprocess
import sys
from pathlib import Path

import pytest

from backends.workers import free_ports
from lstm_ref.parity import registry
from lstm_ref.parity.cases import make
from lstm_ref.parity.checks import CHECKS
from lstm_ref.parity.session import truths_of_build
from lstm_ref.tools.train.run import read_log

pytestmark = [pytest.mark.only("torch", "tensorflow", "jax", "mxnet"), pytest.mark.thorough]


@pytest.mark.parametrize("label", ["scratch", "concise"])
def test_workers_that_meet_at_a_port(backend, label, monkeypatch):
    """Two of them, on 5 rows and on the loopback interface; TensorFlow's have a port each."""
    adapter, case = registry.load(backend), make("workers-2-5").astype("float32")
    ports = free_ports(2 if backend == "tensorflow" else 1)
    adapter.place = "@" + ",".join(f"127.0.0.1:{port}" for port in ports)
    monkeypatch.setattr(adapter, "_jobs", lambda _: {(label, case.name, "float32"): case})
    truths = truths_of_build(Path("build/parity"))
    results = CHECKS["parallel"].judge(adapter.implementations[label], label, case, truths)
    wrong = [f"{result.quantity}: ratio {result.ratio:.3g} {result.detail}" for result in results if not result.passed]
    assert results and not wrong, wrong


def test_the_command_meets_others(backend, tmp_path):
    """`train --rendezvous` twice, as on two machines, ends as one worker does."""
    places = [f"127.0.0.1:{port}" for port in free_ports(2 if backend == "tensorflow" else 1)]
    command = [sys.executable, "-m", "lstm_ref", "train", "--backend", backend, "--epochs", "2", "--num-hiddens", "16",
               "--batch-size", "5", "--num-steps", "10", "--max-tokens", "600", "--data", "embedded", "--out"]
    apart = [subprocess.Popen([*command, str(tmp_path / str(rank)), "--workers", "2", "--rendezvous", ",".join(places),
                               "--rank", str(rank)], stdout=subprocess.DEVNULL) for rank in (0, 1)]
    assert [process.wait(timeout=240) for process in apart] == [0, 0]
    subprocess.run([*command, str(tmp_path / "alone")], check=True, stdout=subprocess.DEVNULL)
    written = [name for name in ("0", "1") if read_log(tmp_path / name)]  # MXNet's store says who is the first
    assert written == ["0"] or (backend == "mxnet" and written == ["1"])
    together, alone = ([epoch["perplexity"] for epoch in read_log(tmp_path / name)["epochs"]]
                       for name in (*written, "alone"))
    # In float32, in another order of sums: 2e-7 off where it was measured.
    assert len(alone) == 2 and together == pytest.approx(alone, rel=1e-5)
