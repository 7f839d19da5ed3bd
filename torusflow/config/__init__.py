"""Problem files: what they may say, and the problems they become."""

from .choices import choices, chosen
from .densities import LOSSES
from .likelihood import LIKELIHOODS
from .own_classes import imported, modules_beside
from .problem import METHODS, Problem, make_problem
from .tables import files_named, read_tables

__all__ = [
    "LIKELIHOODS",
    "LOSSES",
    "METHODS",
    "Problem",
    "choices",
    "chosen",
    "files_named",
    "imported",
    "make_problem",
    "modules_beside",
    "read_tables",
]
