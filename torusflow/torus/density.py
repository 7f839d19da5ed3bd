"""Probability densities on the torus, and the space in which they vary."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..arguments import check_generator, check_kind, checked_whole, settle
from ..display import OneLine, Pictured, pictures
from ..errors import InputError
from .coordinates import Coordinates
from .grid import Torus
from .labelled import labelled
from .scattered import TrigonometricPolynomial

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from xarray import DataArray

# A density is never rescaled unless asked for, so its mass must be one to round-off.
MASS_TOLERANCE = 1e-12
# Points tried at once in sampling, so that memory stays bounded.
LARGEST_BATCH = 1_000_000
LARGEST_SAMPLE = 10**8


@dataclass(frozen=True, eq=False)
class Density(Pictured):
    """A probability density on a torus: non-negative values on the grid with mean one.

    Made by the functions of `torusflow.densities`; `numpy.asarray` gives the values.

    Parameters
    ----------
    torus : Torus
    values : array (*n)
        Relative to the uniform density, which is 1.
    name : str
        What it is, for plots and files.

    Raises
    ------
    InputError
        If a value is negative or not finite, or the mass is not 1 to 1e-12.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> rho = tfl.Density(tfl.Torus((4,)), np.array([0.5, 1.0, 1.5, 1.0]))
    >>> rho.sample(3, np.random.default_rng(0)).shape
    (3, 1)
    """

    torus: Torus
    values: np.ndarray
    name: str = "density"

    def __post_init__(self):
        check_kind("torus", self.torus, Torus, "Density(tfl.Torus((64, 64)), values)")
        values = self.torus.fixed(self.torus.field(self.values))
        if values.shape != self.torus.local_shape:
            raise InputError(f"a density on this torus has shape {self.torus.local_shape}, got {values.shape}.")
        if not self.torus.is_finite(values):
            raise InputError(
                f"the {self.name} holds {np.count_nonzero(~np.isfinite(values))} values that are not finite."
            )
        lowest = self.torus.minimum(values)
        if lowest < 0:
            raise InputError(
                f"the {self.name} is negative at {np.count_nonzero(values < 0)} of {values.size} grid points "
                f"(lowest {lowest:.3g}), so it is not a density. Clip it, or add a positive floor."
            )
        mass = self.torus.mean(values)
        if not abs(mass - 1) <= MASS_TOLERANCE:
            advice = "give normalise=True to divide by it" if mass > 0 else "it cannot be normalised"
            raise InputError(f"the {self.name} has mass (mean over the grid) {mass:.15g}, not 1: {advice}.")
        settle(self, values=values)

    def on(self, torus: Torus) -> Density:
        """The density on another grid, by its Fourier series, of mass one and nowhere below its lowest value here.

        Parameters
        ----------
        torus : Torus
            Of the same dimension.
        """
        check_kind("torus", torus, Torus, "tfl.Torus((64, 64))")
        values = np.maximum(self.torus.resample(self.values, torus), self.torus.minimum(self.values))
        values = values / torus.mean(values)
        return Density(torus, values / torus.mean(values), self.name)

    def plot(self, ax: Axes | None = None, coordinates: Coordinates | None = None, masses=(0.5, 0.98)):
        """The density with its regions of highest density, a line or an image; returns the figure.

        Parameters
        ----------
        ax : Axes, optional
            To draw a density on one or two axes into; else a figure of its own, which pyplot does not know.
        coordinates : Coordinates, optional
            Units and names of the axes.
        masses : sequence of float
            Of the regions.
        """
        return pictures().plot_density(self, None, coordinates, masses, ax)

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """n independent points in [0, 1)^d, array (n, d), of the density between grid points by its Fourier series.

        By rejection, with a bound of the series from its values on a grid twice as fine [1]_; where the series of an
        unresolved density is negative no point falls.

        References
        ----------
        .. [1] H. Ehlich, K. Zeller, Schwankung von Polynomen zwischen Gitterpunkten, Math. Z. 86 (1964) 41-44,
           doi:10.1007/BF01111276.
        """
        check_generator(rng)
        self.torus.check_generators(rng)
        n = checked_whole("n", n, 0, LARGEST_SAMPLE)
        torus, d = self.torus, self.torus.dimension
        fine = torus.resized(tuple(2 * n for n in torus.shape))
        # Of degree at most a quarter of the points: no further above the grid's maximum than 1/cos(pi/4) per axis.
        bound = fine.maximum(torus.resample(self.values, fine)) * 2 ** (d / 2)
        series, chosen, missing = TrigonometricPolynomial(torus, self.values), [np.empty((0, d))], n
        while missing > 0:
            points = rng.random((min(math.ceil(1.1 * missing * bound) + 100, LARGEST_BATCH), d))
            heights = rng.random(len(points)) * bound
            chosen.append(points[heights < series.value(points)][:missing])
            missing -= len(chosen[-1])
        return np.concatenate(chosen)

    def to_xarray(self, coordinates: Coordinates | None = None) -> DataArray:
        """The density as an array of xarray, relative to the uniform one.

        Parameters
        ----------
        coordinates : Coordinates, optional
            Names and units of the axes; x, y, z in sides of the torus if not given.

        Raises
        ------
        InputError
            If xarray is not there, there are units for another number of axes, or processes share the density.
        """
        coordinates = Coordinates() if coordinates is None else coordinates
        coordinates.check_dimension(self.torus.dimension)
        points = [np.arange(n) / n * coordinates.along(axis).period for axis, n in enumerate(self.torus.shape)]
        return labelled(self.__array__(), points, coordinates, "1 (relative to the uniform density)", self.name)

    def __array__(self, dtype=None, copy=None):
        instead = "take density.values, the part here, or torus.gather(density.values)."
        self.torus.refuse_divided("a density becomes an array of NumPy on", instead)
        values = self.torus.to_host(self.values)
        return np.array(values, dtype=dtype) if dtype is not None or copy else values


class FunctionSpace(OneLine):
    """Functions on the grid with <p, q> = mean of p q."""

    dtype = np.dtype(np.float64)

    def __init__(self, torus: Torus):
        self.torus = torus
        self.shape = torus.local_shape

    def on(self, torus: Torus) -> FunctionSpace:
        """The same functions on another grid."""
        return type(self)(torus)

    def zeros(self) -> np.ndarray:
        """The zero function, array (*n)."""
        return self.torus.zeros(self.shape)

    def asarray(self, p) -> np.ndarray:
        """Numbers as an array where densities live, not copied where they are one."""
        return self.torus.asarray(p)

    def inner(self, p, q) -> float:
        """<p, q> = mean of p q."""
        return self.torus.inner(p, q)

    def random(self, rng: np.random.Generator) -> np.ndarray:
        """White noise on the grid with norm one, array (*n)."""
        check_generator(rng)
        noise = self.asarray(self.torus.normal(rng, self.torus.shape, 0, self.torus.local_slice[0]))
        return noise / math.sqrt(self.inner(noise, noise))

    def element(self, p) -> np.ndarray:
        """p as a function on the grid, or an InputError."""
        p = self.torus.field(p)
        if p.shape != self.shape:
            raise InputError(f"a function on this torus is an array {self.shape}, got shape {p.shape}.")
        if not self.torus.is_finite(p):
            raise InputError(f"{np.count_nonzero(~np.isfinite(p))} of {p.size} values on the torus are not finite.")
        return p

    def describe(self, p) -> dict[str, float]:
        """Nothing that would hold for every function."""
        return {}


class DensitySpace(FunctionSpace):
    """Where densities, their changes and first variations live."""

    def describe(self, p) -> dict[str, float]:
        """Mass, minimum and maximum."""
        return {"mass": self.torus.mean(p), "minimum": self.torus.minimum(p), "maximum": self.torus.maximum(p)}


class LogDensitySpace(FunctionSpace):
    """Where logarithms of densities live, which need not be normalised.

    Parameters
    ----------
    torus : Torus
    given : tuple of int
        Axes of the conditions, where densities are conditional ones of the other axes.
    """

    def __init__(self, torus: Torus, given: tuple[int, ...] = ()):
        super().__init__(torus)
        self.given = given

    def on(self, torus: Torus) -> LogDensitySpace:
        """The same functions on another grid."""
        return LogDensitySpace(torus, self.given)

    def describe(self, u) -> dict[str, float]:
        """log mean exp(u) on the grid, and the largest and smallest value."""
        highest = self.torus.maximum(u)
        mass = self.torus.mean(np.exp(u - highest))
        return {"log_mass": highest + math.log(mass), "lowest": self.torus.minimum(u), "highest": highest}
