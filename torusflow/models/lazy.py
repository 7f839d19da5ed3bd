"""Models of lazy training: the linearisation of a model, and a model whose output is scaled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self, cast

import numpy as np

from ..arguments import is_positive, settle
from ..display import OneLine
from ..errors import InputError
from ..model import DerivativeBounds, Linearisation, Model, Subsampled, check_ability, sample_axis


@dataclass(frozen=True, eq=False)
class AboutCentre(OneLine):
    """What models made of another model and a control of it have in common.

    Parameters
    ----------
    model : Model
    centre : array
        w_0.
    """

    model: Model
    centre: np.ndarray

    def __post_init__(self):
        if not isinstance(self.model, Model) or isinstance(self.model, type):
            raise InputError(
                f"{type(self).__name__}: the first argument must be a model, got a {type(self.model).__name__}."
            )
        settle(self, centre=self.model.space.element(self.centre).copy())

    @property
    def space(self):
        return self.model.space

    @property
    def output_space(self):
        return self.model.output_space

    @property
    def sample_axis(self) -> int:
        """Where samples stand in an output."""
        return sample_axis(self.model)

    def part(self, rows) -> Self:
        """The same about the model on some of its samples."""
        instead = "Take a model on points."
        check_ability(self.model, Subsampled, f"some of the samples of a {type(self).__name__} need", instead)
        return replace(self, model=cast(Subsampled, self.model).part(rows))

    @cached_property
    def _at_centre(self) -> Linearisation:
        return self.model.linearise(self.centre)


@dataclass(frozen=True, eq=False)
class Linearised(AboutCentre):
    """w -> F(w_0) + DF(w_0)(w - w_0).

    Its tangent kernel is constant, so descent on the half squared distance is linear: the lazy regime of the model.

    Parameters
    ----------
    model : Model
    centre : array
        w_0.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNODE(np.eye(2), layers=4)
    >>> line = tfl.Linearised(model, model.space.zeros())
    >>> w = model.space.random(np.random.default_rng(0))
    >>> bool(np.allclose(line(2 * w) - line(w), line(w) - line(0 * w)))
    True
    """

    def __call__(self, w) -> np.ndarray:
        """The affine function, array like the model's output."""
        return self._at_centre.output + self._at_centre.tangent(self.space.element(w) - self.centre)

    def linearise(self, w) -> Derivative:
        """The same derivative everywhere."""
        return Derivative(self(w), self._at_centre, 1.0)

    def derivative_bounds(self, w) -> DerivativeBounds:
        """The derivative does not change."""
        return DerivativeBounds(lambda radius: 0.0)


@dataclass(frozen=True, eq=False)
class Scaled(AboutCentre):
    """w -> alpha (F(w) - F(w_0)).

    With the loss divided by alpha^2, training becomes lazy as alpha grows [1]_.

    Parameters
    ----------
    model : Model
    centre : array
        w_0.
    alpha : float
        Positive.

    References
    ----------
    .. [1] L. Chizat, E. Oyallon, F. Bach, On lazy training in differentiable programming, NeurIPS 2019,
       arXiv:1812.07956, equation (3).

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNODE(np.eye(2), layers=4)
    >>> lazy = tfl.Scaled(model, model.space.zeros(), alpha=100.0)
    >>> float(abs(lazy(model.space.zeros())).max())
    0.0
    """

    alpha: float = 1.0

    def __post_init__(self):
        super().__post_init__()
        if not is_positive(self.alpha):
            raise InputError(f"Scaled: alpha must be a positive number, got {self.alpha!r}.")
        settle(self, alpha=float(self.alpha))

    def __call__(self, w) -> np.ndarray:
        """alpha (F(w) - F(w_0))."""
        return self.alpha * (self.model(w) - self._at_centre.output)

    def linearise(self, w) -> Derivative:
        """The scaled output and derivative."""
        derivative = self.model.linearise(w)
        return Derivative(self.alpha * (derivative.output - self._at_centre.output), derivative, self.alpha)


class Derivative:
    """A multiple of another derivative, with an output of its own (`torusflow.model.Linearisation`)."""

    def __init__(self, output, derivative: Linearisation, factor: float):
        self.output, self._derivative, self._factor = output, derivative, factor

    def tangent(self, dw) -> np.ndarray:
        """factor DF dw."""
        return self._factor * self._derivative.tangent(dw)

    def adjoint(self, p) -> np.ndarray:
        """factor DF* p."""
        return self._factor * self._derivative.adjoint(p)
