"""torusflow fit on samples without a word about a descent: the density, what is said of it, and what follows."""

import json
import os
import signal
import warnings

import numpy as np
import pytest
from scipy import special

import torusflow as tfl
from torusflow.cli import densities, main, verdicts
from torusflow.estimators.comparison import Comparison

# One setting only, so that a fit takes a moment.
ONE = ("--smoothness", "2.5", "--length", "0.1", "--penalty", "100", "--band", "4", "--grid", "16x16")
SETTING = {"smoothness": 2.5, "length": 0.1, "penalty": 100.0, "band": 4, "grid": 16}
FIT = ("--units", "degrees")
QUICK = (*ONE, "--iterations", "8", "--threads", "1", "-o", "run.h5")
# Of what `draw` draws, in nats per square radian.
ENTROPY = sum(np.log(2 * np.pi * special.i0(k)) - k * special.i1(k) / special.i0(k) for k in (4, 3))


def draw(n=300, seed=0):
    return np.degrees(np.random.default_rng(seed).vonmises([0.5, 2.0], [4.0, 3.0], (n, 2)))


def write(path, values, header="phi,psi"):
    np.savetxt(path, values, delimiter=",", header=header, comments="", fmt="%.6f")


def said(result) -> str:
    return " ".join(result.output.split())


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """A folder with samples, the run of a fit to them, and what the fit said."""
    from command_line import runner

    folder = tmp_path_factory.mktemp("fitted")
    write(folder / "angles.csv", draw())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done = runner().invoke(main, ["fit", "angles.csv", "--units", "degrees", *QUICK])
    assert done.exit_code == 0, done.output + done.stderr
    return folder, done.output


@pytest.fixture
def there(fitted, monkeypatch):
    """Within that folder; what is written there is removed."""
    folder, before = fitted[0], set(os.listdir(fitted[0]))
    monkeypatch.chdir(folder)
    yield folder
    for name in set(os.listdir(folder)) - before:
        (folder / name).unlink()


@pytest.mark.slow
def test_it_is_what_the_estimator_does(fitted):
    folder, words = fitted
    stored = tfl.TorusDensity.load(folder / "run.h5")
    made = tfl.TorusDensity("degrees", **SETTING, max_iter=8, threads=1)
    values = np.loadtxt(folder / "angles.csv", delimiter=",", skiprows=1)
    with warnings.catch_warnings(action="ignore"):  # of few rows
        made.fit(values)
    np.testing.assert_array_equal(stored.control_, made.control_)
    assert stored.get_params() == made.get_params() and list(stored.feature_names_in_) == ["phi", "psi"]
    assert stored.coordinates_ == tfl.Coordinates("degrees", ("phi", "psi"), True)
    assert all(len(line) <= 80 for line in words.splitlines())


def test_what_it_prints_is_true(fitted):
    """The score is that of the validation, beside a kernel estimate of the same parts."""
    folder, words = fitted
    density = tfl.TorusDensity.load(folder / "run.h5")
    rows = [line for line in words.splitlines() if line.startswith("  ") and line[2] != " "]
    scores = {line[2:18].strip(): float(line[18:].split()[0]) for line in rows}
    relative = density.validation_score_ + 2 * np.log(360)
    assert scores["this density"] == pytest.approx(2 * np.log(2 * np.pi) - relative, abs=1e-4)
    assert scores["uniform density"] == pytest.approx(2 * np.log(2 * np.pi), abs=1e-4)
    assert scores["this density"] < scores["uniform density"] - 0.5 and abs(scores["kernel estimate"] - ENTROPY) < 0.2
    text = " ".join(words.split())
    assert "300 rows of phi, psi in degrees" in text and "on 300 rows held out of training" in text
    assert f"{density.train_validation_gap_:.3f} nats better than rows held out" in text
    assert "the density is resolved" in text and "see it with: torusflow plot run.h5" in text
    assert "a kernel estimate" in text


