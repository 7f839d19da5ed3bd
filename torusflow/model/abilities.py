"""Abilities that some models have, each with its name, for those who need one.

Who needs an ability asks ``isinstance(model, ability)``: a class has it by its methods, without inheriting anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    from .protocol import Model


@runtime_checkable
class Layered(Protocol):
    """layers and trajectory(w): the outputs on the way, which are stored and drawn.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> isinstance(model, tfl.model.Layered)
    True
    """

    @property
    def layers(self) -> int: ...

    def trajectory(self, w, /) -> np.ndarray:
        """The output at the start and at the end of each layer, array (layers + 1, ...)."""
        ...


@runtime_checkable
class OnPoints(Protocol):
    """inputs and rows(output): which point becomes which, for pictures and for warnings of contradictory data.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.ResNet(np.ones((2, 5)), layers=2, width=3)
    >>> isinstance(model, tfl.model.OnPoints)
    True
    """

    @property
    def inputs(self) -> np.ndarray:
        """The points that go in, array (N, d), one per row."""
        ...

    def rows(self, output, /) -> np.ndarray:
        """An output or targets, array (N, e), one point per row."""
        ...


@runtime_checkable
class Movable(Protocol):
    """starting(points): the same network from other points, whose derivative is known too, as a `Network` needs it.

    Its linearisations have ``tangent(dw, dx=None)``, for points that move by dx at the start, and ``transpose(p)``,
    which is the pair of ``adjoint(p)`` and a p_0 with <adjoint(p), dw> + <p_0, dx> = <p, tangent(dw, dx)>.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.ResNet(np.ones((2, 5)), layers=2, width=3)
    >>> isinstance(model, tfl.model.Movable), model.starting(np.zeros((7, 2))).inputs.shape
    (True, (7, 2))
    """

    @property
    def inputs(self) -> np.ndarray:
        """The points that go in, array (N, d), one per row."""
        ...

    def rows(self, output, /) -> np.ndarray:
        """An output, array (N, e), one point per row; applied to such rows it gives the output again."""
        ...

    def starting(self, points, /) -> Any:
        """The same network from points (N, d), one per row."""
        ...


@runtime_checkable
class HasDensity(Protocol):
    """log_density(w, points) and sample(w, n, rng): a density on the torus, which can be scored, sampled and drawn.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> isinstance(model, tfl.model.HasDensity)
    True
    """

    def log_density(self, w, /, points) -> np.ndarray:
        """The logarithm of the density relative to the uniform one, array (N,), at points (N, d)."""
        ...

    def sample(self, w, /, n: int, rng: np.random.Generator) -> np.ndarray:
        """n points of the density, array (n, d), in [0, 1)."""
        ...


@runtime_checkable
class Conditional(Protocol):
    """given, and sample(w, n, rng, conditions): a density of some coordinates given others.

    Examples
    --------
    >>> import torusflow as tfl
    >>> model = tfl.LogDensityNODE(tfl.Torus((32,)), tfl.SobolevMetric(), layers=2)
    >>> isinstance(model, tfl.model.Conditional)
    True
    """

    @property
    def given(self) -> tuple[int, ...]:
        """The axes of the conditions; none where the density is one of all coordinates."""
        ...

    def sample(self, w, /, n: int, rng: np.random.Generator, conditions=None) -> np.ndarray:
        """n points, array (n, d), with the given coordinates (n, number of given axes), uniform ones if None."""
        ...


@runtime_checkable
class Described(Protocol):
    """describe(): what a person wants to know of the model, for `torusflow info`.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> isinstance(model, tfl.model.Described)
    True
    """

    def describe(self) -> dict[str, str]:
        """A sentence or less on each of some parts, by labels of at most ten letters."""
        ...


@runtime_checkable
class Coarsenable(Protocol):
    """coarser(): the same model at half the resolution, for `coarse_to_fine`.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> isinstance(model, tfl.model.Coarsenable)
    True
    """

    def coarser(self) -> Model | None:
        """The same model with half the grid or band, and half the layers where these are even; None at the coarsest.

        Its space is embedded in that of the finer model by ``space.embed(control, coarser.space)``.
        """
        ...


@runtime_checkable
class Refinable(Protocol):
    """substeps, a field of a dataclass: time steps per layer; more of them keep a faster flow stable.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> isinstance(model, tfl.model.Refinable)
    True
    """

    @property
    def substeps(self) -> int:
        """Time steps per layer."""
        ...


@runtime_checkable
class Restartable(Protocol):
    """layers and restarted(output): a model of one layer that begins at an output, for `GreedyDescent`.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> isinstance(model, tfl.model.Restartable)
    True
    """

    @property
    def layers(self) -> int: ...

    def restarted(self, output, /) -> Model:
        """The same model with one layer, from another start."""
        ...


@runtime_checkable
class Subsampled(Protocol):
    """part(rows): a model on some of its samples, for `StochasticGradientDescent`; in outputs they stand along axis 0.

    Where they stand along another one, the class says so by ``sample_axis``; its losses have
    `torusflow.losses.OverSamples`.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.SampleNODE(np.random.default_rng(0).random((9, 1)), tfl.SobolevMetric(), layers=1, band=2)
    >>> isinstance(model, tfl.model.Subsampled)
    True
    """

    def part(self, rows, /) -> Any:
        """The same on some of the samples only.

        Parameters
        ----------
        rows : array of int, slice or mask
        """
        ...


def sample_axis(model) -> int:
    """Along which axis of a model's outputs the samples stand.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> tfl.model.sample_axis(tfl.ResNet(np.ones((2, 5)), layers=2, width=3))
    1
    """
    return getattr(model, "sample_axis", 0)


@runtime_checkable
class Resolved(Protocol):
    """tail(output): how much of an output its grid hardly resolves, a column of the history.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> isinstance(model, tfl.model.Resolved)
    True
    """

    def tail(self, output, /) -> float:
        """The share of the output's variance over the torus in the outer third of the modes."""
        ...


