"""How times are measured: warm-up, then blocks of all items in turn, so that the machine's drift affects all alike."""

import itertools
import math
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

BLOCKS = 20  #: at least, for numbers worth keeping
WARM_UP = 3  #: calls after the first one that are not counted either
SECONDS = 0.1  #: about the length of a block, unless one call takes longer
REST = 0.3  #: seconds; idle threads keep a core busy for up to 0.2 (OpenMP's default)


@dataclass
class Item:
    """One thing that is timed.

    Attributes:
        name: cell, work and implementation, with slashes: 'lstm/train/fused'.
        call: runs it; may return before the device is done.
        each: how many units a call does: characters, products.
        first: seconds of the first call, with any compiling.
        calls: number in a block.
        blocks: seconds per unit, in each block.
        pool: the library whose threads run it, where that is not the framework.
    """

    name: str
    call: Callable[[], object]
    each: int = 1
    first: float = math.nan
    calls: int = 1
    blocks: list[float] = field(default_factory=list)
    pool: str = ""

    @property
    def median(self) -> float:
        """Seconds per unit."""
        return statistics.median(self.blocks)


Wait = Callable[[Iterable[object]], None]  #: takes the results of some calls and waits until they are ready


def timed(call: Callable[[], object], calls: int, wait: Wait) -> float:
    """Seconds per call; waits for the device only at the end.

    No result outlives the next call: results that are kept would each need fresh memory from the system.
    """
    start = time.perf_counter()
    wait(call() for _ in range(calls))
    return (time.perf_counter() - start) / calls


def begin(items: Sequence[Item], wait: Wait) -> None:
    """Time the first call of each item, which may compile."""
    for item in items:
        item.first = timed(item.call, 1, wait)


def warm_up(item: Item, wait: Wait) -> None:
    """Call it until it is compiled and warm, and set how many calls form a block."""
    if math.isnan(item.first):
        begin([item], wait)
    warm = [timed(item.call, 1, wait) for _ in range(WARM_UP)]
    item.calls = max(math.ceil(SECONDS / max(min(warm), 1e-7)), 1)


def in_turn(items: Sequence[Item]) -> Iterator[Item]:
    """The items, with a rest before one that other threads run: those of the last one would still hold the cores."""
    for last, item in itertools.pairwise((*items[-1:], *items)):
        if item.pool != last.pool:
            time.sleep(REST)
        yield item


def take(
    items: Sequence[Item], wait: Wait, blocks: int = BLOCKS, after: Callable[[], None] = lambda: None
) -> None:
    """Warm all items up, then time them block by block, in turn.

    Args:
        items: what is timed; they keep their times.
        wait: waits until some results are ready.
        blocks: number for each item.
        after: called after each warmed-up item and after each round of blocks.
    """
    for item in in_turn(items):
        warm_up(item, wait)
        after()
    for _ in range(blocks):
        for item in in_turn(items):
            item.blocks.append(timed(item.call, item.calls, wait) / item.each)
        after()
