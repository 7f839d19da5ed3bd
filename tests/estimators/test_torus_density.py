"""The density of a table: what goes in, what comes out, and what is refused."""

import dataclasses
import pickle
import sys

import numpy as np
import pytest

import torusflow as tfl

# All that is otherwise chosen, small.
SMALL = {"smoothness": 2.5, "length": 0.15, "penalty": 20.0, "grid": 16, "band": 4, "max_iter": 12}
QUADRATURE = 1e-6  # of the mass on twice the grid that Z is a mean over: exp(u) of these fits is resolved
SEAM = 1e-9  # of the log-density across it, in nats


def angles(n=300, d=2, seed=0):
    """Von Mises samples in degrees, -180 to 180."""
    rng = np.random.default_rng(seed)
    return np.degrees(rng.vonmises([0.5, 3.0, -1.0][:d], [3.0, 2.0, 4.0][:d], (n, d)))


def fitted(X=None, **parameters):
    return tfl.TorusDensity(**SMALL | parameters).fit(angles() if X is None else X)


@pytest.fixture(scope="module")
def density():
    return fitted()


@pytest.mark.slow
def test_a_density_is_an_array_with_axes(density):
    pytest.importorskip("xarray", reason="xarray is not installed")
    array = density.to_xarray((24, 36))
    np.testing.assert_array_equal(array, density.density((24, 36)))
    assert array.attrs == {"units": "degrees-1 degrees-1", "long_name": "density"} and array.dims == ("x", "y")
    for name, places in zip(array.dims, density.axes((24, 36)), strict=True):
        np.testing.assert_array_equal(array[name], places)


@pytest.mark.slow
@pytest.mark.parametrize("d", [1, 2, 3])
def test_a_density_per_unit_of_the_columns(d):
    """Positive, of mass one over the periods, the same on both sides of the seam, and better than the uniform one."""
    density = fitted(angles(2000, d), max_iter=6 if d == 3 else 12, penalty=100.0)
    sides = {1: 256, 2: 128, 3: 72}[d]
    assert density.density(sides).mean() * 360**d == pytest.approx(1, abs=QUADRATURE if d < 3 else 1e-3)
    seam = np.full((1, d), 180.0)
    np.testing.assert_allclose(density.score_samples(seam), density.score_samples(-seam), atol=SEAM)
    new = angles(d=d, seed=1)
    assert density.score(new) == pytest.approx(density.score_samples(new).sum())
    assert density.score_samples(new).mean() > 0.2 - d * np.log(360)


@pytest.mark.slow
def test_units_change_the_numbers_by_their_volume(density):
    turns = fitted(angles() / 360, period="turns")
    np.testing.assert_allclose(
        turns.score_samples(angles() / 360), density.score_samples(angles()) + 2 * np.log(360), atol=1e-6
    )
    assert turns.settings_ == density.settings_


@pytest.mark.slow
def test_a_period_for_each_column():
    table = (angles() + 180) * [24 / 360, 1]
    table[:, 1] -= 180
    density = fitted(table, period=(24.0, "degrees"))
    new = density.sample(500, random_state=0)
    assert new[:, 0].min() >= 0 and new[:, 0].max() < 24 and new[:, 1].min() < -100
    np.testing.assert_allclose(density.score_samples(new), density.score_samples(new + [24, 0] * (new < 0)))
    assert "x with period 24, y in degrees" in repr(density)


@pytest.mark.slow
def test_a_frame_in_and_out():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(angles(), columns=["phi", "psi"])
    density = fitted(frame)
    assert list(density.feature_names_in_) == ["phi", "psi"] and density.n_features_in_ == 2
    new = density.sample(5, random_state=0)
    assert list(new.columns) == ["phi", "psi"] and density.score_samples(new).shape == (5,)
    with pytest.raises(tfl.InputError, match=r"same order as they were in fit\.\nGive X\[\['phi', 'psi'\]\]"):
        density.score_samples(frame[["psi", "phi"]])
    with pytest.raises(tfl.InputError, match=r"unseen at fit time:\n- chi1\n"):
        density.score_samples(frame.rename(columns={"psi": "chi1"}))
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        density.score_samples(angles(5))


def test_samples_follow_the_density(density):
    """Counts in cells against the mass of the cells, by chi^2: five standard deviations."""
    cells, n = 12, 20_000
    points = np.mod(density.sample(n, random_state=1) / 360, 1.0)
    counts = np.histogramdd(points, [np.linspace(0, 1, cells + 1)] * 2)[0]
    fine = np.roll(density.density(20 * cells), 10 * cells, (0, 1)) * 360**2
    middles = (fine + np.roll(fine, -1, 0) + np.roll(fine, -1, 1) + np.roll(fine, (-1, -1), (0, 1))) / 4
    expected = n * middles.reshape(cells, 20, cells, 20).mean(axis=(1, 3)) / cells**2
    assert np.sum((counts - expected) ** 2 / expected) < cells**2 + 5 * np.sqrt(2) * cells
    assert len(np.unique(density.sample(50), axis=0)) == 50
    np.testing.assert_array_equal(density.sample(3, random_state=7), density.sample(3, random_state=7))


