"""Cells of a chapter: which belong to a tab, how they are run, and that a failure shows."""

import subprocess
import sys
import types
from pathlib import Path

import pytest

from lstm_ref.tools.chapters import BREAKS, Break, cells, load, tab_cells

ROOT = Path(__file__).parents[2]

CHAPTER = '''# A chapter

```{.python .input}
%matplotlib inline
from d2l import fake as d2l
```

```{.python .input}
#@tab pytorch
num_epochs, lr = 500, 1
total = 0
```

~~~~{.python .input  n=6}
#@tab pytorch, paddle
def train():  #@save
    return num_epochs * lr
~~~~

```{.python .input}
%%tab all
total += train()
```

```{.python .input}
#@tab tensorflow
raise RuntimeError("of another tab")
```

```{.json .output n=6}
[{"text": "no code"}]
```

```python
raise RuntimeError("no cell")
```
'''


def test_cells_of_a_tab():
    """By the class `input`, the first mark, the default tab, and exactly `all`."""
    assert [cell.tabs for cell in cells(CHAPTER)] == [
        ("mxnet",), ("pytorch",), ("pytorch", "paddle"), ("all",), ("tensorflow",)]
    assert [cell.number for cell in tab_cells(CHAPTER, "pytorch")] == [2, 3, 4]
    assert [cell.number for cell in tab_cells(CHAPTER, "mxnet")] == [1, 4]
    first, last = tab_cells(CHAPTER, "pytorch")[0], tab_cells(CHAPTER, "pytorch")[-1]
    assert "@tab" not in first.source and "num_epochs, lr = 500, 1" in first.source
    assert CHAPTER.splitlines()[last.line - 1] == "%%tab all"


def test_all_beside_another_name_is_a_name():
    """Only a mark that is exactly `all` is for every tab."""
    assert not tab_cells("```{.python .input}\n#@tab all, mxnet\nx = 1\n```\n", "pytorch")


def run_chapter(path, backend, epochs=1, breaks=BREAKS):
    return load(path, backend).run(epochs, breaks)


@pytest.fixture
def fake(monkeypatch, tmp_path):
    """A chapter on disk, and a namespace without a framework under the name of the backend torch."""
    namespace = types.ModuleType("backends.torch")
    monkeypatch.setitem(sys.modules, "backends.torch", namespace)
    for name in ("d2l", "d2l.torch"):
        monkeypatch.setitem(sys.modules, name, None)

    def chapter(*sources):
        path = tmp_path / "chapter.md"
        path.write_text("\n".join(f"```{{.python .input}}\n#@tab pytorch\n{source}\n```\n" for source in sources))
        return path

    return chapter


def test_epochs_are_shortened_and_nothing_else(fake):
    """500 becomes what the harness says, wherever `num_epochs` is assigned."""
    path = fake("num_epochs, lr = 500, 7", "num_hiddens = 500\nassert (num_epochs, lr, num_hiddens) == (3, 7, 500)",
                "num_epochs = 500", "assert num_epochs == 3")
    assert [outcome.status for outcome in run_chapter(path, "torch", epochs=3)] == ["runs"] * 4


def test_our_namespace_stands_in(fake):
    """`from d2l import torch as d2l` is the backend's package."""
    path = fake("from d2l import torch as d2l", "assert d2l.__name__ == 'backends.torch'")
    assert [outcome.status for outcome in run_chapter(path, "torch")] == ["runs"] * 2


def test_a_failing_cell_is_a_failure(fake):
    """It ends the chapter, with its error."""
    *_, last = run_chapter(fake("x = 1", "y = x + z", "y"), "torch")
    assert (last.cell.number, last.status) == (2, "fails")
    assert "NameError: name 'z' is not defined" in last.detail


KNOWN = Break("pytorch", "def old", "ZeroDivisionError", "nothing is divided by zero", (("1 / 0", "1 / 1"),))


def test_a_known_break_is_replaced(fake):
    """Where the cell that fails calls the culprit, the culprit is fixed and the cell run again."""
    outcomes = list(run_chapter(fake("def old(): return 1 / 0", "assert old() == 1"), "torch", breaks=(KNOWN,)))
    assert [outcome.status for outcome in outcomes] == ["runs", "runs replaced"]
    assert outcomes[1].detail == "nothing is divided by zero: write `1 / 1` for `1 / 0`"


def test_a_known_break_has_to_fail_in_its_own_way(fake):
    """Another error is a failure, and a break that is gone is one as well."""
    *_, last = run_chapter(fake("def old(): return 1 / 0", "old(1)"), "torch", breaks=(KNOWN,))
    assert last.status == "fails" and "TypeError" in last.detail
    *_, last = run_chapter(fake("def old(): return 1 / 1", "old()"), "torch", breaks=(KNOWN,))
    assert last.status == "fails" and "the known break is gone" in last.detail


@pytest.mark.parametrize(("backend", "name", "words"), [
    ("jax", "chapter.md", "the book has tabs for mxnet, torch, tensorflow, paddle, got 'jax'"),
    ("torch", "no.md", "expected a chapter's Markdown (No such file"),
    ("paddle", "chapter.md", "expected code cells of the tab paddle, found none"),
])
def test_what_can_not_be_run_is_said(fake, backend, name, words):
    """In one line."""
    path = fake("x = 1").with_name(name)
    with pytest.raises(ValueError, match=":") as refusal:
        list(run_chapter(path, backend))
    assert words in str(refusal.value)


def test_the_command_fails_with_the_chapter(tmp_path):
    """Exit status 1 and the cell's error; here the framework itself is missing."""
    path = tmp_path / "chapter.md"
    path.write_text("```{.python .input}\nx = 1\n```\n")
    run = subprocess.run([sys.executable, "-m", "lstm_ref", "chapters", "--backend", "mxnet", str(path)], cwd=ROOT,
                         text=True, capture_output=True, check=False)
    assert run.returncode == 2
    assert run.stderr.startswith("error: the backend mxnet needs the package mxnet")
