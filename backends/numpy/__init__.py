"""The reference under the name of a backend: `from backends import numpy as d2l`."""

from backends import require

require(__name__)

from lstm_ref import (  # noqa: E402
    get_lstm_params,
    grad_clipping,
    init_lstm_state,
    lstm,
    sgd,
    train_step,
)

__all__ = ["get_lstm_params", "grad_clipping", "init_lstm_state", "lstm", "sgd", "train_step"]
