"""Which backend's tab the mistakes are planted in."""

import sys
from pathlib import Path

import pytest

import backends

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "mutants")]  # its neighbours, and what puts a source in a module's place


def pytest_addoption(parser):
    group = parser.getgroup("planted")
    group.addoption("--backend", choices=[name for name in backends.names() if name != "numpy"])
    group.addoption("--sample", type=int, metavar="N",
                    help="plant N mistakes, others for each backend (default: all, but of those that are one exchanged "
                         "name ten)")
    group.addoption("--build", type=Path, default=Path("build/parity"), help="folder of the truths")


def pytest_configure(config):
    if config.option.backend is None:
        raise pytest.UsageError("say which backend: --backend NAME")
    config.addinivalue_line("filterwarnings", "ignore")  # what frameworks warn of is not in question here
