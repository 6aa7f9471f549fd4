"""`diagnose-curve`: curves are read as they were drawn, healthy ones pass, mistakes are named, bad input is refused."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from lstm_ref.__main__ import main
from lstm_ref.parity.mistakes import MISTAKES
from lstm_ref.tools.curves import compute, library, show
from lstm_ref.tools.curves.curve import BOOK, Curve, curve
from lstm_ref.tools.curves.judge import GRID, check_comparable, distance, judge
from lstm_ref.tools.curves.library import HEALTHY, Run, load
from lstm_ref.tools.curves.read import read
from lstm_ref.tools.curves.shape import shape
from lstm_ref.usage import UsageError, shard

ROOT = Path(__file__).parents[2]
EPOCHS = np.arange(10.0, 501.0, 10.0)
FALLING = 1 + 16 * np.exp(-((EPOCHS / 200) ** 2))
RUNS = load()
MISTAKEN = sorted({run.name for run in RUNS} - {HEALTHY})


def drawn(path, *curves, yscale="linear", ylabel="perplexity", names=(), panels=1):
    """A picture with some curves (x, y) in each of its panels, which share their y axis."""
    canvas = Figure(figsize=(3.5 * panels, 2.5))
    for axes in canvas.subplots(1, panels, sharey=True, squeeze=False)[0]:
        for i, (x, y) in enumerate(curves):
            axes.plot(x, y, label=names[i] if names else None)
        axes.set(xlabel="epoch", ylabel=ylabel, yscale=yscale)
        axes.grid()
        if names:
            axes.legend()
    canvas.savefig(path, format="svg")
    return path


def of_run(run, noise=0.0, seed=0):
    """A stored run as a curve of unknown origin."""
    values = np.exp(run.at(GRID))
    known = np.isfinite(values)
    values = values[known] * np.exp(noise * np.random.default_rng(seed).standard_normal(known.sum()))
    return Curve(str(run.key), tuple(map(float, GRID[known])), tuple(np.maximum(values, 1.0)))


# Reading

#: Places are rounded by 5e-7, where a panel is at least 100 high and perplexity goes from 1 to 27: by 1.3e-7 at 1.
#: The two ticks of an axis are rounded as well.
DRAWN = 4e-7


@pytest.mark.parametrize("yscale", ["linear", "log"])
def test_a_picture_gives_back_the_points_it_was_drawn_from(tmp_path, yscale):
    [found] = read(drawn(tmp_path / "c.svg", (EPOCHS, FALLING), yscale=yscale))
    assert found.epochs == tuple(EPOCHS)
    np.testing.assert_allclose(found.perplexity, FALLING, rtol=DRAWN)


def test_names_come_from_the_legend_and_labels_from_the_panel_that_has_them(tmp_path):
    """Panels that share an axis are labelled at the first only."""
    found = read(drawn(tmp_path / "c.svg", (EPOCHS, FALLING), (EPOCHS, FALLING + 1), names=("mine", "yours"),
                       panels=2, yscale="log"))
    assert [c.name for c in found] == [f"c.svg: line {i} ({name})" for i, name in
                                       enumerate(("mine", "yours", "mine", "yours"), 1)]
    np.testing.assert_allclose(found[3].perplexity, FALLING + 1, rtol=DRAWN)


def test_labels_may_be_written_as_text(tmp_path):
    """As matplotlib does with svg.fonttype none."""
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        [found] = read(drawn(tmp_path / "c.svg", (EPOCHS, FALLING)))
    np.testing.assert_allclose(found.perplexity, FALLING, rtol=DRAWN)


def chapter(tmp_path, picture, code="num_epochs, lr = 500, 1\nmodel = RNNModelScratch(lstm)", text="perplexity 1.0, 9"):
    outputs = [{"output_type": "stream", "text": text}, {"data": {"image/svg+xml": picture.read_text()}}]
    path = tmp_path / "chapter.md"
    path.write_text(f"Words.\n\n```{{.python .input}}\n#@tab paddle\n{code}\n```\n\n"
                    f"```{{.json .output n=1}}\n{json.dumps(outputs)}\n```\n", encoding="utf-8")
    return path


def test_a_chapter_gives_its_curve_its_printed_figure_and_its_settings(tmp_path):
    [found] = read(chapter(tmp_path, drawn(tmp_path / "c.svg", (EPOCHS, FALLING))))
    np.testing.assert_allclose(found.perplexity, FALLING, rtol=DRAWN)
    assert (found.name, found.printed, found.model) == ("chapter.md, paddle, cell 1", "1.0", "scratch")
    assert found.settings == {"epochs": 500, "lr": 1, "cell": "lstm", "use_random_iter": False}


def test_a_notebook_gives_its_curves_too(tmp_path):
    """From the outputs that its cells keep, with the settings of the cells before."""
    picture = drawn(tmp_path / "c.svg", (EPOCHS, FALLING)).read_text()
    cells = [{"cell_type": "code", "source": ["num_epochs, lr = 500, 1\n"], "outputs": []},
             {"cell_type": "code", "source": "model = RNNModelScratch(lstm)", "outputs": [
                 {"output_type": "stream", "text": ["perplexity 1.0, 9"]},
                 {"output_type": "display_data", "data": {"image/svg+xml": [picture]}}]}]
    path = tmp_path / "lstm.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    [found] = read(path)
    np.testing.assert_allclose(found.perplexity, FALLING, rtol=DRAWN)
    assert (found.name, found.printed, found.model) == ("lstm.ipynb, cell 2", "1.0", "scratch")
    path.write_text(json.dumps({"cells": cells[:1]}))
    with pytest.raises(ValueError, match="expected a cell with a curve of perplexity as SVG"):
        read(path)


def log(tmp_path, perplexity, **settings):
    path = tmp_path / "log.json"
    path.write_text(json.dumps({
        "settings": {"backend": "numpy", "model": "scratch", "seed": 0, **BOOK, **settings},
        "fingerprint": {"corpus": settings.get("data", "timemachine")},
        "epochs": [{"epoch": i, "perplexity": p} for i, p in enumerate(perplexity, 1)]}))
    return path


def test_a_log_and_a_table_give_their_points(tmp_path):
    [found] = read(log(tmp_path, [3.0, 2.0, None]))
    assert found.epochs == (1, 2, 3) and found.perplexity == (3.0, 2.0, np.inf) and found.settings == BOOK
    path = tmp_path / "c.csv"
    path.write_text("epoch, a, b\n1, 3, 4\n2, 2, nan\n")
    assert [(c.name, c.perplexity) for c in read(path)] == [("c.csv: a", (3.0, 2.0)), ("c.csv: b", (4.0, np.inf))]


@pytest.mark.parametrize(("name", "content", "said"), [
    ("c.txt", "", "expected a file that ends in .json, .csv, .md, .ipynb, .svg, got '.txt'"),
    ("c.json", "[1", "expected a log of this program"),
    ("c.json", '{"epochs": [{"epoch": 1}], "settings": {}}', "expected a log of this program"),
    ("c.csv", "epoch, a\n", "expected a line of column names and lines of numbers, got 1 lines"),
    pytest.param("c.json", "[" * 200_000, "c.json: expected curves, got what can't be read (RecursionError", id="deep"),
    ("c.json", f'{{"epochs": [{{"epoch": 1{"0" * 400}, "perplexity": 3}}], "settings": {{}}}}',
     "got what can't be read (OverflowError: int too large to convert to float)"),
    pytest.param("c.csv", f"epoch, a\n1, {'3' * 140_000}\n",
                 "got what can't be read (Error: field larger than field limit (131072))", id="wide"),
    ("c.csv", "a, b\n1, 2\n2, 2\n", "expected a column named epoch and one per curve, got a, b"),
    ("c.csv", "epoch, a\n1, 2, 3\n", "line 2: expected 2 values, got 3"),
    ("c.csv", "epoch, a\n1, low\n", "line 2, a: expected a number, got 'low'"),
    ("c.csv", "epoch, a\n2, 3\n2, 3\n", "expected each above the one before, got 2 after 2"),
    ("c.csv", "epoch, a\n0, 3\n", "expected finite numbers of at least 1, got 0"),
    ("c.csv", "epoch, a\n1, 0.5\n", "expected at least 1, got 0.5 at epoch 1"),
    ("c.csv", "epoch, a\n1, 3\n", "expected a curve of at least two points, got 1"),
    ("c.svg", "words", "expected an SVG picture"),
    ("c.csv", "epoch,a,a\n1,2,3\n2,3,4\n", "expected each column's name once, got 'a' 2 times"),
    ("c.svg", '<svg xmlns="http://www.w3.org/2000/svg"/>', "expected axes as matplotlib draws them"),
    ("c.md", "Words alone.", "expected an output cell with a curve of perplexity, found none"),
    ("c.md", "```{.python .input}\n1\n", "c.md: line 1: expected a closing ```"),
    ("c.md", "```{.python .input}\n1\n```\n```{.json .output}\n[1\n```\n", "expected a notebook's outputs as JSON"),
])
def test_bad_input_is_refused_in_words(tmp_path, name, content, said):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(ValueError, match=re.escape(said)):
        read(path)


def test_a_byte_order_mark_is_none_of_the_columns(tmp_path):
    """Nor is it in the way of the other formats."""
    (tmp_path / "c.csv").write_text("epoch, a\n1, 3\n2, 2\n", encoding="utf-8-sig")
    [found] = read(tmp_path / "c.csv")
    path = log(tmp_path, [3.0, 2.0])
    path.write_text(path.read_text(), encoding="utf-8-sig")
    assert read(path)[0].perplexity == found.perplexity == (3.0, 2.0)


def test_a_log_may_leave_the_fingerprint_open(tmp_path):
    """The settings then say which text it was."""
    path = log(tmp_path, [3.0, 2.0])
    path.write_text(json.dumps(json.loads(path.read_text()) | {"fingerprint": None}))
    assert read(path)[0].settings["data"] == "timemachine"


def test_a_tick_beyond_all_numbers_is_none(tmp_path):
    """The others are enough; without them it is said."""
    path = drawn(tmp_path / "c.svg", (EPOCHS, FALLING))
    text = path.read_text()
    huge = r"<!-- $\mathdefault{10^{99999}}$ -->"
    path.write_text(text.replace("<!-- 10 -->", huge))
    np.testing.assert_allclose(read(path)[0].perplexity, FALLING, rtol=DRAWN)
    path.write_text(re.sub("<!-- [0-9]+ -->", lambda _: huge, text))
    with pytest.raises(ValueError, match=r"the x axis: expected at least two ticks labelled with numbers, got 0 among"):
        read(path)


def test_axes_without_labels_and_other_scales_are_refused(tmp_path):
    path = drawn(tmp_path / "c.svg", (EPOCHS, FALLING))
    path.write_text(re.sub("<!-- .*? -->", "", path.read_text()))
    with pytest.raises(ValueError, match="the x axis: expected at least two ticks labelled with numbers, got 0 among"):
        read(path)
    text = drawn(path, (EPOCHS, FALLING)).read_text()
    path.write_text(text.replace("<!-- 10 -->", "<!-- 11 -->"))
    with pytest.raises(ValueError, match="the y axis: expected a linear or logarithmic scale"):
        read(path)
    path.write_text(re.sub(r'<use xlink:href="[^"]+" x="', r'\g<0>1.2.3', text))
    with pytest.raises(ValueError, match=r"c.svg: expected curves, got what can't be read \(ValueError: could not"):
        read(path)
    with pytest.raises(ValueError, match=r"gone.md: can't be read \(No such file"):
        read(tmp_path / "gone.md")


# Judging

@pytest.mark.parametrize("epochs", [60, 100, 200, 300, 400, 500])
def test_our_frameworks_curves_are_healthy(epochs, reproduced):
    """All 33 of docs/reproduction.svg. A layer's own run, which is stored, is left out for its own curve."""
    for i, whole in enumerate(reproduced):
        points = [(e, p) for e, p in zip(whole.epochs, whole.perplexity, strict=True) if e <= epochs]
        own = [run for run in RUNS if distance(run.at(GRID), whole.at(GRID)) < 1e-3]
        assert len(own) == (i >= 18)
        verdict = judge(curve(whole.name, points), [run for run in RUNS if run not in own])
        assert verdict.is_healthy, f"{whole.name}, {verdict.healthy.distance} above {verdict.healthy.limit}"


