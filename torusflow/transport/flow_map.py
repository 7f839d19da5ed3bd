"""The diffeomorphism that a control generates: its values, inverse, Jacobian, and what it does to functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..arguments import checked_whole, is_number, real_array
from ..display import Pictured, pictures
from ..errors import InputError, NumericalError
from ..model import Refinable
from ..torus.control import VelocitySpace
from ..torus.coordinates import Coordinates
from ..torus.density import Density
from ..torus.scattered import BandField, checked_points, interpolate
from .runge_kutta import RK4, Pair, Tableau, find_scheme

# Newton's method for the inverse starts next to the solution: three iterations are usual.
NEWTON_ITERATIONS = 20
INVERSE_TOLERANCE = 1e-13
# Step length times the largest derivative of the velocity, below which Runge-Kutta steps are far from folding.
SAFE_STEP = 0.5
# Points per axis, for each dimension, of the lattice on which derivatives are judged.
LATTICE = {1: 256, 2: 64, 3: 16}


class Piece(NamedTuple):
    """A field that acts for some time, in a number of Runge-Kutta steps."""

    field: BandField
    duration: float
    substeps: int
    scheme: Tableau


class FlowMap(Pictured):
    """Phi(x) = x(1), dx/ds = v_s(x), x(0) = x: the map of the torus that a control generates.

    It is the discrete map of Runge-Kutta steps, by the scheme of the model; its Jacobian, determinant and inverse are
    those of that map, not approximations of the flow's. Points are not wrapped into [0, 1): Phi(x + k) = Phi(x) + k.

    Parameters
    ----------
    model : MeasureNODE, TorusNODE or SampleNODE
        The model that v is a control of.
    v : complex array
        The control.
    substeps : int, optional
        Runge-Kutta steps per layer; those of the model if not given.

    Raises
    ------
    InputError
        If the model moves nothing on the torus, v is not a control of it, or substeps is not a positive whole number.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> torus = tfl.Torus((24, 24))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(), tfl.densities.uniform(torus), layers=4)
    >>> flow = tfl.FlowMap(model, 0.05 * model.space.random(np.random.default_rng(0)))
    >>> x = np.array([[0.2, 0.7]])
    >>> bool(np.allclose(flow.inverse(flow(x)), x, atol=1e-12))
    True
    """

    def __init__(self, model, v, substeps: int | None = None):
        space = getattr(model, "space", None)
        if not isinstance(space, VelocitySpace) or not isinstance(model, Refinable):
            raise InputError(
                f"FlowMap takes a model that moves points or densities on the torus, got a {type(model).__name__}. "
                f"Use a MeasureNODE, TorusNODE or SampleNODE."
            )
        substeps = model.substeps if substeps is None else substeps
        substeps = checked_whole("substeps", substeps)
        self.dimension = space.torus.dimension
        scheme = find_scheme(getattr(model, "scheme", RK4.name))
        self._pieces = [Piece(BandField(space, c), 1 / space.layers, substeps, scheme) for c in space.element(v)]

    def __repr__(self) -> str:
        return f"FlowMap(dimension={self.dimension}, layers={len(self._pieces)}, duration={self.duration:g})"

    def plot(self, coordinates: Coordinates | None = None, figure=None):
        """Deformed grid, flow lines and log-determinant; returns the figure, see `torusflow.plotting.plot_map`."""
        return pictures().plot_map(self, coordinates, figure)

    @property
    def duration(self) -> float:
        """How long the flow runs: 1, or the sum for a composition."""
        return math.fsum(piece.duration for piece in self._pieces)

    @property
    def layer_ends(self) -> np.ndarray:
        """The times at which one field gives way to the next, 0 and `duration` included, array (layers + 1,)."""
        return np.cumsum([0.0, *(piece.duration for piece in self._pieces)])

    def __matmul__(self, first: FlowMap) -> FlowMap:
        """The composition self o first: x -> self(first(x))."""
        if not isinstance(first, FlowMap) or first.dimension != self.dimension:
            raise InputError("only flow maps on tori of one dimension can be composed: write second @ first.")
        composed = object.__new__(FlowMap)
        composed.dimension, composed._pieces = self.dimension, [*first._pieces, *self._pieces]
        return composed

    # -- the map ------------------------------------------------------------------------------------------------

    def __call__(self, points, s: float | None = None) -> np.ndarray:
        """Phi_s(x), array (N, d).

        Parameters
        ----------
        points : array (N, d)
            In sides of the torus.
        s : float, optional
            Time of the flow, 0 to `duration`, the end if not given; the steps of a layer cut short are shortened.
        """
        return self._flow(checked_points(points, self.dimension), self._until(s))[0]

    def jacobian(self, points, s: float | None = None) -> np.ndarray:
        """D Phi_s(x), array (N, d, d), entry i, j the derivative of component i along x_j."""
        return self._flow(checked_points(points, self.dimension), self._until(s), with_jacobian=True)[1]

    def log_determinant(self, points, s: float | None = None) -> np.ndarray:
        """log det D Phi_s(x), array (N,).

        Raises
        ------
        NumericalError
            If the map folds at one of the points, det <= 0; names the substeps that would avoid it.
        """
        return self._log_determinant(self.jacobian(points, s), self._until(s))

    def inverse(self, points, s: float | None = None) -> np.ndarray:
        """Phi_s^(-1)(y), array (N, d), to round-off: by Newton's method from the flow run backwards.

        Raises
        ------
        NumericalError
            If the map folds, at one of the points or on a lattice of 256, 64^2 or 16^3 points: it has no inverse. Names
            the substeps that would avoid it.
        """
        y, pieces = checked_points(points, self.dimension), self._until(s)
        self._refuse_folds(pieces)
        x, _ = self._flow(y, [p._replace(duration=-p.duration) for p in reversed(pieces)])
        for _ in range(NEWTON_ITERATIONS):
            image, jacobian = self._flow(x, pieces, with_jacobian=True)
            gap = image - y
            if np.max(np.abs(gap), initial=0.0) <= INVERSE_TOLERANCE * (1 + np.max(np.abs(y), initial=0.0)):
                self._log_determinant(jacobian, pieces)
                return x
            try:
                x = x - np.linalg.solve(jacobian, gap[..., None])[..., 0]
            except np.linalg.LinAlgError:
                break
        lost = np.flatnonzero(~(np.abs(gap).max(axis=1) <= INVERSE_TOLERANCE * (1 + np.max(np.abs(y)))))
        raise NumericalError(
            f"the map cannot be inverted at {len(lost)} of {len(y)} points, the first is row {lost[0]}: "
            f"{self._advice(pieces)}"
        )

    # -- functions and densities ---------------------------------------------------------------------------------

    def pull_back(self, function, points) -> np.ndarray:
        """f(Phi(x)), array (N,).

        Parameters
        ----------
        function : callable or Density
            Points (N, d) -> array (N,), or a density on a torus, evaluated by its Fourier series.
        points : array (N, d)
        """
        return _evaluated(function, self(points))

    def push_forward(self, function, points) -> np.ndarray:
        """f(Phi^(-1)(y)), array (N,): the function carried along by the flow."""
        return _evaluated(function, self.inverse(points))

    def push_forward_density(self, density, points) -> np.ndarray:
        """rho_0(x) / det D Phi(x) at x = Phi^(-1)(y), array (N,): what a `MeasureNODE` makes of rho_0."""
        x = self.inverse(points)
        return _evaluated(density, x) * np.exp(-self.log_determinant(x))

    # -- steps --------------------------------------------------------------------------------------------------

    def _flow(self, x, pieces, with_jacobian: bool = False) -> tuple[np.ndarray, Any]:
        """x and D x after the pieces, by Runge-Kutta steps and by their derivative; None for D x unless asked."""
        derivative: Any = np.tile(np.eye(self.dimension), (len(x), 1, 1)) if with_jacobian else None
        if not len(x):
            return x, derivative
        state = Pair(x, derivative) if with_jacobian else x

        def rate(field, at):
            points = at.first if with_jacobian else at
            if not np.all(np.isfinite(points)):
                raise NumericalError(f"points are not finite any more. {self._advice(pieces)}")
            k = field.value(points)
            return Pair(k, np.moveaxis(field.jacobian(points), -1, 0) @ at.second) if with_jacobian else k

        for field, duration, substeps, scheme in pieces:
            for _ in range(substeps):
                state = state + scheme.change(lambda m, at, v=field: rate(v, at), state, duration / substeps)
        return (state.first, state.second) if isinstance(state, Pair) else (state, None)

    def _log_determinant(self, jacobian, pieces) -> np.ndarray:
        sign, value = np.linalg.slogdet(jacobian)
        folded = np.count_nonzero(sign <= 0)
        if folded:
            raise NumericalError(f"the map folds at {folded} of {len(sign)} points (det <= 0): {self._advice(pieces)}")
        return value

    def _refuse_folds(self, pieces):
        """Short steps cannot fold; long ones may, and then Newton's method would find one of several inverse images."""
        if all(needed <= piece.substeps for piece, needed in zip(pieces, self._needed(pieces), strict=True)):
            return
        lattice = self._lattice()
        signs = np.linalg.slogdet(self._flow(lattice, pieces, with_jacobian=True)[1])[0]
        folded = np.count_nonzero(signs <= 0)
        if folded:
            raise NumericalError(
                f"the map folds at {folded} of {len(lattice)} points of a lattice (det <= 0), so it has no inverse: "
                f"{self._advice(pieces)}"
            )

    def _advice(self, pieces) -> str:
        """The substeps with which steps are short against the derivatives of the velocity."""
        given = max((piece.substeps for piece in pieces), default=1)
        needed = max([given + 1, *self._needed(pieces)])
        return f"its steps, {given} a layer, are too long for this velocity. Use substeps={needed}."

    def _needed(self, pieces) -> list[int]:
        """For each piece the steps that are short against the derivatives of its velocity."""
        lattice = self._lattice()
        steepest = [float(np.max(np.abs(piece.field.jacobian(lattice)).sum(axis=1))) for piece in pieces]
        return [
            max(1, math.ceil(abs(piece.duration) * slope / SAFE_STEP))
            for piece, slope in zip(pieces, steepest, strict=True)
        ]

    def _lattice(self) -> np.ndarray:
        axis = np.arange(LATTICE[self.dimension]) / LATTICE[self.dimension]
        return np.stack(np.meshgrid(*[axis] * self.dimension, indexing="ij"), axis=-1).reshape(-1, self.dimension)

    def _until(self, s) -> list[Piece]:
        """The pieces up to time s, the last one cut short."""
        if s is None:
            return self._pieces
        end = self.duration
        if not is_number(s) or not 0 <= s <= end * (1 + 1e-12):
            raise InputError(f"s must be a time of the flow, 0 <= s <= {end:g}, got {s!r}.")
        pieces, passed = [], 0.0
        for piece in self._pieces:
            left = min(piece.duration, float(s) - passed)
            if left <= 1e-14:
                break
            pieces.append(piece._replace(duration=left))
            passed += piece.duration
        return pieces


def _evaluated(function: Callable | Density, points) -> np.ndarray:
    if isinstance(function, Density):
        if function.torus.dimension != points.shape[1]:
            raise InputError(f"the density lives on {function.torus!r}, the points in dimension {points.shape[1]}.")
        return interpolate(function.torus, function.values, points)
    if not callable(function):
        raise InputError(f"give a function of points (N, d) or a Density, got a {type(function).__name__}.")
    values = real_array(function(points), "what the function gives")
    if values.shape != (len(points),):
        raise InputError(f"the function must give {len(points)} real numbers, got an array {values.shape}.")
    return values
