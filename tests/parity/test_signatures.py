"""Each backend has the signatures of its own tab: a chapter's cells call them by position."""

import importlib
import inspect

import pytest

DEVICE = {
    "get_lstm_params": "vocab_size num_hiddens device", "init_lstm_state": "batch_size num_hiddens device",
    "lstm": "inputs state params", "grad_clipping": "net theta", "sgd": "params lr batch_size",
    "RNNModelScratch": "vocab_size num_hiddens device get_params init_state forward_fn",
    "train_step_ch8": "net X Y state loss updater device",
}
NO_DEVICE = {"get_lstm_params": "vocab_size num_hiddens", "init_lstm_state": "batch_size num_hiddens"}
SIGNATURES = {
    "numpy": {
        **DEVICE, **NO_DEVICE, "grad_clipping": "grads theta", "sgd": "params grads lr batch_size",
        "RNNModelScratch": None, "train_step_ch8": None, "train_step": "params X Y state lr",
    },
    "torch": DEVICE,
    "mxnet": DEVICE,
    "tensorflow": {
        **DEVICE, **NO_DEVICE, "grad_clipping": "grads theta", "sgd": "params grads lr batch_size",
        "RNNModelScratch": "vocab_size num_hiddens init_state forward_fn get_params",
        "train_step_ch8": "net X Y state loss updater",
    },
    "paddle": {
        **DEVICE, **NO_DEVICE, "RNNModelScratch": "vocab_size num_hiddens get_params init_state forward_fn",
    },
    "jax": {
        **DEVICE, "get_lstm_params": "key vocab_size num_hiddens", "init_lstm_state": "batch_size num_hiddens",
        "grad_clipping": "grads theta", "sgd": "params grads lr batch_size",
        "RNNModelScratch": "vocab_size num_hiddens get_params init_state forward_fn",
        "train_step_ch8": "net params X Y state loss lr",
    },
}


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
    optional = [p for p in parameters if p.default is not p.empty]
    assert set(names[count:]) <= {p.name for p in optional}