@pytest.fixture(scope="module")
def reproduced():
    return read(ROOT / "docs" / "reproduction.svg")


@pytest.mark.parametrize("name", MISTAKEN)
def test_a_stored_mistake_is_named_with_noise_on_it(name):
    """Or is reported not to show. One that diverges at once leaves nothing to compare."""
    run = next(run for run in RUNS if run.name == name)
    if len(run.perplexity) < 5:
        assert run.end.startswith("epoch ")
        return
    verdict = judge(of_run(run, noise=0.01), RUNS)
    if verdict.is_healthy:
        assert name in verdict.unseen
    else:
        # The noise hides that values repeat.
        names = [fit.name for fit in verdict.mistakes if fit.distance <= fit.limit]
        assert name in names


SEVERAL = [run for run in RUNS if run.name != HEALTHY
           and sum(other.name == run.name and other.start == run.start for other in RUNS) > 1]


@pytest.mark.parametrize("run", SEVERAL, ids=lambda run: str(run.key))
def test_a_mistake_is_named_from_another_seed(run):
    """With its own run left out."""
    verdict = judge(of_run(run), [other for other in RUNS if other is not run])
    assert not verdict.is_healthy
    assert verdict.fitting and verdict.fitting[0].name == run.name, verdict.sentence()


#: They learn nothing beyond how frequent the characters are, and are stopped after 60 epochs.
FREQUENCIES = {"inputs reshaped instead of transposed", "targets batch-major", "targets in reverse order",
               "weight decay", "weights with variance 0.01", "weights zero"}
