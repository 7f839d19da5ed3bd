"""What torusflow fit does not make a density of: a sentence each, before anything is written."""

import os

import numpy as np
import pytest

import torusflow as tfl


def lines(*rows, header="phi,psi"):
    return "\n".join([header, *rows]) + "\n"


GOOD = [f"{p:.3f},{q:.3f}" for p, q in np.degrees(np.random.default_rng(0).vonmises([0.5, 2.0], [4.0, 3.0], (30, 2)))]
FIT = ("--units", "degrees")
BAD = {
    "unknown units": (lines(*GOOD), ("--units", "degree"), "'degree' is not one of degrees, radians, hours, turns"),
    "no period": (lines(*GOOD), ("--period", "-24"), "'-24' is not one of"),
    "far values": (lines(*GOOD, "3600,2"), FIT, "phi = 3600 in row 31"),
    "far values of a number": (lines(*GOOD, "3600,2"), ("--period", "360"), "phi = 3600 in row 31"),
    "radians": (lines(*[f"{x:.4f},{x:.4f}" for x in np.linspace(-3.14, 3.14, 60)]), FIT, "as radians do"),
    "a constant column": (lines(*[f"{row.split(',')[0]},7" for row in GOOD]), FIT, "column psi is 7 in every row"),
    "copies": (lines(*GOOD[:5] * 6), FIT, "only 5 of the 30 rows are distinct"),
    "few rows": (lines(*GOOD[:9]), FIT, "n_samples=9 rows with a weight are too few"),
    "many columns": (lines(*[f"{r},1,2" for r in GOOD], header="a,b,c,d"), FIT, "say which 1 to 3"),
    "four named": (
        lines(*[f"{r},1,2" for r in GOOD], header="a,b,c,d"),
        (*FIT, "--columns", "a,b,c,d"),
        "1 to 3 names",
    ),
    "negative weights": (
        lines(*[f"{r},{1 - 2 * (i == 3)}" for i, r in enumerate(GOOD)], header="a,b,w"),
        (*FIT, "--weights", "w"),
        "the column 'w' of weights must be numbers >= 0, that of row 4 is -1",
    ),
    "no weights": (lines(*[f"{r},0" for r in GOOD], header="a,b,w"), (*FIT, "--weights", "w"), "is zero for every row"),
    "weights that are angles": (lines(*GOOD), (*FIT, "--weights", "psi", "--columns", "phi,psi"), "no coordinate too"),
    "a column twice": (lines(*GOOD), (*FIT, "--columns", "phi,phi"), "name each once"),
    "weights not there": (lines(*GOOD), (*FIT, "--weights", "w"), "no column 'w'"),
    "nothing but missing": (lines(*["NA,1"] * 20), (*FIT, "--drop-missing"), "no row without missing values"),
    "commas for all": (lines(*[r.replace(".", ",") for r in GOOD]), FIT, "separate columns by semicolons"),
    "a grid of one axis": (lines(*GOOD), (*FIT, "--grid", "64"), "Choose as many: --grid 64x64"),
    "a grid of two sizes": (lines(*GOOD), (*FIT, "--grid", "64x32"), "Write --grid 64x64"),
    "a negative penalty": (lines(*GOOD), (*FIT, "--penalty", "-1"), "--penalty must be a number >= 0, got -1"),
    "no time": (lines(*GOOD), (*FIT, "--max-time", "0"), "--max-time must be a number > 0, got 0"),
    "no iterations": (lines(*GOOD), (*FIT, "--iterations", "0"), "iterations must be a whole number >= 1"),
    "a test of all": (lines(*GOOD), (*FIT, "--test", "1"), "test must be a share"),
    "a test of most": (lines(*GOOD), (*FIT, "--test", "0.9"), "n_samples=3"),
    "a wide band": (lines(*GOOD), (*FIT, "--grid", "16x16", "--band", "9"), "band=9 is too large"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_a_sentence(call, tmp_path, name):
    text, arguments, words = BAD[name]
    (tmp_path / "d.csv").write_text(text)
    refused = call("fit", "d.csv", *arguments, "-o", "run.h5", code=2)
    assert words in " ".join(refused.stderr.split())
    assert os.listdir(tmp_path) == ["d.csv"]


def test_outputs_are_refused_before_the_samples_are_read(call, tmp_path):
    (tmp_path / "run.h5").write_text("precious\n")
    assert "holds a text" in call("fit", "missing.csv", "-o", "run.h5", code=2).stderr
    assert "does not exist; make it first" in call("fit", "missing.csv", "-o", "no/run.h5", code=2).stderr
    with tfl.RunFile(tmp_path / "other.h5").locked():
        assert "another process is writing" in call("fit", "missing.csv", "-o", "other.h5", code=2).stderr
