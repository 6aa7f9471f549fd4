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
    group.addoption("--sample", type=int, default=12, metavar="N",
                    help="of the mistakes that are one exchanged name, plant N chosen at random (default: 12)")
    group.addoption("--build", type=Path, default=Path("build/parity"), help="folder of the truths")


def pytest_configure(config):
    if config.option.backend is None:
        raise pytest.UsageError("say which backend: --backend NAME")
