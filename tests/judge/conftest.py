import pytest


@pytest.fixture(scope="session")
def truths(tmp_path_factory):
    """A folder of stored yardsticks, shared by all tests of the judge."""
    return tmp_path_factory.mktemp("truth")
