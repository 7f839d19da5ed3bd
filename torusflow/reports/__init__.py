"""Reports of runs: one HTML file each, that says what was asked and shows what came out; and animations."""

from ..public import public_names
from .animation import animate as animate
from .writing import report as report

__all__ = public_names(vars())


def __dir__():
    return __all__
