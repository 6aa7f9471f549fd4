"""One backend on one device: parity first, then the times of all its implementations and of the floor."""

import os
import time
from collections.abc import Callable
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl

import lstm_ref as ref
from lstm_ref.parity import registry
from lstm_ref.parity.cases import make
from lstm_ref.parity.checks import CHECKS
from lstm_ref.parity.fingerprint import cpuinfo, fingerprint
from lstm_ref.parity.interface import CELLS, not_judged
from lstm_ref.terminal import progress
from lstm_ref.text import Vocab
from lstm_ref.tools.bench.memory import peak
from lstm_ref.tools.bench.protocol import BLOCKS, Item, Wait, begin, take
from lstm_ref.tools.bench.work import Product, Sizes, products

#: Checks that an implementation has to pass on the device before it is timed, and on which cases.
PARITY = {"lstm": [(check, case) for check in ("forward", "backward", "step") for case in ("large", "book")],
          **{cell: [("forward", "large"), ("backward", "large"), ("step", "ragged")] for cell in ("gru", "rnn")}}
ALPHABET = "abcdefghijklmnopqrstuvwxyz "
CHARACTERS = 20  #: written by a prediction
RATE = 0.01  #: learning rate; hundreds of steps on one minibatch stay in the range of real training


def check_threads(threads: int | None) -> int:
    """The number of threads to use: by default one per core.

    Raises:
        ValueError: less than one, or more than there are cores.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if threads is None:
        return cores
    if isinstance(threads, bool) or not 1 <= threads <= cores:
        raise ValueError(f"threads: expected 1 to {cores}, the number of cores, got {threads}")
    return threads


def pin(threads: int) -> None:
    """Set the same number of threads for every library, loaded now or later.

    Call it before the framework is imported. XLA asks which cores it may run on, so these are limited as well.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS",
                 "TF_NUM_INTEROP_THREADS"):
        os.environ[name] = str(threads)
    os.environ["NVIDIA_TF32_OVERRIDE"] = "0"  # float32 means float32
    threadpoolctl.threadpool_limits(threads)


def slow_blas() -> list[str]:
    """What to do about an OpenBLAS that is older than the processor: it computes as if there were no AVX."""
    flags = cpuinfo("flags").split()
    known = next((name for flag, name in (("avx512f", "SkylakeX"), ("avx2", "Haswell")) if flag in flags), None)
    return [f"OpenBLAS {lib['version']} mistakes this processor for a Prescott of 2004 and is slow; set "
            f"OPENBLAS_CORETYPE={known}" for lib in threadpoolctl.threadpool_info()
            if known and lib["internal_api"] == "openblas" and lib.get("architecture") == "Prescott"]


def slow_mkl(maps: Path = Path("/proc/self/maps")) -> list[str]:
    """What to do about MKL's small library of 2019, which Paddle brings: on an AMD processor it computes without AVX2.

    Args:
        maps: the file that names what this process has loaded.
    """
    can = cpuinfo("vendor_id") == "AuthenticAMD" and "avx2" in cpuinfo("flags").split()
    if can and "MKL_DEBUG_CPU_TYPE" not in os.environ and maps.exists() and "libmklml" in maps.read_text():
        return ["MKLML knows no processor of AMD and is slow; set MKL_DEBUG_CPU_TYPE=5"]
    return []


