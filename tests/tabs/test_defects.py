"""What is not judged since the framework is known to be wrong there is still wrong: else it is to be judged again."""

import pytest

from lstm_ref.parity.cases import make
from lstm_ref.parity.checks import CHECKS
from lstm_ref.parity.session import truths_of_build


@pytest.mark.parametrize("label", ["scratch", "concise", "fused"])
def test_a_defect_is_still_there(label, adapter, request):
    """In every precision; once it is fixed, remove it from the adapter's `defects`."""
    found = adapter.implementations.get(label)
    for what in getattr(found, "defects", ()):
        check, _, case = what.partition(" on ")
        for dtype in CHECKS[check].dtypes:
            results = CHECKS[check].judge(found, label, make(case).astype(dtype),
                                          truths_of_build(request.config.option.build))
            assert not all(result.passed for result in results), f"{what} in {dtype} is right by now"
