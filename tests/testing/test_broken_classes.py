"""Every check of `torusflow.testing` fails on a class that is broken in its way, with a sentence that says how."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import pytest

import torusflow as tfl
from torusflow import testing
from torusflow.descent.method import State
from torusflow.hilbert import Euclidean
from torusflow.losses.densities import DensityLoss

LAYERS = 3
TORUS = tfl.Torus((12,), threads=1)
TARGET = tfl.densities.von_mises(TORUS, 0.3, 1.0)


def assert_found(call, check, words):
    """The first check that fails is this one, and says so."""
    with pytest.raises(AssertionError) as raised:
        call()
    said = str(raised.value)
    assert f", {check}: " in said, said
    assert words in said, said


@dataclass(frozen=True, eq=False)
class Wave:
    """w -> scale * sin(w), a right model in few lines; with layers, and so with a factor in its inner product."""

    scale: float = 2.0

    def __post_init__(self):
        if not isinstance(self.scale, float) or not np.isfinite(self.scale):
            raise tfl.InputError(f"Wave: scale must be a finite number, got {self.scale!r}.")

    @cached_property
    def space(self):
        return Euclidean((LAYERS, 2), 1 / LAYERS)

    @cached_property
    def output_space(self):
        return Euclidean((LAYERS, 2))

    def __call__(self, w):
        return self.linearise(w).output

    def linearise(self, w):
        return WaveLinearisation(self, self.space.element(w).copy())


class WaveLinearisation:
    def __init__(self, model, w):
        self.model, self.w, self.output = model, w, model.scale * np.sin(w)

    def slope(self):
        return self.model.scale * np.cos(self.w)

    def tangent(self, dw):
        return self.slope() * self.model.space.element(dw)

    def adjoint(self, p):
        return LAYERS * self.slope() * self.model.output_space.element(p)


def wave(name, call=None, linearise=None, space=None, output_space=None, **methods):
    """A `Wave` of which something else is so; what is given for the linearisation by its methods' names."""
    kind = type(f"{name}Linearisation", (WaveLinearisation,), methods)
    body = {"linearise": linearise or (lambda self, w: kind(self, self.space.element(w).copy()))}
    named = {"__call__": call, "space": space, "output_space": output_space}
    body |= {key: value for key, value in named.items() if value is not None}
    return dataclasses.dataclass(frozen=True, eq=False)(type(name, (Wave,), body))()


class Crooked(Euclidean):
    def inner(self, u, w):
        return super().inner(u, np.cumsum(w, axis=0))


class Biased(Euclidean):
    def random(self, rng):
        return 2 * super().random(rng)


def changing(self, w):
    w = self.space.element(w)
    output = self.scale * np.sin(w)
    w *= 1.0000001
    return output


BUFFER = np.zeros((LAYERS, 2))


def with_one_buffer(self, w):
    np.multiply(self.scale, np.sin(self.space.element(w)), out=BUFFER)
    return BUFFER


def twice_as_much_later(calls=[]):  # noqa: B006
    def call(self, w):
        calls.append(w)
        return self.scale * np.sin(self.space.element(w)) * (1 + 1e-9 * len(calls))

    return call


def unchecked(self, w):
    return self.scale * np.sin(np.asarray(w))


def trajectory_that_ends_elsewhere(self, w):
    return np.stack([np.zeros((LAYERS, 2))] * LAYERS + [0.5 * self(w)])


def able(**abilities):
    kind = type("Able", (Wave,), {"layers": LAYERS, **abilities})
    return dataclasses.dataclass(frozen=True, eq=False)(kind)()


@dataclass(frozen=True, eq=False)
class Restless(Wave):
    """Each substep adds something."""

    substeps: int = 1

    def __post_init__(self):
        super().__post_init__()
        if not isinstance(self.substeps, int):
            raise tfl.InputError(f"Restless: substeps must be a whole number, got {self.substeps!r}.")

    def linearise(self, w):
        return WaveLinearisation(dataclasses.replace(self, scale=1.0 + self.substeps), self.space.element(w).copy())


@dataclass(frozen=True, eq=False)
class Trusting(Wave):
    def __post_init__(self):
        pass