@runtime_checkable
class HasResolution(Protocol):
    """resolution(w): whether the grid resolves the density that a control makes, for `checks.likelihood`.

    Examples
    --------
    >>> import torusflow as tfl
    >>> model = tfl.LogDensityNODE(tfl.Torus((32,)), tfl.SobolevMetric(), layers=2)
    >>> isinstance(model, tfl.model.HasResolution)
    True
    """

    def resolution(self, w, /) -> Any:
        """Something with ``passed``, whose text says so with the numbers."""
        ...


@runtime_checkable
class HasCourantNumber(Protocol):
    """courant(w) and courant_limit: how fast a control is for the time steps, and how fast it may be.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> isinstance(model, tfl.model.HasCourantNumber)
    True
    """

    @property
    def courant_limit(self) -> float:
        """Up to which Courant number the time steps are stable."""
        ...

    def courant(self, w, /) -> float:
        """The largest Courant number over the layers."""
        ...


class DerivativeBounds(NamedTuple):
    """What can be said of DF(u) at every control u within a distance of w; each is a function of that distance.

    Parameters
    ----------
    lipschitz : callable
        kappa with |DF(u) - DF(u')| <= kappa |u - u'| in operator norm, for any two such controls.
    lower, upper : callable
        lower |p| <= |DF(u)* p| <= upper |p| for every p that differences of outputs may have; by default nothing is
        said. Bounds that follow from ``lipschitz`` need not be here.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNODE(np.eye(2), layers=4)
    >>> bounds = model.derivative_bounds(model.space.zeros())
    >>> bounds.lipschitz(0.1) > 0
    True
    """

    lipschitz: Callable[[float], float]
    lower: Callable[[float], float] = lambda radius: 0.0
    upper: Callable[[float], float] = lambda radius: np.inf


@runtime_checkable
class HasDerivativeBounds(Protocol):
    """derivative_bounds(w): how fast the derivative changes near w, for certificates.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> isinstance(model, tfl.model.HasDerivativeBounds)
    True
    """

    def derivative_bounds(self, w, /) -> DerivativeBounds:
        """Of the model as it is computed, time steps included."""
        ...


@runtime_checkable
class Confined(Protocol):
    """reach(p): outputs differ by elements of a subspace only, which is what certificates are about.

    Examples
    --------
    >>> import torusflow as tfl
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> isinstance(model, tfl.model.Confined)
    True
    """

    def reach(self, p, /) -> np.ndarray:
        """The orthogonal projection of p to a subspace of which every difference of two outputs is an element."""
        ...


@runtime_checkable
class HasNearest(Protocol):
    """nearest(targets): the best that a model can do, for ratios and stops that measure from there.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNetwork(np.eye(2), widths=(1, 2))
    >>> isinstance(model, tfl.model.HasNearest)
    True
    """

    def nearest(self, targets, /) -> np.ndarray:
        """The output, or limit of outputs, for which (1/2) |output - targets|^2 is least."""
        ...
