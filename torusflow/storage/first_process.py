"""What the first of several processes does with a file, while the others give and take their parts of arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, cast

import h5py
import numpy as np

from ..backends import Division
from ..errors import InputError, TorusflowError
from .encoding import PlaceError
from .shared_array import SharedArray

Parts = Callable[[tuple], tuple[int, list[int]] | None]


class FirstProcess:
    """Functions are run by the first process; the others take part in what it does with shared arrays.

    All processes call `share` and `run` alike; what else there is, is for the functions that are run.

    Parameters
    ----------
    division : Division
    memory : float
        Bytes that all processes have.
    parts : callable
        From the shape of an array to the axis along which it is divided, and where the parts end; None if it is not.

    Attributes
    ----------
    stands : dict of str to SharedArray
        The arrays for which room has been made in a file, by their names there.
    """

    def __init__(self, division: Division, memory: float, parts: Parts):
        self.division, self.memory, self._parts_of = division, memory, parts
        self.stands: dict[str, SharedArray] = {}
        self._arrays: list[SharedArray] = []
        self._asking = False

    def share(self, part, axis: int) -> SharedArray:
        """What stands for the array of which each process gives its part along an axis."""
        ends = np.cumsum(self.division.everyone(part.shape[axis])).tolist()
        self._arrays.append(SharedArray(self, np.ascontiguousarray(part), axis, ends))
        return self._arrays[-1]

    def run(self, function: Callable[[], Any]) -> Any:
        """What a function gives on the first process, for all; or the error that it raises there.

        Of shared arrays within mappings each process gets its part.
        """
        if self.division.rank:
            return self._take_part()
        value, said, error = None, "", None
        try:
            value = _numbered(function(), self._arrays)
        except Exception as raised:
            if self._asking:  # the others wait for what cannot come any more
                raise
            error = raised
            said = str(error) if isinstance(error, TorusflowError) else f"{type(error).__name__}: {error}"
        self.division.everyone((None, (value, said)))
        if type(error) is InputError:
            raise error
        if said:
            raise InputError(said) from error
        return self._here(value)

    def _take_part(self) -> Any:
        """What the first process comes to, while this one does what it asks for."""
        name, arguments = self.division.everyone(None)[0]
        while name is not None:
            getattr(self, name)(*arguments)
            name, arguments = self.division.everyone(None)[0]
        value, said = arguments
        if said:
            raise InputError(said)
        return self._here(value)

    def _here(self, value) -> Any:
        """The parts of shared arrays that are here."""
        if isinstance(value, dict):
            return {name: self._here(thing) for name, thing in value.items()}
        return self._arrays[value.number].part if isinstance(value, _Number) else value

    # -- by the first process --------------------------------------------------------------------------------------

    def places(self, file: h5py.File) -> dict[int, SharedArray]:
        """Where in a file there is room for shared arrays."""
        datasets = {name: cast(h5py.Dataset, file[name]) for name in self.stands}
        return {data.id.get_offset(): self.stands[name] for name, data in datasets.items() if data.size}

    def read(self, dataset: h5py.Dataset) -> Any:
        """The numbers of a dataset, a shared array where it is to be divided; a PlaceError where one is not finite."""
        divided = self._parts_of(dataset.shape)
        if divided is None:
            return dataset[...]
        array = self._together("_make", dataset.shape, dataset.dtype.newbyteorder("="), *divided)
        if not array.read(dataset):
            raise PlaceError(str(dataset.name), "not all of its numbers are finite")
        return array

    def gather(self, array: SharedArray, block) -> np.ndarray:
        """A piece of an array."""
        return self._together("_gather", self._arrays.index(array), block)

    def scatter(self, array: SharedArray, block, piece) -> None:
        """Set a piece of an array."""
        self._together("_scatter", self._arrays.index(array), block, piece=piece)

    def _together(self, name: str, *arguments, **own) -> Any:
        """Have all processes call a method, which has arguments of its own here."""
        self._asking = True
        self.division.everyone((name, arguments))
        value = getattr(self, name)(*arguments, **own)
        self._asking = False
        return value

    # -- by all processes ------------------------------------------------------------------------------------------

    def _make(self, shape, kind, axis: int, ends: list[int]) -> SharedArray:
        start, stop = [0, *ends][self.division.rank], ends[self.division.rank]
        part = np.empty((*shape[:axis], stop - start, *shape[axis + 1 :]), kind)
        self._arrays.append(SharedArray(self, part, axis, ends))
        return self._arrays[-1]

    def _gather(self, number: int, block) -> Any:
        array = self._arrays[number]
        return self.division.gather(array.part[array.here(block)], array.axis, root=0)

    def _scatter(self, number: int, block, piece=None) -> None:
        array = self._arrays[number]
        start, stop = array.overlap(block)
        first = block[array.axis].start
        array.part[array.here(block)] = self.division.scatter(piece, array.axis, slice(start - first, stop - first))


class _Number(NamedTuple):
    """Stands for a shared array on its way to the other processes."""

    number: int


def _numbered(value, arrays: list[SharedArray]) -> Any:
    if isinstance(value, dict):
        return {name: _numbered(thing, arrays) for name, thing in value.items()}
    return _Number(arrays.index(value)) if isinstance(value, SharedArray) else value


def parts_on(division: Division, grids: Iterable[tuple[int, ...]], coefficients: tuple[int, ...]) -> Parts:
    """How arrays are divided of which the last axes are those of whole controls, of their real parts, or of a grid.

    Parameters
    ----------
    division : Division
    grids : tuples of int
    coefficients : tuple of int
        (layers, d, *modes).
    """
    axis = min(len(coefficients) - 2, 2) + 1
    columns = division.modes(coefficients[2:])[axis - 2]
    places = {coefficients: (axis, columns), (*coefficients, 2): (axis, columns)}
    places |= {grid: (0, division.points(grid)[0]) for grid in grids}
    kinds = [(of, axis, division.everyone(here.stop)) for of, (axis, here) in places.items()]

    def parts(shape: tuple) -> tuple[int, list[int]] | None:
        found = ((len(shape) - len(of) + axis, ends) for of, axis, ends in kinds if ends_with(shape, of))
        return next(found, None)

    return parts


def ends_with(shape: tuple, part: tuple) -> bool:
    """Whether the last axes of an array are as long as these."""
    return len(shape) >= len(part) and shape[len(shape) - len(part) :] == tuple(part)
