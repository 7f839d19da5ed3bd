"""torusflow fit --given, and what follows: samples and scores given rows, the picture, and what is refused."""

import numpy as np
import pytest
from test_fit_density import FIT, QUICK, draw, said, write

import torusflow as tfl
from torusflow.cli import main


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    from command_line import runner

    folder = tmp_path_factory.mktemp("given")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write(folder / "angles.csv", draw())
        result = runner().invoke(main, ["fit", "angles.csv", *FIT, *QUICK, "--given", "phi"])
    assert result.exit_code == 0, result.output
    return folder, result


@pytest.mark.slow
def test_it_says_what_it_is(fitted):
    _, result = fitted
    assert "300 rows of phi, psi in degrees, given phi" in said(result)
    assert "nats per radian" in result.output and "uniform density 1.8379" in said(result)
    assert all(len(line) <= 80 for line in result.output.splitlines())


@pytest.mark.slow
def test_samples_and_scores(fitted, call, monkeypatch):
    folder, _ = fitted
    monkeypatch.chdir(folder)
    write(folder / "hills.csv", np.array([[10.0, 1.0], [40.0, 2.0]]), "phi,hill")
    result = call("sample", "run.h5", "--given", "hills.csv", "-n", "3", "-o", "drawn.csv", "--overwrite")
    assert "6 samples of phi, psi" in said(result)
    drawn = np.loadtxt("drawn.csv", delimiter=",", skiprows=1)
    np.testing.assert_allclose(drawn[:, 0], [10, 10, 10, 40, 40, 40], rtol=0, atol=1e-6)
    result = call("score", "run.h5", "angles.csv", "--overwrite")
    assert "nats, densities per radian (uniform 1.8379)" in said(result)
    scores = np.loadtxt("run-angles-scores.csv", delimiter=",", skiprows=2)[:, -1]
    density = tfl.TorusDensity.load("run.h5")
    np.testing.assert_allclose(scores, density.scores_of(draw()) + np.log(180 / np.pi), atol=1e-5)
    call("plot", "run.h5", "--overwrite")
    assert "moving along 1" in said(call("info", "run.h5"))
    write(folder / "far.csv", np.array([[10.0], [-150.0]]), "phi")
    result = call("sample", "run.h5", "--given", "far.csv", "-o", "drawn.csv", "--overwrite")
    assert "1 of 2 conditions are further than 0.1 of a period" in " ".join(result.stderr.split())


@pytest.mark.slow
def test_bad_input(fitted, call, monkeypatch):
    folder, _ = fitted
    monkeypatch.chdir(folder)

    def refused(*arguments):
        return " ".join(call(*arguments, code=2).stderr.split())

    write(folder / "other.csv", np.array([[10.0]]), "omega")
    assert "a density given phi: say for which, --given FILE" in refused("sample", "run.h5", "-o", "none.csv")
    other = refused("sample", "run.h5", "--given", "other.csv", "-o", "none.csv")
    assert "has the columns omega; the run has phi" in other
    for given, words in (("chi", "no column 'chi'"), ("phi,psi", "not all of"), ("2", "no column 2")):
        assert words in refused("fit", "angles.csv", *FIT, *QUICK[:-1], "new.h5", "--given", given)
    study = refused("fit", "angles.csv", *FIT, "-o", "new.h5", "--given", "phi", "--loss", "normalisedlikelihood")
    assert "--given is for samples whose density is fitted with all choices made" in study
    assert not (folder / "none.csv").exists() and not (folder / "new.h5").exists()
    call("fit", "angles.csv", *FIT, *QUICK[:-1], "joint.h5", "--overwrite")
    assert "nothing is given" in refused("sample", "joint.h5", "--given", "other.csv", "-o", "none.csv")
