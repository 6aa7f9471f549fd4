"""What a step on several workers costs: a model of it, beside what was measured, and for more of them by reasoning."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from lstm_ref.params import get_lstm_params
from lstm_ref.tools.bench.table import clock
from lstm_ref.tools.markdown import lines

COLUMNS = ("workers", "one device", "its rows alone", "reduction", "all workers", "predicted", "reduction's share",
           "efficiency", "MB sent")


@dataclass(frozen=True)
class Cost:
    """The medians of one implementation on so many workers, in seconds a step.

    Attributes:
        implementation: its name.
        workers: how many.
        alone: one device's step on the whole minibatch, with the threads that one of the workers has.
        part: one device's step on the rows of the first worker, while the others that are processes do theirs.
        reduction: of as many numbers as the gradients have, and nothing else.
        step: on all workers.
        turns: how many workers share the threads that `part` had: in one process on the CPU all, else each has its own.
        bytes: that each worker sends in a reduction that goes round in a ring.
    """

    implementation: str
    workers: int
    alone: float
    part: float
    reduction: float
    step: float
    turns: int
    bytes: float

    @property
    def predicted(self) -> float:
        """The model of the step: all rows of those that share threads, then the reduction."""
        return self.turns * self.part + self.reduction

    @property
    def efficiency(self) -> float:
        """Of the time that all workers spend, the part that one device would have needed."""
        return self.alone / (self.workers * self.step)

    def cells(self) -> list[str]:
        """Its text in each column."""
        return [str(self.workers), *map(clock, (self.alone, self.part, self.reduction, self.step)),
                f"{clock(self.predicted)}, {self.predicted / self.step:.2f} of it",
                f"{self.reduction / self.step:.0%}", f"{self.efficiency:.2f}", f"{self.bytes / 1e6:.2f}"]


def ring(numbers: int, workers: int, each: int = 4) -> float:
    """The bytes that a worker sends when so many numbers are reduced in a ring: twice all but its own part.

    Source: Patarasuk and Yuan, "Bandwidth optimal all-reduce algorithms for clusters of workstations", 2009.
    """
    return each * numbers * 2 * (workers - 1) / workers


class Link(NamedTuple):
    """What connects workers, as assumed.

    Attributes:
        name: of the workers and of what connects them.
        workers: how many.
        bandwidth: bytes a second in one direction.
        latency: seconds from one worker to the next.
        step: seconds of a step without a reduction; None for what was measured here.
    """

    name: str
    workers: int
    bandwidth: float
    latency: float
    step: float | None = None

    def reduction(self, numbers: int) -> float:
        """Seconds of a ring: 2(n - 1) messages one after the other, and the bytes that each worker sends."""
        return 2 * (self.workers - 1) * self.latency + ring(numbers, self.workers) / self.bandwidth


TOKENS = 32 * 35  #: of a worker's minibatch, the book's
LINKS = (
    Link("8 GPUs, NVLink 4 (450 GB/s, 2 µs), a step at 3,000,000 tokens/s", 8, 450e9, 2e-6, TOKENS / 3e6),
    Link("64 hosts as this one, Ethernet of 100 Gbit/s (12.5 GB/s, 20 µs)", 64, 12.5e9, 20e-6),
    Link("64 hosts as this one, Ethernet of 10 Gbit/s (1.25 GB/s, 50 µs)", 64, 1.25e9, 50e-6),
)


def read(path: Path) -> tuple[dict[str, Any], list[Cost]]:
    """A file of `measure`.

    Raises:
        ValueError: it is none.
    """
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        if found["schema"] != 1:
            raise ValueError(f"schema {found['schema']}")
        return found, [Cost(**each) for each in found["costs"]]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: expected what `lstm-parity bench --workers` writes, got {error!r}") from error


def parts(runs: Sequence[tuple[dict[str, Any], list[Cost]]]) -> dict[str, str]:
    """What stands between the marks of docs/parallel.md: the tables of what was measured, and of what is reasoned.

    The second one takes the fastest step on one device that was measured, and each worker has a whole minibatch.
    """
    table = [[f"{facts['backend']} {each.implementation}", *each.cells()] for facts, costs in runs for each in costs]
    here, _ = runs[0]
    numbers = sum(param.size for param in get_lstm_params(here["sizes"]["vocab_size"], here["sizes"]["num_hiddens"], 0))
    step = min(each.alone for _, costs in runs for each in costs)
    body = []
    for link in LINKS:
        own, reduction = link.step or step, link.reduction(numbers)
        body.append([link.name, clock(own), clock(reduction), f"{own / (own + reduction):.2f}",
                     f"{link.workers * TOKENS / (own + reduction):,.0f}"])
    return {"scaling": lines(["", *COLUMNS], table),
            "reasoned": lines(["workers", "a step alone", "reduction", "efficiency", "tokens/s"], body)}
