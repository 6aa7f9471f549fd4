"""Precisions of 16 bits: what is wrong in them alone is caught, and what is said to be absent is."""

from contextlib import suppress

import numpy as np
import pytest

from lstm_ref.parity.cases import make
from lstm_ref.parity.checks import CHECKS
from lstm_ref.parity.interface import HALVES
from lstm_ref.parity.session import absent


@pytest.mark.parametrize("dtype", HALVES)
def test_what_is_wrong_in_16_bits_alone_is_caught(dtype, adapter, monkeypatch, request):
    """Outputs half as large again; where the precision is absent, a reason stands in the report."""
    implementation = adapter.implementations["scratch"]
    if dtype in absent(implementation):
        assert len(absent(implementation)[dtype]) > len(f"absent: no {dtype} here: ")
        return
    right = implementation.forward
    monkeypatch.setattr(implementation, "forward", lambda inputs, *more: (
        (outputs := right(inputs, *more))[0] * np.array(1.5, inputs.dtype), outputs[1]))
    case = make("ragged").astype(dtype)
    truths = request.config.pluginmanager.get_plugin("lstm-parity-judge").session.truths
    failed = {r.quantity for r in CHECKS[dtype].judge(implementation, "scratch", case, truths) if not r.passed}
    assert failed == {"outputs"}


@pytest.mark.parametrize("label", ["scratch", "concise", "fused"])
def test_what_is_absent_can_not_be_computed(label, adapter):
    """A framework that has learnt it is to be judged in it. NumPy computes, though not in bfloat16."""
    implementation = adapter.implementations[label]
    for dtype in {"float16", *(HALVES if adapter.name in ("TensorFlow", "JAX") else ())} & {*absent(implementation)}:
        case = make("ragged").astype(dtype)
        with pytest.raises(Exception, match=r"(?i)float16|fp16|no kernels"):
            implementation.loss_and_grads(case.inputs, case.state, case.params, case.targets)
        with suppress(Exception):  # of a kernel that runs later; MXNet would print it when the process ends
            adapter.synchronize()
