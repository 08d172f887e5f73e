import pytest

from benchmarks.cold_start import shipped


@pytest.fixture(scope="session")
def packaged(tmp_path_factory):
    """The application as it ships."""
    return shipped(tmp_path_factory.mktemp("cold-start"))
