"""The libraries that transform on the processor, each skipped where it is not installed."""

import importlib.util

import pytest


def _if_there(name, module):
    missing = importlib.util.find_spec(module) is None
    return pytest.param(name, marks=pytest.mark.skipif(missing, reason=f"{module} is not installed"))


LIBRARIES = [_if_there("fftw", "pyfftw"), _if_there("rocket", "rocket_fft"), "scipy"]
every_library = pytest.mark.parametrize("library", LIBRARIES)
