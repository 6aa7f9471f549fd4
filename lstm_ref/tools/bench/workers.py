"""What several workers cost: a step on all of them, beside one device's step and the reduction alone, in one run."""

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from lstm_ref.files import write_json, write_section
from lstm_ref.parallel import shards
from lstm_ref.parity.cases import make
from lstm_ref.parity.checks import CHECKS
from lstm_ref.parity.interface import not_judged
from lstm_ref.parity.session import truths_of_build
from lstm_ref.terminal import console
from lstm_ref.tools.bench.measure import RATE, Bench, load
from lstm_ref.tools.bench.protocol import WARM_UP, timed
from lstm_ref.tools.bench.scaling import COLUMNS, Cost, read, ring
from lstm_ref.tools.bench.work import Sizes

CALLS = 4  #: in a block
PARITY = "workers-2-5"  #: the case of the check `parallel` that an implementation has to pass


def measure(
    backend: str, device: str, counts: Sequence[int], sizes: Sizes, blocks: int, path: Path, build: Path
) -> int:
    """Time a step on each number of workers, show the table and save it; exit status 1 when nothing was timed.

    Raises:
        ValueError: the backend has no engine here, or the rows of a minibatch are fewer than the workers.
        WorkerError: a worker failed; says what it said.
    """
    for workers in counts:
        shards(sizes.batch_size, workers)
    adapter, _ = load(backend, device)
    if not hasattr(adapter, "engine"):
        raise ValueError(f"workers: the backend {backend} trains on one alone")
    if reason := adapter.without_engine().get("parallel"):
        raise ValueError(f"{backend}: {reason}")
    reasons = {name: not_judged(found, "lstm").get("parallel") or disagrees(found, name, truths_of_build(build))
               for name, found in adapter.implementations.items()}
    right = [name for name, reason in reasons.items() if not reason]
    refused = {name: reason for name, reason in reasons.items() if reason}
    costs = list[dict[str, Any]]()
    os.environ["NVIDIA_TF32_OVERRIDE"] = "0"  # float32 means float32
    for workers in counts if right else ():
        with tempfile.TemporaryDirectory() as folder:
            wanted = json.dumps({"sizes": vars(sizes), "implementations": right, "blocks": blocks})
            adapter.start_workers(workers, f"{__name__}:program", [wanted, folder])
            costs += json.loads((Path(folder) / "costs.json").read_text())
    write_json(path, {"schema": 1, "backend": backend, "engine": adapter.engine().ENGINE, "sizes": vars(sizes),
                      "device": adapter.device_name(), "cores": os.cpu_count(), "blocks": blocks, "costs": costs,
                      "refused": refused})
    out = console()
    table = Table("", *COLUMNS, box=None)
    body = [[f"{backend} {each.implementation}", *each.cells()] for each in read(path)[1]]
    for row in body:
        table.add_row(*row)
    write_section(build, path.stem, f"Several workers: {backend}, {adapter.engine().ENGINE}", ["", *COLUMNS], body)
    out.print(table)
    for name, reason in refused.items():
        out.print(f"{name}: not timed, {reason}", markup=False)
    out.print(f"every median is in {path}", markup=False)
    return 0 if right else 1


def disagrees(found: Any, name: str, folder: Path) -> str:
    """What of an implementation on two workers fails, in words; empty when all passes."""
    case = make(PARITY).astype("float32")
    wrong = [result for result in CHECKS["parallel"].judge(found, name, case, folder) if not result.passed]
    return f"parallel disagrees on case {PARITY}: {wrong[0].quantity}, ratio {wrong[0].ratio:.3g}" if wrong else ""


def program(adapter: Any, size: int, mine: int, wanted: str, folder: str) -> None:
    """What each worker runs; the first one writes the medians."""
    facts = json.loads(wanted)
    bench = Bench(adapter.backend, adapter.asked, Sizes(**facts["sizes"]), Path())
    costs = [cost(bench, adapter, name, size, mine, facts["blocks"]) for name in facts["implementations"]]
    if mine == 0:
        write_json(Path(folder) / "costs.json", [vars(each) for each in costs])


def cost(bench: Bench, adapter: Any, name: str, size: int, mine: int, blocks: int) -> Cost:
    """One implementation on so many workers, block by block in turn."""
    found = adapter.implementations[name]
    team = adapter.engine().Worker(found, lambda: found.fresh(bench.weights("lstm")), RATE, size)
    state = team.begin_state(bench.sizes.batch_size)
    X, Y = adapter.tensors((bench.X, bench.Y))

    def on_all() -> Any:
        nonlocal state
        loss, state = team.step(X, Y, state)
        return loss

    def on_one(rows: slice) -> Callable[[], Any]:
        net, some = bench.net(name, "lstm"), adapter.tensors((bench.X[rows], bench.Y[rows]))
        step, kept = found.training_step(net, RATE), found.begin_state(net, rows.stop - rows.start)

        def call() -> Any:
            nonlocal kept
            loss, kept = step(*some, kept)
            return loss

        return call

    rows = shards(bench.sizes.batch_size, size)[mine]
    reduce = team.reduction()
    works = {"alone": on_one(slice(0, bench.sizes.batch_size)), "part": on_one(rows), "reduction": reduce,
             "step": on_all}
    seconds: dict[str, list[float]] = {work: [] for work in works}
    for block in range(WARM_UP + blocks):
        for work, call in works.items():
            adapter.wait([reduce()])  # all begin together
            if work == "alone" and mine:
                continue  # they wait in the next reduction
            took = timed(call, CALLS, adapter.wait)
            if block >= WARM_UP:
                seconds[work].append(took)
    numbers = sum(param.size for param in bench.weights("lstm"))
    turns = 1 if adapter.engine().PROCESSES or adapter.asked == "gpu" else size
    return Cost(name, size, **{work: float(np.median(took or [np.nan])) for work, took in seconds.items()},
                turns=turns, bytes=ring(numbers, size))
