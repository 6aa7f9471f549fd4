"""The benchmarks: what is counted, how time is taken, what is refused, what is kept. Nothing here asserts a time."""

import errno
import json
import os
import re
import shutil
import subprocess
import sys
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lstm_ref.tools.bench.measure as measuring
from lstm_ref.parity import registry
from lstm_ref.tools import markdown
from lstm_ref.tools.bench import command, curves, memory, page, protocol
from lstm_ref.tools.bench.curves import exponent, numbers
from lstm_ref.tools.bench.protocol import WARM_UP, Item, take, timed
from lstm_ref.tools.bench.result import Row, floor, ratio, read, rows, save
from lstm_ref.tools.bench.table import clock
from lstm_ref.tools.bench.work import Product, Sizes, products
from lstm_ref.usage import UsageError

ROOT = Path(__file__).parents[2]
SMALL = Sizes(num_steps=3, batch_size=2, vocab_size=28, num_hiddens=4)


def flop(cell, work, sizes):
    return sum(product.flop for product in products(cell, work, sizes))


def test_the_books_step_has_1_8_gflop():
    """3 products of (32, 256) × (256, 1024) a step, but for one, and three with the output layer."""
    recurrent, output = 2 * 32 * 256 * 1024, 2 * 1120 * 256 * 28
    assert flop("lstm", "train", Sizes()) == (3 * 35 - 1) * recurrent + 3 * output == 1_792_999_424
    assert flop("lstm", "forward", Sizes()) == 35 * recurrent + output
    assert flop("rnn", "train", Sizes()) == (3 * 35 - 1) * recurrent // 4 + 3 * output
    assert flop("gru", "train", Sizes()) == (3 * 35 - 1) * recurrent // 4 * 3 + 3 * output


def test_the_fused_step_does_these_products_and_those_with_the_inputs(monkeypatch):
    """Counted in NumPy's fused step as it runs; there the inputs and the bias are columns of the recurrent weights."""
    from backends.numpy import fused
    from lstm_ref import get_lstm_params

    sizes, done = Sizes(5, 3, 7, 11), 0
    original = np.matmul

    def counted(a, b, **more):
        nonlocal done
        result = original(a, b, **more)
        done += 2 * result.size * a.shape[-1]
        return result

    monkeypatch.setattr(np, "matmul", counted)
    net = fused.RNNModelFused(get_lstm_params(7, 11, 0))
    X, Y = np.random.default_rng(0).integers(0, 7, (2, 3, 5))
    net.step(X, Y, net.begin_state(3), 1.0, 1.0)
    by_operator = 2 * 11 * 15 * 7  # the gradient of W_hq, written with @
    with_inputs = 2 * (2 * 4 * 11 * (7 + 1) * 3 * 5)
    assert done + by_operator == flop("lstm", "train", sizes) + with_inputs


def test_cost_is_linear_in_steps_batch_and_vocabulary_as_counted():
    """Affine in the steps and the vocabulary, proportional to the batch."""
    for axis in ("num_steps", "batch_size", "vocab_size"):
        one, two, three = (flop("lstm", "train", replace(Sizes(), **{axis: n})) for n in (10, 20, 30))
        assert two - one == three - two > 0
    assert flop("lstm", "train", Sizes(batch_size=64)) == 2 * flop("lstm", "train", Sizes())


@pytest.mark.parametrize("name", ["num_steps", "batch_size", "vocab_size", "num_hiddens"])
def test_senseless_sizes_are_refused(name):
    with pytest.raises(ValueError, match=f"{name}: expected an integer of at least 1, got 0"):
        Sizes(**{name: 0})


def test_blocks_are_taken_in_turn_and_the_device_waited_for_at_their_ends():
    """The first call is timed separately; a fast item is called often in a block."""
    log = []
    items = [Item(name, lambda name=name: log.append(name)) for name in "ab"]
    take(items, lambda results: log.append(len(list(results))), blocks=3)
    assert all(np.isfinite(item.first) and len(item.blocks) == 3 and item.calls > 1 for item in items)
    warm = ["a", 1] * (1 + WARM_UP) + ["b", 1] * (1 + WARM_UP)
    assert log[:len(warm)] == warm
    a, b = items
    assert log[len(warm):] == (["a"] * a.calls + [a.calls] + ["b"] * b.calls + [b.calls]) * 3


