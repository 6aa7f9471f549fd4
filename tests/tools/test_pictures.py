"""What a reader would stumble over in a picture is found."""

import pytest
from matplotlib.figure import Figure

from lstm_ref.tools.pictures import faults, plain


def picture(**changes):
    """Two lines with all that they need, and some of it changed."""
    figure = Figure(figsize=(4, 3), layout="constrained")
    axes = figure.subplots()
    axes.plot([1, 2], [10, 100], "C0", label="one")
    axes.plot([1, 2], [20, 30], "C1", label="other")
    axes.set(xlabel="epoch", ylabel="perplexity", title="two", yscale="log")
    plain(axes.yaxis)
    axes.legend()
    axes.set(**changes)
    return figure, axes


def test_a_picture_that_can_be_read():
    """Of which nothing is said."""
    assert faults(picture()[0]) == []


@pytest.mark.parametrize(("changes", "words"), [
    ({"xlabel": ""}, "does not say what is across"), ({"ylabel": ""}, "does not say what is upwards"),
    ({"ylim": (11, 19), "yticks": [15]}, "has no scale upwards"), ({"xticks": []}, "has no scale across"),
    ({"title": "much too long " * 9}, "runs out of the picture"),
])
def test_what_is_missing_is_said(changes, words):
    """By the panel."""
    assert any(words in fault for fault in faults(picture(**changes)[0]))


def test_labels_that_overlap_are_said():
    """Both of them."""
    figure, axes = picture()
    axes.set_xticks([1, 1.01, 2], ["first", "second", "third"])
    assert "'first' overlaps 'second'" in faults(figure)


def test_colours_need_a_key():
    """In the panel, or in the figure."""
    figure, axes = picture()
    axes.get_legend().remove()
    assert "'two' has colours without a legend" in faults(figure)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center")
    assert faults(figure) == []


@pytest.mark.parametrize("limits", [(10, 14), (10, 60), (1, 1000), (0.9, 1.1)])
def test_a_logarithmic_axis_has_a_scale(limits):
    """However short it is."""
    figure, axes = picture(ylim=limits)
    plain(axes.yaxis)
    assert faults(figure) == []
