"""The lines of a picture that matplotlib wrote as SVG, in the units of its axes."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

Element = ElementTree.Element
SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"

#: A tick's label as matplotlib writes it: 100, −2.5, $\mathdefault{10^{1}}$, $\mathdefault{2\times10^{1}}$.
NUMBER = re.compile(r"^[-+]?\d+(?:\.\d*)?(?:e[-+]?\d+)?$", re.I)
POWER = re.compile(r"^\$\\mathdefault\{(?:(?P<factor>[\d.]+)\\times *)?10\^\{(?P<power>-?\d+)\}\}\$$")
PLAIN = re.compile(r"^\$\\mathdefault\{(?P<number>[^{}]+)\}\$$")

#: Points that are at most this many pixels apart are one.
SAME = 0.01


@dataclass(frozen=True)
class Line:
    """A line: the label of its y axis, its name in the legend ('' without one), and its points."""

    ylabel: str
    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Scale:
    """How pixels of one axis map to its units."""

    offset: float
    slope: float
    log: bool

    def __call__(self, pixel: float) -> float:
        """The value at a pixel."""
        value = self.offset + self.slope * pixel
        return math.exp(value) if self.log else value


def lines(text: str, name: str) -> list[Line]:
    """The lines in all axes of a picture.

    Args:
        text: the SVG.
        name: of the picture; every refusal starts with it.

    Raises:
        ValueError: it is not SVG, has no axes as matplotlib draws them, or an axis has fewer than two labelled ticks.
    """
    try:
        # The labels' text is in comments, which the parser would drop.
        parser = ElementTree.XMLParser(target=ElementTree.TreeBuilder(insert_comments=True))
        root = ElementTree.fromstring(text, parser)
    except ElementTree.ParseError as error:
        raise ValueError(f"{name}: expected an SVG picture, got something that is not XML ({error})") from None
    panels = [group for group in root.iter(f"{SVG}g") if group.get("id", "").startswith("axes_")]
    if not panels:
        raise ValueError(f"{name}: expected axes as matplotlib draws them (a group axes_1), found none")
    found = []
    for panel in panels:
        drawn = list(_drawn(panel))
        if drawn:
            x, y = (_scale(_ticks(panel, axis), [_ticks(other, axis) for other in panels], f"{name}: the {axis} axis")
                    for axis in "xy")
            names, ylabel = _legend(panel), _label(panel)
            found += [Line(ylabel, names.get(colour, ""), tuple((x(a), y(b)) for a, b in points))
                      for colour, points in drawn]
    return found


def _drawn(panel: Element) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    """Colour and pixels of each line that is drawn into the axes themselves; grids and legends are nested deeper."""
    for group in panel.findall(f"{SVG}g"):
        path = group.find(f"{SVG}path")
        if group.get("id", "").startswith("line2d") and path is not None:
            pixels = re.findall(r"[ML]\s*(-?[\d.]+(?:e-?\d+)?)[\s,]+(-?[\d.]+(?:e-?\d+)?)", path.get("d", ""))
            points = [(float(a), float(b)) for a, b in pixels]
            # matplotlib's simplified paths may end with their last point twice.
            points = [p for i, p in enumerate(points) if not i or math.dist(p, points[i - 1]) > SAME]
            if len(points) > 1:
                yield _colour(path), points


def _colour(path: Element) -> str:
    match = re.search(r"stroke:\s*([^;]+)", path.get("style", ""))
    return match[1].strip() if match else ""


def _texts(group: Element) -> Iterator[str]:
    """What is written in a group: comments where glyphs are drawn, text elements otherwise."""
    for element in group.iter():
        # A comment's tag is the function that makes comments.
        text = "".join(element.itertext()).strip() if element.tag == f"{SVG}text" else ""
        if callable(element.tag):
            text = (element.text or "").strip()
        if text:
            yield text.replace("−", "-")


def _groups(panel: Element, prefix: str) -> list[Element]:
    return [group for group in panel.iter(f"{SVG}g") if group.get("id", "").startswith(prefix)]


Ticks = list[tuple[float, str]]


def _ticks(panel: Element, axis: str) -> Ticks:
    """Pixel and label ('' without one) of each tick."""
    found = []
    for group in _groups(panel, f"{axis}tick_"):
        marks = [use for use in group.iter(f"{SVG}use") if use.get(axis) and "Sans" not in use.get(LINK, "")]
        if marks:
            found.append((float(marks[0].get(axis, "")), next(_texts(group), "")))
    return found


def _scale(ticks: Ticks, others: Sequence[Ticks], name: str) -> Scale:
    """The scale of an axis from its ticks; panels that share an axis are labelled at one of them only."""
    if not any(label for _, label in ticks):
        ticks = next((other for other in others if any(label for _, label in other)
                      and [p for p, _ in other] == [p for p, _ in ticks]), ticks)
    labelled = [(pixel, value, power) for pixel, label in ticks for value, power in [_value(label)]
                if value is not None]
    if len(labelled) < 2:
        raise ValueError(f"{name}: expected at least two ticks labelled with numbers, got "
                         f"{len(labelled)} among {len(ticks)}")
    pixels = [pixel for pixel, _, _ in labelled]
    values = [value for _, value, _ in labelled]
    if len(set(pixels)) < 2 or len(set(values)) < 2:
        raise ValueError(f"{name}: expected ticks at two places with two values, got {values}")
    fits = [_fit(pixels, values, log=False)]
    if min(values) > 0:
        fits.append(_fit(pixels, values, log=True))
    # Two ticks fit any scale: then labels in powers of ten mean a logarithmic one.
    if len(set(values)) == 2 and len(fits) == 2:
        return fits[1 if all(power for _, _, power in labelled) else 0][1]
    error, best = min(fits, key=lambda fit: fit[0])
    if error > 1.0:
        raise ValueError(f"{name}: expected a linear or logarithmic scale; its ticks {values} are up to {error:.1f} "
                         "pixels off either")
    return best


def _fit(pixels: Sequence[float], values: Sequence[float], log: bool) -> tuple[float, Scale]:
    """Least squares through the ticks; the largest error in pixels, and the scale."""
    targets = [math.log(value) for value in values] if log else list(values)
    p, v = sum(pixels) / len(pixels), sum(targets) / len(targets)
    slope = (sum((a - p) * (b - v) for a, b in zip(pixels, targets, strict=True))
             / sum((a - p) ** 2 for a in pixels))
    scale = Scale(v - slope * p, slope, log)
    error = max(abs((b - v) / slope - (a - p)) for a, b in zip(pixels, targets, strict=True)) if slope else math.inf
    return error, scale


def _value(label: str) -> tuple[float | None, bool]:
    """A tick's label as a number, or None; and whether it is a power of ten."""
    power = POWER.match(label)
    if power:
        label = f"{power['factor'] or 1}e{power['power']}"
    elif match := PLAIN.match(label):
        label = match["number"]
    value = float(label) if NUMBER.match(label) else math.nan
    return (value, bool(power)) if math.isfinite(value) else (None, False)


def _label(panel: Element) -> str:
    """What the y axis is called."""
    for axis in _groups(panel, "matplotlib.axis_2"):
        for group in axis.findall(f"{SVG}g"):
            if group.get("id", "").startswith("text_"):
                return next(_texts(group), "")
    return ""


def _legend(panel: Element) -> dict[str, str]:
    """The legend's names by colour."""
    names: dict[str, str] = {}
    for legend in _groups(panel, "legend_"):
        colour = ""
        for group in legend.iter(f"{SVG}g"):
            path = group.find(f"{SVG}path")
            if group.get("id", "").startswith("line2d") and path is not None:
                colour = _colour(path)
            elif group.get("id", "").startswith("text_") and colour:
                names[colour] = next(_texts(group), "")
    return names
