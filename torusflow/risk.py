"""The risk: what training makes small."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np

from .arguments import checked_choice, is_number, settle
from .backends import to_host
from .display import OneLine
from .errors import InputError, NumericalError
from .hilbert import alike, placed, same
from .losses.loss import Loss, OverSamples
from .losses.points import SquaredDistance, conflicting_pairs
from .model import HasNearest, Model, OnPoints, Subsampled, check_ability, sample_axis

# Of targets and least values: what is less is rounding.
ROUND_OFF = 1e-13


@dataclass(frozen=True, eq=False)
class Risk(OneLine):
    """R(w) = loss(model(w)) + (penalty/2) |w|^2.

    Parameters
    ----------
    model : Model
    loss : Loss
        On the model's outputs.
    penalty : float
        lambda >= 0.

    Raises
    ------
    InputError
        If the loss does not take the model's outputs or the penalty is negative.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNODE(np.eye(2), layers=4)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredDistance(np.diag([1.1, 0.9])))
    >>> value, gradient = risk.value_and_gradient(model.space.zeros())
    >>> round(value, 6), gradient.shape
    (0.01, (4, 2, 2))
    """

    model: Model
    loss: Loss
    penalty: float = 0.0

    def __post_init__(self):
        if not isinstance(self.model, Model) or isinstance(self.model, type):
            raise InputError(f"Risk: the first argument must be a model, got {_kind(self.model)}.")
        if not is_number(self.penalty) or not self.penalty >= 0:
            raise InputError(f"Risk: penalty must be a number >= 0, got {self.penalty!r}.")
        if isinstance(self.loss, type) or not isinstance(self.loss, Loss):
            raise InputError(
                f"Risk: the second argument must be a loss such as tfl.losses.SquaredL2(target), "
                f"got {_kind(self.loss)}{_lacking(self.loss)}."
            )
        self.loss.check(self.model.output_space)
        _warn_of_conflicts(self.model, self.loss)

    @property
    def space(self):
        """The space of controls."""
        return self.model.space

    @cached_property
    def least(self) -> float:
        """What the risk cannot fall below: ratios, exponents and stops measure from there.

        The least half squared distance of a linear network, by least squares and low rank; otherwise zero, below which
        no distance or divergence falls.
        """
        if not isinstance(self.loss, SquaredDistance) or not isinstance(self.model, HasNearest):
            return 0.0
        least, size = self.loss(self.model.nearest(self.loss.targets)), np.linalg.norm(self.loss.targets)
        return least if least > (ROUND_OFF * size) ** 2 else 0.0

    def above_least(self, value: float) -> float:
        """How far a value of the risk is above the least; zero where that is round-off."""
        gap = value - self.least
        return gap if gap > ROUND_OFF * self.least else 0.0

    def __call__(self, w) -> float:
        """R(w); the model runs forward once."""
        w = placed(self.space, w)
        with alike(self.space):
            return self.value_at(w, self.model(w))

    def at(self, w) -> RiskAt:
        """R at w: the model runs forward now, backward only when the gradient is asked for."""
        return RiskAt(self, w)

    @cached_property
    def samples(self) -> int:
        """N, how many samples the loss is a sum or mean over.

        Raises
        ------
        InputError
            If the model or the loss cannot be taken apart.
        """
        need = "a risk on some of the samples needs"
        instead = (
            "Use another method, a SampleNODE with LogLikelihood (--likelihood), or a model on points with a sum or "
            "mean over them such as SquaredDistance."
        )
        check_ability(self.model, Subsampled, need, instead)
        check_ability(self.loss, OverSamples, need, instead)
        return self.model.output_space.shape[sample_axis(self.model)]

    def part(self, rows) -> Risk:
        """An unbiased estimate of the risk from some of the samples.

        A mean over the N samples becomes the mean over these B, a sum becomes their sum times N/B; the penalty, which
        is no sample's, stays as it is. So the mean of all parts of one size is the risk, and the mean of their
        gradients its gradient.

        Parameters
        ----------
        rows : array of int, slice or mask
            The numbers of the samples; one that stands there twice counts twice.

        Raises
        ------
        InputError
            If the model or the loss cannot be taken apart, or there are no such samples.
        """
        chosen, axis = checked_choice(rows, self.samples), sample_axis(self.model)
        loss = cast(OverSamples, self.loss)
        loss = loss.part(chosen, axis) if axis else loss.part(chosen)
        some = object.__new__(Risk)  # the whole has been checked and warned of: that is not done again for every batch
        settle(some, model=cast(Subsampled, self.model).part(chosen), loss=loss, penalty=self.penalty)
        return some

    def value_and_gradient(self, w) -> tuple[float, np.ndarray]:
        """R(w) and the gradient of R in the control space, <gradient, dw> = dR(w) dw.

        Parameters
        ----------
        w : array
            An element of ``model.space``.

        Returns
        -------
        float, array like w
        """
        point = self.at(w)
        return point.value, point.gradient

    def value_at(self, w, output) -> float:
        """R(w) where the model's output is known."""
        value = _real(self.loss(output), self.loss)
        if self.penalty:
            value += self.penalty / 2 * self.space.inner(w, w)
        if not math.isfinite(same(self.space, value, "the risk")):
            raise NumericalError(f"the risk is {value}.")
        return value


