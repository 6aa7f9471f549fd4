"""The judge is shown to fail: planted mistakes are caught, the reference itself is not."""

import numpy as np
import pytest

from lstm_ref.params import PARAM_NAMES
from lstm_ref.parity.cases import CASES, make
from lstm_ref.parity.checks import CHECKS
from lstm_ref.parity.explain.investigation import Investigation
from lstm_ref.parity.mistakes import MISTAKES, Mistake, Mistaken
from lstm_ref.parity.reference import Reference
from lstm_ref.parity.session import Problem, Session
from lstm_ref.parity.verdict import Result, settle


def judged(check, implementation, case, truths):
    return CHECKS[check].judge(implementation, "planted", case, truths)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_planted_mistake_is_caught(dtype, truths):
    """By the check meant for it; tests/planted goes through the catalogue."""
    for name, check in (("b_o left out", "forward"), ("clipping with an epsilon", "clipping")):
        assert not all(r.passed for r in judged(check, Mistaken(by_name(name)), make("ragged").astype(dtype), truths))
        assert all(r.passed for r in judged(check, Reference(), make("ragged").astype(dtype), truths))


@pytest.mark.parametrize("mistake", [m for m in MISTAKES if any(module == "loss" for module, *_ in m.edits)],
                         ids=lambda mistake: mistake.name)
def test_a_mistake_in_the_loss_keeps_its_dtype(mistake):
    """Or it would be refused for its dtype, and never train."""
    found = Mistaken(mistake)._ref.cross_entropy_backward(np.ones((3, 2), np.float32), np.array([0, 1, 1]))
    assert found.dtype == np.float32


def test_a_stale_mistake_is_an_error():
    """A mistake whose text is no longer in the reference can't be planted silently."""
    with pytest.raises(LookupError, match="0 times"):
        Mistaken(Mistake("stale", "", "", "forward", (("lstm", "no such text", ""),)))


def test_every_check_has_a_mistake_that_it_catches():
    """No check without a proof that it can fail; `own` has one of its own, and NumPy no bfloat16 (tests/tabs)."""
    assert {mistake.check for mistake in MISTAKES} >= CHECKS.keys() - {"own", "bfloat16"}


def test_a_failure_in_float16_alone_is_placed_and_explained(truths):
    """And is no mathematics, since float32 is right."""
    session = Session("planted", {"scratch": Mistaken(by_name("loss scaling not undone"))}, truths.parent,
                      truths=truths)
    assert [p for p in session.problems() if "16" in p.check and "-" not in p.case] == [
        Problem("float16", "scratch", case, "float16") for case in ("ragged", "large")]
    problem = Problem("float16", "scratch", "ragged", "float16")
    results = session.judge_check(problem)
    assert {r.verdict for r in results if r.quantity in PARAM_NAMES} == {"rounding"}
    assert all(r.passed for r in results if r.quantity not in PARAM_NAMES)
    text = session.explain(problem, results)
    assert "float16 of scratch on case ragged in float16: 14 of 18 quantities disagree" in text
    assert "the forward pass agrees at every step; going backwards, departs first at time step t = 4" in text


def test_an_answer_of_the_reference_is_not_ones_own(truths):
    """Called by an adapter or by a port, in its own name or through another function."""

    class Lender(Reference):
        not_judged = {"step": "not needed here"}  # noqa: RUF012

        def grad_clipping(self, grads, theta):
            return [g * min(1, theta / np.sqrt(sum((x**2).sum() for x in grads))) for g in grads]

    found = {r.quantity: r.verdict for r in judged("own", Lender(), CASES["ragged"]().astype("float32"), truths)}
    assert found == {"what forward calls is its own": "fail", "what backward calls is its own": "fail",
                     "what clipping calls is its own": "pass"}


def by_name(name):
    return next(m for m in MISTAKES if m.name == name)


