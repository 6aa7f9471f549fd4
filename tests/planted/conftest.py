"""Which backend's tab the mistakes are planted in; numpy's is the reference."""

import sys
from pathlib import Path

import pytest

from lstm_ref.parity import registry
from lstm_ref.usage import shard

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "mutants")]  # its neighbours, and what puts a source in a module's place


def pytest_addoption(parser):
    group = parser.getgroup("planted")
    group.addoption("--tab", choices=registry.names())
    group.addoption("--build", type=Path, default=Path("build/parity"), help="folder of the truths")
    group.addoption("--shard", type=shard, metavar="K/N", help="run the K-th of N parts of all these tests")
    group.addoption("--sample", type=int, metavar="N",
                    help="plant N mistakes in a framework's tab, different ones for each (default: all, but only ten "
                         "of those that exchange one name)")


def pytest_ignore_collect(collection_path, config):
    """The catalogue is gone through on the reference, plants are put into the frameworks' tabs."""
    if collection_path.suffix == ".py" and collection_path.name.startswith("test_"):
        return (collection_path.name == "test_catalogue.py") != (config.option.tab == "numpy")
    return None


def pytest_collection_modifyitems(config, items):
    """The part that was asked for."""
    if config.option.shard:
        mine = items[config.option.shard]
        config.hook.pytest_deselected(items=[item for item in items if item not in mine])
        items[:] = mine


def pytest_configure(config):
    if config.option.tab is None:
        raise pytest.UsageError("say in which tab: --tab NAME")
    config.addinivalue_line("filterwarnings", "ignore")  # frameworks' warnings do not matter here
