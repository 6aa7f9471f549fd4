"""The command `exercise` at toy size: what it leaves behind, what it refuses, and the page that is kept."""

import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy import stats

from lstm_ref.__main__ import main
from lstm_ref.tools.exercises import sampling
from lstm_ref.tools.exercises.command import PAGE, fill, measured, read, written
from lstm_ref.tools.exercises.perplexity import counted
from lstm_ref.tools.exercises.study import EXERCISES, spread
from lstm_ref.tools.pictures import faults

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FIRST = next(iter(EXERCISES))


def ends(capsys, *arguments):
    code = main(["exercise", *map(str, arguments)])
    return code, capsys.readouterr()


@pytest.fixture(scope="module")
def toys():
    """The data of every exercise at toy size, for two seeds."""
    return {name: measured(exercise, 2, True) for name, exercise in EXERCISES.items()}


@pytest.mark.parametrize("name", EXERCISES)
def test_an_exercise_leaves_numbers_and_a_figure(name, toys, tmp_path):
    """JSON that says how it was made, and an SVG with the same lettering from the numbers alone."""
    paths = written(toys[name], tmp_path)
    data = read(paths[0])
    assert data == json.loads(json.dumps(toys[name])) and data["seeds"] == [0, 1] and data["fingerprint"]["numpy"]
    assert {result["seed"] for result in data["results"]} == {0, 1}
    assert all(result["seconds"] >= 0 for result in data["results"])
    assert ElementTree.parse(paths[1]).getroot().tag.endswith("svg")
    first = paths[1].read_bytes()
    assert written(data, tmp_path)[1].read_bytes() == first  # drawn from what the file holds


@pytest.mark.parametrize("name", EXERCISES)
def test_a_figure_can_be_read(name, toys):
    """The one of the page, and one of toys, of which no scale is asked: names, keys, and labels beside each other."""
    assert faults(EXERCISES[name].load().draw(read(DOCS / "exercises" / f"{name}.json"))) == []
    assert [each for each in faults(EXERCISES[name].load().draw(toys[name])) if "scale" not in each] == []


