"""Arrays and data frames as rows of numbers with the names of their columns."""

from __future__ import annotations

import warnings
from typing import NamedTuple, cast

import numpy as np

from ..arguments import is_number, real_array
from ..errors import InputError
from ..torus.coordinates import Coordinates
from .settings import Sample

FEWEST = 10  # rows a density can be fitted and validated on
# A warning is due where more than this share of the rows are copies of others.
MANY_COPIES = 0.1


MISSING = ("refuse", "drop")


class Training(NamedTuple):
    """What a density is fitted to, the user's units, and the names that the columns came with."""

    sample: Sample
    coordinates: Coordinates
    names: tuple[str, ...] | None


class Rows(NamedTuple):
    """Values (N, d), which may be NaN, the columns' names if all are texts, and whether they came as a frame."""

    values: np.ndarray
    names: tuple[str, ...] | None


def training_rows(rows: Rows, weights, period, missing: str = "refuse", what: str = "X", given=None) -> Training:
    """The rows of a table that a density can be fitted to.

    Parameters
    ----------
    rows : Rows
    weights : array (N,)
        Of `checked_weights`.
    period : str, float or list of these
        As `Coordinates` takes units.
    missing : {"refuse", "drop"}
    what : str
        Whose rows they are, for the error messages.
    given : sequence of str or int, optional
        Columns that are conditions, by name or position.

    Raises
    ------
    InputError
        If there are none; it says why.
    """
    if missing not in MISSING:
        raise InputError(f"missing must be 'refuse' or 'drop', got {missing!r}.")
    values, names = rows
    d = values.shape[1]
    used = ~missing_rows(values, missing) & (weights > 0)
    values, weights = values[used], weights[used]
    check_number(len(values))
    if d > 3:
        raise InputError(f"TorusDensity takes one to three columns, got {d}. Choose three, such as X[:, :3].")
    conditions = checked_given(given, names, d)
    units = tuple(period) if isinstance(period, tuple | list | np.ndarray) else period
    centred = tuple(bool(np.any(column < 0)) for column in values.T)
    coordinates = Coordinates(units, names or (), centred)
    check_variety(values, tuple(coordinates.name(axis) for axis in range(d)))
    points = coordinates.to_torus(values, what)
    coordinates.check_units(values, what)
    return Training(Sample(points, weights, conditions), coordinates, names)


def checked_given(given, names: tuple[str, ...] | None, count: int, what: str = "given") -> tuple[int, ...]:
    """Positions of the columns that are conditions, given by name or position, or an InputError."""
    if given is None:
        return ()
    wanted = [given] if isinstance(given, str) or not isinstance(given, tuple | list | np.ndarray) else list(given)
    columns = [f"{name!r}" for name in names] if names else [str(index) for index in range(count)]
    axes = []
    for column in wanted:
        whole = isinstance(column, int | np.integer) and not isinstance(column, bool) and 0 <= column < count
        if not whole and column not in (names or ()):
            raise InputError(f"{what}={given!r}: there is no column {column!r}; there are {', '.join(columns)}.")
        axes.append(int(column) if whole else cast(tuple, names).index(column))
    if len(set(axes)) != len(axes) or len(axes) == count:
        raise InputError(f"{what}={given!r} must be different columns, and not all of {', '.join(columns)}.")
    return tuple(sorted(axes))


def missing_rows(values, missing: str) -> np.ndarray:
    """Whether each row has a missing value, array (N,); an InputError where these are refused."""
    rows = np.isnan(values).any(axis=1)
    if missing == "refuse" and rows.any():
        raise InputError(
            f"X has missing values (NaN) in {np.count_nonzero(rows)} of {len(rows)} rows, the first is row "
            f"{np.argmax(rows) + 1}. Leave these rows out: TorusDensity(missing='drop')."
        )
    return rows


def rows_of(X) -> Rows:
    """A table as numbers.

    Parameters
    ----------
    X : array (N, d) or DataFrame
        Of pandas, polars or another library, with ``columns`` and ``to_numpy``.

    Raises
    ------
    InputError
        If it is no table of real numbers.
    """
    if hasattr(X, "toarray"):
        raise InputError("X is a sparse matrix, where most numbers are zero; angles are not. Give X.toarray().")
    names = None
    if hasattr(X, "columns") and hasattr(X, "to_numpy"):
        columns = list(X.columns)
        names = tuple(columns) if all(isinstance(name, str) for name in columns) else None
        X = _frame(X)
    X = X if isinstance(X, list | tuple) else np.asarray(X)
    if np.iscomplexobj(X):
        raise InputError("Complex data not supported: an angle is a real number, np.angle(X) say.")
    values = np.asarray(X, float) if _are_numbers(X) else real_array(X, "X")
    if values.ndim != 2:
        got = f"{values.ndim}D array, {values.shape}"
        how = "X[:, None] if it is one column, X[None] if it is one row" if values.ndim == 1 else "one row a sample"
        raise InputError(f"Expected 2D array X (N, d), got {got} instead. Reshape your data: {how}.")
    if not values.size:
        n, d = values.shape
        what = f"Found array with 0 sample(s) (shape={n, d})" if d else f"0 feature(s) (shape=({n}, {d}))"
        raise InputError(f"{what} while a minimum of 1 is required: X is an empty table.")
    return Rows(values, names)