@pytest.mark.slow
def test_a_test_is_of_rows_that_nothing_has_seen(call, tmp_path):
    write(tmp_path / "angles.csv", draw(400))
    words = said(call("fit", "angles.csv", "--units", "degrees", "--test", "0.25", *QUICK))
    assert "on 100 rows set aside for the test" in words
    density = tfl.TorusDensity.load("run.h5")
    assert len(density._points) == 300
    order = np.random.RandomState(0).permutation(400)
    values = np.loadtxt(tmp_path / "angles.csv", delimiter=",", skiprows=1)
    np.testing.assert_allclose(density._points, (values[order[:300]] / 360) % 1)
    mean = float(words.split("this density ")[1].split()[0])
    relative = np.mean(density.score_samples(tfl_frame(values[order[300:]]))) + 2 * np.log(360)
    assert mean == pytest.approx(2 * np.log(2 * np.pi) - relative, abs=1e-4)


def tfl_frame(values):
    """Something with the columns of the fit."""

    class Frame:
        columns = ("phi", "psi")

        def to_numpy(self, **options):
            return values

    return Frame()


@pytest.mark.parametrize(
    ("density", "kernel", "words"),
    [
        ([1.0, 1.2], [0.5, 0.7], "better than a kernel estimate, by 0.500 +- 0.000"),
        ([1.0, 1.2], [1.5, 1.7], "WARNING: worse than a kernel estimate, by 0.500"),
        ([1.0, 1.2], [1.2, 1.1], "as good as a kernel estimate: the difference is -0.050 +- 0.106"),
        ([0.5, -0.5], [0.4, -0.6], "no better than the uniform density"),
    ],
)
def test_verdicts(density, kernel, words):
    compared = Comparison(np.array(density), np.array(kernel), np.ones(2), 2)
    assert words in verdicts._verdict(compared)


@pytest.mark.slow
def test_what_follows_a_fit(call, there):
    from PIL import Image

    info = said(call_in(call, there, "info", "run.h5"))
    assert "fitted: " in info and "held out negative log-likelihood" in info and "hardly resolves" not in info
    assert "run-density.png" in call_in(call, there, "plot", "run.h5").output
    with Image.open(there / "run-density.png") as picture:
        assert picture.size[0] > 500
    assert "run-run.png" in call_in(call, there, "plot", "run.h5", "--run").output
    call_in(call, there, "sample", "run.h5", "-n", "20", "-o", "new.csv")
    assert "(20 samples)" in call_in(call, there, "score", "run.h5", "new.csv").output
    call_in(call, there, "export", "run.h5", "-o", "run.npz")
    for more in ((), ("--only-check",), ("--iterations", "90")):
        refused = call_in(call, there, "resume", "run.h5", *more, code=2).stderr
        assert "would fit new rows worse" in refused and "torusflow refine run.h5 -o more.h5" in refused
    call_in(call, there, "refine", "run.h5", "-o", "more.h5")
    call_in(call, there, "resume", "more.h5", "--iterations", "2")
    call_in(call, there, "plot", "more.h5", "--density", "-o", "d.png")


def call_in(call, folder, *arguments, code=0):
    """`call` goes to a folder of its own; this one stays."""
    os.chdir(folder)
    return call(*arguments, code=code)


def test_columns_of_samples_and_scores_are_those_of_the_fit(call, there):
    values = draw(10, seed=1)
    write(there / "swapped.csv", values[:, ::-1], "psi,phi")
    write(there / "same.csv", values)
    write(there / "other.csv", values, "phi,chi")
    scores = {}
    for name, *more in (("same.csv",), ("swapped.csv",), ("swapped.csv", "--columns", "psi,phi")):
        call_in(call, there, "score", "run.h5", name, *more, "-o", "s.csv", "--overwrite")
        scores[name, *more] = np.loadtxt("s.csv", delimiter=",", skiprows=2)[:, 2]
    first, *others = scores.values()
    assert all(np.array_equal(first, other) for other in others)
    assert (
        "has the columns phi, chi; the run has phi, psi"
        in call_in(call, there, "score", "run.h5", "other.csv", code=2).stderr
    )
    call_in(call, there, "sample", "run.h5", "-n", "6", "-o", "both.csv")
    call_in(call, there, "sample", "run.h5", "-n", "6", "--columns", "psi", "-o", "one.csv")
    both, one = (np.loadtxt(name, delimiter=",", skiprows=1) for name in ("both.csv", "one.csv"))
    np.testing.assert_array_equal(both[:, 1], one)
    assert (there / "one.csv").read_text().startswith("psi\n")
    for columns in ("chi", "psi,psi", "2"):
        refused = call_in(call, there, "sample", "run.h5", "--columns", columns, "-o", "no.csv", code=2).stderr
        assert "has the columns phi, psi" in refused and not (there / "no.csv").exists()


