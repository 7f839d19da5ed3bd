"""What models that move fields on a grid by the flow of a control have in common."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from ..arguments import settle
from ..backends import Empty, Transform
from ..display import OneLine
from ..errors import InputError, NumericalError
from ..torus.control import VelocitySpace
from ..torus.density import Density, FunctionSpace
from ..torus.grid import Torus
from ..torus.sobolev import SobolevMetric
from ..transport.checkpoints import Checkpoints, kept_bytes
from ..transport.continuity import ContinuityEquation
from ..transport.runge_kutta import find_scheme, scheme_field

STAGES = ("auto", "kept", "recomputed")
# Of the memory that is free when a model is made, for the stages of one push: a descent holds those of two at a time,
# and a model those of the last one that is gone.
SHARE = 1 / 3
# Points per axis of the coarsest grid worth a descent.
COARSEST = 16


@dataclass(frozen=True, eq=False)
class GridNODE(OneLine, ABC):
    """v -> f_1, a field on the grid that a discrete scheme moves from the one that an initial density gives.

    Parameters and attributes are those of `MeasureNODE`. A model of this kind says which field it moves, and how.
    """

    _equation: ClassVar[type[ContinuityEquation]]
    _outputs: ClassVar[type[FunctionSpace]]

    torus: Torus
    metric: SobolevMetric
    initial: Density
    layers: int = 10
    band: int | tuple[int, ...] | None = None
    substeps: int | None = 4
    stages: str = "auto"
    scheme: str = scheme_field()
    components: tuple[int, ...] | None = None
    space: VelocitySpace = field(init=False, repr=False)
    output_space: FunctionSpace = field(init=False, repr=False)
    equation: ContinuityEquation = field(init=False, repr=False)
    keeps_stages: bool = field(init=False, repr=False)
    gradient_memory: int = field(init=False, repr=False)
    _spare: Empty = field(init=False, repr=False)
    _start: np.ndarray = field(init=False, repr=False)
    _plans: tuple[Transform, Transform] = field(init=False, repr=False)

    def __post_init__(self):
        if not isinstance(self.torus, Torus) or not isinstance(self.metric, SobolevMetric):
            name = type(self).__name__
            raise InputError(f"{name}(torus, metric, initial, ...) takes a Torus and a SobolevMetric first.")
        if not isinstance(self.initial, Density) or self.initial.torus != self.torus:
            raise InputError(
                f"the initial density must be a Density on {self.torus!r}, got {_given(self.initial)}. "
                f"Use tfl.densities.uniform(torus) or tfl.densities.from_array(torus, values)."
            )
        if self.stages not in STAGES:
            raise InputError(f"stages must be 'auto', 'kept' or 'recomputed', got {self.stages!r}.")
        space = VelocitySpace(self.torus, self.metric, self.layers, self.band, self.components)
        equation = self._equation(self.torus, space.band, space.layers, self.substeps, find_scheme(self.scheme))
        start = equation.project(self._field_of(self.initial))
        kept = self.stages == "kept"
        if self.stages == "auto":
            kept = kept_bytes(equation) <= SHARE * self.torus.free_memory()
        settle(
            self,
            space=space,
            output_space=self._outputs(self.torus),
            equation=equation,
            band=space.band,
            components=None if self.components is None else space.components,
            substeps=equation.substeps,
            keeps_stages=kept,
            gradient_memory=kept_bytes(equation) if kept else Checkpoints.bytes(equation),
            _spare=self.torus.spare(),
            _start=start,
            _plans=(space.plan(), space.plan()),
        )

    def __reduce__(self):
        settings = self.torus, self.metric, self.initial, self.layers, self.band, *self._steps
        return type(self), settings, {"_start": self._start}  # of a restarted model it is not the initial density

    @property
    def _steps(self) -> tuple:
        return self.substeps, self.stages, self.scheme, self.components

    def __call__(self, v) -> np.ndarray:
        """f_1, array (*n).

        Raises
        ------
        InputError
            If v is not a control of this model.
        UnstableError
            If a layer moves too far for its time step; the message names the substeps it needs.
        """
        return self._output(self.equation.push(self._start, self._velocity(self.space.element(v))))

    def linearise(self, v) -> GridLinearisation:
        """The push with its tangent and exact adjoint; keeps what they need of every Runge-Kutta stage, or checkpoints.

        Raises
        ------
        InputError
            If v is not a control of this model, or the stages do not fit into the machine's memory.
        UnstableError
            As the call.
        """
        self._refuse_memory()
        v = self.space.element(v)
        if not self.keeps_stages:
            v = v.copy()  # the caller may go on changing it
            stages = Checkpoints(self.equation)
            output = self._output(self.equation.push(self._start, self._velocity(v), stages))
            return GridLinearisation(self, v, output, stages)
        stages, fields = self._new_arrays()
        output = self._output(self.equation.push(self._start, self._velocity(v, into=fields), stages))
        return GridLinearisation(self, fields, output, stages)

    def coarser(self) -> GridNODE | None:
        """The model on half the grid, with half the layers where they are even; None where that is too coarse.

        Courant numbers stay the same: layers last twice as long, and the highest modes are half as high.
        """
        shape = tuple(-(-n // 2) for n in self.torus.shape)
        if min(shape) < COARSEST or not self.torus.division.fits(shape):
            return None
        torus = self.torus.resized(shape)
        layers = self.layers // 2 if self.layers % 2 == 0 else self.layers
        band = tuple(min(b, (n - 1) // 3) for b, n in zip(self.space.band, shape, strict=True))
        return type(self)(torus, self.metric, self.initial.on(torus), layers, band, *self._steps)

    def restarted(self, output) -> GridNODE:
        """The first layer of this model, of length one, with an output reached in place of the initial one.

        Parameters
        ----------
        output : array (*n)
            As a push gives it; small undershoots below zero are kept.

        Returns
        -------
        GridNODE
            Shares the torus.
        """
        model = type(self)(self.torus, self.metric, self.initial, 1, self.band, *self._steps)
        settle(model, _start=model.equation.project(self.output_space.element(output)))
        return model

    def trajectory(self, v) -> np.ndarray:
        """The field at s = 0, 1/L, ..., 1, array (layers + 1, *n)."""
        fields, kept = [self.equation.evaluate(self._start)], []
        self.equation.push(
            self._start, self._velocity(self.space.element(v)), visit=lambda layer, f_hat: kept.append(f_hat.copy())
        )
        return np.stack(fields + [self.equation.evaluate(f_hat) for f_hat in kept])

    def describe(self) -> dict[str, str]:
        """Initial density, torus, control and scheme in words."""
        memory = f"{self.gradient_memory / 1e9:.2g} GB for the gradient" + (
            "" if self.keeps_stages else " (recomputed)"
        )
        return {
            "initial": self.initial.name,
            "torus": str(self.torus),
            "control": str(self.space),
            "scheme": f"{self.scheme}, {self.substeps} steps per layer; {memory}",
        }

    def courant(self, v) -> float:
        """The largest Courant number over the layers; stable up to `equation.scheme.stability_limit`."""
        v = self.space.element(v)
        with self.equation.turn.take():
            return max(self.equation.courant(field) for field in map(self._velocity(v), range(self.layers)))

    @property
    def courant_limit(self) -> float:
        """Up to which Courant number the scheme is stable."""
        return self.equation.scheme.stability_limit

    def tail(self, output) -> float:
        """Share of |f_1 - mean f_1|^2 in the outer third of the kept modes: above 1e-3 a finer grid is called for."""
        return self.torus.tail(output, self.equation.modes)

    @abstractmethod
    def _field_of(self, initial: Density) -> np.ndarray:
        """The field f_0 that belongs to an initial density, array (*n)."""

    def _new_arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Arrays (steps, degree, *stage) and (layers, d, *n), if possible where those of another linearisation were."""
        # The system takes longer to hand out such memory anew than a push to fill it.
        degree, shape, grid = self.equation.scheme.degree, self.equation.stage_shape, self.torus.local_shape
        stages = degree * self.equation.steps * (math.prod(shape) // math.prod(grid))
        memory = self._spare.empty((stages + self.layers * self.torus.dimension, *grid))
        return memory[:stages].reshape(-1, degree, *shape), memory[stages:].reshape(self.layers, -1, *grid)

    def _refuse_memory(self):
        """Raise before the system kills a process that wants more memory than there is."""
        needed, present = self.gradient_memory, self.torus.physical_memory()
        if needed > present:
            stages = f"{self.equation.steps * self.equation.scheme.degree} stages of {self.torus.size} points"
            how, instead = ("", "stages='recomputed', ") if self.keeps_stages else (", most of them by checkpoints", "")
            raise InputError(
                f"the gradient keeps the {self.equation.kept} at {stages}{how}, {needed / 1e9:.3g} GB; "
                f"{self.torus.place} has {present / 1e9:.3g} GB. Use {instead}a coarser grid, fewer layers or fewer "
                f"substeps."
            )

    def _velocity(self, v, which: int = 0, into=None):
        """layer -> array (d, *n): a view of a plan's array, or of one of the arrays (layers, d, *n) given."""
        plan = self._plans[which]
        return lambda layer: self.space.field_by(plan, v[layer], None if into is None else into[layer])

    def _output(self, f_hat) -> np.ndarray:
        output = self.equation.evaluate(f_hat)
        if not self.torus.is_finite(output):
            raise NumericalError("what was pushed is not finite. Use more substeps or a smaller velocity.")
        return output


class GridLinearisation:
    """A push at a control v, its derivative and the transpose of that (`torusflow.model.Linearisation`).

    Attributes
    ----------
    output : array (*n)
        f_1.
    """

    def __init__(self, model: GridNODE, motion, output, stages):
        self.model, self.output = model, output
        self._motion, self._stages = motion, stages

    def __reduce__(self):
        return GridLinearisation, (self.model, self._motion, self.output, self._stages)

    def tangent(self, dv) -> np.ndarray:
        """The change of f_1 for the change dv of the control, array (*n)."""
        model = self.model
        change = model._velocity(model.space.element(dv), 1)
        return model.equation.evaluate(model.equation.tangent(self._velocity(), change, self._stages))

    def adjoint(self, p) -> np.ndarray:
        """The control g with <g, dv>_H = mean(p tangent(dv)) for all dv: g_l = L K*(m_l), complex array.

        Parameters
        ----------
        p : array (*n)
            Usually the first variation of a loss.
        """
        model, space = self.model, self.model.space
        gradient, plan = space.torus.empty(space.shape, space.dtype), model._plans[1]

        def take(layer, momentum):
            space.represent(plan, gradient[layer])  # the plan holds the momentum

        weight = model.equation.project(model.output_space.element(p))
        momentum = plan.real.reshape(space.torus.dimension, *space.torus.local_shape)
        model.equation.transpose(weight, self._velocity(), self._stages, take, momentum)
        return gradient

    def _velocity(self):
        """layer -> array (d, *n)."""
        kept = self._motion.dtype.kind == "f"  # the fields, or the control that makes them
        return self._motion.__getitem__ if kept else self.model._velocity(self._motion)


def _given(thing) -> str:
    return f"one on {thing.torus!r}" if isinstance(thing, Density) else f"a {type(thing).__name__}"