def test_threads_of_another_library_come_to_rest_first(monkeypatch):
    """Once where the library changes, and not between items of the same."""
    log = []
    monkeypatch.setattr(protocol.time, "sleep", lambda seconds: log.append("rest"))
    items = [Item("a", int), Item("b", int), Item("c", int, pool="NumPy"), Item("d", int)]
    for item in protocol.in_turn(items):
        log.append(item.name)
    assert log == ["a", "b", "rest", "c", "rest", "d"]
    log.clear()
    take(items, list, blocks=2)
    assert log.count("rest") == 2 * 3
    log.clear()
    assert list(protocol.in_turn(items[:2])) == items[:2] and list(protocol.in_turn([])) == [] == log
    list(protocol.in_turn(items[1:3]))
    assert log == ["rest", "rest"]  # the round before ended with c


def test_only_numpys_threads_are_not_the_frameworks(quick, truths):
    timed_backend = measuring.Bench("numpy", "cpu", SMALL, truths)
    assert [item.pool for item in timed_backend.numpy_items()] == ["NumPy", "NumPy"]
    assert {item.pool for item in timed_backend.items_of("scratch", "lstm")} == {""}


@pytest.mark.parametrize(("flags", "architecture", "advice"), [
    ("sse2 avx2 avx512f", "Prescott", "SkylakeX"), ("sse2 avx2", "Prescott", "Haswell"),
    ("sse2", "Prescott", None), ("sse2 avx2 avx512f", "SkylakeX", None)])
def test_an_openblas_that_does_not_know_the_processor_is_told(monkeypatch, flags, architecture, advice):
    """But only where the processor has more than OpenBLAS takes it for."""
    libraries = [{"internal_api": "openblas", "version": "0.3.20", "architecture": architecture},
                 {"internal_api": "mkl", "version": "2024"}]
    monkeypatch.setattr(measuring, "cpuinfo", lambda key: flags)
    monkeypatch.setattr(measuring.threadpoolctl, "threadpool_info", lambda: libraries)
    assert measuring.slow_blas() == ([] if advice is None else [
        f"OpenBLAS 0.3.20 mistakes this processor for a Prescott of 2004 and is slow; set OPENBLAS_CORETYPE={advice}"])


@pytest.mark.parametrize(("vendor", "loaded", "asked", "told"), [
    ("AuthenticAMD", "libmklml_intel.so", None, True), ("AuthenticAMD", "libmklml_intel.so", "5", False),
    ("AuthenticAMD", "libmkl_rt.so", None, False), ("GenuineIntel", "libmklml_intel.so", None, False)])
def test_an_mkl_that_does_not_know_the_processor_is_told(monkeypatch, tmp_path, vendor, loaded, asked, told):
    """Where it is loaded and nobody has said what to take the processor for."""
    monkeypatch.setattr(measuring, "cpuinfo", {"vendor_id": vendor, "flags": "sse2 avx2"}.get)
    monkeypatch.delenv("MKL_DEBUG_CPU_TYPE", raising=False)
    if asked:
        monkeypatch.setenv("MKL_DEBUG_CPU_TYPE", asked)
    (tmp_path / "maps").write_text(f"7f00-7f01 r-xp /somewhere/{loaded}\n")
    assert measuring.slow_mkl(tmp_path / "maps") == [
        "MKLML knows no processor of AMD and is slow; set MKL_DEBUG_CPU_TYPE=5"] * told
    assert measuring.slow_mkl(tmp_path / "nothing") == []


def test_no_result_is_kept():
    """Except that of the last call and that of the call in progress."""
    alive, most = weakref.WeakSet(), []

    class Result:
        pass

    def call():
        result = Result()
        alive.add(result)
        most.append(len(alive))
        return result

    timed(call, 20, registry.load("numpy").wait)
    assert len(most) == 20 and max(most) == 2


def test_an_item_of_several_counts_each():
    item = Item("x", lambda: sum(range(10**5)), each=1000)
    take([item], list, blocks=1)
    assert item.median < item.first / 10


def test_the_floor_is_the_sum_of_the_products_at_their_own_rate():
    rates = {product._replace(times=1): Item("", None, blocks=[2.0]) for product in products("lstm", "train", SMALL)}
    T = SMALL.num_steps
    assert floor("lstm", "train", SMALL, rates) == 2 * (T + (T - 1) + 1 + 3)
    assert floor("lstm", "predict", SMALL, rates) is None