def as_frame(values, names):
    """A data frame of pandas, or the array where that is not there."""
    try:
        from pandas import DataFrame
    except ImportError:
        return values
    return DataFrame(values, columns=list(names))


def _frame(frame):
    """A frame as an array; what pandas calls missing becomes NaN."""
    try:
        return frame.to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError):
        return frame.to_numpy()


def _are_numbers(X) -> bool:
    """Whether objects are numbers all the same, as in a column of mixed types."""
    if not isinstance(X, np.ndarray) or X.dtype.kind != "O" or X.ndim != 2:
        return False
    return all(value is None or is_number(value) or isinstance(value, float) for value in X.flat)


def check_columns(rows: Rows, count: int, names: tuple[str, ...] | None, who: str) -> None:
    """Raise an InputError unless columns are those of the fit, by number and by name; warn where names are missing."""
    given = rows.values.shape[1]
    if names is not None and rows.names is not None and names != rows.names:
        _refuse_names(rows.names, names)
    if given != count:
        raise InputError(f"X has {given} features, but {who} is expecting {count} features as input.")
    if names is not None and rows.names is None:
        warnings.warn(
            f"X does not have valid feature names, but {who} was fitted with feature names: its columns are taken as "
            f"{', '.join(names)}.",
            stacklevel=4,
        )
    if names is None and rows.names is not None:
        warnings.warn(
            f"X has feature names, but {who} was fitted without feature names: its columns are taken by their order.",
            stacklevel=4,
        )


def _refuse_names(given: tuple[str, ...], names: tuple[str, ...]) -> None:
    said = "The feature names should match those that were passed during fit.\n"
    for words, some in (
        ("Feature names unseen at fit time:\n", sorted(set(given) - set(names))),
        ("Feature names seen at fit time, yet now missing:\n", sorted(set(names) - set(given))),
    ):
        said += words + "".join(f"- {name}\n" for name in some) if some else ""
    if set(given) == set(names):
        said += "Feature names must be in the same order as they were in fit.\n"
    raise FeatureNamesError(said + f"Give X[{list(names)}].")


class FeatureNamesError(InputError):
    """Columns of other names than those of the fit; in the lines that scikit-learn says it in."""

    def __init__(self, message: str):
        ValueError.__init__(self, message)


def checked_weights(weights, n: int, what: str = "sample_weight") -> np.ndarray:
    """One weight a row, ones where none are given, or an InputError."""
    if weights is None:
        return np.ones(n)
    weights = real_array(weights, what)
    if weights.ndim != 1:
        raise InputError(f"Sample weights must be 1D array or scalar, got {weights.shape}.")
    if weights.shape != (n,):
        raise InputError(f"sample_weight.shape == {weights.shape}, expected {(n,)}: one weight a row.")
    if not np.all(np.isfinite(weights)) or np.any(weights < 0):
        bad = int(np.argmin(np.where(np.isfinite(weights), weights, -np.inf)))
        raise InputError(f"{what} must be numbers >= 0, that of row {bad + 1} is {weights[bad]:g}.")
    if not np.any(weights > 0):
        raise InputError(f"{what} is zero for every row, so there is nothing to fit.")
    return weights


def check_number(n: int) -> None:
    """Refuse tables of too few rows."""
    if n < FEWEST:
        raise InputError(
            f"n_samples={n} rows with a weight are too few to fit a density and to see how good it is: it takes "
            f"{FEWEST} or more."
        )


def _distinct(values: np.ndarray) -> int:
    """How many rows differ, each seen as one number; of 10^4 tables with a million rows one may be a row short."""
    weights = np.random.default_rng(0).random(values.shape[1])
    keys = np.zeros(len(values))
    for column, weight in zip(values.T, weights, strict=True):  # the same operations for each row, unlike `@`
        keys += column * weight
    return len(np.unique(keys))


def check_variety(values: np.ndarray, names: tuple[str, ...]) -> None:
    """Refuse rows that have no density, and warn where many are copies of others."""
    n = len(values)
    for column, name in zip(values.T, names, strict=True):
        if np.ptp(column) == 0:
            raise InputError(f"column {name} is {column[0]:g} in every row, so it has no density. Leave it out.")
    distinct = _distinct(values)
    if distinct < FEWEST:
        raise InputError(
            f"only {distinct} of the {n} rows are distinct: they are values to be counted, not a density. Use a table "
            f"of frequencies."
        )
    if n - distinct > MANY_COPIES * n:
        warnings.warn(
            f"{n - distinct} of {n} rows are copies of others. If values are rounded, that is as it should be, and the "
            f"density is one of rounded values. If rows are repeated, drop the copies: the validation sees rows "
            f"that were trained on, and asks for too rough a density.",
            stacklevel=4,
        )
