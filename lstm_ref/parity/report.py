"""The merged report: one table on the terminal, report.json and report.md."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.table import Table

from lstm_ref.parity.checks import CHECKS
from lstm_ref.parity.properties import PROPERTIES
from lstm_ref.parity.record import SCHEMA, read_status, write_json
from lstm_ref.parity.terminal import console
from lstm_ref.parity.verdict import LIMIT

COLUMNS = ("params", "state", "carrier", *CHECKS, "prediction", "sampling", "bad_input")


def complete(entry: dict[str, Any]) -> dict[str, Any]:
    """The entry of a backend, failed when it passed but left out what it set out to compare and nobody deselected."""
    compared = {(result["implementation"], result["check"]) for result in entry.get("results", ())}
    absent = [f"{check} of {label}" for label, check in entry.get("expected", ()) if (label, check) not in compared]
    if entry["status"] == "pass" and not entry.get("expected"):
        absent = ["every check"]
    if entry["status"] == "pass" and absent and not entry.get("selection"):
        return {**entry, "status": "fail", "reason": f"compared nothing in {', '.join(absent)}"}
    return entry


def cell(entry: dict[str, Any], check: str) -> str:
    """What the table says of one check: the worst ratio, 'ok' for facts, the failures' kind, or a dash."""
    results = [r for r in entry.get("results", ()) if r["check"] == check]
    if not results:
        return "–"
    wrong = {r["verdict"] for r in results} - {"pass"}
    worst = float("inf") if any(r["ratio"] is None for r in results) else max(r["ratio"] for r in results)
    number = "" if check in PROPERTIES or worst == float("inf") else f"{worst:.2f}" if worst < 100 else f"{worst:.1e}"
    kind = next((k for k in ("mathematics", "fail", "rounding") if k in wrong), "")
    short = {"mathematics": "WRONG", "fail": "FAIL", "rounding": "ROUNDING"}.get(kind, "")
    return f"{number} {short}".strip() or "ok"


def rows(entries: dict[str, dict[str, Any]]) -> list[list[str]]:
    """The table, one column a backend so that it fits a narrow terminal: version, each check, seconds, verdict."""
    columns = [
        [entry.get("fingerprint", {}).get("framework", "–"), *(cell(entry, check) for check in COLUMNS),
         f"{entry['seconds']:.0f} s" if "seconds" in entry else "–",
         entry["status"] + (" (part)" if entry.get("selection") else "")]
        for entry in entries.values()
    ]
    names = ["version", *COLUMNS, "time", "verdict"]
    return [[name, *(column[i] for column in columns)] for i, name in enumerate(names)]


def legend(entries: dict[str, dict[str, Any]]) -> list[str]:
    """The lines under the table."""
    lines = [f"Worst ratio of each check over all cases, float32 and float64; at most {LIMIT:g} passes, "
             "about 1 is rounding alone."]
    corpora = {entry.get("fingerprint", {}).get("corpus") for entry in entries.values()} - {None}
    if "embedded" in corpora:
        lines.append("The case `book` used the embedded story, since The Time Machine was not to be had.")
    lines += [f"{backend}: {entry['status']}: {entry['reason']}" for backend, entry in entries.items()
              if entry["status"] != "pass"]
    lines += [f"{backend}: only a part was run: {entry['selection']}" for backend, entry in entries.items()
              if entry.get("selection")]
    return lines


def styled(name: str, text: str) -> str:
    """A cell of the table in its colour."""
    if text.endswith(("WRONG", "FAIL", "ROUNDING")):
        return f"[red]{text}[/]"
    if name == "verdict":
        return f"[green]{text}[/]" if text.startswith("pass") else f"[bold red]{text}[/]"
    return text


def show(entries: dict[str, dict[str, Any]]) -> None:
    """Print the table."""
    table = Table("", *entries, title="LSTM parity", title_justify="left", box=box.SIMPLE_HEAD)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, *texts in rows(entries):
        table.add_row(name, *(styled(name, text) for text in texts))
    out = console()
    out.print(table)
    for line in legend(entries):
        out.print(line, markup=False)


def markdown(entries: dict[str, dict[str, Any]]) -> str:
    """The table, the lines under it and the environments, as Markdown."""
    header = ["", *entries]
    lines = ["# LSTM parity", "", "| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(row) + " |" for row in rows(entries)]
    lines += ["", *(f"{line}\n" for line in legend(entries))]
    for backend, entry in entries.items():
        for implementation, cause in entry.get("causes", {}).items():
            words = [f"where: {cause['place']}", *cause["findings"]]
            lines += [f"## {backend} {implementation}", "", "```", *words, "```", ""]
            lines += [f"![{heat['title']}]({heat_file(backend, implementation, i)})\n"
                      for i, heat in enumerate(cause["heat"])]
    lines += ["## Environments", ""]
    for backend, entry in entries.items():
        facts = ", ".join(f"{key} {value}" for key, value in entry.get("fingerprint", {}).items())
        lines.append(f"- **{backend}**: {facts or 'none: it did not run'}")
    return "\n".join(lines) + "\n"


def heat_file(backend: str, implementation: str, i: int) -> str:
    """The name of a heat map's picture."""
    return f"heat-{backend}-{implementation}-{i}.png"


def draw_heat(heat: dict[str, Any], path: Path) -> None:
    """A heat map, quantities by time steps: the logarithm of the ratio over the limit, white where it passes."""
    from matplotlib.figure import Figure

    ratios = np.array([[np.inf if x is None else x for x in row] for row in heat["ratios"]])
    with np.errstate(divide="ignore"):
        height = np.clip(np.log10(ratios / LIMIT), 0, 8)
    figure = Figure(figsize=(1.2 * ratios.shape[1] + 3, 0.45 * len(heat["rows"]) + 1.5), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(height, cmap="Reds", vmin=0, vmax=8, aspect="auto")
    axes.set(title=heat["title"], xlabel="time step", xticks=range(ratios.shape[1]))
    axes.set_yticks(range(len(heat["rows"])), heat["rows"])
    for (row, t), ratio in np.ndenumerate(ratios):
        axes.text(t, row, f"{ratio:.2g}", ha="center", va="center", fontsize=8)
    figure.colorbar(image, label="orders of magnitude over the limit")
    figure.savefig(path, dpi=120)


def merge(backends: Sequence[str], folder: Path) -> bool:
    """Merge the files of the backends that were asked for, write and print the report.

    Returns:
        Whether every one of them ran, compared something and passed.
    """
    entries = {backend: complete(read_status(folder, backend)) for backend in backends}
    write_json(folder / "report.json", {"schema": SCHEMA, "limit": LIMIT, "backends": entries})
    for backend, entry in entries.items():
        for implementation, cause in entry.get("causes", {}).items():
            for i, heat in enumerate(cause["heat"]):
                draw_heat(heat, folder / heat_file(backend, implementation, i))
    (folder / "report.md").write_text(markdown(entries), encoding="utf-8")
    show(entries)
    return bool(entries) and all(entry["status"] == "pass" for entry in entries.values())
