"""The survivors that can't be killed, each with the reason why: equivalent.toml.

An entry names files (a pattern such as backends/*/scratch.py stands for all that match and have such a mutant), the
function and the changes. It is stale, which fails the session, when no such mutant exists or when one was killed.
"""

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from mutate import Mutant

PATH = Path(__file__).with_name("equivalent.toml")


@dataclass(frozen=True)
class Entry:
    """One explanation; covers the mutants of these functions with these changes."""

    files: tuple[str, ...]
    functions: tuple[str, ...]
    changes: tuple[str, ...]
    reason: str

    def covers(self, mutant: Mutant) -> bool:
        """Whether it is about this mutant."""
        return (mutant.change in self.changes and mutant.function in self.functions
                and any(fnmatch(mutant.file, pattern) for pattern in self.files))


def read(path: Path = PATH) -> list[Entry]:
    """The explanations.

    Raises:
        ValueError: one lacks a part or has no reason.
    """
    entries = []
    for number, table in enumerate(tomllib.loads(path.read_text(encoding="utf-8")).get("equivalent", []), 1):
        if set(table) != {"files", "functions", "changes", "reason"} or not all(table.values()):
            raise ValueError(f"{path.name}: entry {number} needs files, functions, changes and a reason, "
                             f"but has {', '.join(sorted(table))}")
        parts = (tuple(table[key]) for key in ("files", "functions", "changes"))
        entries.append(Entry(*parts, table["reason"]))
    return entries


def stale(entries: list[Entry], mutants: list[Mutant], results: dict[str, str | None]) -> list[str]:
    """What is wrong with the explanations, in words; `mutants` are all those of the requested backends.

    Each change, file and function of an entry has to be that of some mutant, where the entry's files were requested.
    """
    found = []
    asked = {mutant.file for mutant in mutants}
    for entry in entries:
        covered = [mutant for mutant in mutants if entry.covers(mutant)]
        about = [p for p in entry.files if any(fnmatch(file, p) for file in asked)]
        if len(about) == len(entry.files):
            for kind, wanted in (("change", set(entry.changes) - {m.change for m in covered}),
                                 ("function", set(entry.functions) - {m.function for m in covered})):
                found += [f"no mutant of {', '.join(entry.files)} has the {kind} {text!r}" for text in sorted(wanted)]
        found += [f"no mutant of {p} in {', '.join(entry.functions)}" for p in about
                  if not any(fnmatch(mutant.file, p) for mutant in covered)]
        found += [f"{m.file}, {m.function}: {m.change!r} is killed by {results[m.id]}"
                  for m in covered if results.get(m.id)]
    return found
