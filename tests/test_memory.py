"""How much memory there is, from what the system says."""

import math
from pathlib import Path

import pytest

from torusflow import memory


@pytest.fixture
def files(monkeypatch):
    """What the system's files hold; others are not there."""
    contents = {}

    def read(path, *arguments, **options):
        if str(path) not in contents:
            raise FileNotFoundError(path)
        return contents[str(path)]

    monkeypatch.setattr(Path, "read_text", read)
    return contents


def test_free_is_less_than_there_is():
    assert 0 < memory.free_memory() <= memory.physical_memory()


def test_free_memory_is_what_is_available(files):
    files["/proc/meminfo"] = "MemTotal:  100 kB\nMemFree:  10 kB\nMemAvailable:  50 kB\n"
    assert memory.free_memory() == 50 * 1024


def test_a_container_may_have_less(files):
    files["/proc/meminfo"] = "MemAvailable:  50 kB\n"
    files["/sys/fs/cgroup/memory.max"], files["/sys/fs/cgroup/memory.current"] = "20000\n", "5000\n"
    assert memory.free_memory() == 15000
    files["/sys/fs/cgroup/memory.max"] = "max\n"
    assert memory.free_memory() == 50 * 1024


def test_without_any_of_these_it_is_the_machines(files, monkeypatch):
    monkeypatch.setattr(memory, "physical_memory", lambda: 7)
    assert memory.free_memory() == 7


def test_where_nothing_is_known_there_is_no_limit(files, monkeypatch):
    monkeypatch.setattr(memory.os, "sysconf_names", {})
    assert memory.physical_memory() == memory.free_memory() == math.inf
