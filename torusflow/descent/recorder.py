"""Quantities of the control as columns of the history."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from ..arguments import check_function, checked_whole, settle
from ..backends import to_host
from ..display import OneLine
from ..errors import InputError, NumericalError
from ..hilbert import HilbertSpace, everyone
from ..losses.loss import scores
from ..risk import Risk
from ..storage.contents import HISTORY_NAMES, LONGEST_NAME, RESERVED
from .held_out import held_out

# Axes in run files.
AXES = re.compile(r"(k_)?x_\d+|(control|output|trajectory)_\d+")


@dataclass(frozen=True)
class Recorder(OneLine):
    """A quantity of the control that a descent records as a column of its history.

    Several numbers become the columns ``NAME_0``, ``NAME_1``, ... Where nothing is recorded a column holds NaN:
    between, before the recorder was first given, once it is left out, and where the quantity raises a `NumericalError`.
    A `Risk` on other data, those of a test say, becomes ``NAME`` and, with a loss of classes, ``NAME_accuracy``.

    Parameters
    ----------
    quantity : callable
        From a control to a number or a list of them; `torusflow.quantities` has some, and a `Risk` is one.
    every : int
        It is recorded at iterations 0, every, 2 every, ...
    name : str, optional
        Of the column: letters, digits and underscores; by default the name of the function.

    Raises
    ------
    InputError
        If the quantity is not a function, every is not a whole number >= 1, or no column can have that name.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> model = tfl.LinearNODE(np.eye(2), layers=4)
    >>> risk = tfl.Risk(model, tfl.losses.SquaredDistance(np.diag([1.1, 0.9])))
    >>> largest = tfl.Recorder(lambda w: abs(w).max(), name='largest')
    >>> run = tfl.descend(risk, model.space.zeros(), tfl.GradientDescent(0.5), 3, record=[largest])
    >>> len(run.history['largest'])
    4
    """

    quantity: Callable[[np.ndarray], Any]
    every: int = 1
    name: str | None = None

    def __post_init__(self):
        check_function("Recorder: quantity", self.quantity)
        name = getattr(self.quantity, "__name__", "") if self.name is None else self.name
        settle(self, every=checked_whole("Recorder: every", self.every), name=_checked_name(name))

    @property
    def suffix(self) -> str:
        """What names of columns may end in, as a regular expression."""
        return r"(_\w+)?" if isinstance(self.quantity, Risk) else r"(_\d+)?"

    def columns(self, control, space: HilbertSpace) -> dict[str, float]:
        """What is recorded of a control, an element of the space, by column.

        Raises
        ------
        InputError
            If the quantity gives anything but numbers, or others on other processes.
        """
        control = control.copy()  # which may be written into
        try:
            if isinstance(self.quantity, Risk):
                found = held_out(cast(str, self.name), self.quantity, control)
                return {_checked_name(name): value for name, value in found.items()}
            found = self.quantity(control)
        except NumericalError:
            found = ()
        values = to_host(found)
        if values.dtype.kind not in "fiub" or values.ndim > 1:
            raise InputError(f"the quantity {self.name!r} must give a number or a list of numbers, it gave {found!r}.")
        if len({str(given) for given in everyone(space, values.tolist())}) > 1:
            raise InputError(
                f"the quantity {self.name!r} differs between the processes that share the control. Make it of sums "
                f"over all of them, as space.inner(v, v) is."
            )
        if not values.ndim:
            return {_checked_name(self.name): float(values)}
        return {_checked_name(f"{self.name}_{i}"): float(value) for i, value in enumerate(values)}


def checked_recorders(record) -> tuple[Recorder, ...]:
    """Recorders of different names, or an InputError; one may stand for itself."""
    recorders = (record,) if isinstance(record, Recorder) else record
    if not isinstance(recorders, tuple | list) or not all(isinstance(each, Recorder) for each in recorders):
        raise InputError(f"record takes a list of recorders, such as [tfl.Recorder(function)], got {record!r}.")
    names = [recorder.name for recorder in recorders]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InputError(f"two recorders are called {twice!r}. Give one another name=...")
    return tuple(recorders)


def recorded(recorders: Iterable[Recorder], iteration: int, control, space: HilbertSpace, row: dict) -> dict:
    """The columns of this iteration beside those of a row; an InputError where the row has one of that name."""
    columns: dict[str, float] = {}
    for recorder in recorders:
        if iteration % recorder.every == 0:
            found = recorder.columns(control, space)
            if clash := next((name for name in found if name in row or name in columns), None):
                raise InputError(f"the history has a column {clash!r} already. Give the recorder another name=...")
            columns |= found
    return columns


def of_recorders(columns: Iterable[str], risk: Risk, output) -> list[str]:
    """Those columns of a history that recorders have made: no standard ones, nor those of output space and loss."""
    scored = scores(risk.loss, output)
    others = {*HISTORY_NAMES, *risk.model.output_space.describe(output), *scored, *(f"validation_{n}" for n in scored)}
    return [name for name in columns if name not in others]


def continued(name: str, recorders: Iterable[Recorder]) -> bool:
    """Whether one of the recorders makes a column of this name."""
    return any(re.fullmatch(f"{recorder.name}{recorder.suffix}", name) for recorder in recorders)


def _checked_name(name: Any) -> str:
    """A name that a column may have, in run files too."""
    if not isinstance(name, str) or not name.isidentifier() or not name.isascii() or len(name) > LONGEST_NAME:
        raise InputError(
            f"the name of a column is made of letters, digits and underscores, got {name!r}. Give the recorder a name, "
            f"such as Recorder(function, name='rank')."
        )
    if name in HISTORY_NAMES or name in RESERVED or AXES.fullmatch(name):
        raise InputError(f"a run has something else called {name!r}. Give the recorder another name=...")
    return name
