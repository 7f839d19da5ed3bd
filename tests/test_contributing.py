"""The walkthroughs of CONTRIBUTING.md: one file and one line make a loss, a method, a model of the package."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import torusflow

ROOT = Path(__file__).parents[1]
DIFFS = re.findall(r"```diff\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.S)
USE = """
import numpy as np, torusflow as tfl
from torusflow import testing
from torusflow.config import make_problem

assert tfl.NormalisedDescent in map(tfl.__dict__.get, dir(tfl)) and "FourthPower" in dir(tfl.losses)
testing.check_model(tfl.Turns(np.array([[1.0, 0.2], [0.3, -0.7]])))
testing.check_method(tfl.NormalisedDescent(0.01))
problem = make_problem({
    "torus": {"shape": (12,), "threads": 1}, "target": {"kind": "von_mises"}, "loss": {"kind": "FourthPower"},
    "descent": {"kind": "NormalisedDescent"}, "model": {"layers": 2, "band": 3},
})
testing.check_loss(problem.risk.loss, problem.risk.model)
tfl.descend(problem.risk, problem.start, problem.method, 2, store="density.h5")
points = {"values": [[1.0, 0.0], [0.0, 1.0]]}
problem = make_problem({"model": {"kind": "Turns"}, "inputs": points, "targets": points})
tfl.descend(problem.risk, problem.start, problem.method, 2, store="points.h5")
for path, model in (("density.h5", "MeasureNODE"), ("points.h5", "Turns")):
    run = tfl.load(path)
    assert type(run.risk.model).__name__ == model
    tfl.plotting.plot_run(run)
print("used")
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A folder with a copy of the package to which the changes have been applied; what is compiled comes along."""
    folder = tmp_path_factory.mktemp("changed")
    shutil.copytree(Path(torusflow.__file__).parent, folder / "torusflow", copy_function=shutil.copy2)
    for number, diff in enumerate(DIFFS):
        (folder / f"{number}.diff").write_text(diff)
        applied = subprocess.run(
            ["git", "apply", "--unidiff-zero", f"{number}.diff"],
            cwd=folder,
            capture_output=True,
            text=True,
            env={**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.parent)},
        )
        assert applied.returncode == 0, applied.stderr
    return folder


@pytest.mark.skipif(shutil.which("git") is None, reason="git applies the changes")
def test_each_is_one_file_and_one_line():
    assert len(DIFFS) == 3
    for diff in DIFFS:
        assert diff.count("--- /dev/null") == 1
        (line,) = re.findall(r"@@ -\d+,1 .*\n .*\n((?:\+.*\n)*)", diff)
        assert line.count("\n") == 1


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("git") is None, reason="git applies the changes")
def test_what_is_added_is_public_offered_stored_drawn_and_checked(package, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", USE],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(package)},
    )
    assert done.stdout.endswith("used\n"), done.stdout + done.stderr
