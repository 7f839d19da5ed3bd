"""What torusflow makes of what a launcher of several processes says, in one process."""

import sys
import types

import pytest

from torusflow.cli.processes import LAUNCHERS, launched


def say(monkeypatch, size, rank, names=LAUNCHERS[0]):
    """As a launcher would."""
    for name, value in zip(names, (size, rank), strict=True):
        monkeypatch.setenv(name, str(value))


def world(size):
    """mpi4py, as far as the command looks before it has several processes."""
    found = types.SimpleNamespace(size=size)
    mpi = types.SimpleNamespace(COMM_WORLD=found, Get_library_version=lambda: "MPICH Version:   5.0\nof today")
    return types.SimpleNamespace(MPI=mpi)


@pytest.mark.parametrize("names", LAUNCHERS, ids=lambda names: names[0])
def test_who_is_who(monkeypatch, names):
    assert launched() == (1, 0)
    say(monkeypatch, 4, 3, names)
    assert launched() == (4, 3)


def test_a_command_that_one_of_several_processes_starts_is_none_of_them(monkeypatch):
    say(monkeypatch, 4, 3)
    monkeypatch.setenv("TORUSFLOW_PROCESS", "1")
    assert launched() == (1, 0)


@pytest.mark.parametrize("size", [None, 1])
def test_one_process_needs_no_mpi4py(call, monkeypatch, size):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    if size:
        say(monkeypatch, size, 0)
    assert "version" in call("--version").stdout


@pytest.mark.parametrize("rank", [0, 1])
def test_several_processes_without_mpi4py_are_refused_once(call, monkeypatch, rank):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    say(monkeypatch, 2, rank)
    said = call("--version", code=2).stderr
    assert ("pip install 'torusflow[mpi]' mpich" in said) if rank == 0 else not said


@pytest.mark.parametrize("rank", [0, 1])
def test_the_launcher_of_another_mpi_is_told_apart_once(call, monkeypatch, rank):
    monkeypatch.setitem(sys.modules, "mpi4py", world(1))
    say(monkeypatch, 2, rank)
    said = call("--version", code=2).stderr
    assert ("(MPICH Version: 5.0), which finds 1" in said) if rank == 0 else not said