#: Mistakes that a curve alone can't tell apart: each fits the others' curves.
ALIKE = [
    FREQUENCIES,
    {"learning rate decays", "weight decay"},
    # The gradient does not reach earlier steps, in one way or another.
    {"gradient not carried through H", "recurrent gradient from the new H", "state detached at each step"},
    {"gradient not carried through H", "recurrent gradient from the new H", "gradient not carried through C"},
    {"clipping always", "gradient of the loss not averaged"},
    {"every second minibatch left out", "label smoothing"},
    {"biases not updated", "norms added", "only H carried"},
]
#: And what fits only one way round: 60 epochs of a slow run, the point where a chaotic run loses all its steps.
ALSO = dict.fromkeys(FREQUENCIES, "every second minibatch left out") | {
    "gradient not carried through C": "step lost when clipping"}


@pytest.mark.parametrize("name", MISTAKEN)
def test_a_mistake_that_is_not_stored_is_not_taken_for_another(name):
    run = next(run for run in RUNS if run.name == name)
    if len(run.perplexity) >= 5:
        verdict = judge(of_run(run), [other for other in RUNS if other.name != name])
        expected = {other for alike in ALIKE if name in alike for other in alike} - {name}
        expected |= {ALSO[name]} if name in ALSO else set()
        assert {fit.name for fit in verdict.fitting} == expected, verdict.sentence()


