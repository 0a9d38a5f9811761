import pytest

from refimpl.vectors import write


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """All test vectors, written once."""
    path = tmp_path_factory.mktemp("vectors")
    write(path)
    return path
