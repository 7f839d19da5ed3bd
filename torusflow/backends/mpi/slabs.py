"""The processes of a communicator, and what each of them has of a grid and of its coefficients."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from ...errors import InputError
from ..division import usable_processors
from .ending import peers_of


class Slabs:
    """Rows of axis 0 and columns of axis 1, in whole pieces of one array each (`torusflow.backends.division.Division`).

    Parameters
    ----------
    comm : mpi4py.MPI.Intracomm
    shape : tuple of int
        Of the grid.

    Attributes
    ----------
    peers : Peers
        By whom they speak, and end.

    Raises
    ------
    InputError
        If the grid has one axis, or there are more processes than rows, or than columns of a communicator given by
        hand: on grids made of others some may have none.
    """

    def __init__(self, comm: Any, shape: tuple[int, ...]):
        by_hand = not isinstance(comm, Slabs)
        comm = checked_communicator(comm)
        self.comm, self.shape, self.peers = comm, shape, peers_of(comm)  # by whom what follows is said once
        self.processes, self.rank = comm.size, comm.rank
        if len(shape) == 1:
            raise InputError(
                "a torus of one axis is not divided among processes: transforms along it want all of it. Leave out "
                "comm (mpiexec on the command line), or use two or three axes."
            )
        most = min(self._most_rows(shape), self._most_columns() if by_hand else comm.size)
        if comm.size > most:
            raise InputError(
                f"{comm.size} processes are too many for a grid of {' x '.join(map(str, shape))}: at most {most} have "
                f"rows and columns to work on. Start {most} (mpiexec -n {most}), or use a finer grid."
            )

    @property
    def private(self) -> Any:
        """The communicator for one message of all processes; it is asked for anew for each."""
        return self.peers.exchange

    @cached_property
    def neighbours(self) -> int:
        """How many of the processes share the memory of a machine with this one."""
        return len(self._neighbours())

    def processors(self) -> int:
        """Of this machine, for each of the processes that may use the same ones."""
        mine = usable_processors()
        return max(1, len(mine) // sum(mine == theirs for theirs in self._neighbours()))

    def _neighbours(self) -> list[frozenset[int]]:
        """The processors that each process of this machine may use."""
        from mpi4py import MPI

        machine = MPI.Get_processor_name()
        return [used for name, used in self.everyone((machine, usable_processors())) if name == machine]

    def __eq__(self, other) -> bool:
        from mpi4py import MPI

        same = (MPI.IDENT, MPI.CONGRUENT)
        return isinstance(other, Slabs) and MPI.Comm.Compare(self.comm, other.comm) in same

    def __hash__(self) -> int:
        return hash(self.processes)

    def __str__(self) -> str:
        return f", comm=<{self.processes} processes>"

    def __deepcopy__(self, memo) -> Slabs:
        return self  # there is one communicator, whatever is copied

    def __reduce__(self):
        from mpi4py import MPI

        if self.comm not in (MPI.COMM_WORLD, MPI.COMM_SELF):
            raise InputError(
                "a communicator other than MPI.COMM_WORLD and MPI.COMM_SELF has no name by which another process "
                "would know it, so what lives on its torus cannot be pickled. Gather fields, and pickle these."
            )
        return Slabs, (self.comm, self.shape)

    # -- who has what ------------------------------------------------------------------------------------------

    def points(self, shape) -> tuple[slice, ...]:
        return (self.rows(shape)[self.rank], *(slice(0, n) for n in shape[1:]))

    def modes(self, kept) -> tuple[slice, ...]:
        pieces = self.columns(kept)
        return (slice(0, kept[0]), pieces[self.rank], *(slice(0, n) for n in kept[2:]))

    def rows(self, shape) -> list[slice]:
        """The rows of axis 0 that each process has."""
        return cut(shape[0], self.processes, 2 if len(shape) == 2 else 1)

    def columns(self, kept) -> list[slice]:
        """The coefficients along axis 1 that each process has; some have none where they are few."""
        return cut(kept[1], self.processes, 1 if len(kept) == 3 and kept[2] > 1 else 2)

    def fits(self, shape) -> bool:
        return self.processes <= self._most_rows(shape)

    def _most_rows(self, shape) -> int:
        """Processes of which each has rows."""
        return shape[0] // 2 if len(shape) == 2 else shape[0]

    def _most_columns(self) -> int:
        """Processes of which each has columns of a field of the largest band."""
        band = (self.shape[1] - 1) // 3
        return max(1, (band + 1) // 2 if len(self.shape) == 2 else 2 * band + 1)

    # -- what they tell one another ----------------------------------------------------------------------------

    def everyone(self, value) -> list:
        return self.peers.everyone(value)

    def agree(self, error: BaseException) -> None:
        self.peers.agree(error)

    def gather(self, part, axis: int, root: int | None = None) -> Any:
        if self.processes == 1:
            return part
        front = np.ascontiguousarray(np.moveaxis(part, axis, 0))
        counts = np.array(self.everyone(front.size))
        lengths = self.everyone(len(front))
        receives = root is None or root == self.rank
        whole = np.empty((sum(lengths), *front.shape[1:]), front.dtype) if receives else None
        target = None if whole is None else [whole, counts]
        if root is None:
            self.private.Allgatherv(front, target)
        else:
            self.private.Gatherv(front, target, root)
        return None if whole is None else np.ascontiguousarray(np.moveaxis(whole, 0, axis))

    def part(self, whole, axis: int, here: slice) -> np.ndarray:
        if self.processes == 1:
            return whole
        return np.ascontiguousarray(whole[(slice(None),) * axis + (here,)])

    def scatter(self, whole, axis: int, here: slice) -> np.ndarray:
        if self.processes == 1:
            return whole
        pieces = self.private.gather(here)
        send = None
        if self.rank == 0:
            front = np.ascontiguousarray(np.moveaxis(whole, axis, 0))
            inner = front[:1].size
            counts, starts = ([getattr(p, name) for p in pieces] for name in ("stop", "start"))
            counts = [(stop - start) * inner for stop, start in zip(counts, starts, strict=True)]
            send = [front, (counts, [start * inner for start in starts])]
        shape, dtype = self.private.bcast((front.shape[1:], front.dtype) if self.rank == 0 else None)
        part = np.empty((here.stop - here.start, *shape), dtype)
        self.private.Scatterv(send, part)
        return np.ascontiguousarray(np.moveaxis(part, 0, axis))

    def fetch(self, values, here: slice, wanted) -> np.ndarray:
        if self.processes == 1:
            return values[..., wanted]
        pieces, wishes = self.everyone((here.start, here.stop)), self.everyone(wanted)
        own = [wish[(wish >= here.start) & (wish < here.stop)] - here.start for wish in wishes]
        came = self.private.alltoall([np.ascontiguousarray(values[..., places]) for places in own])
        found = np.empty((*values.shape[:-1], len(wanted)), values.dtype)
        for (start, stop), part in zip(pieces, came, strict=True):
            found[..., (wanted >= start) & (wanted < stop)] = part
        return found


def cut(length: int, parts: int, unit: int) -> list[slice]:
    """Nearly equal pieces of range(length), of whole units; what is left over goes to the last one.

    Where lines along other axes are few, a unit is two: the libraries transform a single line by another order of
    additions than one of several, and pieces of one line would change the last bits.
    """
    units = max(1, length // unit)
    ends = [units * (i + 1) // parts * unit for i in range(parts)]
    ends[-1] = length
    return [slice(start, end) for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def checked_communicator(comm: Any):
    """A communicator of mpi4py, or that of a division that is given in its place, or an InputError."""
    if isinstance(comm, Slabs):
        return comm.comm
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # it has none of MPI's libraries
        raise InputError(
            f"comm needs mpi4py and an MPI, which cannot be used here ({error}). Install them: pip install "
            f"'torusflow[mpi]' mpich, or mpi4py with the MPI of your system."
        ) from None
    if not isinstance(comm, MPI.Intracomm) or comm == MPI.COMM_NULL:
        raise InputError(f"comm must be a communicator of mpi4py, such as MPI.COMM_WORLD, got {comm!r}.")
    return comm
