"""The command line as a person meets it: what it prints, what it writes, and how it says no."""

import os

import numpy as np
import pytest
from command_line import runner
from PIL import Image
from scipy import special

import torusflow as tfl
from torusflow.cli import main


@pytest.fixture
def angles(tmp_path, rng):
    values = np.degrees(np.column_stack([rng.vonmises(-1, 3, 400), rng.vonmises(2, 3, 400)]))
    np.savetxt(tmp_path / "angles.csv", values, delimiter=",", header="phi,psi", comments="")
    return values


SMALL = ("--grid", "24x24", "--layers", "3", "--iterations", "6")


@pytest.mark.slow
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
    with Image.open(tmp_path / "run-run.png") as picture:
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


BAND = ("--units", "degrees", "-o", "r.h5", "--grid", "64x64", "--band", "40")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fit", "missing.csv", "-o", "r.h5"), "cannot read"),
        (("fit", "angles.csv", "-o", "r.h5"), "Did you mean units 'degrees'"),
        (("fit", "angles.csv", "--units", "degree", "-o", "r.h5"), "is not one of"),
        (("fit", "angles.csv", "--units", "degrees", "-o", "angles.csv"), "is an input here, so it is not overwritten"),
        (("fit", "angles.csv", "--units", "degrees", "-o", "r.h5", "--columns", "phi,chi"), "no column 'chi'"),
        (("fit", "angles.csv", "--units", "degrees", "-o", "r.h5", "--grid", "64by64"), "is not a grid"),
        (("fit", "angles.csv", "--units", "degrees", "-o", "r.h5", "--grid", "64"), "gives 2 columns, the torus has 1"),
        (("fit", "angles.csv", "--units", "degrees", "-o", "r.h5", "--smoothness", "-2"), "between 0 and 10"),
        (("fit", "angles.csv", *BAND), "large for an axis of 64"),
        (("fit", "angles.csv", "--units", "degrees", "-o", "r.h5", "--iterations", "-1"), "whole number >= 1"),
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


LIKELIHOOD = ("--units", "degrees", "--likelihood", "--band", "3", "--layers", "2", "--length", "0.2")


@pytest.mark.slow
def test_likelihood_from_fit_to_samples_and_scores(call, tmp_path, angles):
    fitted = call("fit", "angles.csv", *LIKELIHOOD, "--test", "0.2", "--iterations", "15", "-o", "run.h5").output
    assert "the likelihood is sound" in fitted and "uniform 3.6758" in fitted
    assert all(len(line) <= 80 for line in fitted.splitlines())
    scores = {line.split()[0]: float(line.split()[1]) for line in fitted.splitlines() if " +- " in line}
    run = tfl.load("run.h5")
    model, volume = run.risk.model, 2 * np.log(2 * np.pi)
    assert len(model.points) == 280 and scores["training"] == pytest.approx(
        volume - np.mean(model(run.control)), abs=1e-4
    )
    entropy = 2 * (np.log(2 * np.pi * special.i0(3)) - 3 * special.i1(3) / special.i0(3))
    assert abs(scores["test"] - entropy) < 0.3
    assert "phi, psi in degrees" in call("info", "run.h5").output

    call("sample", "run.h5", "-n", "5000", "-o", "new.csv")
    header, *rows = (tmp_path / "new.csv").read_text().splitlines()
    new = np.loadtxt(rows, delimiter=",")
    assert header == "phi,psi" and new.shape == (5000, 2) and new.min() >= -180 and new.max() < 180
    assert abs(np.degrees(np.angle(np.mean(np.exp(1j * np.radians(new[:, 1]))))) - np.degrees(2)) < 10
    scored = call("score", "run.h5", "new.csv").output
    assert abs(float(scored.splitlines()[1].split()[1]) - scores["training"]) < 0.2

    for what in ("map", "fit"):
        call("plot", "run.h5", f"--{what}")
        with Image.open(tmp_path / f"run-{what}.png") as picture:
            assert picture.size[0] > 500

    call("score", "run.h5", "angles.csv", "-o", "scores.csv")
    comment, header, *rows = (tmp_path / "scores.csv").read_text().splitlines()
    values = np.loadtxt(rows, delimiter=",")
    assert comment.startswith("# log_density: natural logarithm of the density per radian^2")
    assert header == "phi,psi,log_density" and len(values) == 400
    np.testing.assert_allclose(
        values[:, 2], model.log_density(run.control, np.mod(angles / 360, 1)) - volume, rtol=0, atol=1e-6
    )
    assert "exists" in call("score", "run.h5", "angles.csv", "-o", "scores.csv", code=2).stderr
    assert "exists" in call("sample", "run.h5", "-o", "new.csv", code=2).stderr


