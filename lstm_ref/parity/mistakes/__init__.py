"""The catalogue of mistakes: what people get wrong in porting an LSTM or a GRU, each written once, on the reference.

It has two uses. Power: every mistake is presented to the checks as if it were a backend, and has to be caught by the
check meant for it. Diagnosis: when a backend fails, the mistakes are compared with what it computes
(`lstm_ref.parity.explain.diagnose`).
"""

from lstm_ref.parity.mistakes import conduct, gates, gru, loop, loss, outputs, parallel, precision, start, update
from lstm_ref.parity.mistakes.mistake import Mistake, Mistaken

MISTAKES: tuple[Mistake, ...] = (
    *start.PARAMETERS, *start.STATES,
    *gates.PARAMETERS, *gates.CELL, *outputs.STATE, *outputs.OUTPUTS, *precision.PRECISION,
    *outputs.GRADIENT, *loss.LOSS, *loss.TARGETS, *update.CLIPPING, *update.UPDATE,
    *loop.TRAINING, *loop.SAMPLING, *loop.PREDICTION, *conduct.CONDUCT, *gru.GRU,
    *parallel.PARALLEL,
)

__all__ = ["MISTAKES", "Mistake", "Mistaken"]
