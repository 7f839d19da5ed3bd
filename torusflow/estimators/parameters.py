"""What scikit-learn asks of an estimator, without scikit-learn: parameters by name, tags, and whether it is fitted."""

from __future__ import annotations

import inspect

from ..errors import InputError


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
