"""The backend of a GPU without one: its sweeps with NumPy's arrays, its kernels compiled by a C++ compiler."""

import ctypes
import re
import shutil
import subprocess
from types import SimpleNamespace

import numpy as np

from torusflow.backends.cuda.modes import Transform
from torusflow.backends.cuda.stages import Stages
from torusflow.backends.cuda.work import BLOCK, LOADS, SOURCE, argument
from torusflow.backends.reference import Reference

COMPILER = shutil.which("g++")
KERNELS = re.findall(r"__global__ void (\w+)\(([^)]*)\)", SOURCE.read_text())
SHIM = """
#include <cmath>
#include <cstddef>
struct double2 { double x, y; };
struct dim { unsigned x; };
static thread_local dim blockIdx, blockDim = {1}, threadIdx = {0};
#define __global__
#define __device__
#define __forceinline__ inline
"""
# Where the code for a device has numbers.
CONSTANTS = ("POINTS", "N1", "N2", "NH", "KEPT1", "KEPT2", "FIELDS")
TYPES = {np.dtype(np.int32): ctypes.c_int, np.dtype(np.uint32): ctypes.c_uint, np.dtype(np.float64): ctypes.c_double}


def host_code() -> str:
    """The kernels, and for each a loop over its threads."""
    kernels = LOADS.read_text() + SOURCE.read_text()
    loops = [
        f'extern "C" void load_{what}(unsigned count, const u64* info, {kind}* out)'
        f"{{ for (unsigned i = 0; i < count; ++i) out[i] = {function}(info, i); }}"
        for what, kind, function in (("flux", "double", "flux_at"), ("lines", "double2", "line_at"))
    ]
    for name, parameters in KERNELS:
        names = ", ".join(parameter.split()[-1].lstrip("*") for parameter in parameters.split(","))
        loops.append(
            f'extern "C" void loop_{name}(unsigned threads, {parameters}) {{'
            f"for (unsigned i = 0; i < threads; ++i) {{ blockIdx.x = i; {name}({names}); }} }}"
        )
    named = [f"static unsigned {name};" for name in CONSTANTS]
    setting = "".join(f"{name} = values[{place}];" for place, name in enumerate(CONSTANTS))
    loops.append(f'extern "C" void set_constants(const unsigned* values) {{ {setting} }}')
    return SHIM + "\n".join(named) + kernels + "\n".join(loops)


class HostWork:
    """`torusflow.backends.cuda.work.Work` on this machine; `launches` counts sequences that ran as one."""

    xp = SimpleNamespace(
        # What nobody has written is seen.
        empty=lambda shape, dtype=float: np.full(shape, np.nan, dtype),
        zeros=np.zeros,
        asarray=np.asarray,
    )

    def __init__(self, folder):
        source, library = folder / "kernels.cpp", folder / "kernels.so"
        if not library.exists():
            source.write_text(host_code())
            subprocess.run([COMPILER, "-O1", "-shared", "-fPIC", "-o", library, source], check=True)
        self._kernels, self.launches, self.without_loads = ctypes.CDLL(library), 0, None

    def run(self, name, count, *arguments):
        threads = -(-count // BLOCK) * BLOCK  # some beyond the end
        values = [ctypes.c_void_p(a.ctypes.data) if isinstance(a, np.ndarray) else number(a) for a in arguments]
        assert len(values) == dict(KERNELS)[name].count(",") + 1, f"{name} is called with {len(values)} arguments"
        getattr(self._kernels, f"loop_{name}")(ctypes.c_uint(threads), *values)

    def rows(self, batch, n1, n2):
        nh = n2 // 2 + 1
        axes, shape = ((-2, -1), (n1, n2)) if n1 > 1 else ((-1,), (n2,))
        real_size, half_size = batch * n1 * n2, batch * n1 * nh

        def forward(f, f_hat):
            assert f.ctypes.data % 16 == 0 and f.size >= real_size
            f = f.reshape(-1)[:real_size].reshape(batch, n1, n2)
            f_hat[:half_size] = np.fft.rfftn(f, axes=axes).reshape(-1)

        def inverse(f_hat, f):
            assert f.ctypes.data % 16 == 0 and f.size >= real_size
            values = np.fft.irfftn(f_hat[:half_size].reshape(batch, n1, nh), shape, axes=axes) * np.prod(shape)
            f.reshape(-1)[:real_size] = values.reshape(-1)
            f_hat[...] = np.nan  # cuFFT may spoil it

        return forward, inverse

    def loading_rows(self, what, batch, n1, n2, info, constants):
        forward, inverse = self.rows(batch, n1, n2)
        size = batch * n1 * n2 if what == "flux" else batch * n1 * (n2 // 2 + 1)
        values = (ctypes.c_uint * len(CONSTANTS))(*(constants[name] for name in CONSTANTS))

        def transform(taken, out):
            taken = np.empty(size, float if what == "flux" else complex)  # what stands there is not read
            self._kernels.set_constants(values)
            where = ctypes.c_void_p(info.ctypes.data), ctypes.c_void_p(taken.ctypes.data)
            getattr(self._kernels, f"load_{what}")(ctypes.c_uint(size), *where)
            (forward if what == "flux" else inverse)(taken, out)

        return transform

    def columns(self, n0, pitch, count):
        def transform(columns, direction):
            columns = columns.reshape(n0, pitch)[:, :count]
            columns[...] = np.fft.fft(columns, axis=0) if direction < 0 else np.fft.ifft(columns, axis=0) * n0

        return transform

    def graph(self, sequence):
        def launch():
            self.launches += 1
            sequence()

        return launch

    def address(self, array):
        return array.ctypes.data


def number(value):
    value = argument(value)
    return TYPES[value.dtype](value)


class CudaOnHost(Reference):
    """The backend "cufft" but for its sums.

    Parameters
    ----------
    folder : Path
        For the compiled kernels.
    largest : int, optional
        Bytes of a part of the planes.
    loads : bool
        Whether transforms load what is computed on the way.
    """

    library, device = "cufft", "host"

    def __init__(self, folder, largest=None, loads=False):
        self.work = HostWork(folder)
        self._loads, self._settings = loads, {} if largest is None else {"largest": largest}

    def plan(self, shape, modes, batch):
        return Transform(self.work, shape, modes, batch, **self._settings)

    def stages(self, dimension, shape, modes):
        return Stages(self.work, dimension, shape, modes, self._loads, **self._settings)