@dataclass(frozen=True, eq=False)
class Locked(Wave):
    def __reduce__(self):
        raise TypeError("it cannot be pickled")

    def __deepcopy__(self, memo):
        return self


@dataclass(frozen=True, eq=False)
class Functional(Wave):
    """Holds a function, which no file does."""

    shape: Callable = np.sin


@dataclass(frozen=True, eq=False)
class Drawn(Wave):
    """What it computes with follows from no field: copies keep it, files do not."""

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "drawn", np.random.default_rng().random())

    def linearise(self, w):
        return WaveLinearisation(Wave(self.drawn), self.space.element(w).copy())


MODELS = {
    "no adjoint space": (lambda: object(), "is_a_model", "lacks space, output_space, linearise, __call__"),
    "the class itself": (lambda: Wave, "is_a_model", "give an instance"),
    "inner product": (lambda: wave("W", space=Crooked((LAYERS, 2))), "spaces", "not symmetric"),
    "random": (lambda: wave("W", space=Biased((LAYERS, 2))), "spaces", "has norm 2; divide"),
    "call": (
        lambda: wave("W", call=lambda self, w: 1.0001 * Wave.__call__(self, w)),
        "output_is_the_same",
        "not model(w)",
    ),
    "output space": (
        lambda: wave("W", output_space=Euclidean((2, 3))),
        "output_is_the_same",
        "output_space has (2, 3)",
    ),
    "random output": (lambda: wave("W", call=twice_as_much_later()), "output_is_the_same", "second call"),
    "changes w": (lambda: wave("W", call=changing), "arguments_stay", "the control is changed by the model"),
    "one buffer": (lambda: wave("W", call=with_one_buffer), "arguments_stay", "an array the model uses again"),
    "keeps w": (
        lambda: wave("W", linearise=lambda self, w: WaveLinearisation(self, self.space.element(w))),
        "arguments_stay",
        "w = self.space.element(w).copy()",
    ),
    "tangent": (lambda: wave("W", slope=lambda self: 1.001 * np.cos(self.w)), "tangent", "it is not the derivative"),
    "tangent alone": (
        lambda: wave("W", tangent=lambda self, dw: 2.0000001 * np.cos(self.w) * dw),
        "tangent",
        "differs from differences of the model by",
    ),
    "shape of the tangent": (lambda: wave("W", tangent=lambda self, dw: np.sum(dw)), "tangent", "has shape ()"),
    "sign": (lambda: wave("W", adjoint=lambda self, p: -LAYERS * self.slope() * p), "adjoint", "is -1 times the first"),
    "layers": (
        lambda: wave("W", adjoint=lambda self, p: self.slope() * p),
        "adjoint",
        "is 0.333333333 times the first",
    ),
    "not transposed": (
        lambda: wave("W", adjoint=lambda self, p: LAYERS * self.slope() * p[::-1]),
        "adjoint",
        "the adjoint is not the transpose of the tangent",
    ),
    "any control": (
        lambda: wave("W", call=unchecked, linearise=lambda self, w: WaveLinearisation(self, np.array(w))),
        "refuses_other_controls",
        "Begin with w = self.space.element(w)",
    ),
    "any direction": (
        lambda: wave("W", tangent=lambda self, dw: self.slope() * dw),
        "refuses_other_directions",
        "Begin with space.element",
    ),
    "any weight": (
        lambda: wave("W", adjoint=lambda self, p: LAYERS * self.slope() * p),
        "refuses_other_directions",
        "Begin with output_space.element",
    ),
    "any parameter": (Trusting, "refuses_bad_parameters", "scale=nan is accepted without an error"),
    "trajectory": (lambda: able(trajectory=trajectory_that_ends_elsewhere), "trajectory", "is not model(w)"),
    "short trajectory": (lambda: able(trajectory=lambda self, w: self(w)[None]), "trajectory", "(layers + 1, *output)"),
    "part": (lambda: able(part=lambda self, rows: self), "parts", "is not model(w)[rows]"),
    "restarted": (lambda: able(restarted=lambda self, output: self), "restarts", "it should have one layer"),
    "coarser": (lambda: able(coarser=lambda self: self), "coarser_models", "it is not coarser"),
    "coarser nothing": (
        lambda: able(coarser=lambda self: 0),
        "coarser_models",
        "gives 0; it should give a model",
    ),
    "substeps": (Restless, "finer_steps", "it does not come closer to a limit"),
    "rows": (
        lambda: able(inputs=np.zeros((4, 2)), rows=lambda self, output: output),
        "points",
        "inputs has shape (4, 2) and rows(output) (3, 2)",
    ),
    "samples": (
        lambda: able(sample=lambda self, w, n, rng: 2 * rng.random((n, 1)), log_density=lambda self, w, x: x[:, 0]),
        "density",
        "it should give 5 points",
    ),
    "scores": (
        lambda: able(sample=lambda self, w, n, rng: rng.random((n, 1)), log_density=lambda self, w, x: x),
        "density",
        "gives an array (5, 1)",
    ),
    "description": (
        lambda: able(describe=lambda self: "a wave"),
        "description",
        "gives 'a wave'; it should",
    ),
    "no pickle": (Locked, "copies_compute_the_same", "pickle raises TypeError: it cannot be pickled"),
    "drawn": (Drawn, "runs_come_back", "must follow from the fields"),
    "no file": (Functional, "runs_come_back", "cannot be stored and read back"),
}


