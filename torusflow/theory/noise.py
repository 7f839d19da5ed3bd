"""The noise of stochastic gradients: its covariance, the law in which descent comes to rest, and the diffusion."""

from .gradient_diffusion import diffusion
from .gradient_noise import GradientNoise, covariance
from .stationary_law import StationaryLaw, stationary

__all__ = ["GradientNoise", "StationaryLaw", "covariance", "diffusion", "stationary"]
