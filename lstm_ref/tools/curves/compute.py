"""Computes the stored runs: the book's training in the reference, healthy and with each mistake that shows in it."""

import math
import os
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np

from lstm_ref.params import LSTMParams, param_shapes
from lstm_ref.parity.mistakes import MISTAKES, Mistaken
from lstm_ref.parity.reference import Reference
from lstm_ref.tools.curves import fast
from lstm_ref.tools.curves.curve import BOOK
from lstm_ref.tools.curves.library import EVERY, HEALTHY, LEARNS_NOTHING, PATH, STUCK, Run, load, merge, rounded
from lstm_ref.tools.curves.read import read
from lstm_ref.usage import refusals
from lstm_ref.validate import check_sizes

Key = tuple[str, str, int]

#: The checks whose mistakes change the course of training. `nox -s parity` identifies a mistake in the forward pass
#: better than a curve does; such a mistake can still be asked for by name.
CHECKS = ("params", "backward", "clipping", "step", "trajectory")
SEEDS = (3, 4, 5)
#: Mistakes whose runs end differently with each seed, since training is chaotic, get several.
MORE = {"step lost when clipping": (4, 5, 6, 7)}

#: A run is stopped early when it learns nothing (all of the last 30 epochs above `STUCK`, at one of these epochs) ...
LOOKS = (60, 120)
#: ... and when at this epoch it is far from all healthy runs with the book's start, which are between 5.7 and 6.0.
HALF, NEAR = 250, (4.6, 7.6)


def start(kind: str, vocab_size: int, num_hiddens: int, seed: int) -> LSTMParams:
    """The weights of Paddle's concise model: its layer's uniform start, two biases summed, and Xavier's for the output.

    Raises:
        ValueError: the kind is another one.
    """
    if kind != "paddle":
        raise ValueError(f"start: expected 'book' or 'paddle', got {kind!r}")
    rng, bound = np.random.default_rng(seed), num_hiddens**-0.5
    drawn: dict[str, Any] = {}
    for name, shape in param_shapes(vocab_size, num_hiddens).items():
        values = rng.uniform(-bound, bound, shape)
        if len(shape) == 1:
            values = np.zeros(shape) if name == "b_q" else values + rng.uniform(-bound, bound, shape)
        if name == "W_hq":
            wide = math.sqrt(6 / sum(shape))
            values = rng.uniform(-wide, wide, shape)
        drawn[name] = values.astype(np.float32)
    return LSTMParams(**drawn)


def run(key: Key) -> Run:
    """Train with the book's settings, in float32.

    Args:
        key: name ('healthy' or a mistake's), start and seed.
    """
    name, kind, seed = key
    mistakes = [mistake for mistake in MISTAKES if mistake.name == name]
    reference = Mistaken(*mistakes) if mistakes else Reference()
    namespace = reference._ref
    text = getattr(namespace, "text", namespace)
    data, vocab = text.load_data_time_machine(
        BOOK["batch_size"], BOOK["num_steps"], BOOK["use_random_iter"], BOOK["max_tokens"], BOOK["data"])
    if kind == "book":
        params = namespace.get_lstm_params(len(vocab), BOOK["num_hiddens"], seed, np.float32)
    else:
        params = start(kind, len(vocab), BOOK["num_hiddens"], seed)
    net, perplexity, end = reference.net(params), list[float](), ""
    made = f"numpy {np.__version__}"
    if not any(module == "lstm" for mistake in mistakes for module, *_ in mistake.edits):
        net.forward_fn, net.backward_fn = fast.lstm, fast.lstm_backward
        made += ", fused"
    for epoch in range(1, BOOK["epochs"] + 1):
        random.seed(seed * 1_000_003 + epoch)  # as `train` does
        try:
            value, _ = namespace.train_epoch_ch8(net, data, BOOK["lr"], False)
        except (FloatingPointError, OverflowError, ValueError) as error:
            end = f"epoch {epoch}: {error}"
            break
        if not 1 <= value < math.inf:
            end = f"epoch {epoch}: perplexity {value:.3g}" + ", which no probabilities give" * (value < 1)
            break
        perplexity.append(value)
        if name != HEALTHY and (end := given_up(perplexity, kind)):
            break
    return Run(name, kind, seed, made, len(perplexity), end, rounded(perplexity))


