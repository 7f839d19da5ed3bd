"""Chains of conditional densities: against a known density of four angles, and what is no chain."""

import warnings

import numpy as np
import pytest
from scipy.special import ive

import torusflow as tfl
from torusflow.errors import InputError
from torusflow.estimators.chain_density import checked_factors

TURN = 2 * np.pi
SETTING = {"smoothness": 3.0, "length": 0.1, "penalty": 30.0, "band": 5, "grid": 20, "max_iter": 15}
# Not in orders that could be followed.
PAIRS = [(2, 1), (0, []), (1, [0])]
CHAIN = [(3, [1, 2]), ([0, 1], []), (2, [0, 1])]


def centres_and_concentrations(rows):
    """Of each angle given those before it; of the fourth given the two before, as the chain has it."""
    a, b, c, _ = rows.T
    yield np.full(len(rows), 0.5), np.full(len(rows), 1.5)
    yield a + 1.0, 2 + np.cos(a)
    yield a - b, 2 + np.sin(b)
    yield 2 * c, 3 + np.cos(b)


def draw(n, rng):
    rows = np.zeros((n, 4))
    for axis in range(4):
        centre, k = list(centres_and_concentrations(rows))[axis]
        rows[:, axis] = (centre + rng.vonmises(0.0, k)) % TURN
    return rows


def exact(rows):
    parts = zip(rows.T, centres_and_concentrations(rows), strict=True)
    return sum(k * (np.cos(x - centre) - 1) - np.log(TURN * ive(0, k)) for x, (centre, k) in parts)


def draw_three(n, rng):
    """Each angle about the one before it."""
    x = rng.vonmises(0.5, 1.5, n)
    y = x + rng.vonmises(1.0, 3.0, n)
    return np.stack([x, y, 2 * y + rng.vonmises(0.0, 4.0, n)], axis=1) % TURN


def fit(factors, rows, density=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tfl.ChainDensity(factors, "radians", density).fit(rows)


@pytest.fixture(scope="module")
def fitted():
    return fit(PAIRS, draw_three(1000, np.random.default_rng(0)), tfl.TorusDensity(**SETTING))


@pytest.mark.slow
def test_its_score_is_the_sum_of_its_factors_scores(fitted):
    rows = draw_three(50, np.random.default_rng(1))
    pairs = zip(fitted.densities_, fitted.factors_, strict=True)
    parts = [density.score_samples(rows[:, factor.all]) for density, factor in pairs]
    np.testing.assert_allclose(fitted.score_samples(rows), np.sum(parts, axis=0), rtol=0, atol=1e-12)
    assert [factor.columns for factor in fitted.factors_] == [(0,), (1,), (2,)]
    assert fitted.score(rows) == pytest.approx(np.sum(parts))
    validation = sum(density.validation_score_ for density in fitted.densities_)
    assert fitted.validation_score_ == validation > -3 * np.log(TURN) + 1


def test_samples_have_the_dependence(fitted):
    """Means of cos of differences, of columns that share a factor and of two that do not."""
    drawn, rows = fitted.sample(4000, random_state=0), draw_three(4000, np.random.default_rng(2))
    assert drawn.shape == (4000, 3) and drawn.min() >= 0 and drawn.max() < TURN
    for combine in (lambda x, y, z: y - x, lambda x, y, z: z - 2 * y, lambda x, y, z: z - 2 * x):
        assert np.mean(np.cos(combine(*drawn.T))) == pytest.approx(np.mean(np.cos(combine(*rows.T))), abs=0.1)


@pytest.mark.slow
def test_a_hundred_thousand_rows_give_the_density_and_samples_like_them():
    """To 0.03 nats; and the energy distance of samples to other rows is one of chance."""
    rng = np.random.default_rng(3)
    chain, new = fit(CHAIN, draw(100_000, rng)), draw(20_000, rng)
    assert np.mean(exact(new)) - chain.score(new) / len(new) < 0.03
    one, other = chain.sample(500, random_state=0), draw(500, rng)
    pooled = np.concatenate([np.stack([np.cos(x), np.sin(x)], axis=2).reshape(len(x), -1) for x in (one, other)])
    apart = np.linalg.norm(pooled[:, None] - pooled[None], axis=2)

    def energy(order):
        first, second = order[:500], order[500:]
        within = apart[np.ix_(first, first)].mean() + apart[np.ix_(second, second)].mean()
        return 2 * apart[np.ix_(first, second)].mean() - within

    chance = [energy(rng.permutation(1000)) for _ in range(200)]
    assert energy(np.arange(1000)) < np.quantile(chance, 0.99)


@pytest.mark.slow
def test_names_missing_values_and_weights(rng):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(np.degrees(draw_three(200, rng)), columns=["phi", "psi", "chi1"])
    frame.loc[:40, "chi1"] = np.nan
    factors, quick = [("phi", []), ("psi", ["phi"]), ("chi1", ["psi"])], SETTING | {"grid": 16, "max_iter": 2}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        like = tfl.TorusDensity(missing="drop", **quick)
        chain = tfl.ChainDensity(factors, density=like).fit(frame, sample_weight=np.ones(200))
    scores = chain.score_samples(frame)
    assert np.isnan(scores[:41]).all() and np.isfinite(scores[41:]).all()
    assert list(chain.sample(3, random_state=0).columns) == list(frame.columns)
    with pytest.raises(InputError, match="density must be"):
        tfl.ChainDensity(factors, density="x").fit(frame)
    with pytest.raises(InputError, match="the factor of phi: X has missing values"):
        tfl.ChainDensity(factors).fit(frame.assign(phi=np.nan))


@pytest.mark.parametrize(
    ("factors", "words"),
    [
        ([("a", ["b"]), ("b", ["a"]), ("c", []), ("d", [])], "go round in a circle.*: a given b; b given a"),
        ([("a", []), ("b", ["a"]), ("c", [])], "no factor has d. Add one"),
        ([("a", []), (["b", "a"], []), ("c", []), ("d", [])], "a stands in two factors"),
        ([(["a", "b"], ["c", "d"]), ("c", []), ("d", [])], "a, b given c, d must have three different columns at most"),
        ([("a", ["a"]), ("b", []), ("c", []), ("d", [])], "a given a must have three different columns"),
        ([("a", ["e"]), ("b", []), ("c", []), ("d", [])], "no column 'e'; there are 'a', 'b', 'c', 'd'"),
        ([([], ["a"]), ("b", [])], "a factor given a has no columns"),
        ([], "a list of pairs"),
        ("ab", "a list of pairs"),
        ([("a",)], "a list of pairs"),
    ],
)
def test_what_is_no_chain(factors, words):
    with pytest.raises(InputError, match=words):
        checked_factors(factors, ("a", "b", "c", "d"), 4)
