"""The book's namespace for MXNet: `from backends import mxnet as d2l`."""

from backends import require

require(__name__).npx.set_np()  # NumPy semantics, as in the book

from backends.mxnet.scratch import (  # noqa: E402
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
