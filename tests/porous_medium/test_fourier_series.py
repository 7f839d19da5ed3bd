"""The porous medium equation by Fourier series: C5, dealiasing, order of time stepping, refusals."""

import numpy as np
import pytest
from tolerances import MASS, ORDER, REFERENCE_EQUATION

import torusflow as tfl
from torusflow.errors import InputError, NumericalError
from torusflow.porous_medium.exponential_steps import phi_functions

# C5: time -> half |rho - 1|^2, rho(0), rho(1/2).
C5 = {
    0.002: (0.053256304887, 1.43056477327, 0.5106234942),
    0.01: (0.029445490699, 1.28819428355, 0.5779256516),
    0.05: (0.001288852043, 1.06697455898, 0.9227215169),
}


def wave(torus, size=0.5):
    return 1 + size * np.cos(2 * np.pi * torus.points[0])


@pytest.mark.parametrize("n", [64, 94, 128])
def test_c5(n):
    torus = tfl.Torus((n,))
    found = tfl.porous_medium.Spectral(torus).solve(wave(torus), times=list(C5), tolerance=1e-10)
    for rho, expected in zip(found.density, C5.values(), strict=True):
        got = (torus.inner(rho - 1, rho - 1) / 2, rho[0], rho[n // 2])
        np.testing.assert_allclose(got, expected, rtol=0, atol=REFERENCE_EQUATION)
        assert abs(torus.mean(rho) - 1) < MASS
    assert np.all(found.tail < 1e-12)


@pytest.mark.parametrize(("shape", "axis"), [((48, 5, 4), 0), ((9, 49, 4), 1), ((4, 5, 48), 2)], ids=str)
def test_a_wave_along_any_axis_is_the_wave_in_one_dimension(shape, axis):
    torus, line = tfl.Torus(shape), tfl.Torus((shape[axis],))
    start = 1 + 0.5 * np.cos(2 * np.pi * torus.points[axis])
    found = tfl.porous_medium.Spectral(torus).solve(start, times=[0.01], tolerance=1e-9).density[0]
    expected = tfl.porous_medium.Spectral(line).solve(wave(line), times=[0.01], tolerance=1e-9).density[0]
    along = np.moveaxis(found, axis, -1)
    np.testing.assert_allclose(along, np.broadcast_to(expected, along.shape), atol=1e-12)


def test_the_power_is_free_of_aliasing():
    """The rate at the start is the exact one, though the cube has three times the wavenumbers of the density."""
    torus = tfl.Torus((12,))
    solver = tfl.porous_medium.Spectral(torus)
    x = torus.points[0]
    start = 1 + 0.3 * np.cos(2 * np.pi * 4 * x + 1) + 0.2 * np.sin(2 * np.pi * 5 * x)
    coefficients = solver._project(start)
    fine = np.arange(120) / 120
    cube = (1 + 0.3 * np.cos(2 * np.pi * 4 * fine + 1) + 0.2 * np.sin(2 * np.pi * 5 * fine)) ** 3
    expected = -((2 * np.pi * np.arange(6)) ** 2) / 3 * np.fft.rfft(cube)[:6] / 120
    np.testing.assert_allclose(solver._rate(coefficients).ravel(), expected, atol=1e-11)


@pytest.mark.parametrize("exponent", [1.5, 2.0, 3.0, 4.5])
def test_small_waves_decay_like_the_linearised_equation(exponent):
    torus = tfl.Torus((16,))
    found = tfl.porous_medium.Spectral(torus, exponent).solve(wave(torus, 1e-5), times=[0.02], tolerance=1e-13)
    expected = 1e-5 * np.exp(-4 * np.pi**2 * 0.02)
    assert found.density[0, 0] - 1 == pytest.approx(expected, rel=1e-4)


def test_steps_do_not_depend_on_the_grid_and_errors_follow_the_tolerance():
    """The stepping is not bound by the stiffness, and its error per step is of order five: tolerance^(4/5)."""
    steps, errors, tolerances = [], [], [1e-6, 1e-7, 1e-8, 1e-9]
    for n in (32, 64, 256):
        torus = tfl.Torus((n,))
        steps.append(tfl.porous_medium.Spectral(torus).solve(wave(torus, 0.3), times=[0.02], tolerance=1e-8).steps)
    assert max(steps) <= min(steps) + 1
    torus = tfl.Torus((64,))
    solver = tfl.porous_medium.Spectral(torus)
    exact = solver.solve(wave(torus, 0.3), times=[0.02], tolerance=1e-13).density[0]
    for tolerance in tolerances:
        rho = solver.solve(wave(torus, 0.3), times=[0.02], tolerance=tolerance).density[0]
        errors.append(np.max(np.abs(rho - exact)))
    assert np.all(np.array(errors) < tolerances)


@pytest.mark.parametrize("stiffness", [0.0, 3.0])
def test_order_of_a_step(stiffness):
    """A step of the exponential method errs like h^5, whatever part of the equation is called linear."""
    from torusflow.porous_medium.exponential_steps import _step

    def rate(y):
        return -(y**2)

    lengths = 0.04 / 2.0 ** np.arange(4)
    start = np.array([1.0])
    errors = []
    for h in lengths:
        half, whole = phi_functions(-h * stiffness / 2), phi_functions(-h * stiffness)
        errors.append(abs(_step(rate, stiffness, start, rate(start), h, half, whole)[0] - 1 / (1 + h)))
    slope = np.polyfit(np.log(lengths), np.log(errors), 1)[0]
    assert abs(slope - 5) < ORDER and errors[0] < 1e-7


def test_phi_functions_on_both_sides_of_their_switch():
    from fractions import Fraction
    from math import factorial

    for z in (-1e-9, -0.3, -0.4999, -0.5001, -2.0, -30.0):
        exact = Fraction(z)
        for k, value in enumerate(phi_functions(np.array([z]))):
            series = float(sum(exact**j / factorial(j + k) for j in range(140)))
            assert value[0] == pytest.approx(series, rel=1e-12)


class TestBadInput:
    @pytest.mark.parametrize("exponent", [1, 1.0, 0.5, -2, 11, True, "3", None, float("nan")])
    def test_exponents(self, exponent):
        with pytest.raises(InputError, match="exponent above 1"):
            tfl.porous_medium.Spectral(tfl.Torus((16,)), exponent)

    @pytest.mark.parametrize("times", [[], [0.2, 0.1], [0.1, 0.1], [-1.0], ["a"], [float("inf")], None])
    def test_times(self, times):
        torus = tfl.Torus((16,))
        with pytest.raises(InputError, match="times must"):
            tfl.porous_medium.Spectral(torus).solve(wave(torus), times=times)

    @pytest.mark.parametrize("tolerance", [0, 1.0, -1e-3, "small", float("nan")])
    def test_tolerances(self, tolerance):
        torus = tfl.Torus((16,))
        with pytest.raises(InputError, match="tolerance must be a number between"):
            tfl.porous_medium.Spectral(torus).solve(wave(torus), times=[0.1], tolerance=tolerance)

    @pytest.mark.parametrize(
        ("make", "words"),
        [
            (lambda x: 1 + 1.5 * np.cos(2 * np.pi * x), "negative"),
            (lambda x: 1 + np.cos(2 * np.pi * x), "vanishes somewhere.*FiniteVolume"),
            (lambda x: 2 + 0.5 * np.cos(2 * np.pi * x), "mass"),
            (lambda x: np.full(x.shape, np.nan), "not finite"),
            (lambda x: np.ones(5), "shape"),
        ],
    )
    def test_densities(self, make, words):
        torus = tfl.Torus((16,))
        with pytest.raises(InputError, match=words):
            tfl.porous_medium.Spectral(torus).solve(make(torus.points[0]), times=[0.1])

    def test_other_tori(self):
        with pytest.raises(InputError, match="lives on"):
            tfl.porous_medium.Spectral(tfl.Torus((16,))).solve(tfl.densities.uniform(tfl.Torus((12,))), times=[0.1])
        with pytest.raises(InputError, match="takes a Torus first"):
            tfl.porous_medium.Spectral((16, 16))

    def test_what_the_grid_does_not_resolve(self):
        torus = tfl.Torus((16,))
        sharp = np.where(np.arange(16) < 8, 1.9, 0.1)
        with pytest.raises(NumericalError, match=r"do not resolve it.*FiniteVolume"):
            tfl.porous_medium.Spectral(torus).solve(sharp, times=[0.01])

    @pytest.mark.slow
    def test_a_solution_that_ends(self):
        """dy/dt = y^2 leaves the range of numbers at time 1, and the message says so."""
        from torusflow.porous_medium.time_steps import Semilinear, solve

        evolution = Semilinear(lambda y: y**2, lambda y: 0.0, lambda y: float(np.max(np.abs(y))))
        with pytest.raises(NumericalError, match=r"tolerance 1.0e-06 cannot be met beyond time (1|0.99\d*) of 2"):
            solve(evolution, np.array([1.0]), (2.0,), 1e-6)
