"""SciPy's minimisers: coordinates that keep the inner product, and results like those of `descend`."""

import numpy as np
import pytest
import reference
import tolerances
from every_model import MODELS
from quadratics import Identity, Linear, Rosenbrock, modes, quadratic
from small_problem import small_risk, solution_by_scipy

import torusflow as tfl
from torusflow.descent import scipy_minimize
from torusflow.descent.scipy_adapter import FIRST_ORDER, SECOND_ORDER, _Run
from torusflow.hilbert import norm
from torusflow.torus.isometry import isometry

# SciPy stops when values of the risk no longer fall: at the square root of round-off, times a condition number.
VALUES = 1e-5

SPACES = {name: case.model.space for name, case in MODELS.items()} | {
    "Gram matrix": Linear(np.arange(1.0, 6)).space,
    "odd and even bands": tfl.MeasureNODE(
        tfl.Torus((9, 10, 12)), tfl.SobolevMetric(2.0, 0.3), tfl.densities.uniform(tfl.Torus((9, 10, 12))), 2, (2, 1, 3)
    ).space,
}
every_space = pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)


@every_space
def test_coordinates_keep_the_inner_product_and_come_back(space, rng):
    coordinates = isometry(space)
    u, w = space.random(rng), space.random(rng)
    x, y = coordinates.of(u), coordinates.of(w)
    assert x.dtype == float and x.ndim == 1
    assert abs(x @ y - space.inner(u, w)) <= tolerances.SUM
    assert x @ x == pytest.approx(1, rel=1e-12)
    back = coordinates.element(x)
    assert back.dtype == space.dtype
    np.testing.assert_allclose(back, u, atol=tolerances.SUM * np.max(np.abs(u)))


@every_space
def test_any_coordinates_are_those_of_an_element(space, rng):
    """So there are exactly as many as the space has dimensions, and nothing is lost on the way."""
    coordinates = isometry(space)
    x = rng.standard_normal(coordinates.of(space.zeros()).size)
    np.testing.assert_allclose(coordinates.of(space.element(coordinates.element(x))), x, rtol=1e-12)


def test_a_velocity_has_as_many_coordinates_as_a_real_field_has_values():
    space = SPACES["odd and even bands"]
    assert isometry(space).of(space.zeros()).size == 2 * 3 * (5 * 3 * 7)


@pytest.mark.parametrize("method", FIRST_ORDER + SECOND_ORDER)
def test_every_method_solves_a_quadratic(method):
    risk = quadratic(np.linspace(1, 50, 12))
    result = scipy_minimize(risk, risk.space.zeros(), method, 500)
    assert np.max(np.abs(modes(risk, result.control))) <= 1e-3
    assert result.value == result.history["risk"][-1] == risk(result.control)
    assert result.status.startswith(f"SciPy's {method} after {result.iterations} iterations, risk ")
    assert result.iterations > 3
    np.testing.assert_array_equal(result.output, risk.model(result.control))


def test_finds_the_solution_of_a_fit():
    risk = small_risk()
    expected = solution_by_scipy(risk)
    for method, options in (("L-BFGS-B", {"ftol": 0.0, "gtol": 1e-9}), ("trust-krylov", {"gtol": 1e-7})):
        result = scipy_minimize(risk, risk.space.zeros(), method, 200, **options)
        assert norm(risk.space, result.control - expected) <= VALUES * norm(risk.space, expected)


def test_the_history_is_that_of_the_iterates():
    risk = small_risk()
    result = scipy_minimize(risk, risk.space.zeros(), iterations=7)
    ours = tfl.descend(risk, risk.space.zeros(), tfl.GradientDescent(0.1), 2)
    assert result.iterations == 7 and result.history.keys() == ours.history.keys()
    assert all(len(column) == 8 for column in result.history.values())
    assert result.history["gradient_norm"][0] == ours.history["gradient_norm"][0]
    assert np.all(np.diff(result.history["risk"]) < 0)
    np.testing.assert_allclose(np.cumsum(result.history["step"]), result.history["time"])
    assert result.history["distance"][1] == pytest.approx(result.history["step"][1])
    assert result.controls.shape == (0, *risk.space.shape)


@pytest.mark.parametrize("method", ["L-BFGS-B", "BFGS", "CG", "trust-krylov"])
def test_controls_the_model_refuses_are_left(method):
    risk = quadratic(np.linspace(1, 50, 12), limit=1.001 * np.sqrt(12))
    result = scipy_minimize(risk, risk.space.zeros(), method, 200)
    assert result.value < 1e-6 * result.history["risk"][0]


@pytest.mark.parametrize(
    ("error", "words"), [(KeyboardInterrupt(), "interrupted at iteration"), (ValueError("no"), "failed at iteration")]
)
def test_an_interrupt_and_an_error_return_what_was_reached(monkeypatch, error, words):
    risk = quadratic(np.linspace(1, 50, 12))
    calls, at = [], type(risk).at

    def interrupted(self, w):
        calls.append(w)
        if len(calls) == 6:
            raise error
        return at(self, w)

    monkeypatch.setattr(type(risk), "at", interrupted)
    result = scipy_minimize(risk, risk.space.zeros())
    assert result.status.startswith(words) and result.iterations >= 2
    assert result.error is (error if isinstance(error, ValueError) else None)


def test_what_cannot_be_used_is_refused():
    risk = tfl.Risk(Identity(2), Rosenbrock())
    for method in ("Nelder-Mead", "lbfgs", None):
        with pytest.raises(tfl.InputError, match="one of CG, BFGS"):
            scipy_minimize(risk, np.zeros(2), method)
    with pytest.raises(tfl.InputError, match=r"trust-ncg needs the second derivative .* which a Rosenbrock lacks"):
        scipy_minimize(risk, np.zeros(2), "trust-ncg")
    with pytest.raises(tfl.InputError, match="shape"):
        scipy_minimize(risk, np.zeros(3))

    class Other:
        shape, dtype = (2,), np.dtype(float)

    with pytest.raises(tfl.InputError, match="not for a Other"):
        isometry(Other())


def test_the_gradient_in_coordinates_is_that_of_the_inner_product(rng):
    risk = small_risk()
    coordinates, v = isometry(risk.space), 0.1 * risk.space.random(rng)
    x, h = coordinates.of(v), 1e-4
    gradient = coordinates.of(risk.value_and_gradient(v)[1])
    expected = [
        (risk(coordinates.element(x + h * e)) - risk(coordinates.element(x - h * e))) / (2 * h) for e in np.eye(x.size)
    ]
    assert reference.relative_error(gradient, np.array(expected)) <= 1e-6


def test_products_with_the_hessian_are_those_of_gauss_newton(rng):
    risk = quadratic([1.0, 3.0, 10.0], penalty=0.7)
    run, x, d = _Run(risk, risk.space.zeros()), rng.standard_normal(3), rng.standard_normal(3)
    expected = run.value_and_gradient(x + d)[1] - run.value_and_gradient(x)[1]
    np.testing.assert_allclose(run.hessian_product(x, d), expected, rtol=1e-11)
