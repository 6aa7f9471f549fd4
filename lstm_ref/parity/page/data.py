"""What the page shows of a report's entries, as small as it goes: a column of indices for each name."""

import math
from collections.abc import Iterable
from typing import Any

from lstm_ref.parity.interface import row
from lstm_ref.parity.verdict import ratio_of

NAMES = ("backend", "implementation", "cell", "check", "case", "dtype", "quantity", "verdict")
NUMBERS = ("ratio", "error", "spread")


def results(entries: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """All results: by name a list of distinct texts and a list of indices into it; by number a list."""
    every = [{**result, "backend": backend, "cell": row("lstm", result["case"])}
             for backend, entry in entries.items() for result in entry.get("results", ())]
    columns: dict[str, Any] = {}
    for name in NAMES:
        texts = list(dict.fromkeys(result[name] for result in every))
        place = {text: i for i, text in enumerate(texts)}
        columns[name] = {"texts": texts, "of": [place[result[name]] for result in every]}
    for name in NUMBERS:
        columns[name] = [short(result.get(name)) for result in every]
    columns["detail"] = {i: result["detail"] for i, result in enumerate(every) if result.get("detail")}
    return columns


def losses(entries: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The courses of training: case and precision, who, the losses and if they agree; of a case the truth once."""
    found: dict[tuple[str, str], tuple[list[float], bool]] = {}
    for backend, entry in entries.items():
        for result in entry.get("results", ()):
            if course := result.get("course"):
                what = f"{result['check']} on {result['case']} in {result['dtype']}"
                found.setdefault((what, "truth"), (course[0], True))
                who = f"{backend} {result['implementation']}"
                found.setdefault((what, who), (course[1], result["verdict"] == "pass"))
    return [{"course": what, "who": who, "losses": course, "agrees": agrees}
            for (what, who), (course, agrees) in found.items()]


def short(number: float | None) -> float | None:
    """To three digits; infinity, which JSON lacks, is None."""
    return None if number is None or not math.isfinite(number) else float(f"{number:.3g}")


def failures(entries: dict[str, dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """What is wrong with each implementation that fails: where, why, in which checks, how far, how to see it again."""
    for backend, entry in entries.items():
        for label, cause in entry.get("causes", {}).items():
            wrong = [result for result in entry.get("results", ())
                     if result["implementation"] == label and result["verdict"] != "pass"]
            commands = cause.get("commands", {})
            places: dict[str, list[str]] = {}
            for check, place in cause.get("places", {}).items():
                places.setdefault(place, []).append(check)
            yield {"backend": backend, "implementation": label, "places": places,
                   "checks": list(dict.fromkeys(row(result["check"], result["case"]) for result in wrong)),
                   "farthest": max(wrong, key=ratio_of, default=None), "findings": cause["findings"],
                   "heat": cause["heat"],
                   "lines": list(dict.fromkeys(found["line"] for found in cause["heat"] if found.get("line"))),
                   "commands": list(dict.fromkeys(line for lines in commands.values() for line in lines))}
