"""Densities on the torus: uniform, from functions, arrays, images and samples, and two test families."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from ..arguments import check_function, check_kind, checked_file, checked_flag, is_number, real_array
from ..errors import InputError
from .brightness import brightness
from .coordinates import check_sides
from .density import Density
from .grid import TWO_PI, Torus
from .scattered import characteristic_function, characteristic_spectrum, checked_points

# A Gaussian kernel is resolved when its multiplier has fallen to this at the Nyquist mode: that is 1.37 grid cells.
RESOLVED = 1e-4
# Beyond it the density of von Mises lies within a cell of any grid.
MOST_CONCENTRATED = 1e6
# At this many sides from the origin the remainder modulo one is lost.
LARGEST_MEAN = 1e15
LARGEST_CONTRAST = 1e12


def uniform(torus: Torus) -> Density:
    """rho = 1.

    Examples
    --------
    >>> import torusflow as tfl
    >>> tfl.densities.uniform(tfl.Torus((4,))).values
    array([1., 1., 1., 1.])
    """
    check_kind("torus", torus, Torus, "tfl.Torus((64, 64))")
    return Density(torus, torus.zeros(torus.local_shape) + 1, "uniform density")


def from_array(torus: Torus, values, normalise: bool = False, name: str = "density") -> Density:
    """The density with given values on the grid.

    Parameters
    ----------
    torus : Torus
    values : array (*n)
        Non-negative.
    normalise : bool
        Whether to divide by the mean; otherwise it must be 1.
    name : str

    Raises
    ------
    InputError
        If the values have another shape, are negative or not finite, or the mass is wrong.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> torus = tfl.Torus((4,))
    >>> tfl.densities.from_array(torus, [1.0, 2.0, 3.0, 2.0], normalise=True).values
    array([0.5, 1. , 1.5, 1. ])
    """
    check_kind("torus", torus, Torus, "tfl.Torus((64, 64))")
    values = torus.field(values)
    if checked_flag("normalise", normalise) and values.shape == torus.local_shape and torus.is_finite(values):
        mass = torus.mean(values)
        if not mass > 0:
            raise InputError(f"the {name} has mass {mass:.3g}, so it cannot be normalised.")
        values = values / mass
        values = values / torus.mean(values)  # once more, to lose the rounding of the first
    return Density(torus, values, name)


def from_function(torus: Torus, function: Callable, normalise: bool = False, name: str = "density") -> Density:
    """The density function(x_1, ..., x_d), arrays (*n) of coordinates in [0, 1).

    Parameters
    ----------
    torus : Torus
    function : callable
    normalise : bool
        Whether to divide by the mean; otherwise it must be 1.
    name : str

    Raises
    ------
    InputError
        As `from_array`.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> torus = tfl.Torus((4,))
    >>> tfl.densities.from_function(torus, lambda x: 1 + 0.5 * np.sin(2 * np.pi * x)).values
    array([1. , 1.5, 1. , 0.5])
    """
    check_kind("torus", torus, Torus, "tfl.Torus((64, 64))")
    check_function("function", function)
    values = torus.asarray(function(*torus.points), f"what the function gives for the {name}", "fiub")
    return from_array(torus, np.broadcast_to(values, torus.local_shape) if not values.ndim else values, normalise, name)


def von_mises(torus: Torus, mean=None, concentration=1.0) -> Density:
    """rho proportional to exp(sum_j c_j cos(2 pi (x_j - m_j))).

    Parameters
    ----------
    torus : Torus
    mean : float or sequence of d floats, optional
        m, in sides of the torus; by default in two dimensions that of the unimodal target of the normalizing-flow
        literature on tori [1]_, otherwise the middle.
    concentration : float or sequence of d floats
        c >= 0.

    References
    ----------
    .. [1] D. Rezende et al., Normalizing flows on tori and spheres, ICML 2020, arXiv:2002.02428, appendix on targets.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> rho = tfl.densities.von_mises(tfl.Torus((64,)), mean=0.25, concentration=2.0)
    >>> int(np.argmax(rho.values)) / 64
    0.25
    """
    check_kind("torus", torus, Torus, "tfl.Torus((64, 64))")
    if mean is None:
        mean = (4.18 / TWO_PI, 5.96 / TWO_PI) if torus.dimension == 2 else 0.5
    try:
        mean = np.broadcast_to(real_array(mean, "mean"), (torus.dimension,))
        sharpness = np.broadcast_to(real_array(concentration, "concentration"), (torus.dimension,))
    except ValueError:
        mean = sharpness = np.full(1, np.nan)
    if not np.all(np.abs(mean) <= LARGEST_MEAN) or not np.all((sharpness >= 0) & (sharpness <= MOST_CONCENTRATED)):
        raise InputError(
            f"mean and concentration must be numbers or {torus.dimension} of them, the mean below {LARGEST_MEAN:g}, "
            f"the concentration from 0 to {MOST_CONCENTRATED:g}."
        )
    exponent = sum(c * np.cos(TWO_PI * (x - m)) for x, m, c in zip(torus.points, mean, sharpness, strict=True))
    return from_array(torus, np.exp(exponent - sharpness.sum()), normalise=True, name="von Mises density")


def banana(torus: Torus, contrast: float = 100.0) -> Density:
    """rho proportional to 1 + (contrast - 1)(f - min f)/(max f - min f), a curved ridge beside a hill, on T^2.

    With X, Y = 2 pi x - pi, 2 pi y - pi: f = 3 exp(-X^2 - 10 (Y - X^2/2 + 1)^2) + 2 exp(-(X+1)^2 - Y^2) + 1/10 [1]_.

    Parameters
    ----------
    torus : Torus
        Two-dimensional.
    contrast : float
        max rho / min rho, above 1.

    References
    ----------
    .. [1] M. Bauer, S. Joshi, K. Modin, Diffeomorphic random sampling using optimal information transport, GSI 2017,
       doi:10.1007/978-3-319-68445-1_16, section 4.

    Examples
    --------
    >>> import torusflow as tfl
    >>> rho = tfl.densities.banana(tfl.Torus((32, 32)), contrast=100)
    >>> round(float(rho.values.max() / rho.values.min()))
    100
    """
    check_kind("torus", torus, Torus, "tfl.Torus((64, 64))")
    if torus.dimension != 2 or not is_number(contrast) or not 1 < contrast <= LARGEST_CONTRAST:
        raise InputError(
            f"banana needs a torus of two dimensions and a contrast above 1 (and at most {LARGEST_CONTRAST:g}), "
            f"got {torus!r}, {contrast!r}."
        )
    x, y = (TWO_PI * c - math.pi for c in torus.points)
    f = 3 * np.exp(-(x**2) - 10 * (y - x**2 / 2 + 1) ** 2) + 2 * np.exp(-((x + 1) ** 2) - y**2) + 0.1
    lowest, highest = torus.minimum(f), torus.maximum(f)
    f = (f - lowest) / (highest - lowest)
    return from_array(torus, 1 + (contrast - 1) * f, normalise=True, name="banana density")


def from_image(torus: Torus, file, floor: float = 0.1, dark: bool = False, blur: float | str = "auto") -> Density:
    """floor + (1 - floor) * the brightness of an image, made periodic, mean 1, smoothed to the grid.

    The image's width runs along x_1 and its height upwards along x_2, as it is looked at, turned where the file says
    so; it is stretched to the grid and blurred across its edges by a periodic Gaussian, since a torus has no edges.
    What is transparent carries no mass, be it bright or dark.

    Parameters
    ----------
    torus : Torus
        Two-dimensional.
    file : path
        Anything Pillow reads, of several images in a file the first; colours become grey. White is the largest value of
        the file's type. 32-bit integers and floats have none: there it is the largest value of the image, or 1 if that
        is larger.
    floor : float
        Smallest density relative to uniform, between 0 and 1.
    dark : bool
        Whether dark pixels carry the mass instead of bright ones.
    blur : float or "auto"
        Standard deviation of the Gaussian in sides of the torus; by default the smallest that the grid resolves.

    Raises
    ------
    InputError
        If the file is not an image, or all of one colour at zero mass, a pixel is negative or not finite, or a number
        is out of range.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> from PIL import Image
    >>> Image.fromarray(np.diag([255, 200, 150, 100]).astype(np.uint8)).save('diagonal.png')  # doctest: +SKIP
    >>> rho = tfl.densities.from_image(tfl.Torus((16, 16)), 'diagonal.png')  # doctest: +SKIP
    """
    check_kind("torus", torus, Torus, "tfl.Torus((64, 64))")
    if torus.dimension != 2:
        raise InputError(f"an image needs a torus of two dimensions, got {torus!r}.")
    if not is_number(floor) or not 0 <= floor < 1:
        raise InputError(f"from_image: floor must be a number in [0, 1), got {floor!r}.")
    file = checked_file(file, "an image")
    mass = torus.part(brightness(file, torus.shape, checked_flag("dark", dark)))
    if not torus.mean(mass) > 0:
        colour = "white" if dark else "black"
        raise InputError(f"the image {str(file)!r} is all {colour} or transparent, so it carries no mass.")
    blur = (
        _resolved_bandwidth(torus)
        if isinstance(blur, str) and blur == "auto"
        else checked_bandwidth(torus, blur, "blur")
    )
    smooth = np.maximum(torus.filter(mass, _gaussian(blur, torus.laplacian_symbol)), 0)
    return from_array(torus, floor + (1 - floor) * smooth / torus.mean(smooth), True, _as_text(file.stem))


def from_samples(torus: Torus, points, bandwidth: float | str = "auto", floor: float = 0.0) -> Density:
    """rho(x) = (1/N) sum_i G_h(x - x_i), a kernel estimate with the periodic Gaussian of standard deviation h.

    Computed as the Fourier multiplier exp(-2 pi^2 h^2 |k|^2) on the samples' characteristic function.

    Parameters
    ----------
    torus : Torus
    points : array (N, d)
        In sides of the torus, from -1 to 2. Other units, such as a data frame of degrees, are converted by
        ``Coordinates("degrees").to_torus(frame)``.
    bandwidth : float or "auto"
        h, in sides of the torus; "auto" takes the one of least-squares cross-validation (see `bandwidth`), or the
        smallest that the grid resolves if that is larger.
    floor : float
        The result is (1 - floor) rho + floor. Round-off below zero is lifted in the same way.

    Returns
    -------
    Density

    Raises
    ------
    InputError
        If the points have another shape, are not finite or in other units, or the bandwidth is too small for the grid.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> points = np.random.default_rng(0).random((1000, 2))
    >>> rho = tfl.densities.from_samples(tfl.Torus((16, 16)), points, bandwidth=0.1)
    >>> round(float(rho.torus.mean(rho.values)), 12)
    1.0
    """
    check_kind("torus", torus, Torus, "tfl.Torus((64, 64))")
    points = checked_points(points, torus.dimension, "from_samples: ", 2)
    check_sides(points, "from_samples: the points")
    if not is_number(floor) or not 0 <= floor < 1:
        raise InputError(f"from_samples: floor must be a number in [0, 1), got {floor!r}.")
    remark = ""
    if isinstance(bandwidth, str) and bandwidth == "auto":
        best, smallest = cross_validated_bandwidth(points), _resolved_bandwidth(torus)
        bandwidth = max(best, smallest)
        remark = f" (the least this grid resolves; cross-validation gives {best:.2g})" if best < smallest else ""
    bandwidth = checked_bandwidth(torus, bandwidth, "bandwidth")
    half = torus.asarray(characteristic_spectrum(torus, points))
    values = torus.inverse(half * _gaussian(bandwidth, torus.laplacian_symbol))
    lowest = torus.minimum(values)
    lift = max(floor, -lowest / (1 - lowest))
    name = f"kernel estimate of {len(points)} samples, bandwidth {bandwidth:.4g}{remark}"
    name += f", floor {floor:g}" if floor else ""
    return from_array(torus, np.maximum((1 - lift) * values + lift, 0), True, name)


def cross_validated_bandwidth(points) -> float:
    """h that minimises sum_k |c_k|^2 G_k^2 - 2/(N-1) sum_k G_k (N |c_k|^2 - 1), G_k = exp(-2 pi^2 h^2 |k|^2).

    Least-squares cross-validation [1]_ in Fourier space: an unbiased estimate of the integrated squared error up to
    a constant, for independent samples. c is the characteristic function of the samples.

    Parameters
    ----------
    points : array (N, d)
        In sides of the torus, from -1 to 2.

    Returns
    -------
    float
        In sides of the torus, between 0.003 (0.01 for d = 3) and 0.3.

    References
    ----------
    .. [1] A. W. Bowman, An alternative method of cross-validation for the smoothing of density estimates, Biometrika
       71 (1984) 353-360, doi:10.1093/biomet/71.2.353, equation (3).

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> points = np.random.default_rng(0).vonmises(0, 4, (500, 1)) / (2 * np.pi) % 1
    >>> round(tfl.densities.cross_validated_bandwidth(points), 3)
    0.029
    """
    from scipy.optimize import minimize_scalar

    points = checked_points(points, least=1)
    check_sides(points, "the points")
    count, dimension = points.shape
    n, smallest = {1: (1024, 0.003), 2: (512, 0.003), 3: (96, 0.01)}[dimension]
    power = np.abs(characteristic_function(points, (n,) * dimension)) ** 2
    frequencies = np.meshgrid(*[np.fft.fftfreq(n, 1 / n)] * dimension, indexing="ij", sparse=True)
    squared = sum(k**2 for k in frequencies)
    # The kernel is radial, so sums over k are sums over the values of |k|^2.
    levels = np.unique(squared, return_inverse=True)
    power_of_level = np.bincount(levels[1].ravel(), power.ravel())
    number_of_level = np.bincount(levels[1].ravel())

    def score(log_bandwidth):
        kernel = np.exp(-2 * (math.pi * math.exp(log_bandwidth)) ** 2 * levels[0])
        pairs = (count * power_of_level - number_of_level) / max(count - 1, 1)
        return float(np.sum(power_of_level * kernel**2) - 2 * np.sum(kernel * pairs))

    grid = np.linspace(math.log(smallest), math.log(0.3), 40)
    best = int(np.argmin([score(b) for b in grid]))
    bounds = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    least = cast(Any, minimize_scalar(score, bounds=bounds, method="bounded", options={"xatol": 1e-4}))
    return math.exp(least.x)


def _as_text(name: str) -> str:
    """A file's name without the bytes that are not text, which a run file could not hold."""
    return name.encode("utf-8", "backslashreplace").decode()


