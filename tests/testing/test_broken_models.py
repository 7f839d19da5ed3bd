"""Every check of models fails on one that is broken in its way, with a sentence that says how."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from broken import LAYERS, Wave, WaveLinearisation

import torusflow as tfl
from torusflow import testing
from torusflow.hilbert import Euclidean


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
