"""A NumPy reference for the LSTM of *Dive into Deep Learning*: forward pass, gradient, training and data."""

from lstm_ref.animator import Animator
from lstm_ref.gru import GRUGrads, GRUParams, get_gru_params, gru, gru_backward, gru_param_shapes, init_gru_state
from lstm_ref.loop import Accumulator, Timer
from lstm_ref.loss import cross_entropy, cross_entropy_backward, log_softmax, perplexity
from lstm_ref.lstm import LSTMGrads, lstm, lstm_backward, sigmoid
from lstm_ref.model import RNNModelScratch, predict_ch8, train_ch8, train_epoch_ch8
from lstm_ref.parallel import Workers, all_reduce, shards, train_workers_epoch
from lstm_ref.params import PARAM_NAMES, LSTMParams, get_lstm_params, init_lstm_state, param_shapes
from lstm_ref.rnn import RNNGrads, RNNParams, get_params, init_rnn_state, rnn, rnn_backward, rnn_param_shapes
from lstm_ref.text import (
    SeqDataLoader,
    Vocab,
    load_corpus_time_machine,
    load_data_time_machine,
    seq_data_iter_random,
    seq_data_iter_sequential,
)
from lstm_ref.training import grad_clipping, loss_and_grads, one_hot, sgd, train_step

__all__ = [
    "PARAM_NAMES", "Accumulator", "Animator", "GRUGrads", "GRUParams", "LSTMGrads", "LSTMParams", "RNNGrads",
    "RNNModelScratch", "RNNParams", "SeqDataLoader", "Timer", "Vocab", "Workers", "all_reduce", "cross_entropy",
    "cross_entropy_backward", "get_gru_params", "get_lstm_params", "get_params", "grad_clipping", "gru",
    "gru_backward", "gru_param_shapes", "init_gru_state", "init_lstm_state", "init_rnn_state",
    "load_corpus_time_machine", "load_data_time_machine", "log_softmax", "loss_and_grads", "lstm", "lstm_backward",
    "one_hot", "param_shapes", "perplexity", "predict_ch8", "rnn", "rnn_backward", "rnn_param_shapes",
    "seq_data_iter_random", "seq_data_iter_sequential", "sgd", "shards", "sigmoid", "train_ch8", "train_epoch_ch8",
    "train_step", "train_workers_epoch",
]
