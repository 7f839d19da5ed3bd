"""Losses on the output of a model: a value and its gradient in the output space."""

from .densities import L2, KullbackLeibler, SobolevMMD, SquaredL2
from .loss import Loss

__all__ = ["L2", "KullbackLeibler", "Loss", "SobolevMMD", "SquaredL2"]
