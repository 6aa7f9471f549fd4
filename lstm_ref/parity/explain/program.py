"""A failure as a short program: it exits 1 while the fault is there and 0 once it is fixed."""

from pathlib import Path

from lstm_ref.files import write_text
from lstm_ref.parity.cases import Case
from lstm_ref.parity.verdict import Result

PROGRAM = '''"""{subject} {implementation}: {check} departs from the reference on case {case} in {dtype}.

Exits 1 until that is fixed, then 0. Needs {subject}, NumPy and this project: python {path}
"""

import sys
from pathlib import Path

from lstm_ref.parity.cases import make
from lstm_ref.parity.checks import CHECKS
{load}

case = make("{case}").astype("{dtype}")  # seeded; its arrays: params, state, inputs, X, Y, grads
results = CHECKS["{check}"].judge(implementation, "{implementation}", case, Path({truths!r}))
for result in results:
    if not result.passed:  # expected is the reference one precision wider
        print(f"{{result.quantity}}: {{result.detail}} (ratio {{result.ratio:.3g}})")
sys.exit(0 if all(result.passed for result in results) else 1)
'''


def write(subject: str, load: str, result: Result, case: Case, folder: Path, truths: Path) -> Path:
    """Write the program for a failed result into `folder`/repro, one for a check and implementation.

    Args:
        subject: the backend or port.
        load: lines of code that make `implementation`.
        result: a failed one.
        case: on which it failed.
        folder: of the report's files.
        truths: folder of the stored yardsticks.
    """
    path = folder / "repro" / f"{subject}-{result.implementation}-{result.check}.py"
    write_text(path, PROGRAM.format(
        subject=subject, load=load, implementation=result.implementation, check=result.check, case=case.name,
        dtype=case.dtype, path=path, truths=str(truths)))
    return path
