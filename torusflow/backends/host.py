"""From wherever arrays live to the memory of this machine."""

from __future__ import annotations

import numpy as np


def is_array(values) -> bool:
    """Whether it is an array of NumPy, or of a library whose arrays NumPy's functions take."""
    return hasattr(values, "__array_function__")


def to_host(values) -> np.ndarray:
    """The same numbers as an array of NumPy, not copied where they are one; for files, pictures and points.

    Arrays of a device do not become one unasked: they have a method ``get``, as CuPy's have.
    """
    return values.get() if is_array(values) and hasattr(values, "get") else np.asarray(values)
