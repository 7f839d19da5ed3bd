"""How far a descent has come: everything it needs to go on, and what it gives back."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field

import numpy as np

from ..errors import InputError, NumericalError
from ..hilbert import norm
from ..risk import Risk
from .method import State

# A density that undershoots zero by more than round-off, and one that its grid hardly resolves.
TROUBLES = (
    ("minimum", lambda value: value < -1e-8, "the density is negative somewhere, down to {:.2g}: use a finer grid"),
    (
        "tail",
        lambda value: value > 1e-2,
        "{:.1e} of |rho - 1|^2 is in the outer third of the modes, which the grid hardly resolves: use a finer one",
    ),
)


@dataclass(frozen=True, eq=False)
class Result:
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
        start, ``pl_ratio`` = |grad|^2 / (2 risk), ``step``, training ``time`` (the sum of steps), ``seconds`` since the
        start, what the output space describes (``mass``, ``minimum``, ``maximum`` for densities), their ``tail`` (share
        of |rho - 1|^2 in the outer third of the modes), and ``validation`` and ``substeps`` where asked for.
    status : str
        Why it stopped, for a person to read.
    times : array (n_kept,)
        Training times at which the method was asked to keep the control.
    controls : array (n_kept, ...)
        The controls there.
    """

    control: np.ndarray
    output: np.ndarray
    value: float
    history: dict[str, np.ndarray]
    status: str
    times: np.ndarray
    controls: np.ndarray

    @property
    def iterations(self) -> int:
        """Iterations done."""
        return len(self.history["risk"]) - 1


@dataclass(eq=False)
class Progress:
    """The states of a descent that matter, and its history.

    Attributes
    ----------
    state, best : State
        The last iterate, and the one with the smallest validation (the last if there is none).
    start : array
        The first control.
    refine : bool
        Whether the substeps may change on the way, and are part of the history.
    rows : list of dict
        One number per column of the history, for each iterate.
    kept : list of (float, array)
        Training times and controls that the method asked to keep.
    """

    state: State
    best: State
    start: np.ndarray
    refine: bool = False
    rows: list[dict] = field(default_factory=list)
    kept: list[tuple[float, np.ndarray]] = field(default_factory=list)

    def record(self, risk: Risk, state: State, seconds: float, validation=None) -> None:
        """One more iterate."""
        squared = risk.space.inner(state.gradient, state.gradient)
        row = {
            "risk": state.value,
            "gradient_norm": math.sqrt(squared),
            "control_norm": norm(risk.space, state.control),
            "distance": norm(risk.space, state.control - self.start),
            "pl_ratio": squared / (2 * state.value) if state.value > 0 else math.nan,
            "step": state.step,
            "time": state.time,
            "seconds": seconds,
            **risk.model.output_space.describe(state.output),
        }
        if hasattr(risk.model, "tail"):
            row["tail"] = risk.model.tail(state.output)
        if self.refine:
            row["substeps"] = float(risk.model.substeps)
        if validation is not None:
            row["validation"] = _validated(validation, state.control)
        self.rows.append(row)
        self.state = state
        if self.since_best == 0:
            self.best = state
        if state.keep:
            self.kept.append((state.time, state.control))

    @property
    def since_best(self) -> int:
        """Iterations since the smallest validation; 0 if there is none."""
        if "validation" not in self.rows[-1]:
            return 0
        return len(self.rows) - 1 - int(np.argmin([row["validation"] for row in self.rows]))

    def result(self, status: str) -> Result:
        best = self.best
        times, controls = self._kept()
        return Result(best.control, best.output, best.value, self._history(), status + self.troubles(), times, controls)

    def troubles(self) -> str:
        """What a person should know of the densities on the way, and the iterations at which it began."""
        said = ""
        for column, wrong, words in TROUBLES:
            first = next((i for i, row in enumerate(self.rows) if column in row and wrong(row[column])), None)
            if first is not None and wrong(self.rows[-1][column]):
                said += f"; {words.format(self.rows[-1][column])} (since iteration {first})"
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
            "state": dict(vars(self.state)),
        }
        return mapping if self.best is self.state else mapping | {"best": dict(vars(self.best))}

    @classmethod
    def restored(cls, checkpoint: dict) -> Progress:
        """The inverse of `checkpoint`, to the last bit."""
        columns = {key: values.tolist() for key, values in checkpoint["history"].items()}
        rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        state = State(**_whole(checkpoint["state"]))
        best = State(**_whole(checkpoint["best"])) if "best" in checkpoint else state
        kept = list(zip(checkpoint["times"].tolist(), checkpoint["controls"], strict=True))
        return cls(state, best, checkpoint["start"], "substeps" in columns, rows, kept)

    def _history(self) -> dict[str, np.ndarray]:
        return {key: np.array([row[key] for row in self.rows]) for key in self.rows[0]}

    def _kept(self) -> tuple[np.ndarray, np.ndarray]:
        controls = np.array([control for _, control in self.kept])
        return np.array([time for time, _ in self.kept]), controls.reshape(len(self.kept), *self.start.shape)


def _whole(state: dict) -> dict:
    """With what a file does not keep apart: an empty memory."""
    names = {field.name for field in dataclasses.fields(State)}
    return {"memory": {}} | {name: value for name, value in state.items() if name in names}


def _validated(validation, control) -> float:
    """Infinite where it is NaN or the model refuses the control on the data set aside."""
    try:
        value = validation(control)
    except NumericalError:
        return math.inf
    if not isinstance(value, int | float | np.number) or isinstance(value, np.complexfloating):
        raise InputError(f"validation must give a number, it gave {value!r}.")
    return math.inf if math.isnan(value) else float(value)
