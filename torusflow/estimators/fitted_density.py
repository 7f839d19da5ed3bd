"""What a fitted density tells: scores, samples, values on grids, regions, other densities made of it, and a picture."""

from __future__ import annotations

import copy
import dataclasses
import html
import inspect
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..arguments import checked_whole
from ..descent.progress import Progress
from ..display import as_html
from ..errors import InputError
from ..losses import NormalisedLikelihood
from ..models import LogDensityNODE
from ..torus.coordinates import Coordinates
from ..torus.density import LARGEST_SAMPLE, Density
from ..torus.labelled import labelled
from ..torus.regions import highest_density_levels
from .bootstrap import Bootstrap, resampled
from .conditions import conditions_of, warn_of_new
from .derived import conditional, marginal
from .parameters import DensityEstimator, generator, legacy_generator
from .tables import as_frame, check_columns, checked_given, missing_rows, rows_of

if TYPE_CHECKING:
    from typing import Self

    from matplotlib.axes import Axes
    from xarray import DataArray

# Points an axis of the grids on which regions are measured and modes are looked for.
FINE = {1: 2880, 2: 360, 3: 72}
FINE_PRINT = 60  # dots per inch in notebooks, since this picture is large
LARGEST_AXIS = {1: 10**6, 2: 4096, 3: 256}


