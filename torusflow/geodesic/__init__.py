"""The right-invariant H^s metric on diffeomorphisms of the torus: geodesics, exponential map, logarithm, distance."""

from .exponential_map import Exponential, distance, exponential, logarithm
from .shooting import Geodesic, shoot

__all__ = ["Exponential", "Geodesic", "distance", "exponential", "logarithm", "shoot"]