def test_what_is_kept_is_what_was_measured(tmp_path):
    """Also for pyperf's own command; the ratios are between rows of one run."""
    rates = {product._replace(times=1): Item(f"product/{product}/rows", None, blocks=[1e-3])
             for cell in ("lstm", "gru", "rnn") for product in products(cell, "train", SMALL)}
    items = [Item("lstm/train/concise", None, first=1.0, blocks=[0.2, 0.4, 0.6]),
             Item("lstm/train/fused", None, first=2.0, blocks=[0.1, 0.2, 0.4]),
             Item("lstm/predict/fused", None, first=2.0, blocks=[0.001, 0.002])]
    found = rows(items, SMALL, rates)
    result = {"backend": "numpy", "sizes": vars(SMALL), "fingerprint": {"cpu": "x", "truth": {}}, "products": rates,
              "refused": {"rnn/scratch": "why"}, "peak": {"process": 5, "device": None}}
    save(tmp_path / "numpy.json", result, found)
    facts, again = read(tmp_path / "numpy.json")
    assert sorted(again, key=str) == sorted(found, key=str)
    assert facts["refused"] == {"rnn/scratch": "why"} and facts["peak_process_bytes"] == 5
    assert facts["sizes_num_steps"] == 3 and facts["machine_cpu"] == "x"
    fused = next(row for row in again if row.work == "train" and row.implementation == "fused")
    assert ratio(again, fused, "concise") == 2 and ratio(again, fused, "scratch") is None
    assert fused.over_floor == 0.2 / fused.floor and fused.minimum == 0.1 and fused.quartiles == (0.1, 0.4)
    shown = subprocess.run([sys.executable, "-m", "pyperf", "show", tmp_path / "numpy.json"], capture_output=True,
                           text=True, check=True).stdout
    assert "numpy/lstm/train/fused" in shown
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(ValueError, match=r"other.json: expected a suite that `python -m lstm_ref bench` wrote"):
        read(tmp_path / "other.json")


def bench(*arguments):
    return subprocess.run([sys.executable, "-m", "lstm_ref", "bench", *arguments], capture_output=True, text=True)


@pytest.mark.parametrize(("arguments", "words"), [
    (("--backend", "numpy", "--threads", "4096"), "threads: expected 1 to"),
    (("--backend", "numpy", "--threads", "0"), "threads: expected 1 to"),
    (("--backend", "numpy", "--num-steps", "0"), "num_steps: expected an integer of at least 1, got 0"),
    (("--backend", "numpy", "--num-hiddens", "-3"), "num_hiddens: expected an integer of at least 1, got -3"),
    (("--backend", "numpy", "--blocks", "0"), "blocks: expected at least 1, got 0"),
    (("--backend", "numpy", "--device", "gpu"), "device gpu: NumPy computes on the CPU alone; use --device cpu"),
    (("--backend", "tourch"), "unknown backend 'tourch'; known are numpy, torch"),
])
def test_bad_input_is_refused_in_one_line(arguments, words):
    run = bench(*arguments)
    assert run.returncode == 2 and run.stdout == ""
    assert run.stderr.startswith("error: ") and words in run.stderr and run.stderr.count("\n") == 1


def test_a_missing_pyperf_is_said_before_the_measurement(quick, tmp_path, truths, capsys, monkeypatch):
    """It is what writes the numbers; with it missing, they were measured and lost. So is a folder that is none."""
    def measured(*_):
        raise AssertionError("measured")

    monkeypatch.setattr(measuring.Bench, "run", measured)
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="can't be written to"):
        run(tmp_path, truths, capsys, out=tmp_path / "file" / "out")
    monkeypatch.setitem(sys.modules, "pyperf", None)
    extra = r'expected the package pyperf, .*python -m pip install "lstm-parity\[bench\]"'
    with pytest.raises(UsageError, match=extra):
        run(tmp_path, truths, capsys)
    with pytest.raises(UsageError, match=extra):
        page.bench_page(tmp_path, tmp_path)


def test_a_full_disk_loses_the_file_and_not_the_table(quick, tmp_path, truths, capsys, monkeypatch):
    """The numbers are on the terminal by then."""
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(command, "save", full)
    with pytest.raises(UsageError, match="No space left on device"):
        run(tmp_path, truths, capsys)
    assert "lstm train scratch" in capsys.readouterr().out


