"""What every loss promises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from ..descent import GradientDescent
from ..errors import InputError
from ..hilbert import Euclidean, HilbertSpace, norm
from ..losses.loss import HasCurvature, Loss, OnGrids, OverSamples
from ..model import Model, sample_axis
from ..models.features import RandomFourierFeatures
from ..models.log_density_node import LogDensityNODE
from ..models.measure_node import MeasureNODE
from ..models.rkhs_node import RKHSNODE
from ..models.sample_node import SampleNODE
from ..risk import Risk
from ..torus.densities import from_array, uniform
from ..torus.density import DensitySpace, FunctionSpace, LogDensitySpace
from ..torus.grid import Torus
from ..torus.sobolev import SobolevMetric
from . import trials
from .trials import Broken, require

# Modes of the density at which losses are tried, at most, and how far the logarithm goes from zero.
MODES, UNEVENNESS = 2, 0.5
# A second variation is looked at along directions that leave densities positive.
SECOND_STEPS = (1e-2, 1e-3, 1e-4)
METHOD, ITERATIONS = GradientDescent(1e-3), 2


@dataclass(frozen=True, eq=False)
class LossTrial:
    """A loss, and what it is tried with."""

    loss: Loss
    space: HilbertSpace
    model: Model | None
    output: np.ndarray
    rng: np.random.Generator
    classes: tuple

    @property
    def on_densities(self) -> bool:
        """Whether outputs are densities, which a constant cannot be added to."""
        return isinstance(self.space, DensitySpace)

    @property
    def torus(self) -> Torus:
        """The torus of outputs that are functions on it."""
        return cast(DensitySpace, self.space).torus

    def direction(self) -> np.ndarray:
        """White noise; for densities of mass zero and so small that the output stays positive where it is."""
        u = self.space.random(self.rng)
        if not self.on_densities:
            return u
        u = u - self.torus.mean(u)
        return u * (np.abs(self.output).min() / np.abs(u).max())


def check_loss(
    loss: Loss,
    space: HilbertSpace | Model,
    output=None,
    *,
    rng: np.random.Generator | None = None,
    classes: Sequence = (),
    checks: Sequence[Callable] | None = None,
) -> None:
    """Raise an AssertionError unless a loss keeps all promises of a loss.

    Parameters
    ----------
    loss : Loss
    space : HilbertSpace or Model
        Of the outputs that it takes, or a model that gives such; without one a small one is made for outputs that are
        densities, points (N, d) or numbers (N,).
    output : array, optional
        Where to check; a random one if not given. Losses with kinks have to be checked away from them.
    rng : numpy.random.Generator, optional
        By default of seed zero.
    classes : sequence of classes or modules
        Of your own that the loss holds, for reading it back from a file; that of the loss itself is known.
    checks : sequence of callable, optional
        Some of `loss_checks`; by default all.

    Raises
    ------
    AssertionError
        The first promise that is not kept, and how to keep it.
    InputError
        If the output or another argument is not what it should be.

    Examples
    --------
    >>> import torusflow as tfl
    >>> from torusflow import testing
    >>> torus = tfl.Torus((32,))
    >>> model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.1), tfl.densities.uniform(torus), layers=2)
    >>> testing.check_loss(tfl.losses.SquaredL2(tfl.densities.von_mises(torus)), model)
    """
    rng = trials.generator(rng)
    model = cast(Model, space) if hasattr(space, "output_space") else None
    space = cast(HilbertSpace, space) if model is None else model.output_space
    if not hasattr(space, "element"):
        raise InputError(
            f"check_loss(loss, space) takes an inner product space or a model, got a {type(space).__name__}."
        )
    output = np.array(_some_output(space, rng) if output is None else space.element(output))
    trial = LossTrial(loss, space, model, output, rng, tuple(classes))
    trials.run(trial, loss, checks, loss_checks())


def _some_output(space, rng) -> np.ndarray:
    if not isinstance(space, DensitySpace):
        return rng.standard_normal(space.shape)
    torus = space.torus
    smooth = sum(
        rng.standard_normal() * np.cos(2 * np.pi * (k * x + rng.random()))
        for x in torus.points
        for k in range(1, MODES + 1)
    )
    return from_array(torus, np.exp(UNEVENNESS * smooth), normalise=True).values


def is_a_loss(trial: LossTrial) -> None:
    """It has what a loss has."""
    loss = trial.loss
    require(not isinstance(loss, type), "this is the class itself; give an instance of it.")
    missing = [name for name in ("gradient", "check") if not hasattr(loss, name)]
    missing += ["__call__"] * (not callable(loss))
    require(
        not missing,
        f"a loss has __call__(output), gradient(output) and check(space); {', '.join(missing)} is missing here.",
    )


def value_is_a_number(trial: LossTrial) -> None:
    """A finite real number, the same again and again."""
    value = trial.loss(trial.output.copy())
    real = isinstance(value, float | int | np.floating) and not isinstance(value, bool)
    require(real, f"the loss gives {value!r}; it must be a real number: return float(...).")
    require(np.isfinite(value), f"the loss is {value!r} at this output; give another output= if that is as it must be.")
    require(trial.loss(trial.output.copy()) == value, "a second call with the same output gives another value.")


def takes_its_outputs_only(trial: LossTrial) -> None:
    """`check` passes the space of its outputs and refuses others."""
    loss = trial.loss
    try:
        loss.check(trial.space)
    except InputError as error:
        raise Broken(f"check(space) refuses the space of the outputs it is to take: {error}") from None
    trials.refuses(
        lambda: loss.check(Euclidean(trials.ODD_SHAPE)),
        "",
        f"check(space) of a space of arrays {trials.ODD_SHAPE}",
        "Compare space.shape, or space.torus, with what the loss takes, and raise tfl.InputError.",
    )


def gradient(trial: LossTrial) -> None:
    """The gradient is that of the value, in the inner product of the outputs."""
    loss, y, space = trial.loss, trial.output.copy(), trial.space
    g = np.asarray(loss.gradient(y))
    require(g.shape == y.shape, f"gradient(output) has shape {g.shape}, the output has {y.shape}.")
    direction = space.random(trial.rng)
    expected, scale = space.inner(g, direction), norm(space, g) * norm(space, direction)
    gap, quotient = trials.difference_gap(lambda h: loss(y + h * direction), expected, abs)
    tolerance = trials.DIFFERENCE_TOLERANCE * max(scale, abs(quotient) if np.isfinite(quotient) else 0.0)
    require(
        gap <= tolerance,
        f"<gradient, dy> = {expected:.9g}, differences of the value give {quotient:.9g}: the gradient is not its "
        f"derivative.{_factor_in_words(trial, quotient, expected)}",
    )


def _factor_in_words(trial: LossTrial, wanted: float, found: float) -> str:
    ratio, n = wanted / found if found else np.nan, trial.output.size
    if np.isclose(ratio, -1, rtol=1e-5):
        return " It has the wrong sign."
    if trial.on_densities and min(abs(ratio - n), abs(ratio - 1 / n) * n) < 1e-4 * n:
        return (
            f" For densities it is taken in the mean inner product, <g, dy> = mean(g dy): the derivative with respect "
            f"to the {n} values is to be {'multiplied' if ratio > 1 else 'divided'} by {n}."
        )
    return f" The ratio is {ratio:.9g}; where that is the same in all directions, a factor is missing."


def curvature(trial: LossTrial) -> None:
    """If there is a curvature, it is the derivative of the gradient, symmetric and not negative."""
    loss, y, space = trial.loss, trial.output, trial.space
    if not isinstance(loss, HasCurvature):
        return
    dy, other = trial.direction(), trial.direction()
    try:
        found = np.asarray(loss.curvature(y, dy))
    except InputError:  # it says that it has none
        return
    require(found.shape == y.shape, f"curvature(output, direction) has shape {found.shape}, the output has {y.shape}.")
    centred = (lambda f: f - trial.torus.mean(f)) if trial.on_densities else (lambda f: f)
    found = centred(found)
    gap, quotient = trials.difference_gap(
        lambda h: centred(loss.gradient(y + h * dy)), found, lambda f: norm(space, f), SECOND_STEPS
    )
    size = max(norm(space, found), norm(space, quotient))
    require(
        gap <= trials.DIFFERENCE_TOLERANCE * size,
        f"curvature(output, direction) differs from differences of the gradient by {gap:.2e} where its norm is "
        f"{size:.2e}: it is not the derivative of gradient(output + h direction) at h = 0"
        f"{', up to constants' * trial.on_densities}.",
    )
    there, back = space.inner(found, other), space.inner(centred(np.asarray(loss.curvature(y, other))), dy)
    require(
        abs(there - back) <= trials.DIFFERENCE_TOLERANCE * size * norm(space, other),
        f"the curvature is not symmetric: <C dy, dz> = {there:.9g}, <dy, C dz> = {back:.9g}.",
    )
    positive = space.inner(found, dy)
    require(
        positive >= -trials.SAME * size * norm(space, dy),
        f"<C dy, dy> = {positive:.3g} is negative, and Gauss-Newton needs a convex loss: leave out the negative part "
        f"of the curvature, as Hellinger does, and give an output= where the loss is convex.",
    )


def arguments_stay(trial: LossTrial) -> None:
    """The output stays as it is, and the gradient is the caller's."""
    loss, y = trial.loss, trial.output.copy()
    value, gradient = loss(y), loss.gradient(y)
    expected = np.array(gradient)
    require(
        np.array_equal(y, trial.output),
        "the output is changed by the loss. Work on a new array: y - target, not y -= target.",
    )
    require(not np.shares_memory(gradient, y), "gradient(output) is a view of the output; return a new array.")
    trials.overwrite(gradient)
    again = loss(y), loss.gradient(y)
    require(
        again[0] == value and np.array_equal(again[1], expected),
        "the loss changes when its gradient is overwritten, so that is an array which it keeps. Return a new one.",
    )


