"""All that an implementation, a backend or a port has to know of the judge.

Everything crosses this border as NumPy arrays of the tested precision; how a framework computes stays on its side.
"""

from lstm_ref.parity.interface.framework import Framework
from lstm_ref.parity.interface.implementation import DTYPES, Drawn, Epochs, Implementation, distinct
from lstm_ref.parity.interface.known import KNOWN, Jax, MXNet, NumPy, Paddle, TensorFlow, Torch, framework
from lstm_ref.parity.interface.watch import NAMES, watch

__all__ = ["DTYPES", "KNOWN", "NAMES", "Drawn", "Epochs", "Framework", "Implementation", "Jax", "MXNet", "NumPy",
           "Paddle", "TensorFlow", "Torch", "distinct", "framework", "watch"]
