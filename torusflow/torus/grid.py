"""The flat torus [0, 1)^d and its Fourier grid: transforms, derivatives, means."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..arguments import check_kind, settle
from ..backends import Backend, Division, Stages, Transform, Undivided
from ..backends.turns import Turn
from ..errors import InputError
from .arrays import Arrays, checked_numbers, checked_shape, chosen_backend
from .divided import Divided

TWO_PI = 2 * math.pi
# 16 GB for a single field.
LARGEST_SIZE = 2**31
# What deviates from its mean by less, relative to it, is as good as constant.
CONSTANT = 1e-6


@dataclass(frozen=True)
class Torus(Divided, Arrays):
    """T^d = [0, 1)^d with the grid x_j = j / n, and f(x) = sum_k f^_k exp(2 pi i k.x).

    The forward transform carries the 1/N, so f^_0 is the mean, and the mean of a density is its mass. The inner
    product of grid functions is the mean of their product. Fields have the grid as their last d axes; leading axes
    are free.

    Parameters
    ----------
    shape : tuple of int
        Grid points per axis, d = 1, 2 or 3 of them, each at least 4; even, odd and unequal numbers are allowed. A
        single number stands for one axis.
    threads : int, optional
        Threads for transforms and pointwise work; all processors this process may use if not given, and at most 64, or
        four per processor where that is more.
    library : {"fftw", "rocket", "scipy", "numpy"} or Backend, optional
        What transforms; if not given FFTW where pyFFTW is installed, else scipy.fft. ``torus.library`` says which it
        is. "rocket" takes about as long as FFTW and is under the BSD licence; it needs rocket-fft. "numpy" is the
        scheme in plain NumPy, slow and short, to check the others against (`torusflow.backends.reference`). One of
        your own is given as it is (`torusflow.backends.Backend`); then its threads count.
    device : str, optional
        "cuda" has fields, stages and controls as arrays of CuPy on a GPU, "cuda:1" on the second one; cuFFT transforms,
        or with library="cupy" the scheme in plain CuPy. It needs ``torusflow[cuda]``. Tori are equal if their grids and
        devices are.
    comm : communicator of mpi4py, optional
        Such as MPI.COMM_WORLD: its processes share a grid of two or three axes (`docs/scaling.md`). Each of them has
        some rows of axis 0 of every field, and some columns of axis 1 of its coefficients; all call the same functions.

    Attributes
    ----------
    local_shape : tuple of int
        Of the arrays that hold a field here; `shape` is that of the grid.
    local_slice : tuple of slice
        Where they stand in the grid.
    spectral_shape : tuple of int
        Of the arrays that hold a spectrum here.
    spectral_slice : tuple of slice
        Where they stand in the whole one.
    division : Division
        Who has what.

    Raises
    ------
    InputError
        If the shape, the number of threads, the library or the device cannot be used.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> torus = tfl.Torus((16, 15))
    >>> x, y = torus.points
    >>> bool(np.allclose(torus.gradient(np.sin(2 * np.pi * x) + 0 * y)[0], 2 * np.pi * np.cos(2 * np.pi * x)))
    True
    """

    shape: tuple[int, ...]
    threads: int | None = field(default=None, compare=False, metadata={"stored": False})
    library: str | Backend | None = field(default=None, compare=False)
    device: str = field(default="cpu", repr=False, metadata={"stored": False})
    comm: Any = field(default=None, repr=False, compare=False, metadata={"stored": False})
    division: Division = field(init=False, repr=False)
    local_shape: tuple[int, ...] = field(init=False, repr=False, compare=False)
    local_slice: tuple[slice, ...] = field(init=False, repr=False, compare=False)
    dimension: int = field(init=False, repr=False, compare=False)
    size: int = field(init=False, repr=False, compare=False)
    spectral_shape: tuple[int, ...] = field(init=False, repr=False, compare=False)
    spectral_slice: tuple[slice, ...] = field(init=False, repr=False, compare=False)
    _backend: Backend = field(init=False, repr=False, compare=False)
    _given: str | Backend = field(init=False, repr=False, compare=False)
    _plans: dict[int, Transform] = field(init=False, repr=False, compare=False)
    _turn: Turn = field(init=False, repr=False, compare=False)

    if TYPE_CHECKING:  # a field cannot say that one number is taken as well

        def __init__(
            self,
            shape: int | Sequence[int],
            threads: int | None = None,
            library: str | Backend | None = None,
            device: str = "cpu",
            comm: Any = None,
        ): ...

    def __post_init__(self):
        shape = checked_shape(self.shape)
        backend = chosen_backend(self.threads, self.library, self.device, self.comm, shape)
        if math.prod(shape) > LARGEST_SIZE * backend.division.processes:
            raise InputError(
                f"a torus of {shape!r} has more than {LARGEST_SIZE:,} grid points a process; no array can hold that."
            )
        here, modes = backend.division.points(shape), backend.division.modes((*shape[:-1], shape[-1] // 2 + 1))
        settle(
            self,
            shape=shape,
            threads=backend.threads,
            library=backend.library,
            device=backend.device,
            division=backend.division,
            local_shape=_lengths(here),
            local_slice=here,
            dimension=len(shape),
            size=math.prod(shape),
            spectral_shape=_lengths(modes),
            spectral_slice=modes,
            _backend=backend,
            comm=backend.division.comm,
            _given=backend if self.library is backend else backend.library,
            _plans={},
            _turn=Turn(),
        )

    def __repr__(self):
        return f"Torus(shape={self.shape}, threads={self.threads}, library={self.library!r}{self.division})"

    def __str__(self):
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        how = threads if self.device == "cpu" else f"on {self.device}"
        how += f", {self.division.processes} processes" * (self.division.processes > 1)
        return f"{' x '.join(map(str, self.shape))}; transforms by {self.library}, {how}"

    def __reduce__(self):
        return Torus, (self.shape, self.threads, self._given, self.device, self.comm and self.division)

    def resized(self, shape) -> Torus:
        """Another grid whose fields live where those of this one do."""
        return Torus(shape, self.threads, self._given, device=self.device, comm=self.comm and self.division)

    # -- coordinates -------------------------------------------------------------------------------------------

    @cached_property
    def points(self) -> tuple[np.ndarray, ...]:
        """Coordinates x_1, ..., x_d, each an array (*n) of the grid points that are here."""
        axes = [np.arange(n)[here] / n for n, here in zip(self.shape, self.local_slice, strict=True)]
        return tuple(map(self.asarray, np.meshgrid(*axes, indexing="ij")))

    @cached_property
    def wavenumbers(self) -> tuple[np.ndarray, ...]:
        """Integers k_1, ..., k_d, each with d axes, that broadcast against a spectrum."""
        axes = [np.fft.fftfreq(n, 1 / n) for n in self.shape[:-1]] + [
            np.fft.rfftfreq(self.shape[-1], 1 / self.shape[-1])
        ]
        here = (np.rint(k).astype(int)[part] for k, part in zip(axes, self.spectral_slice, strict=True))
        return tuple(self.asarray(k.reshape(_along(axis, self.dimension))) for axis, k in enumerate(here))

    @cached_property
    def laplacian_symbol(self) -> np.ndarray:
        """|2 pi k|^2, array (*spectral_shape): the symbol of minus the Laplacian."""
        return cast(np.ndarray, sum((TWO_PI * k) ** 2 for k in self.wavenumbers))

    @cached_property
    def derivative_symbols(self) -> tuple[np.ndarray, ...]:
        """2 pi i k_j with the Nyquist mode of an even axis set to zero, so that d_j is exactly skew."""
        symbols = []
        for k, n in zip(self.wavenumbers, self.shape, strict=True):
            symbols.append(TWO_PI * 1j * np.where(2 * np.abs(k) == n, 0, k))
        return tuple(symbols)

    # -- transforms --------------------------------------------------------------------------------------------

    def transform(self, f) -> np.ndarray:
        """f^_k = mean_x f(x) exp(-2 pi i k.x).

        Parameters
        ----------
        f : array (..., *n)

        Returns
        -------
        complex array (..., *spectral_shape)
            Coefficients with k_d >= 0; the others follow from f^_{-k} = conj f^_k.
        """
        f = self.field(f)
        with self._turn.take():
            plan = self._full_plan(f)
            plan.real[...] = f.reshape(plan.real.shape)
            plan.forward()
            return plan.spectral.reshape(*f.shape[: -self.dimension], *self.spectral_shape).copy()

    def inverse(self, f_hat) -> np.ndarray:
        """f(x) = sum_k f^_k exp(2 pi i k.x), array (..., *n)."""
        f_hat = self._numbers(f_hat, "a spectrum")
        if f_hat.shape[f_hat.ndim - self.dimension :] != self.spectral_shape:
            raise InputError(
                f"a spectrum on this torus has shape (..., {_comma(self.spectral_shape)}), got {f_hat.shape}."
            )
        with self._turn.take():
            plan = self._full_plan(f_hat)
            plan.spectral[...] = f_hat.reshape(plan.spectral.shape)
            plan.inverse()
            return plan.real.reshape(*f_hat.shape[: -self.dimension], *self.local_shape).copy()

    def filter(self, f, symbol) -> np.ndarray:
        """The Fourier multiplier (symbol f^)^v, array (..., *n)."""
        symbol = self._numbers(symbol, "a symbol")
        missing = (1,) * (self.dimension - symbol.ndim)
        if any(
            n not in (1, m)
            for n, m in zip((*missing, *symbol.shape)[-self.dimension :], self.spectral_shape, strict=True)
        ):
            raise InputError(
                f"a symbol on this torus has shape {self.spectral_shape}, any axis may be 1; got {symbol.shape}."
            )
        if not self.is_finite(symbol):
            raise InputError("a symbol must be finite everywhere.")
        with np.errstate(over="ignore", invalid="ignore"):
            return self.inverse(self.transform(f) * symbol)

    def gradient(self, f) -> np.ndarray:
        """(d_1 f, ..., d_d f), array (d, *n), of a field (*n)."""
        f_hat = self.transform(f)
        return self.inverse(np.stack([symbol * f_hat for symbol in self.derivative_symbols]))

    def divergence(self, u) -> np.ndarray:
        """sum_j d_j u_j, array (*n), of a vector field (d, *n)."""
        u_hat = self.transform(u)
        return self.inverse(sum(symbol * u_hat[j] for j, symbol in enumerate(self.derivative_symbols)))

    def truncate(self, f, modes) -> np.ndarray:
        """P f: the part of f with |k_j| <= modes_j, array (..., *n).

        Parameters
        ----------
        f : array (..., *n)
        modes : int or tuple of int
        """
        return self.filter(f, self.within(modes))

    def within(self, modes) -> np.ndarray:
        """Whether |k_j| <= modes_j for every j, for each coefficient: boolean array (*spectral_shape)."""
        modes = checked_numbers(modes, "modes", "fiub")
        if modes.ndim > 1 or modes.size not in (1, self.dimension):
            raise InputError(f"modes must be a whole number, or one for each of {self.dimension} axes, got {modes!r}.")
        modes = np.broadcast_to(modes, self.dimension)
        kept = ~self.zeros(self.spectral_shape, bool)
        for k, mode in zip(self.wavenumbers, modes, strict=True):
            kept &= np.abs(k) <= mode
        return kept

    def tail(self, f, modes) -> float:
        """Share of |f - mean f|^2 in the outer third of the modes |k_j| <= modes_j: what a grid hardly resolves.

        Where f is constant to a millionth, the share of |10^-6 mean f|^2: what is left there does not matter.

        Parameters
        ----------
        f : array (*n)
        modes : int or tuple of int
        """
        mean = self.mean(f)
        deviation = self.field(f) - mean
        inner = 2 * np.clip(checked_numbers(modes, "modes", "fiub"), -1, self.size) // 3
        rough = self.filter(deviation, ~self.within(inner))
        size = max(self.inner(deviation, deviation), (CONSTANT * mean) ** 2, np.finfo(float).tiny)
        return self.inner(rough, rough) / size

    def resample(self, f, other: Torus) -> np.ndarray:
        """The trigonometric interpolant of f on another grid: zero-padded or truncated in Fourier space.

        Parameters
        ----------
        f : array (..., *n)
        other : Torus
            Of the same dimension.

        Returns
        -------
        array (..., *other.shape)
        """
        from scipy.signal import resample  # slow to import, seldom needed

        check_kind("other", other, Torus, "tfl.Torus((64, 64))")
        if other.dimension != self.dimension:
            raise InputError(f"cannot resample from {self.dimension} to {other.dimension} dimensions.")
        f, d = self.field(f), self.dimension
        alike = self.division == other.division
        source, target = (self.division, other.division) if alike else (Undivided(), Undivided())
        first = np.moveaxis(self.to_host(f if alike else self.gather(f)), -d, -1)
        lines = resample(source.lines(first.reshape(-1, first.shape[-1])), other.shape[0], axis=-1)
        f = np.moveaxis(target.pieces(lines).reshape(*first.shape[:-1], -1), -1, -d)
        for axis, n in enumerate(other.shape[1:], 1):
            f = resample(f, n, axis=axis - d)
        return other.asarray(f if alike else other.part(f))

    # -- sums and extremes -------------------------------------------------------------------------------------

    def mean(self, f) -> float:
        """The integral of f over the torus."""
        return self._backend.mean(self.field(f))

    def inner(self, f, g) -> float:
        """<f, g> = mean of f g; vector fields sum over their components."""
        f, g = self.field(f), self.field(g)
        if f.shape != g.shape:
            raise InputError(f"an inner product takes two fields of one shape, got {f.shape} and {g.shape}.")
        return self._backend.inner(f, g) / self.size

    def norm(self, f) -> float:
        """sqrt(<f, f>)."""
        return math.sqrt(self.inner(f, f))

    def fastest(self, velocity, weights) -> float:
        """max_x sum_j w_j |v_j(x)|; not finite if the velocity is not; of a device an array of which it is the largest.

        Parameters
        ----------
        velocity : array (d, *n)
        weights : sequence of d floats
            Not negative.
        """
        return self._backend.fastest(self.field(velocity), weights)

    def field(self, f) -> np.ndarray:
        """f as an array of real numbers on this grid, moved to where fields live if it is not there.

        Raises
        ------
        InputError
            If its last axes are not the grid, or it is masked or not real.
        """
        f = self.asarray(f, "the field", None)
        if f.shape[max(f.ndim - self.dimension, 0) :] != self.local_shape:
            known = f"a field on this torus has shape (..., {_comma(self.local_shape)}), got {f.shape}."
            raise InputError(known + self.hint_of(f.shape))
        if f.dtype.kind not in "fiub":
            raise InputError(f"a field on the torus holds real numbers, got an array of {f.dtype}.")
        return f.astype(np.float64, copy=False)

    # -- for solvers -------------------------------------------------------------------------------------------

    @property
    def embedded_shape(self) -> tuple[int, int, int]:
        """The grid seen as three-dimensional: (n,) as (1, 1, n), (m, n) as (m, 1, n)."""
        return _embed(self.shape, 1)

    def plan(self, batch: int, modes=None) -> Transform:
        """A transform of `batch` fields with work arrays of its own, truncated to |k_j| <= modes_j."""
        modes = None if modes is None else _embed(tuple(modes), 0)
        return self._backend.plan(self.embedded_shape, modes, batch)

    def stages(self, modes) -> Stages:
        """The stages of the continuity equation with densities truncated to |k_j| <= modes_j."""
        return self._backend.stages(self.dimension, self.embedded_shape, _embed(tuple(modes), 0))

    def _full_plan(self, f) -> Transform:
        batch = math.prod(f.shape[: f.ndim - self.dimension])
        if batch not in self._plans:
            self._plans[batch] = self.plan(batch)
        return self._plans[batch]


def _lengths(slices) -> tuple[int, ...]:
    return tuple(here.stop - here.start for here in slices)


def _embed(values: tuple, filler: int) -> tuple:
    return {1: (filler, filler, *values), 2: (*values[:1], filler, *values[1:]), 3: values}[len(values)]


def _along(axis: int, dimension: int) -> tuple[int, ...]:
    return tuple(-1 if j == axis else 1 for j in range(dimension))


def _comma(shape) -> str:
    return ", ".join(str(n) for n in shape)
