"""Each tab as a stranger would give it to the judge: its namespace, by the book's names, without our adapter."""

import importlib
from pathlib import Path

import pytest

from lstm_ref.parity import judge
from lstm_ref.parity.checks import CHECKS
from lstm_ref.parity.interface import HALVES  # in which a port is judged if it names them
from lstm_ref.parity.session import truths_of_build


def test_the_namespace_passes_as_a_port(request):
    """All its roles are found, called in the tab's own manner, and agree with the reference."""
    backend = request.config.option.written_in
    if backend not in ("torch", "tensorflow", "jax", "mxnet", "paddle"):
        pytest.skip("a model of NumPy wants a backward pass, which the book has not")
    verdict = judge(importlib.import_module(f"backends.{backend}"), framework=backend,
                    folder=truths_of_build(Path("build/parity")),
                    cases=("ragged", "large", "sequential", "clipped"),
                    checks=CHECKS.keys() - {"forward", "not_finite", "rnn"})
    assert verdict.passed, verdict
    judged = {result["check"] for result in verdict.entry["results"]}
    no_part_of_a_chapter = {"step", "sampling", "bad_input", "parallel", *HALVES}
    assert judged == CHECKS.keys() - {"forward", "not_finite", "rnn"} - no_part_of_a_chapter
