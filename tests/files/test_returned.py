"""What a port returns in place of its outputs is not passed over; in NumPy, as it is the same in every framework."""

from pathlib import Path

import pytest

from lstm_ref.parity.files.chosen import Choice, chosen
from lstm_ref.parity.files.judged import judge_port

PORTS = Path(__file__).parent / "ports"

#: Parameters by number, all four gates side by side.
UNNAMED = """import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def make(n_sym, n_hid):
    return [np.random.randn(n_sym, 4 * n_hid), np.random.randn(n_hid, 4 * n_hid), np.zeros(4 * n_hid),
            np.random.randn(n_hid, n_sym), np.zeros(n_sym)]


def unroll(xs, s, w):
    out, mem = s
    ys = []
    for x in xs:
        i, f, o, g = np.split(x @ w[0] + out @ w[1] + w[2], 4, axis=1)
        mem = mem * sigmoid(f) + sigmoid(i) * np.tanh(g)
        out = sigmoid(o) * np.tanh(mem)
        ys.append(out @ w[3] + w[4])
    return np.concatenate(ys), (out, mem)
"""


def judged(path):
    """The verdicts on a file's ports, in this process."""
    return [judge_port(each.contents, each.form, each.package, "cpu", ("ragged",)) for each in chosen(path, Choice())]


def altered(last, tmp_path, name="coupled.py", old="return np.concatenate(outputs), (H, C)"):
    """The verdict on a right port of which the last line is another."""
    text = (PORTS / name).read_text().replace("(1 - F) * C_tilda", "I * C_tilda")
    path = tmp_path / "port.py"
    path.write_text(text.replace(old, last))
    assert last in path.read_text()
    verdict, = judged(path)
    return verdict


@pytest.mark.parametrize("returned", [
    "None, (H, C)", "'abc', (H, C)", "{'o': 0}, (H, C)", "(np.concatenate(outputs) * 0,), (H, C)",
    "(o for o in outputs), (H, C)", "C, (H, C)", "{'H': H, 'C': C, 'predicted': 0}"])
def test_what_is_no_outputs_is_not_passed_over(returned, tmp_path):
    """Where there is an output layer, H alone is not judged in place of what it is to return."""
    verdict = altered(f"return {returned}", tmp_path)
    row = verdict.rows[0]
    assert row.verdict == "wrong" and row.line == 31 and "expected outputs of shape" in row.text, row


def test_outputs_may_have_a_name_of_their_own(tmp_path):
    """They are as wide as the vocabulary."""
    assert altered("return {'H': H, 'C': C, 'said': np.concatenate(outputs)}", tmp_path).status == "right"
    assert altered("return {'H': H, 'C': C, 'said': 0 * np.concatenate(outputs)}", tmp_path).status == "wrong"


def test_outputs_may_be_computed_by_another_method(tmp_path):
    """A step that only keeps its state returns nothing."""
    last = "return self.Wy @ self.h + self.by"
    apart = f"\n    def out(self):\n        {last}"
    assert altered(apart, tmp_path, "kept.py", last).status == "right"
    nothing = altered("Y = self.Wy @ self.h + self.by", tmp_path, "kept.py", last)
    assert nothing.status == "wrong" and "got NoneType" in nothing.rows[0].text, nothing.rows


def test_no_outputs_are_seen_where_names_say_nothing(tmp_path):
    """An array that could be the output layer's does nothing."""
    path = tmp_path / "port.py"
    for returned, status in (("np.concatenate(ys)", "right"), ("None", "not judged")):
        path.write_text(UNNAMED.replace("np.concatenate(ys)", returned))
        verdict, = judged(path)
        assert verdict.status == status, verdict.rows


def test_outputs_that_are_no_numbers_are_wrong(tmp_path):
    """And nothing is found out of them."""
    row = altered("return np.nan * inputs.reshape(-1, inputs.shape[2]), (H, C)", tmp_path).rows[0]
    assert row.verdict == "wrong" and "got other numbers" in row.text, row
