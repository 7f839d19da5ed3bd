"""The normalised likelihood of log-densities: written out, exact variations, weights, and what it refuses."""

import numpy as np
import pytest
import reference
import tolerances

import torusflow as tfl
from torusflow import testing
from torusflow.losses import NormalisedLikelihood, SquaredL2
from torusflow.torus.density import DensitySpace, LogDensitySpace

SHAPES = [(12,), (13,), (9, 10), (6, 7, 5)]


def make(shape, rng, count=7):
    """A log-density of some modes, as a function, and samples."""
    torus = tfl.Torus(shape, threads=1)
    f = reference.TrigonometricPolynomial.random(rng, [(n - 1) // 2 for n in shape], terms=4)
    return torus, f, rng.random((count, len(shape)))


@pytest.mark.parametrize("shape", SHAPES, ids=reference.name)
def test_it_is_the_formula_written_out(shape, rng):
    torus, f, samples = make(shape, rng)
    fine = np.meshgrid(*(np.arange(2 * n) / (2 * n) for n in shape), indexing="ij")
    weights = rng.random(len(samples))
    for w, given in ((np.ones(len(samples)), None), (weights, weights)):
        loss = NormalisedLikelihood(samples, torus, given)
        expected = np.log(np.mean(np.exp(f(fine)))) - w @ f(samples.T) / w.sum()
        assert loss(f(torus.points)) == pytest.approx(expected, abs=tolerances.NONUNIFORM)
    assert NormalisedLikelihood(samples, torus)(np.full(shape, 700.0)) == pytest.approx(0, abs=1e-9)
    whole = rng.integers(1, 4, len(samples))
    repeated = NormalisedLikelihood(np.repeat(samples, whole, axis=0), torus)
    weighted = NormalisedLikelihood(samples, torus, 5.0 * whole)
    assert weighted(f(torus.points)) == pytest.approx(repeated(f(torus.points)), abs=tolerances.NONUNIFORM)


@pytest.mark.parametrize("shape", SHAPES, ids=reference.name)
@pytest.mark.parametrize("check", testing.loss_checks())
def test_promise(check, shape, rng):
    """At functions with Nyquist modes too, which the loss does not see."""
    torus, _, samples = make(shape, rng)
    loss = NormalisedLikelihood(samples, torus, rng.random(len(samples)))
    testing.check_loss(loss, LogDensitySpace(torus), rng=rng, checks=[check])


def test_constants_and_nyquist_modes_do_not_count(rng):
    torus, f, samples = make((12, 10), rng)
    u, loss = f(torus.points), NormalisedLikelihood(samples, torus)
    alternating = (-1.0) ** np.arange(12)[:, None]
    assert loss(u + 3) == pytest.approx(loss(u), abs=tolerances.SUM)
    assert loss(u + alternating) == pytest.approx(loss(u), abs=tolerances.SUM)
    assert abs(torus.mean(loss.gradient(u))) < tolerances.SUM


def test_it_sees_peaks_between_the_points_of_the_grid():
    """One half way between two of them, which the mean over the grid itself does not know of."""
    torus = tfl.Torus((9,), threads=1)

    def peak(x):
        return sum(np.cos(2 * np.pi * k * (x - 1 / 18)) for k in range(1, 5))

    loss = NormalisedLikelihood(np.array([[1 / 18]]), torus)
    log_mass = np.log(np.mean(np.exp(peak(np.arange(900) / 900))))
    assert loss(peak(torus.points[0])) == pytest.approx(log_mass - 4, abs=0.03)
    assert np.log(np.mean(np.exp(peak(torus.points[0])))) < log_mass - 0.3


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        (np.ones(3), r"weights must be 7 numbers >= 0.*got an array \(3,\)"),
        (-np.ones(7), "from -1 to -1"),
        (np.zeros(7), "not all zero"),
        (np.full(7, np.nan), "weights must be 7 numbers"),
        (["a"] * 7, "the weights must be"),
    ],
)
def test_weights_that_are_none(weights, said, rng):
    torus, _, samples = make((12, 10), rng)
    with pytest.raises(tfl.InputError, match=said):
        NormalisedLikelihood(samples, torus, weights)


def test_what_it_refuses(rng):
    torus, f, samples = make((12, 10), rng)
    with pytest.raises(tfl.InputError, match=r"NormalisedLikelihood\(samples, model.torus\)"):
        NormalisedLikelihood(samples, 12)
    with pytest.raises(tfl.InputError, match="the points"):
        NormalisedLikelihood(360 * samples, torus)
    loss = NormalisedLikelihood(samples, torus)
    for space, said in (
        (DensitySpace(torus), "gives densities"),
        (tfl.Euclidean((7,)), r"arrays \(7,\)"),
        (LogDensitySpace(tfl.Torus((12, 11))), "Give it the model's torus"),
    ):
        with pytest.raises(tfl.InputError, match=said):
            loss.check(space)
    with pytest.raises(tfl.InputError, match="compares densities, but the model gives logarithms"):
        SquaredL2(tfl.densities.uniform(torus)).check(LogDensitySpace(torus))
    u = f(torus.points)
    u[0, 0] = np.inf
    with pytest.raises(tfl.NumericalError, match="not finite"):
        loss(u)
