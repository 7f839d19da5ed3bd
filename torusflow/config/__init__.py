"""Problem files: what they may say, and the problems they become."""

from .densities import LOSSES
from .problem import Problem, make_problem
from .tables import read_tables

__all__ = ["LOSSES", "Problem", "make_problem", "read_tables"]
