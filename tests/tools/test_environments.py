"""Environments for the noxfile: what is installed, what it is called, and what is said where it can't be."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / ".ci"))

import environments
import installer
import releases
from environments import Requirement, Wanted
from releases import Version


def test_without_a_word_it_is_the_pins():
    """In the backend's own folder, under its own name."""
    wanted = Wanted("jax")
    assert wanted.requirements() == [".[judge,train,bench,jax]"] and not wanted.special
    assert wanted.folder.as_posix() == ".nox/backends/jax" and environments.label(wanted) == "jax"


def test_what_is_asked_for_takes_the_place_of_the_pins():
    """What else the backend needs is free to fit it; a bound stays."""
    wanted = Wanted("jax", ("jax==0.6.0", "flax==0.10.6"))
    assert wanted.requirements() == [".[judge,train,bench]", "jax==0.6.0", "flax==0.10.6"]
    assert Wanted("jax", ("jax==0.6.0",)).requirements()[1:] == ["jax==0.6.0", "flax"]
    assert Wanted("mxnet", ("mxnet==1.8.0",)).requirements()[1:] == ["mxnet==1.8.0", "numpy<1.24"]
    assert Wanted("jax", python="3.13").requirements()[1:] == ["jax==0.10.2", "flax==0.12.8"]
    assert Wanted("jax", pre=True).requirements()[1:] == ["jax", "flax"]


def test_a_backends_name_stands_for_its_package():
    """PyPI calls Paddle paddlepaddle."""
    assert Wanted("paddle", ("paddle==3.0.0",)).requirements()[1:] == ["paddlepaddle==3.0.0"]


def test_folders_and_names_say_what_is_in_them():
    """One for each set; the report has the framework's version, and what else was asked for."""
    wanted = Wanted("jax", ("jax==0.6.0", "flax==0.10.6"), "3.13", True)
    assert wanted.folder.as_posix() == ".nox/backends/jax-0.6.0-flax-0.10.6-py3.13-pre"
    assert wanted.flags == ["--with", "jax==0.6.0", "--with", "flax==0.10.6", "--python", "3.13", "--pre"]
    assert environments.label(wanted) == "jax 0.6.0 flax 0.10.6 py3.13"
    assert environments.label(Wanted("jax", ("jax==0.6.0",))) == "jax 0.6.0"
    assert environments.label(Wanted("jax", ("numpy==2.0.2",))) == "jax 0.10.2 numpy 2.0.2"
    installed = environments.label(Wanted("numpy", ("numpy==1.0",)), sys.executable)
    assert installed == f"numpy {np.__version__}"


def test_what_is_no_requirement_is_refused():
    """With an example."""
    with pytest.raises(LookupError, match=r"--with jax=0.6: expected a requirement, such as jax==0.6.0"):
        Wanted("jax", ("jax=0.6",)).requirements()


@pytest.mark.parametrize(("output", "words"), [
    ("ERROR: Could not find a version that satisfies the requirement jax==99 (from versions: 0.9.2, 0.10.0, 0.10.2)\n"
     "ERROR: No matching distribution found for jax==99",
     "can't be installed: jax==99 has no wheel for Python 3.11 on this index, or does not exist; there are 0.9.2, "
     "0.10.0, 0.10.2"),
    ("ERROR: Could not find a version that satisfies the requirement mxnet==9 (from versions: none)\n"
     "ERROR: No matching distribution found for mxnet==9",
     "can't be installed: mxnet==9 has no wheel for Python 3.11 on this index, or does not exist"),
    ("ERROR: Cannot install flax==0.12.8 and jax==0.4.30 because these package versions have conflicting "
     "dependencies.\n\nThe conflict is caused by:\n    The user requested jax==0.4.30\n"
     "    flax 0.12.8 depends on jax>=0.8.1\n\nTo fix this you could try to:\n1. loosen",
     "can't be installed: flax==0.12.8 and jax==0.4.30 do not go together: flax 0.12.8 depends on jax>=0.8.1"),
    ("  × No solution found when resolving dependencies:\n  ╰─▶ Because there is no version of jax==99 and you\n"
     "      require jax==99, we can conclude that your requirements are unsatisfiable.\n",
     "can't be installed: Because there is no version of jax==99 and you require jax==99, we can conclude that your "
     "requirements are unsatisfiable."),
    ("error: No solution found when resolving dependencies\n  cause: Because flax==0.12.8 depends on jax>=0.10.0 and\n"
     "         you require jax==0.4.30, that can't be.\n",
     "can't be installed: Because flax==0.12.8 depends on jax>=0.10.0 and you require jax==0.4.30, that can't be."),
    ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n",
     "can't be installed: ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"),
    ("", "can't be installed: no word why"),
])
def test_why_it_can_not_be_installed_is_one_sentence(output, words):
    """Of what pip and uv say at length."""
    assert environments.complaint(output, "3.11") == words


def test_a_python_that_is_not_there_is_named():
    """With what to do."""
    assert environments.interpreter("{}.{}".format(*sys.version_info)) == sys.executable
    with pytest.raises(LookupError, match=r"needs Python 3.99, and there is none .* uv python install 3.99"):
        environments.interpreter("3.99")


