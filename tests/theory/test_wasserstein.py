"""Energies in W2: closed forms, constants of theory, and the flows that dissipate them, at the rates of theory."""

import numpy as np
import pytest

import torusflow as tfl
from torusflow.losses import InternalEnergy
from torusflow.porous_medium import Barenblatt, FiniteVolume, Heat, PorousMedium, Spectral
from torusflow.testing import check_loss
from torusflow.theory.wasserstein import convexity, dissipation, ratio

GAP = 4 * np.pi**2  # the least eigenvalue of minus the Laplacian, but zero
EXPONENTS = (1.0, 1.5, 2.0, 3.0)


def density(torus, rng, size=0.8):
    """Positive and smooth; the logarithm a random trigonometric polynomial."""
    x, log = torus.points, 0.0
    for _ in range(4):
        k = rng.integers(-2, 3, torus.dimension)
        log = log + size * rng.standard_normal() * np.cos(2 * np.pi * sum(map(np.multiply, k, x)) + 6 * rng.random())
    rho = np.exp(log)
    return rho / rho.mean()


@pytest.mark.parametrize("shape", [(96,), (97,), (32, 36)])
def test_energies_are_the_losses_that_they_say_they_are(shape, rng):
    torus = tfl.Torus(shape)
    rho, uniform = density(torus, rng, 0.4), tfl.densities.uniform(torus)
    for energy, loss in (
        (InternalEnergy(torus, 2.0), tfl.losses.SquaredL2(uniform)),
        (InternalEnergy(torus, 1.0), tfl.losses.KullbackLeibler(uniform)),
    ):
        assert energy(rho) == pytest.approx(loss(rho), rel=1e-12)
        assert dissipation(energy, rho) == pytest.approx(dissipation(loss, rho), rel=1e-11)
        assert convexity(energy, rho) == pytest.approx(convexity(loss, rho), rel=1e-9)


