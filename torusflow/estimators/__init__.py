"""Estimators in the shape of scikit-learn's: from a table to a density, with all choices made."""

from .chain_density import ChainDensity
from .torus_density import TorusDensity

__all__ = ["ChainDensity", "TorusDensity"]