def test_the_threads_of_every_library_are_pinned():
    """Before a framework is imported; in a process of its own, so that the pinning ends with it."""
    code = ("import os; from lstm_ref.tools.bench.measure import pin; pin(1); import threadpoolctl; "
            "print(len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else 1, "
            "*(os.environ[f'{name}_NUM_THREADS'] for name in ('OMP', 'MKL', 'OPENBLAS')), "
            "*(os.environ[f'TF_NUM_{name}_THREADS'] for name in ('INTRAOP', 'INTEROP')), "
            "*(pool['num_threads'] for pool in threadpoolctl.threadpool_info()))")
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert set(printed.split()) == {"1"}


def run(tmp_path, truths, capsys, **more):
    given = {"backend": "numpy", "device": "auto", "threads": None, "blocks": 1, "out": tmp_path,
             "build": truths.parent, "curves": False, **vars(SMALL), **more}
    status = command.bench(**given)
    return status, capsys.readouterr().out


@pytest.fixture
def quick(monkeypatch):
    """Parity on the smallest cases, a tenth of the time for each block, and no thread that stays pinned."""
    checks = {"lstm": [("forward", "tiny"), ("step", "tiny")], "gru": [("forward", "ragged")],
              "rnn": [("forward", "ragged")]}
    monkeypatch.setattr(measuring, "PARITY", checks)
    monkeypatch.setattr(command, "pin", lambda threads: None)
    monkeypatch.setattr(protocol, "SECONDS", 0.01)
    monkeypatch.setattr(protocol, "REST", 0.01)
    measuring.load.cache_clear()
    yield
    measuring.load.cache_clear()


def test_all_of_a_backend_is_timed(quick, tmp_path, truths, capsys):
    """Training, forward pass and prediction of each implementation, and the vanilla RNN."""
    status, printed = run(tmp_path, truths, capsys)
    assert status == 0 and "fewer than 20" in printed
    _, found = read(tmp_path / "numpy.json")
    assert {(row.cell, row.work, row.implementation) for row in found} == {
        (cell, work, implementation) for work in ("train", "forward", "predict")
        for cell, implementation in (("lstm", "scratch"), ("lstm", "fused"), ("gru", "scratch"),
                                     ("rnn", "scratch"))}
    for row in found:
        assert row.minimum > 0 and (row.floor is None) == (row.work == "predict")


def test_the_page_holds_all_that_was_measured(quick, tmp_path, truths, capsys):
    """Times and curves of a backend, and both pictures; the text around stays."""
    assert run(tmp_path, truths, capsys)[0] == 0
    status, printed = run(tmp_path, truths, capsys, curves=True)
    assert status == 0 and "fused, num_steps: time ~ size^" in printed and "products ~ size^1.00" in printed
    points = json.loads((tmp_path / "numpy-curves.json").read_text())
    sizes = {(p["axis"], p["size"]) for p in points["points"]}
    assert {("batch_size", n) for n in (1, 2, 4)} <= sizes and {("num_hiddens", n) for n in (1, 2, 4, 8)} <= sizes
    assert all(p["seconds"] > 0 and p["gflop"] > 0 for p in points["points"])
    docs = tmp_path / "docs"
    docs.mkdir()
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    (docs / "benchmarks.md").write_text(text, encoding="utf-8")
    assert page.bench_page(tmp_path, docs) == 0
    filled = (docs / "benchmarks.md").read_text(encoding="utf-8")
    assert "| numpy | lstm fused |" in filled and "| numpy | rnn scratch |" in filled and "| numpy | fused |" in filled
    assert "torch |" not in filled.partition("## Where")[0].replace("`torch`", "")
    outside = re.compile("<!-- measured: .*?<!-- end -->", re.DOTALL)
    assert outside.sub("", filled) == outside.sub("", text)
    assert all((docs / name).read_text().startswith("<?xml") for name in ("benchmarks.svg", "benchmarks-curves.svg"))


