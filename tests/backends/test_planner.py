"""Whoever else plans with pyFFTW in the same process has another planner than ours."""

import ctypes
import subprocess
import sys

import pytest

from torusflow.backends.cpu.lines import FFTW, Loop

pyfftw = pytest.importorskip("pyfftw", reason="pyFFTW is not installed")

PLANNING = """
import hashlib, sys, threading, time
import numpy as np, pyfftw, torusflow as tfl

def some(count, rng):
    found = hashlib.sha256()
    for _ in range(count):
        shape = tuple(int(n) for n in rng.integers(12, 60, 2))
        torus = tfl.Torus(shape, threads=1, library="fftw")
        found.update(torus.transform(rng.random(shape)))
    return found.hexdigest()

def plan():
    rng = np.random.default_rng(0)
    while not stop.is_set():
        a = pyfftw.empty_aligned(tuple(int(n) for n in rng.integers(8, 100, 2)), "complex128")
        pyfftw.FFTW(a, a.copy(), axes=(0, 1), flags=("FFTW_MEASURE",), planning_timelimit=0.003)

alone = some(40, np.random.default_rng(1))
stop = threading.Event()
others = [threading.Thread(target=plan) for _ in range(2)]
for other in others:
    other.start()
try:
    end, times = time.monotonic() + float(sys.argv[1]), 0
    while time.monotonic() < end or times < 2:
        assert some(40, np.random.default_rng(1)) == alone
        times += 1
finally:
    stop.set()
    for other in others:
        other.join()
print("the same bits")
"""


@pytest.mark.slow
def test_another_thread_may_plan_with_pyfftw_at_the_same_time():
    """FFTW's planner serves one thread at a time, and what it has measured goes into later plans."""
    done = subprocess.run([sys.executable, "-c", PLANNING, "2"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "the same bits"


def wisdom(library):
    library.fftw_export_wisdom_to_string.restype = ctypes.c_void_p
    return ctypes.string_at(library.fftw_export_wisdom_to_string())


def test_what_was_planned_before_goes_into_no_plan():
    """Neither by us nor by others: FFTW remembers what it has found, by estimates too."""
    plans = FFTW()
    plans.forward(Loop(96, 1, 1), [Loop(3, 96, 96)])
    first = wisdom(plans._library)
    plans.forward(Loop(60, 1, 1), [Loop(3, 60, 60)])
    a = pyfftw.empty_aligned((3, 96), "complex128")
    pyfftw.FFTW(a, a.copy(), flags=("FFTW_MEASURE",))
    measured = pyfftw.export_wisdom()[0]
    plans.forward(Loop(96, 1, 1), [Loop(3, 96, 96)])
    assert wisdom(plans._library) == first
    assert pyfftw.export_wisdom()[0] == measured