def _gaussian(bandwidth: float, laplacian_symbol) -> np.ndarray:
    return np.exp(-(bandwidth**2) / 2 * laplacian_symbol)


def _resolved_bandwidth(torus: Torus) -> float:
    """The smallest standard deviation of a Gaussian that the coarsest axis of the grid resolves."""
    return math.sqrt(2 * math.log(1 / RESOLVED)) / (math.pi * min(torus.shape))


def checked_bandwidth(torus: Torus, bandwidth, name: str, period: float = 1.0, units: str = "sides of the torus"):
    """A standard deviation in sides of the torus, given in units of which a side has `period`, or an InputError."""
    smallest = _resolved_bandwidth(torus)
    if not is_number(bandwidth) or not 0 < bandwidth <= period:
        raise InputError(
            f"{name} must be 'auto' or a number between 0 and {period:.4g}, in {units}, got {bandwidth!r}."
        )
    sides = bandwidth / period
    if sides < smallest * (1 - 1e-9):
        points = smallest / sides * min(torus.shape)
        raise InputError(
            f"{name}={bandwidth:.3g} (in {units}) is too small for {min(torus.shape)} grid points, which resolve "
            f"{smallest * period:.3g} or more. Use a larger one"
            f"{f', or {math.ceil(points)} points' if points < 1e6 else ''}."
        )
    return float(sides)
