"""What a run showed: the score of each backend, the survivors, and what is wrong with the explanations."""

from collections.abc import Callable

from explained import Entry, stale
from mutate import Mutant
from rich.console import Console
from rich.table import Table
from session import Backend

LEAST = 0.98  #: of the mutants that are not equivalent, in every backend


def tell(backends: list[Backend], entries: list[Entry], everything: list[Mutant], console: Console) -> bool:
    """Print it all; return whether the run is a success: complete, every survivor explained, no explanation stale."""
    table = Table("backend", *("mutants", "left", "killed", "equivalent", "survived", "score"), box=None)
    good = True
    for backend in backends:
        known = [m for m in backend.mutants if m.id in backend.results]
        killed = sum(backend.results[m.id] is not None for m in known)
        excused = sum(explained(m, backend, entries) for m in known)
        survived = len(known) - killed - excused
        score = killed / (killed + survived) if killed + survived else 1.0
        numbers = (len(backend.mutants), len(backend.left), killed, excused, survived)
        table.add_row(backend.name, *map(str, numbers), f"{score:.1%}")
        good = good and not survived and not backend.left and score >= LEAST
    for backend in backends:
        survivors(backend, lambda m, b=backend: not explained(m, b, entries), console)
    results = {key: value for backend in backends for key, value in backend.results.items()}
    wrong = stale(entries, everything, results)
    for text in wrong:
        console.print(f"equivalent.toml is stale: {text}", markup=False, highlight=False, soft_wrap=True)
    console.print(table)
    return good and not wrong


def explained(mutant: Mutant, backend: Backend, entries: list[Entry]) -> bool:
    """Whether it survived and equivalent.toml says why."""
    return backend.results.get(mutant.id, "") is None and any(entry.covers(mutant) for entry in entries)


def survivors(backend: Backend, chosen: Callable[[Mutant], bool], console: Console) -> None:
    """Each with its place and its change, as lines of a diff."""
    for mutant in backend.mutants:
        if backend.results.get(mutant.id, "") is None and chosen(mutant):
            old, _, new = mutant.change.partition(" → ")
            for line in (f"{mutant.file}:{mutant.line} survived in {mutant.function} [{mutant.id}, {mutant.operator}]",
                         f"  - {old}", f"  + {new}"):
                console.print(line, markup=False, highlight=False, soft_wrap=True)
