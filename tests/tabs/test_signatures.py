"""Each backend has the signatures of its own tab: a chapter's cells call them by position."""

import importlib
import inspect

import pytest

#: PyTorch's and MXNet's.
DEVICE = {
    "get_lstm_params": "vocab_size num_hiddens device", "init_lstm_state": "batch_size num_hiddens device",
    "get_params": "vocab_size num_hiddens device", "init_rnn_state": "batch_size num_hiddens device",
    "get_gru_params": "vocab_size num_hiddens device", "init_gru_state": "batch_size num_hiddens device",
    "lstm": "inputs state params", "rnn": "inputs state params", "gru": "inputs state params",
    "grad_clipping": "net theta", "sgd": "params lr batch_size",
    "RNNModelScratch": "vocab_size num_hiddens device get_params init_state forward_fn",
    "RNNModel": "rnn_layer vocab_size",
    "train_step_ch8": "net X Y state loss updater device",
    "train_epoch_ch8": "net train_iter loss updater device use_random_iter",
    "train_ch8": "net train_iter vocab lr num_epochs device use_random_iter",
    "predict_ch8": "prefix num_preds net vocab device",
    "load_data_time_machine": "batch_size num_steps use_random_iter max_tokens",
    "Vocab": "tokens min_freq reserved_tokens", "Timer": "", "Accumulator": "n",
    "Animator": "xlabel ylabel legend xlim ylim xscale yscale", "size": "a", "try_gpu": "i",
}
NO_DEVICE = {
    "get_lstm_params": "vocab_size num_hiddens", "init_lstm_state": "batch_size num_hiddens",
    "get_params": "vocab_size num_hiddens", "init_rnn_state": "batch_size num_hiddens",
    "get_gru_params": "vocab_size num_hiddens", "init_gru_state": "batch_size num_hiddens",
}
PURE = {"grad_clipping": "grads theta", "sgd": "params grads lr batch_size"}
SIGNATURES = {
    "numpy": {
        **DEVICE, **NO_DEVICE, **PURE,
        "RNNModelScratch": "vocab_size num_hiddens get_params init_state forward_fn backward_fn",
        "train_step": "params X Y state lr", "train_epoch_ch8": "net train_iter lr use_random_iter",
        "train_ch8": "net train_iter vocab lr num_epochs use_random_iter", "predict_ch8": "prefix num_preds net vocab",
        "train_step_ch8": None, "RNNModel": None, "size": None, "try_gpu": None,
    },
    "torch": DEVICE,
    "mxnet": DEVICE,
    "tensorflow": {
        **DEVICE, **NO_DEVICE, **PURE,
        "RNNModelScratch": "vocab_size num_hiddens init_state forward_fn get_params",
        "train_step_ch8": "net X Y state loss updater",
        "train_epoch_ch8": "net train_iter loss updater use_random_iter",
        "train_ch8": "net train_iter vocab lr num_epochs strategy use_random_iter",
        "predict_ch8": "prefix num_preds net vocab",
    },
    "paddle": {
        **DEVICE, **NO_DEVICE, "RNNModelScratch": "vocab_size num_hiddens get_params init_state forward_fn",
    },
    "jax": {
        **DEVICE, **NO_DEVICE, **PURE,
        "get_lstm_params": "key vocab_size num_hiddens", "get_params": "key vocab_size num_hiddens",
        "get_gru_params": "key vocab_size num_hiddens",
        "RNNModelScratch": "vocab_size num_hiddens get_params init_state forward_fn",
        "train_step_ch8": "net params X Y state loss lr",
        "train_epoch_ch8": "net params train_iter loss lr use_random_iter",
        "train_ch8": "net params train_iter vocab lr num_epochs use_random_iter",
        "predict_ch8": "prefix num_preds net params vocab",
    },
}
#: Names of the framework's own, called by the chapters in its own way.
ALIASES = ("arange", "concat", "normal", "reshape", "tensor", "zeros")


@pytest.mark.parametrize("name", sorted({name for table in SIGNATURES.values() for name in table}))
def test_signature(name, request):
    """The tab's parameters come first, in its order; what we add has a default."""
    backend = request.config.option.backend
    expected = SIGNATURES[backend].get(name)
    d2l = importlib.import_module(f"backends.{backend}")
    assert hasattr(d2l, name) == (expected is not None)
    if expected is None:
        return
    parameters = inspect.signature(getattr(d2l, name)).parameters.values()
    names = [p.name for p in parameters]
    count = len(expected.split())
    assert names[:count] == expected.split()
    optional = [p for p in parameters if p.default is not p.empty or p.kind is p.VAR_KEYWORD]
    assert set(names[count:]) <= {p.name for p in optional}


@pytest.mark.parametrize("name", ALIASES)
def test_alias(name, request):
    """Where there is a framework."""
    backend = request.config.option.backend
    d2l = importlib.import_module(f"backends.{backend}")
    assert callable(getattr(d2l, name, None)) == (backend != "numpy")
    assert name in d2l.__all__ or backend == "numpy"


def test_the_namespace_is_complete(request):
    """What it says it has, it has."""
    d2l = importlib.import_module(f"backends.{request.config.option.backend}")
    assert all(hasattr(d2l, name) for name in d2l.__all__)