@pytest.mark.parametrize(("name", "check", "place"), [
    ("input gate and forget gate exchanged", "forward", "t = 0, in the input gate I"),
    ("W_hf transposed", "forward", "t = 0, in the forget gate F"),
    ("forget bias of one", "forward", "t = 0, in the forget gate F"),
    ("b_o left out", "forward", "t = 0, in the output gate O"),
    ("b_c twice", "forward", "t = 0, in the candidate memory cell C_tilda"),
    ("sigmoid for tanh in the candidate", "forward", "t = 0, in the candidate memory cell C_tilda"),
    ("tanh left out at C", "forward", "t = 0, in the hidden state H = O * tanh(C)"),
    ("H from the old C", "forward", "t = 0, in the hidden state H"),
    ("input gate tied to the forget gate", "forward", "t = 0, in the memory cell C = F * C + I * C_tilda"),
    ("state returned as (C, H)", "chunks", "t = 0, in the order of the state (H, C)"),
    ("outputs from C", "forward", "t = 0, in the output Y"),
    ("gradient not carried through C", "backward", "going backwards, departs first at time step t = 3 of 5"),
    ("clipped gradients not used", "step", "look at the clipping and the update"),
    ("vanilla RNN without the old state", "rnn forward", "t = 0, in the hidden state H = tanh(X W_xh + H W_hh + b_h)"),
    ("GRU: without the reset gate", "gru forward", "t = 0, in the candidate hidden state H_tilda"),
    ("GRU: update gate and reset gate exchanged", "gru forward", "t = 0, in the update gate Z"),
    ("GRU: no gradient through the reset gate", "gru backward", "going backwards, departs first at time step t = 4"),
    ("state not carried", "trajectory", "minibatch 2 of epoch 1, after one update"),
    ("learning rate decays", "trajectory", "departs first at minibatch 3 of epoch 1"),
    ("loss summed", "trajectory", "minibatch 1 of epoch 1, before anything was updated"),
])
def test_the_place_is_named(name, check, place, truths):
    """The first time step and the first quantity in order of computation."""
    *cell, check = check.split()
    case = CASES["-".join([*cell, "sequential" if check == "trajectory" else "ragged"])]().astype("float64")
    assert place in Investigation(Mistaken(by_name(name)), truths).where(check, case)


def test_a_later_departure_is_placed_later(truths):
    """A box that goes wrong at step 3 only."""

    class FromStepThree(Reference):
        def forward(self, inputs, state, params):
            outputs = []
            for X in inputs:
                Y, (H, *C) = super().forward(X[None], state, params)
                state = (H * 1.001, *C) if np.array_equal(X, case.inputs[3]) else (H, *C)
                outputs.append(Y)
            return np.concatenate(outputs), state

    case = CASES["ragged"]().astype("float64")
    place = Investigation(FromStepThree(), truths).where("forward", case)
    assert "departs first at time step t = 3, in the" in place


class Imprecise(Reference):
    """Right in float64; in float32 its products are rounded to 11 bits, as a tensor core would."""

    def forward(self, inputs, state, params):
        if inputs.dtype == np.float32:
            params = [p.astype(np.float16).astype(np.float32) for p in params]
        return super().forward(inputs, state, params)


@pytest.mark.parametrize(("implementation", "verdict"), [
    (Imprecise(), "rounding"),
    (Mistaken(by_name("b_o left out")), "mathematics"),
])
def test_rounding_is_told_from_mathematics(implementation, verdict, truths):
    """A float32 failure is judged again in float64 at once."""
    session = Session("planted", {"scratch": implementation}, truths.parent, truths=truths)
    results = session.judge_check(Problem("forward", "scratch", "ragged", "float32"))
    assert {r.verdict for r in results if not r.passed} == {verdict}
    failed = next(r for r in results if r.quantity == "outputs")
    assert failed.ratio > 4
    assert "at index (" in failed.detail and "expected" in failed.detail and "got" in failed.detail


def test_what_follows_from_mathematics_is_not_called_rounding():
    """A loss that is wrong by less than float32 shows, beside gradients that are wrong in both precisions."""
    def result(quantity, dtype, ratio):
        return Result("backward", "scratch", "book", dtype, quantity, 1e-9, 1e-16, ratio,
                      "mathematics" if ratio > 4 else "pass", "at index ()")

    here = [result("loss", "float64", 1e6), result("W_xi", "float64", 1e9), result("b_q", "float64", 0.5)]
    there = [result("loss", "float32", 0.9), result("W_xi", "float32", 1e5), result("b_q", "float32", 0.5)]
    assert [r.verdict for r in settle(here, "float32", "", lambda: there)] == ["mathematics", "mathematics", "pass"]
    alone = settle(here[::2], "float32", "", lambda: there)
    assert [r.verdict for r in alone] == ["rounding", "pass"]


def test_an_exception_is_a_finding(truths):
    """In a check of numbers and in one of facts, with the line that raised it; and the place is still looked for."""

    class Thrower(Reference):
        def loss_and_grads(self, *_):
            raise RuntimeError("no kernel")

        def init_state(self, *_):
            raise RuntimeError("no memory")

    case = CASES["tiny"]().astype("float32")
    for check, words in (("backward", "raised RuntimeError: no kernel (test_mistakes.py, line"),
                         ("state", "raised RuntimeError: no memory (test_mistakes.py, line")):
        (result,) = judged(check, Thrower(), case, truths)
        assert not result.passed
        assert result.detail.startswith(words)
    assert "looking for it raised RuntimeError: no kernel" in Investigation(Thrower(), truths).where("backward", case)
