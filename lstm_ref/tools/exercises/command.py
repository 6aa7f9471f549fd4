"""The command `exercise`: measures, and leaves numbers, a figure and the tables of the page."""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import threadpoolctl

from lstm_ref.files import check_writable, whole, write_json, write_text
from lstm_ref.parity.fingerprint import fingerprint
from lstm_ref.terminal import console, progress
from lstm_ref.text import read_text
from lstm_ref.tools.exercises.study import EXERCISES, Exercise, run
from lstm_ref.tools.markdown import filled
from lstm_ref.usage import UsageError, check_installed, refusals
from lstm_ref.validate import check_sizes

PAGE = "exercises.md"


def exercise(
    names: Sequence[str], seeds: int, out: Path, docs: Path | None, small: bool, listed: bool, draw: bool
) -> int:
    """`lstm-parity exercise`: measure, and write NAME.json and NAME.svg.

    Args:
        names: of exercises; 'all' for every one.
        seeds: runs of each case.
        out: folder of the numbers and figures.
        docs: folder of exercises.md: numbers and figures go to its folder `exercises` instead, and the page's tables
            are filled.
        small: at toy size, in seconds.
        listed: say which there are, and do nothing.
        draw: measure nothing; draw from the numbers that are there.

    Returns:
        0, or 130 when it was interrupted.

    Raises:
        UsageError: an exercise is unknown or none is named, `seeds` is not positive, matplotlib is missing, a folder
            can't be written to, or the page is missing or has no place for an exercise. Nothing was measured.
    """
    terminal = console()
    if listed:
        for known in EXERCISES.values():
            terminal.print(f"{known.name:16} {known.chapter:5} {known.question}", markup=False, soft_wrap=True)
        return 0
    chosen = list(EXERCISES) if "all" in names else list(dict.fromkeys(names))
    if unknown := [name for name in chosen if name not in EXERCISES]:
        raise UsageError(f"exercise: expected all, or some of {', '.join(EXERCISES)}, got {unknown[0]!r}; --list says "
                         "what they ask")
    if not chosen:
        raise UsageError(f"exercise: expected the name of an exercise, got none; known are {', '.join(EXERCISES)}")
    folder = out if docs is None else docs / "exercises"
    with refusals():
        check_sizes(seeds=seeds)
        check_installed("matplotlib.figure", "train", "the exercise's figure")
        check_writable(folder)
        if draw:
            for name in chosen:
                terminal.print(f"drawn: {drawn(read(folder / f'{name}.json'), folder)}", markup=False)
            return 0
        if docs is not None:
            page = (docs / PAGE).read_text(encoding="utf-8")
            for name in chosen:
                filled(page, dict.fromkeys(EXERCISES[name].load().TABLES, ""), PAGE)
        for name in chosen:
            settings = settings_of(EXERCISES[name], small)
            if "data" in settings:
                read_text(settings["data"])
            getattr(EXERCISES[name].load(), "check", lambda _: None)(settings)
    for name in chosen:
        try:
            data = measured(EXERCISES[name], seeds, small)
        except KeyboardInterrupt:
            print(f"\ninterrupted; nothing of {name} is kept, what was finished before it is in {folder}",
                  file=sys.stderr)
            return 130
        for path in written(data, folder):
            terminal.print(f"written: {path}", markup=False)
        if docs is not None:
            with refusals():
                fill(docs, data)
            terminal.print(f"filled: {docs / PAGE}", markup=False)
    return 0


def settings_of(chosen: Exercise, small: bool) -> dict[str, Any]:
    """The settings of an exercise, in full or at toy size."""
    module = chosen.load()
    found: dict[str, Any] = module.SMALL if small else module.SETTINGS
    return found


def measured(chosen: Exercise, seeds: int, small: bool) -> dict[str, Any]:
    """The data of an exercise, as its file holds them, computed on one core; seconds are the processor's."""
    settings, start = settings_of(chosen, small), time.process_time()
    cases = chosen.load().plan(settings, range(seeds))
    with progress() as bar, threadpoolctl.threadpool_limits(1):  # so that times can be compared
        shown = bar.add_task(chosen.name, total=len(cases))

        def advance(words: str) -> None:
            bar.advance(shown)
            if bar.disable:
                print(f"{chosen.name}: {words}", flush=True)

        results = run(chosen, settings, range(seeds), advance)
    return {"schema": 1, "exercise": chosen.name, "settings": settings, "seeds": list(range(seeds)), "small": small,
            "seconds": round(time.process_time() - start, 1),
            "fingerprint": fingerprint("", "cpu", settings.get("data")), "results": results}


def written(data: dict[str, Any], folder: Path) -> list[Path]:
    """Write the numbers and the figure; the paths."""
    path = folder / f"{data['exercise']}.json"
    with refusals():
        write_json(path, data)
        return [path, drawn(data, folder)]


def drawn(data: dict[str, Any], folder: Path) -> Path:
    """Draw the figure of an exercise; its path."""
    import matplotlib

    path = folder / f"{data['exercise']}.svg"
    with matplotlib.rc_context({"svg.hashsalt": data["exercise"]}), whole(path) as part:
        EXERCISES[data["exercise"]].load().draw(data).savefig(part, metadata={"Date": None})
    return path


def read(path: Path) -> dict[str, Any]:
    """The data of an exercise from its file.

    Raises:
        ValueError: it is not such a file.
    """
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if found["exercise"] != path.stem:
            raise ValueError(f"of {found['exercise']!r}")
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: expected the numbers of the exercise {path.stem}, got {error!r}") from error
    return found


def fill(docs: Path, data: dict[str, Any]) -> None:
    """Put an exercise's tables between their marks in the page."""
    page = docs / PAGE
    write_text(page, filled(page.read_text(encoding="utf-8"), EXERCISES[data["exercise"]].load().tables(data), PAGE))
