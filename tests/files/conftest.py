"""Which framework's ports are judged: those of one environment."""

from lstm_ref.parity.interface import KNOWN


def pytest_addoption(parser):
    parser.addoption("--written-in", choices=[name for name in KNOWN if "." not in name], default="numpy",
                     help="judge the ports that are written in this framework (default: numpy)")


def pytest_configure(config):
    config.addinivalue_line("filterwarnings", "ignore")  # ports and frameworks may warn