class Bench:
    """All that is timed in one process.

    Args:
        backend: its name.
        device: 'auto' (a GPU where there is one), 'cpu' or 'gpu'.
        sizes: of the work.
        folder: folder of the stored truths.

    Raises:
        ImportError: the backend is unknown or its framework is missing.
        RuntimeError: the device is unavailable.
    """

    def __init__(self, backend: str, device: str, sizes: Sizes, folder: Path):
        self.backend, self.sizes, self.folder = backend, sizes, folder
        self.adapter, self.device = load(backend, device)
        self.wait: Wait = self.adapter.wait
        rng = np.random.default_rng(0)
        self.X, self.Y = rng.integers(0, sizes.vocab_size, (2, sizes.batch_size, sizes.num_steps))
        self.refused: dict[str, str] = {}

    def disagrees(self, implementation: str, cell: str) -> str:
        """The first check that an implementation fails on this device, in words; empty when it passes."""
        found = self.adapter.implementations[implementation]
        form = next(name for name in ("lstm", *found.cells) if CELLS[name].function == cell)  # its GRU
        for check, case in PARITY[cell]:
            if check not in not_judged(found, form):
                problem = make(case if form == "lstm" else f"{form}-{case}").astype("float32")
                wrong = [result for result in CHECKS[check].judge(found, implementation, problem, self.folder)
                         if not result.passed]
                if wrong:
                    return f"{check} disagrees on case {case}: {wrong[0].quantity}, ratio {wrong[0].ratio:.3g}"
        return ""

    def weights(self, cell: str) -> Any:
        """The weights, the same for all implementations."""
        draw = {"lstm": ref.get_lstm_params, "gru": ref.get_gru_params, "rnn": ref.get_params}[cell]
        return draw(self.sizes.vocab_size, self.sizes.num_hiddens, 0)

    def net(self, implementation: str, cell: str) -> Any:
        """A net with these weights."""
        return self.adapter.implementations[implementation].net(self.weights(cell))

    def training(self, found: Any, net: Any, X: Any, Y: Any) -> Callable[[], Any]:
        """A function that does one training step of a net, each from the state that the last one left."""
        step, state = found.training_step(net, RATE), found.begin_state(net, self.sizes.batch_size)

        def call() -> Any:
            nonlocal state
            loss, state = step(X, Y, state)
            return loss

        return call

    def items_of(self, implementation: str, cell: str, kinds: tuple[str, ...] = ("train", "forward", "predict")
                 ) -> list[Item]:
        """The training step, the forward pass and the prediction of one implementation."""
        found, net = self.adapter.implementations[implementation], self.net(implementation, cell)
        X, Y = self.adapter.tensors((self.X, self.Y))
        state = found.begin_state(net, self.sizes.batch_size)
        vocab = Vocab(ALPHABET[:max(self.sizes.vocab_size - 1, 1)])
        calls: dict[str, Callable[[], object]] = {
            "train": self.training(found, net, X, Y),
            "forward": partial(found.inference(net), X, state),
            "predict": lambda: found.predict(net, "a", CHARACTERS, vocab),
        }
        if self.sizes.vocab_size != len(vocab):
            del calls["predict"]  # no alphabet gives a vocabulary of this size
        return [Item(f"{cell}/{kind}/{implementation}", call, CHARACTERS if kind == "predict" else 1)
                for kind, call in calls.items() if kind in kinds]

    def numpy_items(self) -> list[Item]:
        """NumPy's training steps, in every backend's process: fused and reference."""
        items = []
        for implementation, name in (("fused", "NumPy fused"), ("scratch", "NumPy reference")):
            found = registry.load("numpy").implementations[implementation]
            net = found.net(self.weights("lstm"))
            items.append(Item(f"lstm/train/{name}", self.training(found, net, self.X, self.Y), pool="NumPy"))
        return items

    def all_items(self) -> list[Item]:
        """Everything that agrees with the reference; `refused` gets the rest, with reasons."""
        items = []
        for cell in PARITY:
            for implementation, found in self.adapter.implementations.items():
                if cell != "lstm" and not any(CELLS[name].function == cell for name in found.cells):
                    continue
                reason, own = self.started(implementation, cell)
                reason = reason or self.disagrees(implementation, cell)
                if reason:
                    self.refused[f"{cell}/{implementation}"] = reason
                else:
                    items += own
        numpy = self.numpy_items() if self.backend != "numpy" else []
        begin(numpy, self.wait)
        return items + numpy

    def started(self, implementation: str, cell: str) -> tuple[str, list[Item]]:
        """An implementation's items after their first calls, or why there are none.

        Called before the judge, which would otherwise do the compiling that the first calls should show.
        """
        found = self.adapter.implementations[implementation]
        try:
            items = self.items_of(implementation, cell)
            if cell == "lstm" and hasattr(found, "compiled"):
                items.append(self.compiled_item(found))
            begin(items, self.wait)
        except Exception as error:  # whatever a framework raises
            return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}", []
        return "", items

    def compiled_item(self, found: Any) -> Item:
        """The scratch tab compiled, where the command `train` runs it so."""
        net = found.compiled(self.net("scratch", "lstm"))
        return Item("lstm/train/scratch, compiled",
                    self.training(found, net, *self.adapter.tensors((self.X, self.Y))))

    def floor_items(self) -> dict[Product, list[Item]]:
        """The framework's own matrix product at every size that the work needs, in two layouts and all its ways."""
        needed = {product._replace(times=1) for cell in PARITY for work in ("train", "forward")
                  for product in products(cell, work, self.sizes)}
        return {product: self.product_items(product) for product in sorted(needed)}

    def product_items(self, product: Product) -> list[Item]:
        """One product, in row and in column layout, in each way that the framework has."""
        rng = np.random.default_rng(0)
        m, k, n, _ = product
        a, b = (rng.normal(0, 0.1, shape).astype(np.float32) for shape in ((m, k), (k, n)))
        layouts = {"rows": (a, b), "columns": (b.T.copy(), a.T.copy())}
        items = []
        for layout, pair in layouts.items():
            name, tensors = f"product/{m}x{k}x{n}/{layout}", self.adapter.tensors(pair)
            items += [Item(name, *self.adapter.product(*tensors)), *(
                Item(f"{name}, {way}", call) for way, call in self.adapter.other_products(*tensors).items())]
        return items

    def run(self, blocks: int = BLOCKS) -> dict[str, Any]:
        """Check, time and collect what goes into the JSON file."""
        start = time.perf_counter()
        self.adapter.compile_anew()
        floor = self.floor_items()
        ways = list(chain.from_iterable(floor.values()))
        begin(ways, self.wait)  # before all else: the framework starts its threads in its first calls
        items = self.all_items()
        everything = [*items, *ways]
        with progress() as bar:
            task = bar.add_task(f"{self.backend} on {self.device}", total=len(everything) + blocks)
            take(everything, self.wait, blocks, lambda: bar.advance(task))
        best = {product: min(ways, key=lambda item: item.median) for product, ways in floor.items()}
        facts = fingerprint(self.adapter.version(), self.device, None)
        facts |= {"device": self.adapter.device_name(), "float32": self.adapter.precision()}
        return {
            "backend": self.backend, "sizes": vars(self.sizes), "fingerprint": facts, "refused": self.refused,
            "notes": slow_blas() + slow_mkl(), "items": items, "products": best, "seconds": time.perf_counter() - start,
            "peak": {"process": peak(), "device": self.adapter.device_memory()},
        }


@cache
def load(backend: str, device: str) -> tuple[Any, str]:
    """The adapter and the device it is on; 'auto' is a GPU where the framework sees one."""
    if device != "auto":
        return registry.load(backend, device), device
    try:
        return registry.load(backend, "gpu"), "gpu"
    except RuntimeError:
        return registry.load(backend, "cpu"), "cpu"
