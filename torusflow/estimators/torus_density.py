"""A density of angles from a table, with all choices made by validation."""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING

import numpy as np

from ..arguments import check_kind, checked_whole, is_positive
from ..errors import InputError
from ..storage import RunFile, load
from ..torus.coordinates import PERIODS, Coordinates
from ..torus.density import LARGEST_SAMPLE
from ..torus.regions import highest_density_levels
from .parameters import Parameters
from .search import METHOD, Choice, Descent, folds_of, search
from .settings import candidates
from .tables import check_columns, check_variety, checked_weights, rows_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LARGEST_GAP = 0.1  # nats between rows trained on and rows held out
# Points an axis of the grids on which regions are measured and modes are looked for.
FINE = {1: 2880, 2: 360, 3: 72}


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
        plan = candidates(len(points), points.shape[1], self._chosen())
        workers = self._workers()
        rng = _legacy_generator(self.random_state)
        deadline = began + self.max_time / 2
        folds = folds_of(len(points), plan.folds, rng)
        choice = search(plan.settings, points, weights, folds, plan.rounds, self.max_iter, deadline, workers)
        if (fine := plan.refined(choice.setting)) != choice.setting:
            choice = search([fine], points, weights, folds, (), self.max_iter, deadline, workers)
        descent = Descent(choice.setting, points, weights)
        while descent.progress.done < choice.iterations and not descent.status:
            descent.advance(descent.progress.done + 1)
            if time.perf_counter() > began + self.max_time:
                break
        self._keep(choice, descent, points, weights, coordinates, names)
        self.fit_seconds_ = time.perf_counter() - began
        return self