@pytest.mark.slow
def test_the_mode_and_the_regions():
    density = fitted(angles(2000))
    np.testing.assert_allclose(np.mod(density.mode(), 360), np.degrees([0.5, 3.0]), atol=15)
    assert density.score_samples(density.mode()[None])[0] >= density.log_density().max()
    half, most = density.contour_levels([0.5, 0.98])
    values = density.density()
    for level, mass in ((half, 0.5), (most, 0.98)):
        assert values[values >= level].sum() / values.sum() == pytest.approx(mass, abs=1e-3)
    assert half > most > 0
    inside = np.exp(density.score_samples(density.sample(4000, random_state=0))) > half
    assert inside.mean() == pytest.approx(0.5, abs=0.03)


@pytest.mark.slow
def test_rows_without_weight_are_not_there():
    table, weights = angles(1500), np.tile([1.0, 0.0, 2.0], 500)
    density = tfl.TorusDensity(**SMALL).fit(table, sample_weight=weights)
    fewer = tfl.TorusDensity(**SMALL).fit(table[weights > 0], sample_weight=3 * weights[weights > 0])
    np.testing.assert_allclose(density.score_samples(angles(5)), fewer.score_samples(angles(5)), rtol=1e-9)
    assert not np.allclose(density.score_samples(angles(5)), fitted(table).score_samples(angles(5)), atol=1e-3)


@pytest.mark.slow
def test_missing_values():
    table = angles()
    table[[3, 7], [0, 1]] = np.nan
    with pytest.raises(tfl.InputError, match=r"NaN\) in 2 of 300 rows, the first is row 4\. .*missing='drop'"):
        fitted(table)
    density = fitted(table, missing="drop")
    np.testing.assert_array_equal(np.isnan(density.score_samples(table)).nonzero()[0], [3, 7])
    assert np.isfinite(density.score(table))


BAD = {
    "few rows": ({}, angles(9), r"n_samples=9 rows with a weight are too few"),
    "four columns": ({}, np.zeros((20, 4)), "one to three columns, got 4. Choose three"),
    "one dimension": ({}, np.zeros(20), "Expected 2D array .* X\\[:, None\\] if it is one column"),
    "texts": ({}, np.full((20, 2), "a"), "must be an array of real numbers"),
    "constant": ({}, angles() * [1, 0] + [0, 9], "column y is 9 in every row, so it has no density. Leave it out"),
    "copies": ({}, np.tile(angles(5), (20, 1)), "only 5 of the 100 rows are distinct"),
    "far outside": ({}, angles() * 3, "X lie outside the stated units"),
    "infinite": ({}, np.where(angles() > 170, np.inf, angles()), "X are not all finite"),
    "turns": ({}, np.random.default_rng(0).random((200, 2)), "as turns do and degrees rarely"),
    "unknown unit": ({"period": "degree"}, angles(), "Did you mean 'degrees'"),
    "no period": ({"period": -360.0}, angles(), "A period may also be any positive number"),
    "three periods": ({"period": (24, 360, 7)}, angles(), "units for 3 columns.*and 2 columns"),
    "missing": ({"missing": "no"}, angles(), "missing must be 'refuse' or 'drop'"),
    "length": ({"length": 0.0}, angles(), "length must be a positive number, or None to have it chosen"),
    "grid": ({"grid": 2.5}, angles(), "grid must be a whole number"),
    "band": ({"band": 9}, angles(), "band=9 is too large for an axis of 16 grid points"),
    "max_iter": ({"max_iter": 0}, angles(), "max_iter must be a whole number >= 1"),
    "max_time": ({"max_time": 0}, angles(), "max_time must be a number of seconds > 0"),
    "random_state": ({"random_state": -1}, angles(), "random_state must be a whole number >= 0"),
}


@pytest.mark.parametrize("case", BAD)
def test_refused_in_a_sentence(case):
    parameters, table, words = BAD[case]
    with pytest.raises(tfl.InputError, match=words):
        fitted(table, **parameters)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (np.full(300, -1.0), r"sample_weight must be numbers >= 0, that of row 1 is -1"),
        (np.zeros(300), "sample_weight is zero for every row"),
        (np.ones(7), r"sample_weight.shape == \(7,\), expected \(300,\)"),
    ],
)
def test_weights_that_are_none(weights, words):
    with pytest.raises(tfl.InputError, match=words):
        tfl.TorusDensity(**SMALL).fit(angles(), sample_weight=weights)


