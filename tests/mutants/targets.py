"""What is mutated for each backend, and what a result depends on."""

import hashlib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ("params", "lstm", "rnn", "gru", "loss", "training", "model", "loop", "validate", "text")
TAB = ("scratch", "training", "concise")


def files_of(backend: str) -> list[str]:
    """The mutated files, relative to the root."""
    if backend == "numpy":
        return [f"lstm_ref/{module}.py" for module in REFERENCE]
    return [f"backends/{backend}/{module}.py" for module in TAB]


@cache
def _digest(patterns: tuple[str, ...]) -> str:
    found = hashlib.sha256()
    for path in sorted({path for pattern in patterns for path in ROOT.glob(pattern)}):
        found.update(path.read_bytes())
    return found.hexdigest()


def key(backend: str, source: str, by: str | None) -> str:
    """A digest of all that a result depends on: a result with another key is not used again.

    For a kill that is the judge, the backend's other code, the mutated source and the file of the test that failed: a
    new test can't bring a mutant back to life. For a survivor it is all tests.
    """
    judge = (*files_of("numpy"), "lstm_ref/__init__.py", "lstm_ref/animator.py", "lstm_ref/parity/**/*.py",
             "backends/*.py", f"backends/{backend}/*.py", "tests/tabs/conftest.py", "tests/mutants/worker.py",
             "tests/mutants/install.py")
    own = ["tests/reference/*.py"] if backend == "numpy" else []
    tests = ("tests/parity/*.py", "tests/tabs/*.py", "docs/layers.md", *own)
    test = by.partition("::")[0] if by and by.startswith("tests/") else ""
    rests_on = _digest(judge) + (_digest(tests) if by is None else _digest((test,)) if test else "")
    return hashlib.sha256((rests_on + source).encode()).hexdigest()[:16]
