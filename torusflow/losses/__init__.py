"""Losses on the output of a model: a value and its gradient in the output space."""

from .densities import L2, KullbackLeibler, SobolevMMD, SquaredL2
from .likelihood import LogLikelihood
from .loss import Loss
from .points import CloudMMD, GeodesicDistance, SquaredDistance

__all__ = [
    "L2",
    "CloudMMD",
    "GeodesicDistance",
    "KullbackLeibler",
    "LogLikelihood",
    "Loss",
    "SobolevMMD",
    "SquaredDistance",
    "SquaredL2",
]
