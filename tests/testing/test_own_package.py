"""The package in examples/: its own tests pass, as they would anywhere else, and what it shows is short."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PACKAGE = ROOT / "examples" / "own_package"


def run(*command, folder=PACKAGE):
    """In a process of its own, which finds torusflow but nothing of these tests: neither settings nor fixtures."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(PACKAGE)])}
    done = subprocess.run(
        [sys.executable, *map(str, command)], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_its_tests_pass():
    said = run("-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert "passed" in said and "skipped" not in said


def test_what_it_shows_is_short():
    assert len((PACKAGE / "fit.py").read_text().splitlines()) <= 100
    assert len((PACKAGE / "README.md").read_text().splitlines()) <= 40


@pytest.mark.slow
def test_its_script_runs_and_its_runs_are_read_by_the_command_line(tmp_path):
    said = run(PACKAGE / "fit.py", "--iterations", 6, "-o", tmp_path / "run.h5", folder=tmp_path)
    assert "resumed and whole run differ by 0.0" in said
    main = "from torusflow.cli import main; main()"
    told = run("-c", main, "info", "run.h5", "--classes", "ownflow", folder=tmp_path)
    assert "Renyi" in told and "AdaGradNorm" in told