def test_a_curve_that_fits_nothing_is_said_to_fit_nothing():
    falling_and_rising = np.exp(np.abs(np.linspace(-2.8, 2.8, 50)))
    verdict = judge(Curve("v", tuple(EPOCHS), tuple(falling_and_rising)), RUNS)
    assert not verdict.is_healthy and not verdict.fitting
    assert verdict.sentence().startswith("not healthy, and fits none of the stored mistakes; the nearest is: ")


def test_a_healthy_run_that_is_late_is_not_healthy():
    """The same curve, each epoch taking twice as long."""
    run = next(run for run in RUNS if run.name == HEALTHY)
    late = np.interp(EPOCHS / 2, EPOCHS, run.perplexity)
    verdict = judge(Curve("late", tuple(EPOCHS), tuple(late)), [r for r in RUNS if r.start == run.start])
    assert not verdict.is_healthy and verdict.healthy_until < 100


def test_a_jump_at_the_end_of_a_healthy_run_is_seen():
    run = next(run for run in RUNS if run.name == HEALTHY and run.start == "book")
    jumped = np.array(run.perplexity) * np.where(EPOCHS > 400, 1.5, 1)
    verdict = judge(Curve("jump", tuple(EPOCHS), tuple(jumped)), RUNS)
    assert not verdict.is_healthy and 380 <= verdict.healthy_until <= 410


