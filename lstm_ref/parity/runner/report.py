"""The merged report: one table on the terminal, report.json and report.md."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lstm_ref.files import whole, write_json, write_text
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


def draw_map(found: dict[str, Any], path: Path) -> bool:
    """A map, quantities by time steps: the logarithm of the ratio over the limit, white where it passes.

    Returns:
        Whether it was drawn, which needs matplotlib.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False

    ratios = np.array([[np.inf if x is None else x for x in row] for row in found["ratios"]])
    with np.errstate(divide="ignore"):
        height = np.clip(np.log10(ratios / LIMIT), 0, 8)
    figure = Figure(figsize=(1.2 * ratios.shape[1] + 3, 0.45 * len(found["rows"]) + 1.5), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(height, cmap="Reds", vmin=0, vmax=8, aspect="auto")
    axes.set(title=found["title"], xlabel="time step", xticks=range(ratios.shape[1]))
    axes.set_yticks(range(len(found["rows"])), found["rows"])
    for (row, t), ratio in np.ndenumerate(ratios):
        axes.text(t, row, f"{ratio:.2g}", ha="center", va="center", fontsize=8)
    figure.colorbar(image, label="orders of magnitude over the limit")
    with whole(path) as part:
        figure.savefig(part, dpi=120)
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
    drawn = all([draw_map(found, folder / map_file(backend, implementation, i))
                 for backend, entry in entries.items() for implementation, cause in entry.get("causes", {}).items()
                 for i, found in enumerate(cause["heat"])])
    write_text(folder / "report.md", markdown(entries))
    show(entries)
    if page:
        print(page_of(entries, folder, earlier))
    if not drawn:
        print("The maps were not drawn: they need matplotlib (pip install matplotlib).")
    return bool(entries) and all(entry["status"] == "pass" for entry in entries.values())
