"""The porous medium equation and its kin: the closed form of Barenblatt, finite volumes, Fourier series."""

from .barenblatt import Barenblatt
from .diffusion import Diffusion, Heat, PorousMedium, Pressure, UltraFast
from .finite_volume import Evolution, FiniteVolume
from .fourier_series import Spectral
from .fronts import arrival_time
from .tangent_flow import TangentFlow

__all__ = [
    "Barenblatt",
    "Diffusion",
    "Evolution",
    "FiniteVolume",
    "Heat",
    "PorousMedium",
    "Pressure",
    "Spectral",
    "TangentFlow",
    "UltraFast",
    "arrival_time",
]
