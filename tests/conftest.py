import os
from pathlib import Path

import pytest
import threadpoolctl

os.environ.pop("COLUMNS", None)  # pytest-xdist sets it; a log has whole lines
if "PYTEST_XDIST_WORKER" in os.environ:  # the workers share the cores already
    threadpoolctl.threadpool_limits(1)
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    # MPI's workers look for each other's messages without pause, and take from the other tests what cores there are.
    os.environ |= {"MPIR_CVAR_CH4_PROGRESS_THROTTLE": "1", "MPIR_CVAR_CH4_PROGRESS_THROTTLE_NO_PROGRESS_COUNT": "100"}


@pytest.fixture(scope="session")
def truths():
    """A folder of stored yardsticks, kept from one run to the next: a name has a hash of the code they come from."""
    folder = Path(__file__).parents[1] / "build" / "tests" / "truth"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
