"""The verdict on a file in words, as annotations of a workflow, and as JSON."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

CALLED = {"torch": "PyTorch", "tensorflow": "TensorFlow", "jax": "JAX", "mxnet": "MXNet", "mxnet.nd": "MXNet (nd)",
          "paddle": "Paddle", "mindspore": "MindSpore", "numpy": "NumPy"}


def lines(found: dict[str, Any]) -> Iterator[str]:
    """One port in words."""
    tab = f", tab {found['tab']}" if found["tab"] else ""
    framework = CALLED.get(found["framework"], found["framework"])
    yield f"{Path(found['file']).name}{tab}: {found['name']} in {framework}: {found['status']}"
    for row in found["rows"]:
        name = f" ({row['name']})" if row["name"] not in ("", row["role"]) else ""
        text = f": {row['text']}" if row["text"] else ""
        yield f"  {row['role'] + name:<32} {row['verdict']}{text}"
        if row["place"]:
            yield f"      {row['place']}: {row['source']}"
    if found["taken_as"]:
        yield f"  taken as: {'; '.join(found['taken_as'])}"
    for note in found["notes"]:
        yield f"  {note}"
    for text in found["texts"][:1]:
        yield from (f"  {line}" for line in text.splitlines())


def annotations(found: dict[str, Any]) -> Iterator[str]:
    """One port as annotations of a GitHub workflow, on the lines that are wrong."""
    for row in found["rows"]:
        if row["verdict"] == "right":
            continue
        kind = "error" if row["verdict"] == "wrong" else "notice"
        line = f",line={row['line']}" if 0 < row["line"] < 10**5 else ""
        place = f"{row['place']}: " if row["line"] >= 10**5 else ""
        text = f"{place}{row['text'] or row['verdict']}".replace("%", "%25").replace("\n", "%0A").replace("\r", "%0D")
        title = f"{row['role']}: {row['verdict']}".replace(",", "%2C").replace(":", "%3A")
        yield f"::{kind} file={found['file']}{line},title={title}::{text}"


def status(all_found: Sequence[dict[str, Any]]) -> int:
    """The exit status: 0 right, 1 wrong, 2 not judged."""
    said = {found["status"] for found in all_found}
    return 1 if "wrong" in said else 0 if said == {"right"} else 2
