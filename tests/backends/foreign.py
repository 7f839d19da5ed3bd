"""A backend whose arrays are not NumPy's, to see that nobody takes them for that: as strict as a device's are."""

import numbers
import operator
from types import SimpleNamespace

import numpy as np
import scipy.fft
from numpy.lib.mixins import NDArrayOperatorsMixin

from torusflow.backends.reference import Reference


class Foreign(NDArrayOperatorsMixin):
    """An array that NumPy's functions take, but no array of NumPy beside it, and that becomes none unasked."""

    def __init__(self, inner):
        self._inner = np.asarray(inner)

    def get(self):
        """A copy as an array of NumPy, as from a device."""
        return self._inner.copy()

    def __array__(self, dtype=None, copy=None):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`.")

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **kwargs):
        if out is not None:
            kwargs["out"] = out
        result = getattr(ufunc, method)(*map(native, inputs), **{key: native(value) for key, value in kwargs.items()})
        return out[0] if out is not None else wrapped(result)

    def __array_function__(self, function, types, args, kwargs):
        return wrapped(function(*map(native, args), **{key: native(value) for key, value in kwargs.items()}))

    def __getitem__(self, key):
        return wrapped(self._inner[index(key)])

    def __setitem__(self, key, value):
        self._inner[index(key)] = native(value)

    def __len__(self):
        return len(self._inner)

    def __iter__(self):
        return map(wrapped, self._inner)

    def __repr__(self):
        return repr(self._inner)

    def __str__(self):
        return str(self._inner)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self._inner, name)
        if callable(found):
            return lambda *args, **kwargs: wrapped(found(*map(native, args), **kwargs))
        return wrapped(found)

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return self.copy()

    def __reduce__(self):
        return Foreign, (self._inner,)

    __float__ = lambda self: float(self._inner)  # noqa: E731
    __int__ = lambda self: int(self._inner)  # noqa: E731
    __bool__ = lambda self: bool(self._inner)  # noqa: E731
    __index__ = lambda self: operator.index(self._inner)  # noqa: E731


def native(thing):
    """What a function of NumPy shall see; arrays of NumPy are none of ours."""
    if isinstance(thing, Foreign):
        return thing._inner
    if isinstance(thing, np.ndarray):
        raise TypeError(f"Unsupported type {type(thing)}")
    if isinstance(thing, list | tuple):
        if any(isinstance(part, Foreign) for part in thing) and any(isinstance(part, numbers.Number) for part in thing):
            raise TypeError(f"Unsupported list of arrays and numbers {thing}")
        return type(thing)(map(native, thing))
    return thing


def wrapped(thing):
    """Arrays and sums of ours."""
    if isinstance(thing, np.ndarray | np.generic):
        return Foreign(thing)
    return type(thing)(map(wrapped, thing)) if type(thing) in (list, tuple) and _has_arrays(thing) else thing


def _has_arrays(things) -> bool:
    return any(isinstance(thing, np.ndarray | np.generic | list | tuple) for thing in things)


def index(key):
    """A key of ours as one of NumPy; lists of numbers are allowed."""
    return tuple(map(native, key)) if isinstance(key, tuple) else native(key)


class ForeignReference(Reference):
    """The reference backend with these arrays."""

    library, device = "foreign", "abroad"
    fft = SimpleNamespace(
        rfftn=lambda f, **kwargs: Foreign(scipy.fft.rfftn(f._inner, **kwargs)),
        irfftn=lambda f_hat, shape, **kwargs: Foreign(scipy.fft.irfftn(f_hat._inner, shape, **kwargs)),
    )

    def empty(self, shape, dtype=float):
        return Foreign(np.full(shape, np.nan, dtype) if dtype is not bool else np.empty(shape, dtype))

    def zeros(self, shape, dtype=float):
        return Foreign(np.zeros(shape, dtype))

    def asarray(self, values):
        return values if isinstance(values, Foreign) else Foreign(np.array(values))

    def fixed(self, values):
        return values.copy()

    def spare(self):
        return self
