"""Controls: time-dependent vector fields on the torus, given by Fourier coefficients layer by layer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arguments import check_function, check_generator, check_kind, checked_whole, is_number
from ..backends import Transform
from ..backends.turns import Turn
from ..errors import InputError
from ..memory import check_memory
from .band import checked_band, checked_components, wavenumbers_within
from .grid import LARGEST_SIZE, Torus
from .sobolev import SobolevMetric

# Coefficients given by hand must be those of a real field up to this, relative to the largest.
HERMITIAN_TOLERANCE = 1e-10


class VelocitySpace:
    """L^2([0, 1], V) of fields constant on layers, <v, w>_H = (1/L) sum_l <v_l, w_l>_V.

    An element is a complex array (layers, d, *modes) of Fourier coefficients with |k_j| <= band_j in FFT order, the
    last axis with k_d >= 0 only; the others follow from v^_{-k} = conj v^_k.

    Parameters
    ----------
    torus : Torus
    metric : SobolevMetric
    layers : int
        L, the depth; layer l acts for times s in [l/L, (l+1)/L].
    band : int or tuple of int
        Largest |k_j| kept, below half the grid.
    components : tuple of int, optional
        The axes along which the fields move, all of them if not given; along the others their components are zero.

    Attributes
    ----------
    shape, dtype
        Of the elements; of the part of them that is here, where processes share the torus.
    whole_shape : tuple of int
        Of what all processes have.
    axis : int
        Along which they share it.
    wavenumbers : tuple of d arrays of int
        k_j, broadcasting against the modes of an element.

    Examples
    --------
    >>> import torusflow as tfl
    >>> space = tfl.VelocitySpace(tfl.Torus((16, 16)), tfl.SobolevMetric(), layers=3, band=5)
    >>> space.zeros().shape, space.inner(space.zeros(), space.zeros())
    ((3, 2, 11, 6), 0.0)
    """

    dtype = np.dtype(np.complex128)

    def __init__(self, torus: Torus, metric: SobolevMetric, layers: int, band, components=None):
        self.torus, self.metric = torus, metric
        self.layers = checked_whole("layers", layers)
        self.band = checked_band(torus, band)
        d = torus.dimension
        self.components = checked_components(components, d)
        self._fixed = [axis for axis in range(d) if axis not in self.components]
        axes = wavenumbers_within(self.band)
        kept = tuple(len(k) for k in axes)
        here = torus.division.modes(kept)
        wavenumbers = np.meshgrid(*(k[part] for k, part in zip(axes, here, strict=True)), indexing="ij", sparse=True)
        self.wavenumbers = tuple(map(torus.asarray, wavenumbers))
        self.whole_shape = (self.layers, d, *kept)
        self.shape = (self.layers, d, *(part.stop - part.start for part in here))
        # The axis along which elements are divided, the second one of the modes, and what is here of it.
        self.axis, self._here = min(d, 2) + 1, here[min(d, 2) - 1]
        count = math.prod(self.whole_shape)
        if count > LARGEST_SIZE * torus.division.processes:
            raise InputError(f"layers={layers} and band={band} make {count:.2g} coefficients; use fewer.")
        what, present = f"a control with layers={layers} and band={band}", torus.physical_memory()
        check_memory(2 * count, what, "Use fewer of them.", present, torus.place)
        symbol = metric.symbol(sum((2 * math.pi * k) ** 2 for k in wavenumbers))
        self._symbol = torus.asarray(symbol)
        kernel = np.repeat(1 / symbol, 2, axis=-1)  # for the real and the imaginary parts
        if self._fixed:
            kernel = np.stack([kernel * (axis in self.components) for axis in range(d)])
        self._kernel, self._layer_kernel = torus.asarray(kernel), torus.asarray(layers * kernel)
        # A coefficient with k_d > 0 stands for its conjugate partner too.
        self._weights = torus.asarray(symbol * np.where(wavenumbers[-1] > 0, 2.0, 1.0))
        # Where -k stands along the first axes among the modes with k_d = 0, in FFT order; and whether these are here.
        self._opposite = [torus.asarray(-np.arange(len(k)) % len(k)) for k in axes[:-1]]
        self._planes = slice(0, np.count_nonzero(wavenumbers[-1] == 0))
        self._local = torus.local_shape
        self._turn = Turn()
        self._plan: Transform | None = None

    def __repr__(self):
        some = f", components={self.components}" if self._fixed else ""
        return f"VelocitySpace({self.torus!r}, {self.metric!r}, layers={self.layers}, band={self.band}{some})"

    def __str__(self):
        metric, some = self.metric, f", moving along {', '.join(map(str, self.components))}" if self._fixed else ""
        return (
            f"{self.layers} layers, band {max(self.band)}, H^s with s = {metric.smoothness:g}, l = {metric.length:g}"
            f"{some}"
        )

    def __reduce__(self):
        return VelocitySpace, (self.torus, self.metric, self.layers, self.band, self.components)

    def on(self, torus: Torus) -> VelocitySpace:
        """The same space on another torus of this shape."""
        return VelocitySpace(torus, self.metric, self.layers, self.band, self.components)

    def gather(self, v, root: int | None = None) -> Any:
        """The whole of a control of which each process gives its part, array (*whole_shape); see `Torus.gather`."""
        return self.torus.division.gather(v, self.axis, root)

    @property
    def rank(self) -> int:
        """Which of the processes that share controls this one is."""
        return self.torus.division.rank

    def everyone(self, value) -> list:
        """What each process gives, in their order."""
        return self.torus.everyone(value)

    def agree(self, error: BaseException) -> None:
        """Go on with an error that all processes have met; one that others have not met is said, and ends all."""
        self.torus.division.agree(error)

    def part(self, v) -> np.ndarray:
        """The part here of a whole control that every process has."""
        return self.torus.division.part(v, self.axis, self._here)

    def scatter(self, v) -> np.ndarray:
        """The part here of a whole control (..., *whole_shape) that the first process gives."""
        shape = self.torus.everyone(np.shape(v))[0]
        leading = len(shape) - len(self.whole_shape)
        if shape[max(leading, 0) :] != self.whole_shape:
            raise InputError(f"scatter takes a whole control, (..., {self.whole_shape}), got {shape}.")
        return self.torus.division.scatter(v, leading + self.axis, self._here)

    # -- the Hilbert space -------------------------------------------------------------------------------------

    def zeros(self) -> np.ndarray:
        """The field that does not move, complex array (layers, d, *modes)."""
        return self.torus.zeros(self.shape, self.dtype)

    def asarray(self, v) -> np.ndarray:
        """Numbers as an array where controls live, not copied where they are one."""
        return self.torus.asarray(v)

    def inner(self, u, w) -> float:
        """<u, w>_H = (1/L) sum_l sum_k (1 + l^2 |2 pi k|^2)^s Re u^_lk conj w^_lk."""
        return self.torus.total(self._weights * (u.real * w.real + u.imag * w.imag)) / self.layers

    def norm_of_layers(self, v) -> np.ndarray:
        """|v_l|_V for each layer, array (layers,)."""
        squares = self._weights * (v.real**2 + v.imag**2)
        return np.sqrt([self.torus.total(layer) for layer in squares])

    def random(self, rng: np.random.Generator, norm: float = 1.0) -> np.ndarray:
        """K applied to white noise, scaled to the given norm; smooth when K is.

        Parameters
        ----------
        rng : numpy Generator
        norm : float

        Returns
        -------
        complex array (layers, d, *modes)
        """
        check_generator(rng)
        if not is_number(norm):
            raise InputError(f"norm must be a number, got {norm!r}.")
        real, imaginary = (self.torus.normal(rng, self.whole_shape, self.axis, self._here) for _ in range(2))
        noise = self.asarray(real + 1j * imaginary)
        self._symmetrise(noise)
        v = noise / self._symbol
        v[:, self._fixed] = 0
        return v * (norm / math.sqrt(self.inner(v, v)))

    def element(self, v) -> np.ndarray:
        """v as an element of this space.

        Raises
        ------
        InputError
            If its shape is another, a coefficient is masked or not finite, or the field would not be real.
        """
        v = self.torus.asarray(v, "the control", None)
        if v.shape != self.shape:
            raise InputError(
                f"a control of this model has shape {self.shape} = (layers, d, *modes), got {v.shape}. "
                f"Start from model.space.zeros() or model.space.from_grid(field)."
            )
        if v.dtype.kind not in "fiubc":
            raise InputError(f"a control holds complex numbers, got an array of {v.dtype}.")
        v = v.astype(self.dtype, copy=False)
        largest = self.torus.largest(v)
        if not math.isfinite(largest):
            raise InputError(f"the control holds {np.count_nonzero(~np.isfinite(v))} coefficients that are not finite.")
        self._refuse_fixed(v, "coefficients")
        plane = v[..., self._planes]
        if self.torus.maximum(np.abs(plane - self._reflected(plane))) > 2 * HERMITIAN_TOLERANCE * largest:
            raise InputError(
                "the coefficients with k_d = 0 do not satisfy v^_{-k} = conj v^_k, so they are not those of a real "
                "field. Build controls with model.space.from_grid or model.space.from_function."
            )
        return v

    def _refuse_fixed(self, v, what: str) -> None:
        """Raise an InputError where something moves along an axis that this space has no component for."""
        if self._fixed and self.torus.largest(v[:, self._fixed]) > 0:
            raise InputError(
                f"fields of this space move along axes {self.components} only, and the {what} along others are not "
                f"zero: set them to zero, or make the model with more components."
            )

    def describe(self, v) -> dict[str, float]:
        """Nothing beyond the norm, which every history has."""
        return {}

    # -- fields ------------------------------------------------------------------------------------------------

    def from_function(self, function) -> np.ndarray:
        """The control whose layer l is function(s, *x) at the layer's middle time s = (l + 1/2)/L.

        Parameters
        ----------
        function : callable
            (s, x_1, ..., x_d) -> d arrays or numbers, the components of the velocity; lengths in sides of the torus,
            times in units of the whole flow.

        Returns
        -------
        complex array (layers, d, *modes)
            Modes above the band are dropped.
        """
        d = self.torus.dimension
        check_function("function", function)
        layers = []
        for layer in range(self.layers):
            components = function((layer + 0.5) / self.layers, *self.torus.points)
            alone = d == 1 and not isinstance(components, tuple) and np.shape(components) in ((), self._local)
            components = (components,) if alone else components
            count = len(components) if hasattr(components, "__len__") else 1
            if count != d or not hasattr(components, "__len__"):
                raise InputError(f"the function gave {count} components of velocity, this torus has {d}.")
            layers.append(np.stack([self._component(c) for c in components]))
        return self.from_grid(np.stack(layers))

    def _component(self, values) -> np.ndarray:
        values = self.torus.asarray(values, "a component of the velocity", None)
        if values.dtype.kind not in "fiub" or values.shape not in ((), self._local):
            raise InputError(
                f"a component of the velocity must be a real number or array {self._local}, "
                f"got {values.shape} of {values.dtype}."
            )
        return np.broadcast_to(values.astype(float), self._local)

    def from_grid(self, fields) -> np.ndarray:
        """The control with given values on the grid; modes above the band are dropped.

        Parameters
        ----------
        fields : array (d, *n) or (layers, d, *n)
            Velocities, in sides of the torus per unit time; one field for all layers or one each.

        Returns
        -------
        complex array (layers, d, *modes)
        """
        fields = self.torus.asarray(fields, "velocities on the grid", "fiub")
        one = (self.torus.dimension, *self._local)
        if fields.shape not in (one, (self.layers, *one)):
            raise InputError(f"velocities on the grid have shape {one} or {(self.layers, *one)}, got {fields.shape}.")
        fields = np.broadcast_to(self.torus.field(fields), (self.layers, *one))
        if not self.torus.is_finite(fields):
            raise InputError("the velocities on the grid are not all finite.")
        self._refuse_fixed(fields, "velocities")
        return np.stack([self.coefficients(field) for field in fields])

    def to_grid(self, v) -> np.ndarray:
        """Velocities on the grid, array (layers, d, *n)."""
        v = self.element(v)
        return np.stack([self.field(layer) for layer in v])

    def embed(self, v, other: VelocitySpace) -> np.ndarray:
        """The control of another space as one of this: layers are split, modes beyond its band are zero.

        Its flow is the same, but for modes beyond the band of this space, which are dropped.

        Parameters
        ----------
        v : complex array
            An element of the other space.
        other : VelocitySpace
            Of the same dimension, with layers that divide those of this space.

        Raises
        ------
        InputError
            If the dimensions differ, or the layers do not divide.
        """
        check_kind("other", other, VelocitySpace, "coarse.space")
        v = self.asarray(other.element(v))
        if len(other.band) != len(self.band) or self.layers % other.layers:
            raise InputError(
                f"cannot make {self.layers} layers in dimension {len(self.band)} of {other.layers} in dimension "
                f"{len(other.band)}: the layers must be a multiple, the dimension the same."
            )
        division, axis = self.torus.division, self.axis
        if division != other.torus.division:
            raise InputError(
                "the controls of the other space are divided among other processes than those of this one."
            )
        common = [min(a, b) for a, b in zip(self.band, other.band, strict=True)]
        rows = wavenumbers_within(common)
        # Of the divided axis what is here of this space, wherever it is of the other one.
        wanted = wavenumbers_within(self.band)[axis - 2][self._here]
        rows[axis - 2] = np.flatnonzero(np.abs(wanted) <= common[axis - 2])
        wanted = wanted[rows[axis - 2]] % other.whole_shape[axis]
        v = np.moveaxis(division.fetch(np.moveaxis(v, axis, -1), other._here, self.asarray(wanted)), -1, axis)
        source = [np.arange(len(wanted)) if place == axis - 2 else row for place, row in enumerate(rows)]
        leading = np.arange(other.layers), np.arange(len(self.band))
        embedded = self.torus.zeros((other.layers, *self.shape[1:]), self.dtype)
        to, of = (tuple(map(self.asarray, np.ix_(*leading, *places))) for places in (rows, source))
        embedded[to] = v[of]
        return np.repeat(embedded, self.layers // other.layers, axis=0)

    def riesz(self, momentum_hat) -> np.ndarray:
        """K*m: the field that represents u -> <m, u>_L2 in V, from and to coefficients (..., d, *modes)."""
        momentum_hat = self.asarray(momentum_hat).astype(self.dtype, order="C", copy=False)
        return (momentum_hat.view(float) * self._kernel).view(self.dtype)

    def field(self, layer) -> np.ndarray:
        """Values on the grid, array (d, *n), of one layer's coefficients."""
        with self._turn.take():
            return self.field_by(self._own_plan(), layer).copy()

    def coefficients(self, field) -> np.ndarray:
        """Coefficients (d, *modes) within the band of a vector field (d, *n)."""
        with self._turn.take():
            plan = self._own_plan()
            plan.real[...] = field.reshape(plan.real.shape)
            return self._forward(plan).copy()

    # -- for solvers: one layer at a time, through a plan of their own ----------------------------------------------

    def field_by(self, plan: Transform, layer, out=None) -> np.ndarray:
        """As `field`; a view of the plan's array if `out` is not given."""
        plan.spectral[...] = layer.reshape(plan.spectral.shape)
        out = plan.real if out is None else out.reshape(plan.real.shape)
        plan.inverse(out)
        return out.reshape(self.torus.dimension, *self._local)

    def represent(self, plan: Transform, out) -> None:
        """out <- L K*m, the layer of a control that represents v -> <m, v_l>_L2 in H; the plan's real array holds m.

        Parameters
        ----------
        plan : Transform
        out : complex array (d, *modes)
        """
        np.multiply(self._forward(plan).view(float), self._layer_kernel, out=out.view(float))

    def _forward(self, plan) -> np.ndarray:
        plan.forward()
        band_hat = plan.spectral.reshape(self.shape[1:])
        self._symmetrise(band_hat)
        return band_hat

    def plan(self) -> Transform:
        """A new transform of one layer's field, truncated to the band."""
        return self.torus.plan(self.torus.dimension, self.band)

    def _own_plan(self) -> Transform:
        if self._plan is None:
            self._plan = self.plan()
        return self._plan

    def _symmetrise(self, v) -> None:
        """Make v the nearest coefficients of a real field: those with k_d = 0 are averaged with conjugate partners."""
        plane = v[..., self._planes]
        plane += self._reflected(plane)
        plane /= 2

    def _reflected(self, plane) -> np.ndarray:
        """conj v^_{-k} of the coefficients with k_d = 0, an array (..., *modes) with at most one k_d."""
        if len(self.band) == 1:
            return plane.conj()
        if len(self.band) == 2:
            return np.take(plane, self._opposite[0], axis=-2).conj()
        first, second = self._opposite  # of which the second is where columns of other processes may be
        wanted = second[self._here]
        return self.torus.division.fetch(plane[..., 0][..., first, :], self._here, wanted)[..., None].conj()
