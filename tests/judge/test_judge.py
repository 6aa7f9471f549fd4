"""The public call: what is given is judged, what is not is said, and what can't be called gets a sentence."""

import json

import numpy as np
import pytest
from autograd import numpy as differentiable
from autograd import value_and_grad

import lstm_ref
from lstm_ref.parity import judge
from lstm_ref.parity.explain import diagnose
from lstm_ref.parity.table import ROWS

CASES = ("tiny", "ragged")


@pytest.fixture(autouse=True)
def no_pairs(monkeypatch):
    """The search for two mistakes at a time, of eight seconds, is tested with the diagnosis."""
    monkeypatch.setattr(diagnose, "PAIR_SECONDS", 0)


class Autograd:
    """A framework that the judge does not know."""

    tensor = array = staticmethod(np.asarray)

    def value_and_grad(self, function, tensors):
        return value_and_grad(function)(list(tensors))


def sigmoid(x):
    return differentiable.exp(-differentiable.logaddexp(0, -x))


def step(X, state, params, wrong=False):
    W_xi, W_hi, b_i, W_xf, W_hf, b_f, W_xo, W_ho, b_o, W_xc, W_hc, b_c, W_hq, b_q = params
    H, C = state
    I = sigmoid(X @ W_xi + H @ (W_hf if wrong else W_hi) + b_i)
    F = sigmoid(X @ W_xf + H @ W_hf + b_f)
    O = sigmoid(X @ W_xo + H @ W_ho + b_o)
    C = F * C + I * differentiable.tanh(X @ W_xc + H @ W_hc + b_c)
    H = O * differentiable.tanh(C)
    return H @ W_hq + b_q, (H, C)


def lstm(inputs, state, params, wrong=False):
    outputs = []
    for X in inputs:
        Y, state = step(X, state, params, wrong)
        outputs.append(Y)
    return differentiable.concatenate(outputs), state


def gru(inputs, state, params, after=False):
    W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xh, W_hh, b_h, W_hq, b_q = params
    (H,), outputs = state, []
    for X in inputs:
        Z = sigmoid(X @ W_xz + H @ W_hz + b_z)
        R = sigmoid(X @ W_xr + H @ W_hr + b_r)
        H_tilda = differentiable.tanh(X @ W_xh + (R * (H @ W_hh) if after else (R * H) @ W_hh) + b_h)
        H = Z * H + (1 - Z) * H_tilda
        outputs.append(H @ W_hq + b_q)
    return differentiable.concatenate(outputs), (H,)


def wrong_lstm(inputs, state, params):
    return lstm(inputs, state, params, wrong=True)


def loss(y_hat, y):
    """One number an example, as MXNet's."""
    shifted = y_hat - differentiable.max(y_hat, axis=1, keepdims=True)
    log_p = shifted - differentiable.log(differentiable.sum(differentiable.exp(shifted), axis=1, keepdims=True))
    return -log_p[np.arange(len(y)), y]


def keras_loss(y_true, y_pred):
    return differentiable.mean(loss(y_pred, y_true))


def judged(truths, **given):
    return judge(**{"framework": Autograd, "cases": CASES, "folder": truths, **given})


@pytest.mark.parametrize(("given", "checks"), [
    ({"lstm": lstm}, "forward not_finite arguments vjp chunks own"),
    ({"lstm_step": step}, "forward not_finite arguments vjp chunks own"),
    ({"lstm": lstm, "loss": loss}, "forward not_finite arguments vjp chunks loss backward own"),
    ({"lstm": lstm, "loss": keras_loss}, "forward not_finite arguments vjp chunks loss backward own"),
    ({"grad_clipping": lstm_ref.grad_clipping, "sgd": lstm_ref.sgd}, "clipping sgd"),
    ({"train_step": lstm_ref.train_step}, "step"),
    ({"get_lstm_params": lstm_ref.get_lstm_params, "init_lstm_state": lstm_ref.init_lstm_state}, "params state"),
])
def test_the_checks_follow_from_what_is_given(given, checks, truths):
    """By a framework that nobody here knows; the rest is not given, and the verdict says what is missing."""
    verdict = judged(truths, **given, cannot={})
    assert verdict.passed, verdict
    done = {result["check"] for result in verdict.entry["results"]}
    assert done == {*checks.split()} - {*verdict.not_judged}
    assert done | verdict.not_judged.keys() == {*ROWS}
    assert "not given: train_epoch_ch8" in verdict.table()