def test_uv_installs_where_it_is_there(monkeypatch):
    """On the PATH or beside nox, unless another is asked for."""
    monkeypatch.delenv("LSTM_PARITY_INSTALLER", raising=False)
    monkeypatch.setattr(installer.shutil, "which", lambda name, path: f"/usr/bin/{name}")
    assert installer.installer() == "uv"
    monkeypatch.setenv("LSTM_PARITY_INSTALLER", "pip")
    assert installer.installer() == "pip"
    monkeypatch.setenv("LSTM_PARITY_INSTALLER", "conda")
    with pytest.raises(LookupError, match="expected pip or uv, got conda"):
        installer.installer()
    monkeypatch.setattr(installer.shutil, "which", lambda name, path: None)
    monkeypatch.setenv("LSTM_PARITY_INSTALLER", "uv")
    with pytest.raises(LookupError, match="uv is not on the PATH, nor beside nox; install it, or say pip"):
        installer.installer()
    monkeypatch.delenv("LSTM_PARITY_INSTALLER")
    assert installer.installer() == "pip"


@pytest.mark.parametrize(("pip", "uv"), [
    ("global.timeout='60'\n", {}),
    ("global.index-url='https://a.org/simple'\nglobal.no-index='true'\n",
     {"UV_DEFAULT_INDEX": "https://a.org/simple", "UV_NO_INDEX": "true"}),
    (":env:.find-links='/mine /more'\nglobal.find-links='/theirs'\n", {"UV_FIND_LINKS": "/mine,/more"}),
    ("install.extra-index-url='\\nhttps://a.org\\nfile:///no/such/folder'\n",
     {"UV_INDEX": "https://a.org", "UV_INDEX_STRATEGY": "unsafe-best-match"}),
    ("global.extra-index-url='file:///no/such/folder'\n", {}),
])
def test_uv_is_told_what_pip_knows(pip, uv, monkeypatch):
    """Where packages come from; the environment goes before the files, and what is not there is left out."""
    monkeypatch.setattr(installer, "said", lambda command: pip)
    assert installer.settings() == uv | {"UV_COMPILE_BYTECODE": "1"}


@pytest.fixture
def index(monkeypatch):
    wheels = {"3.11": ["0.10.2", "0.6.0", "0.4.30"], "3.12": ["0.11.0", "0.10.2", "0.6.0"], "3.13": ["0.11.0"]}
    jax = ["0.11.0", "0.10.2", "0.6.0", "0.4.30"]  # a package without compiled code is there for every Python
    monkeypatch.setattr(releases, "on_index", lambda name, python="", pre=False: (
        jax if name == "jax" else wheels.get(python, [])))
    monkeypatch.setattr(releases, "there_is", lambda python: python != "3.10")
    monkeypatch.setattr(releases, "NOX_PYTHON", "3.11")
    monkeypatch.setitem(releases.SUPPORTED, "jax", "0.4.30")


def test_the_oldest_the_pinned_and_the_newest_are_judged(index):
    """Where a wheel is there, and the newest on the newest Python."""
    found = releases.plan("jax", [], [], "", False)
    assert [(w.specs, w.python) for w in found] == [
        (("jax==0.4.30",), ""), (("jax==0.10.2",), ""), (("jax==0.11.0",), "3.13")]
    only = releases.plan("jax", ["0.6.0", "newest"], ["flax==0.10.6"], "3.12", False)
    assert [(w.specs, w.python) for w in only] == [
        (("jax==0.6.0", "flax==0.10.6"), "3.12"), (("jax==0.11.0", "flax==0.10.6"), "3.12")]


def test_an_index_that_says_nothing_is_said(monkeypatch):
    """Offline, for one."""
    monkeypatch.setattr(releases, "on_index", lambda *which, **more: [])
    with pytest.raises(LookupError, match="the index does not say which versions of jax there are"):
        releases.plan("jax", [], [], "", False)


def test_what_is_bisected_lies_between_and_runs_from_good_to_bad(index):
    """In either direction."""
    assert releases.between("jax", "0.4.30", "0.10.2", "3.11") == ["0.6.0"]
    assert releases.between("jax", "0.11.0", "0.4.30", "") == ["0.10.2", "0.6.0"]


def test_each_backend_is_fixed_to_the_last_package():
    """With its pins among the constraints; nothing names an index."""
    for backend in environments.BACKENDS:
        text = environments.constraints(backend).read_text()
        lines = [Requirement(line) for line in text.splitlines()]
        assert all(str(line.specifier).startswith("==") for line in lines), backend
        found = {line.name: line for line in lines}
        for pinned in map(Requirement, environments.EXTRAS[backend]):
            assert pinned.specifier.contains(str(found[pinned.name].specifier)[2:]), (backend, pinned)


def test_the_supported_range_ends_at_the_pins():
    """Each backend has one, no newer than what is pinned."""
    assert releases.SUPPORTED.keys() == {*environments.BACKENDS}
    for backend, oldest in releases.SUPPORTED.items():
        assert not environments.pin(backend) or Version(oldest) <= Version(
            environments.pin(backend)), backend


def test_how_many_processes_judge():
    """Several where a backend takes minutes; one knows nothing of other backends."""
    found = {backend: environments.processes(backend) for backend in environments.BACKENDS}
    assert found == {"numpy": 1, "torch": 1, "tensorflow": 2, "jax": 8, "mxnet": 1, "paddle": 1}
    assert environments.processes("mindspore") == 1