def test_copies_of_rows_are_pointed_out():
    with pytest.warns(UserWarning, match="300 of 600 rows are copies of others"):
        fitted(np.tile(angles(), (2, 1)))


@pytest.mark.slow
def test_few_rows_and_little_time_are_pointed_out():
    with pytest.warns(UserWarning, match="nats better than rows held out: 20 rows are few for 2 columns"):
        fitted(angles(20), penalty=0.01, max_iter=30)
    with pytest.warns(UserWarning, match="max_time=1e-06 seconds ended the fit"):
        fitted(max_time=1e-6)


def test_before_the_fit():
    density = tfl.TorusDensity("hours")
    assert repr(density) == "TorusDensity(period='hours')" and "TorusDensity" in density._repr_html_()
    with pytest.raises(tfl.InputError, match="has seen no data yet") as error:
        density.sample(3)
    assert isinstance(error.value, AttributeError)  # as scikit-learn's NotFittedError


def test_parameters_by_name():
    density = tfl.TorusDensity("hours").set_params(length=0.2)
    assert density.get_params()["period"] == "hours" and density.length == 0.2
    assert tfl.TorusDensity(**density.get_params()).get_params() == density.get_params()
    with pytest.raises(tfl.InputError, match=r"TorusDensity has no parameter 'lenght'\. It has band, "):
        density.set_params(lenght=0.2)


def test_a_copy_by_pickle_is_the_same(density):
    density.sample(1)
    again = pickle.loads(pickle.dumps(density))
    np.testing.assert_array_equal(again.score_samples(angles(5)), density.score_samples(angles(5)))
    assert repr(again) == repr(density)


def test_stored_and_read(density, tmp_path, call):
    path = tmp_path / "density.h5"
    density.save(path)
    again = tfl.TorusDensity.load(path)
    np.testing.assert_array_equal(again.score_samples(angles(5)), density.score_samples(angles(5)))
    assert (again.get_params(), again.settings_) == (density.get_params(), density.settings_)
    assert repr(again) == repr(density)
    with pytest.raises(tfl.InputError, match="exists"):
        again.save(path)
    again.save(path, overwrite=True)
    run = tfl.load(path)
    assert len(run.history["risk"]) == density.n_iter_ + 1 and run.coordinates == density.coordinates_
    assert "LogDensityNODE" in call("info", str(path)).output


def test_other_runs_are_not_read(tmp_path):
    torus = tfl.Torus((12,))
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(2.0, 0.2), tfl.densities.uniform(torus), 1, 2)
    risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    tfl.descend(risk, model.space.zeros(), tfl.GradientDescent(0.1), 1, store=tmp_path / "run.h5")
    with pytest.raises(tfl.InputError, match="is a run of a MeasureNODE, not one of TorusDensity"):
        tfl.TorusDensity.load(tmp_path / "run.h5")


@pytest.mark.parametrize("d", [1, 2, pytest.param(3, marks=pytest.mark.slow)])
def test_pictures(d):
    from matplotlib.figure import Figure

    density = fitted(angles(500, d), max_iter=2, penalty=1000.0)
    figure = density.plot()
    assert len(figure.axes) == {1: 1, 2: 2, 3: 4}[d]
    if d < 3:
        axes = Figure().subplots()
        assert density.plot(axes) is axes.figure
    else:
        with pytest.raises(tfl.InputError, match="three columns have three pictures"):
            density.plot(figure.axes[0])


@pytest.mark.slow
def test_in_a_notebook(density, monkeypatch):
    assert 'src="data:image/png;base64,' in density._repr_html_() and "&lt;TorusDensity(" in density._repr_html_()
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "<img" not in density._repr_html_() and "nats a row" in density._repr_html_()


@pytest.mark.slow
def test_what_is_chosen_is_better_on_rows_held_out():
    """A metric that is far too smooth loses against one that is not, and the choice is deterministic."""
    from torusflow.estimators.search import folds_of, search
    from torusflow.estimators.settings import Sample, Setting

    sample = Sample(angles(200) / 360 % 1, np.ones(200))
    rough = Setting(2.5, 0.1, 20.0, 4, 16, 4, 8, 0.15)
    smooth = dataclasses.replace(rough, penalty=1e6)
    folds = folds_of(200, 3, np.random.RandomState(0))
    assert np.sum(folds, axis=0).tolist() == [1] * 200
    choices = [search([smooth, rough], sample, folds, ((4, 1),), 10, np.inf, workers) for workers in (1, 2)]
    assert choices[0].setting == rough and choices[0].complete and choices[0].iterations > 0
    assert choices[0] == choices[1]
    assert dict(choices[0].tried)[smooth] > choices[0].validation
