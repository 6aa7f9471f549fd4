"""Which array is which parameter is found out by what it does, in every order, and a mistake does not hide the rest."""

import itertools

import numpy as np
import pytest

from lstm_ref.lstm import sigmoid
from lstm_ref.parity.files.ops import Ops
from lstm_ref.parity.files.probe import CELL, HIDDEN, INPUT, LEVEL, coefficients, complete, decode, effects
from lstm_ref.parity.files.recipe import Recipe

V, h = len(INPUT), len(HIDDEN)


def step(gates, squash=np.tanh):
    """One step from the sums before the gates, with what makes H of C."""
    C = sigmoid(gates["f"]) * CELL + sigmoid(gates["i"]) * np.tanh(gates["c"])
    return sigmoid(gates["o"]) * squash(C), C


def decoded(run, values):
    """The arrays of a port as they are found out."""
    found, base = effects(run, values, 1e-4)
    known = coefficients(base[1])
    return {path: decode(effect, base, known) for path, effect in found.items()}


@pytest.mark.parametrize("order", ["".join(each) for each in itertools.permutations("ifoc")])
@pytest.mark.parametrize("joined", ["xh", "hx"])
def test_gates_side_by_side_in_any_order(order, joined):
    """One matrix for everything, in each of 24 orders and two ways of joining."""
    both = {"x": INPUT, "h": HIDDEN}

    def run(values):
        a = np.concatenate([both[part] for part in joined]) @ values["W",] + values["b",]
        return (*step(dict(zip(order, np.split(a, 4), strict=True))), None)

    found = decoded(run, {("W",): np.full((V + h, 4 * h), LEVEL), ("b",): np.full(4 * h, LEVEL)})
    assert found["W",] == (Recipe(joined, order, ("i", "gu")), True)
    assert found["b",] == (Recipe("b", order, ("gu",)), True)


def separate(change=None, squash=np.tanh):
    """A port with eight matrices as columns and four biases, and its arrays; `change` has one used for another."""
    shapes = {("W", gate): (h, V) for gate in "ifoc"} | {("U", gate): (h, h) for gate in "ifoc"} | {
        ("b", gate): (h, 1) for gate in "ifoc"}

    def run(values):
        taken = {path: values[(change or {}).get(path, path)] for path in shapes}
        gates = {gate: taken["W", gate] @ INPUT + taken["U", gate] @ HIDDEN + taken["b", gate][:, 0]
                 for gate in "ifoc"}
        return (*step(gates, squash), None)

    return run, {path: np.full(shape, LEVEL) for path, shape in shapes.items()}


def test_columns():
    """Weights on the left, biases of shape (h, 1)."""
    run, values = separate()
    for (name, gate), (recipe, sure) in decoded(run, values).items():
        axes = ("u", "") if name == "b" else ("u", "i")
        assert sure and recipe == Recipe({"W": "x", "U": "h", "b": "b"}[name], gate, axes)


@pytest.mark.parametrize("gate", "ifoc")
def test_a_gate_that_uses_another_gates_matrix(gate):
    """The matrix that is never used stands where one is missing: so the port departs there, and nowhere else."""
    other = "f" if gate != "f" else "o"
    run, values = separate({("U", gate): ("U", other)})
    found = complete(decoded(run, values), {path: value.shape for path, value in values.items()}, {})
    assert {path: recipe.gates for path, recipe in found.items()} == {path: path[1] for path in values}


def test_a_missing_tanh_hides_no_gate():
    """H without its tanh moves otherwise, and the output gate is still the one that moves H alone."""
    run, values = separate(squash=lambda C: C)
    found = complete(decoded(run, values), {path: value.shape for path, value in values.items()}, {})
    assert {path: recipe.gates for path, recipe in found.items()} == {path: path[1] for path in values}


def test_what_does_nothing_is_nothing():
    """An array that the step does not use is no parameter."""
    found = decoded(lambda values: (*step(dict.fromkeys("ifoc", np.full(h, LEVEL))), None), {("W",): np.ones((V, h))})
    assert found["W",] == (None, False)


def test_two_biases_have_unequal_parts():
    """So that one that is used twice shows."""
    run, values = separate()
    values |= {("d", gate): value for (name, gate), value in values.items() if name == "b"}
    found = decoded(lambda given: run({(name, gate): given["b", gate] + given["d", gate] if name == "b" else value
                                       for (name, gate), value in given.items() if name != "d"}), values)
    made = complete(found, {path: value.shape for path, value in values.items()}, {})
    assert {made["b", gate].share for gate in "ifoc"} == {0.25} and {made["d", gate].share for gate in "ifoc"} == {0.75}


RECIPES = {Recipe("x", "ifoc", ("i", "gu")): lambda p: np.concatenate([p["x", g] for g in "ifoc"], 1),
           Recipe("hx", "fi", ("gu", "i")): lambda p: np.concatenate(
               [np.concatenate([p["h", g], p["x", g]]) for g in "fi"], 1).T,
           Recipe("x", "oc", ("g", "i", "u")): lambda p: np.stack([p["x", g] for g in "oc"]),
           Recipe("h", "fo", ("i", "ug")): lambda p: np.stack([p["h", g] for g in "fo"], -1).reshape(h, -1),
           Recipe("b", "ci", ("g", "", "u")): lambda p: np.stack([p["b", g][None] for g in "ci"]),
           Recipe("b", "i", ("u", ""), 0.25): lambda p: 0.25 * p["b", "i"][:, None],
           Recipe("q", "", ("u", "i")): lambda p: p["h", "q"].T}


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_an_array_is_made_by_its_recipe(recipe):
    """From the reference's parameters, wherever gates and units lie."""
    rng = np.random.default_rng(0)
    p = {("x", g): rng.normal(size=(V, h)) for g in "ifoc"} | {("h", g): rng.normal(size=(h, h)) for g in "ifoc"} | {
        ("b", g): rng.normal(size=h) for g in "ifoc"} | {("h", "q"): rng.normal(size=(h, V))}
    assert np.array_equal(recipe.make(Ops("numpy"), p), RECIPES[recipe](p))
