"""Threads that work apart, and threads that wait for one another."""

import gc
import signal
import threading
import time

import numpy as np
import pytest
from libraries import every_library

from torusflow.backends.cpu.gang import YIELD, first_block, next_block
from torusflow.backends.cpu.workers import Workers, split
from torusflow.compilation import compiler
from torusflow.models.measure_node import MeasureNODE
from torusflow.torus import densities
from torusflow.torus.grid import Torus
from torusflow.torus.sobolev import SobolevMetric


@compiler()
def take_one(member):
    """A block that is never done."""
    first_block(member, 10, 1)


@compiler()
def three_phases(member):
    """Blocks that this member does of three phases, if it need not wait for ever."""
    done = 0
    for _ in range(3):
        _, count = first_block(member, 10, 1)
        while count > 0:
            done += 1
            _, count = next_block(member)
    return done


class TestTogether:
    def test_several_gangs_at_once_all_end(self):
        """With four threads of three callers, two gangs could hold some members each and wait for ever."""
        workers, done = Workers(4), []

        def work(member):
            done.append(sum(three_phases(member) for _ in range(50)))

        callers = [threading.Thread(target=workers.together, args=(work, 4)) for _ in range(3)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join(timeout=60)
        assert sum(done) == 3 * 50 * 30

    @pytest.mark.parametrize("failing", [0, 1, 2])
    @pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
    def test_who_fails_is_not_waited_for(self, failing, error):
        workers, taken = Workers(3), threading.Event()

        def work(member):
            if member.part == failing:
                take_one(member)
                taken.set()
                raise error("this one")
            assert taken.wait(60)
            assert three_phases(member) < 30

        with pytest.raises(error, match="this one"):
            workers.together(work, 3)
        found = []
        workers.together(lambda member: found.append(three_phases(member)), 3)
        assert sum(found) == 30

    def test_who_waits_offers_its_processor_to_others(self):
        yields = []
        Workers(2).together(lambda member: yields.append(member.gang[YIELD]), 2)
        assert all(yields)


def test_split_leaves_no_gaps():
    for length in (1, 5, 12):
        for parts in (1, 2, 5, 20):
            pieces = split(length, parts)
            assert [i for piece in pieces for i in range(*piece)] == list(range(length))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here")
@every_library
@pytest.mark.parametrize("threads", [1, 3])
def test_an_interrupt_at_any_moment_ends_a_push_and_nothing_else(threads, library, monkeypatch):
    """Ctrl-C reaches the caller, the other threads end, and the next push gives what it gave before."""
    monkeypatch.setattr("torusflow.backends.cpu.blocks.MINIMUM_POINTS_PER_THREAD", 100)
    torus = Torus((24, 25), threads, library)
    model = MeasureNODE(torus, SobolevMetric(), densities.von_mises(torus, 0.3, 1.0), layers=5, substeps=1)
    rng = np.random.default_rng(0)
    v = model.space.random(rng)
    v *= 0.5 / model.courant(v)
    expected = model(v)
    started = time.perf_counter()
    model(v)
    length, interrupts = time.perf_counter() - started, 0

    def interrupt(number, frame):
        raise KeyboardInterrupt

    gc.collect()  # what other tests left: Python prints an interrupt that comes while it tidies up, and goes on
    gc.disable()
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for _ in range(25):
            try:
                signal.setitimer(signal.ITIMER_REAL, max(1e-5, rng.random() * length))
                for _ in range(10_000):  # until it comes
                    model(v)
            except KeyboardInterrupt:
                interrupts += 1
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            np.testing.assert_array_equal(model(v), expected)
    finally:
        signal.signal(signal.SIGALRM, before)
        gc.enable()
    assert interrupts == 25