class FittedDensity(DensityEstimator):
    """The part of `TorusDensity` that reads what a fit has found."""

    coordinates_: Coordinates
    model_: LogDensityNODE
    control_: np.ndarray
    given_: tuple[int, ...]
    n_features_in_: int
    n_iter_: int
    settings_: dict
    validation_score_: float
    train_validation_gap_: float
    missing: str
    threads: int | None
    _progress: Progress

    def score_samples(self, X) -> np.ndarray:
        """The natural logarithm of the density at every row, array (N,), per unit of the columns.

        Its exponential integrates to one over the periods. With conditions it is the density of the other columns, per
        unit of these, given the conditions of the row.
        """
        self._check_fitted()
        return self.scores_of(self._rows_like_those_of_the_fit(X))

    def scores_of(self, rows) -> np.ndarray:
        """What `score_samples` gives for an array (N, d) of numbers."""
        missing = missing_rows(rows, self.missing)
        scores = np.full(len(rows), np.nan)
        if not missing.all():
            points = self.coordinates_.to_torus(rows[~missing], "X")
            warn_of_new(points[:, self.given_], self._points[:, self.given_], self.coordinates_, self.given_)
            scores[~missing] = self._density.log_density(points) - self._log_cell
        return scores

    def sample(self, n_samples: int = 1, random_state=None, given=None):
        """Independent rows of the density, array (n_samples, d), in the range of the training data.

        A data frame if one with names was fitted and pandas is there.

        Parameters
        ----------
        n_samples : int
            For each row of conditions, if there are such.
        random_state : int, Generator, RandomState or None
        given : array (M, number of conditions) or DataFrame
            The conditions, of a density that has some: there are n_samples rows for each, one after another, in which
            they stand as well.
        """
        self._check_fitted()
        count = checked_whole("n_samples", n_samples, most=LARGEST_SAMPLE)
        conditions = conditions_of(given, self.coordinates_, self.given_, self._points)
        points = self.points_given(np.repeat(conditions, count, axis=0), generator(random_state))
        values = self.coordinates_.from_torus(points)
        return as_frame(values, self.feature_names_in_) if hasattr(self, "feature_names_in_") else values

    def points_given(self, conditions, rng: np.random.Generator) -> np.ndarray:
        """A point for each row of conditions (M, number of them), array (M, d), all in sides of the torus."""
        return self._density.sample(len(conditions), rng, conditions)

    def marginal(self, columns) -> Self:
        """The density of some of the columns, given by name or position, with the others integrated out.

        Its rows are those of the fit; what a fit finds of its validation it has not.
        """
        self._check_fitted()
        self._refuse_conditional("marginal density", "Fit TorusDensity() to these columns.")
        axes = checked_given(columns, self._column_names, self.n_features_in_, "columns")
        return self._derived(marginal(self._progress, axes), axes)

    def conditional(self, given) -> Self:
        """The density of the other columns given some, by name or position; see `marginal`."""
        self._check_fitted()
        self._refuse_conditional("other conditional density", "Fit TorusDensity(given=[...]) with these conditions.")
        axes = checked_given(given, self._column_names, self.n_features_in_)
        return self._derived(conditional(self._progress, axes), tuple(range(self.n_features_in_)))

    def log_density(self, grid: int | tuple[int, ...] | None = None) -> np.ndarray:
        """The natural logarithm of the density on a regular grid, array (*grid), per unit of the columns.

        Parameters
        ----------
        grid : int or tuple of int, optional
            Points per axis, from the start of the period of each column, 0 or minus half a period; see `axes`.
        """
        self._check_fitted()
        return self._on_lattice(self._lattice(grid)) - self._log_cell

    def density(self, grid: int | tuple[int, ...] | None = None) -> np.ndarray:
        """The density on a regular grid, array (*grid); see `log_density`."""
        return np.exp(self.log_density(grid))

    def axes(self, grid: int | tuple[int, ...] | None = None) -> list[np.ndarray]:
        """The values of each column on the grid of `density`, d arrays."""
        self._check_fitted()
        return [axis * self.coordinates_.along(index).period for index, axis in enumerate(self._lattice(grid))]

    def to_xarray(self, grid: int | tuple[int, ...] | None = None) -> DataArray:
        """The density on a regular grid as an array of xarray, whose axes are the columns; see `log_density`.

        Raises
        ------
        InputError
            If xarray is not there.
        """
        self._check_fitted()
        given = ", ".join(self.coordinates_.name(axis) for axis in self.given_)
        units = [unit for unit in map(self.coordinates_.unit, self.columns_) if isinstance(unit, str)]
        per = " ".join(f"{unit}-1" for unit in units) or "1"  # as CF and udunits write it
        what = f"density given {given}" if given else "density"
        return labelled(self.density(grid), self.axes(grid), self.coordinates_, per, what)

    def mode(self) -> np.ndarray:
        """Where the density is highest, array (d,): the highest point of a fine grid, moved uphill from there."""
        self._check_fitted()
        self._refuse_conditional("mode", "Take log_density(), which has one for each condition.")
        values, axes = self.log_density(), self._lattice(None)
        highest = np.unravel_index(np.argmax(values), values.shape)
        start = np.array([axis[i] for axis, i in zip(axes, highest, strict=True)])
        return self.coordinates_.from_torus(self._density.uphill(start)[None])[0]

    def contour_levels(self, masses=(0.5, 0.98)) -> np.ndarray:
        """The levels above which the density has these parts of its mass, array (len(masses),), by quadrature."""
        self._check_fitted()
        self._refuse_conditional("contour levels", "plot() draws regions for each condition.")
        return np.array(highest_density_levels(self.density(), masses))

    def plot(self, ax: Axes | None = None, masses=(0.5, 0.98)):
        """The density with the rows it was fitted to and its regions of highest density; returns the figure.

        One column: a line over a histogram. Two: an image with contours, as Ramachandran plots are drawn. Three: the
        marginal densities of each pair. A conditional density: see `torusflow.plotting.conditionals.plot_conditional`.

        Parameters
        ----------
        ax : Axes, optional
            To draw one or two columns into; else a figure of its own, which pyplot does not know.
        masses : sequence of float
            Of the regions.
        """
        from ..plotting.conditionals import plot_conditional
        from ..plotting.regions import plot_density

        self._check_fitted()
        relative = np.exp(self._on_lattice(self._lattice(None, from_zero=True)))
        if self.given_:
            return plot_conditional(relative, self._points, self.coordinates_, self.given_, masses, ax)
        return plot_density(relative, self._points, self.coordinates_, masses, ax)

    def bootstrap(self, n: int = 100, block: int | None = None, random_state=0) -> Bootstrap:
        """Fits of n tables of rows drawn from those of the fit, for bands of densities, scores and contour levels.

        Parameters
        ----------
        n : int
        block : int, optional
            So many rows that follow one another are drawn together: for the frames of a trajectory, which are alike,
            some times as many as it takes to forget where one was. One by one if not given.
        random_state : int, RandomState or None

        Examples
        --------
        >>> low, high = density.bootstrap(100).density_band(grid=72)  # doctest: +SKIP
        """
        self._check_fitted()
        rng = legacy_generator(random_state)
        bandwidth = self.settings_["bandwidth"] if hasattr(self, "settings_") else 0.0
        return Bootstrap(self, resampled(self._progress, bandwidth, n, block, rng))

    def __repr__(self) -> str:
        standard = inspect.signature(type(self)).parameters
        changed = [f"{k}={v!r}" for k, v in self.get_params().items() if repr(v) != repr(standard[k].default)]
        text = f"TorusDensity({', '.join(changed)})"
        return f"<{text}: {self._summary()}>" if self.__sklearn_is_fitted__() else text

    def _repr_html_(self) -> str:
        if self.__sklearn_is_fitted__():
            return as_html(self, self.plot, FINE_PRINT)
        return f"<pre>{html.escape(repr(self))}</pre>"

    def __getstate__(self) -> dict:
        return {name: value for name, value in vars(self).items() if name != "_kept_density"}

    def replicate(self, start: Density, control) -> Self:
        """The same with another start and control, a fit of other rows: nothing is known of its validation."""
        other = copy.copy(self)
        found = vars(other)
        for name in ("_kept_density", "validation_score_", "train_validation_gap_", "held_out_", "resolution_"):
            found.pop(name, None)
        other.model_, other.control_ = dataclasses.replace(self.model_, initial=start), control
        return other

    def _keep(self, progress: Progress, coordinates: Coordinates, names) -> None:
        """What has been trained, as attributes."""
        model = cast(LogDensityNODE, progress.risk.model)
        self.model_, self.control_, self._progress = model, progress.state.control, progress
        self.coordinates_, self.n_features_in_, self.n_iter_ = coordinates, model.torus.dimension, progress.done
        self.given_ = model.given
        vars(self).pop("feature_names_in_", None)
        vars(self).pop("_kept_density", None)
        if names is not None:
            self.feature_names_in_ = np.array(names, dtype=object)
        self.resolution_ = model.resolution(self.control_)

    @property
    def columns_(self) -> tuple[int, ...]:
        """Positions of the columns that the density is of: those that are no conditions."""
        return tuple(axis for axis in range(self.n_features_in_) if axis not in self.given_)

    @property
    def _points(self) -> np.ndarray:
        """The rows of the fit, in sides of the torus."""
        return cast(NormalisedLikelihood, self._progress.risk.loss).samples

    @property
    def _density(self):
        """exp(u)/Z, made when first asked for."""
        if "_kept_density" not in vars(self):
            self._kept_density = self.model_.density(self.control_)
        return self._kept_density

    @property
    def _log_cell(self) -> float:
        """Logarithm of the product of the periods of what the density is of."""
        periods = np.broadcast_to(self.coordinates_.period, self.n_features_in_)
        return float(np.sum(np.log(periods[list(self.columns_)])))

    def _refuse_conditional(self, what: str, instead: str) -> None:
        if self.given_:
            names = ", ".join(self.coordinates_.name(axis) for axis in self.given_)
            raise InputError(
                f"a density given {names} has no {what}: it is another density for each condition. {instead}"
            )

    def _derived(self, progress: Progress, axes: tuple[int, ...]) -> Self:
        """One of these columns, made of this one."""
        names, coordinates = self._column_names, self.coordinates_.along(*axes)
        given = list(cast(LogDensityNODE, progress.risk.model).given)
        period = list(coordinates.units) if isinstance(coordinates.units, tuple) else coordinates.units
        made = cast(Any, type(self))(period, given=given or None, threads=self.threads, missing=self.missing)
        made._keep(progress, coordinates, names and tuple(names[axis] for axis in axes))
        return made

    def _rows_like_those_of_the_fit(self, X) -> np.ndarray:
        rows = rows_of(X)
        check_columns(rows, self.n_features_in_, self._column_names, type(self).__name__)
        return rows.values

    def _on_lattice(self, axes) -> np.ndarray:
        """The log-density relative to the uniform one."""
        points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
        return self._density.log_density(points.reshape(-1, len(axes)) % 1.0).reshape(points.shape[:-1])

    def _lattice(self, grid, from_zero: bool = False) -> list[np.ndarray]:
        """Points along each axis in sides of the torus, from the start of what is shown or from zero."""
        d = self.n_features_in_
        sizes = FINE[d] if grid is None else grid
        sizes = tuple(sizes) if isinstance(sizes, tuple | list | np.ndarray) else (sizes,) * d
        if len(sizes) != d:
            raise InputError(f"grid must be a number of points, or one for each of {d} columns, got {grid!r}.")
        sizes = [checked_whole("grid", size, most=LARGEST_AXIS[d]) for size in sizes]
        origins = np.zeros(d) if from_zero else np.broadcast_to(self.coordinates_.origin, d)
        return [origin + np.arange(size) / size for origin, size in zip(origins, sizes, strict=True)]

    def _summary(self) -> str:
        words = f"{len(self._points)} rows of {self.coordinates_.in_words(self.n_features_in_)}"
        if hasattr(self, "validation_score_"):
            better, gap = self.validation_score_ + self._log_cell, self.train_validation_gap_
            words += f"; {better:.3f} nats a row above uniform on rows held out, {gap:.3f} more on rows trained on"
        metric, band, shape = self.model_.metric, max(self.model_.space.band), map(str, self.model_.torus.shape)
        words += f"; s = {metric.smoothness:g}, l = {metric.length:g}, band {band}, grid {' x '.join(shape)}"
        return f"{words}, {self.n_iter_} iterations"