def test_the_goals_are_written_from_the_numbers():
    """Who reaches each, the best first; what was not measured is said."""
    def of(name, **medians):
        facts = {f"sizes_{axis}": size for axis, size in {**vars(Sizes())}.items()} | {"machine_device": "cpu"}
        return facts, [Row("lstm", "train", implementation.replace("_", " "), (median,), 1.0, 0.010)
                       for implementation, median in medians.items()]

    text = page.goals({"torch": of("torch", scratch=0.040, concise=0.012, fused=0.012, NumPy_fused=0.014),
                       "paddle": of("paddle", scratch=0.030, concise=0.017, fused=0.016, NumPy_fused=0.001)})
    rows = dict(line.strip("| ").split(" | ", 1) for line in text.splitlines()[2:])
    assert rows["fused as fast as the framework's layer"] == "paddle, torch | paddle 1.06, torch 1.00"
    assert rows["fused 3 times as fast as the scratch tab"] == "torch | torch 3.33, paddle 1.88"
    assert rows["NumPy's fused LSTM 0.8 times as fast as torch's `nn.LSTM`"] == "torch | torch 0.86"
    assert rows["the best one within 1.3 times the floor"] == "torch | torch 1.20, paddle 1.60"
    assert rows["on a CUDA device: 3,000,000 tokens/s"].startswith("not measured")


def test_curves_of_small_sizes_have_each_once():
    """A quarter and a half of one step are one step; two points make a line."""
    assert [at.num_steps for at in curves.grown(replace(SMALL, num_steps=1), "num_steps")] == [1, 2]
    assert [at.num_steps for at in curves.grown(Sizes(), "num_steps")] == [9, 18, 35, 70]


def test_what_disagrees_has_no_curve(quick, tmp_path, truths, capsys, monkeypatch):
    monkeypatch.setattr(measuring.Bench, "disagrees", lambda self, implementation, cell: "planted")
    status, printed = run(tmp_path, truths, capsys, curves=True)
    assert status == 1 and "fused: not timed, planted\n" in printed
    found = json.loads((tmp_path / "numpy-curves.json").read_text())
    assert found["points"] == [] and {point["implementation"] for point in found["memory"]} <= {"scratch"}


def dies(*arguments):
    os._exit(3)


def test_a_process_that_dies_leaves_its_memory_out(truths, capsys, monkeypatch):
    """And neither hangs nor stops the others."""
    monkeypatch.setattr(curves, "train", dies)
    assert curves.held(measuring.Bench("numpy", "cpu", SMALL, truths), "fused") == []
    assert capsys.readouterr().out == "fused: the process that measured its memory died\n"


def test_what_disagrees_with_the_reference_is_not_timed(quick, tmp_path, truths, capsys, monkeypatch):
    """A mistake planted in the fused LSTM: the table says why it is missing, and the exit status is 1."""
    from backends.numpy import fused

    original = fused.Work.outputs
    monkeypatch.setattr(fused.Work, "outputs", lambda self, W_hq, b_q: original(self, W_hq, b_q) + np.float32(1e-3))
    status, printed = run(tmp_path, truths, capsys)
    assert status == 1
    assert "lstm/fused: not timed, forward disagrees on case tiny: outputs, ratio" in printed
    facts, found = read(tmp_path / "numpy.json")
    assert not any(row.implementation == "fused" for row in found) and list(facts["refused"]) == ["lstm/fused"]


def test_what_slows_the_machine_down_is_told(quick, tmp_path, truths, capsys, monkeypatch):
    monkeypatch.setattr(measuring, "slow_blas", lambda: ["OpenBLAS is old"])
    status, printed = run(tmp_path, truths, capsys)
    assert status == 0 and "OpenBLAS is old\n" in printed


def test_what_raises_takes_nothing_along(quick, tmp_path, truths, capsys, monkeypatch):
    from backends.numpy import fused

    def broken(self, W_hq, b_q):
        raise TypeError("no such\nlayout")

    monkeypatch.setattr(fused.Work, "outputs", broken)
    status, printed = run(tmp_path, truths, capsys)
    assert status == 1
    assert "lstm/fused: not timed, TypeError: no such layout" in printed and "lstm train scratch" in printed


