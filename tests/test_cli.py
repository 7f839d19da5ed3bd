"""The command line as a person meets it: what it prints, what it writes, and how it says no."""

import numpy as np
import pytest
from PIL import Image

import torusflow as tfl


@pytest.fixture
def angles(tmp_path, rng):
    values = np.degrees(np.column_stack([rng.vonmises(-1, 3, 400), rng.vonmises(2, 3, 400)]))
    np.savetxt(tmp_path / "angles.csv", values, delimiter=",", header="phi,psi", comments="")
    return values


SMALL = ("--grid", "24x24", "--layers", "3", "--iterations", "6")


def test_fit_info_plot(call, tmp_path, angles):
    fitted = call("fit", "angles.csv", "--units", "degrees", "-o", "run.h5", *SMALL)
    assert "iteration limit: 6 iterations" in fitted.output and "torusflow plot run.h5" in fitted.output
    assert all(len(line) <= 80 for line in fitted.output.splitlines())
    run = tfl.load("run.h5")
    assert run.coordinates == tfl.Coordinates("degrees", ("phi", "psi"), centred=True)
    assert run.history["risk"][-1] < run.history["risk"][0]
    said = call("info", "run.h5").output
    assert "phi, psi in degrees" in said and "24 x 24" in said and "iteration limit" in said
    assert all(len(line) <= 80 for line in said.splitlines())
    call("plot", "run.h5")
    with Image.open(tmp_path / "run.png") as picture:
        assert picture.size[0] > 1000
    assert "exists" in call("plot", "run.h5", code=2).stderr
    call("plot", "run.h5", "--overwrite")


def test_fit_an_image(call, tmp_path):
    picture = np.zeros((30, 30), np.uint8)
    picture[10:20, 10:20] = 255
    Image.fromarray(picture).save(tmp_path / "square.png")
    call("fit", "square.png", "-o", "run.h5", *SMALL)
    assert "square" in call("info", "run.h5").output


def test_options_replace_values_of_a_problem_file(call, tmp_path):
    (tmp_path / "p.toml").write_text('[target]\nkind = "von_mises"\n[torus]\nshape = [24, 24]\n[model]\nlayers = 2\n')
    call("fit", "p.toml", "-o", "run.h5", "--iterations", "1", "--layers", "3", "--loss", "L2")
    run = tfl.load("run.h5")
    assert run.risk.model.layers == 3 and isinstance(run.risk.loss, tfl.losses.L2)


def test_check(call, tmp_path):
    (tmp_path / "p.toml").write_text('[target]\nkind = "banana"\n[torus]\nshape = [25, 24]\n[model]\nlayers = 2\n')
    said = call("check", "p.toml").output
    assert "exact to round-off" in said and "slope 2.0" in said and said.strip().endswith("all checks passed")


def test_no_progress_bar_without_a_terminal(call, angles):
    assert "it/s" not in call("fit", "angles.csv", "--units", "degrees", "-o", "run.h5", *SMALL).stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fit", "missing.csv", "-o", "r.h5"), "cannot read"),
        (("fit", "angles.csv", "-o", "r.h5"), "Did you mean units 'degrees'"),
        (("fit", "angles.csv", "--units", "degree", "-o", "r.h5"), "is not one of"),
        (("fit", "angles.csv", "--units", "degrees", "-o", "angles.csv"), "not overwritten unasked"),
        (("fit", "angles.csv", "--units", "degrees", "-o", "r.h5", "--columns", "phi,chi"), "no column 'chi'"),
        (("fit", "angles.csv", "--units", "degrees", "-o", "r.h5", "--grid", "64by64"), "is no grid"),
        (("fit", "angles.csv", "--units", "degrees", "-o", "r.h5", "--grid", "64"), "gives 2 columns, the torus has 1"),
        (("fit", "angles.csv", "--units", "degrees", "-o", "r.h5", "--smoothness", "-2"), "between 0 and 10"),
        (("fit", "angles.csv", "--units", "degrees", "-o", "r.h5", "--band", "40"), "too large for an axis of 64"),
        (("fit", "angles.csv", "--units", "degrees", "-o", "r.h5", "--iterations", "-1"), "whole number >= 0"),
        (
            ("fit", "angles.csv", "--units", "degrees", "-o", "r.h5", "--bandwidth", "0.1"),
            "too small for 64 grid points",
        ),
        (("fit", "angles.csv", "--units", "degrees", "-o", "no/r.h5"), "does not exist; make it first"),
        (("info", "angles.csv"), "not a readable run file"),
        (("plot", "missing.h5"), "there is no file"),
        (("check", "missing.toml"), "cannot read"),
        (("fit",), "Missing argument"),
        (("fly",), "No such command"),
    ],
)
def test_mistakes_give_one_sentence_and_exit_code_two(call, tmp_path, angles, arguments, words):
    before = sorted(tmp_path.iterdir())
    assert words in " ".join(call(*arguments, code=2).stderr.split())
    assert sorted(tmp_path.iterdir()) == before