def parts_are_unbiased(trial: LossTrial) -> None:
    """If there is `part`, the parts of one size, or weighted by their sizes, have the loss and its gradient as mean."""
    loss, y, axis = trial.loss, trial.output, sample_axis(trial.model)
    count = y.shape[axis]
    if not isinstance(loss, OverSamples) or count < 3:
        return
    value, gradient = 0.0, np.zeros_like(y)
    for rows in (np.arange(count)[::3], np.delete(np.arange(count), np.s_[::3])):
        try:
            some = loss.part(rows, axis)
        except InputError:  # it says that it has none
            return
        part = np.take(y, rows, axis)
        value += len(rows) / count * some(part)
        np.moveaxis(gradient, axis, 0)[rows] = len(rows) / count * np.moveaxis(some.gradient(part), axis, 0)
    scale, gap = max(1.0, abs(value)), np.max(np.abs(gradient - loss.gradient(y)))
    require(
        abs(value - loss(y)) <= 1e-12 * scale and gap <= 1e-12 * max(1.0, np.max(np.abs(gradient))),
        f"the mean of its parts is {value:.12g}, the loss {loss(y):.12g}, and gradients differ by {gap:.2e}. A mean "
        f"over N samples becomes the mean over the B chosen, a sum becomes their sum times N/B.",
    )


