"""A framework of somebody's own, and the backend that it makes with functions."""

import types
from importlib import metadata

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

import lstm_ref as ref
from lstm_ref.parity import Framework, backend, judge, registry
from lstm_ref.parity.interface import framework

QUICK = {"cases": ("tiny",), "checks": ("forward", "vjp")}


class Autograd(Framework):
    """As docs/framework.md says it: three methods and a name."""

    name = package = "autograd"

    def tensor(self, array):
        return array.copy()

    def array(self, tensor):
        return np.asarray(tensor)

    def value_and_grad(self, function, tensors):
        value, grads = autograd.value_and_grad(lambda given: function(list(given)))(tuple(tensors))
        return value, list(grads)


def lstm(inputs, state, params):
    W_xi, W_hi, b_i, W_xf, W_hf, b_f, W_xo, W_ho, b_o, W_xc, W_hc, b_c, W_hq, b_q = params

    def sigmoid(x):
        return 1 / (1 + anp.exp(-x))

    H, C = state
    outputs = []
    for X in inputs:
        I = sigmoid(X @ W_xi + H @ W_hi + b_i)
        F = sigmoid(X @ W_xf + H @ W_hf + b_f)
        O = sigmoid(X @ W_xo + H @ W_ho + b_o)
        C = F * C + I * anp.tanh(X @ W_xc + H @ W_hc + b_c)
        H = O * anp.tanh(C)
        outputs.append(H @ W_hq + b_q)
    return anp.concatenate(outputs), (H, C)


tab = types.SimpleNamespace(lstm=lstm)


@pytest.mark.parametrize("given", [Autograd, Autograd()])
def test_a_class_of_three_methods_is_a_framework(given, truths):
    """As a class and as an object; gradients are judged."""
    verdict = judge(lstm=lstm, framework=given, folder=truths, **QUICK)
    assert verdict.passed, verdict
    assert {r["check"] for r in verdict.entry["results"]} == {"forward", "vjp"}


class Narrow(Autograd):
    def tensor(self, array):
        return array.astype(np.float32) if array.dtype == np.float64 else array.copy()


class Turned(Autograd):
    def array(self, tensor):
        return np.asarray(tensor)[::-1]


class Bare(Framework):
    name = "bare"

    def tensor(self, array):
        return array.copy()

    def array(self, tensor):
        return tensor


class Halved(Autograd):
    def value_and_grad(self, function, tensors):
        value, grads = super().value_and_grad(function, tensors)
        return value, [grad / 2 for grad in grads]


@pytest.mark.parametrize(("wrong", "words"), [
    (Narrow, r"framework autograd: expected array\(tensor\(a\)\) to be a, of shape \(2, 3\) and float64, got shape "
             r"\(2, 3\) and float32. Hand the dtype on in `tensor`, or say absent = {'float64': 'why'}"),
    (Turned, r"got shape \(2, 3\) and float32$"),
    (Bare, r"the gradient of a sum of squares raised AttributeError: .*'backward'.*. Write value_and_grad\(function, "
           r"tensors\), or say has_gradients = False"),
    (Halved, r"expected value_and_grad to give the gradient of a sum of squares, twice .* in float32, got "),
])
def test_a_framework_that_is_wrong_is_named_before_anybodys_functions(wrong, words, truths):
    """What goes wrong in its three methods would look like a mistake of the LSTM."""
    with pytest.raises(TypeError, match=words):
        judge(lstm=lstm, framework=wrong, folder=truths, **QUICK)


def test_what_it_lacks_is_said(truths):
    """In the lines under the table, with the reason."""
    class Half(Narrow):
        absent = {"float64": "the chip has none", "bfloat16": "no such arrays"}  # noqa: RUF012  # as a user writes it

    verdict = judge(lstm=lstm, framework=Half, folder=truths, **QUICK)
    assert verdict.passed and {r["dtype"] for r in verdict.entry["results"]} == {"float32"}
    assert "Not judged in float64: autograd, the chip has none." in verdict.table()


def test_a_namespace_of_the_array_standard_needs_nothing(truths):
    """But gradients, which the standard does not have."""
    numpy_like = types.ModuleType("standard")
    numpy_like.asarray, numpy_like.dot, numpy_like.__version__ = np.asarray, None, "7"
    verdict = judge(lstm=ref.lstm, framework=numpy_like, folder=truths, **QUICK)
    assert verdict.passed and verdict.entry["fingerprint"]["framework"] == "unknown"
    assert verdict.not_judged["vjp"] == "this framework has no gradients"


def test_with_gradients_it_needs_one_method(truths):
    """Beside its namespace."""
    class Mine:
        xp = anp
        value_and_grad = Autograd.value_and_grad

    verdict = judge(lstm=lstm, framework=Mine, folder=truths, **QUICK)
    assert verdict.passed and {r["check"] for r in verdict.entry["results"]} == {"forward", "vjp"}


def test_what_has_dlpack_alone_comes_back():
    """No `__array__` is asked for."""
    class Tensor:
        def __init__(self, array):
            self.values = array

        def __dlpack__(self, **more):
            return self.values.__dlpack__(**more)

        def __dlpack_device__(self):
            return self.values.__dlpack_device__()

    found = framework(types.SimpleNamespace(asarray=Tensor))
    assert np.array_equal(found.array(found.tensor(np.arange(3.0))), np.arange(3.0))


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A backend at an address, as another package has it."""
    (tmp_path / "mine.py").write_text(
        "from lstm_ref.parity import backend\nimport test_framework_tab as it\n"
        "Adapter = backend(it.Autograd, cases=('tiny', 'ragged'), scratch=it.tab, concise=it.tab)\n")
    module = types.ModuleType("test_framework_tab")
    module.Autograd, module.tab = Autograd, tab
    monkeypatch.setitem(__import__("sys").modules, "test_framework_tab", module)
    monkeypatch.chdir(tmp_path)
    return "mine:Adapter"


def test_a_framework_and_functions_make_a_backend(installed):
    """By its address, as an entry point names it, with both implementations on the cases that were chosen."""
    found = registry.load(installed)
    assert list(found.implementations) == ["scratch", "concise"] and found.version() == metadata.version("autograd")
    assert found.implementations["scratch"].cases == ("tiny", "ragged")
    assert found.implementations["scratch"].not_judged["loss"] == "not given: loss"


def test_an_implementation_says_what_it_can_not_do():
    """Each for itself, as a module has it."""
    layer = types.SimpleNamespace(lstm=lstm, dtypes={"float64": "its sigmoid is a float32"}, cannot={"chunks": "why"})
    found = backend(Autograd, scratch=tab, concise=layer)("cpu").implementations
    assert "float64" not in found["scratch"].dtypes
    assert found["concise"].dtypes["float64"] == "its sigmoid is a float32"
    assert found["concise"].not_judged["chunks"] == "why"


def test_a_backend_that_can_not_be_made_says_why():
    """A case that there is not, and nothing that is a role."""
    with pytest.raises(ValueError, match="cases: known are tiny"):
        backend(Autograd, cases=("huge",), scratch=tab)("cpu")
    with pytest.raises(TypeError, match="expected at least one of"):
        backend(Autograd, scratch=types.SimpleNamespace())("cpu")
