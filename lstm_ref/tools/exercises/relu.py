"""ReLU in the place of tanh in the vanilla RNN: the study of `clipping` on two activations."""

from lstm_ref.tools.exercises import clipping
from lstm_ref.tools.exercises.clipping import draw, measure, plan, tables
from lstm_ref.tools.exercises.study import Case

SETTINGS: Case = clipping.SETTINGS | {
    "kinds": {kind: {"num_hiddens": 128, "lr": [0.1, 0.3, 1.0, 3.0]} for kind in ("rnn", "rnn, relu")}}
SMALL: Case = clipping.SMALL | {
    "kinds": {kind: {"num_hiddens": 4, "lr": [1.0, 1e6]} for kind in ("rnn", "rnn, relu")}}
TABLES = ("relu",)
__all__ = ["SETTINGS", "SMALL", "TABLES", "draw", "measure", "plan", "tables"]
