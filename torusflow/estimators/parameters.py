"""What scikit-learn asks of an estimator, without scikit-learn: parameters by name, tags, and whether it is fitted."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np

from ..arguments import checked_seed, checked_whole
from ..errors import InputError
from .tables import checked_weights


class NotFittedError(InputError, AttributeError):
    """The estimator has seen no data yet."""


class Parameters:
    """An estimator whose parameters are the arguments of its __init__, which stores them as they are.

    What a fit has found has a name that ends in an underscore.
    """

    @classmethod
    def _names(cls) -> list[str]:
        return sorted(name for name in inspect.signature(cls).parameters)

    def get_params(self, deep: bool = True) -> dict:
        """The parameters by name; deep is for estimators that contain others."""
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self, **parameters):
        """Change parameters by name; what has been fitted stays until the next fit."""
        for name, value in parameters.items():
            if name not in self._names():
                raise InputError(f"{type(self).__name__} has no parameter {name!r}. It has {', '.join(self._names())}.")
            setattr(self, name, value)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return any(name.endswith("_") and not name.startswith("_") for name in vars(self))

    def _check_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise NotFittedError(f"this {type(self).__name__} has seen no data yet. Call fit(X) first.")

    def __sklearn_tags__(self):
        """Asked by scikit-learn only, which is then there."""
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(
            estimator_type="density_estimator",
            target_tags=TargetTags(required=False),
            input_tags=InputTags(allow_nan=getattr(self, "missing", None) == "drop"),
        )


class DensityEstimator(Parameters):
    """An estimator of a density of the columns of a table, with `score_samples`."""

    score_samples: Callable

    def score(self, X, y=None, sample_weight=None) -> float:
        """The sum of the log-densities of all rows, as `sklearn.neighbors.KernelDensity` has it; missing ones left out.

        Parameters
        ----------
        X : array (N, d) or DataFrame
        y : ignored
        sample_weight : array (N,), optional
        """
        scores = self.score_samples(X)
        return float(np.nansum(checked_weights(sample_weight, len(scores)) * scores))

    @property
    def _column_names(self) -> tuple[str, ...] | None:
        """Those of the frame that was fitted."""
        names = vars(self).get("feature_names_in_")
        return None if names is None else tuple(names)


def legacy_generator(random_state) -> np.random.RandomState:
    """NumPy's legacy generator, whose stream is frozen, as scikit-learn makes it of a seed, one of its own, or None."""
    if isinstance(random_state, np.random.RandomState):
        return random_state
    if random_state is not None:
        random_state = checked_whole("random_state", random_state, 0, 2**32 - 1)
    return np.random.RandomState(random_state)


def generator(random_state) -> np.random.Generator:
    """A generator, one seeded by a legacy one, or a new one of a seed or None."""
    if isinstance(random_state, np.random.Generator):
        return random_state
    if isinstance(random_state, np.random.RandomState):
        return np.random.default_rng(random_state.randint(2**31))
    return np.random.default_rng(None if random_state is None else checked_seed(random_state))
