"""Every check of the table, for every implementation, case and precision of `--backend`: the plugin collects them."""

from lstm_ref.parity.runner.plugin import checks

__all__ = ["checks"]