@pytest.mark.parametrize("cell", ["gru", "gru_after"])
def test_a_gru_is_judged_in_its_own_form(cell, truths):
    """As an LSTM is; in the other form it is wrong, and the words say which it is."""
    def given(inputs, state, params):
        return gru(inputs, state, params, after=cell == "gru_after")

    cases = ("gru-ragged", "gru_after-ragged")
    right = judged(truths, **{cell: given}, loss=loss, cases=cases)
    assert right.passed, right
    assert {result["case"] for result in right.entry["results"]} == {f"{cell}-ragged"}
    assert {result["check"] for result in right.entry["results"]} == {
        "forward", "not_finite", "arguments", "vjp", "backward", "chunks", "own"}
    assert right.not_judged["forward"] == "not given: lstm or lstm_step" and "gru" not in right.not_judged
    wrong = judged(truths, **{{"gru": "gru_after", "gru_after": "gru"}[cell]: given}, loss=loss, cases=cases)
    assert not wrong.passed
    assert "with this mistake: GRU: reset gate on the other side of the product" in str(wrong)
    assert "in the candidate H_tilda, or the reset gate R in it" in str(wrong)


def test_a_mistake_is_named():
    """In the words of a failure, which are the message of an assert; as JSON and for a notebook too."""
    verdict = judge(lstm=wrong_lstm, framework=Autograd(), cases=CASES, name="mine")
    assert not verdict.passed and verdict.failures
    with pytest.raises(AssertionError, match="your result equals the reference with this mistake: W_hf for W_hi"):
        assert verdict.passed, verdict
    text = str(verdict)
    for words in ("Fix: Use W_hi.", "in the input gate I", "mathematics", "WRONG", "not given: loss"):
        assert words in text
    assert text.count("Fix: Use W_hi.") == 1, "what two checks share is shown once"
    report = json.loads(json.dumps(verdict.json()))
    assert report["schema"] == 1 and report["backends"]["mine"]["status"] == "fail"
    page = verdict._repr_html_()
    for words in ("<table>", "WRONG", "W_hf for W_hi", "time step"):
        assert words in page


def test_a_namespace_is_judged_by_what_it_has(truths):
    """And what of it can't be called takes nothing along."""
    verdict = judge(lstm_ref, framework="numpy", cases=CASES, folder=truths, cannot={"params": "too few weights here"})
    assert verdict.passed, verdict
    assert {result["check"] for result in verdict.entry["results"]} == {
        "state", "forward", "not_finite", "arguments", "clipping", "sgd", "step", "chunks"}
    assert "forward_fn, backward_fn, rng, dtype) can't be called" in verdict.not_judged["carrier"]
    assert verdict.not_judged["vjp"] == "this framework has no gradients"
    assert verdict.not_judged["params"] == "too few weights here"


def weak(inputs, state, params):
    """Its products have 11 bits, in whatever precision that is not float64."""
    if inputs.dtype == np.float64:
        raise NotImplementedError("no kernel for float64")
    return lstm_ref.lstm(inputs, state, [p.astype(np.float16).astype(np.float32) for p in params])


@pytest.mark.parametrize(("dtypes", "words"), [
    (("float32",), "no float64 here: no float64 here, as declared"),
    ({"float64": "the chip has none"}, "no float64 here: the chip has none"),
    (("float32", "float64"), "no float64 here: raised NotImplementedError: no kernel for float64"),
])
def test_what_has_one_precision_alone_is_not_settled(dtypes, words, truths):
    """Neither rounding nor mathematics is claimed."""
    verdict = judge(lstm=weak, framework="numpy", dtypes=dtypes, cases=("ragged",), checks=("forward",), folder=truths)
    wrong = [result for result in verdict.failures if result.dtype == "float32"]
    assert {result.verdict for result in wrong} == {"not settled"}
    assert all(words in result.detail for result in wrong)
    assert "not settled" in verdict and "another function is computed" not in str(verdict)


class Attached:
    """Arrays that carry their gradient, and a framework of them."""

    def __init__(self, array):
        self.array, self.grad, self.shape = np.asarray(array), None, np.shape(array)


class Carrying:
    def tensor(self, array):
        return Attached(array)

    def array(self, tensor):
        return tensor.array if isinstance(tensor, Attached) else np.asarray(tensor)


def clip_in_place(net, theta):
    norm = np.sqrt(sum((p.grad.array**2).sum() for p in net.params))
    if norm > theta:
        for p in net.params:
            p.grad.array = p.grad.array * (theta / norm)


