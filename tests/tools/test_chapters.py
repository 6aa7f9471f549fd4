"""Cells of a chapter: which belong to a tab, how they are run, and that a failure shows."""

import os
import subprocess
import sys
import time
import types
from dataclasses import replace
from pathlib import Path

import pytest

from lstm_ref.parity.files.source import cells, fences, tab_cells
from lstm_ref.tools.chapters import BREAKS, Break, load

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


def test_what_was_built_on_the_culprit_is_built_anew(fake):
    """A model of a class that is replaced would be of the old one."""
    path = fake("class Net:\n    def old(self): return 1 / 0", "net = Net()", "assert net.old() == 1")
    known = replace(KNOWN, culprit="class Net")
    assert [outcome.status for outcome in run_chapter(path, "torch", breaks=(known,))] == [
        "runs", "runs", "runs replaced"]


def test_a_chapter_without_the_tab_is_refused(tmp_path):
    """Cells of all tabs alone are no tab."""
    path = tmp_path / "chapter.md"
    path.write_text("```{.python .input}\n#@tab all\nx = 1\n```\n")
    with pytest.raises(ValueError, match="expected code cells of the tab tensorflow, found only those of all tabs"):
        load(path, "tensorflow")


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


@pytest.fixture
def command(tmp_path, monkeypatch):
    """The command, in whose processes a namespace without a framework stands for the backend torch."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, types; sys.modules['backends.torch'] = types.ModuleType('backends.torch')")
    path = tmp_path / "chapter.md"

    def run(*sources, limit=60):
        path.write_text("".join(f"```{{.python .input}}\n#@tab pytorch\n{source}\n```\n" for source in sources))
        return subprocess.run([sys.executable, "-m", "lstm_ref", "chapters", "--backend", "torch", str(path),
                               "--time-limit", str(limit)], cwd=ROOT, text=True, capture_output=True, check=False,
                              env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"})

    return run


def test_what_cells_print_is_not_shown(command):
    """Neither by Python nor by a program they start."""
    run = command("import os\nprint('loud')\nos.system('echo louder')", "print('loud' * 10**6)")
    assert (run.returncode, run.stdout, run.stderr) == (0, "torch, chapter.md: 2 cells run unchanged\n", "")


@pytest.mark.parametrize(("source", "words"), [
    ("import sys\nsys.exit(0)", "SystemExit: 0"),
    ("import os\nos._exit(0)", "ended with exit status 0 in the middle of the cell"),
    ("import os\nos.kill(os.getpid(), 9)", "killed by signal 9 (SIGKILL) in the middle of the cell"),
    ("raise KeyboardInterrupt", "ended with exit status 1 in the middle of the cell"),
    ("input()", "EOFError"),
    ("raise ValueError('x' * 10**7)", "ValueError: xxx"),
    ("raise ValueError('\\ud800')", "ValueError: \\ud800"),
    pytest.param("import numpy\nkept = [numpy.zeros(2**30) for _ in range(2**12)]", "MemoryError",
                 marks=pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits memory so: run there")),
])
def test_a_cell_that_ends_its_process_fails(source, words, command):
    """With any exit status, and however it does it; so do what it reads and what it fills."""
    run = command("x = 1", source, "y = 1")
    assert run.returncode == 1
    assert "1 cells run unchanged\n  cell 2, line 6: fails: " in run.stdout and words in run.stdout
    assert len(run.stdout) < 3000


def test_a_cell_without_end_is_ended(command):
    """And what it started."""
    run = command("import subprocess\nsubprocess.run(['sleep', '600'])", limit=3)
    assert run.returncode == 1
    assert "cell 1, line 2: fails: no end after 3 s; --time-limit raises the limit" in run.stdout


def test_a_fence_that_is_not_closed_is_refused(command, tmp_path):
    """Its cell would be left out without a word."""
    path = tmp_path / "chapter.md"
    path.write_text("```{.python .input}\n#@tab pytorch\nx = 1\n```\n```{.python .input}\n#@tab pytorch\nx = 2\n````\n")
    with pytest.raises(ValueError, match=r"chapter.md: .*line 5: expected a closing ``` for this fence, got the end"):
        load(path, "torch")
    assert [fence.source for fence in fences("a ```` b\n```x``` y\n~~~~\n```\n~~~~  \n``` z\n```")] == ["```", ""]


def test_many_fences_are_read_in_linear_time():
    """50,000 took more than a minute."""
    begin = time.process_time()
    assert len(cells("```{.python .input}\n1\n```\n" * 50_000)) == 50_000
    assert time.process_time() - begin < 10


def test_a_break_that_can_not_be_replaced_is_a_failure(fake):
    """In a chapter whose culprit reads differently, and where the replacement fails as well."""
    other = Break("pytorch", "def old", "ZeroDivisionError", "cause", (("1/0", "1/1"),))
    *_, last = run_chapter(fake("def old(): return 1 / 0", "old()"), "torch", breaks=(other,))
    assert last.status == "fails" and "'1/0' is not in the cell to fix: cause" in last.detail
    worse = Break("pytorch", "def old", "ZeroDivisionError", "cause", (("old(): return", "old(): return\n"),))
    *_, last = run_chapter(fake("def old(): return 1 / 0", "old()"), "torch", breaks=(worse,))
    assert last.status == "fails" and "IndentationError" in last.detail
