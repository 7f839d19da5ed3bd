"""Where fields live, how they are transformed and summed: all that knows of threads, libraries, compiled loops."""

from __future__ import annotations

from typing import Any

from .backend import Backend, Empty, Stages, Transform
from .cpu.lines import is_there
from .cpu.processors import Processors
from .cpu.transform import default_library
from .cpu.workers import bounded, split
from .division import Division, Undivided
from .host import is_array, to_host
from .mpi.ending import is_of_one, peers_of
from .reference import Reference

__all__ = [
    "LIBRARIES",
    "ON_DEVICES",
    "PACKAGES",
    "Backend",
    "Division",
    "Empty",
    "Stages",
    "Transform",
    "Undivided",
    "can_be_had",
    "default_library",
    "is_array",
    "is_of_one",
    "is_there",
    "make_backend",
    "make_division",
    "peers_of",
    "split",
    "to_host",
]

# What a Torus may ask for.
LIBRARIES = ("fftw", "rocket", "scipy", "numpy")
# What has to be installed for some of them.
PACKAGES = {"fftw": "pyfftw", "rocket": "rocket-fft"}
# Those of a GPU.
ON_DEVICES = ("cufft", "cupy")


def can_be_had(library: str, device: str) -> bool:
    """Whether this library transforms where the device is; of a GPU all do, or none."""
    return library in LIBRARIES and is_there(library) if device == "cpu" else library in ON_DEVICES


def make_backend(library: str | None, threads: int, device: str = "cpu", division: Any = None) -> Backend:
    """The backend of a Torus, with as many threads as this machine can use; of a GPU if its device is one, and of the
    processes of a division if there is one.

    Raises
    ------
    InputError
        If the device is none, or is not there.
    """
    if device != "cpu":
        from .cuda.device import make

        return make(device, library)
    library = library or default_library()
    if division is not None:
        from .mpi.processes import Processes

        return Processes(division, bounded(threads), library)
    return Reference() if library == "numpy" else Processors(bounded(threads), library)


def make_division(comm: Any, shape: tuple[int, ...]) -> Division:
    """How the processes of a communicator of mpi4py, or those of a division, share a grid.

    Raises
    ------
    InputError
        If they cannot, or it is neither.
    """
    from .mpi.slabs import Slabs

    return Slabs(comm, shape)
