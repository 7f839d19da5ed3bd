"""The user's units and axis names, and their way to the torus of side one and back."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass

import numpy as np

from ..errors import InputError

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
        if self.units not in PERIODS:
            close = difflib.get_close_matches(str(self.units), PERIODS, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise InputError(f"units must be one of {', '.join(PERIODS)}, got {self.units!r}.{hint}")
        object.__setattr__(self, "names", tuple(str(name) for name in self.names))

    @property
    def period(self) -> float:
        """Length of a side of the torus in these units."""
        return PERIODS[self.units]

    @property
    def start(self) -> float:
        """Smallest value shown."""
        return -self.period / 2 if self.centred else 0.0

    def name(self, axis: int) -> str:
        """The name of an axis."""
        return self.names[axis] if axis < len(self.names) else "xyz"[axis]

    def label(self, axis: int) -> str:
        """Name and units of an axis, for a plot."""
        return self.name(axis) if self.units == "turns" else f"{self.name(axis)} [{self.units}]"

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
            If one is further out: then the units are probably others.
        """
        values = np.asarray(values, float)
        outside = np.abs(values) > self.period * (1 + 1e-9)
        if outside.any():
            row, column = (int(i) for i in np.argwhere(outside)[0])
            largest, other = float(np.nanmax(np.abs(values))), None
            for unit, period in sorted(PERIODS.items(), key=lambda item: item[1]):
                if largest <= period * (1 + 1e-9):
                    other = unit
                    break
            hint = f" Did you mean units {other!r}?" if other else ""
            raise InputError(
                f"{what} lie outside the stated units: {self.name(column)} = {values[row, column]:g} in row {row + 1} "
                f"of the data, but {self.units} are between -{self.period:g} and {self.period:g}.{hint}"
            )
        return np.mod(values / self.period, 1.0)

    def from_torus(self, points) -> np.ndarray:
        """Values in the shown range of points in [0, 1), array (N, d)."""
        return np.mod(np.asarray(points) - self.start / self.period, 1.0) * self.period + self.start
