"""The user's units and axis names, and their way to the torus of side one and back."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..arguments import checked_flag, is_positive, real_array, settle
from ..errors import InputError

GREEK = {"phi": "φ", "psi": "ψ", "chi": "χ", "omega": "ω", "theta": "θ"}
ROWS_NAMED = 5
LONGEST = 24  # name on a picture
PERIODS = {"degrees": 360.0, "radians": 2 * math.pi, "hours": 24.0, "turns": 1.0}
# Words in the name of a column, and the units they speak of.
WORDS = {
    "degrees": {"deg", "degs", "degree", "degrees", "°"},
    "radians": {"rad", "rads", "radian", "radians"},
    "hours": {"hour", "hours", "hr", "hrs", "time"},
    "turns": {"turns"},
}
# Values are taken for those of other units if this many, and this share of them, lie in the first and in the last tenth
# of a period of those, and none beyond. Narrow samples, such as von Mises ones, thin out before they end.
FEWEST_AT_ENDS, SHARE_AT_ENDS = 5, 0.02
ROUNDED = 1e-3  # of a period, since data may give pi as 3.142


@dataclass(frozen=True)
class Coordinates:
    """x = value / period modulo 1, with a name for each axis.

    Parameters
    ----------
    units : {"degrees", "radians", "hours", "turns"} or float, or tuple of these
        Of all axes, or of each. Hours are those of a day, a turn is one side of the torus, a number is a period.
    names : tuple of str
        One per axis; empty for x, y, z.
    centred : bool or tuple of bool
        Whether values are shown from minus to plus half a period, as angles usually are, rather than from zero; of all
        axes, or of each.

    Raises
    ------
    InputError
        If the units are unknown.

    Examples
    --------
    >>> import numpy as np, torusflow as tfl
    >>> coordinates = tfl.Coordinates('degrees', ('phi', 'psi'))
    >>> coordinates.to_torus(np.array([[90.0, -90.0]]))
    array([[0.25, 0.75]])
    """

    units: str | float | tuple[str | float, ...] = "turns"
    names: tuple[str, ...] = ()
    centred: bool | tuple[bool, ...] = False

    def __post_init__(self):
        given: Any = self.units
        several = isinstance(given, tuple | list) and len(given)
        units = tuple(map(_checked_unit, given)) if several else (_checked_unit(given),)
        if isinstance(self.names, str) or not isinstance(self.names, Sequence):
            raise InputError(f"names must be a list of the names of the axes, got {self.names!r}.")
        given = self.centred
        several = isinstance(given, tuple | list) and len(given)
        flags = tuple(checked_flag("centred", flag) for flag in (given if several else (given,)))
        settle(
            self,
            units=units[0] if len(set(units)) == 1 else units,
            names=tuple(str(name) for name in self.names),
            centred=flags[0] if len(set(flags)) == 1 else flags,
        )

    @property
    def period(self) -> Any:
        """Length of a side of the torus in these units; where axes have different ones, array (d,)."""
        if isinstance(self.units, tuple):
            return np.array([_period(unit) for unit in self.units])
        return _period(self.units)

    def unit(self, axis: int) -> str | float:
        """The name of an axis' unit, or its period."""
        return self.units[axis] if isinstance(self.units, tuple) else self.units

    @property
    def origin(self) -> Any:
        """Smallest value shown, in sides of the torus; where only some axes are centred, array (d,)."""
        if isinstance(self.centred, tuple):
            return np.array([-0.5 if flag else 0.0 for flag in self.centred])
        return -0.5 if self.centred else 0.0

    @property
    def start(self) -> Any:
        """Smallest value shown; where axes differ, array (d,)."""
        return self.origin * self.period

    def along(self, *axes: int) -> Coordinates:
        """Units and names of some of the axes."""
        units = tuple(map(self.unit, axes)) if isinstance(self.units, tuple) else self.units
        centred = tuple(self.centred[axis] for axis in axes) if isinstance(self.centred, tuple) else self.centred
        return Coordinates(units, tuple(self.name(axis) for axis in axes), centred)

    def in_one_range(self) -> Coordinates:
        """All axes centred if some are, for pictures that draw all of them alike."""
        return replace(self, centred=bool(np.any(self.centred)))

    def check_dimension(self, dimension: int) -> None:
        """Raise an InputError if there are units for each axis, but not for so many."""
        if isinstance(self.units, tuple) and len(self.units) != dimension:
            raise InputError(
                f"there are units for {len(self.units)} columns, {self.units}, and {dimension} columns. Give one for "
                f"each, or one for all."
            )

    def log_volume(self, dimension: int) -> float:
        """Logarithm of the volume of the torus as nats count it: angles in radians, d log 2 pi; others, 0.

        The uniform density scores this in nats; log-densities relative to it, less this, are per `unit_of_volume`.
        """
        return dimension * math.log(2 * math.pi) if self.unit_of_volume == "radian" else 0.0

    @property
    def unit_of_volume(self) -> str:
        """What nats count densities per: radians if all axes are angles, turns if not."""
        units = self.units if isinstance(self.units, tuple) else (self.units,)
        return "radian" if set(units) <= {"degrees", "radians"} else "turn"

    def in_words(self, dimension: int) -> str:
        """Names and units of the axes, such as "phi, psi in degrees"."""
        names = [self.name(axis) for axis in range(dimension)]
        if isinstance(self.units, tuple):
            return ", ".join(f"{name} {_unit_in_words(self.unit(axis))}" for axis, name in enumerate(names))
        return f"{', '.join(names)} {_unit_in_words(self.units)}"

    def name(self, axis: int) -> str:
        """The name of an axis."""
        return self.names[axis] if axis < len(self.names) else "xyz"[axis]

    def symbol(self, axis: int) -> str:
        """The name of an axis, angles such as phi and chi1 by their Greek letters, for a plot."""
        name = " ".join(self.name(axis).split())
        if len(name) > LONGEST:
            name = name[: LONGEST - 1] + "…"
        stem = name.rstrip("0123456789")
        return GREEK.get(stem.lower(), stem) + name[len(stem) :]

    def label(self, axis: int) -> str:
        """Symbol and units of an axis, for a plot."""
        unit = self.unit(axis)
        if unit == "turns" or isinstance(unit, float):
            return self.symbol(axis)
        return self.symbol(axis) + (" [°]" if unit == "degrees" else f" [{unit}]")

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
            like that and which are the first, counted from 1. If there are units for another number of columns.
        """
        values = real_array(values, what)
        if values.ndim != 2:
            raise InputError(f"{what} must have shape (N, d), one sample per row, got {values.shape}.")
        self.check_dimension(values.shape[1])
        self._refuse(~np.isfinite(values), values, f"{what} are not all finite", "Remove rows without values.")
        outside = np.abs(values) > self.period * (1 + 1e-9)
        if outside.any():
            axis = int(np.argmax(outside[np.argmax(outside.any(axis=1))]))
            unit, mixed = self.unit(axis), isinstance(self.units, tuple)
            other = _smallest_units(values[:, [axis]] if mixed else values)
            where = f"With period {unit:g}" if isinstance(unit, float) else f"In {unit}"
            hint = f"{where} they would be between -{_period(unit):g} and {_period(unit):g}."
            hint += f" Did you mean units {other!r}?" if other else ""
            self._refuse(outside, values, f"{what} lie outside the stated units", hint)
        return np.mod(values / self.period, 1.0)

    def check_units(self, values, what: str = "the samples", fixed: bool = False) -> None:
        """Raise an InputError if a column looks like other units, whose period is a small part of the stated one.

        That is, if its values lie within the period of those, and either it is named after them or they fill it up to
        both ends. A name that says the stated units, such as x_degrees, is believed, and so is a number for a period.

        Parameters
        ----------
        values : array (N, d)
        what : str
            Whose values they are, for the error message.
        fixed : bool
            Whether no other units can be chosen.
        """
        for axis, column in enumerate(np.asarray(values, float).T):
            name, low, high = self.name(axis), float(column.min()), float(column.max())
            words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+|°", name)}
            unit = self.unit(axis)
            if not isinstance(unit, str) or words & WORDS[unit]:
                continue
            for other in sorted(PERIODS, key=PERIODS.__getitem__):
                period = PERIODS[other]
                if period < PERIODS[unit] and (
                    (words & WORDS[other] and -period <= low and high <= period * (1 + ROUNDED))
                    or _fills(column, 0.0, period)
                    or _fills(column, -period / 2, period)
                ):
                    choice = "" if fixed else f"say units {other!r}, or "
                    raise InputError(
                        f"{what}: {name} goes from {low:g} to {high:g}, as {other} do and {unit} rarely. If it "
                        f"is in {other}, {choice}multiply it by {PERIODS[unit] / period:g}; if in {unit}, call the "
                        f"column {f'{name}_{unit}'!r}."
                    )

    def from_torus(self, points) -> np.ndarray:
        """Values in the shown range of points in [0, 1), array (N, d)."""
        points = real_array(points, "the points")
        if not np.all(np.isfinite(points)):
            raise InputError("the points are not all finite.")
        return np.mod(points - self.origin, 1.0) * self.period + self.start

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


def _checked_unit(unit) -> str | float:
    """The name of a unit, or a period as a float, or an InputError."""
    if is_positive(unit):
        return float(unit)
    if not isinstance(unit, str) or unit not in PERIODS:
        close = difflib.get_close_matches(str(unit), PERIODS, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else " A period may also be any positive number."
        raise InputError(f"units must be one of {', '.join(PERIODS)}, got {unit!r}.{hint}")
    return unit


def _period(unit: str | float) -> float:
    return PERIODS[unit] if isinstance(unit, str) else unit


def _unit_in_words(unit: str | float) -> str:
    return f"in {unit}" if isinstance(unit, str) else f"with period {unit:g}"


def check_sides(points, what: str) -> None:
    """Raise an InputError if points of data, array (N, d), are further than one side of the torus from [0, 1].

    Parameters
    ----------
    points : array (N, d)
    what : str
        Whose points they are, for the error message.
    """
    far = np.flatnonzero((np.abs(points - 0.5) > 1.5 + 1e-9).any(axis=1))
    if len(far):
        unit = "radians" if np.max(np.abs(points)) <= PERIODS["radians"] else "degrees"
        raise InputError(
            f"{what} must be in sides of the torus, from -1 to 2 at the utmost; {len(far)} of {len(points)} are not, "
            f"the first is row {far[0]}: {np.array2string(points[far[0]], precision=4, threshold=5)}. If they are "
            f"{unit}, write tfl.Coordinates({unit!r}).to_torus(values); if they are whole sides away, values % 1.0."
        )


def _smallest_units(values) -> str | None:
    """The smallest units in which all values are within one period of zero; no hour is negative."""
    largest, negative = float(np.max(np.abs(values), initial=0.0)), bool(np.any(values < 0))
    fitting = (unit for unit in sorted(PERIODS, key=PERIODS.__getitem__) if largest <= PERIODS[unit] * (1 + 1e-9))
    return next((unit for unit in fitting if not (negative and unit == "hours")), None)


def _fills(column, start: float, period: float) -> bool:
    """Whether values lie in one period and reach both its ends."""
    edge, least = period / 10, max(FEWEST_AT_ENDS, SHARE_AT_ENDS * len(column))
    inside = np.all((column >= start - ROUNDED * period) & (column <= start + period * (1 + ROUNDED)))
    ends = np.count_nonzero(column < start + edge), np.count_nonzero(column > start + period - edge)
    return bool(inside and min(ends) >= least)
