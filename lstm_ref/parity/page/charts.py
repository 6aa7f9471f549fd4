"""The page's charts as Vega-Lite specifications, made with Altair; their data comes from the page, by name.

A map brings its data with it, so it can be a picture as well.
"""

import math
from pathlib import Path
from typing import Any

import altair as alt

from lstm_ref.files import whole
from lstm_ref.parity.verdict import LIMIT

#: Where a ratio that is infinite stands, and how far the axis goes.
SMALLEST, LARGEST = 1e-4, 1e9
RIGHT, WRONG = "#2b7bba", "#d62728"
#: A power of ten on an axis, without zeros to count.
POWER = "datum.value == 1 ? '1' : '1e' + format(round(log(datum.value) / LN10), 'd')"
VERDICT = alt.Color("kind:N", title=None, scale=alt.Scale(domain=["agrees", "fails"], range=[RIGHT, WRONG]),
                    legend=alt.Legend(labelExpr="words[datum.label]"))


def ratios(strips: int) -> dict[str, Any]:
    """Every ratio beside the limit, a strip for each of so many backends; dataset `ratios`."""
    facts = [alt.Tooltip(f"{name}:N", title="precision" if name == "dtype" else name)
             for name in ("backend", "implementation", "check", "case", "dtype", "quantity")]
    points = alt.Chart(alt.NamedData("ratios")).transform_calculate(
        shown=f"clamp(isValid(datum.ratio) ? datum.ratio : {LARGEST}, {SMALLEST}, {LARGEST})", place="random()",
        kind="datum.verdict == 'pass' ? 'agrees' : 'fails'",
    ).mark_circle(size=9, opacity=0.35).encode(
        x=alt.X("shown:Q", title="ratio: error over rounding spread",
                scale=alt.Scale(type="log", domain=[SMALLEST, LARGEST]),
                axis=alt.Axis(labelExpr=POWER, values=[10.0**power for power in range(-4, 10)], labelOverlap=True)),
        y=alt.Y("backend:N", title=None, sort=None), yOffset="place:Q", color=VERDICT,
        tooltip=[*facts, alt.Tooltip("ratio:Q", title="ratio", format=".3g")])
    limit = alt.Chart({"values": [{"limit": LIMIT}]}).mark_rule(color=WRONG, strokeDash=[5, 3]).encode(x="limit:Q")
    return specification((points + limit).properties(width="container", height=46 * strips),
                         "All ratios of each backend on a logarithmic axis, beside the limit; the table below has them")


def losses() -> dict[str, Any]:
    """The losses of training beside the truth, of one case at a time; dataset `losses`, `course` says which."""
    chart = alt.Chart(alt.NamedData("losses"))
    x = alt.X("minibatch:Q", title="minibatch", axis=alt.Axis(tickMinStep=1, format="d"))
    y = alt.Y("loss:Q", scale=alt.Scale(zero=False), title="loss, nats a token")
    truth = chart.transform_filter("datum.who == 'truth'").mark_line(color="#888", strokeWidth=3).encode(x=x, y=y)
    found = chart.transform_filter("datum.who != 'truth'").mark_circle(size=45).encode(
        x=x, y=y, color=VERDICT, opacity=alt.condition("datum.kind == 'fails'", alt.value(0.9), alt.value(0.3)),
        tooltip=[alt.Tooltip("who:N", title="who"), alt.Tooltip("minibatch:Q", title="minibatch"),
                 alt.Tooltip("loss:Q", title="loss", format=".7g")])
    return specification((truth + found).properties(width="container", height=260),
                         "The loss of each minibatch of each implementation, over the truth")


def heat(found: dict[str, Any]) -> dict[str, Any]:
    """A map of a failure for the page, which shows a ratio when its square is pointed at; see `map_of`."""
    width = {"step": max(24, min(60, 600 // max(len(found["ratios"][0]), 1)))}
    return specification(map_of(found).properties(width=width, height={"step": 26}),
                         f"{found['title']}: ratios by quantity and time step; the table below the map has them")


def picture(found: dict[str, Any], path: Path) -> None:
    """The same map as a PNG, with its title and each ratio in its square.

    Args:
        found: a map as it stands in the report.
        path: of the PNG.

    Raises:
        ImportError: vl-convert is missing.
    """
    import vl_convert

    chart = map_of(found)
    ratios = chart.mark_text(fontSize=11).encode(
        text="text:N", color=alt.condition("datum.over > 4", alt.value("white"), alt.value("black")))
    layers = (chart + ratios).properties(title=found["title"], width={"step": 74}, height={"step": 34})
    shown = layers.configure(background="white", font="sans-serif").to_dict()
    with whole(path) as part:
        part.write_bytes(vl_convert.vegalite_to_png(shown, scale=1.5))


def map_of(found: dict[str, Any]) -> alt.Chart:
    """Quantities by time steps, the redder the further over the limit.

    Args:
        found: a map as it stands in the report.
    """
    values = [{"quantity": name, "step": step, "ratio": ratio, "over": over(ratio),
               "text": "∞" if ratio is None else f"{ratio:.2g}"}
              for name, line in zip(found["rows"], found["ratios"], strict=True) for step, ratio in enumerate(line)]
    return alt.Chart({"values": values}).mark_rect(stroke="#8886").encode(
        x=alt.X("step:O", title="time step", axis=alt.Axis(labelAngle=0)), y=alt.Y("quantity:N", sort=None, title=None),
        color=alt.condition("datum.over > 0", alt.Color(
            "over:Q", title="powers of ten over the limit", scale=alt.Scale(scheme="reds", domain=[0, 8])),
            alt.value("#8883")),
        tooltip=[alt.Tooltip("quantity:N", title="quantity"), alt.Tooltip("step:O", title="time step"),
                 alt.Tooltip("ratio:Q", title="ratio", format=".3g")])


def over(ratio: float | None) -> float:
    """Orders of magnitude over the limit, from 0 to 8."""
    return 8.0 if ratio is None else min(max(math.log10(max(ratio, LIMIT) / LIMIT), 0.0), 8.0)


def specification(chart: alt.TopLevelMixin, description: str) -> dict[str, Any]:
    """As the page embeds it: without colours of its own for text and ground, which follow the page's.

    Args:
        chart: of Altair.
        description: for those who can't see it.
    """
    found: dict[str, Any] = chart.to_dict()
    found["description"] = description
    found["config"] = {"background": "transparent", "view": {"stroke": "transparent"}}
    found["autosize"] = {"type": "fit-x" if found.get("width") == "container" else "pad", "contains": "padding"}
    return found
