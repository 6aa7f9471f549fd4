"""Entries as a table: on a terminal, in Markdown and in HTML."""

import html
import math
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.table import Table

from lstm_ref.parity.checks import CHECKS
from lstm_ref.parity.interface import CELLS, row, split
from lstm_ref.parity.verdict import LIMIT, ratio_of
from lstm_ref.terminal import console

#: What a cell says of the kinds of failure, the worst first.
SHORT = {"mathematics": "WRONG", "fail": "FAIL", "not settled": "NOT SETTLED", "rounding": "ROUNDING"}

#: And where nothing was judged, by how the reason begins, or without one.
UNJUDGED = ("shared", "absent", "not given", "–")

#: The checks of the LSTM, and all of another cell in one row.
ROWS = (*CHECKS, *dict.fromkeys(cell.row for cell in CELLS.values() if cell.row))


def cell(entry: dict[str, Any], check: str) -> str:
    """What the table says in one row: the worst ratio, 'ok' for facts, the failures' kind, or a dash."""
    results = [r for r in entry.get("results", ()) if row(r["check"], r["case"]) == check]
    if not results:
        reasons = {reasons[check] for reasons in entry.get("not_judged", {}).values() if check in reasons}
        *words, nothing = UNJUDGED
        return next((short for short in words if any(reason.startswith(short) for reason in reasons)), nothing)
    wrong = {r["verdict"] for r in results} - {"pass"}
    worst = max(map(ratio_of, results))
    measured = any(r["spread"] for r in results) and worst < float("inf")
    number = "" if not measured else f"{worst:.2f}" if worst < 100 else f"{worst:.1e}"
    return f"{number} {next((short for kind, short in SHORT.items() if kind in wrong), '')}".strip() or "ok"


def rows(entries: dict[str, dict[str, Any]]) -> list[list[str]]:
    """The table, one column a backend so that it fits a narrow terminal: version, each check, seconds, verdict."""
    columns = [
        [entry.get("fingerprint", {}).get("framework", "–"), *(cell(entry, check) for check in ROWS),
         f"{entry['seconds']:.0f} s" if "seconds" in entry else "–",
         entry["status"] + (" (part)" if entry.get("selection") else "")]
        for entry in entries.values()
    ]
    names = ["version", *ROWS, "time", "verdict"]
    return [[name, *(column[i] for column in columns)] for i, name in enumerate(names)]


def judged(entry: dict[str, Any]) -> dict[str, int]:
    """How many rows each implementation of an entry was judged in; a column shows the worst of all of them."""
    done = {(r["implementation"], row(r["check"], r["case"])) for r in entry.get("results", ())}
    labels = dict.fromkeys([*entry.get("not_judged", {}), *(r["implementation"] for r in entry.get("results", ()))])
    return {label: sum(which == label and name in ROWS for which, name in done) for label in labels}


def lacked(entries: dict[str, dict[str, Any]]) -> list[str]:
    """What is absent where, and why; an implementation is named where others of its backend have it."""
    lines: dict[str, list[str]] = {}
    for name, entry in entries.items():
        for label, reasons in entry.get("not_judged", {}).items():
            for check, reason in reasons.items():
                if reason.startswith("absent: "):
                    whole = all(check in other for other in entry["not_judged"].values())
                    lines.setdefault(reason, []).append(name if whole else f"{name} {label}")
    return [f"{reason} ({', '.join(dict.fromkeys(names))})." for reason, names in lines.items()]


def legend(entries: dict[str, dict[str, Any]], reasons: bool = True) -> list[str]:
    """The lines under the table; with the reasons of failures."""
    lines = [f"Worst ratio of each check over all cases, float32 and float64; at most {LIMIT:g} passes, "
             "about 1 is rounding alone. The rows rnn and gru are the worst of all checks of these cells."]
    counts = [f"{name}: " + ", ".join(f"{label} {n}" for label, n in found.items())
              for name, entry in entries.items() if (found := judged(entry))]
    if counts:
        lines.append(f"Judged, of {len(ROWS)} rows: {'; '.join(counts)}. A column is the worst of its "
                     "implementations; why one is not judged in a row stands in the report.")
    forms = [(f"{name} {r['implementation']}", split(r["case"])[0]) for name, entry in entries.items()
             for r in entry.get("results", ())]
    after = [label for label in dict.fromkeys(label for label, form in forms if form == "gru_after")
             if (label, "gru") not in forms]
    if after:
        lines.append(f"gru: with the reset gate after the product, unlike the book: {', '.join(after)}.")
    corpora = {entry.get("fingerprint", {}).get("corpus") for entry in entries.values()} - {None}
    if "embedded" in corpora:
        lines.append("The case `book` used the embedded story, since The Time Machine was unavailable.")
    if any(cell(entry, check) == "shared" for entry in entries.values() for check in ROWS):
        lines.append("shared: the backend takes this from the reference, where it is judged once, in NumPy's column.")
    lines += lacked(entries)
    lines += [f"Not judged, since it is known to be wrong: {name} {label}, {what}: {why}."
              for name, entry in entries.items() for label, reasons in entry.get("not_judged", {}).items()
              for what, why in reasons.items() if " on " in what]
    lines += [f"Not judged in {dtype}: {name}{'' if label == 'port' else f' {label}'}, {why}."
              for name, entry in entries.items() for label, reasons in entry.get("lacking", {}).items()
              for dtype, why in reasons.items()]
    thorough = {name: entry["thorough"] for name, entry in entries.items() if "thorough" in entry}
    what = [f"{name} {label}: {words}" for name, found in thorough.items() for label, words in found.items()]
    if what:
        lines.append(f"With --thorough: {'; '.join(what)}.")
    elif thorough:
        lines.append("Not judged without --thorough: compiled code (torch.compile, jax.jit and the like), and some "
                     "checks on `book`.")
    lines += [f"{backend}: {entry['status']}: {entry['reason']}" for backend, entry in entries.items()
              if entry["status"] != "pass" and reasons]
    lines += [f"{backend}: only a part was run: {entry['selection']}" for backend, entry in entries.items()
              if entry.get("selection")]
    kept = [f"{backend} on {entry['judged']}" for backend, entry in entries.items() if "judged" in entry]
    if kept:
        lines.append(f"Judged before, and nothing that it rests on has changed since: {', '.join(kept)}. To judge all "
                     "again: nox -s parity -- --anew.")
    return lines


