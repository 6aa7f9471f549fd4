"""Each tab as a stranger would give it to the judge: its namespace, by the book's names, without our adapter."""

import importlib

import pytest

from lstm_ref.parity import judge
from lstm_ref.parity.checks import CHECKS
from lstm_ref.parity.interface import HALVES  # in which a port is judged if it names them


@pytest.mark.beside("numpy")  # whose model wants a backward pass, which the book has not
def test_the_namespace_passes_as_a_port(backend, request):
    """All its roles are found, called in the tab's own manner, and agree with the reference."""
    folder = request.config.pluginmanager.get_plugin("lstm-parity-judge").session.truths
    verdict = judge(importlib.import_module(f"backends.{backend}"), framework=backend, folder=folder,
                    cases=("ragged", "large", "sequential", "clipped"),
                    checks=CHECKS.keys() - {"forward", "not_finite", "rnn"})
    assert verdict.passed, verdict
    judged = {result["check"] for result in verdict.entry["results"]}
    assert judged == CHECKS.keys() - {"forward", "not_finite", "rnn", "step", "sampling", "bad_input", *HALVES}
