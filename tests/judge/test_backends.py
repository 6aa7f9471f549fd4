"""The registry of backends, with no framework installed."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import backends
from lstm_ref.parity import registry

ROOT = Path(__file__).parents[2]


def python(code, cwd):
    return subprocess.run([sys.executable, "-c", code], cwd=cwd, text=True, capture_output=True, check=False)


def test_importing_backends_imports_no_framework(tmp_path):
    """Not even NumPy."""
    code = "import sys, backends; print(sorted(set(backends.FRAMEWORKS.values()) & set(sys.modules)))"
    assert python(code, tmp_path).stdout.strip() == "[]"


def test_an_unknown_backend_lists_the_known_ones():
    """A typing error gets an answer."""
    known = "known are numpy, torch, tensorflow, jax, mxnet, paddle"
    with pytest.raises(ImportError, match=f"unknown backend 'tourch'; {known}"):
        from backends import tourch  # noqa: F401
    with pytest.raises(ImportError, match="unknown backend 'tourch'"):
        registry.load("tourch")


def test_a_missing_framework_says_what_to_install():
    """With the versions that are known to work."""
    with pytest.raises(ImportError, match=r'package mxnet, which is not installed.*"mxnet==1.9.1" "numpy<1.24"'):
        from backends import mxnet  # noqa: F401


def test_every_backend_has_its_pins():
    """Written once, in pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert registry.names() == list(backends.FRAMEWORKS) == list(project["entry-points"]["lstm_parity.backends"])
    assert not {*registry.names()} - {*project["optional-dependencies"]}
    for name in registry.names():
        assert backends.pins(name), name
    assert any(pin.startswith("torch==") for pin in backends.pins("torch"))


@pytest.mark.parametrize("folder", ["package", "namespace"])
def test_a_folder_of_the_frameworks_name_does_not_stand_in_for_it(folder, tmp_path):
    """Neither a package nor a plain folder called numpy, nor the folder backends itself."""
    (tmp_path / "numpy").mkdir()
    if folder == "package":
        (tmp_path / "numpy" / "__init__.py").write_text("raise RuntimeError('the wrong numpy')")
    code = "from backends import numpy as d2l; print(d2l.get_lstm_params(3, 2)[0].shape)"
    code = f"import sys; sys.path.append({str(ROOT)!r}); " + code
    for place in (tmp_path, ROOT / "backends"):
        run = python(code, place)
        assert run.stdout.strip() == "(3, 2)", run.stderr


def test_the_numpy_backend_is_the_reference():
    """The same functions under the book's import."""
    import lstm_ref
    from backends import numpy as d2l

    assert d2l.lstm is lstm_ref.lstm
    assert d2l.get_lstm_params is lstm_ref.get_lstm_params
