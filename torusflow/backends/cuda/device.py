"""The arrays of one GPU, and the backends that compute with them: plain ones of CuPy, and kernels."""

from __future__ import annotations

import functools
import math
from types import SimpleNamespace

import numpy as np

from ...errors import InputError
from .. import ON_DEVICES
from ..reference import Reference
from .modes import Transform
from .stages import Stages
from .work import Work

INSTALL = "pip install 'torusflow[cuda]' for CUDA 13, or pip install cupy-cuda12x for CUDA 12"

# Numbers that are left of an array when its extremes are looked for, before the last pass.
PARTIAL = 2**18
# CuPy makes arrays on the device that is current in a thread, so that one process computes on one of them.
_used: list[int] = []


class Device(Reference):
    """The reference scheme with arrays of CuPy: nothing here is fused, so that kernels can be checked against it.

    Parameters
    ----------
    device : str
        "cuda", or "cuda:1" for another than the first.

    Raises
    ------
    InputError
        If CuPy or a GPU is missing, or this process computes on another one.
    """

    library = "cupy"

    def __init__(self, device: str):
        self._index = _checked_index(device)
        self._xp = _cupy(device, self._index)
        self.device = f"cuda:{self._index}" if self._index else "cuda"
        self.fft = SimpleNamespace(rfftn=self._rfftn, irfftn=self._xp.fft.irfftn)

    def empty(self, shape, dtype=float):
        return self._xp.empty(shape, dtype)

    def zeros(self, shape, dtype=float):
        return self._xp.zeros(shape, dtype)

    def asarray(self, values):
        xp = self._xp
        if isinstance(values, xp.ndarray) or hasattr(values, "__cuda_array_interface__"):
            return xp.asarray(values)
        return xp.asarray(np.asarray(values))

    def fixed(self, values):
        return values.copy()

    def spare(self):
        return self  # what is freed stays in CuPy's pool

    def free_memory(self) -> float:
        return self._xp.cuda.runtime.memGetInfo()[0] + self._xp.get_default_memory_pool().free_bytes()

    def physical_memory(self) -> float:
        return self._xp.cuda.runtime.memGetInfo()[1]

    def _rfftn(self, f, **settings):
        # cuFFT takes no real arrays that begin elsewhere than on 16 bytes.
        return self._xp.fft.rfftn(f.copy() if f.data.ptr % 16 else f, **settings)


class Cuda(Device):
    """`torusflow.backends.backend.Backend` on a GPU: batched cuFFT, kernels between, layers launched as graphs."""

    library = "cufft"

    def __init__(self, device: str):
        super().__init__(device)
        self._work = _work(self._xp)  # pyright: ignore[reportArgumentType] - modules can be hashed

    def plan(self, shape, modes, batch: int) -> Transform:
        return Transform(self._work, shape, modes, batch)

    def stages(self, dimension: int, shape, modes) -> Stages:
        return Stages(self._work, dimension, shape, modes)

    def fastest(self, velocity, weights):
        velocity = self._xp.ascontiguousarray(velocity)
        out = self._xp.empty(min(velocity[0].size, PARTIAL))
        numbers = (*map(float, weights), 0.0, 0.0)[:3]
        self._work.run("speeds", out.size, velocity, out, velocity[0].size, out.size, len(velocity), *numbers)
        return out

    def largest(self, values) -> float:
        values = self._xp.ascontiguousarray(values)
        values = (values.view(float) if values.dtype.kind == "c" else values.astype(float, copy=False)).reshape(-1)
        out = self._xp.empty(min(values.size, PARTIAL))
        self._work.run("magnitudes", out.size, values, out, values.size, out.size)
        return float(out.max())

    def is_finite(self, f) -> bool:
        return math.isfinite(self.largest(f))


@functools.cache
def _work(xp) -> Work:
    """Kernels of the one device of this process."""
    return Work(xp)


def make(device: str, library: str | None) -> Device:
    """The backend of a Torus on a GPU.

    Raises
    ------
    InputError
        If there is none, or it has no such library.
    """
    if library not in (None, *ON_DEVICES):
        raise InputError(
            f"library={library!r} transforms on processors; with device={device!r} leave it out, or write "
            f"library='cupy' for the plain scheme."
        )
    return Device(device) if library == "cupy" else Cuda(device)


def _checked_index(device: str) -> int:
    name, _, index = device.partition(":")
    if name != "cuda" or (index and not index.isdecimal()) or device.endswith(":"):
        raise InputError(f"device must be 'cpu', 'cuda', or 'cuda:1' for the second GPU, got {device!r}.")
    return int(index or 0)


def _cupy(device: str, index: int):
    """CuPy, with this device current."""
    try:
        import cupy  # pyright: ignore[reportMissingImports]  # an extra
    except ImportError as error:
        raise InputError(
            f"device={device!r} needs CuPy, which cannot be imported ({error}). Install it: {INSTALL}."
        ) from None
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise InputError(
            f"device={device!r} needs an NVIDIA GPU with its driver, and CUDA finds none here ({error}). Leave device "
            f"out to compute on processors."
        ) from None
    if index >= count:
        raise InputError(f"device={device!r}: this machine has {count} GPU{'s' * (count > 1)}, counted from 0.")
    if _used and _used[0] != index:
        raise InputError(
            f"device={device!r}: this process computes on 'cuda:{_used[0]}' already, and one process uses one GPU. "
            f"Start another process."
        )
    _used[:] = [index]
    cupy.cuda.Device(index).use()
    return cupy