def given_up(perplexity: Sequence[float], kind: str) -> str:
    """Why a run needs no more epochs, or ''."""
    epoch, tail = len(perplexity), perplexity[-30:]
    if epoch in LOOKS and min(tail) > STUCK and (epoch == LOOKS[-1] or max(tail) < 1.02 * min(tail)):
        return f"stopped after {epoch} epochs: {LEARNS_NOTHING}"
    if epoch == HALF and kind == "book" and not NEAR[0] < perplexity[-1] < NEAR[1]:
        return f"stopped after {epoch} epochs: far from every healthy run"
    return ""


def plan(only: Sequence[str] = ()) -> Iterator[Key]:
    """The runs to store: the healthy ones first, then the mistakes.

    Args:
        only: names; all healthy runs and the LSTM's mistakes of `CHECKS` when empty.

    Raises:
        ValueError: a name is unknown.
    """
    known = {HEALTHY, *(mistake.name for mistake in MISTAKES)}
    if unknown := set(only) - known:
        raise ValueError(f"only: expected 'healthy' or the name of a mistake, got {sorted(unknown)[0]!r}")
    names = only or [HEALTHY, *MORE, *(m.name for m in MISTAKES
                                       if m.check in CHECKS and m.cell == "lstm" and m.name not in MORE)]
    for name in names:
        seeds = SEEDS if name == HEALTHY else (SEEDS[0], *MORE.get(name, ()))
        yield from ((name, "book", seed) for seed in seeds)
        if name in (HEALTHY, *MORE):
            yield from ((name, "paddle", seed) for seed in seeds)


def layers(picture: Path) -> list[Run]:
    """The healthy runs of the frameworks' own layers, from the picture that `reproduce` drew: its second panel.

    Raises:
        ValueError: the picture can't be read, or its curves are not those of a scratch panel and a concise one.
    """
    drawn = read(picture)
    names = [curve.name.split("(")[-1].rstrip(")") for curve in drawn]
    # NumPy has no layer, so the second panel begins where the first framework appears again.
    second = next((i for i in range(1, len(names)) if names[i] in names[:i] and names[i] != names[i - 1]), len(names))
    seeds: dict[str, int] = {}
    found = []
    for name, curve in zip(names[second:], drawn[second:], strict=True):
        seeds[name] = seeds.get(name, -1) + 1
        values = np.exp(curve.at(np.arange(1, BOOK["epochs"] + 1)))
        found.append(Run(HEALTHY, f"{name} layer", seeds[name], f"{name}, {picture.name}", BOOK["epochs"], "",
                         rounded(list(values))))
    if not found:
        raise ValueError(f"{picture}: expected the curves of frameworks' layers in a second panel, found none")
    return found


def left(only: Sequence[str], shard: slice | None) -> list[Key]:
    """The runs of a shard of the plan that are not stored.

    Raises:
        ValueError: see `plan`.
    """
    stored = {r.key for r in load()} if PATH.exists() else set[Key]()
    return [key for key in list(plan(only))[shard or slice(None)] if key not in stored]


def curves(jobs: int | None, only: Sequence[str], picture: Path | None, shard: slice | None = None,
           others: Sequence[Path] = ()) -> int:
    """`lstm-parity curves`: compute what is not stored yet.

    Args:
        jobs: runs at a time; None for one on each core.
        only: names of mistakes, or 'healthy'.
        picture: of `reproduce`, whose curves of layers are stored as healthy ones; or None.
        shard: of the runs, those that are computed here.
        others: files of runs that were computed elsewhere, which are stored first.

    Raises:
        UsageError: a number is not positive, a name is unknown, or a file is not readable.
    """
    at_once = (os.cpu_count() or 1) if jobs is None else jobs
    with refusals():
        check_sizes(jobs=at_once)
        new = layers(picture) if picture else []
        elsewhere = [each for path in others for each in load(path)]
    if new or elsewhere:
        merge([*elsewhere, *new])
        print(f"stored: {len(elsewhere)} runs of other files, {len(new)} healthy runs of layers")
    with refusals():
        missing = left(only, shard)
    print(f"{len(missing)} runs to compute, {at_once} at a time")
    failed = False
    with ProcessPoolExecutor(at_once) as pool:
        futures = {pool.submit(run, key): key for key in missing}
        for future in as_completed(futures):
            if error := future.exception():
                failed = True
                print(f"failed: {', '.join(map(str, futures[future]))}: {error!r}", flush=True)
                continue
            done = future.result()
            merge([done])
            last = f"perplexity {done.perplexity[-1]:g} at epoch {EVERY * len(done.perplexity)}" \
                if done.perplexity else "no perplexity"
            print(f"stored: {done.name}, {done.start}, seed {done.seed}: {last} {done.end}", flush=True)
    return 1 if failed else 0
