"""The gates of a closed box, read off from calls of one step in which a huge bias opens or shuts some of them."""

from dataclasses import replace

import numpy as np

from lstm_ref.params import Array
from lstm_ref.parity.cases import Case
from lstm_ref.parity.checks import Numbers
from lstm_ref.parity.interface import Implementation
from lstm_ref.parity.reference import Reference
from lstm_ref.parity.truth import Quantities, wider

HUGE = 3e4  #: a bias that opens a gate entirely, or with a minus sign shuts it, in every precision


def probe(implementation: Implementation, case: Case) -> Quantities:
    """The gates and states of a case of one step, in order of computation, each (batch_size, ·)."""
    return {"lstm": probe_lstm, "rnn": probe_rnn}.get(case.cell, probe_gru)(implementation, case)


def driven(implementation: Implementation, case: Case, state: tuple[Array, ...], **biases: float) -> tuple[Array, ...]:
    """Outputs and new state with some biases replaced by one number."""
    params = case.params._replace(**{f"b_{gate}": np.full_like(np.asarray(getattr(case.params, f"b_{gate}")), bias)
                                     for gate, bias in biases.items()})
    outputs, last = implementation.forward(case.inputs, state, params)
    return outputs, *last


def probe_lstm(implementation: Implementation, case: Case) -> Quantities:
    """Of an LSTM."""
    H, C = case.state

    def run(C: Array = C, **biases: float) -> tuple[Array, ...]:
        return driven(implementation, case, (H, C), **biases)

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


def probe_gru(implementation: Implementation, case: Case) -> Quantities:
    """Of a GRU, in either form. With Z = 0 the new state is the candidate; with a candidate of 1 it tells Z."""
    H, = case.state

    def run(**biases: float) -> Array:
        return driven(implementation, case, case.state, **biases)[1]

    Y, new_H = driven(implementation, case, case.state)
    return {
        "update gate Z": (run(h=HUGE) - 1) / (H - 1),
        "candidate H_tilda with the reset gate shut": run(z=-HUGE, r=-HUGE),
        "candidate H_tilda with the reset gate open": run(z=-HUGE, r=HUGE),
        "candidate H_tilda, or the reset gate R in it": run(z=-HUGE),
        "hidden state H = Z * H + (1 - Z) * H_tilda": new_H,
        "output Y = H W_hq + b_q": Y,
    }


def probe_rnn(implementation: Implementation, case: Case) -> Quantities:
    """Of a vanilla RNN, which has no gates."""
    Y, H = driven(implementation, case, case.state)
    return {"hidden state H": H, "output Y = H W_hq + b_q": Y}


PROBE = Numbers("probe", probe)


def states_before(case: Case) -> list[dict[str, Array]]:
    """Every time step of the reference, which knows the state before it."""
    wide = case.astype(wider(case.dtype))
    return Reference().tape(wide.inputs, wide.state, wide.params)


def one_step(case: Case, t: int) -> Case:
    """Time step t alone, from the reference's own state before it."""
    step = states_before(case.steps(t + 1))[t]
    state = tuple(step[f"{name}_prev"].astype(case.dtype) for name in case.states)
    return replace(case, state=state, inputs=case.inputs[t:t + 1], X=case.X[:, t:t + 1], Y=case.Y[:, t:t + 1])
