import os

import pytest
import threadpoolctl

os.environ.pop("COLUMNS", None)  # pytest-xdist sets it; a log has whole lines
if "PYTEST_XDIST_WORKER" in os.environ:  # the workers share the cores already
    threadpoolctl.threadpool_limits(1)
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


@pytest.fixture(scope="session")
def truths(tmp_path_factory):
    """A folder of stored yardsticks, shared by all tests of the judge, those in other processes too."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "truth"
    folder.mkdir(exist_ok=True)
    return folder