def sgd_in_place(params, lr, batch_size):
    for p in params:
        p.array = p.array - lr * p.grad.array / batch_size


def sgd_of_a_sum(params, lr, batch_size):
    for p in params:
        p.array = p.array - lr * p.grad.array


def clip_by_value(net, theta):
    for p in net.params:
        p.grad.array = np.clip(p.grad.array, -theta, theta)


def test_what_changes_its_arguments_is_judged_by_what_it_leaves(truths):
    """The book's `grad_clipping(net, theta)` and `sgd(params, lr, batch_size)`; and wrong ones."""
    verdict = judged(truths, framework=Carrying(), grad_clipping=clip_in_place, sgd=sgd_in_place)
    assert verdict.passed, verdict
    assert {result["check"] for result in verdict.entry["results"]} == {"clipping", "sgd"}
    wrong = judged(truths, framework=Carrying(), grad_clipping=clip_by_value, sgd=sgd_of_a_sum)
    assert {result.check for result in wrong.failures} == {"clipping", "sgd"}
    assert {result.quantity[:4] for result in wrong.failures if result.check == "sgd"} == {"lr 0"}


class NoArray:
    tensor = staticmethod(np.asarray)


@pytest.mark.parametrize(("given", "error", "words"), [
    ({}, TypeError, "nothing to judge was given; name at least one role of get_lstm_params, init_lstm_state, lstm"),
    ({"lsmt": lstm}, TypeError, "unknown role 'lsmt'; known are get_lstm_params"),
    ({"lstm": 3}, TypeError, r"lstm: expected a function like lstm\(inputs, state, params\), got int"),
    ({"lstm": lambda x: x}, TypeError, r"got <lambda>\(x\). Give one that is called so:\n    def lstm\(inputs"),
    ({"lstm": lstm, "framework": None}, TypeError, "framework: say which, as framework='torch', or give an object"),
    ({"lstm": lstm, "framework": "tourch"}, ValueError, "known by name are numpy, torch, .* got 'tourch'"),
    ({"lstm": lstm, "framework": NoArray()}, TypeError, r"has no array. Write:\n    class MyFramework:\n"),
    ({"lstm": lstm, "framework": "mxnet"}, ImportError, "framework mxnet: .*pip install mxnet"),
    ({"lstm": lstm, "checks": ("forwards",)}, ValueError, "checks: known are params, .* got 'forwards'"),
    ({"lstm": lstm, "cases": ("huge",)}, ValueError, "cases: known are tiny, .* got 'huge'"),
    ({"lstm": lstm, "dtypes": ("float8",)}, TypeError,
     "dtypes: judged are float32, float64, float16, bfloat16, got 'float8'"),
    ({"lstm": lstm, "cannot": {"fly": "no wings"}}, TypeError, "cannot: unknown check 'fly'; known are params"),
])
def test_what_can_not_be_judged_gets_a_sentence(given, error, words, truths):
    """Before anything is computed; with what to write where something is missing."""
    with pytest.raises(error, match=f"(?s){words}"):
        judged(truths, **given)


def test_a_part_is_called_a_part(truths):
    """Where not all checks were asked for; and which cases it was judged on."""
    verdict = judged(truths, lstm=lstm, checks=("forward",))
    assert "pass (part)" in verdict.table() and "only a part was run: 4 of 15 checks" in verdict.table()
    assert "Cases: tiny, ragged." in verdict.table()
    assert "part" not in judged(truths, lstm=lstm).table()


def test_nothing_is_borrowed(truths, monkeypatch):
    """A port without a loss is not given ours: with ours broken it passes as before."""
    for name in ("cross_entropy", "grad_clipping", "sgd", "train_step"):
        monkeypatch.setattr(lstm_ref, name, None)
    assert judged(truths, lstm=lstm).passed


@pytest.mark.parametrize("error", [SystemExit(0), KeyboardInterrupt()])
def test_what_ends_the_program_is_a_finding_and_an_interrupt_is_none(error):
    """The caller's program goes on, unless its user ends it."""
    def ends(inputs, state, params):
        raise error

    def judged():
        return judge(lstm=ends, framework="numpy", checks=("forward", "arguments"), cases=CASES)

    if isinstance(error, KeyboardInterrupt):
        with pytest.raises(KeyboardInterrupt):
            judged()
    else:
        verdict = judged()
        assert not verdict.passed and "the call: raised SystemExit: 0 (test_judge.py, line" in verdict, verdict
