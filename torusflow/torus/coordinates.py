"""The user's units and axis names, and their way to the torus of side one and back."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..arguments import checked_flag, real_array
from ..errors import InputError

GREEK = {"phi": "φ", "psi": "ψ", "chi": "χ", "omega": "ω", "theta": "θ"}
ROWS_NAMED = 5
PERIODS = {"degrees": 360.0, "radians": 2 * math.pi, "turns": 1.0}


@dataclass(frozen=True)
class Coordinates:
    """x = value / period modulo 1, with a name for each axis.

    Parameters
    ----------
    units : {"degrees", "radians", "turns"}
        A turn is one side of the torus.
    names : tuple of str
        One per axis; empty for x, y, z.
    centred : bool
        Whether values are shown from minus to plus half a period, as angles usually are, rather than from zero.

    Raises
    ------
    InputError
        If the units are unknown.
    """

    units: str = "turns"
    names: tuple[str, ...] = ()
    centred: bool = False

    def __post_init__(self):
        if not isinstance(self.units, str) or self.units not in PERIODS:
            close = difflib.get_close_matches(str(self.units), PERIODS, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise InputError(f"units must be one of {', '.join(PERIODS)}, got {self.units!r}.{hint}")
        if isinstance(self.names, str) or not isinstance(self.names, Sequence):
            raise InputError(f"names must be a list of the names of the axes, got {self.names!r}.")
        object.__setattr__(self, "names", tuple(str(name) for name in self.names))
        object.__setattr__(self, "centred", checked_flag("centred", self.centred))

    @property
    def period(self) -> float:
        """Length of a side of the torus in these units."""
        return PERIODS[self.units]

    @property
    def start(self) -> float:
        """Smallest value shown."""
        return -self.period / 2 if self.centred else 0.0

    def log_volume(self, dimension: int) -> float:
        """Logarithm of the volume of the torus as nats count it: angles in radians, d log 2 pi; turns, 0.

        The uniform density scores so many nats; log-densities relative to it, less this, are in the user's units.
        """
        return 0.0 if self.units == "turns" else dimension * math.log(2 * math.pi)

    def name(self, axis: int) -> str:
        """The name of an axis."""
        return self.names[axis] if axis < len(self.names) else "xyz"[axis]

    def symbol(self, axis: int) -> str:
        """The name of an axis, angles such as phi and chi1 by their Greek letters, for a plot."""
        name = self.name(axis)
        stem = name.rstrip("0123456789")
        return GREEK.get(stem.lower(), stem) + name[len(stem) :]

    def label(self, axis: int) -> str:
        """Symbol and units of an axis, for a plot."""
        unit = {"turns": "", "degrees": " [°]"}.get(self.units, f" [{self.units}]")
        return self.symbol(axis) + unit

    def to_torus(self, values, what: str = "the samples") -> np.ndarray:
        """values / period modulo 1.

        Parameters
        ----------
        values : array (N, d)
            Each within one period of zero: -360 to 360 for degrees.
        what : str
            Whose values they are, for the error message.

        Raises
        ------
        InputError
            If one is further out: then the units are probably others. If one is not finite. It says how many rows are
            like that and which are the first, counted from 1.
        """
        values = real_array(values, what)
        if values.ndim != 2:
            raise InputError(f"{what} must have shape (N, d), one sample a row, got {values.shape}.")
        self._refuse(~np.isfinite(values), values, f"{what} are not all finite", "Remove rows without values.")
        largest, other = float(np.max(np.abs(values), initial=0.0)), None
        for unit, period in sorted(PERIODS.items(), key=lambda item: item[1]):
            if largest <= period * (1 + 1e-9):
                other = unit
                break
        hint = f"In {self.units} they would be between -{self.period:g} and {self.period:g}."
        hint += f" Did you mean units {other!r}?" if other else ""
        self._refuse(np.abs(values) > self.period * (1 + 1e-9), values, f"{what} lie outside the stated units", hint)
        return np.mod(values / self.period, 1.0)

    def from_torus(self, points) -> np.ndarray:
        """Values in the shown range of points in [0, 1), array (N, d)."""
        points = real_array(points, "the points")
        if not np.all(np.isfinite(points)):
            raise InputError("the points are not all finite.")
        return np.mod(points - self.start / self.period, 1.0) * self.period + self.start

    def _refuse(self, bad, values, fault: str, hint: str):
        """An InputError that counts the rows where an entry is bad and names the first."""
        rows = np.flatnonzero(bad.any(axis=1))
        if rows.size:
            column = int(np.argmax(bad[rows[0]]))
            numbers = ", ".join(str(row + 1) for row in rows[:ROWS_NAMED]) + ", ..." * (rows.size > ROWS_NAMED)
            raise InputError(
                f"{fault}: {self.name(column)} = {values[rows[0], column]:g} in row {rows[0] + 1} of the data. "
                f"Rows like that: {rows.size} of {len(values)} ({numbers}). {hint}"
            )