@pytest.mark.slow
def test_a_unit_for_each_column(call, tmp_path):
    rng = np.random.default_rng(0)
    hours = rng.vonmises(2.0, 2.0, 100) % (2 * np.pi) * 24 / (2 * np.pi)
    write(tmp_path / "w.csv", np.column_stack([hours, np.degrees(rng.vonmises(0.0, 1.5, 100))]), "at,wind")
    expected = tfl.Coordinates(("hours", "degrees"), ("at", "wind"), (False, True))
    for more in (("--units", "Hours,degrees"), ("--period", "24,360"), ("--units", "hours,360")):
        call("fit", "w.csv", *more, *QUICK, "--overwrite")
        coordinates = tfl.TorusDensity.load("run.h5").coordinates_
        assert np.array_equal(coordinates.period, expected.period) and coordinates.names == expected.names
        call("sample", "run.h5", "-n", "50", "-o", "new.csv", "--overwrite")
        assert np.loadtxt("new.csv", delimiter=",", skiprows=1)[:, 0].min() >= 0
    assert "one of them out" in call("fit", "w.csv", "--units", "hours", "--period", "24", *QUICK, code=2).stderr
    for units in ("hours,degrees,turns", "24,360,1"):
        assert "2 columns" in call("fit", "w.csv", "--units", units, *QUICK, "--overwrite", code=2).stderr
    assert (
        "outside the stated units" in call("fit", "w.csv", "--period", "12,360", *QUICK, "--overwrite", code=2).stderr
    )


def test_the_study_takes_them_too(call, tmp_path):
    write(tmp_path / "w.csv", np.abs(draw(60)) % [24, 360], "at,wind")
    study = ("--method", "GradientDescent", "--grid", "12x12", "--layers", "2", "--iterations", "1", "-o", "run.h5")
    call("fit", "w.csv", "--period", "24,360", *study)
    assert tfl.load("run.h5").coordinates.units == (24.0, 360.0)


@pytest.mark.slow
def test_weights_and_missing_values(call, tmp_path):
    """A row of weight two counts as two, one of weight zero as none, one without a value is left out when asked."""
    values = draw(60)
    weights = np.repeat([1, 2, 0], 20)
    rows = [f"{p:.6f};{q:.6f};{w}".replace(".", ",") for (p, q), w in zip(values, weights, strict=True)]
    rows[3:3] = ["NA;1,5;1", ";2,5;1", "3,5;nan;1"]
    (tmp_path / "w.csv").write_text("\n".join(["phi;psi;weight", *rows]))
    refused = call("fit", "w.csv", "--units", "degrees", "--weights", "weight", *QUICK, code=2).stderr
    assert "line 5: 'NA' in column 'phi'" in refused and "--drop-missing" in refused
    words = said(call("fit", "w.csv", "--units", "degrees", "--weights", "weight", "--drop-missing", *QUICK))
    assert "40 rows of phi, psi in degrees; left out: 3 with missing values, 20 of weight zero" in words
    loss = tfl.TorusDensity.load("run.h5").model_, tfl.load("run.h5").risk.loss
    np.testing.assert_allclose(loss[1].samples, np.round(values[:40], 6) / 360 % 1, atol=1e-12)
    np.testing.assert_array_equal(loss[1].weights / loss[1].weights[0], weights[:40])


