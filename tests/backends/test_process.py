"""Processes that fork, that get no more threads, and that end while others are in the middle of a computation."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from libraries import every_library

import torusflow as tfl
from torusflow.backends.cpu import blocks as layout
from torusflow.backends.cpu import workers
from torusflow.backends.cpu.workers import Workers

SETUP = """
import atexit, os, signal, sys, threading, time
import numpy as np
def at_the_end():  # registered first, so it is called last
    if "last" in sys.argv:
        try:
            print("right" if model(v).tobytes() == expected.tobytes() else "wrong")
        except tfl.InputError:
            print("refused")
atexit.register(at_the_end)
import torusflow as tfl
from torusflow.backends.cpu import blocks as layout

layout.MINIMUM_POINTS_PER_THREAD = 100
torus = tfl.Torus((24, 25), threads=3, library=sys.argv[1])
model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.2), tfl.densities.uniform(torus), 20, band=4, substeps=2)
v = model.space.random(np.random.default_rng(0))
v /= model.courant(v)
expected = model(v)

def push():
    while True:
        model(v)
        torus.gradient(expected)
        model.space.to_grid(v)
"""

FORK = """
threading.Thread(target=push, daemon=True).start()
for number in range(12):
    time.sleep(0.002)
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        right = np.array_equal(model(v), expected)
        torus.gradient(expected)
        model.space.to_grid(v)
        os._exit(0 if right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
print("right")
"""

FORK_WITHIN = """
from numba.core.compiler_lock import global_compiler_lock
from torusflow.compilation import compiler

class Slow:
    space, output_space = model.space, model.output_space
    def __call__(self, v):
        return model(v)
    def linearise(self, v):
        begun.set()
        time.sleep(0.5)
        return model.linearise(v)

def compile_for_long():
    with global_compiler_lock:
        begun.set()
        time.sleep(0.5)

for target in (lambda: tfl.Linearised(Slow(), v)(v), compile_for_long):
    begun = threading.Event()
    other = threading.Thread(target=target)
    other.start()
    begun.wait()
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        tfl.Linearised(model, v)(v)
        os._exit(0 if compiler()(lambda x: 2 * x)(21) == 42 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    other.join()
print("right")
"""

END = """
one = tfl.MeasureNODE(tfl.Torus((32, 32), 1, sys.argv[1]), model.metric, tfl.densities.uniform(tfl.Torus((32, 32))))

def push_both():
    threading.Thread(target=push, daemon=True).start()
    while True:
        one(one.space.zeros())

threading.Thread(target=push_both, daemon=True).start()
time.sleep(0.5)
"""

FINALISER = """
class Late:
    def __del__(self, model=model, v=v, expected=expected, print=print):
        print("right" if model(v).tobytes() == expected.tobytes() else "wrong")
late = Late()
"""

NO_THREADS = """
import resource
if os.getuid() == 0:  # for whom there is no limit
    os.setgid(65534)
    os.setuid(65534)
resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
model = tfl.MeasureNODE(tfl.Torus((24, 25), 3, sys.argv[1]), model.metric, model.initial, 20, 4, 2)
print("right" if np.array_equal(model(v), expected) else "wrong")
"""


def run(*code, library="fftw", last=""):
    """What a process prints; it ends by itself, with nothing to complain about."""
    if library == "fftw":
        pytest.importorskip("pyfftw", reason="pyFFTW is not installed")
    command = [sys.executable, "-c", "".join(code), library, last]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


class TestFork:
    @needs_fork
    @every_library
    @pytest.mark.slow
    def test_a_child_computes_what_another_thread_was_in_the_middle_of(self, library):
        assert run(SETUP, FORK, library=library).stdout == "right\n"

    @pytest.mark.slow
    @needs_fork
    def test_a_child_waits_for_no_thread_that_it_does_not_have(self):
        """Not for one that compiles, nor for one that computes a property, which Python 3.11 locks."""
        assert run(SETUP, FORK_WITHIN).stdout == "right\n"


class TestEnd:
    @pytest.mark.slow
    @every_library
    def test_a_daemon_thread_in_the_middle_of_a_push_does_not_abort_the_process(self, library):
        for _ in range(2 if library == "scipy" else 1):
            assert run(SETUP, END, library=library).stderr == ""

    @pytest.mark.slow
    @every_library
    def test_a_finaliser_at_the_end_computes(self, library):
        """Without helpers, which have ended then."""
        done = run(SETUP, FINALISER, library=library)
        assert (done.stdout, done.stderr) == ("right\n", "")

    @pytest.mark.slow
    @every_library
    def test_a_function_called_at_the_very_end_computes(self, library):
        done = run(SETUP, library=library, last="last")
        assert (done.stdout, done.stderr) == ("right\n", "")

    @pytest.mark.slow
    @every_library
    def test_or_is_refused_what_an_ended_thread_was_in_the_middle_of(self, library):
        done = run(SETUP, END, library=library, last="last")
        assert done.stdout in ("right\n", "refused\n")
        assert done.stderr == ""


class TestNoMoreThreads:
    """The system gives fewer than were asked for."""

    @pytest.fixture(params=[0, 1])
    def few(self, request, monkeypatch):
        monkeypatch.setattr(layout, "MINIMUM_POINTS_PER_THREAD", 20)
        left, start = [request.param], threading.Thread.start

        def start_some(thread):
            if not left[0]:
                raise RuntimeError("can't start new thread")
            left[0] -= 1
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", start_some)

    @every_library
    def test_results_are_the_same_bits_and_it_is_said_once(self, few, library):
        def result(threads):
            torus = tfl.Torus((24, 25), threads, library)
            model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.2), tfl.densities.uniform(torus), 3, 4, 2)
            v = model.space.random(np.random.default_rng(0))
            target = tfl.densities.von_mises(torus, 0.3, 1.0)
            return tfl.Risk(model, tfl.losses.SquaredL2(target)).value_and_gradient(v / model.courant(v))

        expected = result(1)
        with pytest.warns(UserWarning, match="no more threads") as said:
            found = result(4)
        assert len(said) == 1
        assert found[0] == expected[0]
        np.testing.assert_array_equal(found[1], expected[1])

    def test_parts_that_do_not_wait_are_all_done(self, few):
        done = []
        pool = Workers(4)
        with pytest.warns(UserWarning, match="no more threads"):
            pool.run(done.append, range(9))
        assert sorted(done) == list(range(9))

    def test_a_gang_has_no_members_that_do_not_exist(self, few):
        pool, found = Workers(4), []
        with pytest.warns(UserWarning, match="no more threads"):
            pool.together(lambda member: found.append((member.part, member.parts)), 4)
        assert found[0][0] == 0 and {parts for _, parts in found} == {1 + pool._helpers}

    @pytest.mark.slow
    @pytest.mark.skipif(not hasattr(os, "setuid"), reason="no limit on processes here")
    def test_under_a_limit_on_processes(self):
        done = run(SETUP, NO_THREADS)
        assert done.stdout == "right\n"
        assert done.stderr.count("no more threads") == 1


class TestBounds:
    def test_more_threads_than_the_machine_can_use_are_not_taken(self):
        most = max(64, 4 * os.cpu_count())
        assert tfl.Torus(8, threads=10**6).threads == most
        assert tfl.Torus(8, threads=64).threads == 64
        assert tfl.SampleNODE(np.zeros((3, 1)), tfl.SobolevMetric(), threads=10**6).space.torus.threads == most

    def test_helpers_are_started_when_they_have_something_to_do(self, monkeypatch):
        started, start = [], threading.Thread.start
        monkeypatch.setattr(threading.Thread, "start", lambda thread: started.append(thread) or start(thread))
        pool = Workers(64)
        pool.run(lambda part: None, range(1))
        assert len(started) == 0
        pool.run(lambda part: None, range(3))
        pool.together(lambda member: None, 4)
        pool.run(lambda part: None, range(2))
        assert len(started) == 3

    def test_sixty_four_threads_on_any_machine_give_the_same_bits(self, monkeypatch):
        monkeypatch.setattr(layout, "MINIMUM_POINTS_PER_THREAD", 1)
        rng = np.random.default_rng(0)
        f = rng.random((70, 30))
        one, many = (tfl.Torus(f.shape, threads=threads).gradient(f) for threads in (1, 64))
        np.testing.assert_array_equal(one, many)
        assert workers.bounded(64) == 64
