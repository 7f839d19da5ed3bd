"""What all tests share: the random numbers and the markers."""

import numpy as np
import pytest


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes more than five seconds")


@pytest.fixture
def rng():
    """The same random numbers for every test, whichever tests run."""
    return np.random.default_rng(20240229)
