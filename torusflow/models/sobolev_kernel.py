"""The kernel of the H^s fields of the torus at scattered points, in closed form."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

import numpy as np

from ..arguments import checked_whole, is_number, settle
from ..errors import InputError
from .kernels import Kernel, MaternKernel

# Terms beyond this many lengths are below 1e-16; of longer kernels there would be thousands.
REACH, LONGEST = 42.0, 0.5

NO_BOUNDS = (
    "how large the derivatives of fields with a SobolevKernel become is not known, so there are no bounds for "
    "certificates. Take a TorusNODE, or another kernel."
)


@dataclass(frozen=True)
class SobolevKernel(Kernel):
    """k(x, y) = sum_k (1 + l^2 |2 pi k|^2)^-s exp(2 pi i k.(x - y)), the kernel of `SobolevMetric` on the torus.

    All k count: by Poisson's formula it is a sum of Matern kernels over the images x - y + n, n whole numbers.

    Parameters
    ----------
    smoothness : float
        s, 3/2 or 5/2 above d/2, where there is a closed form.
    length : float
        l, in sides of the torus; at most 1/2.
    dimension : {1, 2, 3}
        d.

    Raises
    ------
    InputError
        If a number is not one of these.

    References
    ----------
    .. [1] C. E. Rasmussen, C. K. I. Williams, Gaussian Processes for Machine Learning, MIT Press 2006, equation (4.15).

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> x = np.random.default_rng(0).random((4, 2))
    >>> tfl.RKHSNODE(x, tfl.KernelField(tfl.SobolevKernel(2.5, 0.2), x), layers=2).space.zeros().shape
    (2, 4, 2)
    """

    smoothness: float
    length: float
    dimension: int = 2
    _matern: MaternKernel = field(init=False, repr=False, compare=False)
    _shifts: np.ndarray = field(init=False, repr=False, compare=False)
    _factor: float = field(init=False, repr=False, compare=False)

    def __post_init__(self):
        d = checked_whole("SobolevKernel: dimension", self.dimension)
        if d > 3:
            raise InputError(f"SobolevKernel: dimension must be 1, 2 or 3, got {self.dimension!r}.")
        closed = (d / 2 + 1.5, d / 2 + 2.5)
        if not is_number(self.smoothness) or self.smoothness not in closed:
            raise InputError(
                f"SobolevKernel: on a torus of dimension {d} smoothness must be {closed[0]:g} or {closed[1]:g}, got "
                f"{self.smoothness!r}. A TorusNODE takes any, with fields of a band."
            )
        if not is_number(self.length) or not 0 < self.length <= LONGEST:
            raise InputError(f"SobolevKernel: length must be a number above 0 and at most 1/2, got {self.length!r}.")
        s, length = float(self.smoothness), float(self.length)
        nu, reach = s - d / 2, math.ceil(REACH * length)
        transform = (2 * math.sqrt(math.pi) * length) ** d * math.gamma(s) / math.gamma(nu)  # of the Matern kernel at 0
        settle(
            self,
            dimension=d,
            smoothness=s,
            length=length,
            _matern=MaternKernel(length * math.sqrt(2 * nu), nu),
            _shifts=np.array(list(itertools.product(range(-reach, reach + 1), repeat=d)), float),
            _factor=1 / transform,
        )

    @property
    def at_zero(self) -> float:
        origin = np.zeros((1, self.dimension))
        return float(self.matrix(origin, origin)[0, 0])

    @property
    def lipschitz(self) -> float:
        raise InputError(NO_BOUNDS)

    def bend(self, gram) -> float:
        raise InputError(NO_BOUNDS)

    def matrix(self, points, centres) -> np.ndarray:
        return self._over_images(self._matern.matrix, points, centres)

    def sums(self, points, centres, coefficients) -> np.ndarray:
        return self._over_images(self._matern.sums, points, centres, coefficients)

    def derivative(self, points, centres, coefficients, vectors, transposed: bool) -> np.ndarray:
        return self._over_images(self._matern.derivative, points, centres, coefficients, vectors, transposed)

    def _over_images(self, function, points, centres, *more) -> np.ndarray:
        """The sum of a function of the Matern kernel over the images of the centres."""
        points, centres = points - np.floor(points), centres - np.floor(centres)
        parts = (function(points, centres + shift, *more) for shift in self._shifts)
        return self._factor * np.asarray(sum(parts))
