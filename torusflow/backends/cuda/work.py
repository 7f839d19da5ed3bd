"""What the sweeps ask a GPU for: kernels, plans of cuFFT, sequences that are launched as one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import numpy as np

SOURCE = Path(__file__).with_name("kernels.cu")
BLOCK = 256
# Sequences remembered: those of the layers of two linearisations, in turn.
MOST_GRAPHS = 256


class Work:
    """Kernels of `kernels.cu` and plans, of one device.

    Attributes
    ----------
    xp : module
        CuPy.
    """

    def __init__(self, xp):
        self.xp = xp
        module = xp.RawModule(code=SOURCE.read_text(), options=("--std=c++17",))
        self._kernel = module.get_function
        self._kernels: dict[str, Any] = {}

    def run(self, name: str, count: int, *arguments) -> None:
        """Call a kernel for so many numbers; whole numbers are unsigned, bools int."""
        if name not in self._kernels:
            self._kernels[name] = self._kernel(name)
        self._kernels[name]((-(-count // BLOCK),), (BLOCK,), tuple(map(argument, arguments)))

    def rows(self, batch: int, n1: int, n2: int) -> tuple[Callable, Callable]:
        """(real, half) and (half, real) transforms of `batch` planes, unnormalised; the second may spoil its input."""
        nh = n2 // 2 + 1
        real, half = ((n1, n2), (n1, nh)) if n1 > 1 else ((n2,), (nh,))
        forward = self._plan(real, real, 1, n1 * n2, half, 1, n1 * nh, "CUFFT_D2Z", batch)
        inverse = self._plan(real, half, 1, n1 * nh, real, 1, n1 * n2, "CUFFT_Z2D", batch)
        return (lambda f, f_hat: forward.fft(f, f_hat, -1)), (lambda f_hat, f: inverse.fft(f_hat, f, 1))

    def columns(self, n0: int, count: int) -> Callable:
        """(columns, direction): transform of (n0, count) along axis 0, in place, unnormalised; -1 is forward."""
        if n0 == 1:
            return lambda columns, direction: None
        plan = self._plan((n0,), (n0,), count, 1, (n0,), count, 1, "CUFFT_Z2Z", count)
        return lambda columns, direction: plan.fft(columns, columns, direction)

    def _plan(self, shape, inembed, istride, idist, onembed, ostride, odist, kind: str, batch: int):
        from cupy.cuda import cufft

        arguments = shape, inembed, istride, idist, onembed, ostride, odist, getattr(cufft, kind), batch
        return cufft.PlanNd(*arguments, "C", -1, None)

    def graph(self, sequence: Callable[[], None]) -> Callable[[], None]:
        """What launches all that a function would, at once; the same arrays, the same numbers."""
        stream = self.xp.cuda.Stream(non_blocking=True)
        with stream:
            stream.begin_capture()
            try:
                sequence()
            finally:
                graph = stream.end_capture()
        return graph.launch

    def address(self, array) -> int:
        """Where it begins."""
        return array.data.ptr


class Graphs:
    """Sequences by what they depend on: run as they are the first time, as one launch from the second on."""

    def __init__(self, work: Work):
        self._work = work
        self._launches: OrderedDict[Hashable, Callable[[], None] | None] = OrderedDict()

    def run(self, key: Hashable, sequence: Callable[[], None]) -> None:
        """Do the sequence, which launches the same kernels on the same addresses whenever the key is the same."""
        if key not in self._launches:
            self._launches[key] = None
            sequence()
        else:
            launch = self._launches[key] or self._work.graph(sequence)
            self._launches[key] = launch
            launch()
        self._launches.move_to_end(key)
        if len(self._launches) > MOST_GRAPHS:
            self._launches.popitem(last=False)


def argument(value):
    """As a kernel takes it."""
    if isinstance(value, bool):
        return np.int32(value)
    if isinstance(value, int):
        return np.uint32(value)
    return np.float64(value) if isinstance(value, float) else value