@pytest.mark.slow
def test_select_prints_what_it_compared(call, tmp_path, angles):
    (tmp_path / "p.toml").write_text(
        '[target]\nkind = "samples"\nfile = "angles.csv"\nunits = "degrees"\n[loss]\nkind = "LogLikelihood"\n'
        "[model]\nlayers = 2\n[select]\nsmoothness = [3.0]\nlength = [0.01, 0.2]\nband = [2, 4]\nrounds = [2, 2]\n"
        "[limits]\niterations = 3\n"
    )
    said = call("fit", "p.toml", "-o", "run.h5").output
    lines = [line for line in said.splitlines() if "iterations  " in line]
    assert "4 choices" in said and len(lines) == 4 and lines[0].endswith("<- chosen") and "length 0.2" in lines[0]
    assert all(len(line) <= 80 for line in said.splitlines())
    assert tfl.load("run.h5").risk.model.metric == tfl.SobolevMetric(3.0, 0.2)


@pytest.mark.slow
def test_a_likelihood_that_is_not_sound_fails_and_is_kept(call, angles):
    """One step for a flow this fast folds the torus somewhere, or is another flow's."""
    steep = (
        "--layers",
        "1",
        "--substeps",
        "1",
        "--band",
        "6",
        "--penalty",
        "0",
        "--length",
        "0.05",
        "--iterations",
        "30",
    )
    failed = call("fit", "angles.csv", "--units", "degrees", "--likelihood", "-o", "run.h5", *steep, code=1)
    assert "the fit failed. Use --substeps 2" in failed.output
    run = tfl.load("run.h5")
    assert run.status.startswith("failed: ") and len(run.history["validation"]) == len(run.history["risk"])


@pytest.mark.slow
def test_method_loss_and_continuation(call, angles):
    arguments = ("--method", "lbfgs", "--loss", "sinkhorn", "--grid", "32x32", "--layers", "2", "--iterations", "3")
    said = call("fit", "angles.csv", "--units", "degrees", *arguments, "-o", "run.h5", "--continuation").output
    assert "risk after descents on coarser levels" in said
    run = tfl.load("run.h5")
    assert run.method == tfl.LBFGS() and isinstance(run.risk.loss, tfl.losses.Sinkhorn)
    refused = call("fit", "angles.csv", "--units", "degrees", "--loss", "weightedsum", "-o", "sum.h5", code=2).stderr
    assert "terms must be a list of tables" in refused


@pytest.mark.slow
def test_densities_are_sampled_and_scored_too(call, tmp_path, angles):
    call("fit", "angles.csv", "--units", "degrees", "-o", "run.h5", *SMALL)
    call("sample", "run.h5", "-n", "50", "-o", "new.csv")
    assert "per square radian" in call("score", "run.h5", "new.csv").output


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory):
    """A folder with a run of a likelihood and one of points, which nothing that is refused may change."""
    folder, rng = tmp_path_factory.mktemp("two_runs"), np.random.default_rng(0)
    values = np.degrees(np.column_stack([rng.vonmises(-1, 3, 400), rng.vonmises(2, 3, 400)]))
    np.savetxt(folder / "angles.csv", values, delimiter=",", header="phi,psi", comments="")
    (folder / "one.csv").write_text("1\n2\n")
    (folder / "far.csv").write_text("1,700\n2,3\n")
    (folder / "p.toml").write_text(
        '[model]\nkind = "LinearNODE"\nlayers = 2\n[inputs]\nvalues = [[1.0]]\n[targets]\nvalues = [[2.0]]\n'
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for line in (("angles.csv", *LIKELIHOOD, "-o", "run.h5"), ("p.toml", "-o", "points.h5")):
            done = runner().invoke(main, ["fit", *line, "--iterations", "1"])
            assert done.exit_code == 0, done.output + done.stderr
    return folder


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fit", "angles.csv", "-o", "r.h5", "--likelihood", "--loss", "L2"), "--likelihood is a loss itself"),
        (("fit", "angles.csv", "-o", "r.h5", "--units", "degrees", "--select"), "--select chooses among likelihoods"),
        (("score", "run.h5", "one.csv"), "gives 1 columns, the run has 2"),
        (("score", "run.h5", "far.csv"), "outside the stated units"),
        (("score", "points.h5", "angles.csv"), "trained a LinearNODE, which is not a density"),
        (("sample", "points.h5", "-o", "new.csv"), "trained a LinearNODE, which is not a density"),
        (("plot", "points.h5", "--fit"), "trained a LinearNODE, which is not a density"),
        (("plot", "points.h5", "--map"), "got a LinearNODE"),
    ],
)
def test_what_cannot_be_scored_is_said(call, two_runs, monkeypatch, arguments, words):
    monkeypatch.chdir(two_runs)
    before = sorted(os.listdir())
    assert words in call(*arguments, code=2).stderr.replace("\n", " ")
    assert sorted(os.listdir()) == before