def test_missing_values_of_a_study(call, tmp_path):
    write(tmp_path / "w.csv", draw(60))
    with open(tmp_path / "w.csv", "a") as file:
        file.write("1.5,\n")
    study = ("--units", "degrees", "--grid", "12x12", "--layers", "2", "--iterations", "1", "-o", "run.h5")
    assert "--drop-missing" in call("fit", "w.csv", *study, code=2).stderr
    call("fit", "w.csv", *study, "--drop-missing")
    assert (
        "--weights does not go with" in call("fit", "w.csv", *study, "--overwrite", "--weights", "psi", code=2).stderr
    )


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_what_was_there(call, tmp_path, monkeypatch, number):
    """It comes in the middle of the fit, and an older density stays."""
    write(tmp_path / "d.csv", draw(60))
    call("fit", "d.csv", *FIT, *QUICK)
    before = (tmp_path / "run.h5").read_bytes()
    monkeypatch.setattr(densities.TorusDensity, "fit_rows", lambda self, rows: os.kill(os.getpid(), number))
    done = call("fit", "d.csv", *FIT, *QUICK, "--overwrite", code=128 + number)
    assert "interrupted before there was a density, so nothing was written" in done.stderr
    assert (tmp_path / "run.h5").read_bytes() == before and sorted(os.listdir(tmp_path)) == ["d.csv", "run.h5"]


@pytest.mark.slow
def test_an_interrupt_of_the_writing_waits(call, tmp_path, monkeypatch):
    write(tmp_path / "d.csv", draw(60))
    save = tfl.TorusDensity.save

    def interrupted(self, *arguments):
        os.kill(os.getpid(), signal.SIGTERM)
        save(self, *arguments)

    monkeypatch.setattr(tfl.TorusDensity, "save", interrupted)
    assert "density written to run.h5" in call("fit", "d.csv", *FIT, *QUICK, code=143).output
    assert tfl.TorusDensity.load("run.h5").n_iter_ > 0


@pytest.mark.slow
def test_a_density_that_cannot_be_stored_as_asked_is_elsewhere(call, tmp_path, monkeypatch):
    write(tmp_path / "d.csv", draw(60))
    save, failed = tfl.TorusDensity.save, []

    def full(self, path, overwrite=False):
        if not failed:
            failed.append(path)
            raise tfl.InputError("the disk is full.")
        save(self, path, overwrite)

    monkeypatch.setattr(tfl.TorusDensity, "save", full)
    done = call("fit", "d.csv", *FIT, *QUICK, code=1)
    assert "not stored under its name: the disk is full." in done.stderr
    path = done.output.split("torusflow plot ")[1].strip()
    assert tfl.TorusDensity.load(path).n_iter_ > 0 and os.listdir(tmp_path) == ["d.csv"]


def test_time_and_peaks_are_warned_of(fitted):
    density = tfl.TorusDensity.load(fitted[0] / "run.h5")
    compared = Comparison(np.ones(3), np.zeros(3), np.ones(3), 3)
    assert "WARNING" not in verdicts.describe_fit(density, compared, False).replace("WARNING: that is", "")
    density.complete_, density.train_validation_gap_ = False, 0.2
    density.resolution_ = density.resolution_._replace(change=0.02)
    words = " ".join(verdicts.describe_fit(density, compared, False).split())
    assert "A longer --max-time" in words and "WARNING: that is more than 0.1" in words and "Use --grid 24x24" in words


def test_notes_of_other_people_do_not_make_a_density(tmp_path):
    torus = tfl.Torus((12,))
    model = tfl.LogDensityNODE(torus, tfl.SobolevMetric(2.5, 0.1), layers=1, band=3, substeps=4)
    risk = tfl.Risk(model, tfl.losses.NormalisedLikelihood(np.random.default_rng(0).random((20, 1)), torus))
    for notes in ("mine", json.dumps({"TorusDensity": {}, "found": {}}), json.dumps([1])):
        store = tfl.RunFile(tmp_path / "run.h5", True, notes=notes)
        tfl.descend(risk, model.space.zeros(), tfl.LBFGS(), 1, store=store)
        density = tfl.TorusDensity.load(tmp_path / "run.h5")
        assert density.period == "turns" and not hasattr(density, "validation_score_")
