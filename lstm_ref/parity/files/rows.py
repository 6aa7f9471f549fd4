"""What is said of a port: a row for each role, and all rows of one function of a file."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

RIGHT, WRONG, NOT = "right", "wrong", "not judged"


@dataclass(frozen=True)
class Row:
    """What is said of a role.

    Attributes:
        role: as the reference calls it.
        name: as the port calls it, or ''.
        verdict: 'right', 'wrong' or 'not judged'.
        text: why.
        line: where, or 0.
    """

    role: str
    name: str
    verdict: str
    text: str = ""
    line: int = 0


@dataclass
class Judged:
    """What is said of one port of a file.

    Attributes:
        path: of the file.
        tab: of it, or ''.
        name: of the function that computes the model.
        framework: in which it is written.
        rows: role by role.
        said: what is taken as what.
        notes: what is left out, and what could not be read.
        texts: failures in the judge's words.
        places: of the rows' lines, in words.
        sources: of these lines.
    """

    path: Path
    tab: str
    name: str
    framework: str
    rows: list[Row] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    places: dict[int, str] = field(default_factory=dict)
    sources: dict[int, str] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """'right', 'wrong' or 'not judged'."""
        if any(row.verdict == WRONG for row in self.rows):
            return WRONG
        model = [row for row in self.rows if row.role in ("lstm", "lstm step", "rnn", "gru")]
        missing = [row for row in self.rows if row.text.startswith("incomplete")]
        return RIGHT if model and model[0].verdict == RIGHT and not missing else NOT

    def json(self) -> dict[str, Any]:
        """As it stands in the report."""
        return {"file": str(self.path), "tab": self.tab, "name": self.name, "framework": self.framework,
                "status": self.status, "rows": [asdict(row) | {"place": self.places.get(row.line, ""),
                                                               "source": self.sources.get(row.line, "")}
                                                for row in self.rows],
                "taken_as": self.said, "notes": self.notes, "texts": self.texts}
