"""The gates of a closed box, read off from calls of one step in which a huge bias opens or shuts some of them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

import lstm_ref as ref
from lstm_ref.lstm import Step
from lstm_ref.params import Array, LSTMParams
from lstm_ref.parity.cases import Case
from lstm_ref.parity.checks import Numbers
from lstm_ref.parity.interface import Implementation
from lstm_ref.parity.truth import Quantities, wider

HUGE = 3e4  #: a bias that opens a gate entirely, or with a minus sign shuts it, in every precision


def probe(implementation: Implementation, case: Case) -> Quantities:
    """The gates and states of a case of one step, in order of computation, each (batch_size, ·)."""
    H, C = case.state
    params = LSTMParams(*case.params)

    def run(C: Array = C, **biases: float) -> tuple[Array, Array, Array]:
        driven = {f"b_{gate}": np.full_like(np.asarray(params.b_i), bias) for gate, bias in biases.items()}
        outputs, (new_H, new_C) = implementation.lstm(case.inputs, (H, C), params._replace(**driven))
        return outputs, new_H, new_C

    zero, one = np.zeros_like(np.asarray(C)), np.ones_like(np.asarray(C))
    kept = {"f": HUGE, "i": -HUGE}  # with F = 1 and I = 0 the cell stays what it was
    O = run(C=one * HUGE, **kept)[1]  # noqa: E741
    Y, new_H, new_C = run()
    return {
        # With all gates open H is at most one and C huge: that tells one from the other, whatever the gates are.
        "order of the state (H, C)": (np.abs(run(C=one * HUGE, i=HUGE, f=HUGE, o=HUGE, c=HUGE)[2]) > 1).astype(
            new_C.dtype),
        "input gate I": run(C=zero, c=HUGE)[2],
        "forget gate F": run(C=one, i=-HUGE)[2],
        "candidate memory cell C_tilda": run(C=zero, i=HUGE)[2],
        "memory cell C = F * C + I * C_tilda": new_C,
        "tanh(C) within H = O * tanh(C)": run(C=one / 2, **kept)[1] / O,
        "output gate O": O,
        "hidden state H = O * tanh(C)": new_H,
        "output Y = H W_hq + b_q": Y,
    }


PROBE = Numbers("probe", probe)


def states_before(case: Case) -> Sequence[Step]:
    """Every time step of the reference, which knows the state before it."""
    tape: list[Step] = []
    wide = case.astype(wider(case.dtype))
    ref.lstm(wide.inputs, wide.state, wide.params, tape)
    return tape


def one_step(case: Case, t: int) -> Case:
    """Time step t alone, from the reference's own state before it."""
    step = states_before(case.steps(t + 1))[t]
    state = step.H_prev.astype(case.dtype), step.C_prev.astype(case.dtype)
    return replace(case, state=state, inputs=case.inputs[t:t + 1], X=case.X[:, t:t + 1], Y=case.Y[:, t:t + 1])
