"""The cost of several workers: what is counted, what the model says, what is refused, what is kept."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("mpi4py")  # Windows has no MPICH

from lstm_ref.__main__ import main
from lstm_ref.parity import registry
from lstm_ref.tools.bench import page, workers
from lstm_ref.tools.bench.scaling import LINKS, Cost, Link, parts, read, ring

ROOT = Path(__file__).parents[2]
SMALL = ("--num-steps", "3", "--batch-size", "5", "--num-hiddens", "8", "--blocks", "1")


def bench(out, *arguments):
    return main(["bench", "--backend", "numpy", "--device", "cpu", "--out", str(out),
                 "--build", str(out / "build"), *SMALL, *arguments])


def test_a_run(tmp_path, capsys):
    """Two workers of NumPy's engine: the table, the file, and the page filled from it."""
    assert bench(tmp_path, "--workers", "1,2") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "numpy scratch" in said and "fused: not timed, its step is not divided among workers" in said
    facts, costs = read(tmp_path / "numpy-workers.json")
    assert facts["engine"] == "MPI" and [cost.workers for cost in costs] == [1, 2]
    numbers = 4 * (28 * 8 + 8 * 8 + 8) + 8 * 28 + 28
    assert [cost.bytes for cost in costs] == [0, 4 * numbers]
    assert all(0 < seconds < 60 for cost in costs for seconds in (cost.alone, cost.part, cost.reduction, cost.step))
    (tmp_path / "parallel.md").write_text("<!-- measured: scaling -->\n<!-- end -->\n"
                                          "<!-- measured: reasoned -->\n<!-- end -->\n")
    assert page.bench_page(tmp_path, tmp_path) == 0
    written = (tmp_path / "parallel.md").read_text()
    assert written.count("| numpy scratch |") == 2 and all(link.name in written for link in LINKS)


def test_the_reduction_is_the_engines(monkeypatch):
    """What is timed gives each worker the sum; NumPy's engine on one."""
    implementation = registry.load("numpy").implementations["scratch"]
    engine = registry.load("numpy").engine()
    reduced = []
    monkeypatch.setattr(engine, "all_reduce", lambda arrays: reduced.append([array.shape for array in arrays]))
    monkeypatch.setattr(engine.MPI, "COMM_WORLD", type("Alone", (), {"rank": 0, "Bcast": lambda self, array: None})())
    weights = workers.Bench("numpy", "cpu", workers.Sizes(num_hiddens=8), Path()).weights("lstm")
    engine.Worker(implementation, lambda: implementation.fresh(weights), 0.1, 1).reduction()()
    assert reduced == [[np.shape(weight) for weight in weights]]


def test_the_model():
    """By hand: the book's 299,036 numbers in a ring of two, and what is left of two workers."""
    assert ring(299_036, 1) == 0 and ring(299_036, 2) == 1_196_144
    cost = Cost("scratch", 2, alone=8.0, part=4.0, reduction=1.0, step=5.0, turns=1, bytes=0)
    assert cost.predicted == 5 and cost.efficiency == 0.8
    assert replace(cost, turns=2).predicted == 9
    assert Link("", 2, 1e6, 0.25).reduction(250_000) == 2 * 0.25 + 1.0
    found = parts([({"backend": "numpy", "sizes": {"vocab_size": 28, "num_hiddens": 256}}, [cost])])
    assert "| numpy scratch | 2 | 8 s | 4 s | 1 s | 5 s | 5 s, 1.00 of it | 20% | 0.80 | 0.00 |" in found["scaling"]
    step, reduction = 1120 / 3e6, 14 * 2e-6 + ring(299_036, 8) / 450e9
    assert f"| {step / (step + reduction):.2f} |" in found["reasoned"]


def test_what_disagrees_is_not_timed(tmp_path, capsys, monkeypatch):
    """And nothing of it is in the file; status 1 when nothing is left."""
    monkeypatch.setattr(workers, "disagrees", lambda *_: "parallel disagrees on case workers-2-5: loss, ratio 9")
    assert bench(tmp_path, "--workers", "2") == 1
    assert "scratch: not timed, parallel disagrees" in " ".join(capsys.readouterr().out.split())
    assert json.loads((tmp_path / "numpy-workers.json").read_text())["costs"] == []


def test_disagreement_is_found(tmp_path, monkeypatch):
    """By the check of the judge, in words."""
    found = registry.load("numpy").implementations["scratch"]
    assert workers.disagrees(found, "scratch", tmp_path) == ""
    right = found.adapter.on_workers
    monkeypatch.setattr(found.adapter, "on_workers", lambda *given: right(*given)._replace(losses=np.full(12, 3.0)))
    assert workers.disagrees(found, "scratch", tmp_path).startswith("parallel disagrees on case workers-2-5: ")


@pytest.mark.parametrize(("arguments", "said"), [
    (["--workers", "6"], "expected at most one for each of the 5 rows of a minibatch, got 6"),
    (["--workers", "2", "--threads", "1"], "threads: expected none with workers, which share the cores, got 1"),
    (["--workers", "2,x"], "--workers"),
    (["--workers", "0"], "--workers"),
    (["--workers", "2", "--curves"], "not allowed with"),
])
def test_refusals(arguments, said, tmp_path, capsys):
    """In words, with status 2, and nothing is written."""
    try:
        status = bench(tmp_path, *arguments)
    except SystemExit as left:
        status = left.code
    assert status == 2 and said in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_a_file_that_is_none(tmp_path):
    """Is refused in words."""
    path = tmp_path / "numpy-workers.json"
    for text in ("", "[]", '{"schema": 2}'):
        path.write_text(text)
        with pytest.raises(ValueError, match="expected what `lstm-parity bench --workers` writes"):
            read(path)


def test_one_without_an_engine(tmp_path, monkeypatch, capsys):
    """Says why it has none."""
    adapter = registry.load("numpy")
    monkeypatch.setattr(adapter, "without_engine", lambda: {"parallel": "no engine here: no MPI"})
    monkeypatch.setattr(workers, "load", lambda *_: (adapter, "cpu"))
    assert bench(tmp_path, "--workers", "2") == 2
    assert "numpy: no engine here: no MPI" in capsys.readouterr().err
