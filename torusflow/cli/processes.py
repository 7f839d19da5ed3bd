"""The processes that mpiexec or srun has started a command as; mostly there is one."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

import click

from ..backends import is_of_one, peers_of
from ..errors import InputError, TorusflowError

# Where launchers tell each process how many there are, and which of them it is: Open MPI, MPICH and its kin, Slurm.
LAUNCHERS = (
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
    ("PMI_SIZE", "PMI_RANK"),
    ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID"),
)


class Processes:
    """Those that share a command, all of which call the same functions.

    Parameters
    ----------
    comm : communicator of mpi4py, optional
        None for one process.

    Attributes
    ----------
    is_first : bool
        Whether this is the one that speaks.
    """

    def __init__(self, comm: Any = None):
        self.comm = comm
        self._peers = None if comm is None else peers_of(comm)
        self.is_first = comm is None or comm.rank == 0

    def by_first(self, function: Callable[[], Any]) -> None:
        """Call a function on the first process; what it refuses, all refuse."""
        said = ""
        try:
            if self.is_first:
                function()
        except InputError as error:
            if self._peers is None:
                raise
            said = str(error)
        if self._peers is not None and (said := self._peers.everyone(said)[0]):
            raise InputError(said)

    def any(self, value):
        """The first thing that any of them says which is not nothing."""
        return value if self._peers is None else next(filter(None, self._peers.everyone(value)), value)

    def agree(self, error: BaseException) -> None:
        """Go on with an error that all have met; one that others have not met is said, and ends all."""
        if self._peers is not None:
            self._peers.agree(error)

    def refuse(self, what: str, instead: str) -> None:
        """Raise an InputError if there are several, and something is done by one."""
        if self.comm is not None:
            raise InputError(
                f"{what} one process, with threads, and {self.comm.size} were started. Start it without mpiexec, or "
                f"{instead}."
            )


def started() -> Processes:
    """The processes of this command; those that were given different ones have nothing to do with each other.

    It leaves with a sentence where they cannot speak to one another.
    """
    size, rank = launched()
    if size == 1:
        return Processes()
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # it has none of MPI's libraries
        _leave(
            rank,
            f"{size} processes were started, which share a grid by mpi4py and an MPI; these cannot be used here "
            f"({error}). Install them (pip install 'torusflow[mpi]' mpich), or start one process.",
        )
    if MPI.COMM_WORLD.size != size:
        library = " ".join(MPI.Get_library_version().split("\n")[0].split(",")[0].split())
        _leave(
            rank,
            f"{size} processes were started, but not by the MPI of mpi4py here ({library}), which finds "
            f"{MPI.COMM_WORLD.size}. Start them with the mpiexec of that MPI, or start one process.",
        )
    if len(set(map(tuple, MPI.COMM_WORLD.allgather(sys.argv[1:])))) > 1:
        return Processes()
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _say
    return Processes(MPI.COMM_WORLD)


def launched() -> tuple[int, int]:
    """How many processes there are, and which of them this one is, as their launcher says."""
    for size, rank in () if is_of_one() else LAUNCHERS:
        if os.environ.get(size, "").isdigit() and os.environ.get(rank, "").isdigit():
            return int(os.environ[size]), int(os.environ[rank])
    return 1, 0


def _leave(rank: int, sentence: str) -> NoReturn:
    if rank == 0:
        click.echo(f"torusflow: {sentence}", err=True)
    sys.exit(2)


def _say(kind, error, trace) -> None:
    """An error of one process, also of one that is silent otherwise."""
    if isinstance(error, TorusflowError):
        click.echo(f"torusflow: {error}", file=sys.__stderr__)
    elif isinstance(error, KeyboardInterrupt):
        click.echo("torusflow: interrupted.", file=sys.__stderr__)
    else:
        traceback.print_exception(kind, error, trace, file=sys.__stderr__)
