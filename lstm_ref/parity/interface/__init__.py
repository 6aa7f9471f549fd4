"""All that an implementation, a backend or a port has to know of the judge.

Everything crosses this border as NumPy arrays of the tested precision; how a framework computes stays on its side.
"""

from lstm_ref.parity.interface.cells import CELLS, OTHERS, Cell, ResetAfter, cell_of, full, not_judged, row, split
from lstm_ref.parity.interface.epoch import Epoch, EpochAfterEpoch, Heard
from lstm_ref.parity.interface.framework import Framework, check_framework
from lstm_ref.parity.interface.implementation import (
    DTYPES,
    HALVES,
    MODES,
    WAYS,
    Drawn,
    Epochs,
    Implementation,
    Model,
    Parallel,
    Report,
    Trained,
    distinct,
)
from lstm_ref.parity.interface.known import KNOWN, Jax, MXNet, NumPy, Paddle, TensorFlow, Torch, framework
from lstm_ref.parity.interface.watch import LINES, NAMES, watch

__all__ = [
    "CELLS", "DTYPES", "HALVES", "KNOWN", "LINES", "MODES", "NAMES", "OTHERS", "WAYS", "Cell", "Drawn", "Epoch",
    "EpochAfterEpoch", "Epochs", "Framework", "Heard", "Implementation", "Jax", "MXNet", "Model", "NumPy", "Paddle",
    "Parallel", "Report", "ResetAfter", "TensorFlow", "Torch", "Trained", "cell_of", "check_framework", "distinct",
    "framework", "full", "not_judged", "row", "split", "watch",
]
