"""What every model promises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .. import checks as of_problems
from ..arguments import is_number
from ..descent import LBFGS
from ..errors import InputError
from ..hilbert import norm
from ..losses import NormalisedLikelihood, SquaredDistance, SquaredL2
from ..losses.loss import Loss
from ..model import Model
from ..risk import Risk
from ..torus.densities import von_mises
from ..torus.density import DensitySpace, LogDensitySpace
from . import abilities, trials
from .trials import Broken, require

# A short descent whose method remembers much, so that a resumed run needs all that is stored.
METHOD, ITERATIONS = LBFGS(memory=2, step=1e-3), 2


@dataclass(frozen=True, eq=False)
class ModelTrial:
    """A model, and what it is tried with."""

    model: Model
    given: np.ndarray | None
    loss: Loss | None
    rng: np.random.Generator
    tolerance: float
    classes: tuple

    @cached_property
    def control(self) -> np.ndarray:
        """The control at which it is tried."""
        return self.model.space.random(self.rng) if self.given is None else self.given.copy()

    @property
    def risk(self) -> Risk:
        """A risk whose target is a little away from the output at zero, unless a loss is given."""
        return Risk(self.model, suitable_loss(self.model, self.rng) if self.loss is None else self.loss)


def check_model(
    model: Model,
    control=None,
    *,
    loss: Loss | None = None,
    rng: np.random.Generator | None = None,
    tolerance: float = of_problems.ADJOINT_TOLERANCE,
    classes: Sequence = (),
    checks: Sequence[Callable] | None = None,
) -> None:
    """Raise an AssertionError unless a model keeps all promises of a model.

    Parameters
    ----------
    model : Model
    control : array, optional
        Where to check; a random one of norm one if not given. Choose one where the model is far from linear.
    loss : Loss, optional
        For the checks that need a risk; by default the squared distance to a target near the output at zero.
    rng : numpy.random.Generator, optional
        By default of seed zero.
    tolerance : float
        Relative error that the adjoint may have.
    classes : sequence of classes or modules
        Of your own that the model holds, for reading it back from a file; that of the model itself is known.
    checks : sequence of callable, optional
        Some of `model_checks`; by default all.

    Raises
    ------
    AssertionError
        The first promise that is not kept, and how to keep it.
    InputError
        If the control or another argument is not what it should be.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> from torusflow import testing
    >>> testing.check_model(tfl.LinearNODE(np.eye(2), layers=3))
    """
    if not is_number(tolerance) or not tolerance > 0:
        raise InputError(f"tolerance must be a number > 0, got {tolerance!r}.")
    if control is not None and isinstance(model, Model):
        control = model.space.element(control)
    trial = ModelTrial(model, control, loss, trials.generator(rng), tolerance, tuple(classes))
    trials.run(trial, model, checks, model_checks())


def suitable_loss(model: Model, rng: np.random.Generator) -> Loss:
    """A loss on the outputs of a model, which is not zero at the control zero."""
    space = model.output_space
    if isinstance(space, DensitySpace):
        return SquaredL2(von_mises(space.torus, 0.3, 1.0))
    if isinstance(space, LogDensitySpace):
        return NormalisedLikelihood(rng.random((9, space.torus.dimension)), space.torus, given=space.given)
    y = space.random(rng)
    if space.dtype.kind != "f" or not np.isclose(space.inner(y, y), np.vdot(y, y)):
        raise InputError(
            "outputs in this space have no squared distance that torusflow knows: give check_model a loss=."
        )
    return SquaredDistance(model(model.space.zeros()) + 0.3 * rng.standard_normal(space.shape))


def is_a_model(trial: ModelTrial) -> None:
    """It has what a model has."""
    model = trial.model
    require(not isinstance(model, type), "this is the class itself; give an instance of it.")
    parts = ("space", "output_space", "linearise")
    missing = [name for name in parts if not hasattr(model, name)] + ["__call__"] * (not callable(model))
    require(
        not missing,
        f"a model has {', '.join(parts)} and can be called; this one lacks {', '.join(missing)}. Spaces are inner "
        f"product spaces such as tfl.Euclidean(shape).",
    )


def spaces(trial: ModelTrial) -> None:
    """Controls and outputs live in inner product spaces."""
    for name in ("space", "output_space"):
        space = getattr(trial.model, name)
        u, w = space.random(trial.rng), space.random(trial.rng)
        zero = space.zeros()
        require(
            zero.shape == tuple(space.shape) and zero.dtype == space.dtype and not zero.any(),
            f"{name}.zeros() gives {zero.shape} of {zero.dtype} in place of {space.shape} of {space.dtype}, all zero.",
        )
        require(
            abs(norm(space, u) - 1) < 1e-10, f"{name}.random(rng) has norm {norm(space, u):.6g}; divide it by that."
        )
        there, back, twice = space.inner(u, w), space.inner(w, u), space.inner(2 * u, w)
        require(
            max(abs(there - back), abs(twice - 2 * there)) <= 1e-12,
            f"{name}.inner is not symmetric and linear: <u, w> = {there:.12g}, <w, u> = {back:.12g}, "
            f"<2 u, w> = {twice:.12g}.",
        )
        require(np.array_equal(space.element(u), u), f"{name}.element(u) is not u for a u of {name}.random(rng).")


def output_is_the_same_every_way(trial: ModelTrial) -> None:
    """The call and the linearisation agree to the last bit, again and again."""
    model, w = trial.model, trial.control
    output = np.array(model(w.copy()))
    require(
        output.shape == tuple(model.output_space.shape),
        f"the output has shape {output.shape}, output_space has {tuple(model.output_space.shape)}.",
    )
    require(np.all(np.isfinite(output)), "the output is not finite: raise tfl.NumericalError where that happens.")
    require(np.array_equal(model(w.copy()), output), "a second call at the same control gives another output.")
    require(
        np.array_equal(model.linearise(w.copy()).output, output),
        "linearise(w).output is not model(w) to the last bit. Let one of them call the other.",
    )


def arguments_stay(trial: ModelTrial) -> None:
    """Arrays that are given stay as they are, and those that come back are the caller's."""
    model, w = trial.model, trial.control.copy()
    dw, p = model.space.random(trial.rng), model.output_space.random(trial.rng)
    given = {"the control": w, "the direction dw": dw, "the weight p": p}
    before = {name: array.copy() for name, array in given.items()}
    called, linearisation = model(w), model.linearise(w)
    expected = [np.array(linearisation.output), np.array(linearisation.tangent(dw)), np.array(linearisation.adjoint(p))]
    output = np.array(called)
    for name, array in given.items():
        require(np.array_equal(array, before[name]), f"{name} is changed by the model. Work on a copy: w = w.copy().")
    w *= 0.5  # the caller's arrays may change, and other controls come
    model(w)
    other = model.linearise(w)
    trials.overwrite(other.tangent(dw))
    trials.overwrite(other.adjoint(p))
    require(
        np.array_equal(called, output),
        "the output of model(w) changes when w changes or the model is called again: it is w itself, or an array the "
        "model uses again. Return a new array.",
    )
    found = [linearisation.output, linearisation.tangent(dw), linearisation.adjoint(p)]
    for name, before_, now in zip(("output", "tangent(dw)", "adjoint(p)"), expected, found, strict=True):
        require(
            np.array_equal(before_, now),
            f"{name} of a linearisation changes when w changes, or another control is linearised, or what it returned "
            f"is overwritten. Keep copies: w = self.space.element(w).copy(), and arrays of its own.",
        )


