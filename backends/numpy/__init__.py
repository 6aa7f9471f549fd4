"""The reference under the name of a backend: `from backends import numpy as d2l`."""

from backends import require

require(__name__)

from lstm_ref import (  # noqa: E402
    Accumulator,
    Animator,
    RNNModelScratch,
    Timer,
    Vocab,
    get_gru_params,
    get_lstm_params,
    get_params,
    grad_clipping,
    gru,
    gru_backward,
    init_gru_state,
    init_lstm_state,
    init_rnn_state,
    load_data_time_machine,
    lstm,
    lstm_backward,
    predict_ch8,
    rnn,
    rnn_backward,
    sgd,
    train_ch8,
    train_epoch_ch8,
    train_step,
)

__all__ = [
    "Accumulator", "Animator", "RNNModelScratch", "Timer", "Vocab", "get_gru_params", "get_lstm_params", "get_params",
    "grad_clipping", "gru", "gru_backward", "init_gru_state", "init_lstm_state", "init_rnn_state",
    "load_data_time_machine", "lstm", "lstm_backward", "predict_ch8", "rnn", "rnn_backward", "sgd", "train_ch8",
    "train_epoch_ch8", "train_step",
]
