"""All that is found out about an implementation once it has failed a check, each thing once: where and what."""

from functools import cached_property
from pathlib import Path

from lstm_ref.parity.cases import Case, make
from lstm_ref.parity.diagnose import Diagnosis, diagnose
from lstm_ref.parity.heat import Heat, forward_heat, gradient_heat, probe_heat
from lstm_ref.parity.implementation import Implementation
from lstm_ref.parity.localise import localise
from lstm_ref.parity.properties import PROPERTIES


class Investigation:
    """Of one implementation.

    Args:
        implementation: that failed.
        folder: of the stored yardsticks.
    """

    def __init__(self, implementation: Implementation, folder: Path):
        self.implementation, self.folder = implementation, folder
        self.heats: list[Heat] = []  #: maps in which something departs
        self._places: dict[str, str] = {}
        self._shown: set[str] = set()

    @cached_property
    def diagnosis(self) -> Diagnosis | None:
        """The mistakes that reproduce what it computes; None where the search itself broke down."""
        try:
            return diagnose(self.implementation, self.folder)
        except Exception as error:
            self.broken = f"{type(error).__name__}: {error}"
            return None

    def findings(self) -> list[str]:
        """The diagnosis in words."""
        if self.diagnosis is None:
            return [f"diagnosis: could not be made ({self.broken})"]
        return self.diagnosis.lines()

    def where(self, check: str, case: Case) -> str:
        """Where the failure of a check begins; found out on the first case of that check that fails."""
        if check in PROPERTIES:
            return ""
        if check not in self._places:
            try:
                self._places[check] = self._place(check, case)
            except Exception as error:
                self._places[check] = f"not to be found out: {type(error).__name__}: {error}"
        return self._places[check]

    def maps(self) -> list[str]:
        """The heat maps as text, each told once."""
        new = [heat for heat in self.heats if heat.title not in self._shown]
        self._shown |= {heat.title for heat in new}
        return [line for heat in new for line in heat.lines()]

    def _place(self, check: str, case: Case) -> str:
        if check not in ("forward", "chunks", "not_finite", "backward", "step"):
            return localise(check, self.implementation, case, self.folder)
        small = make("ragged").astype(case.dtype)
        heat = self._keep(forward_heat(self.implementation, small) or probe_heat(self.implementation, small))
        if heat.first:
            return f"departs first at {heat.first}"
        if check in ("backward", "step"):
            heat = self._keep(gradient_heat(self.implementation, case.dtype))
            if heat.first:
                return f"the forward pass agrees at every step; going backwards, departs first at {heat.first}"
        return localise(check, self.implementation, case, self.folder)

    def _keep(self, heat: Heat) -> Heat:
        if heat.first and heat.title not in [kept.title for kept in self.heats]:
            self.heats.append(heat)
        return heat
