"""One-dimensional transforms of many lines at a time, planned here and called from compiled loops by their address."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib.util
import os
import sys
import tempfile
import threading
import weakref
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import scipy.fft

from ..turns import Turn

COMPLEX, REAL_FORWARD, REAL_INVERSE = range(3)

# fftw3.h
_FORWARD, _BACKWARD = -1, 1
_DESTROY_INPUT, _ESTIMATE = 1 << 0, 1 << 6

_planner = Turn()
_NOTHING_TO_NOTICE = contextlib.nullcontext()


class Loop(NamedTuple):
    """`n` elements or lines, one after another at these distances, in elements of their array."""

    n: int
    source: int
    target: int


class Plans(Protocol):
    """Transforms of lines of given length and distances, between arrays given at each call.

    Attributes
    ----------
    execute : array of int
        Addresses of three functions (plan, source, target), to be indexed by COMPLEX, REAL_FORWARD, REAL_INVERSE.
    """

    execute: np.ndarray

    def forward(self, line: Loop, others: list[Loop]) -> int:
        """f^_k = sum_j f_j exp(-2 pi i jk/n); the plan as a number that `execute` takes."""
        ...

    def inverse(self, line: Loop, others: list[Loop]) -> int:
        """f_j = sum_k f^_k exp(2 pi i jk/n)."""
        ...

    def real_forward(self, line: Loop, others: list[Loop]) -> int:
        """The coefficients k >= 0 of lines of n real numbers, which may be overwritten."""
        ...

    def real_inverse(self, line: Loop, others: list[Loop]) -> int:
        """Lines of n real numbers from their coefficients k >= 0, which may be overwritten."""
        ...

    def noticing(self) -> contextlib.AbstractContextManager:
        """To be entered where transforms are called, so that `check` knows all that they raise."""
        return _NOTHING_TO_NOTICE

    def check(self) -> None:
        """Raise what a transform has raised since the last time: compiled loops pass nothing on."""
        ...


class FFTW(Plans):
    """Plans of FFTW, in a copy of the library that pyFFTW brings.

    Plans are estimated, not measured: measured ones differ from process to process, and with them the last bits of
    every result. FFTW's planner serves one thread at a time and remembers what it has found, so the copy is ours alone:
    whoever else plans in this process has another planner.
    """

    def __init__(self):
        self._library = _fftw()
        names = "fftw_execute_dft", "fftw_execute_dft_r2c", "fftw_execute_dft_c2r"
        self.execute = np.array([_address(getattr(self._library, name)) for name in names], np.intp)
        self._plans: list[int] = []
        # At the end of the process other threads may still use them.
        weakref.finalize(self, _destroy, self._library, self._plans).atexit = False

    def forward(self, line, others):
        return self._plan("dft", line, others, _FORWARD)

    def inverse(self, line, others):
        return self._plan("dft", line, others, _BACKWARD)

    def real_forward(self, line, others):
        return self._plan("dft_r2c", line, others)

    def real_inverse(self, line, others):
        return self._plan("dft_c2r", line, others, flags=_DESTROY_INPUT)

    def _plan(self, kind, line, others, *sign, flags=0):
        # Estimating looks at the addresses' alignment only: two that are aligned like NumPy's arrays, and apart.
        source, target = 1 << 20, 1 << 30
        function = getattr(self._library, f"fftw_plan_guru64_{kind}")
        function.restype = ctypes.c_void_p
        pointers = ctypes.c_void_p(source), ctypes.c_void_p(target)
        arguments = 1, _dimensions([line]), len(others), _dimensions(others), *pointers
        with _planner.take():
            self._library.fftw_forget_wisdom()  # of other plans, which would go into this one
            plan = function(*arguments, *sign, ctypes.c_uint(_ESTIMATE | flags))
        if not plan:
            raise RuntimeError(f"FFTW has no plan for {kind} of {line} over {others}.")
        self._plans.append(plan)
        return plan


class Scipy(Plans):
    """Plans of scipy.fft, called back from the compiled loops: slower, and free of the GPL."""

    def __init__(self):
        self._plans: list[tuple] = []
        self._arrays: dict[tuple[int, int, int], tuple[np.ndarray, np.ndarray]] = {}
        self._error: BaseException | None = None
        kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
        self._callback = kind(self._run)
        self.execute = np.array([_address(self._callback)] * 3, np.intp)

    def forward(self, line, others):
        return self._note(scipy.fft.fft, line, others, (complex, complex), {})

    def inverse(self, line, others):
        return self._note(scipy.fft.ifft, line, others, (complex, complex), {"norm": "forward"})

    def real_forward(self, line, others):
        return self._note(scipy.fft.rfft, line, others, (float, complex), {})

    def real_inverse(self, line, others):
        return self._note(scipy.fft.irfft, line, others, (complex, float), {"n": line.n, "norm": "forward"})

    def _note(self, function, line, others, kinds, options):
        self._plans.append((function, _strided(line, others, 1, kinds), _strided(line, others, 2, kinds), options))
        return len(self._plans)  # not zero, which a pointer should not be

    @contextlib.contextmanager
    def noticing(self):
        # The interpreter looks for signals as a function begins, before the first line of `_run` can catch what a
        # handler raises, and gives that to the hook for what nobody can catch. Handlers run in the main thread only.
        before = sys.unraisablehook

        def notice(raised):
            within = raised.exc_traceback and raised.exc_traceback.tb_frame.f_code
            if within is Scipy._run.__code__:
                self._error = raised.exc_value
            else:
                before(raised)

        try:
            if threading.current_thread() is threading.main_thread():
                sys.unraisablehook = notice
            yield
        finally:
            if sys.unraisablehook is notice:
                sys.unraisablehook = before

    def check(self):
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _run(self, plan, source, target):
        try:
            function, take, put, options = self._plans[plan - 1]
            # Plans are used on the same few blocks of work arrays again and again.
            arrays = self._arrays.get((plan, source, target))
            if arrays is None:
                arrays = self._arrays[plan, source, target] = take(source), put(target)
            arrays[1][...] = function(arrays[0], **options)
        except BaseException as error:  # above all Ctrl-C, for which this is where the interpreter looks
            self._error = error


def make_planner(library: str) -> Plans:
    """The planner of a library that is installed."""
    if library == "rocket":
        from .rocket import Rocket

        return Rocket()
    return {"fftw": FFTW, "scipy": Scipy}[library]()


def is_there(library: str) -> bool:
    """Whether a library can be used here."""
    if library == "rocket":
        return importlib.util.find_spec("rocket_fft") is not None
    return library != "fftw" or fftw_is_there()


def fftw_is_there() -> bool:
    """Whether pyFFTW is installed and its FFTW can be called."""
    return _fftw() is not None


def _fftw() -> ctypes.PyDLL | None:
    """A copy of the library behind pyFFTW's extension module, whose symbols that shares; None where there is none."""
    try:  # not at the top: FFTW is GPL, and some people leave it out, or want it only where it is used
        import pyfftw.pyfftw
    except ImportError:
        return None
    try:
        function = ctypes.PyDLL(pyfftw.pyfftw.__file__).fftw_plan_guru64_dft  # raises where symbols are hidden
        return _loaded_again(_file_of(function))
    except (OSError, AttributeError):
        return None