def _real(value, loss) -> float:
    """The value of a loss, which may be one of the caller's own."""
    if getattr(value, "ndim", None) == 0:
        value = to_host(value)[()]
    if isinstance(value, bool | complex | np.complexfloating) or not isinstance(value, int | float | np.number):
        raise InputError(f"a {type(loss).__name__} gave {value!r}; a loss gives one real number.")
    return float(value)


def _wrong_gradient(loss, gradient, error: InputError) -> InputError | NumericalError:
    """Numbers that are not finite may be a step too long; all else is a mistake in the loss."""
    said = f"the gradient of a {type(loss).__name__}: {error}"
    values = to_host(gradient)
    infinite = values.dtype.kind == "f" and not np.all(np.isfinite(values))
    return NumericalError(said) if infinite else InputError(said)


def _kind(thing) -> str:
    return f"the class {thing.__name__} itself" if isinstance(thing, type) else f"a {type(thing).__name__}"


def _lacking(loss) -> str:
    """What is missing in a loss that somebody has begun to write."""
    of_loss = ("__call__", "gradient", "check")
    missing = [name for name in of_loss if not hasattr(loss, name)]
    begun = not isinstance(loss, type) and len(missing) < len(of_loss)
    return f", which has no {' and no '.join(missing)}" if begun else ""


def _warn_of_conflicts(model, loss) -> None:
    """Say when points stand at one place with different targets: it is not an error, but the risk cannot reach zero."""
    targets = getattr(loss, "targets", None)
    if targets is None or not isinstance(model, OnPoints):
        return
    count = conflicting_pairs(model.inputs, model.rows(targets))
    if count:
        warnings.warn(
            f"{count} of {len(model.inputs)} inputs stand at the same place as another with a different target, so the "
            f"risk cannot reach zero.",
            stacklevel=4,
        )


class RiskAt:
    """The risk at one control.

    Attributes
    ----------
    value : float
    output : array
        Of the model.
    linearisation : Linearisation
        Of the model, with everything its adjoint needs; as long as this object lives.
    gradient : array
        In the control space; computed when first asked for.
    """

    def __init__(self, risk: Risk, w):
        w = placed(risk.space, w)
        self.risk, self.control = risk, w
        with alike(risk.space):
            self.linearisation = risk.model.linearise(w)
            self.output = self.linearisation.output
            self.value = risk.value_at(w, self.output)

    @cached_property
    def gradient(self) -> np.ndarray:
        with alike(self.risk.space):
            return self._gradient()

    def _gradient(self) -> np.ndarray:
        weight = self.risk.loss.gradient(self.output)
        try:
            gradient = self.linearisation.adjoint(weight)
        except InputError as error:  # the weight is not an output
            raise _wrong_gradient(self.risk.loss, weight, error) from None
        if self.risk.penalty:
            gradient = gradient + self.risk.penalty * self.control
        return gradient
