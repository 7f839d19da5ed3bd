"""Members of a gang share out the blocks of phases, and none waits for another that has no block in hand."""

import ctypes
import threading
import time

import numpy as np
import pytest
from libraries import every_library

import torusflow as tfl
from torusflow.backends.cpu import blocks as layout
from torusflow.backends.cpu.company import ALONE, TRIAL, Company
from torusflow.backends.cpu.gang import ABANDONED, DONE, YIELD, first_block, members, next_block
from torusflow.backends.cpu.native import call_at
from torusflow.backends.cpu.workers import Workers
from torusflow.compilation import compiler


@compiler()
def go_through(member, lengths, size, delays, times, too_early):
    """Count in `times` how often each number of a phase is worked on, with so many offers of the processor before, and
    the blocks that came before the last phase had ended."""
    for phase in range(lengths.size):
        start, count = first_block(member, lengths[phase], size)
        while count > 0:
            for _ in range(delays[member.part, phase, start]):
                call_at(member.gang[YIELD])
            if phase > 0 and times[phase - 1].sum() != lengths[phase - 1]:
                too_early[phase] += 1
            times[phase, start : start + count] += 1
            start, count = next_block(member)


def blocks(member, length, size):
    """A phase, one block at a time."""
    start, count = first_block(member, length, size)
    while count:
        yield start, count
        start, count = next_block(member)


def phases(lengths, size, delays, parts):
    """How often each number of each phase was worked on by a gang, array (phases, longest)."""
    lengths = np.array(lengths)
    times, too_early = np.zeros((len(lengths), max(lengths)), int), np.zeros(len(lengths), int)
    Workers(parts).together(lambda member: go_through(member, lengths, size, delays, times, too_early), parts)
    assert not too_early.any()
    return times


LENGTHS = [7, 1, 20, 3, 20, 0, 5] * 10


def each_once(lengths):
    return (np.arange(max(lengths)) < np.array(lengths)[:, None]).astype(int)


class TestBlocks:
    @pytest.mark.slow
    @pytest.mark.parametrize("parts", [1, 2, 5])
    @pytest.mark.parametrize("size", [1, 3, 40])
    def test_each_is_done_once_and_after_the_last_phase(self, parts, size, rng):
        delays = rng.integers(0, 20, (parts, len(LENGTHS), max(LENGTHS)))
        for _ in range(5):
            np.testing.assert_array_equal(phases(LENGTHS, size, delays, parts), each_once(LENGTHS))

    @pytest.mark.parametrize("slow", [0, 1, 2])
    def test_a_slow_member_leaves_none_out(self, slow):
        delays = np.zeros((3, len(LENGTHS), max(LENGTHS)), int)
        delays[slow] = 500
        np.testing.assert_array_equal(phases(LENGTHS, 2, delays, 3), each_once(LENGTHS))

    @pytest.mark.parametrize("length", [0, 1, 2, 7, 16, 129])
    @pytest.mark.parametrize("size", [1, 3, 16, 200])
    @pytest.mark.parametrize("parts", [1, 2, 3, 8])
    def test_they_depend_on_the_length_alone(self, length, size, parts):
        """Members that come one block at a time, in turn, and find no gaps."""
        loops, found = [blocks(member, length, size) for member in members(parts)], []
        while loops:
            loop = loops.pop(0)
            for block in loop:
                found.append(block)
                loops.append(loop)
                break
        assert sorted(found) == [(start, min(size, length - start)) for start in range(0, length, size)]

    def test_a_member_begins_where_it_began_before(self):
        gang = members(3)
        for _ in range(4):
            loops = [blocks(member, 30, 5) for member in gang]
            assert [next(loop) for loop in loops] == [(0, 5), (10, 5), (20, 5)]
            assert [list(loop) for loop in loops] == [[(5, 5), (15, 5), (25, 5)], [], []]

    def test_who_comes_phases_later_finds_nothing_and_takes_nothing(self):
        first, late = members(2)
        for length in (5, 9, 2):
            assert len(list(blocks(first, length, 1))) == length
        opened = blocks(first, 4, 1)
        next(opened)
        assert [list(blocks(late, length, 1)) for length in (5, 9, 2)] == [[], [], []]
        assert [list(blocks(late, 4, 1)), list(opened)] == [[(2, 1), (3, 1), (1, 1)], []]
        assert first.gang[DONE] == 5 + 9 + 2 + 4

    def test_there_are_none_when_somebody_has_failed(self):
        one, other = members(2)
        next(blocks(one, 8, 1))  # and never done
        one.gang[ABANDONED] = 1
        assert list(blocks(other, 8, 1)) == list(blocks(other, 8, 1)) == []