@pytest.mark.parametrize(("make", "check", "words"), MODELS.values(), ids=MODELS)
def test_broken_models_are_found(make, check, words):
    model = make()
    with pytest.raises(AssertionError) as raised:
        testing.check_model(model)
    assert f", {check}" in str(raised.value), raised.value
    assert words in str(raised.value), raised.value


@dataclass(frozen=True, eq=False)
class Half(DensityLoss):
    """(1/2) mean (rho - target)^2 with a weight."""

    weight: float = 1.0

    def __post_init__(self):
        super().__post_init__()
        if not isinstance(self.weight, float) or not self.weight > 0:
            raise tfl.InputError(f"Half: weight must be a positive number, got {self.weight!r}.")

    def __call__(self, rho):
        difference = self.checked(rho) - self.target.values
        return self.weight * self.torus.inner(difference, difference) / 2

    def gradient(self, rho):
        return self.weight * (self.checked(rho) - self.target.values)

    def curvature(self, rho, direction):
        return self.weight * direction


def half(**body):
    kind = type("Loss", (Half,), {name.replace("call", "__call__"): value for name, value in body.items()})
    return dataclasses.dataclass(frozen=True, eq=False)(kind)(TARGET)


def sinking(self, rho):
    rho -= self.target.values
    return self.torus.inner(rho, rho) / 2


class Remembered(Half):
    """Gives out its own array."""

    @cached_property
    def table(self):
        return {}

    def gradient(self, rho):
        key = np.asarray(rho).tobytes()
        if key not in self.table:
            self.table[key] = super().gradient(rho)
        return self.table[key]


def skew(self, rho, direction):
    return self.weight * direction + np.roll(direction, 1) - np.roll(direction, -1)


@dataclass(frozen=True, eq=False)
class Skew(Half):
    """Of a gradient that is none: its derivative is not symmetric; only the curvature looks at it."""

    def gradient(self, rho):
        d = self.checked(rho) - self.target.values
        return self.weight * d + np.roll(d, 1) - np.roll(d, -1)

    curvature = skew


@dataclass(frozen=True, eq=False)
class Concave(Half):
    def __call__(self, rho):
        return -super().__call__(rho)

    def gradient(self, rho):
        return -super().gradient(rho)

    def curvature(self, rho, direction):
        return -super().curvature(rho, direction)


@dataclass(frozen=True, eq=False)
class Anything(Half):
    def __post_init__(self):
        pass


