"""How far a descent has come: everything it needs to go on, and what it gives back."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from ..display import Pictured, pictures
from ..errors import InputError, NumericalError
from ..hilbert import HilbertSpace, alike, norm, placed, same
from ..losses.loss import scores
from ..model import Refinable, Resolved
from ..risk import Risk
from .held_out import held_out
from .method import State
from .recorder import Recorder, continued, of_recorders, recorded

# A density that undershoots zero by more than round-off, and one that its grid hardly resolves.
TROUBLES = (
    ("minimum", lambda value: value < -1e-8, "the density is negative somewhere, down to {:.2g}: use a finer grid"),
    (
        "tail",
        lambda value: value > 1e-2,
        "{:.1e} of the variance is in the outer third of the modes, which the grid hardly resolves: use a finer one",
    ),
)


@dataclass(frozen=True, eq=False)
class Result(Pictured):
    """What a descent found.

    Attributes
    ----------
    control : array
        The last control, an element of ``risk.space``; with validation the best one.
    output : array
        The model's output there.
    value : float
        The risk there.
    history : dict of str to array (iterations + 1,)
        One entry per iterate, the start included: ``risk``, ``gradient_norm``, ``control_norm``, ``distance`` from the
        start, ``trajectory_length`` (the sum of |w_(n+1) - w_n|, never less), ``pl_ratio`` = |grad|^2 / (2 (risk -
        ``risk.least``)), ``step``, training ``time`` (the sum of steps), ``seconds`` since the start, what the output
        space describes (``mass``, ``minimum``, ``maximum`` for densities), their ``tail`` (share of the variance over
        the torus in the outer third of the modes), ``accuracy`` where the loss is one of classes, ``validation`` (and
        ``validation_accuracy``) and ``substeps`` where asked for, and what recorders record: NaN where they do not.
    status : str
        Why it stopped, for a person to read.
    times : array (n_kept,)
        Training times at which the method was asked to keep the control.
    controls : array (n_kept, ...)
        The controls there.
    error : Exception or None
        What a function of the caller's raised, if that ended the descent: ``raise result.error`` shows where.
    path : Path or None
        Where the run is stored.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNODE(np.eye(2), layers=4)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredDistance(np.diag([1.1, 0.9])))
    >>> run = tfl.descend(risk, model.space.zeros(), tfl.GradientDescent(0.5), 3)
    >>> run.iterations, round(run.value, 6), len(run.history['risk'])
    (3, 0.000171, 4)
    """

    control: np.ndarray
    output: np.ndarray
    value: float
    history: dict[str, np.ndarray]
    status: str
    times: np.ndarray
    controls: np.ndarray
    error: Exception | None = None
    path: Path | None = None

    def plot(self, ax=None, names=("risk", "gradient_norm")):
        """Columns of the history over the iterations; returns the figure. A `Run` draws more.

        Parameters
        ----------
        ax : Axes, optional
            To draw into; else a figure of its own, which pyplot does not know.
        names : tuple of str
        """
        ax = ax or pictures().canvas(None, 4.5, 3.2).subplots()
        pictures().plot_history(ax, self.history, names)
        return ax.figure

    @property
    def iterations(self) -> int:
        """Iterations done."""
        return len(self.history["risk"]) - 1


@dataclass(frozen=True, eq=False)
class Progress:
    """How far a descent has come. It is replaced as a whole, so that a step is there in all its parts or not at all.

    Attributes
    ----------
    risk : Risk
        With the substeps reached, where these may change on the way.
    start : array
        The first control.
    refine : bool
        Whether the substeps may change, and are part of the history.
    recorders : tuple of Recorder
        Of further columns.
    state, best : State
        The last iterate, and the one with the smallest validation (the last if there is none).
    done, best_done : int
        Iterations until either.
    kept : tuple of (float, array)
        Training times and controls that the method asked to keep.
    """

    risk: Risk
    start: np.ndarray
    refine: bool = False
    recorders: tuple[Recorder, ...] = ()
    state: State = field(default=cast(State, None))  # until the first iterate, as is the next
    best: State = field(default=cast(State, None))
    done: int = -1
    best_done: int = -1
    kept: tuple[tuple[float, np.ndarray], ...] = ()
    # Shared with those that follow, which only append to it: the first done + 1 are this one's.
    _rows: list[dict] = field(default_factory=list)

    @property
    def row(self) -> dict:
        """The last row of the history: one number per column."""
        return self._rows[self.done]

    @property
    def first_row(self) -> dict:
        """The row of the start."""
        return self._rows[0]

    @property
    def best_row(self) -> dict:
        """The row of the best iterate."""
        return self._rows[self.best_done]

    @property
    def since_best(self) -> int:
        """Iterations since the smallest validation; 0 if there is none."""
        return self.done - self.best_done

    def after(self, state: State, seconds: float, validation=None) -> Progress:
        """The progress with one more iterate."""
        risk = self.risk
        squared = risk.space.inner(state.gradient, state.gradient)
        if math.isnan(squared):
            raise NumericalError("the gradient of the risk is not a number somewhere")
        above = risk.above_least(state.value)
        row = {
            "risk": state.value,
            "gradient_norm": math.sqrt(squared),
            "control_norm": norm(risk.space, state.control),
            "distance": norm(risk.space, state.control - self.start),
            "trajectory_length": self._length_to(state),
            "pl_ratio": squared / (2 * above) if above > 0 else math.nan,
            "step": state.step,
            "time": state.time,
            "seconds": seconds,
            **risk.model.output_space.describe(state.output),
        }
        row |= scores(risk.loss, state.output)
        if isinstance(risk.model, Resolved):
            row["tail"] = risk.model.tail(state.output)
        if self.refine:
            row["substeps"] = float(cast(Refinable, risk.model).substeps)
        best = True
        if validation is not None:
            row |= _validated(validation, state, risk.model)
            best = self.done < 0 or row["validation"] < self.best_row["validation"]
        done = self.done + 1
        row |= recorded(self.recorders, done, state.control, risk.space, row)
        if done:  # columns without a number at this iteration
            row = {**dict.fromkeys(self.row, math.nan), **row}
        self._rows[done:] = [row]
        return replace(
            self,
            state=state,
            best=state if best else self.best,
            done=done,
            best_done=done if best else self.best_done,
            kept=(*self.kept, (state.time, state.control)) if state.keep else self.kept,
        )

    def unrecorded(self) -> list[str]:
        """Columns that recorders have made, none of which goes on with them."""
        made = of_recorders(self.row, self.risk, self.state.output)
        return [name for name in made if not continued(name, self.recorders)]

    def _length_to(self, state: State) -> float:
        """Of the polygon of all iterates; not a number where earlier files go on, which do not have it."""
        if self.done < 0:
            return 0.0
        step = norm(self.risk.space, state.control - self.state.control)
        return self.row.get("trajectory_length", math.nan) + step

    def result(self, status: str, error: Exception | None = None, path=None) -> Result:
        """What the descent gives back."""
        best = self.best
        times, controls = self._kept()
        status += self.troubles()
        return Result(best.control, best.output, best.value, self._history(), status, times, controls, error, path)

    def troubles(self) -> str:
        """What a person should know of the densities on the way, and the iterations at which it began."""
        said, rows = "", self._rows[: self.done + 1]
        for column, wrong, words in TROUBLES:
            first = next((i for i, row in enumerate(rows) if column in row and wrong(row[column])), None)
            if first is not None and wrong(rows[-1][column]):
                said += f"; {words.format(rows[-1][column])} (since iteration {first})"
        return said

    # -- for run files ------------------------------------------------------------------------------------------

    def checkpoint(self) -> dict:
        """All of it as nested mappings of arrays, numbers and texts; the best state only where it is not the last."""
        times, controls = self._kept()
        mapping = {
            "start": self.start,
            "history": self._history(),
            "times": times,
            "controls": controls,
            "state": _parts(self.state),
        }
        if self.refine:
            mapping["substeps"] = int(cast(Refinable, self.risk.model).substeps)
        return mapping if self.best is self.state else mapping | {"best": _parts(self.best)}

    @classmethod
    def restored(cls, risk: Risk, checkpoint: dict, recorders: tuple[Recorder, ...] = ()) -> Progress:
        """The inverse of `checkpoint`, to the last bit."""
        columns = {key: values.tolist() for key, values in checkpoint["history"].items()}
        rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        done, refine = len(rows) - 1, "substeps" in columns
        space, start = risk.space, placed(risk.space, checkpoint["start"])
        state = best = _state(risk, checkpoint["state"])
        best_done = done
        if "validation" in columns:
            best_done = int(np.argmin(columns["validation"]))
        if "best" in checkpoint:
            best = _state(risk, checkpoint["best"])
        if refine:
            risk = with_substeps(risk, checkpoint.get("substeps", rows[-1]["substeps"]))
        kept = tuple(zip(checkpoint["times"].tolist(), placed(space, checkpoint["controls"]), strict=True))
        return cls(risk, start, refine, recorders, state, best, done, best_done, kept, rows)

    def _history(self) -> dict[str, np.ndarray]:
        return {key: np.array([row.get(key, math.nan) for row in self._rows[: self.done + 1]]) for key in self.row}

    def _kept(self) -> tuple[np.ndarray, np.ndarray]:
        times = np.array([time for time, _ in self.kept])
        return times, np.stack([control for _, control in self.kept]) if self.kept else np.empty((0, *self.start.shape))


def with_substeps(risk: Risk, substeps) -> Risk:
    """The risk of the model with another number of Runge-Kutta steps per layer."""
    return replace(risk, model=replace(cast(Any, risk.model), substeps=int(substeps)))


def _parts(state: State) -> dict:
    """The parts of a state as a file takes them: numbers that a method remembers become arrays."""
    memory = {name: np.array(value) if np.isscalar(value) else value for name, value in state.memory.items()}
    return {**vars(state), "memory": memory}


def _state(risk: Risk, stored: dict) -> State:
    """The state that a file holds, its arrays where those of the risk live; an empty memory is not in the file."""
    names = {field.name for field in fields(State)}
    parts: dict[str, Any] = {"memory": {}} | {name: value for name, value in stored.items() if name in names}
    parts["memory"] = {name: _moved(risk.space, value) for name, value in parts["memory"].items()}
    for name, space in (("control", risk.space), ("gradient", risk.space), ("output", risk.model.output_space)):
        parts[name] = placed(space, parts[name])
    return State(**parts)


def _moved(space: HilbertSpace, value):
    """A control or several, moved to where those of the space live; anything else unchanged."""
    of_controls = isinstance(value, np.ndarray) and value.shape[-len(space.shape) :] == tuple(space.shape)
    return placed(space, value) if of_controls else value


def following(validation, risk: Risk, refined: Risk):
    """The validation once a risk is refined: one of the model of the risk is one of the model that it has now."""
    shared = isinstance(validation, Risk) and validation.model is risk.model
    return replace(validation, model=refined.model) if shared else validation


def _validated(validation, state: State, model) -> dict[str, float]:
    """The validation, infinite where it is NaN or the model refuses the control on the data set aside.

    And what the loss says of the output there, if it is a risk.
    """
    control = state.control.copy()  # which may be written into
    try:
        with alike(model.space):
            if isinstance(validation, Risk):
                output = state.output if validation.model is model else None
                columns = held_out("validation", validation, control, output)
            else:
                columns = {"validation": validation(control)}
    except NumericalError:
        return {"validation": math.inf}
    value = columns["validation"]
    if not isinstance(value, int | float | np.number) or isinstance(value, np.complexfloating):
        raise InputError(f"validation must give a number, it gave {value!r}.")
    value = same(model.space, float(value), "the validation")
    return {**columns, "validation": math.inf if math.isnan(value) else value}