def test_unchanging_weights_are_told_from_a_flat_curve():
    """By perplexities that repeat exactly."""
    rng = np.random.default_rng(0)
    offsets = 5 + 0.02 * rng.standard_normal(36)
    first = np.linspace(17, 6, 25)
    frozen = np.concatenate([first, rng.choice(offsets, 25)])
    found = shape(Curve("c", tuple(EPOCHS), tuple(frozen)))
    assert found.frozen and found.flat_from == 260 and found.repeats >= 3
    flat = np.concatenate([first, 5 + 0.02 * rng.standard_normal(25)])
    found = shape(Curve("c", tuple(EPOCHS), tuple(flat)))
    assert not found.frozen and found.flat_from == 260
    assert shape(Curve("c", tuple(EPOCHS), tuple(FALLING + 1))).flat_from is None or FALLING[-1] < 1.1


@pytest.mark.parametrize(("settings", "said"), [
    ({"num_hiddens": 512}, "num_hiddens 512 instead of 256"), ({"lr": 0.1}, "lr 0.1 instead of 1.0"),
    ({"cell": "rnn"}, "cell 'rnn' instead of 'lstm'"),
    ({"data": "embedded"}, "data 'embedded' instead of 'timemachine'"),
])
def test_other_settings_are_refused(tmp_path, settings, said):
    with pytest.raises(ValueError, match=f"expected the book's settings, .* got {said}"):
        judge(read(log(tmp_path, FALLING, **settings))[0], RUNS)


def test_a_shorter_run_is_compared_as_far_as_it_goes():
    run = next(run for run in RUNS if run.name == HEALTHY)
    short = Curve("short", tuple(EPOCHS[:10]), run.perplexity[:10])
    verdict = judge(short, [r for r in RUNS if r is not run])
    assert verdict.is_healthy and list(verdict.epochs) == list(range(10, 101, 10))
    with pytest.raises(ValueError, match="expected a curve over at least 50 epochs"):
        judge(Curve("few", (1.0, 40.0), (17.0, 15.0)), RUNS)
    with pytest.raises(ValueError, match="finite points no further apart than 10"):
        judge(Curve("sparse", (1.0, 250.0, 500.0), (25.0, 6.0, 1.1)), RUNS)


def test_a_curve_that_learns_later_does_not_fit_a_run_that_was_given_up_because_it_does_not():
    stuck = next(run for run in RUNS if run.name == "weights zero")
    later = Curve("later", tuple(EPOCHS), tuple(np.where(EPOCHS > 60, 10, np.resize(stuck.perplexity, len(EPOCHS)))))
    fit = next(fit for fit in judge(later, RUNS).mistakes if fit.name == stuck.name)
    assert fit.distance <= fit.limit and not fit.fits
    assert fit.contradiction == "its run learns nothing, the curve does"


def test_without_healthy_runs_nothing_is_judged():
    with pytest.raises(ValueError, match="expected healthy ones, at least two of a kind"):
        judge(of_run(RUNS[0]), [run for run in RUNS if run.name != HEALTHY])


# The stored runs

def test_the_stored_runs_are_whole():
    assert len({run.key for run in RUNS}) == len(RUNS)
    assert set(MISTAKEN) <= {mistake.name for mistake in MISTAKES}
    for run in RUNS:
        assert len(run.perplexity) == run.epochs // 10 and (run.epochs == 500) == (not run.end)
        assert all(value >= 1 for value in run.perplexity)
    assert library.PATH.stat().st_size < 300_000


def test_stored_runs_come_back_and_others_are_refused(tmp_path):
    path, run = tmp_path / "runs.json", Run(HEALTHY, "book", 1, "numpy", 20, "stopped", (17.5, 16.25))
    library.merge([run], path)
    library.merge([replace(run, seed=2), replace(run, made="again")], path)
    assert [(r.seed, r.made) for r in load(path)] == [(1, "again"), (2, "numpy")]
    path.write_text('{"schema": 0}')
    with pytest.raises(ValueError, match="expected the stored runs with the book's settings"):
        load(path)
    with pytest.raises(ValueError, match="the stored runs can't be read"):
        load(tmp_path / "gone.json")


SMALL = {"epochs": 20, "data": "embedded", "num_hiddens": 4, "batch_size": 2, "num_steps": 5, "max_tokens": 60}


