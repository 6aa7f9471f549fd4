"""Where the training code of a tab computes: what it moves to the device that it is given, what it brings back."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from training_code import minibatches, of

from lstm_ref.parity.cases import make
from lstm_ref.text import Vocab

pytestmark = pytest.mark.beside("numpy")  # the reference's own are in tests/reference
CASE = make("ragged").astype("float32")
_, BATCH, VOCAB_SIZE, _ = CASE.sizes
VOCAB = Vocab("abcdef")  # and <unk>


@pytest.mark.only("torch", "mxnet", "paddle")
def test_a_minibatch_is_moved_to_the_device(adapter, backend, monkeypatch):
    """X and Y both, where the tab takes a device; MXNet has a second name for the host."""
    implementation = of(adapter, "scratch")
    net, (X, Y), device, moved = implementation.net(CASE.params), minibatches(adapter, CASE, 1)[0], adapter.device, []
    if backend == "mxnet":
        from mxnet import npx

        device = npx.cpu(1)
        net.params = [param.as_in_ctx(device) for param in net.params]
        for param in net.params:
            param.attach_grad()
    state = net.begin_state(BATCH, *([] if backend == "paddle" else [device]))
    way = "as_in_ctx" if backend == "mxnet" else "to"
    move = getattr(type(X), way)
    monkeypatch.setattr(type(X), way, lambda self, *a: (moved.append((tuple(self.shape), *a)), move(self, *a))[1])
    implementation.training.train_step_ch8(
        net, X, Y, state, implementation.training.loss, implementation.updater(net, 1.0), device)
    assert {((BATCH, 2), device), ((BATCH * 2,), device)} <= {one for one in moved if one[1] == device}


@pytest.mark.only("mxnet")
def test_a_large_tensor_starts_no_second_set_of_threads(backend):
    """MXNet would, and compute at half its speed from then on. In a process of its own, where none are yet."""
    threads = Path("/proc/self/task")
    if not threads.exists():
        pytest.skip("this system does not list a process's threads: run on Linux")
    code = (f"import os, numpy; from lstm_ref.parity import registry; adapter = registry.load({backend!r}, 'cpu')\n"
            "for size in (2, 2**20):\n"
            f"    adapter.array(adapter.tensor(numpy.zeros(size, 'float32'))); print(len(os.listdir('{threads}')))")
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          env={**os.environ, "OMP_NUM_THREADS": "2"}).stdout
    before, after = told.split()
    assert before == after


@pytest.mark.only("torch", "mxnet", "paddle")
def test_a_prediction_is_made_on_the_device(adapter, backend, monkeypatch):
    """Token and state; what comes back is brought to the host."""
    training, seen = of(adapter, "scratch").training, []

    class Outputs:
        """On the device: only `cpu()`, or MXNet's and Paddle's own ways, lead to numbers."""

        def __getitem__(self, i):
            assert i == 0
            return Outputs() if backend == "torch" else self

        def cpu(self):
            return adapter.tensor(np.zeros(VOCAB_SIZE))

        def asnumpy(self):
            return np.zeros(VOCAB_SIZE)

        numpy = asnumpy if backend == "paddle" else None

    class Net:
        def begin_state(self, batch_size, device=None, ctx=None):
            seen.append((batch_size, device or ctx))

        def __call__(self, X, state):
            seen.append(X.device if backend == "torch" else X.ctx if backend == "mxnet" else X.place)
            return Outputs(), state

    device = {"torch": lambda: __import__("torch").device("meta"), "mxnet": lambda: __import__("mxnet").npx.cpu(1),
              "paddle": lambda: adapter.device}[backend]()
    if backend == "torch":
        monkeypatch.setattr(training.loop, "predict", lambda prefix, n, vocab, state, step, *_: step(3, state))
    if backend == "paddle":  # which has one name for the host
        to_tensor = training.paddle.to_tensor
        monkeypatch.setattr(training.paddle, "to_tensor", lambda data, place: to_tensor(data, place=place))
    training.predict_ch8("a", 1, Net(), VOCAB, device)
    assert seen == [(1, None if backend == "paddle" else device), device]


@pytest.mark.parametrize("label", ["scratch", "concise"])
def test_a_prediction_gives_numbers_to_the_host(label, adapter, monkeypatch):
    """The loop chooses the character from a NumPy array, one number for each of the vocabulary."""
    implementation = of(adapter, label)
    monkeypatch.setattr(implementation.training.loop, "predict",
                        lambda prefix, n, vocab, state, step, *_: step(3, state))
    outputs, state = implementation.predict(implementation.net(CASE.params), "a", 1, VOCAB)
    assert isinstance(outputs, np.ndarray) and outputs.shape == (VOCAB_SIZE,)
    assert not any(getattr(tensor, "requires_grad", False) for tensor in state), "a history that grows with the text"
    assert all(getattr(tensor, "stop_gradient", True) for tensor in state)


@pytest.mark.only("jax")
def test_what_was_compiled_is_forgotten(adapter, monkeypatch):
    """Or a long session has no memory maps left, of which a process may have 65,530 in Linux; not before it must be."""
    import jax

    compiled = jax.jit(lambda x: x + 1)
    compiled(1.0)
    assert compiled._cache_size() == 1
    monkeypatch.setattr(adapter, "MAPS", adapter.maps() + 1000)
    adapter.forget()
    assert compiled._cache_size() == 1, "too early: it is compiled again"
    monkeypatch.setattr(adapter, "MAPS", -1)
    adapter.forget()
    assert compiled._cache_size() == 0


@pytest.mark.only("torch")
def test_what_the_floor_takes_for_products_are_products(adapter):
    """Of a benchmark; in whatever way they are computed, on the host."""
    a, b = adapter.tensors(np.random.default_rng(0).normal(size=(2, 48, 48)).astype(np.float32))
    others = adapter.other_products(a, b)
    assert [*others] == (["packed"] if adapter.device.type == "cpu" else [])
    # Sums of 48 products in another order: some epsilons of float32 on numbers of order ten.
    for compute in [adapter.product(a, b)[0], *others.values()]:
        np.testing.assert_allclose(adapter.array(compute()), adapter.array(a) @ adapter.array(b), atol=1e-4)
