"""How uncertain a fitted density is: the fits of resampled rows, and bands of whatever is computed of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from ..arguments import checked_whole, is_number
from ..descent import descend
from ..descent.progress import Progress
from ..display import OneLine
from ..errors import InputError
from ..losses import NormalisedLikelihood
from ..models import LogDensityNODE
from ..risk import Risk
from ..torus.density import Density
from .pilot import pilot
from .search import METHOD
from .settings import Sample

if TYPE_CHECKING:
    from .fitted_density import FittedDensity

# A fit is as smooth as makes it good on average, so that its bias is as large as its spread, and a band of fits like it
# would leave the truth out too often (77 times of 100 in place of 90, for a thousand rows of one wide peak). Fits of
# resampled rows have a weaker prior, more iterations and a narrower start, so that spread rules: 86 times.
WEAKER, ITERATIONS, NARROWER = 5.0, 20, 1.5


class Replicate(NamedTuple):
    """A fit of resampled rows: the density that its flow starts from, and the control."""

    start: Density
    control: np.ndarray


@dataclass(frozen=True, eq=False)
class Bootstrap(OneLine):
    """Fits of resampled rows, each of which is a `TorusDensity`: iterate over them, or take bands.

    They are less smooth than the fit of all rows, whose values may lie outside a band: then its smoothness is what
    they come from.

    Attributes
    ----------
    density : TorusDensity
        The fit of all rows.
    replicates : sequence of Replicate
    """

    density: FittedDensity
    replicates: Sequence[Replicate]

    def __len__(self) -> int:
        return len(self.replicates)

    def __iter__(self) -> Iterator[FittedDensity]:
        return (self.density.replicate(*replicate) for replicate in self.replicates)

    def band(self, quantity: Callable, level: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
        """The pointwise band of a quantity: it lies below in (1 - level)/2 of the fits, and as often above.

        Parameters
        ----------
        quantity : callable
            TorusDensity -> number or array.
        level : float
            Between 0 and 1.

        Returns
        -------
        low, high : arrays
        """
        if not is_number(level) or not 0 < level < 1:
            raise InputError(f"level must be between 0 and 1, such as 0.9, got {level!r}.")
        values = np.stack([np.asarray(quantity(density)) for density in self])
        low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2], axis=0)
        return low, high

    def density_band(self, grid=None, level: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
        """The band of `TorusDensity.density` on a grid, two arrays (*grid)."""
        return self.band(lambda density: density.density(grid), level)

    def score_band(self, X, level: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
        """The band of `TorusDensity.score_samples`, two arrays (N,)."""
        return self.band(lambda density: density.score_samples(X), level)

    def contour_band(self, masses=(0.5, 0.98), level: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
        """The band of `TorusDensity.contour_levels`, two arrays (len(masses),)."""
        return self.band(lambda density: density.contour_levels(masses), level)


def resampled(progress: Progress, bandwidth: float, n: int, block: int | None, rng) -> list[Replicate]:
    """n fits of resampled rows, less smooth than that of all rows [1]_, at whose control each begins.

    Parameters
    ----------
    progress : Progress
        Of the fit of all rows.
    bandwidth : float
        Of the kernel estimates that the flows start from; 0 for the start of all rows.
    n : int
    block : int, optional
        Rows in a row that are drawn together [2]_; one if not given.
    rng : RandomState

    Raises
    ------
    InputError
        If blocks are longer than half of the rows.

    References
    ----------
    .. [1] P. Hall, Effect of bias estimation on coverage accuracy of bootstrap confidence intervals for a probability
       density, Ann. Statist. 20 (1992) 675-694, doi:10.1214/aos/1176348651.
    .. [2] D. N. Politis, J. P. Romano, A circular block-resampling procedure for stationary data, in: Exploring the
       limits of bootstrap, Wiley 1992, 263-270.
    """
    loss, model = cast(NormalisedLikelihood, progress.risk.loss), cast(LogDensityNODE, progress.risk.model)
    rows = len(loss.samples)
    length = checked_whole("block", 1 if block is None else block)
    if length > rows // 2:
        raise InputError(f"block={length} rows are too long for {rows}: there must be two blocks or more to draw from.")
    sample = Sample(loss.samples, np.ones(rows) if loss.weights is None else loss.weights, loss.given)
    control, replicates = progress.state.control, []
    for _ in range(checked_whole("n", n)):
        times = _times_drawn(rows, length, rng)
        used = np.flatnonzero(times * sample.weights > 0)
        drawn = sample.only(used)._replace(weights=times[used] * sample.weights[used])
        start = (
            pilot(model.torus, *drawn[:2], bandwidth / NARROWER, drawn.given)
            if bandwidth
            else cast(Density, model.initial)
        )
        risk = Risk(replace(model, initial=start), drawn.likelihood(model.torus), progress.risk.penalty / WEAKER)
        replicates.append(Replicate(start, descend(risk, control, METHOD, ITERATIONS, refine=True).control))
    return replicates


def _times_drawn(rows: int, length: int, rng: np.random.RandomState) -> np.ndarray:
    """How often each row is drawn, in circular blocks."""
    starts = rng.randint(rows, size=math.ceil(rows / length))
    drawn = (starts[:, None] + np.arange(length)).ravel()[:rows] % rows
    return np.bincount(drawn, minlength=rows)
