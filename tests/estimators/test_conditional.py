"""The density of some columns given others: against a known one, across seams, with its samples, files and pictures."""

import warnings

import numpy as np
import pytest
from scipy.special import ive

import torusflow as tfl
from torusflow.errors import InputError
from torusflow.torus.regions import mass_above

TURN = 2 * np.pi
# Chosen once, so that tests need not choose again.
SETTING = {"smoothness": 3.0, "length": 0.1, "penalty": 30.0, "band": 8, "grid": 32, "max_iter": 30}


def turning(n, rng):
    """y given x is a von Mises density about 2 x + sin x of concentration 4 + 3 cos x."""
    x = TURN * rng.random(n)
    return np.stack([x, (2 * x + np.sin(x) + rng.vonmises(0.0, 4 + 3 * np.cos(x))) % TURN], axis=1)


def exact(rows):
    x, y = rows.T
    k = 4 + 3 * np.cos(x)
    return k * (np.cos(y - 2 * x - np.sin(x)) - 1) - np.log(TURN * ive(0, k))


@pytest.fixture(scope="module")
def rows():
    return turning(4000, np.random.default_rng(0))


def fit(rows, period="radians", **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a gap
        return tfl.TorusDensity(period, **SETTING | settings).fit(rows)


@pytest.fixture(scope="module")
def fitted(rows):
    return fit(rows, given=0)


@pytest.mark.slow
def test_it_is_the_density_of_the_rows(fitted):
    """And its samples are: the mean log-density of either under the other."""
    new = turning(20_000, np.random.default_rng(1))
    assert fitted.score(new) / len(new) > np.mean(exact(new)) - 0.05
    drawn = fitted.sample(given=new[:, :1], random_state=0)
    np.testing.assert_allclose(drawn[:, 0], new[:, 0], rtol=0, atol=1e-12)
    assert np.mean(exact(drawn)) > np.mean(exact(new)) - 0.2


@pytest.mark.slow
def test_a_hundred_thousand_rows_give_it_to_a_hundredth_of_a_nat():
    rng = np.random.default_rng(2)
    new, density = turning(20_000, rng), tfl.TorusDensity("radians", given=[0]).fit(turning(100_000, rng))
    assert np.mean(exact(new)) - density.score(new) / len(new) < 0.01


def test_mass_is_one_for_each_condition_and_nothing_jumps_at_a_seam(fitted):
    y = TURN * np.arange(200) / 200
    # Between points of the grid the logarithm of the mass is a trigonometric polynomial, here to 2e-7.
    for x, accuracy in ((0.0, 1e-10), (1.3, 1e-6), (6.2, 1e-6)):
        scores = fitted.score_samples(np.stack([np.full(200, x), y], axis=1))
        assert np.mean(np.exp(scores)) * TURN == pytest.approx(1, abs=accuracy)
    step = 1e-7
    for ends in ([[0.0, 1.0], [TURN - step, 1.0]], [[2.0, 0.0], [2.0, TURN - step]]):
        assert abs(np.diff(fitted.score_samples(np.array(ends)))[0]) < 100 * step


@pytest.mark.slow
def test_a_joint_density_is_a_marginal_times_a_conditional(rows):
    joint = fit(rows[:300], grid=24, band=6, max_iter=5, length=0.2, penalty=1000.0)
    some = rows[500:550]
    for axis in (0, 1):
        marginal, conditional = joint.marginal(axis), joint.conditional(axis)
        product = marginal.score_samples(some[:, [axis]]) + conditional.score_samples(some)
        np.testing.assert_allclose(product, joint.score_samples(some), rtol=0, atol=1e-10)
        assert conditional.given_ == (axis,) and marginal.sample(3).shape == (3, 1)
    with pytest.raises(InputError, match="different columns, and not all of 0, 1"):
        joint.marginal([0, 1])
    with pytest.raises(InputError, match="has no marginal density"):
        conditional.marginal(0)


@pytest.mark.slow
def test_files_keep_the_conditions(fitted, rows, tmp_path):
    fitted.save(tmp_path / "run.h5")
    again = tfl.TorusDensity.load(tmp_path / "run.h5")
    assert again.given_ == (0,) and again.get_params()["given"] == 0
    np.testing.assert_array_equal(again.score_samples(rows[:9]), fitted.score_samples(rows[:9]))
    fit(rows[:500], grid=16, band=4, max_iter=5).conditional(1).save(tmp_path / "conditional.h5")
    assert tfl.TorusDensity.load(tmp_path / "conditional.h5").get_params()["given"] == [1]


@pytest.mark.slow
def test_names_and_frames(rows):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(rows[:300], columns=["phi", "psi"])
    density = fit(frame, given=["psi"], grid=16, band=4, max_iter=5)
    drawn = density.sample(2, random_state=0, given=frame[["psi"]][:3])
    assert list(drawn.columns) == ["phi", "psi"] and len(drawn) == 6
    np.testing.assert_allclose(drawn["psi"], np.repeat(frame["psi"][:3], 2), atol=1e-12)
    np.testing.assert_array_equal(density.sample(2, random_state=0, given=frame[:3]), drawn)


@pytest.mark.slow
def test_conditions_that_were_never_seen_are_warned_of(rng):
    rows = np.stack([rng.uniform(40, 80, 300), 360 * rng.random(300)], axis=1)
    density = fit(rows, "degrees", given=0, grid=16, band=4, max_iter=5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        density.score_samples(rows)
        density.sample(given=[[110.0], [10.0]])
    with pytest.warns(UserWarning, match=r"2 of 3 conditions .* from row 3 the nearest is 1\d\d in x away"):
        density.sample(given=[[60.0], [120.0], [240.0]])
    with pytest.warns(UserWarning, match="1 of 1 conditions"):
        density.score_samples([[200.0, 10.0]])


def test_bad_input(fitted, rows):
    cases = {
        r"given=\['phi'\]: there is no column 'phi'; there are 0, 1": ["phi"],
        r"given=\[0, 1\] must be different columns": [0, 1],
        r"given=\[0, 0\] must be different columns": [0, 0],
        r"there is no column 2": 2,
        r"there is no column True": True,
    }
    for words, given in cases.items():
        with pytest.raises(InputError, match=words):
            tfl.TorusDensity("radians", given=given).fit(rows)
    with pytest.raises(InputError, match=r"Say which: sample\(given=X\), with 1 column, x"):
        fitted.sample(3)
    with pytest.raises(InputError, match="given has 2 columns; this density is one given 1 column, x"):
        fitted.sample(given=rows[:3])
    with pytest.raises(InputError, match="outside the stated units"):
        fitted.sample(given=[[20.0]])
    with pytest.raises(InputError, match="missing values"):
        fitted.sample(given=[[np.nan]])
    for what in (fitted.mode, fitted.contour_levels):
        with pytest.raises(InputError, match="a density given x has no"):
            what()
    with pytest.raises(InputError, match="this density has no conditions"):
        fit(rows[:300], grid=16, band=4, max_iter=2).sample(given=[[1.0]])


def test_the_picture_of_one_given_one(fitted):
    figure = fitted.plot()
    axes = figure.axes[0]
    assert axes.get_xlabel() == "x [radians]" and axes.get_ylabel() == "y [radians]"
    image = axes.images[0].get_array()
    # Each column of the image is a density of y, per radian.
    np.testing.assert_allclose(image[:-1].mean(axis=0) * TURN, 1, atol=1e-3)
    assert figure.axes[1].get_xlabel() == "fitted density per radian"


@pytest.mark.slow
@pytest.mark.parametrize("given", [(0,), (2,), (0, 2)])
def test_the_pictures_of_three_columns(given, rng):
    density = fit(360 * rng.random((100, 3)), "degrees", given=given, grid=12, band=3, max_iter=3)
    panels = density.plot().axes
    assert len(panels) == (7 if len(given) == 1 else 16)
    with pytest.raises(InputError, match="a density of three columns has several pictures"):
        density.plot(panels[0])


def test_mass_above():
    """Sorted mass of each line, for either axis and for two of three."""
    density = np.random.default_rng(0).random((4, 5, 6))
    above = mass_above(density, (1,))
    for i in range(5):
        line, found = density[:, i].ravel(), above[:, i].ravel()
        np.testing.assert_allclose(found, [line[line > value].sum() / line.sum() for value in line], atol=1e-14)
    np.testing.assert_allclose(mass_above(density[0], (0,)), mass_above(density[0].T, (1,)).T, atol=1e-14)
