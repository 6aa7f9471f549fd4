"""The book's namespace for JAX: `from backends import jax as d2l`."""

from backends import require

require(__name__)

from backends.jax.aliases import (  # noqa: E402
    arange,
    concat,
    load_data_time_machine,
    normal,
    reshape,
    size,
    tensor,
    try_gpu,
    zeros,
)
from backends.jax.concise import RNNModel  # noqa: E402
from backends.jax.scratch import (  # noqa: E402
    RNNModelScratch,
    get_gru_params,
    get_lstm_params,
    get_params,
    gru,
    init_gru_state,
    init_lstm_state,
    init_rnn_state,
    lstm,
    rnn,
)
from backends.jax.training import (  # noqa: E402
    grad_clipping,
    loss,
    predict_ch8,
    sgd,
    train_ch8,
    train_epoch_ch8,
    train_step_ch8,
)
from lstm_ref import Accumulator, Animator, Timer, Vocab  # noqa: E402

__all__ = [
    "Accumulator", "Animator", "RNNModel", "RNNModelScratch", "Timer", "Vocab", "arange", "concat",
    "get_gru_params", "get_lstm_params", "get_params", "grad_clipping", "gru", "init_gru_state", "init_lstm_state",
    "init_rnn_state", "load_data_time_machine", "loss", "lstm", "normal", "predict_ch8", "reshape", "rnn", "sgd",
    "size", "tensor", "train_ch8", "train_epoch_ch8", "train_step_ch8", "try_gpu", "zeros",
]
