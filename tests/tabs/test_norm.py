"""The joint norm of gradients whose squares are out of their precision's range."""

from dataclasses import replace

import numpy as np
import pytest

import lstm_ref as ref
from lstm_ref.parity.cases import make
from lstm_ref.parity.session import lacking

CASE = make("ragged")


@pytest.mark.parametrize(("dtype", "scale", "theta"), [
    ("float32", 2.0**90, 1.0), ("float32", 2.0**-90, 2.0**-96), ("float64", 2.0**900, 1.0), ("float16", 2.0**9, 1.0)])
@pytest.mark.parametrize("label", ["scratch", "concise", "fused"])
def test_no_square_overflows_or_vanishes(label, dtype, scale, theta, adapter, judged):
    """Gradients whose squares are out of the precision's range are clipped, not made zero, nor left as they are."""
    implementation = adapter.implementations[label]
    if dtype in lacking(implementation):
        dtype, scale, theta = "float32", 2.0**80, 0.5
    case = CASE.astype(dtype)
    case = replace(case, grads=case.grads._make(grad * case.dtype.type(scale) for grad in case.grads))

    def clipped(implementation, case):
        return dict(zip(ref.PARAM_NAMES, implementation.grad_clipping(case.grads, theta), strict=True))

    found = clipped(implementation, case)
    norm = ref.training.gradient_norm([np.asarray(grad, np.longdouble) for grad in found.values()])
    assert norm == pytest.approx(theta, rel=1e-2)  # some roundings of float16, 1e-3 each; what overflows is zero
    judged(case, clipped, found)
