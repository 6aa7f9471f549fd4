"""ReLU in the place of tanh in the vanilla RNN: the study of `clipping` on two activations."""

from lstm_ref.tools.exercises import clipping
from lstm_ref.tools.exercises.clipping import draw, measure, plan, tables
from lstm_ref.tools.exercises.study import Case

SETTINGS: Case = clipping.SETTINGS | {"kinds": {"rnn": 128, "rnn, relu": 128}, "lr": [0.1, 0.3, 1.0, 3.0]}
SMALL: Case = clipping.SMALL | {"kinds": {"rnn": 4, "rnn, relu": 4}}
TABLES = ("relu",)
__all__ = ["SETTINGS", "SMALL", "TABLES", "draw", "measure", "plan", "tables"]
