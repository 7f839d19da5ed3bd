"""Sinkhorn divergences: against POT, closed forms, products, exact first and second variations, small epsilon."""

import itertools

import numpy as np
import pytest
import reference
import tolerances
from scipy.special import logsumexp

import torusflow as tfl
from torusflow.losses import CircleWasserstein, Sinkhorn, entropic_transport
from torusflow.losses.gibbs_kernel import GibbsKernel
from torusflow.losses.positive import positive_part

# Two of POT's iterations differ by 1e-13 when it stops; the project's bound is 1e-6.
POT = 1e-9
# Narrow Gaussians on a grid of 96 points to the power d, within a floor of 1e-9: sums instead of integrals.
GAUSSIAN = 1e-7
# The divergence of equal densities: differences of potentials over epsilon that are converged to round-off.
EQUAL = 1e-14


def cost(torus):
    """c(x, y) for all pairs of grid points, array (N, N)."""
    points = np.stack([x.ravel() for x in torus.points], axis=-1)
    difference = points[:, None] - points[None]
    return np.sum((difference - np.rint(difference)) ** 2, axis=-1)


def density(torus, seed, contrast=1.0):
    rng = np.random.default_rng(seed)
    f = reference.TrigonometricPolynomial.random(rng, [min(2, n // 3) for n in torus.shape], terms=3)(torus.points)
    return tfl.densities.from_array(torus, np.exp(contrast * f / np.abs(f).max()), normalise=True)


@pytest.mark.parametrize("shape", [(9,), (8,), (8, 7), (5, 6, 4)], ids=reference.name)
@pytest.mark.parametrize(("epsilon", "size"), [(0.1, 1), (1e-3, 300), (3e-4, 3000), (1e-5, 1e5)])
def test_kernel_in_logarithms_is_the_dense_one(shape, epsilon, size, rng):
    """Also where exp h and K leave the range of floating-point numbers, and where h is minus infinity."""
    torus = tfl.Torus(shape, threads=1)
    h = size * rng.standard_normal(shape)
    h.flat[::4] = -np.inf
    v = rng.standard_normal(shape)
    exponents = h.ravel() - cost(torus) / epsilon - np.log(torus.size)
    expected = logsumexp(exponents, axis=1)
    kernel = GibbsKernel(torus, epsilon)
    np.testing.assert_allclose(kernel.log(h).ravel(), expected, rtol=tolerances.SUM, atol=tolerances.SUM)
    average = np.exp(exponents - expected[:, None]) @ v.ravel()
    # Weights are exponentials of numbers as large as h: their relative error is the absolute one of the exponents.
    allowed = tolerances.SUM * max(1, np.abs(expected).max())
    np.testing.assert_allclose(kernel.conditional(h)(v).ravel(), average, rtol=0, atol=allowed)


def test_threads_change_nothing():
    one, two = (tfl.Torus((128, 130), threads=threads) for threads in (1, 2))
    target = density(one, 1).values
    values = [Sinkhorn(tfl.Density(torus, target), 0.01)(density(one, 2).values) for torus in (one, two)]
    assert values[0] == values[1]


@pytest.mark.filterwarnings("ignore:Sinkhorn. with epsilon=0.2 the kernel")
@pytest.mark.parametrize(
    ("shape", "epsilon"),
    [((24,), 0.01), ((25,), 0.2), ((9, 8), 0.02), ((7, 9), 0.2), ((5, 6, 4), 0.0625), ((5, 6, 4), 0.2)],
    ids=str,
)
def test_against_pot(shape, epsilon):
    ot = pytest.importorskip("ot", reason="POT is not installed")
    torus = tfl.Torus(shape, threads=1)
    target, rho = density(torus, 1, 2.0), density(torus, 2, 2.0).values

    def transport(mu, nu):
        solution = ot.solve(cost(torus), *(m.ravel() / torus.size for m in (mu, nu)), reg=epsilon, tol=1e-13)
        return solution.value

    nu = target.values
    expected = transport(rho, nu) - transport(rho, rho) / 2 - transport(nu, nu) / 2
    assert Sinkhorn(target, epsilon)(rho) == pytest.approx(expected, abs=POT)
    assert expected > 1e-4


def gaussians(torus, centre, variance):
    squares = sum(
        (x - m - np.rint(x - m)) ** 2 / (2 * a) for x, m, a in zip(torus.points, centre, variance, strict=True)
    )
    return tfl.densities.from_array(torus, np.exp(-squares), normalise=True)


@pytest.mark.parametrize("epsilon", [1e-2, 1e-3])
@pytest.mark.parametrize("dimension", [1, 2])
def test_narrow_gaussians(dimension, epsilon):
    """The displacement squared, and for each axis the divergence of variances a and b.

    The plan with covariance c costs a + b - 2c - (epsilon/2) log(1 - c^2/(ab)), least for
    c = (sqrt(epsilon^2 + 16ab) - epsilon)/4.
    """
    torus = tfl.Torus((96,) * dimension, threads=1)
    start, goal, a, b = (values[:dimension] for values in ([0.4, 0.3], [0.55, 0.2], [9e-4, 8e-4], [6e-4, 1e-3]))

    def transport(a, b):
        c = (np.sqrt(epsilon**2 + 16 * a * b) - epsilon) / 4
        return a + b - 2 * c - epsilon / 2 * np.log(1 - c**2 / (a * b))

    expected = sum((x - y) ** 2 for x, y in zip(start, goal, strict=True))
    for first, second in zip(a, b, strict=True):
        expected += transport(first, second) - transport(first, first) / 2 - transport(second, second) / 2
    rho, target = gaussians(torus, start, a), gaussians(torus, goal, b)
    assert Sinkhorn(target, epsilon, floor=1e-9)(rho.values) == pytest.approx(expected, abs=GAUSSIAN)


def test_products_at_small_epsilon():
    """The divergence of products is the sum of those of the factors; 1e-4 is the smallest epsilon on this grid."""
    epsilon, floor = 1e-4, 1e-6
    lines = [tfl.Torus((n,), threads=1) for n in (100, 101)]
    torus = tfl.Torus((100, 101), threads=1)
    rho, target = ([density(line, seed + 10 * i, 2.0) for i, line in enumerate(lines)] for seed in (1, 2))
    outer = [np.multiply.outer(*(factor.values for factor in factors)) for factors in (rho, target)]
    loss = Sinkhorn(tfl.densities.from_array(torus, outer[1], normalise=True), epsilon, floor)
    expected = sum(Sinkhorn(q, epsilon, floor)(p.values) for p, q in zip(rho, target, strict=True))
    assert loss(outer[0]) == pytest.approx(expected, rel=1e-10)
    assert expected > 1e-2
    gradient = loss.gradient(outer[0])
    assert np.all(np.isfinite(gradient))


def test_small_epsilon_tends_to_the_wasserstein_distance():
    """At first order in epsilon: the debiased divergence has no term epsilon log epsilon."""
    torus = tfl.Torus((512,), threads=1)
    target, rho = density(torus, 1, 1.5), density(torus, 2, 1.5).values
    exact = CircleWasserstein(target)(rho)
    errors = [abs(Sinkhorn(target, epsilon)(rho) - exact) for epsilon in (4e-3, 1e-3)]
    assert errors[1] < errors[0] / 2 and errors[1] < 2e-2 * exact


@pytest.mark.parametrize("shape", [(24,), (9, 8), (5, 6, 4)], ids=reference.name)
def test_symmetric_zero_at_equality_and_positive_elsewhere(shape):
    torus = tfl.Torus(shape, threads=1)
    first, second = density(torus, 1, 3.0), density(torus, 2, 3.0)
    for epsilon in (min(shape) ** -2, max(0.02, min(shape) ** -2)):
        one, other = Sinkhorn(first, epsilon), Sinkhorn(second, epsilon)
        assert one(second.values) == pytest.approx(other(first.values), abs=EQUAL) and one(second.values) > 1e-4
        assert abs(one(first.values)) <= EQUAL and torus.norm(one.gradient(first.values)) <= 10 * EQUAL
        near = first.values + 1e-3 * (second.values - first.values)
        assert one(near) > 1e-10  # a square of a small distance, not a difference lost in rounding


def test_equality_at_small_epsilon_with_empty_regions():
    torus = tfl.Torus((128,), threads=1)
    x = torus.points[0]
    target = tfl.densities.from_array(torus, np.where(np.abs(x - 0.5) < 0.1, 1.0, 0.0), normalise=True)
    loss = Sinkhorn(target, 1e-4)
    assert abs(loss(target.values)) <= EQUAL and torus.norm(loss.gradient(target.values)) <= 1e-10
    away = np.roll(target.values, 40)
    assert loss(away) == pytest.approx((40 / 128) ** 2, rel=0.01)


def test_hard_pairs_at_the_smallest_epsilon(rng):
    """Single points, noise and narrow bumps: where the mass of a point is split, Newton's steps must be shortened."""
    torus = tfl.Torus((100,), threads=1)
    spikes = np.zeros(100)
    spikes[5], spikes[50] = 1, 2
    measures = [tfl.densities.from_array(torus, f, normalise=True) for f in (spikes, rng.random(100) ** 8)]
    measures += [tfl.densities.uniform(torus), tfl.densities.von_mises(torus, 0.2, 300.0)]
    for first, second in itertools.combinations(measures, 2):
        there, back = Sinkhorn(second, 1e-4)(first.values), Sinkhorn(first, 1e-4)(second.values)
        assert there == pytest.approx(back, rel=1e-10) and there > 1e-3


@pytest.mark.parametrize(("shape", "epsilon"), [((120,), 1e-4), ((121,), 3e-4), ((24, 25), 2e-3)])
def test_variations_at_small_epsilon(shape, epsilon, rng):
    """Gradient by the value, curvature by the gradient, Taylor slope two; transport by several kernel widths."""
    torus = tfl.Torus(shape, threads=1)
    loss, rho = Sinkhorn(density(torus, 1, 2.0), epsilon), density(torus, 2, 2.0).values
    direction = (
        tfl.densities.from_array(torus, rho * np.exp(0.3 * np.cos(2 * np.pi * torus.points[0])), True).values - rho
    )
    value, gradient, curvature = loss(rho), loss.gradient(rho), loss.curvature(rho, direction)
    steps = 2.0 ** -np.arange(4)
    remainders = [loss(rho + h * direction) - value - h * torus.inner(gradient, direction) for h in steps]
    slope = np.polyfit(np.log(steps / 4), np.log(remainders), 1)[0]
    assert slope == pytest.approx(2, abs=2 * tolerances.TAYLOR_SLOPE)
    h = 0.02
    values = [loss(rho + t * h * direction) for t in (-2, -1, 1, 2)]
    difference = (8 * (values[2] - values[1]) - (values[3] - values[0])) / (12 * h)
    assert abs(difference - torus.inner(gradient, direction)) <= 1e-7 * torus.norm(gradient) * torus.norm(direction)
    gradients = [loss.gradient(rho + t * h * direction) for t in (-2, -1, 1, 2)]
    difference = (8 * (gradients[2] - gradients[1]) - (gradients[3] - gradients[0])) / (12 * h)
    deviation = (difference - difference.mean()) - (curvature - curvature.mean())
    assert torus.norm(deviation) <= 1e-5 * torus.norm(curvature)


def test_a_translation_within_a_cell_costs_its_square_down_to_the_smallest_epsilon():
    """What the bound on epsilon is for: below it the grid is felt."""

    def relative(n, epsilon):
        torus, move = tfl.Torus((n,), threads=1), 0.1 / n
        at, there = (tfl.densities.von_mises(torus, mean, 2.0) for mean in (0.123, 0.123 + move))
        loss = Sinkhorn(there, max(epsilon, n**-2.0))
        object.__setattr__(loss, "epsilon", epsilon)
        return loss(at.values) / move**2

    for n in (32, 65):
        resolved = relative(n, 8 * n**-2)
        assert relative(n, n**-2.0) == pytest.approx(resolved, rel=3e-3)
        assert relative(n, n**-2.0 / 4) > 2 * resolved


def test_large_epsilon_warns_and_the_warning_is_true():
    """Beyond 0.02 a rough perturbation of the uniform density can be nearer to it than the uniform density itself."""
    torus = tfl.Torus((64,), threads=1)
    uniform, rough = tfl.densities.uniform(torus), 1 + 0.1 * np.cos(2 * np.pi * 4 * torus.points[0])
    with pytest.warns(UserWarning, match=r"not positive definite: its coefficient at k = 4 is -4.5e-03 of the mean"):
        loss = Sinkhorn(uniform, 0.1)
    assert loss(rough) < -1e-7
    for k in range(1, 33):  # nothing of the kind at the largest epsilon without a warning
        assert Sinkhorn(uniform, 0.02)(1 + 0.1 * np.cos(2 * np.pi * k * torus.points[0])) > -1e-10


def test_below_the_floor_densities_are_read_as_positive_and_smooth_ones():
    floor, r = 0.1, np.linspace(-0.5, 0.3, 8001)
    value, slope = positive_part(r, floor)
    assert np.all(value > 0) and np.all(slope > 0)
    np.testing.assert_array_equal(value[r >= floor], r[r >= floor])
    np.testing.assert_allclose(np.diff(value) / np.diff(r), (slope[1:] + slope[:-1]) / 2, atol=1e-5)
    assert np.max(np.abs(np.diff(slope, 2))) < 1e-5  # no kink in the slope at the floor: that would be of size 1e-3
    # Undershoots are repaired, not refused: half a per cent of the mass is moved by the distance of its two places.
    torus = tfl.Torus((32,), threads=1)
    rho = np.ones(32)
    rho[4], rho[5] = -0.05, 2.05
    assert 0 < Sinkhorn(tfl.densities.uniform(torus), 0.01)(rho) < 1e-4


def test_a_changed_array_is_another_density():
    torus = tfl.Torus((16,), threads=1)
    loss, rho = Sinkhorn(density(torus, 1), 0.02), density(torus, 2).values.copy()
    before = loss(rho)
    rho[:] = density(torus, 3).values
    assert loss(rho) != before and loss(rho) == Sinkhorn(density(torus, 1), 0.02)(rho)


def test_refusals(monkeypatch):
    torus = tfl.Torus((16, 20), threads=1)
    target = density(torus, 1)
    with pytest.raises(
        tfl.InputError, match=r"too small for an axis of 16 grid points.*1/16\^2 = 0.00391.*or 32 points"
    ):
        Sinkhorn(target, 1e-3)
    Sinkhorn(target, 1 / 16**2)
    for epsilon in (0, -1, np.nan, np.inf, "small", True):
        with pytest.raises(tfl.InputError, match=r"epsilon must be a number between 0 and 10"):
            Sinkhorn(target, epsilon)
    with pytest.raises(tfl.InputError, match=r"Sinkhorn: floor must be a number between 0 and 1, got 0"):
        Sinkhorn(target, 0.01, floor=0)
    with pytest.raises(tfl.InputError, match=r"the target must be a Density"):
        Sinkhorn(np.ones((16, 20)), 0.01)
    with pytest.raises(tfl.NumericalError, match=r"density is not finite, or nowhere positive"):
        Sinkhorn(target, 0.01)(np.full(torus.shape, np.nan))
    with pytest.raises(tfl.NumericalError, match=r"not finite, or nowhere positive"):
        Sinkhorn(target, 0.01)(np.full(torus.shape, -1.0))
    monkeypatch.setattr(entropic_transport, "NEWTON_STEPS", 1)
    with pytest.raises(tfl.NumericalError, match=r"epsilon=0.00391 has not converged.*larger epsilon"):
        Sinkhorn(target, 1 / 256)(density(torus, 2, 3.0).values)
    monkeypatch.setattr(entropic_transport, "SELF_STEPS", 1)
    with pytest.raises(tfl.NumericalError, match=r"with itself .* is still wrong by .* after 1 steps"):
        Sinkhorn(target, 1 / 256)(target.values)