def test_a_figure_is_drawn_again(tmp_path, capsys):
    """From the numbers that are there, and nothing else."""
    (tmp_path / "cost.json").write_bytes((DOCS / "exercises" / "cost.json").read_bytes())
    assert main(["exercise", "cost", "--draw", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "cost.svg").stat().st_size > 1000 and "drawn: " in capsys.readouterr().out
    (tmp_path / "cost.json").write_text("{}")
    assert main(["exercise", "cost", "--draw", "--out", str(tmp_path)]) == 2
    assert "expected the numbers of the exercise cost" in capsys.readouterr().err


@pytest.mark.parametrize("name", EXERCISES)
def test_the_same_seed_gives_the_same_numbers(name, toys):
    """But for the time and memory it took."""
    def numbers(results):
        return [{key: value for key, value in result.items() if key not in
                 ("seconds", "training", "milliseconds", "peak bytes")} for result in results]

    assert numbers(measured(EXERCISES[name], 1, True)["results"]) == numbers(
        [result for result in toys[name]["results"] if result["seed"] == 0])


@pytest.mark.parametrize("name", EXERCISES)
def test_the_page_has_the_numbers_of_the_files(name, tmp_path):
    """Its tables are those that the kept JSON gives, its figure is kept, and no toy stands there."""
    data = read(DOCS / "exercises" / f"{name}.json")
    assert data["exercise"] == name and not data["small"] and len(data["seeds"]) >= 3
    assert data["settings"] == json.loads(json.dumps(EXERCISES[name].load().SETTINGS))
    page = (DOCS / PAGE).read_text(encoding="utf-8")
    (tmp_path / PAGE).write_text(page, encoding="utf-8")
    fill(tmp_path, data)
    assert (tmp_path / PAGE).read_text(encoding="utf-8") == page
    assert f"exercises/{name}.svg)" in page and (DOCS / "exercises" / f"{name}.svg").stat().st_size > 1000
    assert f"lstm-parity exercise {name}" in page
    assert f"{data['seconds']:.0f} s" in page.partition(f"exercise {name}")[2].partition("\n## ")[0]


def test_the_list_says_what_is_asked(capsys):
    """One line for each."""
    code, output = ends(capsys, "--list")
    assert code == 0 and output.out.count("\n") == len(EXERCISES)
    assert all(exercise.question in output.out for exercise in EXERCISES.values())


def test_the_command_fills_a_page(capsys, tmp_path):
    """As a user types it, in a process of its own, and shows how far it is."""
    (tmp_path / PAGE).write_text("before\n<!-- measured: detaching -->\n\nold\n\n<!-- end -->\nafter\n")
    done = subprocess.run([sys.executable, "-m", "lstm_ref", "exercise", "detaching", "--small", "--seeds", "1",
                           "--docs", str(tmp_path)], cwd=ROOT, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "detaching: num_steps 5, epochs 2, history 3, seed 0" in done.stdout
    page = (tmp_path / PAGE).read_text()
    assert page.startswith("before") and page.endswith("after\n") and "| 5 | 3 | 15 |" in page and "old" not in page
    assert {path.name for path in (tmp_path / "exercises").iterdir()} == {"detaching.json", "detaching.svg"}


@pytest.mark.parametrize(("arguments", "words"), [
    (["nope"], "exercise: expected all, or some of hyperparameters, words, .*, got 'nope'; --list"),
    ([], "exercise: expected the name of an exercise, got none; known are hyperparameters, words"),
    ([FIRST, "--seeds", "0"], "seeds: expected"),
    ([FIRST, "--out", "{file}/x"], "file/x: can't be written to"),
    ([FIRST, "--docs", "{folder}"], f"{PAGE}"),
])
def test_what_can_not_be_done_is_refused_before_any_work(arguments, words, capsys, tmp_path, monkeypatch):
    """In a sentence, with exit status 2."""
    monkeypatch.setattr("lstm_ref.tools.exercises.command.measured", None)
    (tmp_path / "file").touch()
    code, output = ends(capsys, *(a.format(file=tmp_path / "file", folder=tmp_path) for a in arguments))
    assert code == 2 and re.search(words, output.err) and output.err.count("\n") == 1, output.err


def test_a_page_without_a_place_is_refused(capsys, tmp_path, monkeypatch):
    """Before any work."""
    monkeypatch.setattr("lstm_ref.tools.exercises.command.measured", None)
    (tmp_path / PAGE).write_text("nothing")
    code, output = ends(capsys, "clipping", "--docs", tmp_path)
    assert code == 2 and "exercises.md: expected <!-- measured: clipping --> once" in output.err


def test_without_matplotlib_the_extra_is_named(capsys, tmp_path, monkeypatch):
    """Before any work."""
    monkeypatch.setattr("lstm_ref.tools.exercises.command.measured", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    code, output = ends(capsys, "clipping", "--small", "--out", tmp_path)
    assert code == 2 and 'expected the package matplotlib.figure' in output.err and "lstm-parity[train]" in output.err


LOGITS = np.random.default_rng(0).normal(0, 2, 28)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0, 5.0])
def test_the_sampler_draws_from_its_distribution(alpha):
    """By the chi-square test of scipy, and by the bound in closed form; the power is of the probabilities."""
    p = np.exp(LOGITS) / np.exp(LOGITS).sum()
    np.testing.assert_allclose(sampling.probabilities(LOGITS, alpha), p**alpha / (p**alpha).sum(), rtol=1e-12)
    rng = np.random.default_rng(1)
    counts = np.bincount([sampling.draw_token(LOGITS, alpha, rng) for _ in range(20_000)], minlength=28)
    expected = 20_000 * sampling.probabilities(LOGITS, alpha)
    few = expected < 5  # the test's rule of thumb
    f, e = (np.append(a[~few], a[few].sum()) if few.any() else a for a in (counts, expected))
    assert stats.chisquare(f, e).pvalue > 1e-4
    assert sampling.p_value(counts, expected / 20_000) > 1e-4
    for wrong in (alpha * 1.2, alpha * 0.8):
        assert sampling.p_value(counts, sampling.probabilities(LOGITS, wrong)) < 1e-6


def test_the_bound_is_above_what_happens():
    """As often as it says at most, over many samples; impossible draws have no probability."""
    rng, p = np.random.default_rng(2), sampling.probabilities(LOGITS, 1.0)
    found = np.array([sampling.p_value(rng.multinomial(500, p), p) for _ in range(2000)])
    assert all((found <= level).mean() <= level for level in (0.01, 0.05, 0.5))
    assert sampling.p_value(np.array([1, 1]), np.array([1.0, 0.0])) == 0
    assert sampling.p_value(np.array([2, 0]), np.array([1.0, 0.0])) == 1


def test_a_large_power_takes_the_likeliest():
    """As no drawing at all does."""
    assert sampling.draw_token(LOGITS, 1e4, np.random.default_rng(0)) == LOGITS.argmax()


def test_counting_is_worked_out_by_hand():
    """Pairs of 'aab', added to one of each: after a, a and b are alike; after b nothing was seen."""
    assert counted([0, 0, 1], [0, 1, 0], 2, 2) == pytest.approx(2.0)
    assert counted([0, 0, 1], [0, 0], 1, 2) == pytest.approx(1 / (3 / 5))


def test_a_spread_counts_what_is_not_finite():
    """As infinite."""
    assert spread([1.0, None, 3.0]) == "3.00 (1.00 to inf)"


def test_an_interrupted_exercise_says_what_is_kept(capsys, tmp_path, monkeypatch):
    """With exit status 130 and no traceback."""
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("lstm_ref.tools.exercises.command.measured", interrupted)
    code, output = ends(capsys, "clipping", "--small", "--out", tmp_path)
    assert code == 130 and output.err.strip() == (
        f"interrupted; nothing of clipping is kept, what was finished before it is in {tmp_path}")
