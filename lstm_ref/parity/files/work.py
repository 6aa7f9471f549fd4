"""The process of one port: it judges one function of a file and writes what it found."""

import argparse
import json
import os
import subprocess
import sys
from dataclasses import fields
from functools import partial
from pathlib import Path

from lstm_ref.parity.files.chosen import Choice, chosen
from lstm_ref.parity.files.contents import contents
from lstm_ref.parity.files.judged import judge_port
from lstm_ref.parity.files.model import CASES
from lstm_ref.parity.files.rows import Row
from lstm_ref.parity.files.source import read
from lstm_ref.parity.interface import framework
from lstm_ref.usage import end_with_parent


def main() -> None:
    """Judge the port that the arguments name."""
    end_with_parent()
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    parser.add_argument("--number", type=int, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, required=True)
    for name in ("tab", "role", "state"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--only", default="", help="the one role that is judged")
    parser.add_argument("--with", dest="others", action="append", default=[], type=Path)
    given = parser.parse_args()
    try:
        import resource

        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    except (ImportError, OSError, ValueError):  # no such limit on this system
        pass
    os.chdir(given.out.parent)  # what a port writes by a relative name does not land beside its file
    port = chosen(given.path, Choice(given.tab, given.role, given.state))[given.number]
    try:
        others = [contents(code) for path in given.others for code in read(path)]
        refused = unusable(port.package, given.device)
        found = {"refused": refused} if refused else judge_port(
            port.contents, port.form, port.package, given.device, CASES, others,
            None if given.only else partial(anew, given.out), given.only).json()
    except ImportError as error:
        found = {"missing": str(error)}
    given.out.write_text(json.dumps(found))
    sys.stdout.flush()
    os._exit(0)  # threads that a port has started are not waited for


def unusable(package: str, device: str) -> str:
    """Why a framework can't be used on a device, in words; '' where it can."""
    try:
        framework(package, device)
    except (RuntimeError, ValueError) as error:
        return str(error)
    return ""


def anew(out: Path, role: str) -> Row | None:
    """The row of one role, from a process like this one; None where it did not come to an end."""
    beside = out.with_name(f"{role}.json")
    arguments = [argument if argument != str(out) else str(beside) for argument in sys.argv[1:]]
    subprocess.run([sys.executable, "-P", "-m", "lstm_ref.parity.files.work", *arguments, "--only", role], check=False)
    rows = json.loads(beside.read_text()).get("rows", []) if beside.exists() else []
    return Row(**{field.name: rows[0][field.name] for field in fields(Row)}) if rows else None


if __name__ == "__main__":
    main()
