"""What every method of descent promises."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from ..arguments import check_kind, checked_whole
from ..descent import descend
from ..descent.method import Method, State
from ..errors import InputError
from ..hilbert import HilbertSpace
from ..losses import SquaredDistance
from ..models.kernel_field import KernelField
from ..models.kernels import GaussianKernel
from ..models.rkhs_node import RKHSNODE
from ..risk import Risk
from . import trials
from .trials import require

# How far from zero a solution is made, and of a loss so small that steps along its gradient do not change the control.
AWAY, FAINT = 0.1, 1e-9


@dataclass(frozen=True, eq=False)
class MethodTrial:
    """A method, and what it is tried on."""

    method: Method
    risk: Risk
    control: np.ndarray
    iterations: int
    classes: tuple

    def states(self, method, state=None, count: int | None = None) -> list[State]:
        """So many iterations, from the start if not from a state; fewer where the method is at its end."""
        states = [method.init(self.risk, self.control.copy()) if state is None else state]
        for _ in range(self.iterations if count is None else count):
            if states[-1].finished:
                break
            states.append(method.update(self.risk, states[-1]))
        return states


def check_method(
    method: Method,
    risk: Risk | None = None,
    control=None,
    *,
    iterations: int = 4,
    classes: Sequence = (),
    checks: Sequence[Callable] | None = None,
) -> None:
    """Raise an AssertionError unless a method keeps all promises of a method.

    Parameters
    ----------
    method : Method
        With a step, or whatever it has, that suits the risk.
    risk : Risk, optional
        By default points moved by Gaussian kernels, in an inner product that is not the sum over the coefficients.
    control : array, optional
        The start; zero if not given.
    iterations : int
        After which a run is cut; it is resumed for as many more.
    classes : sequence of classes or modules
        Of your own that the method or the risk holds, for reading them back from a file; their own ones are known.
    checks : sequence of callable, optional
        Some of `method_checks`; by default all.

    Raises
    ------
    AssertionError
        The first promise that is not kept, and how to keep it.
    InputError
        If the risk, the control or another argument is not what it should be.

    Examples
    --------
    >>> import torusflow as tfl
    >>> from torusflow import testing
    >>> testing.check_method(tfl.GradientDescent(0.1))
    """
    risk = some_risk() if risk is None else risk
    check_kind("risk", risk, Risk, "check_method(method, tfl.Risk(model, loss))")
    iterations = checked_whole("iterations", iterations)
    control = risk.space.zeros() if control is None else risk.space.element(control).copy()
    trials.run(MethodTrial(method, risk, control, iterations, tuple(classes)), method, checks, method_checks())


def some_risk() -> Risk:
    """Six points in the plane that are to go a little way: quick, not quadratic, least at zero."""
    rng = np.random.default_rng(7)
    x, centres = rng.standard_normal((6, 2)), rng.standard_normal((9, 2))
    model = RKHSNODE(x, KernelField(GaussianKernel(0.8), centres), layers=4, substeps=2)
    return Risk(model, SquaredDistance(x + 0.3 * rng.standard_normal(x.shape)))


def is_a_method(trial: MethodTrial) -> None:
    """It has what a method has."""
    method = trial.method
    require(not isinstance(method, type), "this is the class itself; give an instance of it.")
    missing = [name for name in ("init", "update") if not hasattr(method, name)]
    require(
        not missing,
        f"a method has init(risk, control) and update(risk, state), which return a State; {missing} is missing here.",
    )
    require(
        isinstance(method.init(trial.risk, trial.control.copy()), State),
        "init(risk, control) must return a State: State.at(risk.at(control), 0.0, self.step).",
    )


def is_frozen(trial: MethodTrial) -> None:
    """A frozen dataclass, equal to another one of the same fields."""
    method = cast(Any, trial.method)
    how = "Write @dataclass(frozen=True) above the class; what changes goes into State."
    require(dataclasses.is_dataclass(method), f"it is not a dataclass. {how}")
    require(type(method).__dataclass_params__.frozen, f"its fields can be changed. {how}")
    twin = dataclasses.replace(method)
    require(method == twin and hash(method) == hash(twin), f"it is not equal to one with the same fields. {how}")


def lowers_the_risk(trial: MethodTrial) -> None:
    """After a few iterations it is less than at the start, and the result is a control with that risk."""
    risk = trial.risk
    result = descend(risk, trial.control, trial.method, trial.iterations)
    history = result.history["risk"]
    ended = ("stalled", "diverged", "failed", "interrupted")
    require(not result.status.startswith(ended), f"the descent ends too soon: {result.status}")
    require(
        np.all(np.isfinite(history)) and result.value < history[0],
        f"the risk goes from {history[0]:.6g} to {result.value:.6g} in {result.iterations} iterations "
        f"({result.status}). Give another step, or another risk=, if that is as it must be.",
    )
    require(
        np.array_equal(risk.space.element(result.control), result.control),
        "the control it reaches is not an element of the space: make new ones by sums and multiples of elements only.",
    )
    require(
        result.value == risk(result.control),
        f"a state holds the risk {result.value!r}, at its control it is {risk(result.control)!r}. Make states by "
        f"State.at(risk.at(control), ...).",
    )


def states_stay(trial: MethodTrial) -> None:
    """An update changes neither the start nor a state, and the state is all that it depends on."""
    start = trial.control.copy()
    state = trial.method.init(trial.risk, start)
    require(np.array_equal(start, trial.control), "init(risk, control) changes the control that it is given.")
    for _ in range(trial.iterations):
        if state.finished:
            return
        kept = _arrays(state)
        first, second = trial.method.update(trial.risk, state), trial.method.update(trial.risk, state)
        for name, array in _arrays(state).items():
            require(
                np.array_equal(array, kept[name]),
                f"update(risk, state) changes {name} of the state. Make a new array: w - t * g, not w -= t * g.",
            )
        require(
            np.array_equal(first.control, second.control),
            "update(risk, state) twice with the same state gives two controls: it remembers something elsewhere. Put "
            "it into State.memory, and make random numbers from a seed and a count in there.",
        )
        state = first


def _arrays(state: State) -> dict[str, np.ndarray]:
    memory = {f"memory[{name!r}]": np.array(value) for name, value in state.memory.items()}
    return {"control": state.control.copy(), "gradient": state.gradient.copy()} | memory


def memory_is_all_it_remembers(trial: MethodTrial) -> None:
    """Another instance goes on to the last bit from the arrays and numbers of a state, which are what a file holds."""
    states = trial.states(trial.method)
    state = states[-1]
    for name, value in (item for one in states for item in one.memory.items()):
        require(
            isinstance(value, np.ndarray),
            f"State.memory[{name!r}] is a {type(value).__name__}; files hold arrays: make it np.array(value).",
        )
        require(
            name in getattr(trial.method, "remembers", {}),
            f"State.memory has {name!r}, which the class does not name. Write into it remembers = {{{name!r}: ...}}, "
            f"with 'a control', 'controls', 'numbers' or 'a number': then a file that holds something else is refused.",
        )
    memory = {name: value.copy() for name, value in state.memory.items()}
    arrays = {name: getattr(state, name).copy() for name in ("control", "gradient", "output")}
    again = dataclasses.replace(state, **arrays, memory=memory)
    twin = dataclasses.replace(trial.method) if dataclasses.is_dataclass(trial.method) else trial.method
    for one, other in zip(trial.states(trial.method, state), trial.states(twin, again), strict=True):
        for name in ("control", "value", "step", "next_step", "time"):
            require(
                np.array_equal(getattr(one, name), getattr(other, name)),
                f"from the arrays and numbers of a state another instance goes on to another {name}: the method "
                f"remembers something elsewhere, which a file does not hold. Put it into State.memory.",
            )


def is_quiet_at_a_solution(trial: MethodTrial) -> None:
    """Where the gradient is round-off it ends, or stays, without an error."""
    model, w = trial.risk.model, trial.control
    if not np.any(w):  # a step from zero is never too short to be seen
        w = w + AWAY * trial.risk.space.random(np.random.default_rng(0))
    at_rest = Risk(model, _Faint(model.output_space, (1 + np.finfo(float).eps) * model(w)))
    try:
        trial.method.init(at_rest, w.copy())
    except InputError:  # it takes no such risk, but samples, say
        return
    try:
        result = descend(at_rest, w, trial.method, trial.iterations)
        said = result.status if result.error is not None or result.value > 1e-20 else ""
    except InputError as error:
        said = str(error)
    require(
        not said,
        f"from a control where the gradient is round-off it ends with {said!r}. Steps may then be too short to change "
        f"the control: look before you divide, and raise StalledError (torusflow.descent.method) if none is left.",
    )


@dataclass(frozen=True, eq=False)
class _Faint:
    """(1/2) |y - y*|^2 in the inner product of the outputs, whatever that is, and faint."""

    space: HilbertSpace
    target: np.ndarray

    def __call__(self, y) -> float:
        return FAINT * self.space.inner(y - self.target, y - self.target) / 2

    def gradient(self, y) -> np.ndarray:
        return FAINT * (y - self.target)

    def curvature(self, y, direction) -> np.ndarray:
        return FAINT * direction

    def check(self, space) -> None:
        """Any."""


def refuses_bad_parameters(trial: MethodTrial) -> None:
    """NaN is refused where a number is asked for."""
    trials.refuses_nan(trial.method)


def runs_come_back(trial: MethodTrial) -> None:
    """Stored runs are read back bit for bit, and go on as if they had not ended."""
    trials.require_run_comes_back(trial.risk, trial.control, trial.method, trial.iterations, trial.classes)


CHECKS = [
    is_a_method,
    is_frozen,
    lowers_the_risk,
    states_stay,
    memory_is_all_it_remembers,
    is_quiet_at_a_solution,
    refuses_bad_parameters,
    runs_come_back,
]


def method_checks() -> list[Callable]:
    """The checks that `check_method` runs, for a test of each.

    Examples
    --------
    >>> from torusflow import testing
    >>> len(testing.method_checks()) > 5
    True
    """
    return list(CHECKS)
