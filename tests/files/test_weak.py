"""An operator that is weak in a framework is told from a mistake where a port has float32 alone."""

from pathlib import Path

import numpy as np
import pytest

from lstm_ref.loss import log_softmax
from lstm_ref.parity.files.chosen import Choice, chosen
from lstm_ref.parity.files.judged import judge_port
from lstm_ref.parity.interface import framework

PORT = Path(__file__).parent / "ports/weak_loss.py"


def row(path):
    """What is said of the port's loss."""
    port = chosen(path, Choice())[0]
    return next(row for row in judge_port(port.contents, port.form, port.package, "cpu", ("ragged",)).rows
                if row.role == "loss")


def test_the_operator_is_named():
    """The port is right, and what rounds too much is said."""
    found = row(PORT)
    assert found.verdict == "right" and "log_softmax" in found.text, found


@pytest.mark.parametrize(("old", "new"), [("Loss()(", "Loss(axis=0)("), ("float32\"), y)", "float32\"), y) * 0.99999")])
def test_a_mistake_is_not_excused(old, new, tmp_path):
    """It stays with the operator computed from others, also one of a hundred-thousandth."""
    text = PORT.read_text()
    assert old in text
    (tmp_path / "port.py").write_text(text.replace(old, new))
    assert row(tmp_path / "port.py").verdict == "wrong"


@pytest.mark.parametrize("arrays", ["mxnet", "mxnet.nd"])
def test_computed_from_others_it_is_exact(arrays):
    """Its error is gone inside the context, and there again after it."""
    here = framework(arrays, "cpu")
    outputs = np.random.default_rng(0).normal(0, 4, (200, 28)).astype(np.float32)
    F = here.mxnet.npx if here.as_numpy else here.mxnet.nd

    def error():
        return np.abs(here.array(F.log_softmax(here.tensor(outputs))) - log_softmax(outputs.astype(np.float64))).max()

    before = error()
    with here.exactly():
        assert error() < before / 2
    assert error() == before
