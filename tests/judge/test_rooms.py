"""The house: every arrow points down, so that whoever opens a room knows what it may know."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: The rooms of the judge from the ground floor up; a room imports from those before it and from itself.
FLOORS = ("interface", "reference", "noise", "cases", "truth", "verdict", "fingerprint", "checks", "prepare",
          "mistakes", "explain", "entry", "registry", "table", "page", "ports", "session", "ported", "files", "runner")


def imports(source):
    """What a source imports of ours, by dotted name and padded."""
    for node in ast.walk(ast.parse(source)):
        names = [f"{node.module}.{name.name}" for name in node.names] if isinstance(node, ast.ImportFrom) else [
            name.name for name in node.names] if isinstance(node, ast.Import) else []
        yield from ((*name.split("."), "", "") for name in names if name.split(".")[0] in ("lstm_ref", "backends"))


def may_import(me, it):
    """The reference knows itself, the judge the reference, backends the judge's interface, tools everything."""
    if me[:2] == ("lstm_ref", "tools") or me[-1] == "__main__" or me == ("lstm_ref", "parity", "__init__"):
        return True
    if me[0] == "backends":  # NumPy's is the reference
        if it[0] == "backends":  # its own room and what all share: a verdict is kept when another room changes
            return it[1] in (me[1], "") or not (ROOT / "backends" / it[1]).is_dir()
        return it[1] != "parity" or it[2] == "interface" or (me[1], it[2]) == ("numpy", "reference")
    if me[1] == "parity":
        return it[0] == "lstm_ref" and it[1] != "tools" and (
            it[1] != "parity" or FLOORS.index(it[2]) <= FLOORS.index(me[2]))
    return it[0] == "lstm_ref" and it[1] not in ("parity", "tools")


def upward(me, source):
    """The imports of a source that point up."""
    return [".".join(filter(None, it)) for it in imports(source) if not may_import(me, it)]


def test_no_import_points_up():
    """In any file of the package."""
    files = [*ROOT.glob("lstm_ref/**/*.py"), *ROOT.glob("backends/**/*.py")]
    assert len(files) > 100
    found = {str(path.relative_to(ROOT)): upward(path.relative_to(ROOT).with_suffix("").parts, path.read_text())
             for path in files}
    assert not {path: names for path, names in found.items() if names}


def test_an_import_that_points_up_is_seen():
    """Of each kind."""
    for me, source in ((("lstm_ref", "parity", "session"), "from backends import torch"),
                       (("lstm_ref", "parity", "checks", "facts"), "from lstm_ref.parity.session import judge"),
                       (("lstm_ref", "lstm"), "import lstm_ref.parity"),
                       (("lstm_ref", "parity", "runner", "load"), "from lstm_ref.tools import chapters"),
                       (("backends", "torch", "adapter"), "from lstm_ref.parity.checks import CHECKS"),
                       (("backends", "torch", "adapter"), "from backends.numpy import fused"),
                       (("backends", "torch", "adapter"), "from backends import numpy")):
        assert len(upward(me, source)) == 1, source
    assert not upward(("lstm_ref", "parity", "ports", "port"), "from lstm_ref.parity.interface import watch")


def test_no_assert_carries_weight():
    """Under PYTHONOPTIMIZE there is none: what stands in the package only says to the type checker what is known."""
    for path in (*ROOT.glob("lstm_ref/**/*.py"), *ROOT.glob("backends/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Assert):
                says = ast.unparse(node.test)
                assert says.endswith(" is not None") or says.startswith("isinstance("), f"{path}: assert {says}"