class TestTogether:
    def test_a_helper_that_is_busy_is_not_waited_for(self):
        pool, begun, go = Workers(2), threading.Event(), threading.Event()

        def hold(part):
            if part:
                begun.set()
                go.wait(60)

        other = threading.Thread(target=pool.run, args=(hold, range(2)))
        other.start()
        assert begun.wait(60)
        found = []
        pool.together(lambda member: found.append(member.part), 2)
        assert not go.is_set() and found == [0]
        go.set()
        other.join()
        pool.run(lambda part: time.sleep(0.01), range(2))  # until the helper has been through its queue
        assert found == [0]

    def test_what_a_gang_worked_on_is_not_kept_for_who_comes_late(self):
        class Large:
            alive = 0

            def __init__(self):
                Large.alive += 1

            def __del__(self):
                Large.alive -= 1

        pool, go, held = Workers(2), threading.Event(), Large()
        other = threading.Thread(target=pool.run, args=(lambda part: part and go.wait(60), range(2)))
        other.start()
        pool.together(lambda member, held=held: None, 2)
        del held
        assert Large.alive == 0
        go.set()
        other.join()

    def test_it_works_alone_where_help_is_not_worth_it(self, monkeypatch):
        pool, parts = Workers(2), []
        monkeypatch.setattr(pool._company, "is_worth_it", lambda: False)
        pool.together(lambda member: parts.append(member.parts), 2)
        assert parts == [1]


class TestCompany:
    @pytest.fixture
    def clock(self, monkeypatch):
        now = [100.0]
        monkeypatch.setattr("torusflow.backends.cpu.company.monotonic", lambda: now[0])
        return now

    def test_who_waits_half_of_the_time_for_one_other_is_better_alone_for_a_while(self, clock):
        company = Company()
        assert company.is_worth_it()
        company.note(0.6 * TRIAL, 0.3 * TRIAL, 2)
        assert company.is_worth_it()  # too soon to say
        company.note(0.6 * TRIAL, 0.3 * TRIAL, 2)
        assert not company.is_worth_it()
        clock[0] += 0.9 * ALONE * 1.2 * TRIAL
        assert not company.is_worth_it()
        clock[0] += 0.2 * ALONE * 1.2 * TRIAL
        assert company.is_worth_it()
        company.note(2 * TRIAL, 0.1 * TRIAL, 2)
        assert company.is_worth_it()

    def test_of_many_others_one_may_be_waited_for(self, clock):
        company = Company()
        company.note(2 * TRIAL, TRIAL, 16)
        assert company.is_worth_it()
        company.note(2 * TRIAL, 1.9 * TRIAL, 16)
        assert not company.is_worth_it()

    def test_what_was_long_ago_does_not_count(self, clock):
        company = Company()
        for _ in range(10):
            company.note(1.1 * TRIAL, 0, 2)
        company.note(1.1 * TRIAL, TRIAL, 2)
        assert not company.is_worth_it()


def slowed(planner, delay):
    """The same plans, each transform after a delay of the thread that asks for it."""
    kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)

    def after(address):
        function = kind(int(address))

        def run(*arguments):
            delay()
            function(*arguments)

        return kind(run)

    planner.slow = [after(address) for address in planner.execute]
    planner.execute = np.array([ctypes.cast(f, ctypes.c_void_p).value for f in planner.slow], np.intp)
    return planner


@every_library
@pytest.mark.parametrize("slow", ["the caller", "a helper", "everyone at random"])
def test_delays_change_no_bit(slow, library, monkeypatch):
    monkeypatch.setattr(layout, "MINIMUM_POINTS_PER_THREAD", 10)
    monkeypatch.setitem(layout.ROWS, library, 60)
    monkeypatch.setitem(layout.COLUMNS, library, 60)
    monkeypatch.setattr(Company, "is_worth_it", lambda self: True)
    rng, workers = np.random.default_rng(0), set()

    def delay():
        workers.add(threading.current_thread())
        helps = threading.current_thread().name.startswith("torusflow")
        if slow == "everyone at random":
            time.sleep(rng.exponential(1e-4))
        else:
            time.sleep(1e-3 if helps == (slow == "a helper") else 1e-4)

    def results(threads):
        torus = tfl.Torus((12, 11), threads, library)
        model = tfl.MeasureNODE(torus, tfl.SobolevMetric(), tfl.densities.uniform(torus), 2, 3, 1)
        v = 0.05 * model.space.random(np.random.default_rng(1))
        lin = model.linearise(v)
        return lin.output, lin.tangent(v), lin.adjoint(lin.output)

    expected = results(1)
    planner = layout.make_planner
    monkeypatch.setattr(layout, "make_planner", lambda library: slowed(planner(library), delay))
    for _ in range(20):
        for found, one in zip(results(3), expected, strict=True):
            np.testing.assert_array_equal(found, one)
        if len(workers) > 1:  # on a busy machine a helper may come when all is done
            break
    assert len(workers) > 1
