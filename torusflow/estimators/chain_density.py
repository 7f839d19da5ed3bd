"""The density of more than three columns, as a product of conditional densities of at most three."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..arguments import check_kind, checked_whole
from ..errors import InputError
from ..torus.density import LARGEST_SAMPLE
from .parameters import DensityEstimator, generator
from .tables import Rows, as_frame, check_columns, checked_weights, rows_of
from .torus_density import TorusDensity


class Factor(NamedTuple):
    """Positions of the columns that a factor is the density of, and of its conditions."""

    columns: tuple[int, ...]
    given: tuple[int, ...]

    @property
    def all(self) -> tuple[int, ...]:
        """In the order of the table."""
        return tuple(sorted(self.columns + self.given))


class ChainDensity(DensityEstimator):
    """The density of many columns, p(x_1) p(x_2 | x_1) p(x_3 | x_2, x_1) ..., with the conditions that you give.

    Each factor is a `TorusDensity` of at most three columns, its conditions among them. A column depends on others
    through the conditions of its factor only: whether that is so the data cannot tell a chain that is fitted to them.

    Parameters
    ----------
    factors : list of (columns, conditions)
        Both by name or position, one or a list; each column stands in one factor, and conditions are columns of others:
        ``[(["phi", "psi"], []), ("chi1", ["phi", "psi"]), ("chi2", ["psi", "chi1"])]``.
    period : {"degrees", "radians", "hours", "turns"} or float, or a list of these
        Of all columns of the table, or of each.
    density : TorusDensity, optional
        Whose parameters each factor has, but for period and given: ``TorusDensity(missing="drop")`` leaves out, factor
        by factor, the rows with a missing value in one of its columns.

    Attributes
    ----------
    densities_ : list of TorusDensity
        One for each factor.
    factors_ : list of Factor
        In an order in which conditions come first.
    n_features_in_ : int
    feature_names_in_ : array of str
        Only where a data frame with names was given.
    validation_score_ : float
        The sum of those of the factors.

    Examples
    --------
    >>> import numpy as np
    >>> import torusflow as tfl
    >>> x = np.random.default_rng(0).vonmises(0.0, [2.0, 1.0], (300, 2))
    >>> chain = tfl.ChainDensity([(0, []), (1, 0)], "radians").fit(x)
    >>> chain.sample(4, random_state=0).shape
    (4, 2)
    """

    def __init__(self, factors, period="degrees", density=None):
        self.factors = factors
        self.period = period
        self.density = density

    def fit(self, X, y=None, sample_weight=None) -> ChainDensity:
        """Fit each factor to its columns.

        Parameters
        ----------
        X : array (N, d) or DataFrame
        y : ignored
        sample_weight : array (N,), optional

        Raises
        ------
        InputError
            If the factors are no chain, or a factor cannot be fitted; it says which.
        """
        table = rows_of(X)
        d = table.values.shape[1]
        factors = checked_factors(self.factors, table.names, d)
        periods = self.period if isinstance(self.period, tuple | list | np.ndarray) else [self.period] * d
        if len(periods) != d:
            raise InputError(f"period has {len(periods)} entries for {d} columns. Give one for each, or one for all.")
        checked_weights(sample_weight, len(table.values))
        like = TorusDensity() if self.density is None else self.density
        check_kind("density", like, TorusDensity, "TorusDensity(missing='drop')")
        fits = []
        for factor in factors:
            given = [factor.all.index(column) for column in factor.given]
            own = {"period": [periods[column] for column in factor.all], "given": given or None}
            density = TorusDensity(**like.get_params() | own)
            names = table.names and tuple(table.names[column] for column in factor.all)
            try:
                fits.append(density.fit_table(Rows(table.values[:, factor.all], names), sample_weight))
            except InputError as error:
                raise InputError(f"the factor of {_names(factor.columns, table.names)}: {error}") from error
        self.densities_, self.factors_, self.n_features_in_ = fits, factors, d
        vars(self).pop("feature_names_in_", None)
        if table.names is not None:
            self.feature_names_in_ = np.array(table.names, dtype=object)
        self.validation_score_ = sum(density.validation_score_ for density in fits)
        return self

    def score_samples(self, X) -> np.ndarray:
        """The natural logarithm of the density at every row, array (N,), per unit of the columns."""
        self._check_fitted()
        rows = rows_of(X)
        check_columns(rows, self.n_features_in_, self._column_names, type(self).__name__)
        parts = zip(self.densities_, self.factors_, strict=True)
        return np.sum([density.scores_of(rows.values[:, factor.all]) for density, factor in parts], axis=0)

    def sample(self, n_samples: int = 1, random_state=None):
        """Independent rows of the density, array (n_samples, d); a data frame if one with names was fitted.

        Parameters
        ----------
        n_samples : int
        random_state : int, Generator, RandomState or None
        """
        self._check_fitted()
        rng, count = generator(random_state), checked_whole("n_samples", n_samples, most=LARGEST_SAMPLE)
        points = np.empty((count, self.n_features_in_))  # in sides of the torus
        values = np.empty_like(points)
        for density, factor in zip(self.densities_, self.factors_, strict=True):
            points[:, factor.all] = drawn = density.points_given(points[:, factor.given], rng)
            values[:, factor.all] = density.coordinates_.from_torus(drawn)
        names = self._column_names
        return values if names is None else as_frame(values, names)


def checked_factors(factors, names: tuple[str, ...] | None, count: int) -> list[Factor]:
    """Factors in an order in which conditions come first, or an InputError that says what is wrong with them."""
    if not isinstance(factors, tuple | list) or not factors or not all(_is_pair(factor) for factor in factors):
        raise InputError(
            f"factors must be a list of pairs (columns, conditions), such as [('phi', []), ('psi', ['phi'])], got "
            f"{factors!r}."
        )
    found = [Factor(_positions(own, names, count), _positions(given, names, count)) for own, given in factors]
    for factor in found:
        if not factor.columns:
            raise InputError(f"a factor given {_names(factor.given, names)} has no columns. Write ('psi', ['phi']).")
        if set(factor.columns) & set(factor.given) or len(factor.all) > 3:
            raise InputError(
                f"the factor of {_names(factor.columns, names)} given {_names(factor.given, names)} must have three "
                f"different columns at most, conditions included; leave the weakest condition out."
            )
    own = [column for factor in found for column in factor.columns]
    twice = {column for column in own if own.count(column) > 1}
    if twice:
        raise InputError(f"{_names(twice, names)} stands in two factors. Make it a condition of one of them.")
    missing = set(range(count)) - set(own)
    if missing:
        raise InputError(
            f"no factor has {_names(missing, names)}. Add one, such as ({_names([min(missing)], names)!r}, []), or "
            f"leave the column out of the table."
        )
    return _in_order(found, names)


def _in_order(factors: Sequence[Factor], names) -> list[Factor]:
    """Those first whose conditions are there."""
    ordered, known, waiting = [], set(), list(factors)
    while waiting:
        ready = [factor for factor in waiting if set(factor.given) <= known]
        if not ready:
            words = "; ".join(f"{_names(f.columns, names)} given {_names(f.given, names)}" for f in waiting)
            raise InputError(f"the factors go round in a circle, so that none can come first: {words}.")
        ordered += ready
        known |= {column for factor in ready for column in factor.columns}
        waiting = [factor for factor in waiting if factor not in ready]
    return ordered


def _is_pair(factor) -> bool:
    return isinstance(factor, tuple | list) and len(factor) == 2


def _positions(columns, names: tuple[str, ...] | None, count: int) -> tuple[int, ...]:
    several = isinstance(columns, tuple | list | np.ndarray)
    positions = []
    for column in columns if several else [columns]:
        whole = isinstance(column, int | np.integer) and not isinstance(column, bool) and 0 <= column < count
        if not whole and column not in (names or ()):
            there = ", ".join(map(repr, names or range(count)))
            raise InputError(f"factors: there is no column {column!r}; there are {there}.")
        positions.append(int(column) if whole or names is None else names.index(column))
    return tuple(positions)


def _names(columns, names) -> str:
    return ", ".join(str(names[column]) if names else f"column {column}" for column in sorted(columns)) or "nothing"
