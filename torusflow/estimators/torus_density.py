"""A density of angles from a table, with all choices made by validation."""

from __future__ import annotations

import base64
import dataclasses
import html
import inspect
import io
import json
import time
import warnings
from typing import TYPE_CHECKING

import numpy as np

from ..arguments import checked_seed, checked_whole, is_number, is_positive
from ..descent.progress import Progress
from ..errors import InputError
from ..losses import NormalisedLikelihood
from ..storage import RunFile, load
from ..torus.coordinates import Coordinates
from ..torus.density import LARGEST_SAMPLE
from ..torus.grid import Torus
from ..torus.regions import highest_density_levels
from .parameters import Parameters
from .search import METHOD, Choice, Descent, folds_of, search
from .settings import candidates, effective_number
from .tables import check_columns, check_variety, checked_weights, rows_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LARGEST_GAP = 0.1  # nats between rows trained on and rows held out
LARGEST_CHANGE = 1e-3  # of log Z on a finer grid
SEARCH_SHARE = 0.6  # of the time; the rest is for the fit of all rows
# Points an axis of the grids on which regions are measured and modes are looked for.
FINE = {1: 2880, 2: 360, 3: 72}
LARGEST_AXIS = {1: 10**6, 2: 4096, 3: 256}
MISSING = ("refuse", "drop")
CHOSEN = ("smoothness", "length", "penalty", "band", "grid")
# Of what a fit finds, that which a run file has no other place for.
FOUND = ("settings_", "validation_score_", "train_validation_gap_", "fit_seconds_")


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
    max_time : float
        Seconds after which the fit ends with what it has; a warning says so.
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
    settings_ : dict
        What was chosen.
    validation_score_ : float
        Mean log-density of rows held out, as `score_samples` counts it.
    train_validation_gap_ : float
        So many nats higher it was on the rows trained on.
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
    >>> angles = np.random.default_rng(0).vonmises([0.5, 2.0], [3.0, 1.0], (200, 2))
    >>> density = tfl.TorusDensity(period="radians").fit(angles)
    >>> density.score_samples(angles).shape, density.sample(5, random_state=0).shape
    ((200,), (5, 2))
    """

    def __init__(
        self,
        period="degrees",
        *,
        smoothness=None,
        length=None,
        penalty=None,
        band=None,
        grid=None,
        max_iter=200,
        max_time=60.0,
        missing="refuse",
        random_state=0,
    ):
        self.period = period
        self.smoothness = smoothness
        self.length = length
        self.penalty = penalty
        self.band = band
        self.grid = grid
        self.max_iter = max_iter
        self.max_time = max_time
        self.missing = missing
        self.random_state = random_state

    def fit(self, X, y=None, sample_weight=None) -> TorusDensity:
        """Choose by validation on rows held out, then fit all rows.

        Parameters
        ----------
        X : array (N, d) or DataFrame
            N >= 10 rows, d from 1 to 3 columns.
        y : ignored
        sample_weight : array (N,), optional
            Not negative; rows of weight 2 count as two.

        Raises
        ------
        InputError
            If the table or a parameter cannot be used; it says which row, column or value, and what to do.
        """
        began = time.perf_counter()
        checked_whole("max_iter", self.max_iter)
        if not is_positive(self.max_time):
            raise InputError(f"max_time must be a number of seconds > 0, got {self.max_time!r}.")
        points, weights, coordinates, names = self._training_rows(X, sample_weight)
        plan = candidates(effective_number(weights), points.shape[1], self._given())
        folds = folds_of(len(points), plan.folds, _legacy_generator(self.random_state))
        workers = Torus((4,)).threads
        deadline = began + SEARCH_SHARE * self.max_time
        choice = search(plan.settings, points, weights, folds, plan.rounds, self.max_iter, deadline, workers)
        descent = Descent(choice.setting, points, weights)
        while descent.progress.done < choice.iterations and not descent.status:
            if time.perf_counter() > began + self.max_time:
                break
            descent.advance(descent.progress.done + 1)
        self._points = points
        self._keep(choice, descent.progress, coordinates, names)
        self._warn(choice, descent.progress.done)
        self.fit_seconds_ = time.perf_counter() - began
        return self

    def score_samples(self, X) -> np.ndarray:
        """The natural logarithm of the density at every row, array (N,), per unit of the columns.

        Its exponential integrates to one over the periods.
        """
        self._check_fitted()
        rows = self._rows_like_those_of_the_fit(X)
        missing = np.isnan(rows).any(axis=1)
        if missing.any():
            self._refuse_missing(missing)
        scores = np.full(len(rows), np.nan)
        if not missing.all():
            points = self.coordinates_.to_torus(rows[~missing], "X")
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

    def sample(self, n_samples: int = 1, random_state=None):
        """Independent rows of the density, array (n_samples, d), in the range of the training data.

        A data frame if one with names was fitted and pandas is there.

        Parameters
        ----------
        n_samples : int
        random_state : int, Generator, RandomState or None
        """
        self._check_fitted()
        count = checked_whole("n_samples", n_samples, most=LARGEST_SAMPLE)
        values = self.coordinates_.from_torus(self._density.sample(count, _generator(random_state)))
        if not hasattr(self, "feature_names_in_"):
            return values
        try:
            from pandas import DataFrame
        except ImportError:
            return values
        return DataFrame(values, columns=list(self.feature_names_in_))

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
        """The density on a regular grid, array (*grid), per unit of the columns; see `log_density` and `axes`."""
        return np.exp(self.log_density(grid))

    def axes(self, grid: int | tuple[int, ...] | None = None) -> list[np.ndarray]:
        """The values of each column on the grid of `density`, d arrays."""
        self._check_fitted()
        return [axis * self.coordinates_.along(index).period for index, axis in enumerate(self._lattice(grid))]

    def mode(self) -> np.ndarray:
        """Where the density is highest, array (d,): the highest point of a fine grid, moved uphill from there."""
        from scipy.optimize import minimize

        self._check_fitted()
        values, axes = self.log_density(), self._lattice(None)
        start = np.array(
            [axis[i] for axis, i in zip(axes, np.unravel_index(np.argmax(values), values.shape), strict=True)]
        )

        def downhill(x):
            value, slope = self._density.jet(x[None] % 1.0)
            return -value[0], -slope[0]

        found = minimize(downhill, start, jac=True, method="BFGS", options={"gtol": 1e-9})
        return self.coordinates_.from_torus(found.x[None] % 1.0)[0]

    def contour_levels(self, masses=(0.5, 0.98)) -> np.ndarray:
        """The levels above which the density has these parts of its mass, array (len(masses),), by quadrature."""
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
        found = {name: value for name, value in vars(self).items() if name in FOUND}
        notes = json.dumps({"TorusDensity": self.get_params(), "found": found}, default=_plain)
        store = RunFile(path, overwrite, self.coordinates_, notes=notes)
        progress, limits = self._progress, {"iterations": self.n_iter_, "refine": True}
        store.refuse_existing()
        with store.locked():
            store.prepare(progress.risk, METHOD, None, limits)
            status = f"fitted: {self.n_iter_} iterations, as many as the rows held out asked for"
            store.save(progress.risk, METHOD, progress.result(status), progress.checkpoint(), None, limits)

    @classmethod
    def load(cls, path) -> TorusDensity:
        """The estimator that `save` wrote, or that of any run of a `LogDensityNODE` on samples.

        Raises
        ------
        InputError
            If the file is no such run.
        """
        run = load(path)
        if not isinstance(run.risk.loss, NormalisedLikelihood):
            raise InputError(
                f"{str(path)!r} is a run of a {type(run.risk.model).__name__}, not one of TorusDensity. Read it with "
                f"tfl.load."
            )
        notes = json.loads(run.attributes.get("notes", "{}"))
        made = cls(**notes.get("TorusDensity", {"period": run.coordinates.units}))
        vars(made).update(notes.get("found", {}))
        made._points, names = run.risk.loss.samples, run.coordinates.names
        progress = Progress.restored(run.risk, RunFile(path).checkpoint(run.risk, run.method))
        made._keep(None, progress, run.coordinates, names or None)
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

    # -- the parts of fit ---------------------------------------------------------------------------------------

    def _training_rows(self, X, sample_weight):
        """Points on the torus, their weights, the coordinates, and the names where X has some."""
        if self.missing not in MISSING:
            raise InputError(f"missing must be 'refuse' or 'drop', got {self.missing!r}.")
        values, names = rows_of(X)
        d = values.shape[1]
        if d > 3:
            raise InputError(f"TorusDensity takes one to three columns, got {d}. Choose three, such as X[:, :3].")
        weights = checked_weights(sample_weight, len(values))
        missing = np.isnan(values).any(axis=1)
        if missing.any():
            self._refuse_missing(missing)
        used = ~missing & (weights > 0)
        values, weights = values[used], weights[used]
        units = tuple(self.period) if isinstance(self.period, tuple | list | np.ndarray) else self.period
        shown = Coordinates(units, names or (), False)
        check_variety(values, tuple(shown.name(axis) for axis in range(d)))
        points = shown.to_torus(values, "X")
        shown.check_units(values, "X")
        centred = tuple(bool(flag) for flag in (values < 0).any(axis=0))
        return points, weights, Coordinates(units, names or (), centred), names

    def _given(self) -> dict:
        """The fields of the setting that are not to be chosen, checked."""
        given = {name: getattr(self, name) for name in CHOSEN if getattr(self, name) is not None}
        for name, value in given.items():
            if name in ("band", "grid"):
                checked_whole(name, value)
            elif not is_positive(value) and not (name == "penalty" and value == 0 and is_number(value)):
                raise InputError(f"{name} must be a positive number, or None to have it chosen, got {value!r}.")
        return given

    def _keep(self, choice: Choice | None, progress: Progress, coordinates: Coordinates, names) -> None:
        """What has been found, as attributes."""
        model = progress.risk.model
        self.model_, self.control_, self._progress = model, progress.state.control, progress
        self.coordinates_, self.n_features_in_, self.n_iter_ = coordinates, model.torus.dimension, progress.done
        vars(self).pop("feature_names_in_", None)
        vars(self).pop("_kept_density", None)
        if names is not None:
            self.feature_names_in_ = np.array(names, dtype=object)
        self.resolution_ = model.resolution(self.control_)
        if choice is not None:
            self.settings_ = dataclasses.asdict(choice.setting)
            self.validation_score_ = -choice.validation - self._log_cell
            self.train_validation_gap_ = choice.gap

    def _warn(self, choice: Choice, done: int) -> None:
        n, d = self._points.shape
        if choice.gap > LARGEST_GAP:
            warnings.warn(
                f"the density fits rows that it was trained on {choice.gap:.2g} nats better than rows held out: {n} "
                f"rows are few for {d} column{'s' * (d > 1)} like these. It is as smooth as they ask for; what it says "
                f"of new rows is validation_score_.",
                stacklevel=3,
            )
        if not choice.complete or done < choice.iterations:
            warnings.warn(
                f"max_time={self.max_time:g} seconds ended the fit after {done} iterations, before all was tried. "
                f"With more time the density may become better.",
                stacklevel=3,
            )
        if abs(self.resolution_.change) > LARGEST_CHANGE:
            warnings.warn(
                f"the density has peaks that the grid of {self.settings_['grid']} points per axis hardly resolves: its "
                f"mass changes by {abs(self.resolution_.change):.1e} on a finer one. Use grid="
                f"{3 * self.settings_['grid'] // 2}.",
                stacklevel=3,
            )

    # -- what is asked of a fitted one --------------------------------------------------------------------------

    @property
    def _density(self):
        """exp(u)/Z, made when first asked for."""
        if "_kept_density" not in vars(self):
            self._kept_density = self.model_.density(self.control_)
        return self._kept_density

    @property
    def _log_cell(self) -> float:
        """Logarithm of the product of the periods."""
        return float(np.sum(np.log(np.broadcast_to(self.coordinates_.period, self.n_features_in_))))

    def _rows_like_those_of_the_fit(self, X) -> np.ndarray:
        rows = rows_of(X)
        names = tuple(self.feature_names_in_) if hasattr(self, "feature_names_in_") else None
        check_columns(rows, self.n_features_in_, names, type(self).__name__)
        return rows.values

    def _refuse_missing(self, missing) -> None:
        if self.missing == "refuse":
            raise InputError(
                f"X has missing values (NaN) in {np.count_nonzero(missing)} of {len(missing)} rows, the first is row "
                f"{np.argmax(missing) + 1}. Leave these rows out: TorusDensity(missing='drop')."
            )

    def _on_lattice(self, axes) -> np.ndarray:
        """The log-density relative to the uniform one."""
        points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
        return self._density.log_density(points.reshape(-1, len(axes)) % 1.0).reshape(points.shape[:-1])

    def _lattice(self, grid, from_zero: bool = False) -> list[np.ndarray]:
        """Points along each axis in sides of the torus, from the start of what is shown or from zero."""
        d = self.n_features_in_
        sizes = FINE[d] if grid is None else grid
        sizes = (sizes,) * d if np.ndim(sizes) == 0 else tuple(sizes)
        if len(sizes) != d:
            raise InputError(f"grid must be a number of points, or one for each of {d} columns, got {grid!r}.")
        sizes = [checked_whole("grid", size, most=LARGEST_AXIS[d]) for size in sizes]
        origins = np.zeros(d) if from_zero else np.broadcast_to(self.coordinates_.origin, d)
        return [origin + np.arange(size) / size for origin, size in zip(origins, sizes, strict=True)]

    def _summary(self) -> str:
        words = f"{len(self._points)} rows of {self.coordinates_.in_words(self.n_features_in_)}"
        if hasattr(self, "validation_score_"):
            better = self.validation_score_ + self._log_cell
            words += f"; {better:.3f} nats a row above the uniform density on rows held out"
            words += f", {self.train_validation_gap_:.3f} more on those trained on"
        metric, shape = self.model_.metric, " x ".join(map(str, self.model_.torus.shape))
        return (
            f"{words}; s = {metric.smoothness:g}, l = {metric.length:g}, band {max(self.model_.band)}, grid {shape}, "
            f"{self.n_iter_} iterations"
        )


def _legacy_generator(random_state) -> np.random.RandomState:
    """NumPy's legacy generator, whose stream is frozen, as scikit-learn makes it of a seed, one of its own, or None."""
    if isinstance(random_state, np.random.RandomState):
        return random_state
    if random_state is not None:
        random_state = checked_whole("random_state", random_state, 0, 2**32 - 1)
    return np.random.RandomState(random_state)


def _generator(random_state) -> np.random.Generator:
    if isinstance(random_state, np.random.Generator):
        return random_state
    if isinstance(random_state, np.random.RandomState):
        return np.random.default_rng(random_state.randint(2**31))
    return np.random.default_rng(None if random_state is None else checked_seed(random_state))


def _plain(value):
    """What JSON does not know: numbers and arrays of NumPy; anything else as its name."""
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else repr(value)
