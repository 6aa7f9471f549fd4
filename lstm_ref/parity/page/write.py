"""Writes report.html: the template, its style and its program, the libraries and the data, in one file."""

import json
from pathlib import Path
from typing import Any

from lstm_ref.files import now, user_cache, write_text
from lstm_ref.parity.page import data
from lstm_ref.parity.table import ROWS, SHORT, UNJUDGED, legend, rows
from lstm_ref.parity.verdict import LIMIT

HERE = Path(__file__).parent


def write(entries: dict[str, dict[str, Any]], path: Path, compared: dict[str, Any] | None = None,
          sections: Path | None = None) -> None:
    """Write the page.

    Args:
        entries: of the report.
        path: of the page.
        compared: what changed since an earlier report: its `name`; by backend `facts` and `differences`; the `absent`.
        sections: folder of what other commands left for the page: tables with a title.

    Raises:
        ImportError: a library of the extra `page` is missing.
    """
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    from lstm_ref.parity.page import charts
    from lstm_ref.parity.page.words import CHINESE, known, say

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    failures = [{**found, "charts": [charts.heat(each) for each in found["heat"]]} for found in data.failures(entries)]
    every = [result for entry in entries.values() for result in entry.get("results", ())]
    ratios = [result["ratio"] for result in every if result["ratio"] is not None]
    courses = data.losses(entries)
    content = {
        "charts": {"ratios": charts.ratios(len(entries)), "losses": charts.losses(),
                   **{f"heat-{i}-{k}": chart for i, found in enumerate(failures)
                      for k, chart in enumerate(found["charts"])}},
        "results": data.results(entries), "losses": courses, "words": CHINESE,
    }
    text = environment.from_string((HERE / "page.html").read_text(encoding="utf-8")).render(
        say=say, known=known, number=number, entries=entries, rows=list(table(entries, failures)), failures=failures,
        legend=legend(entries, False),
        passed=bool(entries) and all(entry["status"] == "pass" for entry in entries.values()), count=len(every),
        largest=None if len(ratios) < len(every) else max(ratios, default=0.0), limit=LIMIT,
        trained=bool(courses), made=now(),
        compared=compared, sections=left(sections) if sections else [],
        style=Markup((HERE / "page.css").read_text(encoding="utf-8")),
        program=Markup((HERE / "page.js").read_text(encoding="utf-8")),
        libraries=Markup(libraries()), content=Markup(as_script(content)))
    write_text(path, text)


def number(ratio: float | None) -> str:
    """To three digits; a ratio that a report has not is infinite."""
    return "∞" if ratio is None else f"{ratio:.3g}"


def libraries() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script; `</script` in it would end it early."""
    import vl_convert

    kept = user_cache() / "page" / f"vega-{vl_convert.__version__}.js"  # to put it together takes seconds
    if not kept.exists():
        write_text(kept, vl_convert.javascript_bundle())
    return kept.read_text(encoding="utf-8").replace("</script", "<\\/script")


def as_script(content: Any) -> str:
    """JSON that can stand in a script."""
    return json.dumps(content, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def table(entries: dict[str, dict[str, Any]], failures: list[dict[str, Any]]) -> Any:
    """The rows of the verdict's table: a name, and for each backend a text, whether it fails, and where it leads."""
    def cause(backend: str, check: str) -> str:
        """The failure of the check, else the first one of the backend."""
        own = [i for i, found in enumerate(failures) if found["backend"] == backend]
        exact = [i for i in own if check in failures[i]["checks"]]
        return f"#failure-{(exact or own)[0]}" if own else "#verdict"

    for name, *texts in rows(entries):
        yield name, [{"text": text, "backend": backend, "cause": cause(backend, name),
                      "wrong": text.endswith(tuple(SHORT.values())) or (name == "verdict" and text[:4] != "pass"),
                      "check": name if name in ROWS and text not in UNJUDGED else ""}
                     for backend, text in zip(entries, texts, strict=True)]


def left(folder: Path) -> list[dict[str, Any]]:
    """What other commands left for the page; see `lstm_ref.files.write_section`."""
    return [_section(path) for path in sorted(folder.glob("*.json"))]


def _section(path: Path) -> dict[str, Any]:
    """One of them; what is no table of texts is said in its place."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        cells = [text for row in found["body"] for text in row]
        if not all(isinstance(text, str) for text in (found["title"], found.get("made", ""), *found["header"], *cells)):
            raise TypeError("expected texts")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return {"title": path.name, "made": "", "header": [], "body": [[f"no table of the page: {error!r}"]]}
    return dict(found)