def adjoint(trial: ModelTrial) -> None:
    """<DF dw, p> = <dw, DF* p>."""
    model = trial.model
    outcome = of_problems.adjoint(model, trial.control, tolerance=trial.tolerance)
    if outcome.passed:
        return
    linearisation = model.linearise(trial.control)
    pairs = []
    for _ in range(2):
        dw, p = model.space.random(trial.rng), model.output_space.random(trial.rng)
        pushed, pulled = linearisation.tangent(dw), linearisation.adjoint(p)
        pairs.append((model.output_space.inner(pushed, p), model.space.inner(dw, pulled)))
    there, back = pairs[0]
    require(outcome.wrong, "tangent and adjoint vanish at this control, so nothing is checked; give another control=.")
    ratios = [b / t if t else np.nan for t, b in pairs]
    hint = ""
    if np.isclose(*ratios, rtol=1e-6):
        hint = (
            f" For every dw and p the second is {ratios[0]:.9g} times the first: a sign or a factor, such as 1/layers."
        )
    raise Broken(
        f"<DF dw, p> = {there:.9g}, <dw, DF* p> = {back:.9g}, differ by {abs(there - back):.2e}: the adjoint is not "
        f"the transpose of the tangent. Differentiate each step of the scheme, and run the transposed steps in "
        f"reverse; the result is a gradient in the inner product of `space`, and p one in that of `output_space`, "
        f"which for densities is a mean.{hint}"
    )


