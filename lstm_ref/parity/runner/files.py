"""Judges a file: each of its functions in a process of its own, with limits on time, memory and output."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import lstm_ref
from lstm_ref.files import check_file, check_writable, write_section, write_text
from lstm_ref.parity.files.chosen import Choice, Found, chosen, empty
from lstm_ref.parity.files.show import annotations, lines, status
from lstm_ref.parity.ports.calls import ROLES
from lstm_ref.parity.verdict import ENDS
from lstm_ref.usage import UsageError, describe, ended_by_signals, kill_group, refusals, tied

SUFFIXES = (".py", ".md", ".markdown", ".qmd", ".rmd", ".ipynb")
#: What can be imported.
ADDRESS = re.compile(r"\w+(\.\w+)*(:\w+(\.\w+)*)?")
HEADER = ("framework", "role", "name", "verdict", "in words", "line")
TIME_LIMIT = 900  #: the first run computes the truths


def is_file(target: str) -> bool:
    """Whether a target is a file, not a module."""
    return Path(target).suffix.lower() in SUFFIXES and (os.sep in target or "/" in target or Path(target).exists())


def check_target(target: str) -> None:
    """See that a target is a file, or may be imported.

    Raises:
        ValueError: it is neither.
        OSError: no file can have that name.
    """
    addresses = [part.rpartition("=")[2].strip() for part in target.split(",")]
    if not is_file(target) and not all(map(ADDRESS.fullmatch, addresses)):
        raise ValueError(f"{target!r}: expected a file that ends in {', '.join(SUFFIXES)}, or package.module:function")


def source_of(target: str, framework: str | None) -> tuple[Path, str] | None:
    """The file and the name of what an importable target means, where its functions are not called as the book's are.

    None for a role by its name, roles by `role=...`, and whatever a framework is given for with its module alone.
    """
    module, _, name = target.partition(":")
    if "=" in target or name in ROLES or (framework and not name):
        return None
    here = str(Path.cwd())
    sys.path.append(here)
    try:
        spec = importlib.util.find_spec(module)
    except ENDS:  # of a package that does not import, which is told of where it is judged
        return None
    finally:
        sys.path.remove(here)
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return None
    with suppress(ValueError):
        if chosen(Path(spec.origin), Choice(role=name)):
            return Path(spec.origin), name
    return None


def judge_file(path: Path, choice: Choice, framework: str = "", device: str = "cpu", time_limit: float = TIME_LIMIT,
               ) -> Iterator[dict[str, Any]]:
    """Judge all functions of a file, or those of one framework.

    Yields:
        What was found of each, as `Judged.json`.

    Raises:
        ValueError: the file can't be read, or its framework not be used on the device.
    """
    for number, found in enumerate(chosen(path, choice)):
        if not framework or framework.partition(".")[0] == found.package.partition(".")[0]:
            yield judge_one(path, choice, number, found, device, time_limit)


def judge_one(path: Path, choice: Choice, number: int, found: Found, device: str, time_limit: float) -> dict[str, Any]:
    """Judge one function of a file, of `chosen`, in a process of its own; as `Judged.json`.

    Raises:
        ValueError: its framework can't be used on the device.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # what a port has left may write into it
        out, said = Path(folder) / "found.json", Path(folder) / "said"
        command = [sys.executable, "-P", "-m", "lstm_ref.parity.files.work", str(path.resolve()),
                   "--number", str(number), "--device", device, "--tab", choice.tab, "--role", choice.role,
                   "--state", choice.state, *(f"--with={other.resolve()}" for other in choice.others),
                   "--out", str(out)]
        root = str(Path(lstm_ref.__file__).parent.parent)
        environment = {"OMP_WAIT_POLICY": "PASSIVE", "TF_CPP_MIN_LOG_LEVEL": "2", "MPLBACKEND": "agg"} | os.environ | {
            "PYTHONPATH": root, "NVIDIA_TF32_OVERRIDE": "0"}
        with tied(environment) as more:
            with said.open("wb") as errors:  # no pipe: its end would come only with that of all that a port has started
                process = subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL,
                                           stdout=subprocess.DEVNULL, stderr=errors, **more)
            try:
                process.wait(time_limit)
                reason = f"its process {describe(process.returncode)} before it had a verdict"
                reason += f": {last}" if (last := _last_line(said)) else ""
            except subprocess.TimeoutExpired:
                reason = f"no end within {time_limit:g} s; --time-limit raises the limit"
            finally:
                kill_group(process)
        if out.exists():
            written: dict[str, Any] = json.loads(out.read_text())
            if "refused" in written:
                raise ValueError(written["refused"])
            if "missing" not in written:
                return written | {"file": str(path)}  # as it was given: annotations want it so
            reason = f"{written['missing']}; nox -s judge -- {path.name} chooses the environment by what a port imports"
    code, form = found.contents.code, found.form
    row = {"role": form.kind, "name": form.name, "verdict": "not judged", "text": reason, "line": form.node.lineno,
           "place": code.place(form.node.lineno), "source": code.text(form.node.lineno)}
    return {"file": str(path), "tab": code.tab, "name": form.name, "framework": found.package, "status": "not judged",
            "rows": [row], "taken_as": [], "notes": [], "texts": []}


def _last_line(said: Path) -> str:
    """The last line of what a process wrote, which may be much."""
    with said.open("rb") as file:
        file.seek(-min(said.stat().st_size, 10**5), os.SEEK_END)
        found = [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    return found[-1].strip()[:300] if found else ""


def frameworks(path: Path, choice: Choice) -> list[str]:
    """The frameworks that the functions of a file are written in, in order."""
    return list(dict.fromkeys(found.package.partition(".")[0] for found in chosen(path, choice)))


def command(path: Path, choice: Choice, framework: str, device: str, time_limit: float, style: str,
            json_file: Path | None, build: Path | None = None) -> int:
    """`lstm-parity judge FILE`: 0 right, 1 wrong, 2 not judged; with `build`, for the page of the report there."""
    with refusals(), ended_by_signals():
        if style == "frameworks":
            print("\n".join(frameworks(path, choice)))
            return 0
        if json_file:
            check_file(json_file)
        if build and build.exists():
            check_writable(build)
        found = []
        for each in judge_file(path, choice, framework, device, time_limit):
            found.append(each)
            print("\n".join([*lines(each), *(annotations(each) if style == "github" else ())]), flush=True)
        if json_file:
            write_text(json_file, json.dumps({"schema": 1, "ports": found}, indent=1))
        if build and build.exists() and found:
            write_section(build, f"port-{path.stem}", f"Port: {path.name}", HEADER, [
                [each["framework"], row["role"], row["name"], row["verdict"], row["text"],
                 f"{row['place']}: {row['source']}" if row["place"] else ""] for each in found for row in each["rows"]])
        if not found and framework and (others := frameworks(path, choice)):
            raise UsageError(f"{path}: nothing in {framework}: what computes an LSTM there is in {', '.join(others)}")
        if not found:
            raise UsageError("; ".join(empty(path, choice)))
    return status(found)