@pytest.mark.parametrize("m", EXPONENTS)
def test_gradient_and_curvature_are_derivatives(m, rng):
    torus = tfl.Torus((64,))
    energy, rho, change, h = InternalEnergy(torus, m), density(torus, rng), rng.standard_normal(64), 1e-6
    slope = (energy(rho + h * change) - energy(rho - h * change)) / (2 * h)
    bend = (energy.gradient(rho + h * change) - energy.gradient(rho - h * change)) / (2 * h)
    constant = change.mean() if m == 1 else 0.0  # the first variation of rho log rho is log rho + 1
    assert slope == pytest.approx(torus.inner(energy.gradient(rho), change) + constant, rel=1e-7)
    np.testing.assert_allclose(energy.curvature(rho, change), bend, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("m", EXPONENTS)
def test_convexity_is_the_second_derivative_along_a_geodesic(m, rng):
    """On the line a geodesic is x + t phi'(x): E is the mean of U(rho/T') T', whose second difference is taken."""
    torus = tfl.Torus((256,))
    rho, x = density(torus, rng, 0.4), torus.points[0]
    potential = 0.01 * np.cos(2 * np.pi * x) + 0.002 * np.sin(6 * np.pi * x)
    velocity, stretch = torus.gradient(potential)[0], torus.gradient(torus.gradient(potential)[0])[0]

    def value(t):
        T = 1 + t * stretch
        return torus.mean(rho * np.log(rho / T) if m == 1 else rho**m * T ** (1 - m) / (m * (m - 1)))

    h = 1e-3
    second = (value(h) - 2 * value(0) + value(-h)) / h**2
    assert convexity(InternalEnergy(torus, m), rho, potential) * torus.mean(rho * velocity**2) == pytest.approx(
        second, rel=1e-5
    )


@pytest.mark.parametrize("m", EXPONENTS)
@pytest.mark.parametrize("shape", [(128,), (40, 42)])
def test_convexity_by_pressures(m, shape, rng):
    """mean (P |D^2 phi|^2 + (rho P' - P)(Laplacian phi)^2), P = rho^m/m: never negative for m >= 1 - 1/d (McCann)."""
    torus = tfl.Torus(shape)
    rho, potential = density(torus, rng, 0.3), density(torus, rng, 0.3)
    hessian = np.stack([torus.gradient(slope) for slope in torus.gradient(potential)])
    pressure, laplacian = rho**m / m, np.trace(hessian)
    expected = torus.mean(pressure * (hessian**2).sum(axis=(0, 1)) + (m - 1) * pressure * laplacian**2)
    moved = torus.mean(rho * (torus.gradient(potential) ** 2).sum(axis=0))
    assert convexity(InternalEnergy(torus, m), rho, potential) == pytest.approx(expected / moved, rel=1e-6)


@pytest.mark.parametrize("a", [0.2, 0.8])
def test_a_distance_to_a_target_need_not_be_displacement_convex(a):
    """From rho = 1 along cos 2 pi x, with the target 1 + a cos 4 pi x: 4 pi^2 (1 - 2 a)."""
    torus = tfl.Torus((64,))
    loss = tfl.losses.SquaredL2(tfl.densities.from_function(torus, lambda x: 1 + a * np.cos(4 * np.pi * x)))
    found = convexity(loss, tfl.densities.uniform(torus), np.cos(2 * np.pi * torus.points[0]))
    assert found == pytest.approx(GAP * (1 - 2 * a), rel=1e-12)


def test_convexity_is_of_no_better_degree_than_zero():
    """Mass in one place that is moved as a whole gains nothing: nearly 4 pi^2 mean rho sin^2 2 pi x."""
    torus = tfl.Torus((128,))
    energy, potential = InternalEnergy(torus, 1.0), np.sin(2 * np.pi * torus.points[0])
    wide, narrow = (convexity(energy, tfl.densities.von_mises(torus, 0.0, c), potential) for c in (1.0, 15.0))
    assert wide > 0.3 * GAP and 0 < narrow < 0.1 * GAP
    with pytest.raises(tfl.InputError, match="round-off of its largest value"):
        convexity(energy, tfl.densities.von_mises(torus, 0.0, 100.0), potential)  # 1e70 otherwise


@pytest.mark.parametrize("shape", [(64,), (65,), (24, 26)])
def test_the_logarithmic_sobolev_inequality(shape, rng):
    """|grad KL|^2 >= 2 (4 pi^2) KL for every density, nearly an equality for small waves."""
    torus = tfl.Torus(shape)
    energy = InternalEnergy(torus, 1.0)
    for size in (0.01, 0.1, 0.3, 0.6):
        for _ in range(15):
            assert ratio(energy, density(torus, rng, size)) >= GAP * (1 - 1e-9)
    wave = 1 + 1e-3 * np.cos(2 * np.pi * torus.points[-1]) + np.zeros(shape)
    assert ratio(energy, wave) == pytest.approx(GAP, rel=1e-5)


@pytest.mark.parametrize("m", [2.0, 3.0])
def test_the_porous_medium_equation_dissipates_its_energy_and_comes_to_rest_at_the_rate_of_the_torus(m):
    """dE/dt = -|grad E|^2, d|grad E|^2/dt = -2 convexity |grad E|^2; in the end E falls like exp(-8 pi^2 t)."""
    torus = tfl.Torus((64,))
    energy, start = InternalEnergy(torus, m), 1 + 0.6 * np.cos(2 * np.pi * torus.points[0])
    h = 1e-5
    times = [0.01 - h, 0.01, 0.01 + h, 0.08, 0.1]
    flow = Spectral(torus, m).solve(start, times, 1e-11).density
    before, at, after, late, later = flow
    production, bend = dissipation(energy, at), convexity(energy, at)
    assert (energy(before) - energy(after)) / (2 * h) == pytest.approx(production, rel=1e-5)
    falls = (dissipation(energy, before) - dissipation(energy, after)) / (2 * h)
    assert falls == pytest.approx(2 * bend * production, rel=1e-5)
    assert np.log(energy(late) / energy(later)) / (times[4] - times[3]) == pytest.approx(2 * GAP, rel=0.01)
    assert ratio(energy, later) == pytest.approx(GAP, rel=0.01) and convexity(energy, later) == pytest.approx(
        GAP, rel=0.01
    )


def test_the_heat_equation_by_finite_volumes():
    torus = tfl.Torus((96,))
    energy, start = InternalEnergy(torus, 1.0), 1 + 0.6 * np.cos(2 * np.pi * torus.points[0])
    times = np.array([0.0, 0.02, 0.05, 0.08])
    values = [energy(rho) for rho in FiniteVolume(96, Heat()).solve(start, times, 1e-8).density]
    assert np.log(values[2] / values[3]) / (times[3] - times[2]) == pytest.approx(2 * GAP, rel=0.01)
    assert np.all(np.array(values) <= values[0] * np.exp(-2 * GAP * times) * (1 + 1e-6))


@pytest.mark.parametrize(("m", "d", "n"), [(2.0, 1, 256), (3.0, 1, 256), (2.0, 2, 64)])
def test_energies_of_barenblatts_solution_fall_like_a_power(m, d, n):
    """E + 1/(m (m - 1)) = mean rho^m/(m (m - 1)) falls like t^-a, a = d (m - 1)/(d (m - 1) + 2): within 1 %."""
    torus, exact = tfl.Torus((n,) * d), Barenblatt(dimension=d, exponent=m, side=1.0)
    energy, end = InternalEnergy(torus, m), 0.5 * exact.meeting_time
    times = end * np.array([0.3, 1.0])
    flow = FiniteVolume((n,) * d, PorousMedium(m)).solve(exact.cell_means(times[0], (n,) * d), times, 1e-6, times[0])
    first, last = (energy(rho) + 1 / (m * (m - 1)) for rho in flow.density)
    rate = np.log(first / last) / np.log(times[1] / times[0])
    assert rate == pytest.approx(d * (m - 1) / (d * (m - 1) + 2), rel=0.01)


@pytest.mark.slow
def test_two_bumps_come_to_barenblatts_profile_at_the_rate_of_the_confined_equation():
    """In y = x/R, R^4 = 4 t, F = R^2 mean rho^3/6 + mean x^2 rho/(2 R^2) is displacement convex of degree one.

    So F - F* falls at least like R^-2, and like that where the centre of mass is not the origin.
    """
    n, x = 256, np.arange(256) / 256 - 0.5
    energy = InternalEnergy(tfl.Torus((n,)), 3.0)

    def confined(rho, radius):
        return radius**2 * (energy(rho) + 1 / 6) + np.mean(x**2 * rho) / (2 * radius**2)

    start = sum(np.maximum(1 - ((x - at) / width) ** 2, 0.0) for at, width in ((0.02, 0.03), (0.09, 0.04)))
    times = np.array([1e-6, 1e-5, 1e-4, 1e-3, 8e-3, 15e-3])
    flow = FiniteVolume(n, PorousMedium(3.0)).solve(start / start.mean(), times, 1e-6, times[0]).density
    radius = (4 * times) ** 0.25
    rest = Barenblatt(dimension=1, exponent=3.0, side=1.0).cell_means(times[-1], (n,))
    gaps = np.array(list(map(confined, flow, radius))) - confined(rest, radius[-1])
    assert np.all(gaps[1:] <= gaps[0] * (radius[0] / radius[1:]) ** 2)
    assert np.log(gaps[-2] / gaps[-1]) / np.log(radius[-1] / radius[-2]) == pytest.approx(2.0, rel=0.01)


def test_beside_the_metric_of_velocities():
    """At the uniform density |grad|^2 / (2 E) is 4 pi^2 in W2, 4 pi^2 K^_1 in H^s: of high modes nothing is left."""
    torus, metric = tfl.Torus((64,)), tfl.SobolevMetric(3.0, 0.1)
    loss = tfl.losses.SquaredL2(tfl.densities.uniform(torus))
    for k in (1, 4):
        rho = 1 + 1e-4 * np.cos(2 * np.pi * k * torus.points[0])
        flow = tfl.TangentFlow(torus, metric, loss).solve(rho, [0.0])
        kernel = 1 / metric.symbol((2 * np.pi * k) ** 2)
        assert ratio(loss, rho) == pytest.approx(GAP * k**2, rel=1e-3)
        assert flow.dissipation[0] / (2 * flow.loss[0]) == pytest.approx(GAP * k**2 * kernel, rel=1e-3)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda torus: InternalEnergy(torus, 0.5), "exponent must be a number from 1"),
        (lambda torus: InternalEnergy(3), "torus must be a Torus"),
        (lambda torus: InternalEnergy(torus, 1.0)(np.zeros(16)), "for positive densities, and this one falls to 0"),
        (lambda torus: InternalEnergy(torus)(np.zeros(3)), "a field on this torus has shape"),
        (lambda torus: dissipation(None, np.ones(16)), "the energy must be a loss on densities"),
        (lambda torus: ratio(InternalEnergy(torus), np.ones(16), "0"), "least must be a number"),
        (lambda torus: dissipation(InternalEnergy(torus), tfl.densities.uniform(tfl.Torus((8,)))), "the density lives"),
        (
            lambda torus: convexity(InternalEnergy(torus), np.ones(16), np.ones((2, 16))),
            "potential must be a finite field",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(call, words):
    with pytest.raises(tfl.InputError, match=words):
        call(tfl.Torus((16,)))


def test_at_rest_there_is_no_ratio():
    energy = InternalEnergy(tfl.Torus((16,)))
    assert np.isnan(ratio(energy, np.ones(16))) and np.isnan(convexity(energy, np.ones(16)))


def test_an_energy_is_what_losses_promise(rng):
    torus = tfl.Torus((16, 18))
    energy = InternalEnergy(torus, 3.0)
    check_loss(energy, tfl.MeasureNODE(torus, tfl.SobolevMetric(), tfl.densities.uniform(torus)))
    fine = tfl.Torus((32, 36))
    smooth = tfl.densities.von_mises(torus, 0.5, 1.0)
    assert energy.on(fine)(np.array(smooth.on(fine))) == pytest.approx(energy(smooth), rel=1e-6)


def test_an_energy_is_a_loss_of_tangent_flows():
    """With the trivial kernel d rho/dt = div(rho^m grad rho): the porous medium equation of exponent m + 1."""
    torus = tfl.Torus((64,))
    start = 1 + 0.3 * np.cos(2 * np.pi * torus.points[0])
    flow = tfl.TangentFlow(torus, tfl.SobolevMetric(0.0, 0.1), InternalEnergy(torus, 3.0)).solve(start, [0.005])
    np.testing.assert_allclose(flow.density[0], Spectral(torus, 4.0).solve(start, [0.005]).density[0], atol=1e-8)
