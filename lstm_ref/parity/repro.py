"""A failure as a short program: it ends with 1 while the fault is there and with 0 once it is mended."""

from pathlib import Path
from typing import Any

import numpy as np

from lstm_ref.parity.cases import Case
from lstm_ref.parity.checks import CHECKS
from lstm_ref.parity.properties import PROPERTIES
from lstm_ref.parity.truth import wider, yardstick
from lstm_ref.parity.verdict import LIMIT, Result

HEAD = '''"""{backend} {implementation}: {check} departs from the reference in {quantity}, on case {case} in {dtype}.

Ends with 1 while the fault is there and with 0 once it is mended. Needs {backend}, NumPy and this project:
    python {path}
"""

import sys

import numpy as np

import backends
{imports}

case = make("{case}").astype("{dtype}")  # seeded; its arrays: params, state, inputs, X, Y, grads
implementation = backends.load("{backend}", "{device}").implementations["{implementation}"]
'''
NUMBERS = '''spread = {spread}  # what rounding in {dtype} alone may do, at each time step where there are several
try:
    found = np.asarray(CHECKS["{check}"].run(implementation, case)["{quantity}"])
except Exception as error:
    sys.exit(f"raised {{type(error).__name__}}: {{error}}")
truth = CHECKS["{check}"].run(Reference(), case.astype(np.{wide}))["{quantity}"]
if found.shape != truth.shape or found.dtype != case.dtype:
    sys.exit(f"expected shape {{truth.shape}} and {{case.dtype}}, got {{found.shape}} and {{found.dtype}}")
far, limit = distance(found, truth), {limit:g} * np.reshape(spread, (-1, *[1] * (truth.ndim - 1)))
worst = np.unravel_index(np.argmax(far - limit), truth.shape)
print(f"{quantity} at index {{tuple(map(int, worst))}}: expected {{truth[worst]}}, got {{found[worst]}}")
sys.exit(1 if (far > limit).any() else 0)
'''
FACTS = '''try:
    wrong = [fact for fact in PROPERTIES["{check}"].run(implementation, case) if not fact.holds]
except Exception as error:
    sys.exit(f"raised {{type(error).__name__}}: {{error}}")
for fact in wrong:
    print(f"{{fact.quantity}}: {{fact.detail}}")
print(f"{{len(wrong)}} facts do not hold")
sys.exit(1 if wrong else 0)
'''


def program(backend: str, device: str, result: Result, case: Case, path: Path, truths: Path) -> str:
    """The text of the program.

    Args:
        backend: its name.
        device: 'cpu' or 'gpu'.
        result: a failed one.
        case: on which it failed.
        path: where the program will stand.
        truths: folder of the stored yardsticks.
    """
    words: dict[str, Any] = {
        "backend": backend, "device": device, "implementation": result.implementation, "check": result.check,
        "case": case.name, "dtype": case.dtype, "path": path, "limit": LIMIT, "quantity": result.quantity,
        "wide": wider(case.dtype).__name__,
    }
    if result.check in PROPERTIES:
        imports = "from lstm_ref.parity.cases import make\nfrom lstm_ref.parity.properties import PROPERTIES"
        return HEAD.replace("import numpy as np\n\n", "").format(imports=imports, **words) + FACTS.format(**words)
    rod = yardstick(CHECKS[result.check], case, truths)
    if result.quantity not in rod.spread:  # the call raised: any quantity will do
        words["quantity"] = next(iter(rod.spread))
    spread = [float(f"{x:.3g}") for x in np.ravel(rod.spread[words["quantity"]])]
    imports = ("from lstm_ref.parity.cases import make\nfrom lstm_ref.parity.checks import CHECKS\n"
               "from lstm_ref.parity.implementation import Reference\nfrom lstm_ref.parity.truth import distance")
    return HEAD.format(imports=imports, **words) + NUMBERS.format(spread=spread, **words)


def write(backend: str, device: str, results: list[Result], case: Case, folder: Path) -> Path:
    """Write the program for the worst of some failed results into `folder`/repro, one a check and implementation.

    The first to be written stays: the smallest case comes first.
    """
    worst = max((result for result in results if not result.passed), key=lambda result: result.ratio)
    path = folder / "repro" / f"{backend}-{worst.implementation}-{worst.check}.py"
    if path not in _written:
        text = program(backend, device, worst, case, path, folder / "truth")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        _written.add(path)
    return path


_written: set[Path] = set()  # by this process: what an earlier run left is replaced
