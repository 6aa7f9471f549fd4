"""The reference, run in the tested precision, as the judge sees it."""

import numpy as np

from lstm_ref.parity.implementation import Reference


class Adapter(Reference):
    """The sanity line of the report; raises RuntimeError for any device but the CPU."""

    def __init__(self, device):
        if device != "cpu":
            raise RuntimeError(f"device {device}: NumPy computes on the CPU alone; use --device cpu")
        super().__init__()

    @property
    def implementations(self):
        """The reference alone."""
        return {"reference": self}

    def version(self):
        """NumPy's version."""
        return np.__version__
