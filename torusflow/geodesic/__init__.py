"""The right-invariant H^s metric on diffeomorphisms of the torus: geodesics, exponential map, logarithm, distance."""

from ..public import public_names
from .conjugate import Minimality as Minimality
from .conjugate import minimality as minimality
from .exponential_map import Exponential as Exponential
from .exponential_map import displacement_norm as displacement_norm
from .exponential_map import distance as distance
from .exponential_map import exponential as exponential
from .exponential_map import lifted_distance as lifted_distance
from .exponential_map import logarithm as logarithm
from .shooting import Geodesic as Geodesic
from .shooting import shoot as shoot

__all__ = public_names(vars())


def __dir__():
    return __all__
