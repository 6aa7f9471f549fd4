"""All that is found out about an implementation once it has failed a check, each thing once."""

from functools import cache, cached_property, partial
from pathlib import Path

from lstm_ref.parity.cases import Case
from lstm_ref.parity.explain.diagnose import Diagnosis, diagnose
from lstm_ref.parity.explain.locate import locate, maps_of
from lstm_ref.parity.explain.maps import Map
from lstm_ref.parity.interface import Implementation
from lstm_ref.parity.verdict import ENDS


class Investigation:
    """Of one implementation.

    Args:
        implementation: that failed.
        folder: of the stored yardsticks.
    """

    def __init__(self, implementation: Implementation, folder: Path):
        self.implementation, self.folder = implementation, folder
        self.maps: list[Map] = []  #: in which something departs
        self._places: dict[tuple[str, str, str], str] = {}
        self._shown = 0
        self._maps_of = cache(partial(maps_of, implementation))

    @cached_property
    def diagnosis(self) -> Diagnosis | None:
        """The mistakes that reproduce what it computes; None where the search itself broke down."""
        try:
            return diagnose(self.implementation, self.folder)
        except ENDS as error:
            self.broken = f"{type(error).__name__}: {error}"
            return None

    def findings(self) -> list[str]:
        """The diagnosis in words."""
        if self.diagnosis is None:
            return [f"diagnosis: could not be made ({self.broken})"]
        return self.diagnosis.lines()

    def where(self, check: str, case: Case) -> str:
        """Where the failure of a check on a case begins."""
        key = check, case.name, str(case.dtype)
        if key not in self._places:
            try:
                self._places[key], found = locate(check, self.implementation, case, self.folder, self._maps_of)
                self.maps += [new for new in found if new.title not in [kept.title for kept in self.maps]]
            except ENDS as error:
                self._places[key] = f"looking for it raised {type(error).__name__}: {error}"
        return self._places[key]

    def new_maps(self) -> list[str]:
        """The maps as text, each shown once."""
        new, self._shown = self.maps[self._shown:], len(self.maps)
        return [line for found in new for line in found.lines()]
