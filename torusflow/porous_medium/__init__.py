"""The porous medium equation and its kin: the closed form of Barenblatt, finite volumes, Fourier series."""

from ..public import public_names
from .barenblatt import Barenblatt as Barenblatt
from .diffusion import Diffusion as Diffusion
from .diffusion import Heat as Heat
from .diffusion import LogarithmicDiffusion as LogarithmicDiffusion
from .diffusion import PorousMedium as PorousMedium
from .diffusion import Pressure as Pressure
from .diffusion import UltraFast as UltraFast
from .finite_volume import Evolution as Evolution
from .finite_volume import FiniteVolume as FiniteVolume
from .fourier_series import Spectral as Spectral
from .fronts import arrival_time as arrival_time
from .tangent_flow import TangentFlow as TangentFlow

__all__ = public_names(vars())


def __dir__():
    return __all__
