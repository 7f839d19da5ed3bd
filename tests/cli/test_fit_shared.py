"""torusflow under mpiexec: one problem shared, words and errors once, no output written twice."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from launching import ENVIRONMENT, SEVERAL, launched, run

import torusflow as tfl

pytestmark = SEVERAL

PROBLEM = """
torus = {shape = [16, 18], threads = 1}
target = {kind = "von_mises"}
model = {layers = 2, band = 4}
descent = {kind = "LBFGS"}
limits = {iterations = 3}
"""

# Commands that one launch runs, one after another; each process writes down what it says and its exit code.
COMMANDS = """
import json, os, sys
from torusflow.cli import main
from torusflow.cli.processes import launched
found, rank = {}, launched()[1]
for line in sys.argv[1:]:
    said = os.open(f"said.{rank}", os.O_CREAT | os.O_TRUNC | os.O_RDWR)
    os.dup2(said, 1), os.dup2(said, 2)
    try:
        main(line.split())
    except SystemExit as end:
        found[line] = end.code, open(f"said.{rank}").read()
json.dump(found, open(f"found.{rank}", "w"))
"""
SHARED = [
    "fit p.toml -o run.h5",
    "resume run.h5 --iterations 5",
    "fit p.toml -o once.h5 --iterations 5",
    "check p.toml",
    "fit a.csv --loss normalisedlikelihood --grid 16x16 --layers 1 --band 4 --iterations 2 -o likely.h5",
    "resume likely.h5 --iterations 3",
]
BY_ONE = [
    "info run.h5",
    "plot run.h5 -o run.png",
    "export run.h5 -o run.npz",
    "refine run.h5 -o fine.h5 --grid 20x20",
    "sample likely.h5 -n 10 -o new.csv",
    "--version",
]
REFUSED = {
    "fit p.toml -o likely.h5": "'likely.h5' exists and is not overwritten",
    "fit p.toml -o none/run.h5": "the folder",
    "fit p.toml -o bad.h5 --grid 32 --band 4": "a torus of one axis is not divided",
    "fit p.toml -o bad.h5 --grid 16x9 --band 2": "2 processes are too many for a grid of 16 x 9: at most 1",
    "fit p.toml -o bad.h5 --set torus.library=numpy": "library='numpy' with comm",
    "fit none.toml -o bad.h5": "cannot read 'none.toml'",
    "fit p.toml -o bad.h5 --layers 0": "layers",
    "fit a.csv -o bad.h5": "a density of samples is fitted with all choices made by one process",
    "fit a.csv --likelihood -o bad.h5": "a SampleNODE has no grid to share",
    "fit p.toml -o bad.h5 --bogus": "No such option",
    "info none.h5": "there is no file",
    "resume alone.h5": "a run of a SampleNODE, which several processes do not share",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shared")
    (folder / "p.toml").write_text(PROBLEM)
    points = np.random.default_rng(0).vonmises(0.0, 2.0, (60, 2)) / (2 * np.pi) % 1
    np.savetxt(folder / "a.csv", points, delimiter=",", header="x,y", comments="")
    model = tfl.SampleNODE(points, tfl.SobolevMetric(2.5, 0.1), layers=1, band=2, threads=1)
    risk = tfl.Risk(model, tfl.losses.LogLikelihood())
    tfl.descend(risk, risk.space.zeros(), tfl.LBFGS(), 1, store=folder / "alone.h5")
    return folder


@pytest.fixture(scope="module")
def found(folder):
    """What each of two processes has said to each command, and its exit code."""
    done = run(2, "-c", COMMANDS, *SHARED, *BY_ONE, *REFUSED, cwd=folder)
    assert done.returncode == 0, done.stderr
    return [json.loads((folder / f"found.{rank}").read_text()) for rank in range(2)]


@pytest.mark.parametrize("line", [*SHARED, *BY_ONE])
def test_one_process_speaks_of_what_all_do_or_it_alone(found, line):
    (first, said), (second, silence) = found[0][line], found[1][line]
    assert first == second == 0 and silence == "", (said, silence)
    assert said and "Traceback" not in said and all(len(part) <= 80 for part in said.splitlines()), said


@pytest.mark.parametrize("line", REFUSED)
def test_what_cannot_be_is_said_once(found, line):
    first, said = found[0][line]
    assert first == 2 and said.count(REFUSED[line]) == 1 and "Traceback" not in said, said
    assert found[1][line] in ([2, ""], [0, ""])


def test_what_is_found_is_what_one_process_finds(found, folder, call):
    call("fit", folder / "p.toml", "-o", "alone.h5", "--iterations", "5")
    alone, run = tfl.load("alone.h5"), tfl.load(folder / "run.h5")
    assert np.array_equal(run.control, tfl.load(folder / "once.h5").control)  # though it was stored and resumed
    np.testing.assert_allclose(run.history["risk"], alone.history["risk"], rtol=1e-11)
    assert len(tfl.load(folder / "likely.h5").history["risk"]) == 4
    assert not (folder / "bad.h5").exists()


MINE = """
import dataclasses, os, time
import torusflow as tfl
from torusflow.cli.processes import launched

@dataclasses.dataclass(frozen=True, eq=False)
class Mine(tfl.losses.SquaredL2):
    how: str = ""

    def __call__(self, rho):
        if self.how == "fails" and launched()[1] == 1:
            raise tfl.InputError("only here")
        with open(f"pid.{launched()[1]}", "w") as file:
            file.write(str(os.getpid()))
        return super().__call__(rho)
"""
TORUSFLOW = ("-c", "from torusflow.cli import run; run()")
FIT = ("fit", "p.toml", "--loss", "mine:Mine", "--method", "gradientdescent", "--step", "1e-6")


def test_an_error_of_one_process_is_said_once_and_ends_all(folder):
    (folder / "mine.py").write_text(MINE)
    done = run(2, *TORUSFLOW, *FIT, "--set", "loss.how=fails", "-o", "failed.h5", cwd=folder, timeout=60)
    assert done.returncode != 0 and done.stderr.count("torusflow: only here") == 1, done.stderr
    assert "Traceback" not in done.stderr and not (folder / "failed.h5").exists()


@pytest.mark.parametrize("receiver", ["launcher", "one"])
def test_sigterm_stores_and_stops(folder, receiver):
    (folder / "mine.py").write_text(MINE)
    (folder / "pid.1").unlink(missing_ok=True)
    path = folder / f"{receiver}.h5"
    command = [*launched(2, *TORUSFLOW, *FIT), "--iterations", "1000000", "-o", path]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=folder, env=ENVIRONMENT) as process:
        while not (folder / "pid.1").exists() or not (number := (folder / "pid.1").read_text()):
            assert process.poll() is None
            time.sleep(0.01)
        os.kill(process.pid if receiver == "launcher" else int(number), signal.SIGTERM)
        said = process.communicate(timeout=30)[0]
    assert process.returncode == 128 + signal.SIGTERM, said
    assert said.count(f"continue with: torusflow resume {path}") == 1, said
    assert "interrupted" in said and "SIGTERM" in said


def test_different_commands_are_on_their_own(folder):
    first = ["-n", "1", sys.executable, *TORUSFLOW, "info", "run.h5"]
    second = ["-n", "1", sys.executable, *TORUSFLOW, "info", "likely.h5"]
    command = [launched(1)[0], *first, ":", *second]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=ENVIRONMENT, timeout=60)
    assert done.returncode == 0 and "MeasureNODE" in done.stdout and "LogDensityNODE" in done.stdout, done.stderr
