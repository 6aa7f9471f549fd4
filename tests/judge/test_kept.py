"""A verdict of pass is kept while nothing that it rests on has changed, and no longer."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lstm_ref.__main__ import main
from lstm_ref.parity.runner import kept
from lstm_ref.parity.runner.record import read_status
from lstm_ref.parity.runner.report import merge

ROOT = Path(__file__).parents[2]
FEW = ("tests/parity", "-q", "--no-header", "-k", "tiny and float32 and forward")


@pytest.fixture
def run(monkeypatch, tmp_path, truths, capfd):
    """Runs a few checks of the backend numpy as `nox -s parity` does; returns the status and what was said."""
    (tmp_path / "truth").symlink_to(truths)
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))

    def run(*arguments):
        status = main(["run", "numpy", "--keep", f"--build={tmp_path}", *FEW, *arguments])
        return status, capfd.readouterr().out

    return run


def test_what_passed_is_shown_and_not_judged_again(run, tmp_path, capfd):
    """Its results stand in the report, which says when they were found; another variable, and it is judged."""
    assert run()[0] == 0
    first = read_status(tmp_path, "numpy")
    (tmp_path / "numpy.json").unlink()
    status, said = run()
    assert status == 0 and "numpy: pass, as judged on 20" in said and "passed" not in said
    entry = read_status(tmp_path, "numpy")
    assert entry["results"] == first["results"] and entry["results"]
    assert merge(["numpy"], tmp_path, page=False)
    assert f"numpy on {entry['judged']}. To judge all again" in " ".join(capfd.readouterr().out.split())
    os.environ["OMP_SCHEDULE"] = "static"
    try:
        assert "passed" in run()[1]
    finally:
        del os.environ["OMP_SCHEDULE"]
    assert "judged" not in read_status(tmp_path, "numpy")
    assert "passed" in run("--anew")[1] and "as judged on" in run()[1]


def test_what_failed_is_judged_again(run, tmp_path, monkeypatch):
    """Nothing of it is kept."""
    monkeypatch.setenv("PLANTED", "err")
    status, said = run("-p", "planted")
    assert status == 1 and "failed" in said
    assert not (tmp_path / "kept").exists()


def test_a_kept_file_is_not_believed_against_its_numbers(run, tmp_path):
    """Nor one that can't be read."""
    assert run()[0] == 0
    path = tmp_path / "kept" / "numpy.json"
    content = json.loads(path.read_text())
    content["backends"]["numpy"]["results"][0]["ratio"] = 5.0
    path.write_text(json.dumps(content))
    assert "passed" in run()[1]
    path.write_text("{")
    assert "passed" in run()[1]


EACH = """
import sys
from lstm_ref.parity.runner.kept import basis
for name in sys.argv[1:]:
    with open(name, "a") as file:
        file.write(chr(10))
    print(name, basis("numpy", ["tests"]))
"""


def test_what_a_verdict_rests_on(tmp_path):
    """The judge, the backend and what backends share, the tests, what is installed or on the path as a source.

    No other backend, no document, nothing that a checkout on the path has built.
    """
    for name in ("lstm_ref", "backends"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_it.py").write_text("")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "module.py").write_text("")
    (tmp_path / "site" / ".hidden").mkdir()

    names = ["README.md", "backends/torch/scratch.py", "site/built.npz", "site/.hidden/a.py", "lstm_ref/lstm.py",
             "backends/numpy/fused.py", "backends/adapter.py", "tests/test_it.py", "tests/conftest.py",
             "pyproject.toml", "site/module.py"]
    printed = subprocess.run([sys.executable, "-c", EACH, *names], cwd=tmp_path, capture_output=True, text=True,
                             env=os.environ | {"PYTHONPATH": "site"}, check=True).stdout
    found = dict(map(str.split, printed.splitlines()))
    assert list(found) == names and {len(digest) for digest in found.values()} == {64}
    assert len({found[name] for name in names[:4]}) == 1
    assert len(set(found.values())) == len(names) - 3


def test_what_is_not_installed_is_always_judged():
    """Nobody knows all that an address of somebody's own rests on."""
    assert not kept.basis("my.package:Adapter", ())
