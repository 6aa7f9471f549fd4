"""The merged report: one table on the terminal, report.json and report.md."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lstm_ref.files import write_json, write_text
from lstm_ref.parity.entry import document
from lstm_ref.parity.interface import full
from lstm_ref.parity.page.write import write as write_page
from lstm_ref.parity.runner.compare import differences, facts
from lstm_ref.parity.runner.record import read_report, read_status
from lstm_ref.parity.table import map_file, markdown, show
from lstm_ref.parity.verdict import LIMIT


def complete(entry: dict[str, Any]) -> dict[str, Any]:
    """The entry of a backend, failed when it passed over results that fail, or left out what nobody deselected."""
    if entry["status"] != "pass":
        return entry
    results = entry.get("results", ())
    wrong = dict.fromkeys(f"{r['check']} ({r['case']} {r['dtype']})" for r in results if not agrees(r))
    if wrong:
        return {**entry, "status": "fail", "reason": f"it says pass over results that fail: {', '.join(wrong)}"}
    compared = {(result["implementation"], full(result["check"], result["case"])) for result in results}
    absent = [f"{check} of {label}" for label, check in entry.get("expected", ()) if (label, check) not in compared]
    if not entry.get("expected") or not results:
        absent = ["every check"]
    if absent and not (entry.get("selection") and results):
        return {**entry, "status": "fail", "reason": f"compared nothing in {', '.join(absent)}"}
    return entry


def agrees(result: dict[str, Any]) -> bool:
    """Whether a result passes by its numbers, too."""
    return result["verdict"] == "pass" and result["ratio"] is not None and 0 <= result["ratio"] <= LIMIT


def draw_maps(entries: dict[str, Any], folder: Path) -> bool:
    """A picture of every map beside report.md; whether they were drawn, which needs the extra `page`."""
    maps = {map_file(backend, implementation, i): found for backend, entry in entries.items()
            for implementation, cause in entry.get("causes", {}).items() for i, found in enumerate(cause["heat"])}
    try:
        from lstm_ref.parity.page import charts

        for name, found in maps.items():
            charts.picture(found, folder / name)
    except ImportError:
        return not maps
    return True


def since(entries: dict[str, Any], name: str, before: dict[str, Any]) -> dict[str, Any]:
    """What changed since an earlier report, by backend: facts, and differences with whether rounding explains them."""
    return {"name": name, "backends": {
        backend: {"facts": facts(before[backend], entry),
                  "differences": [{"text": each.text, "beyond": not each.explained}
                                  for each in differences(before[backend], entry)]}
        for backend, entry in entries.items() if backend in before},
        "absent": [backend for backend in entries if backend not in before]}


def page_of(entries: dict[str, Any], folder: Path, against: tuple[str, dict[str, Any]] | None = None) -> str:
    """Write report.html; where it is, or why it was not written."""
    try:
        write_page(entries, folder / "report.html", since(entries, *against) if against else None, folder / "sections")
    except ImportError as error:
        return f"report.html was not written: {error}; it needs the extra page (altair, jinja2, vl-convert-python)"
    return f"The page to look at: {folder / 'report.html'} (lstm-parity open)"


def merge(backends: Sequence[str], folder: Path, page: bool = True, against: Path | None = None) -> bool:
    """Merge the files of the backends that were asked for, write and print the report.

    Args:
        backends: their names.
        folder: of their files, and of the report's.
        page: write report.html, too, where what it needs is installed.
        against: an earlier report or run, which the page compares with.

    Raises:
        ValueError: `against` is no report.

    Returns:
        Whether every one of them ran, compared something and passed.
    """
    earlier = (against.name, read_report(against)) if against else None
    entries = {backend: complete(read_status(folder, backend)) for backend in backends}
    write_json(folder / "report.json", document(entries))
    drawn = draw_maps(entries, folder)
    write_text(folder / "report.md", markdown(entries))
    show(entries)
    if page:
        print(page_of(entries, folder, earlier))
    if not drawn:
        print("The maps were not drawn: they need the extra page (altair, vl-convert-python).")
    return bool(entries) and all(entry["status"] == "pass" for entry in entries.values())
