"""A density of angles from a table, with all choices made by validation."""

from __future__ import annotations

import dataclasses
import time
import warnings

from ..arguments import checked_whole
from .files import Fit, read_fit, write_fit
from .fitted_density import FittedDensity
from .fitting import checked_fixed, checked_seconds, doubts, fit_density
from .parameters import legacy_generator
from .tables import Rows, Training, checked_weights, rows_of, training_rows

CHOSEN = ("smoothness", "length", "penalty", "band", "grid")


class TorusDensity(FittedDensity):
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
        return self.fit_table(rows_of(X), sample_weight)

    def fit_table(self, table: Rows, sample_weight=None) -> TorusDensity:
        """What `fit` does with a table."""
        weights = checked_weights(sample_weight, len(table.values))
        for said in self.fit_rows(training_rows(table, weights, self.period, self.missing, given=self.given)):
            warnings.warn(said, stacklevel=3)
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