def is_itself_on_other_grids(trial: LossTrial) -> None:
    """If there is `on`, it gives a loss on another torus, and the same one on its own."""
    loss = trial.loss
    if not isinstance(loss, OnGrids) or not isinstance(trial.space, FunctionSpace):
        return
    torus = trial.torus
    same, value = loss.on(torus)(trial.output), loss(trial.output)
    require(
        abs(same - value) <= 1e-9 * max(1.0, abs(value)),
        f"on(its own torus) is another loss: {same!r} instead of {value!r}.",
    )
    finer = Torus(tuple(2 * n for n in torus.shape), threads=torus.threads)
    other = loss.on(finer)
    try:
        other.check(trial.space.on(finer))
    except InputError as error:
        raise Broken(f"on({finer!r}) gives a loss that does not take densities there: {error}") from None
    require(
        np.isfinite(other(torus.resample(trial.output, finer))), "on(a finer torus) gives a loss that is not finite."
    )


def refuses_bad_parameters(trial: LossTrial) -> None:
    """NaN is refused where a number is asked for."""
    trials.refuses_nan(trial.loss)


def copies_compute_the_same(trial: LossTrial) -> None:
    """Copies and pickles give the same bits."""
    value, g = trial.loss(trial.output), trial.loss.gradient(trial.output)
    for way, twin in trials.copies(trial.loss):
        same = twin(trial.output) == value and np.array_equal(twin.gradient(trial.output), g)
        require(same, f"{way} makes another loss.")


def runs_come_back(trial: LossTrial) -> None:
    """Stored runs are read back bit for bit, and go on as if they had not ended."""
    model = _some_model(trial.space, trial.rng) if trial.model is None else trial.model
    risk = Risk(model, trial.loss)
    trials.require_run_comes_back(risk, model.space.zeros(), METHOD, ITERATIONS, trial.classes)


def _some_model(space, rng) -> Model:
    """A small model whose outputs live in this space."""
    if isinstance(space, DensitySpace):
        return MeasureNODE(space.torus, SobolevMetric(3.0, 0.2), uniform(space.torus), layers=2, band=1, substeps=2)
    if isinstance(space, LogDensitySpace):
        moved = tuple(axis for axis in range(space.torus.dimension) if axis not in space.given)
        metric = SobolevMetric(3.0, 0.2)
        return LogDensityNODE(space.torus, metric, layers=2, band=1, substeps=2, components=moved)
    if len(space.shape) == 2:
        return RKHSNODE(rng.random(space.shape), RandomFourierFeatures(space.shape[1], 8), layers=2)
    if len(space.shape) == 1:
        return SampleNODE(rng.random((*space.shape, 1)), SobolevMetric(3.0, 0.2), layers=2, band=2, substeps=2)
    raise InputError(
        f"no model of torusflow gives outputs {space.shape}: give check_loss a model in place of the space."
    )


CHECKS = [
    is_a_loss,
    value_is_a_number,
    takes_its_outputs_only,
    gradient,
    curvature,
    arguments_stay,
    parts_are_unbiased,
    is_itself_on_other_grids,
    refuses_bad_parameters,
    copies_compute_the_same,
    runs_come_back,
]


def loss_checks() -> list[Callable]:
    """The checks that `check_loss` runs, for a test of each.

    Examples
    --------
    >>> from torusflow import testing
    >>> len(testing.loss_checks()) > 5
    True
    """
    return list(CHECKS)
