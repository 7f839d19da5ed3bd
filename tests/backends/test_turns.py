"""Signal handlers and finalisers that compute in the middle of a computation: refused or right."""

import signal
import subprocess
import sys
import threading

import pytest

from torusflow.backends.turns import Turn
from torusflow.errors import InputError

INTERRUPTED = """
import gc, signal, sys, time
import numpy as np, torusflow as tfl
from torusflow.backends.cpu import blocks as layout

layout.MINIMUM_POINTS_PER_THREAD = 100
library, threads, how, seconds = sys.argv[1], int(sys.argv[2]), sys.argv[3], float(sys.argv[4])
metric, rng = tfl.SobolevMetric(3.0, 0.2), np.random.default_rng(0)

def made(torus, layers):
    model = tfl.MeasureNODE(torus, metric, tfl.densities.von_mises(torus, 0.3, 1.0), layers, band=4, substeps=2)
    v = model.space.random(rng)
    return model, v / model.courant(v)

torus = tfl.Torus((24, 25), threads, library)
(model, v), (beside, w), (apart, u) = made(torus, 4), made(torus, 3), made(tfl.Torus((20,), threads, library), 3)
linearisation, p = model.linearise(v), rng.random(torus.shape)
points = tfl.TorusNODE(rng.random((2500, 2)), metric, layers=2, band=2, substeps=1, threads=threads)
calls = {
    "push": lambda: model(v),
    "gradient": lambda: linearisation.adjoint(p),
    "recomputed": lambda: model.linearise(v).tangent(v),
    "beside": lambda: beside(w),
    "apart": lambda: apart(u),
    "fields": lambda: model.space.to_grid(v),
    "controls": lambda: model.space.from_grid(model.space.to_grid(v)),
    "transform": lambda: torus.gradient(p),
    "courant": lambda: model.courant(v),
    "points": lambda: points(points.space.zeros()),
}
alone = {name: call() for name, call in calls.items()}
inner, counts, due = list(calls), {"right": 0, "refused": 0, "wrong": 0}, [0]

def disturb(*signal_and_frame):
    name = inner[due[0] % len(inner)]
    due[0] += 1
    try:
        counts["right" if np.array_equal(calls[name](), alone[name]) else "wrong"] += 1
    except tfl.InputError as error:
        counts["refused" if "interrupted" in str(error) else "wrong"] += 1

class Dying:
    def __init__(self):
        self.me = self
    def __del__(self):
        disturb()

end = time.monotonic() + seconds
if how == "signal":
    signal.signal(signal.SIGALRM, disturb)
else:
    gc.set_threshold(20, 2, 2)
wrong = times = 0
while time.monotonic() < end:
    for name, call in calls.items():
        for _ in range(3):
            if how == "signal":
                signal.setitimer(signal.ITIMER_REAL, max(1e-5, 2e-3 * rng.random()))
            else:
                Dying()
            wrong += not np.array_equal(call(), alone[name])
            times += 1
signal.setitimer(signal.ITIMER_REAL, 0)
gc.disable()
print(wrong, counts["wrong"], counts["refused"], counts["right"])
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here")
@pytest.mark.parametrize("how", ["signal", "finaliser"])
@pytest.mark.parametrize(
    ("library", "threads"), [pytest.param("fftw", 1, marks=pytest.mark.slow), ("fftw", 3), ("scipy", 2)]
)
def test_who_computes_in_the_middle_of_a_computation_spoils_nothing(library, threads, how):
    if library == "fftw":
        pytest.importorskip("pyfftw", reason="pyFFTW is not installed")
    command = [sys.executable, "-c", INTERRUPTED, library, str(threads), how, "0.5"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    outer_wrong, inner_wrong, refused, right = map(int, done.stdout.split())
    assert (outer_wrong, inner_wrong) == (0, 0)
    assert refused > 0
    assert right > 0


class TestTurn:
    def test_the_same_thread_is_refused_while_it_has_it(self):
        turn = Turn()
        with turn.take():
            with pytest.raises(InputError, match="set a flag"):
                turn.take()
            assert turn.is_mine()
        with turn.take():
            pass

    def test_other_threads_wait(self):
        turn, found = Turn(), []

        def work():
            with turn.take():
                found.append("other")

        with turn.take():
            other = threading.Thread(target=work)
            other.start()
            other.join(0.05)
            found.append("first")
        other.join(10)
        assert found == ["first", "other"]