@pytest.mark.parametrize("key", [(HEALTHY, "book", 1), (HEALTHY, "paddle", 1), ("step lost when clipping", "book", 1),
                                 ("gradient ascent", "book", 1), ("gradient not carried through H", "book", 1)])
def test_a_run_is_computed(key, monkeypatch):
    """By the fused LSTM, except for a mistake in the reference's own."""
    for name, value in SMALL.items():
        monkeypatch.setitem(BOOK, name, value)
    run = compute.run(key)
    assert run.key == key
    assert run.made == f"numpy {np.__version__}" + ", fused" * ("carried" not in key[0])
    assert len(run.perplexity) == run.epochs // 10 and (run.epochs == 20 or run.end)


def test_the_plan_begins_with_healthy_runs_and_knows_its_names():
    keys = list(compute.plan())
    assert keys[0] == (HEALTHY, "book", 3) and len(set(keys)) == len(keys)
    assert list(compute.plan(["momentum"])) == [("momentum", "book", 3)]
    with pytest.raises(ValueError, match="expected 'healthy' or the name of a mistake, got 'nonsense'"):
        list(compute.plan(["nonsense"]))
    with pytest.raises(ValueError, match="expected 'book' or 'paddle', got 'other'"):
        compute.start("other", 3, 2, 0)


def test_a_run_that_learns_nothing_is_given_up():
    assert "learns nothing" in compute.given_up([17.0] * 60, "book")
    assert "far from every healthy run" in compute.given_up([12.0] * 250, "book")
    assert not compute.given_up(list(np.linspace(17, 5.9, 250)), "book")


# The command

def run_command(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["lstm_ref", "diagnose-curve", *map(str, arguments)])
    status = main()
    return status, capsys.readouterr()


def test_the_command_says_healthy_and_draws(tmp_path, monkeypatch, capsys):
    run = next(run for run in RUNS if run.name == HEALTHY and run.start == "book")
    path = tmp_path / "mine.csv"
    path.write_text("epoch,mine\n" + "".join(f"{e:g},{p}\n" for e, p in zip(EPOCHS, run.perplexity, strict=True)))
    status, printed = run_command(monkeypatch, capsys, path, "--out", tmp_path)
    assert status == 0 and "healthy, like the runs from the book's start" in printed.out
    assert "assumed to be the book's: cell, epochs" in printed.out
    assert (tmp_path / "mine.png").stat().st_size > 10_000 and (tmp_path / "mine.svg").exists()


def test_the_command_names_a_mistake_in_a_chapter(tmp_path, monkeypatch, capsys):
    run = next(run for run in RUNS if run.key == ("step lost when clipping", "book", 3))
    picture = drawn(tmp_path / "c.svg", (EPOCHS, run.perplexity))
    path = chapter(tmp_path, picture, text=f"perplexity {run.perplexity[-1]:.1f}, 9 tokens/s")
    status, printed = run_command(monkeypatch, capsys, path, "--out", tmp_path)
    assert status == 1 and "fits: step lost when clipping" in printed.out and "frozen: " in printed.out
    assert "the text next to it says" not in printed.out


def test_the_command_refuses_before_it_works(tmp_path, monkeypatch, capsys):
    status, printed = run_command(monkeypatch, capsys, tmp_path / "gone.csv", "--out", tmp_path / "no")
    assert status == 2 and printed.err.startswith("error: ") and not (tmp_path / "no").exists()
    status, printed = run_command(monkeypatch, capsys, log(tmp_path, FALLING, lr=0.5), "--out", tmp_path / "no")
    assert status == 2 and "lr 0.5 instead of 1.0" in printed.err
    (tmp_path / "file").touch()
    status, printed = run_command(monkeypatch, capsys, log(tmp_path, FALLING), "--out", tmp_path / "file" / "no")
    assert status == 2 and printed.err.startswith("error: ") and not printed.out


def table(path, *names):
    run = next(run for run in RUNS if run.name == HEALTHY and run.start == "book")
    path.write_text(f"epoch,{','.join(names)}\n" + "".join(
        f"{e:g}{f',{p}' * len(names)}\n" for e, p in zip(EPOCHS, run.perplexity, strict=True)), encoding="utf-8")
    return path


