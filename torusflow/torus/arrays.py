"""Arrays that live where the fields of a torus do."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..arguments import in_words, refuse_masked
from ..backends import LIBRARIES, Backend, Division, Empty, Undivided, is_there, make_backend, make_division, to_host
from ..errors import InputError


def chosen_backend(threads: int | None, library: Any, device: Any, comm: Any, shape: tuple[int, ...]) -> Backend:
    """The backend that the arguments of a `Torus` ask for.

    Raises
    ------
    InputError
        If one of them is none of its kind, or what it names is not here.
    """
    division = Undivided() if comm is None else make_division(comm, shape)
    if threads is None:
        threads = division.processors()
    elif isinstance(threads, bool) or not isinstance(threads, int | np.integer) or threads < 1:
        raise InputError(
            f"threads must be a positive whole number, got {threads!r}. Leave it out to use all processors."
        )
    if not isinstance(device, str):
        raise InputError(f"device must be 'cpu', 'cuda', or 'cuda:1' for the second GPU, got {device!r}.")
    if comm is not None and (device != "cpu" or isinstance(library, Backend) or library == "numpy"):
        raise InputError(
            f"a grid is divided among processes whose own processors compute, by 'fftw', 'rocket' or 'scipy'; got "
            f"device={device!r}, library={library!r} with comm. Leave these out, or comm (mpiexec on the command line)."
        )
    if isinstance(library, Backend) and not isinstance(library, type):
        if device not in ("cpu", library.device):
            raise InputError(f"the backend given has its arrays on {library.device!r}, not on {device!r}.")
        return library
    name = library if isinstance(library, str) else None
    if library is not None and (name is None or (device == "cpu" and name not in LIBRARIES)):
        raise InputError(f"library must be 'fftw', 'scipy' or 'numpy', or 'rocket' with rocket-fft, got {library!r}.")
    if name == "rocket" and not is_there(name):
        raise InputError(
            "library='rocket' needs rocket-fft, which is not installed. Install it (pip install rocket-fft), or use "
            "library='scipy'."
        )
    if name == "fftw" and not is_there(name):
        raise InputError(
            "library='fftw' needs pyFFTW, with an FFTW that can be called, which is not installed. Install it, or use "
            "library='scipy'."
        )
    return make_backend(name, int(threads), device, None if comm is None else division)


class Arrays:
    """What a `Torus` makes and takes arrays by: it asks its backend."""

    _backend: Backend
    division: Division
    device: str

    def empty(self, shape, dtype: DTypeLike = float) -> np.ndarray:
        """An array that holds anything, where fields live."""
        return self._backend.empty(shape, dtype)

    def zeros(self, shape, dtype: DTypeLike = float) -> np.ndarray:
        """An array of zeros, where fields live."""
        return self._backend.zeros(shape, dtype)

    def asarray(self, values, name: str = "the array", kinds: str | None = "fiubc") -> np.ndarray:
        """Numbers as an array where fields live, not copied where they are one.

        Parameters
        ----------
        values : array, number, or nested sequence of numbers
        name : str
            What they are, for the message.
        kinds : str or None
            Kinds of numbers that are taken, as in ``numpy.dtype.kind``; None leaves that to the caller.

        Raises
        ------
        InputError
            If they are masked, none of these kinds, or live on another device.
        """
        refuse_masked(values, name)
        try:
            array = self._backend.asarray(values)
        except ValueError:  # rows of unequal length
            array = np.empty(0, object)
        except TypeError as error:
            raise InputError(f"{name} cannot be used on this torus: {error}") from None
        if kinds is not None and array.dtype.kind not in kinds:
            wanted = "numbers" if "c" in kinds else "real numbers"
            raise InputError(f"{name} must be an array of {wanted}, got {in_words(values, array)}.")
        return array

    def fixed(self, values) -> np.ndarray:
        """A copy of an array, which cannot be written into where its library knows of that."""
        return self._backend.fixed(values)

    def to_host(self, values) -> np.ndarray:
        """The same numbers as an array of NumPy; not copied where they are one."""
        return to_host(values)

    def spare(self) -> Empty:
        """Memory of large arrays of real numbers, used again when they are gone."""
        return self._backend.spare()

    @property
    def place(self) -> str:
        """Where arrays live, in words."""
        if self.division.processes > 1:
            return f"the machines of {self.division.processes} processes together"
        return "this machine" if self.device == "cpu" else f"the device {self.device!r}"

    def free_memory(self) -> float:
        """Bytes for more arrays where fields live, now."""
        return self._backend.free_memory()

    def physical_memory(self) -> float:
        """Bytes for arrays where fields live, were there no others."""
        return self._backend.physical_memory()

    def parallel(self, function, parts) -> None:
        """Call function(part) for every part on the threads of this torus."""
        self._backend.parallel(function, parts)

    # -- sums and extremes -------------------------------------------------------------------------------------

    def total(self, values) -> float:
        """The sum of all numbers of an array (..., *modes)."""
        return self._backend.total(values)

    def maximum(self, f) -> float:
        """max f over the grid."""
        return self._backend.maximum(self._numbers(f, "a field", "fiub"))

    def minimum(self, f) -> float:
        """min f over the grid."""
        return self._backend.minimum(self._numbers(f, "a field", "fiub"))

    def largest(self, values) -> float:
        """max |x| of an array of real or complex numbers, real and imaginary parts apart; not finite if one is not."""
        return self._backend.largest(values)

    def is_finite(self, f) -> bool:
        """Whether every value of f is a finite number."""
        return self._backend.is_finite(self.asarray(f))

    def _numbers(self, values, name: str, kinds: str = "fiubc") -> np.ndarray:
        """Like `asarray`, with at least one number; not of each process, where coefficients are few."""
        array = self.asarray(values, name, kinds)
        if not array.size and self.division.processes == 1:
            raise InputError(f"{name} must be an array of numbers, got none of them.")
        return array


def checked_numbers(values, what: str, kinds: str) -> np.ndarray:
    """An array of NumPy of numbers of these kinds, at least one, or an InputError."""
    refuse_masked(values, what)
    try:
        array = np.asarray(values)
    except ValueError:  # rows of unequal length
        array = np.empty(0)
    if array.dtype.kind not in kinds or not array.size:
        raise InputError(f"{what} must be numbers, got {values!r}.")
    return array


def checked_shape(shape) -> tuple[int, ...]:
    """Points per axis as a tuple, or an InputError."""
    given = shape
    try:
        shape = (shape,) if np.ndim(shape) == 0 else tuple(shape)
    except (ValueError, TypeError):  # rows of unequal length, or nothing that has an order
        shape = ()
    whole = all(isinstance(n, int | np.integer) and not isinstance(n, bool) for n in shape)
    if not whole or not 1 <= len(shape) <= 3 or min(shape) < 4:
        raise InputError(
            f"a torus has 1, 2 or 3 axes of at least 4 grid points each, got {given!r}. Write Torus((64, 64)), say."
        )
    return tuple(int(n) for n in shape)