def styled(name: str, text: str) -> str:
    """A cell of the table in its colour."""
    if text.endswith(tuple(SHORT.values())):
        return f"[red]{text}[/]"
    if name == "verdict":
        return f"[green]{text}[/]" if text.startswith("pass") else f"[bold red]{text}[/]"
    return text


def drawn(entries: dict[str, dict[str, Any]]) -> Table:
    """The table, for a terminal."""
    table = Table("", *entries, title="LSTM parity", title_justify="left", box=box.SIMPLE_HEAD)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, *texts in rows(entries):
        table.add_row(name, *(styled(name, text) for text in texts))
    return table


def show(entries: dict[str, dict[str, Any]]) -> None:
    """Print the table and the lines under it."""
    out = console()
    out.print(drawn(entries))
    for line in legend(entries):
        out.print(line, markup=False)


def as_html(entries: dict[str, dict[str, Any]], failures: Sequence[str]) -> str:
    """The table, the lines under it, the maps and the failures, for a notebook."""
    body = "".join(f"<tr><th style='text-align:left'>{html.escape(name)}</th>" + "".join(
        f"<td style='text-align:right;color:{'#b00' if text.endswith(tuple(SHORT.values())) else 'inherit'}'>"
        f"{html.escape(text)}</td>" for text in texts) + "</tr>" for name, *texts in rows(entries))
    head = "".join(f"<th>{html.escape(name)}</th>" for name in ("LSTM parity", *entries))
    lines = "".join(f"<div>{html.escape(line)}</div>" for line in legend(entries, reasons=False))
    maps = "".join(_map_as_html(found) for entry in entries.values() for cause in entry["causes"].values()
                   for found in cause["heat"])
    texts = "".join(f"<pre>{html.escape(text)}</pre>" for text in failures)
    return f"<div><table><tr>{head}</tr>{body}</table>{lines}{maps}{texts}</div>"


def _map_as_html(found: dict[str, Any]) -> str:
    """Quantities by time steps; the redder, the further over the limit."""
    def shade(ratio: float | None) -> str:
        over = 8.0 if ratio is None else min(max(math.log10(max(ratio, LIMIT) / LIMIT), 0.0), 8.0)
        text = "∞" if ratio is None else f"{ratio:.2g}"
        return f"<td style='background:rgba(200,0,0,{over / 10:.2f});text-align:right'>{text}</td>"

    body = "".join(f"<tr><th>{html.escape(name)}</th>{''.join(map(shade, ratios))}</tr>"
                   for name, ratios in zip(found["rows"], found["ratios"], strict=True))
    steps = "".join(f"<th>{t}</th>" for t in range(len(found["ratios"][0])))
    return f"<table><caption>{html.escape(found['title'])}</caption><tr><th>time step</th>{steps}</tr>{body}</table>"


def markdown(entries: dict[str, dict[str, Any]]) -> str:
    """The table, the lines under it and the environments, as Markdown."""
    header = ["", *entries]
    lines = ["# LSTM parity", "", "| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(row) + " |" for row in rows(entries)]
    lines += ["", *(f"{line}\n" for line in legend(entries))]
    for backend, entry in entries.items():
        for implementation, cause in entry.get("causes", {}).items():
            words = [*(f"{check}: {place}" for check, place in cause.get("places", {}).items()), *cause["findings"]]
            lines += [f"## {backend} {implementation}", "", "```", *words, "```", ""]
            lines += [f"![{found['title']}]({map_file(backend, implementation, i)})\n"
                      for i, found in enumerate(cause["heat"])]
    reasons = [f"- **{backend} {label}**: " + "; ".join(f"{check} ({why})" for check, why in absent.items())
               for backend, entry in entries.items() for label, absent in entry.get("not_judged", {}).items() if absent]
    lines += ["## Not judged", "", *(reasons or ["Nothing was left out."]), ""]
    lines += ["## Environments", ""]
    for backend, entry in entries.items():
        facts = ", ".join(f"{key} {value}" for key, value in entry.get("fingerprint", {}).items())
        lines.append(f"- **{backend}**: {facts or 'none: it did not run'}")
    return "\n".join(lines) + "\n"


def map_file(backend: str, implementation: str, i: int) -> str:
    """The name of a map's picture."""
    return f"heat-{backend}-{implementation}-{i}.png"
