"""Versions of the frameworks side by side: what is kept of their runs, the page, and the table on the terminal."""

import json
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version
from rich import box
from rich.table import Table

from lstm_ref.files import check_writable, write_json, write_section, write_text
from lstm_ref.parity.registry import names, short
from lstm_ref.parity.runner.record import check_form, read_status
from lstm_ref.parity.runner.report import complete
from lstm_ref.parity.table import ROWS, cell
from lstm_ref.terminal import console
from lstm_ref.usage import UsageError, refusals

SCHEMA = 1
#: What is kept of a run; a run that did not take place has neither cells nor an environment.
KEPT = {"backend": str, "version": str, "status": ("pass", "fail", "crashed", "not run"), "reason": str,
        "cells": {str: str}, "implementations": {str: ("pass", "fail")}, "environment": {str: str},
        "seconds?": float | int}
#: So much of a reason fits a table.
WORDS = 240

INTRODUCTION = """# Versions

Which versions of each framework compute the book's LSTM, by the judge's checks of every implementation (`nox -s
versions`; `nox -s "parity(jax)" -- --with jax==0.6.0` runs one). A number is the worst ratio of a check, as in the
README's table: at most 4 passes, about 1 is rounding alone. What else a version needs is installed as it was when the
version was new. `lstm-parity compare` lists what changed from one run to another, `nox -s bisect` finds the release in
which it changed, and [findings.md](findings.md) has what turned out to be a defect. Seconds are those of a busy
machine; the first run of all computes the truths as well.
"""


def kept(subject: str, entry: dict[str, Any]) -> dict[str, Any]:
    """What the page needs of a run."""
    backend, _, version = subject.partition(" ")
    facts = entry.get("fingerprint", {})
    results = entry.get("results", ())
    cells = {check: cell(entry, check) for check in ROWS} if results else {}
    failed = {result["implementation"] for result in results if result["verdict"] != "pass"}
    labels = dict.fromkeys(result["implementation"] for result in results)
    return {"backend": backend, "version": version.partition(" ")[0] or facts.get("framework", "?"),
            "status": entry["status"], "reason": shortened(entry["reason"]), "cells": cells,
            "implementations": {label: "fail" if label in failed else "pass" for label in labels},
            "environment": {name: str(facts[name]) for name in ("python", "numpy", "cpu") if name in facts},
            **({"seconds": entry["seconds"]} if "seconds" in entry else {})}


def shortened(text: str) -> str:
    """On one line, not too long for a table, and without the folder that it was run in."""
    text = " ".join(text.replace(f"{Path.cwd()}/", "").split())
    return text if len(text) <= WORDS else f"{text[:WORDS].rsplit(' ', 1)[0]} ..."


def stored(path: Path) -> dict[str, dict[str, Any]]:
    """What was kept before.

    Raises:
        ValueError: the file is none of ours.
    """
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        check_form({"schema": (SCHEMA,), "versions": {str: KEPT}}, content)
    except (ValueError, OSError) as error:
        raise ValueError(f"{path}: is no list of versions: {error}; move it away") from None
    found: dict[str, dict[str, Any]] = content["versions"]
    return found


def ordered(runs: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Backends in their order, the newest version first."""
    known = names()

    def version(item: tuple[str, dict[str, Any]]) -> Version:
        try:
            return Version(item[1]["version"])
        except InvalidVersion:
            return Version("0")

    def backend(item: tuple[str, dict[str, Any]]) -> tuple[int, str]:
        name = item[1]["backend"]
        return known.index(name) if name in known else len(known), name

    return dict(sorted(sorted(sorted(runs.items()), key=version, reverse=True), key=backend))


def largest(cells: dict[str, str]) -> str:
    """The largest ratio among the cells, and its check."""
    def number(text: str) -> float:
        try:
            return float(text.split()[0])
        except (ValueError, IndexError):
            return -1.0

    check = max(cells, key=lambda name: number(cells[name]), default="")
    return f"{cells[check].split()[0]} ({check})" if check and number(cells[check]) >= 0 else "–"


def row(subject: str, run: dict[str, Any]) -> list[str]:
    """A line of the matrix."""
    seconds = f"{run['seconds']:.0f} s" if "seconds" in run else "–"
    each = [f"{label} {status}" for label, status in run["implementations"].items()]
    return [subject, run["environment"].get("python", "–"), run["environment"].get("numpy", "–"), run["status"],
            ", ".join(each) if run["status"] == "fail" else "", largest(run["cells"]), seconds,
            run["reason"]]


HEAD = ["", "Python", "NumPy", "verdict", "of which", "largest ratio", "time", "in the judge's words"]


def page(runs: dict[str, dict[str, Any]]) -> str:
    """The page, a section a backend."""
    lines = [INTRODUCTION]
    for backend in dict.fromkeys(run["backend"] for run in runs.values()):
        own = {subject: run for subject, run in runs.items() if run["backend"] == backend}
        passing = [run["version"] for run in own.values() if run["status"] == "pass"]
        oldest = f"; the oldest that passes is {passing[-1]}" if passing else ""
        lines += [f"## {backend}", "", f"{len(passing)} of {len(own)} pass{oldest}.", "",
                  "| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
        lines += ["| " + " | ".join(text.replace("|", "\\|").replace("\n", " ") for text in row(*item)) + " |"
                  for item in own.items()]
        ran = {subject: run for subject, run in own.items() if run["cells"]}
        if ran:
            lines += ["", "| | " + " | ".join(subject.partition(" ")[2] for subject in ran) + " |",
                      "|---|" + "---|" * len(ran)]
            lines += [f"| {check} | " + " | ".join(run["cells"].get(check, "–") for run in ran.values()) + " |"
                      for check in ROWS]
        lines.append("")
    cpus = dict.fromkeys(run["environment"]["cpu"] for run in runs.values() if "cpu" in run["environment"])
    lines.append(f"On {', '.join(cpus)}." if cpus else "")
    return "\n".join(lines).rstrip() + "\n"


def versions(subjects: list[str], build: Path, docs: Path) -> int:
    """`lstm-parity versions`: 0 when all that were named passed."""
    with refusals():
        asked = [short(subject) for subject in subjects]
        runs = stored(docs / "versions.json")
        check_writable(docs)
    new = {subject: kept(subject, complete(read_status(build, subject))) for subject in asked}
    runs = ordered(runs | new)
    if not runs:
        raise UsageError(f"no run of a version is kept in {docs / 'versions.json'}; run: nox -s versions")
    write_json(docs / "versions.json", {"schema": SCHEMA, "versions": runs})
    write_text(docs / "versions.md", page(runs))
    write_section(build, "versions", "Versions", HEAD, [row(*item) for item in runs.items()])
    table = Table(*HEAD, box=box.SIMPLE_HEAD, title="Versions", title_justify="left")
    for subject, run in runs.items():
        if not asked or subject in asked:
            table.add_row(*row(subject, run), style="" if run["status"] == "pass" else "red")
    console().print(table)
    return int(any(run["status"] != "pass" for run in new.values()))
