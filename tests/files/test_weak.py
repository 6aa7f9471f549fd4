"""An operator that is weak in a framework is told from a mistake where a port has float32 alone."""

from pathlib import Path

import numpy as np
import pytest

from lstm_ref.loss import log_softmax
from lstm_ref.parity.files.chosen import Choice, chosen
from lstm_ref.parity.files.judged import judge_port
from lstm_ref.parity.interface import framework

#: The loss of the book's MXNet tab, for a chapter that has none; in float32 alone.
LOSS = """
```{.python .input}
from mxnet import gluon


def loss(y_hat, y):
    return gluon.loss.SoftmaxCrossEntropyLoss()(y_hat.astype("float32"), y)
```
"""


def row(folder, loss=LOSS):
    """What is said of a chapter's loss."""
    path = folder / "chapter.md"
    path.write_text((Path(__file__).parent / "ports/chapter.md").read_text() + loss)
    port = chosen(path, Choice("mxnet"))[0]
    return next(row for row in judge_port(port.contents, port.form, port.package, "cpu", ("ragged",)).rows
                if row.role == "loss")


def test_the_operator_is_named(tmp_path):
    """The port is right, and what rounds too much is said."""
    found = row(tmp_path)
    assert found.verdict == "right" and "log_softmax" in found.text, found


@pytest.mark.parametrize(("old", "new"), [("Loss()(", "Loss(axis=0)("), ("float32\"), y)", "float32\"), y) * 0.99999")])
def test_a_mistake_is_not_excused(old, new, tmp_path):
    """It stays with the operator computed from others, also one of a hundred-thousandth."""
    assert old in LOSS
    assert row(tmp_path, LOSS.replace(old, new)).verdict == "wrong"


@pytest.mark.parametrize("arrays", ["mxnet", "mxnet.nd"])
def test_computed_from_others_it_is_exact(arrays):
    """As far as float32 is; and after the context its error is there again."""
    here = framework(arrays, "cpu")
    outputs = np.random.default_rng(0).normal(0, 4, (200, 28)).astype(np.float32)
    F = here.mxnet.npx if here.as_numpy else here.mxnet.nd

    def error():
        return np.abs(here.array(F.log_softmax(here.tensor(outputs))) - log_softmax(outputs.astype(np.float64))).max()

    before = error()
    with here.exactly():
        assert error() < before / 2  # 1.9e-6 instead of 5.3e-6
    assert error() == before
