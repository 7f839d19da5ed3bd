"""torusflow: gradient descent on flows of vector fields, from two points to a density on a 3-D torus."""

from . import checks, losses
from .descent import GradientDescent, Result, descend
from .errors import InputError, NumericalError, TorusflowError, UnstableError
from .models.measure_node import MeasureNODE
from .risk import Risk
from .storage import Run, RunFile, load
from .torus import densities
from .torus.coordinates import Coordinates
from .torus.density import Density
from .torus.grid import Torus
from .torus.sobolev import SobolevMetric

__all__ = [
    "Coordinates",
    "Density",
    "GradientDescent",
    "InputError",
    "MeasureNODE",
    "NumericalError",
    "Result",
    "Risk",
    "Run",
    "RunFile",
    "SobolevMetric",
    "Torus",
    "TorusflowError",
    "UnstableError",
    "checks",
    "densities",
    "descend",
    "load",
    "losses",
]

__version__ = "0.1.0"