def tangent(trial: ModelTrial) -> None:
    """DF dw is the derivative of the output."""
    model, w = trial.model, trial.control
    dw = model.space.random(trial.rng) * (norm(model.space, w) or 1.0)
    change = np.asarray(model.linearise(w).tangent(dw))
    shape = tuple(model.output_space.shape)
    require(change.shape == shape, f"tangent(dw) has shape {change.shape}, the output has {shape}.")
    gap, quotient = trials.difference_gap(lambda h: model(w + h * dw), change, lambda x: np.max(np.abs(x)))
    size = np.max(np.abs(quotient))
    require(
        gap <= trials.DIFFERENCE_TOLERANCE * size,
        f"tangent(dw) differs from differences of the model by {gap:.2e} where these are {size:.2e} (at most "
        f"{trials.DIFFERENCE_TOLERANCE:.0e} of it): it is not the derivative of model(w + h dw) at h = 0.",
    )


def gradient_of_a_risk(trial: ModelTrial) -> None:
    """Taylor's remainder has slope two."""
    with np.errstate(over="ignore", invalid="ignore"):  # steps go as far as the model can
        outcome = of_problems.taylor(trial.risk, trial.control)
    require(
        abs(outcome.slope - 2) <= of_problems.SLOPE_TOLERANCE
        and outcome.derivative_error <= trials.DIFFERENCE_TOLERANCE,
        f"{outcome}. Where tangent and adjoint are right, the loss is not one of this output space: give loss=.",
    )


def refuses_other_controls(trial: ModelTrial) -> None:
    """A control of another shape, or that is not finite, is an InputError."""
    model, how = trial.model, "Begin with w = self.space.element(w), which says so."
    bad = model.space.zeros()
    bad.flat[0] = np.nan
    for name, call in (("model(w)", model), ("model.linearise(w)", model.linearise)):
        trials.refuses(
            lambda call=call: call(np.zeros(trials.ODD_SHAPE)), "shape", f"{name} with w {trials.ODD_SHAPE}", how
        )
        trials.refuses(lambda call=call: call(bad), "finite", f"{name} with a NaN in w", how)


def refuses_other_directions(trial: ModelTrial) -> None:
    """The tangent takes controls, the adjoint takes outputs; nothing is broadcast to them."""
    model = trial.model
    linearisation = model.linearise(trial.control)
    for wrong in (None, 1.0, np.zeros(trials.ODD_SHAPE)):
        given = "an array (2, 2, 99)" if isinstance(wrong, np.ndarray) else repr(wrong)
        for name, call, space in (
            ("tangent", linearisation.tangent, "space"),
            ("adjoint", linearisation.adjoint, "output_space"),
        ):
            how = f"Begin with {space}.element(...) of the model, which says so."
            trials.refuses(lambda call=call, wrong=wrong: call(wrong), "shape", f"{name}({given})", how)
    trials.refuses(
        lambda: linearisation.adjoint(np.full(model.output_space.shape, np.nan)),
        "finite",
        "adjoint(p) with NaN in p",
        "Begin with output_space.element(p) of the model, which says so.",
    )


def refuses_bad_parameters(trial: ModelTrial) -> None:
    """NaN is refused where a number is asked for."""
    trials.refuses_nan(trial.model)


def copies_compute_the_same(trial: ModelTrial) -> None:
    """Copies and pickles give the same bits."""
    expected = np.array(trial.model(trial.control))
    for way, twin in trials.copies(trial.model):
        require(np.array_equal(twin(trial.control), expected), f"{way} makes a model with another output.")


def runs_come_back(trial: ModelTrial) -> None:
    """Stored runs are read back bit for bit, and go on as if they had not ended."""
    trials.require_run_comes_back(trial.risk, 0.5 * trial.control, METHOD, ITERATIONS, trial.classes)


CHECKS = [
    is_a_model,
    spaces,
    output_is_the_same_every_way,
    arguments_stay,
    abilities.points,  # before risks, which look at them
    tangent,
    adjoint,
    gradient_of_a_risk,
    refuses_other_controls,
    refuses_other_directions,
    refuses_bad_parameters,
    abilities.trajectory,
    abilities.parts,
    abilities.restarts,
    abilities.coarser_models,
    abilities.finer_steps,
    abilities.density,
    abilities.description,
    copies_compute_the_same,
    runs_come_back,
]


def model_checks() -> list[Callable]:
    """The checks that `check_model` runs, for a test of each.

    Examples
    --------
    >>> from torusflow import testing
    >>> len(testing.model_checks()) > 5
    True
    """
    return list(CHECKS)
