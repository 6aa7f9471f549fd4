"""What changed between two runs, and which of two a third is like."""

from dataclasses import replace
from math import inf

import numpy as np
import pytest

from lstm_ref.__main__ import main
from lstm_ref.files import write_json
from lstm_ref.parity.cases import make
from lstm_ref.parity.checks import CHECKS
from lstm_ref.parity.entry import Entry, document
from lstm_ref.parity.reference import Reference
from lstm_ref.parity.runner.compare import differences, like, tail
from lstm_ref.parity.verdict import Result
from lstm_ref.usage import UsageError


def entry(ratios, bits="same", check="forward", verdict="pass"):
    found = Entry("jax")
    found.fingerprint = {"framework": "0.6.0", "python": "3.11.7"}
    found.add([Result(check, "scratch", f"case{i}", "float32", "H", ratio * 1e-8, 1e-8, ratio, verdict, bits=bits)
               for i, ratio in enumerate(ratios)])
    return found.json(*found.status())


def texts(old, new):
    return [each.text for each in differences(old, new)]


@pytest.fixture
def files(tmp_path):
    def write(**entries):
        for name, content in entries.items():
            write_json(tmp_path / f"{name}.json", document({name: content}))
        return [str(tmp_path / f"{name}.json") for name in entries]

    return write


def test_the_same_bits_are_no_difference(files, capsys):
    """And the exit status is 0."""
    assert differences(entry([0.5] * 20), entry([0.5] * 20)) == []
    assert main(["compare", *files(old=entry([0.5]), new=entry([0.5]))]) == 0
    assert "every bit is the same" in capsys.readouterr().out


def test_a_quantity_that_moves_by_more_than_rounding_is_listed(files, capsys):
    """Up to a ratio of one it explains anything, and from there as much again."""
    old, new = entry([0.5] * 5), entry([0.5] * 4 + [2.5], "other")
    assert texts(old, new)[0] == "forward of scratch on case4 in float32: H: ratio 0.5 became 2.5"
    assert main(["compare", *files(old=old, new=new)]) == 1
    assert "old and new" in capsys.readouterr().out
    assert not any("case" in text for text in texts(old, entry([0.01] * 4 + [1.9], "other")))


def test_a_small_change_of_all_is_a_difference():
    """A function that is a little less exact moves every ratio a little, which no chance does."""
    old = entry([0.3 + 0.01 * i for i in range(30)])
    found = differences(old, entry([0.6 + 0.01 * i for i in range(30)], "other"))
    assert not found[0].explained
    assert found[0].text.startswith("forward of scratch in float32: 30 of 30 ratios rose, by a factor of 1.6")
    both_ways = differences(old, entry([0.3 + 0.01 * i + (-1) ** i * 0.05 for i in range(30)], "other"))
    assert [each.explained for each in both_ways] == [True]
    assert both_ways[0].text == "forward: 30 of 30 quantities have other bits, none beyond rounding"


def test_what_moves_together_counts_once():
    """One factor clips all gradients of a scenario: a rounding of it moves all of them, and is no drift."""
    def clipped(ratio, bits):
        found = Entry("jax")
        found.add([Result("clipping", "scratch", f"case{i}", "float32", f"{where}: W{j}", 1e-8, 1e-8, ratio, bits=bits)
                   for i in range(3) for where in ("above", "tiny") for j in range(14)])
        return found.json(*found.status())

    found = differences(clipped(0.5, "one"), clipped(0.8, "other"))
    assert [each.explained for each in found] == [True]


def test_a_verdict_that_changes_is_listed():
    """With the status of the run, and what is judged in one of them alone."""
    found = texts(entry([0.5]), entry([9.0], "other", verdict="rounding"))
    assert found[0].startswith("pass became fail") and "ratio 0.5 became 9 (rounding)" in found[1]
    assert "only before: forward of scratch" in texts(entry([0.5]), entry([0.5], check="vjp"))
    assert "only now: vjp of scratch" in texts(entry([0.5]), entry([0.5], check="vjp"))


def test_a_call_that_raises_in_one_of_them_is_listed():
    """As such, not as quantities that are gone."""
    broken = Entry("jax")
    broken.add([Result("forward", "scratch", "case0", "float32", "the call", inf, 0.0, inf, "fail", "raised")])
    broken = broken.json(*broken.status())
    assert "forward of scratch raises now" in texts(entry([0.5]), broken)
    found = texts(broken, entry([0.5]))
    assert "forward of scratch raised before" in found and not any("only" in text for text in found)


def test_older_files_are_compared_by_their_errors(files, capsys):
    """They do not keep the bits, and that is said."""
    assert main(["compare", *files(old=entry([0.5], bits=""), new=entry([0.5], bits=""))]) == 0
    assert "an older file, which does not keep the bits" in capsys.readouterr().out


def test_files_that_can_not_be_compared_are_refused(files, tmp_path, capsys):
    """In a sentence."""
    write_json(tmp_path / "two.json", document({"jax 1": entry([1.0]), "jax 2": entry([1.0])}))
    old, = files(old=entry([0.5]))
    assert main(["compare", old, str(tmp_path / "two.json")]) == 2
    assert "old.json has old, two.json has jax 1, jax 2: expected an entry of the same name" in capsys.readouterr().err
    assert main(["compare", old, str(tmp_path / "none.json")]) == 2
    assert "none.json is no report" in capsys.readouterr().err


def test_a_third_run_is_like_one_of_two(files, capsys):
    """By its status where the two differ in it, else by the ratios that changed."""
    good, bad = entry([0.5] * 10), entry([1.2] * 10, "other")
    assert like(good, bad, entry([0.6] * 10, "third")) == "good"
    assert like(good, bad, entry([1.1] * 10, "third")) == "bad"
    failed = entry([9.0] * 10, "other", verdict="rounding")
    assert like(good, failed, entry([5.0] * 10, "third", verdict="rounding")) == "bad"
    assert main(["compare", *files(good=good, bad=bad), f"--like={files(third=bad)[0]}"]) == 0
    assert capsys.readouterr().out.strip() == "bad"
    with pytest.raises(UsageError, match="nothing to look for"):
        like(good, good, bad)


def test_the_chance_of_coins():
    """Two-sided: of ten, nine or more alike."""
    assert tail(10, 9) == pytest.approx(2 * 11 / 1024)  # a fraction of integers: no more than float64's rounding
    assert tail(10, 5) == 1


def test_the_bits_of_a_result_are_those_of_its_numbers(truths):
    """One bit changes them."""

    class Nudged(Reference):
        def forward(self, inputs, state, params):
            outputs, last = super().forward(inputs, state, params)
            outputs[0, 0] = np.nextafter(outputs[0, 0], np.inf, dtype=outputs.dtype)
            return outputs, last

    case = make("tiny").astype("float32")
    one, two, again = (CHECKS["forward"].judge(which, "x", case, truths) for which in (
        Reference(), Nudged(), Reference()))
    assert one == again and all(r.bits for r in one)
    assert {r.quantity for r, s in zip(one, two, strict=True) if r.bits != s.bits}
    assert replace(one[0], bits="").json().keys() == one[0].json().keys() - {"bits"}


def test_what_was_not_asked_for_is_no_difference_of_the_numbers():
    """A part beside the whole; where both were asked for alike, what is missing is one."""
    old, new = entry([0.5]), entry([0.5], check="sgd")
    assert [each.explained for each in differences(old, new)] == [False, False]
    part = {**new, "selection": "1 of 695 checks"}
    found = differences(old, part)
    assert [each.explained for each in found] == [True, True]
    assert found[0].text == "only before: forward of scratch (another part of the checks was asked for)"