N = TORUS.size
LOSSES = {
    "no check": (lambda: len, "is_a_loss", "gradient, check is missing here"),
    "an array": (lambda: half(call=lambda self, rho: np.ones(3)), "value_is_a_number", "return float(...)"),
    "not finite": (lambda: half(call=lambda self, rho: np.inf), "value_is_a_number", "the loss is inf"),
    "refuses its own": (
        lambda: half(check=lambda self, space: Half.check(self, Euclidean((2,)))),
        "takes_its_outputs_only",
        "refuses the space of the outputs it is to take",
    ),
    "takes all": (lambda: half(check=lambda self, space: None), "takes_its_outputs_only", "accepted without an error"),
    "sign": (lambda: half(gradient=lambda self, rho: -Half.gradient(self, rho)), "gradient", "the wrong sign"),
    "sum": (lambda: half(gradient=lambda self, rho: Half.gradient(self, rho) / N), "gradient", f"multiplied by {N}"),
    "mean": (lambda: half(gradient=lambda self, rho: Half.gradient(self, rho) * N), "gradient", f"divided by {N}"),
    "factor": (lambda: half(gradient=lambda self, rho: 1.0001 * Half.gradient(self, rho)), "gradient", "a factor"),
    "shape": (lambda: half(gradient=lambda self, rho: rho[:3]), "gradient", "has shape (3,)"),
    "curvature": (
        lambda: half(curvature=lambda self, rho, d: 1.0001 * d),
        "curvature",
        "differs from differences of the gradient",
    ),
    "not convex": (lambda: Concave(TARGET), "curvature", "is negative, and Gauss-Newton"),
    "changes rho": (lambda: half(call=sinking), "arguments_stay", "the output is changed by the loss"),
    "a view": (
        lambda: dataclasses.dataclass(frozen=True, eq=False)(Remembered)(TARGET),
        "arguments_stay",
        "overwritten",
    ),
    "another grid": (
        lambda: half(on=lambda self, torus: self),
        "is_itself_on_other_grids",
        "does not take densities there",
    ),
    "another loss": (
        lambda: half(on=lambda self, torus: tfl.losses.L2(self.target.on(torus))),
        "is_itself_on_other_grids",
        "is another loss",
    ),
    "any parameter": (lambda: Anything(TARGET), "refuses_bad_parameters", "weight=nan is accepted"),
    "no pickle": (half, "copies_compute_the_same", "pickle raises"),
}


@pytest.mark.parametrize(("make", "check", "words"), LOSSES.values(), ids=LOSSES)
def test_broken_losses_are_found(make, check, words):
    loss = make()
    space = tfl.MeasureNODE(TORUS, tfl.SobolevMetric(3.0, 0.2), tfl.densities.uniform(TORUS), 2, 2).output_space
    assert_found(lambda: testing.check_loss(loss, space), check, words)


def test_a_curvature_that_is_not_symmetric_is_found():
    from torusflow.testing.losses import curvature
    from torusflow.torus.density import DensitySpace

    with pytest.raises(AssertionError, match="the curvature is not symmetric"):
        testing.check_loss(Skew(TARGET), DensitySpace(TORUS), checks=[curvature])


@dataclass(frozen=True)
class Plain:
    """w <- w - step * gradient."""

    step: float = 0.1
    remembers: ClassVar = {"done": "a number"}

    def __post_init__(self):
        if not isinstance(self.step, float) or not self.step > 0:
            raise tfl.InputError(f"Plain: step must be a positive number, got {self.step!r}.")

    def init(self, risk, control):
        return State.at(risk.at(control), 0.0, self.step, memory={"done": np.array(0)})

    def update(self, risk, state):
        return self.moved(risk, state, self.step)

    def moved(self, risk, state, step):
        done = {"done": np.array(state.memory["done"] + 1)}
        return State.at(risk.at(state.control - step * state.gradient), step, step, state.time + step, memory=done)


def plain(**body):
    return dataclasses.dataclass(frozen=True)(type("Method", (Plain,), body))()


@dataclass
class Thawed:
    step: float = 0.1

    init, update, moved = Plain.init, Plain.update, Plain.moved


class Counting(Plain):
    """Keeps on itself how often it was called, and steps accordingly."""

    def update(self, risk, state):
        count = getattr(self, "count", 0) + 1
        object.__setattr__(self, "count", count)
        return self.moved(risk, state, self.step / count)


class Averaging(Plain):
    """Keeps on itself the last gradient, by the risk's control, so that the same update gives the same."""

    def update(self, risk, state):
        seen = self.__dict__.setdefault("seen", {})
        done = int(state.memory["done"])
        seen[done] = state.gradient
        heavy = state.gradient + 0.5 * seen.get(done - 1, 0.0)
        point = risk.at(state.control - self.step * heavy)
        return State.at(point, self.step, self.step, state.time, memory={"done": np.array(done + 1)})


