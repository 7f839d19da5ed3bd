"""Descent in the whole Hilbert space of a kernel: the representers whose span holds every gradient on the way."""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import dataclass, field, replace

import numpy as np

from ..arguments import check_kind, is_number
from ..errors import InputError, NumericalError
from ..hilbert import Euclidean
from ..interrupts import Held
from ..models.kernel_span import KernelSpan, Representers
from ..models.particle_linearisation import ParticleLinearisation
from ..models.rkhs_node import RKHSNODE
from ..risk import Risk
from .loop import descend
from .method import Method

# Distances in the space are known to about 1e-5.
LEAST_TOLERANCE = 1e-4


def whole_space(
    risk: Risk, control, method: Method, iterations: int = 1000, tolerance: float = 1e-3, **limits
) -> tuple[Risk, np.ndarray]:
    """The same risk and start in a space so large that a descent in it is one in the whole space of the kernel.

    The gradient of a risk in L^2([0, 1], V), V the whole reproducing kernel Hilbert space, is in layer l a sum
    g_l = sum_i k(., x_i) p_i over the points x_i on their way. Descents are run from the start again and again, each
    with those x_i for further centres that the gradients of the one before had needed, until the projection P to the
    span leaves out of no gradient more than |g_l - P g_l| <= tolerance |g_l|. With the method and the limits given,
    `descend` then takes those steps that it would take in the whole space; risks on the way err like the square of the
    tolerance.

    Parameters
    ----------
    risk : Risk
        Of an `RKHSNODE` with a `KernelSpan`; its centres, such as the points at s = 0, stay the first ones.
    control : array
        The start, an element of ``risk.space``.
    method : Method
    iterations : int
        Maximum number.
    tolerance : float
        From 1e-4 to 1.
    **limits
        Further arguments of `descend`: gradient_tolerance, risk_tolerance, max_time, stop.

    Returns
    -------
    Risk, array
        The risk with the centres found, and the start in its space; where an interrupt or an error ended a descent,
        with those found until then.

    Raises
    ------
    InputError
        If the model is another, the tolerance out of range, or more than 4000 centres would be needed.
    NumericalError
        If the kernel matrix of the centres needed is singular to round-off.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> x = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> model = tfl.RKHSNODE(x, tfl.KernelSpan(tfl.GaussianKernel(0.7), x), layers=2)
    >>> risk, method = tfl.Risk(model, tfl.losses.SquaredDistance(x + 0.3)), tfl.GradientDescent(0.4)
    >>> larger, start = tfl.whole_space(risk, risk.space.zeros(), method, 5)
    >>> larger.space.zeros().size > risk.space.zeros().size
    True
    """
    check_kind("the first argument", risk, Risk, "whole_space(tfl.Risk(model, loss), control, method)")
    model = risk.model
    if not isinstance(model, RKHSNODE) or not isinstance(model.family, KernelSpan):
        raise InputError(
            "whole_space extends the KernelSpan of an RKHSNODE, such as tfl.RKHSNODE(x, tfl.KernelSpan(kernel, x)); "
            "other fields have no representers."
        )
    if not is_number(tolerance) or not LEAST_TOLERANCE <= tolerance < 1:
        raise InputError(f"whole_space: tolerance must be a number from {LEAST_TOLERANCE:g} to 1, got {tolerance!r}.")
    control, span, ended = risk.space.element(control), model.family, ""
    with Held():
        while not ended:
            watched = _Watched(model, span, tolerance)
            found = descend(replace(risk, model=watched), control, method, iterations, **limits)
            ended = found.status if found.status.startswith(("interrupted", "failed")) else ""
            larger = span.extended(watched.outside, tolerance)
            if larger is span:
                _check_nothing_is_outside(watched)
                break
            span, model = larger, replace(model, family=larger)
            control = _embedded(control, model.space)
    if ended and limits.get("stop") is None:  # who asks for stops knows of them
        with contextlib.suppress(Warning):
            warnings.warn(f"whole_space did not finish: {ended}", stacklevel=2)
    return replace(risk, model=model), control


def _check_nothing_is_outside(watched: _Watched) -> None:
    """Raise a NumericalError if gradients are outside though no centre is left that would bring them in."""
    if watched.outside:
        raise NumericalError(
            f"whole_space: gradients are not in the span to {watched.tolerance:g} of their norm, and with further "
            f"centres the kernel matrix would be singular to round-off. Take a larger tolerance or a shorter kernel."
        )


def _embedded(control, space: Euclidean) -> np.ndarray:
    """The same control in the space of more centres: their coordinates are zero."""
    larger = space.zeros()
    larger[:, : control.shape[1]] = control
    return larger


@dataclass(frozen=True, eq=False)
class _Watched:
    """An `RKHSNODE` that keeps the gradients which the span of its centres does not hold."""

    model: RKHSNODE
    span: KernelSpan
    tolerance: float
    outside: list[Representers] = field(default_factory=list)

    @property
    def space(self) -> Euclidean:
        return self.model.space

    @property
    def output_space(self) -> Euclidean:
        return self.model.output_space

    @property
    def layers(self) -> int:
        return self.model.layers

    def restarted(self, output) -> _Watched:
        """For `GreedyDescent`; what is outside is kept in the same list."""
        return replace(self, model=self.model.restarted(output))

    def __call__(self, w) -> np.ndarray:
        return self.model(w)

    def linearise(self, w) -> ParticleLinearisation:
        model, w = self.model, self.space.element(w).copy()
        return ParticleLinearisation(model.flow, model.x, self.space, w, self.span.field, self._riesz)

    def _riesz(self, points, momenta) -> np.ndarray:
        gradient = Representers(points.copy(), momenta.copy())
        if self.span.outside(gradient) > self.tolerance:
            self.outside.append(gradient)
        return self.span.riesz(points, momenta)
