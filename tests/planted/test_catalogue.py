"""The catalogue on the reference: each mistake is caught by the check meant for it, and one of each stage is named."""

import numpy as np
import pytest

from lstm_ref.parity.cases import make
from lstm_ref.parity.checks import CHECKS
from lstm_ref.parity.explain.diagnose import diagnose
from lstm_ref.parity.interface import CELLS
from lstm_ref.parity.mistakes import MISTAKES, Mistake, Mistaken
from lstm_ref.parity.reference import Reference

SMALL = ("tiny", "ragged", "brief-sequential", "brief-random")
#: Checks that need many weights, 28 tokens, other weights in one model, steps of which some are clipped, or workers.
LARGER = {**dict.fromkeys(("params", "carrier", "prediction", "written", "kept"), ("large",)), "model": ("square",),
          "chapter": ("clipped",), "reports": ("sequential",), "parallel": ("workers-2-5", "workers-2-4")}


def judged(check, implementation, case, truths):
    return CHECKS[check].judge(implementation, "planted", case, truths)


def cases(check, dtype, cell="lstm"):
    """Small cases that the check applies to."""
    names = LARGER.get(check, SMALL)
    if cell != "lstm":  # `brief` and the like are the LSTM's
        names = [f"{cell}-{name}" for name in ("ragged", "clipped")]
    return [make(name).astype(dtype) for name in CHECKS[check].cases(names)]


def by_name(*names):
    return Mistaken(*(next(m for m in MISTAKES if m.name == name) for name in names))


@pytest.mark.parametrize(("mistake", "dtype"), [
    pytest.param(m, dtype, id=f"{m.name.replace(' ', '_')}-{dtype}") for m in MISTAKES for dtype in m.dtypes])
def test_a_planted_mistake_is_caught(mistake, dtype, truths):
    """By the check meant for it, on one or two small cases."""
    with np.errstate(all="ignore"):
        results = [r for case in cases(mistake.check, dtype, mistake.cell)
                   for r in judged(mistake.check, Mistaken(mistake), case, truths)]
    failed = [r for r in results if not r.passed]
    assert failed
    assert not any(r.quantity == "the call" and "expected shape" not in r.detail for r in failed), \
        "code that breaks down proves nothing"


@pytest.mark.parametrize(("check", "dtype", "cell"), [
    (name, dtype, cell) for name, check in CHECKS.items() for dtype in check.dtypes if dtype not in Reference.dtypes
    for cell in CELLS if cell == "lstm" or {*check.cells} & {"ragged", "clipped"}])
def test_the_reference_itself_is_not_caught(check, dtype, cell, truths):
    """No false alarm where nothing is planted; the same machinery, with an edit that changes nothing."""
    edits = (("lstm", "    H, C = state\n    outputs", "    (H, C) = state\n    outputs"),)
    nothing = Mistake("nothing", "", "", check, edits, by_hand=False)
    for case in cases(check, dtype, cell):
        results = judged(check, Mistaken(nothing), case, truths)
        assert results
        assert all(r.passed for r in results), results


class InFloat32(Reference):
    """A mistake of precision as it is: in float64 there is none."""

    def __init__(self, name):
        super().__init__()
        self.mistaken = by_name(name)

    def forward(self, inputs, state, params):
        which = self.mistaken if inputs.dtype == np.float32 else super()
        return which.forward(inputs, state, params)

    def loss_and_grads(self, inputs, state, params, targets):
        which = self.mistaken if inputs.dtype == np.float32 else super()
        return which.loss_and_grads(inputs, state, params, targets)

    def train_step(self, params, X, Y, state, lr, theta):
        which = self.mistaken if params[0].dtype == np.float32 else super()
        return which.train_step(params, X, Y, state, lr, theta)

    def train(self, params, epochs, lr, use_random_iter):
        which = self.mistaken if params[0].dtype == np.float32 else super()
        return which.train(params, epochs, lr, use_random_iter)


@pytest.mark.parametrize("name", [
    "weights with variance 0.01", "H and C share their memory", "state drawn at random", "W_hf and W_hi exchanged",
    "output gate and candidate exchanged", "hard sigmoid", "float64 inside", "only the last step's outputs",
    "gradient not carried through C", "softmax twice", "targets batch-major", "clipping with an epsilon",
    "two biases trained", "momentum", "state carried into the next epoch", "sequential partition shuffled",
    "sampling for argmax", "weights drawn anew", "arguments not checked", "vanilla RNN without the old state",
    "GRU: Z and 1 - Z exchanged", "GRU: update gate and candidate exchanged", "GRU: the bias under the reset gate",
    "GRU: no gradient through the reset gate", "workers weighted alike", "gradients not reduced",
])
def test_the_mistake_is_named_first(name, truths):
    """One of each stage; all of them are planted in the frameworks' tabs by tests/planted."""
    expected = {"W_hf and W_hi exchanged": "W_hi and W_hf exchanged"}.get(name, name)
    found = diagnose(by_name(expected), truths)
    assert found.findings, found.lines()
    assert found.findings[0].name == expected
    lines = "\n".join(found.lines())
    mistake = found.findings[0].mistakes[0]
    assert mistake.sentence in lines and mistake.fix in lines


@pytest.mark.parametrize("name", ["products in TF32", "products in bfloat16", "products in float16",
                                  "memory cell in bfloat16", "gradients in float16", "softmax in float16"])
def test_a_mistake_of_precision_is_named(name, truths):
    """Where float64 is right, float32 is looked at."""
    found = diagnose(InFloat32(name), truths)
    assert found.findings and found.findings[0].name == name, found.lines()


@pytest.mark.parametrize("names", [
    ("b_o left out", "clipping with an epsilon"),  # in different checks
    ("forget bias of one", "outputs from C"),  # both in the forward pass
])
def test_two_mistakes_are_named_together(names, truths):
    """In either order."""
    found = diagnose(by_name(*names), truths)
    assert found.findings, found.lines()
    assert {mistake.name for mistake in found.findings[0].mistakes} == set(names)
