"""W2 on the circle: against POT, refined cells, the short way round, exact variations."""

import numpy as np
import pytest
import tolerances

import torusflow as tfl
from torusflow.losses import CircleWasserstein

# POT moves points: each cell is 400 of them, so squares are off by their spacing squared, 1e-8 for the coarsest grid,
# twice with the tolerance of POT's own search. The project's bound.
POT = 1e-6


def density(n, mean, roughness=0.3, seed=1):
    torus = tfl.Torus((n,), threads=1)
    noise = roughness * np.random.default_rng(seed).standard_normal(n)
    return tfl.densities.from_array(torus, np.exp(2 * np.cos(2 * np.pi * (torus.points[0] - mean)) + noise), True)


@pytest.mark.parametrize("n", [16, 33, 64])
@pytest.mark.parametrize("goal", [0.15, 0.55, 0.9])
def test_against_pot(n, goal):
    ot = pytest.importorskip("ot", reason="POT is not installed")
    rho, target = density(n, 0.1), density(n, goal, seed=2)
    parts = 400
    places = (np.arange(n * parts) + 0.5) / (n * parts) - 0.5 / n
    weights = [np.repeat(q.values, parts) / (n * parts) for q in (rho, target)]
    expected = ot.wasserstein_circle(places % 1, places % 1, *weights, p=2).item()
    value = CircleWasserstein(target)(rho.values)
    assert value == pytest.approx(expected, abs=POT) and value > 1e-3
    assert CircleWasserstein(rho)(target.values) == pytest.approx(value, rel=tolerances.SUM)


@pytest.mark.parametrize("n", [8, 15])
def test_the_same_cells_on_a_finer_grid(n):
    """Exact for densities constant on cells: value, and cell means of the potential."""
    rho, target = density(n, 0.1), density(n, 0.6, seed=2)
    fine = tfl.Torus((3 * n,), threads=1)

    def refine(values):
        return np.roll(np.repeat(values, 3), -1)

    loss = CircleWasserstein(tfl.densities.from_array(fine, refine(target.values), normalise=True))
    coarse = CircleWasserstein(target)
    assert loss(refine(rho.values)) == pytest.approx(coarse(rho.values), rel=tolerances.SUM)
    potential = np.roll(loss.gradient(refine(rho.values)), 1).reshape(n, 3)
    np.testing.assert_allclose(potential.mean(axis=1), coarse.gradient(rho.values), atol=tolerances.SUM)


def test_mass_goes_the_short_way_round():
    """Narrow densities on both sides of x = 0, a tenth apart."""
    torus = tfl.Torus((200,), threads=1)
    rho, target = (tfl.densities.von_mises(torus, mean, 300.0) for mean in (0.95, 0.05))
    assert CircleWasserstein(target, floor=1e-9)(rho.values) == pytest.approx(0.01, rel=1e-6)


@pytest.mark.parametrize("n", [24, 25])
def test_variations_are_exact(n, rng):
    """Also where the density has undershot zero, and against a target with empty cells."""
    torus = tfl.Torus((n,), threads=1)
    empty = tfl.densities.from_array(torus, np.where(np.arange(n) < n // 2, 1.0, 0.0), normalise=True)
    undershot = density(n, 0.1).values.copy()
    undershot[[n // 2, n // 2 + 3]] = -0.01, -0.3
    for target, rho in ((density(n, 0.6, seed=2), density(n, 0.1).values), (empty, undershot)):
        loss = CircleWasserstein(target)
        direction, other = rng.standard_normal((2, n))
        h = 1e-6

        def along(t, function):
            return function(rho + t * direction)  # noqa: B023

        difference = (along(h, loss) - along(-h, loss)) / (2 * h)
        gradient = loss.gradient(rho)
        scale = torus.norm(gradient) * torus.norm(direction)
        assert abs(difference - torus.inner(gradient, direction)) <= 10 * tolerances.FINITE_DIFFERENCE * scale
    # Curvature and Taylor slope where both densities are positive.
    loss, rho = CircleWasserstein(density(n, 0.6, seed=2)), density(n, 0.1).values
    direction, other = direction - direction.mean(), other - other.mean()
    steps = 1e-3 * 2.0 ** -np.arange(5)
    slope_at_rho = torus.inner(loss.gradient(rho), direction)
    remainders = [abs(loss(rho + t * direction) - loss(rho) - t * slope_at_rho) for t in steps]
    slope = np.polyfit(np.log(steps), np.log(remainders), 1)[0]
    assert slope == pytest.approx(2, abs=tolerances.TAYLOR_SLOPE)
    curvature = loss.curvature(rho, direction)
    difference = (loss.gradient(rho + 1e-6 * direction) - loss.gradient(rho - 1e-6 * direction)) / 2e-6
    deviation = (difference - difference.mean()) - (curvature - curvature.mean())
    assert torus.norm(deviation) <= 1e-5 * torus.norm(curvature)  # kinks of the transport cross cells
    there, back = torus.inner(curvature, other), torus.inner(loss.curvature(rho, other), direction)
    assert there == pytest.approx(back, rel=1e-10) and torus.inner(curvature, direction) > 0


@pytest.mark.parametrize("n", [24, 25])
def test_zero_at_equality_and_positive_elsewhere(n):
    loss, torus = CircleWasserstein(density(n, 0.3)), tfl.Torus((n,))
    assert loss(density(n, 0.3).values) <= tolerances.SUM
    assert torus.norm(loss.gradient(density(n, 0.3).values)) <= tolerances.SUM
    assert all(loss(density(n, 0.3, seed=seed).values) > 1e-6 for seed in range(2, 12))


def test_refusals():
    with pytest.raises(tfl.InputError, match=r"on a circle, this torus has 2 dimensions. Use the loss Sinkhorn"):
        CircleWasserstein(tfl.densities.uniform(tfl.Torus((8, 8))))
    with pytest.raises(tfl.InputError, match=r"CircleWasserstein: floor must be a number between 0 and 1, got 2"):
        CircleWasserstein(density(8, 0.1), floor=2)
    with pytest.raises(tfl.NumericalError, match=r"density is not finite"):
        CircleWasserstein(density(8, 0.1))(np.full(8, np.inf))
