"""What passes by unseen: the local variables of a tab's own `lstm` while it runs."""

import linecache
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

#: What the book calls the quantities of a step, in order of computation, by cell.
NAMES = {"lstm": ("I", "F", "O", "C_tilda", "C", "H", "Y"), "rnn": ("H", "Y"),
         "gru": ("Z", "R", "H_tilda", "H", "Y"), "gru_after": ("Z", "R", "H_tilda", "H", "Y")}
#: Of what was watched last, by variable: the file, the line that gave it its first value in a turn, and its text.
LINES: dict[str, tuple[str, int, str]] = {}


def watch(function: Callable[..., Any], run: Callable[[], Any], names: Sequence[str]) -> list[dict[str, Any]]:
    """The values that local variables of a function take in each turn of its loop over X.

    Args:
        function: the tab's `lstm`, say.
        run: calls it.
        names: of the local variables.

    Returns:
        For each turn the values by name; a variable that the function does not have is not in them.
    """
    turns: list[dict[str, Any]] = []
    nothing = object()
    turn: Any = nothing
    line = 0  # that ran last
    LINES.clear()

    def local(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal turn, line
        values = frame.f_locals
        if "X" in values and values["X"] is not turn:
            turn = values["X"]
            before.clear()
            before.update({name: values.get(name, nothing) for name in names})
            turns.append({})
        if turns:
            given = {name: values[name] for name in names
                     if name in values and values[name] is not before.get(name, nothing)}
            path = frame.f_code.co_filename
            for name in given.keys() - turns[-1].keys() - LINES.keys():
                LINES[name] = path, line, linecache.getline(path, line).strip()
            turns[-1].update(given)
        line = frame.f_lineno
        return local

    def begin(frame: FrameType, event: str, _: Any) -> Any:
        return local if frame.f_code is function.__code__ else None

    before: dict[str, Any] = {}
    previous = sys.gettrace()
    sys.settrace(begin)
    try:
        run()
    finally:
        sys.settrace(previous)
    return turns
