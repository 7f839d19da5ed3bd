"""Threads that work apart, and threads that wait for one another."""

import signal
import threading
import time

import numpy as np
import pytest
from libraries import every_library

from torusflow.backends.cpu.native import YIELD, wait
from torusflow.backends.cpu.workers import Workers, split
from torusflow.models.measure_node import MeasureNODE
from torusflow.torus import densities
from torusflow.torus.grid import Torus
from torusflow.torus.sobolev import SobolevMetric


class TestTogether:
    @pytest.mark.parametrize("threads", [1, 2, 5])
    def test_nobody_goes_on_before_all_have_come(self, threads):
        """Each member writes its number of rounds, waits, and must find the others at the same one."""
        rounds, seen = np.zeros(threads, int), []

        def work(member):
            arrivals = 0
            for number in range(1, 50):
                rounds[member.part] = number
                arrivals = wait(member.gang, member.parts, arrivals)
                seen.append((number, rounds.copy()))
                arrivals = wait(member.gang, member.parts, arrivals)

        Workers(threads).together(work, threads)
        assert len(seen) == 49 * threads
        for number, found in seen:
            np.testing.assert_array_equal(found, number)

    def test_several_gangs_at_once_all_end(self):
        """With four threads of three callers, two gangs could hold some members each and wait for ever."""
        workers, ended = Workers(4), []

        def work(member):
            arrivals = 0
            for _ in range(100):
                arrivals = wait(member.gang, member.parts, arrivals)
            ended.append(member.part)

        callers = [threading.Thread(target=workers.together, args=(work, 4)) for _ in range(3)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join(timeout=60)
        assert sorted(ended) == sorted([0, 1, 2, 3] * 3)

    @pytest.mark.parametrize("failing", [0, 1, 2])
    @pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
    def test_who_fails_is_not_waited_for(self, failing, error):
        workers = Workers(3)

        def work(member):
            if member.part == failing:
                raise error("this one")
            wait(member.gang, member.parts, 0)

        with pytest.raises(error, match="this one"):
            workers.together(work, 3)
        found = []
        workers.together(lambda member: found.append(member.part), 3)
        assert sorted(found) == [0, 1, 2]

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
def test_an_interrupt_at_any_moment_ends_a_push_and_nothing_else(library, monkeypatch):
    """Ctrl-C reaches the caller, the other threads end, and the next push gives what it gave before."""
    monkeypatch.setattr("torusflow.backends.cpu.blocks.MINIMUM_POINTS_PER_THREAD", 100)
    torus = Torus((24, 25), threads=3, library=library)
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

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for _ in range(60):
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
    assert interrupts == 60
