"""Which framework's ports are judged: those of one environment."""

from lstm_ref.parity.interface import KNOWN


def pytest_addoption(parser):
    parser.addoption("--written-in", choices=[name for name in KNOWN if "." not in name], default="numpy",
                     help="judge the ports that are written in this framework (default: numpy)")


def pytest_configure(config):
    config.addinivalue_line("filterwarnings", "ignore")  # ports and frameworks may warn


def pytest_ignore_collect(collection_path, config):
    """What is the same in every environment is tested in one, as is an operator that is weak in one."""
    one = {**dict.fromkeys(("test_command.py", "test_probe.py", "test_returned.py"), "numpy"), "test_weak.py": "mxnet"}
    return True if one.get(collection_path.name, config.option.written_in) != config.option.written_in else None


def pytest_collection_modifyitems(config, items):
    """Without a port that is wrong, or a mistake made by hand, in this framework there is nothing to test."""
    empty = [item for item in items if item.name.endswith("[NOTSET]")]
    config.hook.pytest_deselected(items=empty)
    items[:] = [item for item in items if item not in empty]
