"""Threads that work apart, and threads that wait for one another."""

import threading

import numpy as np
import pytest

from torusflow.torus.native import YIELD, wait
from torusflow.torus.workers import Workers, split


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