def test_the_picture_does_not_replace_the_file(tmp_path, monkeypatch, capsys):
    """Under any name of its folder."""
    path = drawn(tmp_path / "c.svg", (EPOCHS, FALLING))
    before = path.read_bytes()
    monkeypatch.chdir(tmp_path)
    status, printed = run_command(monkeypatch, capsys, "c.svg", "--out", tmp_path)
    assert status == 2 and path.read_bytes() == before
    assert "--out: expected another folder than that of c.svg, which its picture would replace" in printed.err


def test_the_runs_are_computed_in_parts(tmp_path, monkeypatch, capsys):
    """Each part of the plan whatever is stored; what other machines computed is stored first, whole."""
    every, kept = library.load(), []
    monkeypatch.setattr(compute, "load", lambda *path: library.load(*path) if path else kept)
    monkeypatch.setattr(compute, "merge", kept.extend)
    parts = [compute.left((), shard(f"{k}/3")) for k in (1, 2, 3)]
    assert sorted(key for part in parts for key in part) == sorted(compute.plan())
    library.save(every, tmp_path / "theirs.json")
    assert compute.curves(1, [], None, shard("2/3"), [tmp_path / "theirs.json"]) == 0
    assert kept == library.load(tmp_path / "theirs.json") and "0 runs to compute" in capsys.readouterr().out
    with pytest.raises(UsageError, match="the stored runs can't be read"):
        compute.curves(1, [], None, None, [tmp_path / "none.json"])


def test_many_curves_are_judged_and_some_drawn(tmp_path, monkeypatch, capsys):
    """So that a wide table does not take minutes; more are refused."""
    monkeypatch.setattr(show, "PANELS", 1)
    status, printed = run_command(monkeypatch, capsys, table(tmp_path / "c.csv", "a", "b"), "--out", tmp_path)
    assert status == 0 and "c.csv: b" in printed.out and "drawn: the first 1 of 2 curves" in printed.out
    monkeypatch.setattr(show, "MOST", 1)
    status, printed = run_command(monkeypatch, capsys, tmp_path / "c.csv", "--out", tmp_path)
    assert status == 2 and "c.csv: expected at most 1 curves, got 2; divide them among files" in printed.err


def test_names_of_curves_are_no_formulas_and_fit_an_ascii_terminal(tmp_path):
    """Dollar signs are what they are, and what the terminal has no letters for is escaped."""
    path = table(tmp_path / "c.csv", "$x^$", "困惑度")
    run = subprocess.run([sys.executable, "-m", "lstm_ref", "diagnose-curve", path, "--out", tmp_path], cwd=ROOT,
                         env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True, check=False)
    assert run.returncode == 0, run.stderr.decode()
    assert b"c.csv: $x^$" in run.stdout and rb"c.csv: \u56f0" in run.stdout


def test_a_missing_matplotlib_is_said_with_its_extra(tmp_path, monkeypatch, capsys):
    """Before anything is compared."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    status, printed = run_command(monkeypatch, capsys, table(tmp_path / "c.csv", "a"), "--out", tmp_path)
    assert status == 2 and 'python -m pip install "lstm-parity[train]"' in printed.err


def test_a_curve_knows_its_points():
    with pytest.raises(ValueError, match="c: epochs: expected finite numbers of at least 1, got inf"):
        curve("c", [(1.0, 2.0), (np.inf, 2.0)])
    found = curve("c", [(1.0000001, 2.0), (3.0, 0.999)])
    assert found.epochs == (1, 3) and found.perplexity == (2.0, 1.0)
    np.testing.assert_allclose(np.exp(found.at([1, 2, 3])), [2, 2**0.5, 1])


@pytest.mark.parametrize(("settings", "words"), [({"tokens": "word"}, "tokens 'word' instead of 'char'"),
                                                 ({"embedding": 32}, "embedding 32 instead of None"),
                                                 ({"valid": 0.1}, "valid 0.1 instead of 0.0")])
def test_a_run_on_words_or_an_embedding_is_not_compared(settings, words, tmp_path):
    """The stored runs read characters; a log from before there was a choice did too."""
    plain, other = (read(log(tmp_path, [3.0, 2.0], **more))[0] for more in ({"tokens": "char", "embedding": None},
                                                                            settings))
    check_comparable(plain)
    with pytest.raises(ValueError, match=f"expected the book's settings, .* got {words}"):
        check_comparable(other)
