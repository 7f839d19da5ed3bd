"""Problem files and options that name classes of one's own, and models that no table lists."""

from pathlib import Path

import numpy as np
import pytest
from command_line import runner

import torusflow as tfl
from torusflow.cli import main
from torusflow.config import make_problem, read_tables

OWN = (Path(__file__).parent / "storage" / "own_classes.py").read_text()
PROBLEM = """
[inputs]
values = [[0.0, 0.0], [1.0, 0.5], [0.3, 0.9]]
[targets]
values = [[0.5, 0.0], [1.5, 0.5], [0.8, 0.9]]
[model]
kind = "my_package.parts:Shift"
layers = 3
[loss]
kind = "my_package.parts:Cubed"
weight = 2.0
[descent]
kind = "my_package.parts:Polyak"
[limits]
iterations = 5
"""
GEODESIC = """
[torus]
shape = [24, 24]
[target]
kind = "von_mises"
[model]
kind = "GeodesicNODE"
band = 3
[limits]
iterations = 3
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """With a package of one's own beside a problem file, and the current folder elsewhere."""
    (tmp_path / "there" / "my_package").mkdir(parents=True)
    (tmp_path / "there" / "my_package" / "__init__.py").touch()
    (tmp_path / "there" / "my_package" / "parts.py").write_text(OWN)
    (tmp_path / "there" / "problem.toml").write_text(PROBLEM)
    (tmp_path / "there" / "divides_by_zero.py").write_text("1 / 0")
    (tmp_path / "two.csv").write_text("a,b\n" + "\n".join(f"{x},{x * x}" for x in np.linspace(0, 0.9, 30)))
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "there"
    import sys

    for name in ("my_package", "my_package.parts"):
        sys.modules.pop(name, None)


def call(*arguments, code=0):
    told = runner().invoke(main, [str(argument) for argument in arguments])
    assert told.exit_code == code, told.output + told.stderr
    return told


def test_problem_files_name_classes_of_modules_beside_them(folder):
    import sys

    before = list(sys.path)
    call("fit", folder / "problem.toml", "-o", "run.h5")
    assert sys.path == before
    run = tfl.load("run.h5", classes=[sys.modules["my_package.parts"]])
    assert type(run.risk.model).__name__ == "Shift" and run.risk.model.layers == 3 and run.risk.loss.weight == 2.0
    assert type(run.method).__name__ == "Polyak" and run.history["risk"][-1] < run.history["risk"][0]


def test_options_name_them_too(folder, monkeypatch):
    monkeypatch.chdir(folder)
    arguments = ("--grid", "16x16", "--iterations", "2", "-o", "run.h5")
    loss, method = "my_package.parts:L2", "my_package.parts:Polyak"
    call("fit", folder.parent / "two.csv", "--loss", loss, "--method", method, *arguments)
    told = call("info", "run.h5", "--classes", "my_package.parts")
    assert "L2, penalty 0" in told.output and "Polyak" in told.output


@pytest.mark.slow
def test_any_model_of_densities_in_problem_files_words_and_pictures(folder):
    """GeodesicNODE, which no table mentions."""
    Path("geodesic.toml").write_text(GEODESIC)
    assert "mass after the push" in call("check", "geodesic.toml").output
    call("fit", "geodesic.toml", "-o", "run.h5")
    assert isinstance(tfl.load("run.h5").risk.model, tfl.GeodesicNODE)
    told = call("info", "run.h5").output
    assert "initial velocity of a geodesic" in told and "mass 1" in told
    call("plot", "run.h5")


@pytest.mark.parametrize(
    ("table", "kind", "words"),
    [
        ("model", "no_such:Shift", "there is no module 'no_such'"),
        ("model", "my_package.parts:Shifts", "the module 'my_package.parts' has no 'Shifts'"),
        ("loss", "my_package.parts:np", "'my_package.parts:np' is <module"),
        (
            "descent",
            "divides_by_zero:Method",
            "importing 'divides_by_zero' failed: ZeroDivisionError: division by zero",
        ),
        (
            "model",
            "my_package.parts:Polyak",
            r"\[model\] a Polyak takes neither a torus .* nor points, called inputs, X",
        ),
        ("descent", "my_package.parts:Shift", r"\[descent\] lacks the key 'points'"),
    ],
)
def test_kinds_that_cannot_be(folder, table, kind, words):
    tables = read_tables(folder / "problem.toml")
    tables[table] = {"kind": kind}
    with pytest.raises(tfl.InputError, match=words):
        make_problem(tables, folder)
