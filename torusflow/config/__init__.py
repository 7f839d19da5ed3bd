"""Problem files: what they may say, and the problems they become."""

from .choices import choices, chosen
from .densities import LOSSES
from .problem import METHODS, Problem, make_problem
from .tables import files_named, read_tables

__all__ = ["LOSSES", "METHODS", "Problem", "choices", "chosen", "files_named", "make_problem", "read_tables"]
