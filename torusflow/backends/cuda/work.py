"""What the sweeps ask a GPU for: kernels, plans of cuFFT, sequences that are launched as one."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import numpy as np

SOURCE = Path(__file__).with_name("kernels.cu")
LOADS = Path(__file__).with_name("loads.cu")
# A transform loads by one of the functions of `loads.cu`, which cuFFT knows by these names.
CALLBACKS = {
    "flux": """
__device__ cufftDoubleReal cufftJITCallbackLoadDoubleReal(void* in, unsigned long long i, void* info, void* shared) {
    return flux_at((const u64*)info, (unsigned)i);
}
__device__ cufftJITCallbackLoadD d_loadCallbackPtr = cufftJITCallbackLoadDoubleReal;
""",
    "lines": """
__device__ cufftDoubleComplex cufftJITCallbackLoadDoubleComplex(void* in, unsigned long long i, void* info,
                                                               void* shared) {
    return line_at((const u64*)info, (unsigned)i);
}
__device__ cufftJITCallbackLoadZ d_loadCallbackPtr = cufftJITCallbackLoadDoubleComplex;
""",
}
BLOCK = 256
# Sequences remembered: those of the layers of two linearisations, in turn.
MOST_GRAPHS = 256


class Work:
    """Kernels of `kernels.cu` and plans, of one device.

    Attributes
    ----------
    xp : module
        CuPy.
    without_loads : Exception or None
        Why transforms load no numbers that are made on the way.
    """

    def __init__(self, xp):
        self.xp, self.without_loads = xp, None
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
        forward = self._plan(*_forward(batch, n1, n2))
        inverse = self._plan(*_inverse(batch, n1, n2))
        return (lambda f, f_hat: forward.fft(f, f_hat, -1)), (lambda f_hat, f: inverse.fft(f_hat, f, 1))

    def loading_rows(self, what: str, batch: int, n1: int, n2: int, info, constants: dict) -> Callable | None:
        """As one of `rows`, forward of a "flux" or inverse of "lines", with numbers that `loads.cu` makes of `info`.

        None where cuFFT cannot be given functions: that takes headers of CUDA and a linker.
        """
        from cupy.cuda import cufft  # pyright: ignore[reportMissingImports]  # an extra

        named = "".join(f"#define {name} {value}u\n" for name, value in constants.items())
        code = "#include <cufftXt.h>\n" + named + LOADS.read_text() + CALLBACKS[what]
        *layout, kind, batch = _forward(batch, n1, n2) if what == "flux" else _inverse(batch, n1, n2)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that this is an experiment of CuPy's
                context = self.xp.fft.config.set_cufft_callbacks(cb_load=code, cb_load_data=info.data, cb_ver="jit")
            with context as manager:
                handle = manager.set_callbacks(getattr(cufft, kind))
                arguments = *layout, getattr(cufft, kind), batch, "C", -1, None
                plan = manager.create_plan(handle, ("PlanNd", arguments))
        except Exception as error:
            self.without_loads = error
            return None
        return lambda taken, out: plan.fft(taken, out, -1 if what == "flux" else 1)

    def columns(self, n0: int, pitch: int, count: int) -> Callable:
        """(columns, direction): transform of (n0, pitch) along axis 0, in place, unnormalised; -1 is forward.

        Of the first `count` columns; what is in the others then is not said.
        """
        if n0 == 1:
            return lambda columns, direction: None
        plan = self._plan((n0,), (n0,), pitch, 1, (n0,), pitch, 1, "CUFFT_Z2Z", count)
        return lambda columns, direction: plan.fft(columns, columns, direction)

    def _plan(self, shape, inembed, istride, idist, onembed, ostride, odist, kind: str, batch: int):
        from cupy.cuda import cufft  # pyright: ignore[reportMissingImports]  # an extra

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


def _forward(batch: int, n1: int, n2: int) -> tuple:
    nh = n2 // 2 + 1
    real, half = ((n1, n2), (n1, nh)) if n1 > 1 else ((n2,), (nh,))
    return real, real, 1, n1 * n2, half, 1, n1 * nh, "CUFFT_D2Z", batch


def _inverse(batch: int, n1: int, n2: int) -> tuple:
    real, _, _, real_size, half, _, half_size, _, _ = _forward(batch, n1, n2)
    return real, half, 1, half_size, real, 1, real_size, "CUFFT_Z2D", batch


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
