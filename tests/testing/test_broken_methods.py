"""Every check of methods fails on one that is broken in its way, with a sentence that says how."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from broken import Plain, assert_found

from torusflow import testing
from torusflow.descent.method import State


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
