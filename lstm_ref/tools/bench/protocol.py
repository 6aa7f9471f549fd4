"""How time is taken: warm-up, then blocks of all items in turn, so that the machine's drift hits all alike."""

import itertools
import math
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

BLOCKS = 20  #: at least
WARM_UP = 3  #: calls after the first and before anything counts
SECONDS = 0.1  #: a block takes about so long, or one call
REST = 0.3  #: seconds; threads that have nothing left to do keep a core busy for up to 0.2 (OpenMP's default)


@dataclass
class Item:
    """One thing that is timed.

    Attributes:
        name: cell, work and implementation, with slashes: 'lstm/train/fused'.
        call: does it; may return before the device is done.
        each: how many of it a call does: characters, products.
        first: seconds of the first call, with whatever it compiles.
        calls: in a block.
        blocks: seconds for one of it, in each block.
        pool: the library whose threads do it, where that is not the framework.
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
        """Seconds for one of it."""
        return statistics.median(self.blocks)


Wait = Callable[[Iterable[object]], None]  #: asks for the results of some calls and waits until they are there


def timed(call: Callable[[], object], calls: int, wait: Wait) -> float:
    """Seconds a call; the device is waited for at the end alone.

    No result outlives the next call: were they kept, each would be written to memory fresh from the system.
    """
    start = time.perf_counter()
    wait(call() for _ in range(calls))
    return (time.perf_counter() - start) / calls


def begin(items: Sequence[Item], wait: Wait) -> None:
    """The first call of each item, which may compile."""
    for item in items:
        item.first = timed(item.call, 1, wait)


def warm_up(item: Item, wait: Wait) -> None:
    """Call it until it is compiled and warm, and find out how many calls make a block."""
    if math.isnan(item.first):
        begin([item], wait)
    warm = [timed(item.call, 1, wait) for _ in range(WARM_UP)]
    item.calls = max(math.ceil(SECONDS / max(min(warm), 1e-7)), 1)


def in_turn(items: Sequence[Item]) -> Iterator[Item]:
    """The items, with a rest before one that other threads do: those of the last one would take its cores."""
    for last, item in itertools.pairwise((*items[-1:], *items)):
        if item.pool != last.pool:
            time.sleep(REST)
        yield item


def take(
    items: Sequence[Item], wait: Wait, blocks: int = BLOCKS, after: Callable[[], None] = lambda: None
) -> None:
    """Warm all items up, then time them block by block, each in its turn.

    Args:
        items: what is timed; the times are left with them.
        wait: waits for the device to be done with some results.
        blocks: how many of each.
        after: called after each item that was warmed up and each round of blocks.
    """
    for item in in_turn(items):
        warm_up(item, wait)
        after()
    for _ in range(blocks):
        for item in in_turn(items):
            item.blocks.append(timed(item.call, item.calls, wait) / item.each)
        after()
