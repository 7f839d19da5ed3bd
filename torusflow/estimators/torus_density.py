"""A density of angles from a table, with all choices made by validation."""

from __future__ import annotations

import base64
import dataclasses
import html
import inspect
import io
import time
import warnings
from typing import TYPE_CHECKING, cast

import numpy as np

from ..arguments import checked_whole
from ..descent.progress import Progress
from ..errors import InputError
from ..losses import NormalisedLikelihood
from ..models import LogDensityNODE
from ..torus.coordinates import Coordinates
from ..torus.density import LARGEST_SAMPLE
from ..torus.regions import highest_density_levels
from .conditions import conditions_of, warn_of_new
from .files import Fit, read_fit, write_fit
from .fitting import checked_fixed, checked_seconds, doubts, fit_density
from .parameters import Parameters, generator, legacy_generator
from .tables import Training, as_frame, check_columns, checked_weights, missing_rows, rows_of, training_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Points an axis of the grids on which regions are measured and modes are looked for.
FINE = {1: 2880, 2: 360, 3: 72}
LARGEST_AXIS = {1: 10**6, 2: 4096, 3: 256}
CHOSEN = ("smoothness", "length", "penalty", "band", "grid")


class TorusDensity(Parameters):
    """The density of angles, times of the day and other quantities that repeat, in one to three columns.

    log-densities are carried by the flow of a control, which is trained to maximum likelihood (`LogDensityNODE`,
    `NormalisedLikelihood`); how smooth the density is and how fine the grid is chosen by validation. The density is
    positive, smooth across the seam, and integrates to one over the periods. Use it as an estimator of scikit-learn.

    Parameters
    ----------
    period : {"degrees", "radians", "hours", "turns"} or float, or a list of these
        Of all columns, or of each. Values lie within one period of zero on either side; others are refused. Names are
        doubted where values look like other units; a number is taken at its word.
    given : str, int, or a list of these, optional
        Columns that are conditions, by name or position: the density is then the conditional one of the other columns,
        for each value of these, smooth across the seams of both.
    smoothness, length : float, optional
        Of the metric (`SobolevMetric`): what is not given is chosen.
    penalty : float, optional
        Weight of the prior, beside one row, that keeps the flow small. The risk's penalty is this divided by the
        number of rows.
    band : int, optional
        Largest wavenumber of the flow's velocity.
    grid : int, optional
        Points per axis.
    max_iter : int
        Iterations of a descent, at most.
    max_time : float, optional
        Seconds after which the fit ends with what it has, and a warning says so; what it has then depends on how fast
        the machine was.
    threads : int, optional
        To use; all processors if not given.
    missing : {"refuse", "drop"}
        What becomes of rows with a missing value: an error, or nothing; scores of such rows are then NaN.
    random_state : int, RandomState or None
        Which rows are held out for the validation; None takes others at each fit.

    Attributes
    ----------
    n_features_in_ : int
    feature_names_in_ : array of str
        Only where a data frame with names was given.
    coordinates_ : Coordinates
        Periods, names and ranges of the columns.
    given_ : tuple of int
        Positions of the columns that are conditions.
    settings_ : dict
        What was chosen.
    validation_score_ : float
        Mean log-density of rows held out, as `score_samples` counts it.
    train_validation_gap_ : float
        So many nats higher it was on the rows trained on.
    held_out_ : tuple of (int array, float array)
        The rows of each part that was held out, counted among those of the fit, and their log-densities relative to the
        uniform one; not in files.
    complete_ : bool
        Whether there was time for all that was to be tried.
    n_iter_ : int
    model_, control_ : LogDensityNODE, array
        What has been trained, for all else that torusflow does.
    resolution_ : Resolution
        Whether the grid resolves the density.
    fit_seconds_ : float

    Examples
    --------
    >>> import numpy as np
    >>> import torusflow as tfl
    >>> angles = np.random.default_rng(0).vonmises([0.5, 2.0], [3.0, 1.0], (2000, 2))
    >>> density = tfl.TorusDensity(period="radians", random_state=0).fit(angles)
    >>> density.score_samples(angles).shape, density.sample(5, random_state=0).shape
    ((2000,), (5, 2))
    """

    def __init__(
        self,
        period="degrees",
        *,
        given=None,
        smoothness=None,
        length=None,
        penalty=None,
        band=None,
        grid=None,
        max_iter=200,
        max_time=None,
        threads=None,
        missing="refuse",
        random_state=0,
    ):
        self.period = period
        self.given = given
        self.smoothness = smoothness
        self.length = length
        self.penalty = penalty
        self.band = band
        self.grid = grid
        self.max_iter = max_iter
        self.max_time = max_time
        self.threads = threads
        self.missing = missing
        self.random_state = random_state

    def fit(self, X, y=None, sample_weight=None) -> TorusDensity:
        """Choose by validation on rows held out, then fit all rows.

        Parameters
        ----------
        X : array (N, d) or DataFrame
            N >= 10 rows, d from 1 to 3 columns, those of the conditions among them.
        y : ignored
        sample_weight : array (N,), optional
            Not negative; rows of weight 2 count as two.

        Raises
        ------
        InputError
            If the table or a parameter cannot be used; it says which row, column or value, and what to do.
        """
        table = rows_of(X)
        weights = checked_weights(sample_weight, len(table.values))
        for said in self.fit_rows(training_rows(table, weights, self.period, self.missing, given=self.given)):
            warnings.warn(said, stacklevel=2)
        return self

    def fit_rows(self, rows: Training) -> list[str]:
        """What `fit` does with the rows of a table; returns what a person should know of the fit, in sentences."""
        began = time.perf_counter()
        checked_whole("max_iter", self.max_iter)
        seconds = checked_seconds(self.max_time)
        rng = legacy_generator(self.random_state)
        fixed = checked_fixed({name: getattr(self, name) for name in CHOSEN})
        choice, progress = fit_density(rows.sample, fixed, rng, self.max_iter, seconds, self.threads)
        self._keep(progress, rows.coordinates, rows.names)
        self.settings_ = dataclasses.asdict(choice.setting)
        self.validation_score_ = -choice.validation - self._log_cell
        self.train_validation_gap_, self.held_out_ = choice.gap, choice.held_out
        self.complete_ = choice.complete and progress.done >= choice.iterations
        self.fit_seconds_ = time.perf_counter() - began
        return doubts(choice, progress, len(rows.sample.points), seconds)

    def score_samples(self, X) -> np.ndarray:
        """The natural logarithm of the density at every row, array (N,), per unit of the columns.

        Its exponential integrates to one over the periods. With conditions it is the density of the other columns, per
        unit of these, given the conditions of the row.
        """
        self._check_fitted()
        rows = self._rows_like_those_of_the_fit(X)
        missing = missing_rows(rows, self.missing)
        scores = np.full(len(rows), np.nan)
        if not missing.all():
            points = self.coordinates_.to_torus(rows[~missing], "X")
            warn_of_new(points[:, self.given_], self._points[:, self.given_], self.coordinates_, self.given_)
            scores[~missing] = self._density.log_density(points) - self._log_cell
        return scores

    def score(self, X, y=None, sample_weight=None) -> float:
        """The sum of the log-densities of all rows, as `sklearn.neighbors.KernelDensity` has it; missing ones left out.

        Parameters
        ----------
        X : array (N, d) or DataFrame
        y : ignored
        sample_weight : array (N,), optional
        """
        scores = self.score_samples(X)
        weights = checked_weights(sample_weight, len(scores))
        return float(np.nansum(weights * scores))

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
        conditions = np.repeat(self._conditions(given), count, axis=0)
        points = self._density.sample(len(conditions), generator(random_state), conditions)
        values = self.coordinates_.from_torus(points)
        return as_frame(values, self.feature_names_in_) if hasattr(self, "feature_names_in_") else values

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

    def mode(self) -> np.ndarray:
        """Where the density is highest, array (d,): the highest point of a fine grid, moved uphill from there."""
        self._check_fitted()
        self._refuse_conditional("a mode", "Take log_density(), which has one for each condition.")
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
        marginal densities of each pair.

        Parameters
        ----------
        ax : Axes, optional
            To draw one or two columns into; else a figure of its own, which pyplot does not know.
        masses : sequence of float
            Of the regions.
        """
        from ..plotting.regions import plot_density

        self._check_fitted()
        relative = np.exp(self._on_lattice(self._lattice(None, from_zero=True)))
        return plot_density(relative, self._points, self.coordinates_, masses, ax)

    def save(self, path, overwrite: bool = False) -> None:
        """Write a run file, which `TorusDensity.load`, ``tfl.load`` and the command line read.

        Parameters
        ----------
        path : str or path
            Conventionally ending in .h5.
        overwrite : bool
            Whether a run file that stands there may be replaced.
        """
        self._check_fitted()
        write_fit(path, overwrite, Fit(self._progress, self.coordinates_, self.get_params(), vars(self)))

    @classmethod
    def load(cls, path) -> TorusDensity:
        """The estimator that `save` wrote, or that of any run of a `LogDensityNODE` on samples.

        Raises
        ------
        InputError
            If the file is no such run.
        """
        fit = read_fit(path)
        made = cls(**{name: value for name, value in fit.parameters.items() if name in cls._names()})
        vars(made).update(fit.found)
        made._keep(fit.progress, fit.coordinates, fit.coordinates.names or None)
        return made

    def __repr__(self) -> str:
        standard = inspect.signature(type(self)).parameters
        changed = [f"{k}={v!r}" for k, v in self.get_params().items() if repr(v) != repr(standard[k].default)]
        text = f"TorusDensity({', '.join(changed)})"
        return f"<{text}: {self._summary()}>" if self.__sklearn_is_fitted__() else text

    def _repr_html_(self) -> str:
        text = f"<pre>{html.escape(repr(self))}</pre>"
        try:
            import matplotlib  # noqa: F401
        except ImportError:
            return text
        if not self.__sklearn_is_fitted__():
            return text
        picture = io.BytesIO()
        self.plot().savefig(picture, format="png", dpi=80)
        return f'{text}<img src="data:image/png;base64,{base64.b64encode(picture.getvalue()).decode()}"/>'

    def __getstate__(self) -> dict:
        return {name: value for name, value in vars(self).items() if name != "_kept_density"}

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
        return float(np.sum(np.log(np.delete(periods, list(self.given_)))))

    def _refuse_conditional(self, what: str, instead: str) -> None:
        if self.given_:
            names = ", ".join(self.coordinates_.name(axis) for axis in self.given_)
            raise InputError(f"a density given {names} has no {what}: it is another one for each condition. {instead}")

    def _conditions(self, given) -> np.ndarray:
        """Conditions in sides of the torus, array (M, number of them): one row without columns if there are none."""
        return conditions_of(given, self.coordinates_, self.given_, self._points)

    def _rows_like_those_of_the_fit(self, X) -> np.ndarray:
        rows = rows_of(X)
        names = tuple(self.feature_names_in_) if hasattr(self, "feature_names_in_") else None
        check_columns(rows, self.n_features_in_, names, type(self).__name__)
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
