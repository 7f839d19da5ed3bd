"""Problem files: what they may say, and the problems they become."""

from .choices import choices, chosen
from .densities import LOSSES
from .problem import METHODS, Problem, make_problem
from .tables import read_tables

__all__ = ["LOSSES", "METHODS", "Problem", "choices", "chosen", "make_problem", "read_tables"]
