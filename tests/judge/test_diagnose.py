"""The diagnosis: the right mistake is named, two at a time as well, and none where none fits."""

from types import SimpleNamespace

import numpy as np
import pytest

from lstm_ref.parity.cases import make
from lstm_ref.parity.checks import CHECKS
from lstm_ref.parity.explain.diagnose import Diagnosis, Finding, diagnose
from lstm_ref.parity.explain.investigation import Investigation
from lstm_ref.parity.explain.maps import forward_map, gradient_map, probe_map
from lstm_ref.parity.explain.words import diagnosed, explain
from lstm_ref.parity.interface import watch
from lstm_ref.parity.mistakes import MISTAKES, Mistaken
from lstm_ref.parity.reference import Reference
from lstm_ref.parity.table import markdown


def by_name(*names):
    return Mistaken(*(next(m for m in MISTAKES if m.name == name) for name in names))


@pytest.mark.parametrize("names", [("b_o left out",), ("momentum",), ("forget bias of one", "outputs from C")])
def test_mistakes_are_named_first(names, truths):
    """In the forward pass, in training, two at a time; tests/planted has the others, those of precision too."""
    found = diagnose(by_name(*names), truths)
    assert found.findings and {mistake.name for mistake in found.findings[0].mistakes} == {*names}, found.lines()
    mistake = found.findings[0].mistakes[0]
    assert mistake.sentence in "\n".join(found.lines()) and mistake.fix in "\n".join(found.lines())


class Strange(Reference):
    """Wrong in a way that nobody thought of."""

    def forward(self, inputs, state, params):
        outputs, (H, *C) = super().forward(inputs, state, params)
        return outputs, (H, *(c + np.sin(c) * c.dtype.type(0.1) for c in C))


def test_what_fits_nothing_is_said_to_fit_nothing(truths):
    """With the checks that no mistake reproduces."""
    found = diagnose(Strange(), truths)
    assert not found.findings
    assert "no mistake of the catalogue, nor two of them, reproduces forward" in found.lines()[0]


def test_the_reference_is_healthy(truths):
    """Nothing fails, nothing is named."""
    assert diagnose(Reference(), truths) == Diagnosis((), ())


def test_the_map_from_inside_shows_where_it_begins():
    """The gate is wrong at once, what follows from it later; the values and the activation are told."""
    case = make("ragged").astype("float64")
    heat = forward_map(by_name("tanh for sigmoid in the output gate"), case)
    assert heat.first.startswith("time step t = 0, in the output gate O (ratio ")
    assert "expected" in heat.first and "this is tanh where sigmoid belongs" in heat.first
    rows = dict(zip(heat.rows, heat.ratios, strict=True))
    assert rows["I"][0] <= 4 < rows["O"][0] and rows["I"][1] > 4
    assert "before its activation" in forward_map(by_name("b_f left out"), case).first
    assert not forward_map(Reference(), case).first


def test_outputs_without_a_name_do_not_close_the_box(monkeypatch):
    """As in `outputs.append(H @ W_hq + b_q)`; where they alone depart, it is looked at from outside."""
    case, wrong = make("ragged").astype("float64"), by_name("b_f left out")
    monkeypatch.setattr(type(wrong), "tape", lambda self, *arguments: [
        {name: value for name, value in step.items() if name != "Y"}
        for step in Reference.tape(self, *arguments)], raising=False)
    heat = forward_map(wrong, case)
    assert heat.rows == ("I", "F", "O", "C_tilda", "C", "H") and "in the forget gate F" in heat.first
    assert forward_map(by_name("b_q left out"), case) is None


def test_a_closed_box_is_looked_at_from_outside():
    """Each step alone, from the reference's own state."""
    case = make("ragged").astype("float64")
    heat = probe_map(by_name("forget bias of one"), case)
    assert heat.first.startswith("time step t = 0, in the forget gate F")
    assert not probe_map(Reference(), case).first


def test_the_gradient_is_followed_backwards():
    """One-hot inputs that are all different show the gradient at every gate in every step."""
    heat = gradient_map(by_name("gradient not carried through C"), "lstm", "float64")
    assert heat.first.startswith("time step t = 3 of 5, in the gradient at the")
    assert (heat.ratios[:, -1] <= 4).all()
    assert not gradient_map(Reference(), "lstm", "float64").first


def test_local_variables_are_watched():
    """Turn by turn; a variable that is missing is missing, one that keeps its value is told once."""
    def loop(inputs):
        H = kept = 0.5
        for X in inputs:
            H = X * 10.5
        return H, kept

    assert watch(loop, lambda: loop([1, 2]), ("H", "Y")) == [{"H": 10.5}, {"H": 21.0}]


def test_a_failure_is_told_in_words(truths):
    """Mistake, mending, place, map once, and the program; the report links to the picture of the map."""
    case, planted = make("ragged").astype("float64"), by_name("b_o left out")
    results = CHECKS["forward"].judge(planted, "scratch", case, truths)
    found = Investigation(planted, truths)
    first, second = (explain("torch", results, found.where("forward", case), found, ["reproduce: python p.py"])
                     for _ in range(2))
    for text in ("your result equals the reference with this mistake: b_o left out", "Fix: Add b_o.",
                 "where: departs first at time step t = 0, in the output gate O", "reproduce: python"):
        assert text in first
    assert "ratio at each time step" in first and "ratio at each time step" not in second
    cause = {"place": "there", "findings": found.findings(), "heat": [heat.json() for heat in found.maps]}
    page = markdown({"torch": {"status": "fail", "reason": "x", "causes": {"scratch": cause}}})
    assert "b_o left out" in page and "heat-torch-scratch-0.png" in page


def test_a_failure_carries_what_was_found_in_its_own_check():
    """A rounding failure of another check does not; what only follows from the others does."""
    finding = Finding((MISTAKES[0],), 0.5, ("trajectory",))
    found = SimpleNamespace(diagnosis=Diagnosis(("trajectory",), (finding,), (), frozenset({"not_finite"})),
                            findings=lambda: ["the whole diagnosis"])
    assert diagnosed("trajectory", found) == diagnosed("not_finite", found) == ["the whole diagnosis"]
    assert diagnosed("forward", found) == [f"diagnosis: nothing of the catalogue for forward; in trajectory: "
                                           f"{MISTAKES[0].name}"]


@pytest.mark.parametrize("other", ["a dtype", "an exception"])
def test_what_fails_elsewhere_hides_no_mistake(other, truths):
    """A state in another dtype, or a check that can't run: the mistake of the forward pass fits whole all the same."""
    mistaken = by_name("output gate and candidate exchanged")

    class Elsewhere(type(mistaken)):
        def __init__(self):
            self.__dict__ |= vars(mistaken)

        def init_state(self, cell, batch_size, num_hiddens, dtype):
            if other == "an exception":
                raise RuntimeError("no state today")
            return mistaken.init_state(cell, batch_size, num_hiddens, np.float64 if dtype == np.float32 else np.float32)

    found = diagnose(Elsewhere(), truths)
    assert "state" in found.follow and "state" not in found.failed, found
    assert found.findings and found.findings[0].name == "output gate and candidate exchanged", found.lines()
