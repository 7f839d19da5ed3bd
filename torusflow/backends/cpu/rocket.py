"""Transforms of lines by rocket-fft, which compiled loops call without the interpreter: free of the GPL.

Imported where a Torus asks for it, because rocket-fft is an extra.
"""

from __future__ import annotations

import numpy as np
from numba import carray, types  # pyright: ignore[reportPrivateImportUsage]  # documented there
from numpy.lib.stride_tricks import as_strided
from rocket_fft.lowlevel import c2c, c2r, r2c  # pyright: ignore[reportMissingImports]  # an extra

from ...compilation import callback, compiler
from .lines import Loop, Plans

# A plan is an array of int64: two numbers of lines, the length of a line at its source and at its target, and for each
# of the two ends the three strides in bytes and the number of elements from the first to the last; whether forwards.
LINES, LENGTHS, STRIDES, EXTENTS, FORWARD, SIZE = slice(0, 2), 2, 4, 10, 12, 13

compiled = compiler()


@compiled
def lines(memory, plan, end):
    """The source (0) or target (1) of a plan, array (lines, lines, length), in the memory that begins there."""
    shape = plan[0], plan[1], plan[LENGTHS + end]
    first = STRIDES + 3 * end
    return as_strided(memory, shape, (plan[first], plan[first + 1], plan[first + 2]))


def between(source, target):
    """A decorator for functions of a plan and two places in memory, of numbers of these types."""
    return callback(types.void(*(types.CPointer(kind) for kind in (types.int64, source, target))))


@between(types.complex128, types.complex128)
def complex_lines(plan, source, target):
    plan = carray(plan, SIZE)
    source, target = carray(source, plan[EXTENTS]), carray(target, plan[EXTENTS + 1])
    c2c(lines(source, plan, 0), lines(target, plan, 1), np.full(1, 2), plan[FORWARD] != 0, 1.0, 1)


@between(types.float64, types.complex128)
def real_forward(plan, source, target):
    plan = carray(plan, SIZE)
    source, target = carray(source, plan[EXTENTS]), carray(target, plan[EXTENTS + 1])
    r2c(lines(source, plan, 0), lines(target, plan, 1), np.full(1, 2), True, 1.0, 1)


@between(types.complex128, types.float64)
def real_inverse(plan, source, target):
    plan = carray(plan, SIZE)
    source, target = carray(source, plan[EXTENTS]), carray(target, plan[EXTENTS + 1])
    c2r(lines(source, plan, 0), lines(target, plan, 1), np.full(1, 2), False, 1.0, 1)


class Rocket(Plans):
    """Plans of rocket-fft, the library behind scipy.fft without Python between: about as fast as FFTW."""

    def __init__(self):
        self.execute = np.array([f.address for f in (complex_lines, real_forward, real_inverse)], np.intp)
        self._plans: list[np.ndarray] = []

    def forward(self, line, others):
        return self._plan(line, others, (complex, complex), forwards=True)

    def inverse(self, line, others):
        return self._plan(line, others, (complex, complex), forwards=False)

    def real_forward(self, line, others):
        return self._plan(line, others, (float, complex), forwards=True)

    def real_inverse(self, line, others):
        return self._plan(line, others, (complex, float), forwards=False)

    def _plan(self, line, others, kinds, forwards: bool) -> int:
        loops = [*[Loop(1, 0, 0)] * (2 - len(others)), *others, line]
        half = kinds[0] is not kinds[1]
        plan = np.zeros(SIZE, np.int64)
        plan[LINES] = loops[0].n, loops[1].n
        plan[FORWARD] = forwards
        for end, kind in enumerate(kinds):
            length = line.n // 2 + 1 if half and kind is complex else line.n
            strides = [loop[1 + end] for loop in loops]
            counts = loops[0].n, loops[1].n, length
            plan[LENGTHS + end] = length
            plan[STRIDES + 3 * end : STRIDES + 3 * end + 3] = np.multiply(strides, np.dtype(kind).itemsize)
            plan[EXTENTS + end] = 1 + sum((n - 1) * stride for n, stride in zip(counts, strides, strict=True))
        self._plans.append(plan)
        return plan.ctypes.data

    def check(self):
        """Nothing is raised on the way."""
