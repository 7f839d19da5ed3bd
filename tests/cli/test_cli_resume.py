"""Runs that go on from the command line: resume, refine, export, signals, and what cannot go on."""

import os
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

import torusflow as tfl

PROBLEM = '[target]\nkind = "von_mises"\n[torus]\nshape = [16, 16]\n[model]\nlayers = 2\nband = 3\nsubsteps = 4\n'


@pytest.fixture
def problem(tmp_path):
    (tmp_path / "p.toml").write_text(PROBLEM)


def same_history(first, second):
    first, second = tfl.load(first), tfl.load(second)
    for key in first.history.keys() - {"seconds"}:
        np.testing.assert_array_equal(first.history[key], second.history[key])
    np.testing.assert_array_equal(first.control, second.control)


@pytest.mark.slow
def test_resume(call, tmp_path, problem):
    call("fit", "p.toml", "-o", "whole.h5", "--iterations", "6", "--method", "lbfgs")
    call("fit", "p.toml", "-o", "run.h5", "--iterations", "2", "--method", "lbfgs")
    before = (tmp_path / "run.h5").read_bytes()
    checked = call("resume", "run.h5", "--only-check").output
    assert "2 iterations" in checked and "it can go on" in checked and (tmp_path / "run.h5").read_bytes() == before
    said = call("resume", "run.h5", "--iterations", "6").output
    assert "iteration limit: 6 iterations" in said
    same_history("run.h5", "whole.h5")
    again = call("resume", "run.h5").output
    assert "iteration limit: 6 iterations" in again
    assert "verified" in call("info", "run.h5", "--verify").output


def test_resume_with_another_step(call, tmp_path, problem):
    call("fit", "p.toml", "-o", "run.h5", "--iterations", "2")
    call("resume", "run.h5", "--iterations", "3", "--step", "1e-4")
    assert tfl.load("run.h5").method.step == 1e-4
    (tmp_path / "g.toml").write_text(PROBLEM + '[descent]\nkind = "GradientFlow"\nfinal_time = 0.01\n')
    call("fit", "g.toml", "-o", "flow.h5", "--iterations", "1")
    assert "finds its own steps" in call("resume", "flow.h5", "--step", "0.1", code=2).stderr


@pytest.mark.slow
def test_resume_of_a_likelihood_keeps_its_validation(call, tmp_path, rng):
    np.savetxt(tmp_path / "angles.csv", rng.vonmises(0, 3, (200, 1)), delimiter=",")
    fit = ("fit", "angles.csv", "--units", "radians", "--likelihood", "--band", "3", "--layers", "2", "--length", "0.2")
    call(*fit, "-o", "run.h5", "--iterations", "2")
    said = call("resume", "run.h5", "--iterations", "5").output
    assert "validation  " in said and "the likelihood is sound" in said
    call(*fit, "-o", "whole.h5", "--iterations", "5")
    same_history("run.h5", "whole.h5")


@pytest.mark.slow
def test_refine(call, tmp_path, problem):
    call("fit", "p.toml", "-o", "run.h5", "--iterations", "8", "--method", "lbfgs")
    arguments = ("--grid", "24x25", "--band", "5", "--layers", "4", "--substeps", "6")
    said = call("refine", "run.h5", "-o", "fine.h5", *arguments).output
    fine, coarse = tfl.load("fine.h5"), tfl.load("run.h5")
    model = fine.risk.model
    assert (model.torus.shape, model.band, model.layers, model.substeps) == ((24, 25), (5, 5), 4, 6)
    assert "at the new resolution" in said
    assert fine.history["risk"][0] == pytest.approx(coarse.history["risk"][-1], rel=0.1)
    call("resume", "fine.h5", "--iterations", "2")
    assert tfl.load("fine.h5").history["risk"][-1] < fine.history["risk"][0]
    assert "layers" in call("refine", "run.h5", "-o", "other.h5", "--layers", "3", code=2).stderr


def test_export(call, tmp_path, problem):
    call("fit", "p.toml", "-o", "run.h5", "--iterations", "3")
    run = tfl.load("run.h5")
    for suffix in ("csv", "npz", "nc"):
        call("export", "run.h5", "-o", f"run.{suffix}")
    names = (tmp_path / "run.csv").read_text().splitlines()[1].split(",")
    table = np.loadtxt(tmp_path / "run.csv", delimiter=",", skiprows=2)
    np.testing.assert_allclose(table[:, names.index("risk")], run.history["risk"], rtol=1e-8)
    with np.load(tmp_path / "run.npz") as arrays:
        np.testing.assert_array_equal(arrays["control"][..., 0] + 1j * arrays["control"][..., 1], run.control)
    with h5py.File(tmp_path / "run.nc") as file:
        assert [axis[0].name for axis in file["output"].dims] == ["/x", "/y"] and file["output"].attrs["units"]
        np.testing.assert_array_equal(file["output"][...], run.output)
    assert "exists" in call("export", "run.h5", "-o", "run.nc", code=2).stderr
    assert "suffix must be one of" in call("export", "run.h5", "-o", "run.txt", code=2).stderr


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_a_run_cleanly(tmp_path, problem, number, code):
    """The iteration is finished and stored; the exit code is the shell's; the run goes on to the same end."""
    arguments = ["fit", str(tmp_path / "p.toml"), "-o", str(tmp_path / "run.h5"), "--iterations", "100000"]
    command = [sys.executable, "-c", "from torusflow.cli import main; main()", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        while not (line := process.stdout.readline()).startswith("loss"):
            assert line
        time.sleep(0.5)
        os.kill(process.pid, number)
        said = process.stdout.read()
    assert process.returncode == code
    assert f"{number.name}" in said and f"continue with: torusflow resume {tmp_path / 'run.h5'}" in said
    run = tfl.load(tmp_path / "run.h5")
    done = len(run.history["risk"]) - 1
    assert run.status == f"interrupted after {done} iterations: {number.name}"
    assert [file.name for file in sorted(tmp_path.iterdir())] == ["p.toml", "run.h5"]


def test_what_cannot_go_on(call, tmp_path, problem):
    call("fit", "p.toml", "-o", "run.h5", "--iterations", "1")
    (tmp_path / "rubbish.h5").write_bytes(b"rubbish")
    assert "not a readable run file" in call("resume", "rubbish.h5", code=2).stderr
    assert "there is no file" in call("resume", "none.h5", code=2).stderr
    with h5py.File(tmp_path / "run.h5", "r+") as file:
        file["output"][0, 0] = 7.0
    assert "checksum" in call("info", "run.h5", code=2).stderr
