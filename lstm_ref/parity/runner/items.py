"""A file under pytest: one item for each role of each of its functions."""

from pathlib import Path
from typing import Any

import pytest

from lstm_ref.parity.files.chosen import Choice, Found, chosen, empty
from lstm_ref.parity.files.parts import PARAMS, STATE
from lstm_ref.parity.files.show import lines
from lstm_ref.parity.runner.files import TIME_LIMIT, judge_one


class RoleError(Exception):
    """What is wrong with a role, in words."""


class RoleItem(pytest.Item):
    """One role of one function of a file."""

    def __init__(self, *, role: str, port: "FileItems", number: int, **more: Any):
        super().__init__(**more)
        self.role, self.port, self.number = role, port, number

    def runtest(self) -> None:
        """Fail where the role is wrong, or where the function could not be judged at all; skip what is not judged."""
        found = self.port.verdict(self.number)
        rows = [row for row in found["rows"] if row["role"] == self.role]
        text = "\n".join(lines(found | {"rows": rows or found["rows"]}))
        model = self.role == self.port.roles(self.port.found[self.number])[0]
        if any(row["verdict"] == "wrong" for row in rows) or (model and (not rows or rows[0]["verdict"] != "right")):
            raise RoleError(text)
        if rows and all(row["verdict"] == "not judged" for row in rows):
            pytest.skip(rows[0]["text"])

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """The words, without a traceback through the judge."""
        known = excinfo.errisinstance((RoleError, ValueError))  # what can't be judged here is a ValueError
        return str(excinfo.value) if known else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the function stands."""
        line = self.port.found[self.number].form.node.lineno
        return self.path, line - 1 if line < 10**5 else None, self.name


class FileItems:
    """The functions of a file, each judged once, in a process of its own.

    Args:
        path: of the file.
        device: 'cpu' or 'gpu'.
        framework: only the functions that are written in it; all when None.

    Raises:
        ValueError: the file can't be read, or has nothing to judge.
    """

    def __init__(self, path: Path, device: str, framework: str | None):
        self.path, self.device = path, device
        self.found = {number: found for number, found in enumerate(chosen(path, Choice()))
                      if framework in (None, found.package.partition(".")[0])}
        if not self.found:
            raise ValueError("; ".join(empty(path, Choice())))
        self._verdicts: dict[int, dict[str, Any]] = {}

    def verdict(self, number: int) -> dict[str, Any]:
        """What is found of a function."""
        if number not in self._verdicts:
            self._verdicts[number] = judge_one(self.path, Choice(), number, self.found[number], self.device, TIME_LIMIT)
        return self._verdicts[number]

    @staticmethod
    def roles(found: Found) -> list[str]:
        """The roles that are judged, the model first."""
        model = "lstm step" if found.form.kind == "lstm" and not found.form.loops else found.form.kind
        return [model, PARAMS[found.form.kind], STATE[found.form.kind], *found.contents.functions, "the file"]

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        """The roles stand for themselves, in front of what else was asked for."""
        items[:0] = [RoleItem.from_parent(session, name=f"{found.contents.code.tab or 'file'}:{found.form.name}:{role}",
                                          nodeid=f"{self.path}::{found.contents.code.tab or 'file'}::{role}", role=role,
                                          port=self, number=number)
                     for number, found in self.found.items() for role in self.roles(found)]