class Overwriting(Plain):
    def update(self, risk, state):
        control = state.control
        control -= self.step * state.gradient
        return State.at(risk.at(control), self.step, self.step, state.time, memory=dict(state.memory))


class Listing(Plain):
    def init(self, risk, control):
        return dataclasses.replace(super().init(risk, control), memory={"done": 0})


class Secretive(Plain):
    """Does not say what it remembers."""

    remembers: ClassVar = {}


class TwoPoint(Plain):
    """Divides by the change of the gradient, whatever that is."""

    remembers: ClassVar = {"w": "a control", "g": "a control"}

    def init(self, risk, control):
        return dataclasses.replace(super().init(risk, control), memory={"w": control, "g": risk.at(control).gradient})

    def update(self, risk, state):
        dw, dg = state.control - state.memory["w"], state.gradient - state.memory["g"]
        step = risk.space.inner(dw, dw) / risk.space.inner(dw, dg) if state.time else self.step
        memory = {"w": state.control, "g": state.gradient}
        return State.at(risk.at(state.control - step * state.gradient), step, step, state.time + step, memory=memory)


class Unchecked(Plain):
    def __post_init__(self):
        pass


@dataclass(frozen=True)
class Scheduled(Plain):
    """Holds a function, which no file does."""

    schedule: Callable = abs


class Stale(Plain):
    """States of which the value is that before the step."""

    def update(self, risk, state):
        return dataclasses.replace(super().update(risk, state), value=0.5 * state.value)


METHODS = {
    "nothing": (object, "is_a_method", "['init', 'update'] is missing here"),
    "no state": (lambda: plain(init=lambda self, risk, control: control), "is_a_method", "must return a State"),
    "thawed": (Thawed, "is_frozen", "its fields can be changed"),
    "uphill": (
        lambda: plain(update=lambda self, risk, state: self.moved(risk, state, -0.1)),
        "lowers_the_risk",
        "Give another step",
    ),
    "stale": (Stale, "lowers_the_risk", "State.at(risk.at(control)"),
    "overwrites": (Overwriting, "states_stay", "Make a new array"),
    "counts": (Counting, "states_stay", "State.memory"),
    "averages": (Averaging, "memory_is_all_it_remembers", "remembers something elsewhere"),
    "secretive": (Secretive, "memory_is_all_it_remembers", "remembers = {'done': ...}"),
    "a list": (Listing, "memory_is_all_it_remembers", "np.array(value)"),
    "divides": (TwoPoint, "is_quiet_at_a_solution", "look before you divide"),
    "any parameter": (Unchecked, "refuses_bad_parameters", "step=nan is accepted"),
    "no file": (Scheduled, "runs_come_back", "cannot be stored"),
}


@pytest.mark.parametrize(("make", "check", "words"), METHODS.values(), ids=METHODS)
def test_broken_methods_are_found(make, check, words):
    assert_found(lambda: testing.check_method(make()), check, words)


def test_right_ones_pass():
    testing.check_model(Wave())
    testing.check_loss(Half(TARGET), tfl.MeasureNODE(TORUS, tfl.SobolevMetric(), tfl.densities.uniform(TORUS), 2, 2))
    testing.check_method(Plain())


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: testing.check_model(Wave(), checks=[len]),
            r"checks must be a list of some of torusflow\.testing\.models",
        ),
        (lambda: testing.check_model(Wave(), checks="adjoint"), "checks must be a list of some"),
        (lambda: testing.check_model(Wave(), rng=7), "rng must be a Generator"),
        (lambda: testing.check_model(Wave(), tolerance=-1), "tolerance must be a number > 0"),
        (lambda: testing.check_model(Wave(), np.zeros(3)), "expected a real array of shape"),
        (lambda: testing.check_loss(Half(TARGET), (12,)), "takes an inner product space or a model, got a tuple"),
        (lambda: testing.check_method(Plain(), Wave()), "risk must be a Risk"),
        (lambda: testing.check_method(Plain(), control=np.zeros(3)), "expected a real array of shape"),
        (lambda: testing.check_method(Plain(), iterations=0), "iterations must be a whole number >= 1"),
    ],
)
def test_calls_that_make_no_sense_are_refused(call, words):
    with pytest.raises(tfl.InputError, match=words):
        call()