def _file_of(function) -> str:
    """The library that a function stands in."""
    found = _Place()
    if not ctypes.CDLL(None).dladdr(ctypes.c_void_p(_address(function)), ctypes.byref(found)):
        raise OSError("no library holds this function")
    return os.fsdecode(found.file)


@functools.cache
def _loaded_again(library: str) -> ctypes.PyDLL:
    """A library loaded again, with variables of its own: to the linker a file of a new name is another library."""
    content = Path(library).read_bytes()
    with contextlib.suppress(AttributeError, OSError):  # in memory, which needs no folder that can be written
        file = os.memfd_create("torusflow_fftw")
        if os.write(file, content) == len(content):  # a limit on the size of files holds for it too
            return ctypes.PyDLL(f"/proc/{os.getpid()}/fd/{file}")  # stays open, so that nothing else has this name
    with contextlib.suppress(OSError), tempfile.NamedTemporaryFile(suffix=".so") as stream:
        stream.write(content)
        stream.flush()
        return ctypes.PyDLL(stream.name)
    return ctypes.PyDLL(library)  # safe as long as no other thread plans with pyFFTW


class _Place(ctypes.Structure):
    """Dl_info, of dlfcn.h."""

    _fields_ = [
        ("file", ctypes.c_char_p),
        ("start", ctypes.c_void_p),
        ("symbol", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
    ]


class _Dimension(ctypes.Structure):
    """fftw_iodim64."""

    _fields_ = [(name, ctypes.c_ssize_t) for name in ("n", "source", "target")]


def _dimensions(loops):
    return (_Dimension * max(1, len(loops)))(*[_Dimension(*loop) for loop in loops])


def _destroy(library, plans):
    for plan in plans:
        library.fftw_destroy_plan(ctypes.c_void_p(plan))


def _address(function) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value


def _strided(line, others, which, kinds):
    """Makes the array (others..., n) of a plan's source (1) or target (2) from its address."""
    dtype = np.dtype(kinds[which - 1])
    loops = (*others, line)
    # The real line has n numbers, its coefficients n // 2 + 1.
    half = len(set(kinds)) == 2 and dtype.kind == "c"
    shape = (*(loop.n for loop in others), line.n // 2 + 1 if half else line.n)
    strides = [loop[which] for loop in loops]
    extent = dtype.itemsize * (1 + sum((n - 1) * s for n, s in zip(shape, strides, strict=True)))
    memory = ctypes.c_char * extent

    def view(address):
        flat = np.frombuffer(memory.from_address(address), dtype)
        return np.lib.stride_tricks.as_strided(flat, shape, [dtype.itemsize * s for s in strides])

    return view
