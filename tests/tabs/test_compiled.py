"""What is judged with --thorough alone: a mistake in it is caught, and it is what it says."""

import pytest

from lstm_ref.parity.cases import make
from lstm_ref.parity.checks import CHECKS

pytestmark = [pytest.mark.thorough, pytest.mark.beside("numpy")]


def test_a_mistake_that_is_compiled_is_caught(adapter, backend, monkeypatch, tmp_path):
    """H for C and C for H, where the framework's own compiler has got hold of it."""
    if backend == "mxnet":  # whose compiled implementation is the layer
        model = adapter.implementations["concise"].functions.RNNModel
        right = model.run
        planted = model, "run", lambda net, inputs, state: right(net, inputs, [state[1], state[0]])
    else:
        tab = adapter.implementations["scratch"].functions
        right = tab.lstm
        planted = tab, "lstm", lambda inputs, state, params: right(inputs, (state[1], state[0]), params)

    compiled, case = adapter.thorough()["compiled"], make("tiny").astype("float32")
    assert all(r.passed for r in CHECKS["forward"].judge(compiled, "compiled", case, tmp_path))
    monkeypatch.setattr(*planted)
    compiled = adapter.thorough()["compiled"]
    failed = {r.quantity for r in CHECKS["forward"].judge(compiled, "compiled", case, tmp_path) if not r.passed}
    assert failed == {"outputs", "H", "C", "H_t", "C_t"}


@pytest.mark.only("jax")
def test_a_donated_argument_is_gone(adapter):
    """Its memory holds the result."""
    compiled, case = adapter.thorough()["compiled"], make("tiny").astype("float32")
    net = compiled.net(case.params)
    compiled.step(net.model, net.params, case.X, case.Y, compiled.state_in(case.state), compiled.training.loss, 1.0)
    assert all(param.is_deleted() for param in net.params)


@pytest.mark.only("torch")
def test_autocast_is_no_float32(adapter, monkeypatch, tmp_path):
    """Which it passes for outside."""
    scratch, autocast = adapter.implementations["scratch"], adapter.thorough()["autocast"]
    right, case = scratch.functions.lstm, make("ragged").astype("float32")

    def cast(*arguments):
        with autocast.context():
            return right(*arguments)

    monkeypatch.setattr(scratch.functions, "lstm", cast)
    failed = {r.quantity for r in CHECKS["forward"].judge(scratch, "autocast", case, tmp_path) if not r.passed}
    assert failed == {"outputs", "H", "C", "H_t", "C_t"}


def test_what_it_is_stands_in_the_report(request, adapter):
    """By implementation; and each is judged in something."""
    session = request.config.pluginmanager.get_plugin("lstm-parity-judge").session
    more = adapter.thorough()
    assert session.entry.thorough == {label: found.what for label, found in more.items()} and all(
        session.entry.thorough.values())
    assert {problem.implementation for problem in session.problems()} >= {*more, "scratch"}
    assert ("vjp", "scratch", "book", "float32") in session.problems()
