"""The two kinds of check, of numbers and of facts, which the rest of the judge need not tell apart."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lstm_ref.parity.cases import Case, is_trajectory
from lstm_ref.parity.interface import DTYPES, Implementation, split
from lstm_ref.parity.truth import MOST, Quantities, Yardstick, yardstick
from lstm_ref.parity.verdict import ENDS, Result, compare, raised


class Fact(NamedTuple):
    """One thing that holds or does not; `detail` has what was expected and what was found."""

    quantity: str
    holds: bool
    detail: str


def same(quantity: str, expected: Any, found: Any) -> Fact:
    """The fact that two things are equal."""
    holds = bool(expected == found)
    return Fact(quantity, holds, "" if holds else f"expected {expected}, got {found}")


Found = Quantities | list[Fact] | Exception


class Check(ABC):
    """A named comparison of an implementation with the reference.

    Attributes:
        name: as in the report.
        calls: the functions of an `Implementation` that it calls.
        dtypes: the precisions it is run in.
        cells: cases of the other cells that it is run on, without the cell's name.
        optional: why it is not judged where what it calls is missing; '' where that must be there.
    """

    name: str
    calls: tuple[str, ...]
    optional: str = ""
    dtypes: tuple[str, ...] = DTYPES
    cells: Sequence[str] = ()

    @abstractmethod
    def cases(self, names: Iterable[str]) -> list[str]:
        """Those of some cases that it has something to compare on."""

    @abstractmethod
    def found(self, implementation: Implementation, case: Case) -> Quantities | list[Fact]:
        """What an implementation gives."""

    @abstractmethod
    def yardstick(self, case: Case, folder: Path) -> Yardstick | None:
        """Truth and spread, from `folder` or computed and kept there; None where no numbers are compared."""

    @abstractmethod
    def results(self, found: Any, label: str, case: Case, rod: Yardstick | None) -> list[Result]:
        """What was found, compared quantity by quantity."""

    def judge(self, implementation: Implementation, label: str, case: Case, folder: Path) -> list[Result]:
        """Run on an implementation and compare every quantity.

        An implementation that raises an exception fails with its text; it has nothing to compare.

        Args:
            implementation: what is judged.
            label: its name in the report.
            case: the problem, in the precision under test.
            folder: of the stored yardsticks.

        Raises:
            LookupError: the implementation did not give the quantities that the reference gives.
        """
        rod = self.yardstick(case, folder)
        try:
            found = self.found(implementation, case)
        except ENDS as error:
            return [raised(error, self.name, label, case)]
        return self.results(found, label, case, rod)

    def outcome(self, implementation: Implementation, case: Case) -> Found:
        """What an implementation gives, or what it raised."""
        try:
            return self.found(implementation, case)
        except Exception as error:
            return error
        except SystemExit as error:
            return RuntimeError(repr(error))


@dataclass(frozen=True)
class Numbers(Check):
    """A check of numbers: quantities, computed the same way for every implementation.

    It knows nothing of truth or tolerance. It is run on the implementation, on the reference one precision wider (the
    truth) and on the noisy reference (the spread), and these are compared.

    Attributes:
        run: computes the quantities.
        stepped: quantities whose first axis is time; each step is judged by its own spread.
        exact: prefixes of quantities that no rounding may touch.
        applies: whether it has something to compare on a case of this name.
        trains: it is run on trajectories, and nothing else is.
        draws: at most so many noisy evaluations; of many numbers the largest needs few.
        drifts: rounding errors only grow along the first axis, so a step's spread is the largest so far.
    """

    name: str
    run: Callable[[Implementation, Case], Quantities]
    calls: tuple[str, ...] = ()
    stepped: frozenset[str] = frozenset()
    exact: tuple[str, ...] = ()
    applies: Callable[[str], bool] = lambda name: True
    trains: bool = False
    drifts: bool = False
    draws: int = MOST
    dtypes: tuple[str, ...] = DTYPES
    cells: Sequence[str] = ()
    optional: str = ""

    def cases(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if is_trajectory(name) == self.trains and (
            self.applies(name) if split(name)[0] == "lstm" else split(name)[1] in self.cells)]

    def found(self, implementation: Implementation, case: Case) -> Quantities:
        return {name: np.asarray(array) for name, array in self.run(implementation, case).items()}

    def yardstick(self, case: Case, folder: Path) -> Yardstick:
        return yardstick(self, case, folder)

    def results(self, found: Any, label: str, case: Case, rod: Yardstick | None) -> list[Result]:
        assert rod is not None
        if not found or found.keys() != rod.truth.keys():
            raise LookupError(f"{self.name}: expected the quantities {sorted(rod.truth)}, got {sorted(found)}")
        return [Result(self.name, label, case.name, str(case.dtype), quantity,
                       **compare(quantity, array, case.dtype, rod)) for quantity, array in found.items()]


@dataclass(frozen=True)
class Facts(Check):
    """A check of facts, each of which holds or does not, whatever the size of the case.

    Attributes:
        run: the facts.
        on: the cases it is run on.
    """

    name: str
    run: Callable[[Implementation, Case], Iterator[Fact]]
    calls: tuple[str, ...]
    on: Sequence[str]
    dtypes: tuple[str, ...] = DTYPES
    cells: Sequence[str] = ()

    def cases(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if name in self.on or (
            split(name)[0] != "lstm" and split(name)[1] in self.cells)]

    def found(self, implementation: Implementation, case: Case) -> list[Fact]:
        return list(self.run(implementation, case))

    def yardstick(self, case: Case, folder: Path) -> None:
        return None

    def results(self, found: Any, label: str, case: Case, rod: Yardstick | None) -> list[Result]:
        """Ratio 0 where a fact holds, infinity where it does not."""
        return [Result(self.name, label, case.name, str(case.dtype), quantity,
                       *((0.0, 0.0, 0.0, "pass") if holds else (math.inf, 0.0, math.inf, "fail", detail)))
                for quantity, holds, detail in found]
