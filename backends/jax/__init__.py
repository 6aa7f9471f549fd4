"""The book's namespace for JAX: `from backends import jax as d2l`."""

from backends import require

require(__name__)

from backends.jax.scratch import (  # noqa: E402
    RNNModelScratch,
    get_lstm_params,
    grad_clipping,
    init_lstm_state,
    loss,
    lstm,
    sgd,
    train_step_ch8,
)

__all__ = ["RNNModelScratch", "get_lstm_params", "grad_clipping", "init_lstm_state", "loss", "lstm", "sgd",
           "train_step_ch8"]
