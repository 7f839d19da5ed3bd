"""What a descent method offers to the loop: a frozen description, and a state that it returns anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np

from ..arguments import is_number
from ..display import OneLine
from ..errors import InputError, NumericalError
from ..risk import Risk, RiskAt

# A longer step times a gradient leaves the range of numbers sooner than any line search shortens it.
SHORTEST_STEP, LONGEST_STEP = 1e-100, 1e100


class StalledError(NumericalError):
    """A method found no step that makes progress.

    Examples
    --------
    >>> import torusflow as tfl
    >>> issubclass(tfl.StalledError, tfl.NumericalError)
    True
    """


@dataclass(frozen=True)
class State(OneLine):
    """The state of a descent after an iteration.

    Parameters
    ----------
    control, gradient : array
        w and the gradient of the risk there, elements of the control space.
    value : float
        The risk at w.
    output : array
        The model's output at w.
    step : float
        The step length that led here, zero at the start.
    next_step : float
        The step length to try next.
    time : float
        Training time: the sum of all steps.
    keep : bool
        Whether the result keeps this control.
    finished : str
        Why the method has finished; empty while it has not.
    memory : mapping of str to array
        What the method remembers of the iterations before.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNODE(np.eye(2), layers=4)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredDistance(np.diag([1.1, 0.9])))
    >>> state = tfl.GradientDescent(0.5).init(risk, model.space.zeros())
    >>> round(state.value, 6), state.time
    (0.01, 0.0)
    """

    control: np.ndarray
    value: float
    gradient: np.ndarray
    output: np.ndarray
    step: float
    next_step: float
    time: float = 0.0
    keep: bool = False
    finished: str = ""
    memory: Mapping[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def at(cls, point: RiskAt, step: float, next_step: float, time: float = 0.0, **more) -> State:
        """The state at a point where the risk is known."""
        return cls(point.control, point.value, point.gradient, point.output, step, next_step, time, **more)


def checked_step(name: str, step) -> None:
    """Raise an InputError unless a method's step is a positive number."""
    if not is_number(step) or not SHORTEST_STEP <= step <= LONGEST_STEP:
        raise InputError(
            f"{name}: step must be a positive number from {SHORTEST_STEP:g} to {LONGEST_STEP:g}, got {step!r}."
        )


def check_line_search(name: str, line_search) -> None:
    """Raise an InputError unless it is None or "armijo"."""
    if line_search is not None and not (isinstance(line_search, str) and line_search == "armijo"):
        raise InputError(
            f"{name}: line_search must be None or 'armijo', got {line_search!r} (None is \"none\" in a problem file)."
        )


@runtime_checkable
class Method(Protocol):
    """An algorithm, frozen: all that changes is in the states it returns.

    One that remembers something, in `State.memory`, says what by an attribute ``remembers``, which maps the names
    to "a control", "controls" (stacked), "numbers" or "a number": runs read back from files are checked against it.

    Examples
    --------
    >>> import torusflow as tfl
    >>> isinstance(tfl.LBFGS(), tfl.Method)
    True
    """

    def init(self, risk: Risk, control) -> State:
        """The state before the first iteration."""
        ...

    def update(self, risk: Risk, state: State) -> State:
        """One iteration.

        Raises
        ------
        NumericalError
            If the iterate left the range where the model makes sense.
        StalledError
            If no step makes progress.
        """
        ...