def test_first_calls_come_before_the_judge_who_would_compile_for_them(quick, tmp_path, truths, capsys, monkeypatch):
    log = []
    begin, disagrees = measuring.begin, measuring.Bench.disagrees
    monkeypatch.setattr(measuring, "begin", lambda items, wait: (log.extend(i.name for i in items), begin(items, wait)))
    monkeypatch.setattr(measuring.Bench, "disagrees", lambda self, implementation, cell: (
        log.append(f"judge {cell} {implementation}"), disagrees(self, implementation, cell))[1])
    assert run(tmp_path, truths, capsys)[0] == 0
    judged = [name for name in log if name.startswith("judge")]
    assert judged == ["judge lstm scratch", "judge lstm fused", "judge gru scratch", "judge rnn scratch"]
    for name in judged:
        _, cell, implementation = name.split()
        assert log.index(f"{cell}/train/{implementation}") < log.index(name)


def test_the_page_is_filled_between_its_marks(tmp_path, monkeypatch):
    """And nowhere else; marks that are missing are named."""
    text = "Before\n\n<!-- measured: a -->\nold\n<!-- end -->\n\nbetween <!-- measured: b --><!-- end --> after"
    assert markdown.filled(text, {"a": "A", "b": "B"}, "page.md") == (
        "Before\n\n<!-- measured: a -->\n\nA\n\n<!-- end -->\n\n"
        "between <!-- measured: b -->\n\nB\n\n<!-- end --> after")
    with pytest.raises(ValueError, match=r"^page.md: expected <!-- measured: c --> once, got it 0 times"):
        markdown.filled(text, {"c": ""}, "page.md")
    for broken in ("<!-- measured: a -->", "<!-- measured: a --> <!-- measured: b --> <!-- end -->"):
        with pytest.raises(ValueError, match=r"expected <!-- end --> after <!-- measured: a -->"):
            markdown.filled(broken, {"a": "A"}, "page.md")
    with pytest.raises(UsageError, match="expected files of `nox -s bench`, got none"):
        page.bench_page(tmp_path, tmp_path)


def test_the_page_is_not_made_of_what_does_not_belong_together(quick, tmp_path, truths, capsys):
    """Runs of several sizes, as on a CPU and on a GPU; a file that holds no curves."""
    docs = ROOT / "docs"
    assert run(tmp_path, truths, capsys)[0] == 0
    (tmp_path / "numpy-curves.json").write_text("[]")
    with pytest.raises(UsageError, match=r"numpy-curves.json: expected what `python -m lstm_ref bench --curves` w"):
        page.bench_page(tmp_path, docs)
    (tmp_path / "numpy-curves.json").unlink()
    shutil.move(tmp_path / "numpy.json", tmp_path / "torch-gpu.json")
    assert run(tmp_path, truths, capsys, num_steps=4)[0] == 0
    with pytest.raises(UsageError, match=r"expected runs of the same sizes, got several"):
        page.bench_page(tmp_path, docs)


def test_a_time_is_shown_in_the_unit_that_suits_it():
    assert [clock(t) for t in (2.5, 0.9996, 0.9994, 1.2e-3, 9.996e-4, 2e-6)] == [
        "2.5 s", "1 s", "999 ms", "1.2 ms", "1 ms", "2 µs"]


def test_curves_are_told_by_their_exponent_and_memory_by_its_slope():
    # The points lie on a line, so its fit is exact but for some epsilons of 2e-16.
    assert exponent([10, 20, 40], [1.0, 2.0, 4.0]) == pytest.approx(1, abs=1e-13)
    assert exponent([10, 20, 40], [1.0, 4.0, 16.0]) == pytest.approx(2, abs=1e-13)
    held = [{"num_steps": n, "bytes": 1000 + 4 * SMALL.batch_size * SMALL.num_hiddens * 9 * n} for n in (1, 2, 4)]
    assert numbers(held, SMALL) == [9, 9]


def test_a_peak_is_seen_and_forgotten():
    """Where the system keeps one."""
    before = memory.peak()
    if before is None or not memory.forget_peak():
        pytest.skip("this system does not report a process's peak memory, or can't reset it: run on Linux")
    start = memory.peak()
    np.ones(2**24).sum()
    assert memory.peak() >= start + 2**26
    memory.forget_peak()
    assert memory.peak() < start + 2**26


def test_a_median_of_an_even_number_lies_between():
    row = Row("lstm", "train", "x", (1.0, 2.0, 3.0, 10.0), 0.0, 2.0)
    assert row.median == 2.5 and row.over_floor == 1.25 and Product(1, 2, 3, 4).flop == 48
