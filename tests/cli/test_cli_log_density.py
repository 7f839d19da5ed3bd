"""A log-density from the command line: fit, choice, picture, samples, scores, and going on."""

import numpy as np
import pytest

import torusflow as tfl


@pytest.fixture
def angles(tmp_path):
    rng = np.random.default_rng(0)
    values = np.degrees(rng.vonmises([0.5, 2.0], [8.0, 3.0], (300, 2)))
    np.savetxt(tmp_path / "angles.csv", values, delimiter=",", header="phi,psi", comments="")
    return values


FIT = ("fit", "angles.csv", "--units", "degrees", "--loss", "normalisedlikelihood", "--grid", "20x21", "--layers", "2")


@pytest.mark.slow
def test_fit_and_what_follows(call, angles, tmp_path):
    fitted = call(*FIT, "--test", "0.1", "--iterations", "6", "-o", "run.h5").output
    assert "LogDensityNODE" in fitted and "its mass is one" in " ".join(fitted.split())
    test = next(float(line.split()[1]) for line in fitted.splitlines() if line.startswith("  test"))
    assert test < 2 * np.log(2 * np.pi) - 1
    info = call("info", "run.h5", "--verify").output
    assert "log Z" in info and "stored control, exactly" in info and "Courant number" in info
    assert "picture" in call("plot", "run.h5").output
    call("sample", "run.h5", "-n", "50", "-o", "new.csv")
    assert "(50 samples)" in call("score", "run.h5", "new.csv").output
    assert len(tfl.load(tmp_path / "run.h5").history["risk"]) == 7
    assert "13 iterations" in " ".join(call("resume", "run.h5", "--iterations", "13").output.split())
    call("refine", "run.h5", "-o", "fine.h5", "--grid", "24x24", "--substeps", "20")
    assert tfl.load(tmp_path / "fine.h5").validation.model.torus.shape == (24, 24)


@pytest.mark.slow
def test_choices(call, angles):
    vary = ("--set", "select.length=[0.1, 0.2]", "--select")
    chosen = call(*FIT, "--band", "5", "--iterations", "3", *vary, "-o", "run.h5").output
    assert "chosen" in chosen and "270 samples" in chosen


def test_check(call, angles, tmp_path):
    (tmp_path / "p.toml").write_text(
        '[target]\nkind = "samples"\nfile = "angles.csv"\nunits = "degrees"\n[torus]\nshape = [16, 15]\n'
        '[model]\nkind = "LogDensityNODE"\nlayers = 2\n'
    )
    assert "all checks passed" in call("check", "p.toml").output
