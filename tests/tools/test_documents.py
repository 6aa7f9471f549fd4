"""The commands that the documents show: each is known, with the options that it is given."""

import re
import shlex
from pathlib import Path

import pytest

from lstm_ref.__main__ import PASSED_ON, parser

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "README.zh-CN.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(
    r"(?:^ {4}(?:\$ )?|`)((?:lstm-parity|python -m lstm_ref(?:\.parity)?|nox -s) [^`\n]*)", re.MULTILINE)
SESSIONS = {name for name in re.findall(r"^def (\w+)\(session", (ROOT / "noxfile.py").read_text(), re.MULTILINE)}


def commands(path):
    """What a page shows, without the words after it and those that stand for others."""
    for found in COMMAND.findall(path.read_text(encoding="utf-8")):
        yield re.split(r" {2,}|#|…|; | \| | or: ", found)[0].strip()


def test_there_are_some():
    """Or nothing below tests anything."""
    assert len(list(commands(PAGES[0]))) > 20 and len(SESSIONS) > 15


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_commands_are_known(path):
    """By our own parser, and by noxfile.py."""
    unknown = []
    for command in commands(path):
        if command.startswith("nox"):
            name = command.split()[2].strip('",').partition("(")[0]
            unknown += [command] if name not in SESSIONS and name.isidentifier() else []
            continue
        words = shlex.split(command)
        given = [re.sub(r"^[A-Z]+$", "2", word) for word in words[1 if words[0] == "lstm-parity" else 3:]]
        if len(given) == 1 or "--help" in given:  # the name of a command in a sentence
            given = [given[0], "--help"]
        try:
            _, rest = parser().parse_known_args(given)
            unknown += [command] if rest and given[0] not in PASSED_ON else []
        except SystemExit as left:
            unknown += [command] if left.code else []
    assert not unknown
