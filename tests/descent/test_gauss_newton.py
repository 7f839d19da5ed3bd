"""Gauss-Newton: one step on quadratics, superlinear convergence, the radius of trust, SciPy, and what it refuses."""

import numpy as np
import pytest
import reference
import tolerances
from every_loss import DENSITY_LOSSES
from quadratics import Counted, Identity, Linear, Rosenbrock, modes, quadratic
from small_problem import small_risk, solution_by_scipy

import torusflow as tfl
from torusflow import losses
from torusflow.descent.gauss_newton import _Path
from torusflow.hilbert import norm

# What is asked of every method on quadratics, and of the agreement with SciPy.
SOLVED, AGREE = 1e-10, 1e-8
# A dozen iterations of conjugate gradients at condition number fifty.
CONJUGATE = 1e-11


def test_one_step_solves_a_quadratic_with_a_product_for_each_different_eigenvalue():
    for eigenvalues, products in ((np.linspace(1, 50, 12), 12), ([1, 1, 2, 5, 5, 5, 20, 50], 5), ([7, 7, 7], 1)):
        risk = quadratic(eigenvalues)
        result = tfl.descend(risk, risk.space.zeros(), tfl.GaussNewton(1e3, 1e-11), 5, gradient_tolerance=1e-9)
        assert result.iterations == 1
        assert risk.model.tangents == products
        assert np.max(np.abs(modes(risk, result.control))) <= SOLVED


def test_a_penalty_belongs_to_the_quadratic():
    """With it the modes of the error are penalty/(eigenvalue + penalty)."""
    risk = quadratic([1.0, 3.0, 10.0], penalty=0.5)
    result = tfl.descend(risk, risk.space.zeros(), tfl.GaussNewton(1e3, 1e-13), 1)
    np.testing.assert_allclose(modes(risk, result.control), 0.5 / np.array([1.5, 3.5, 10.5]), rtol=SOLVED)


def quadratic_model(risk):
    """The gradient at zero, the Hessian, and by how much the risk falls after a step."""
    linearisation = risk.model.linearise(risk.space.zeros())
    gradient = risk.value_and_gradient(risk.space.zeros())[1]

    def hessian(d):
        return linearisation.adjoint(linearisation.tangent(d))

    def model_falls_by(d):
        return -risk.space.inner(gradient, d) - risk.space.inner(d, hessian(d)) / 2

    return gradient, hessian, model_falls_by


def test_the_step_within_a_radius_lies_on_the_sphere_and_its_fall_is_that_of_the_quadratic():
    risk = quadratic(np.linspace(1, 50, 12))
    gradient, hessian, model_falls_by = quadratic_model(risk)
    path = _Path(risk.space, hessian, gradient, np.inf, 1e-13, 12)
    whole, most = path.within(np.inf)
    length = norm(risk.space, whole)
    falls = []
    for radius in length * np.array([1e-6, 0.01, 0.1, 0.3, 0.7, 0.999, 1.001]):
        step, fall = path.within(radius)
        assert norm(risk.space, step) == pytest.approx(min(radius, length), rel=CONJUGATE)
        assert fall == pytest.approx(model_falls_by(step), rel=1e-9)
        falls.append(fall)
        # A path stopped at the radius gives the same step as a longer one cut there.
        short = _Path(risk.space, hessian, gradient, radius, 1e-13, 12).within(radius)[0]
        assert reference.relative_error(short, step) <= tolerances.SAME
    assert np.all(np.diff(falls) >= 0) and falls[-1] == most
    # A short step goes down the gradient.
    step = path.within(1e-9 * length)[0]
    assert reference.relative_error(step / norm(risk.space, step), -gradient / norm(risk.space, gradient)) <= 1e-9


def test_flat_and_concave_directions_are_followed_beyond_the_radius(rng):
    space, gradient = Linear(np.ones(3)).space, Linear(np.ones(3)).space.random(rng)
    for sign in (0.0, -2.0):
        path = _Path(space, lambda d, sign=sign: sign * d, gradient, 3.0, 1e-3, 10)
        np.testing.assert_allclose(path.within(3.0)[0], -3 * gradient, rtol=CONJUGATE)
    with pytest.raises(tfl.NumericalError, match="no curvature along the gradient"):
        _Path(space, lambda d: 0 * d, gradient, np.inf, 1e-3, 10)


def test_the_radius_shrinks_where_the_model_refuses_and_grows_where_it_agrees():
    risk = quadratic([1.0, 2.0], limit=1.7)
    method = tfl.GaussNewton(radius=100.0)
    state = method.update(risk, method.init(risk, risk.space.zeros()))
    assert risk.model.tangents <= 2  # the shorter steps lie on the same path
    assert norm(risk.space, state.control) <= 1.7 and state.value < risk(risk.space.zeros())
    method = tfl.GaussNewton(radius=0.01)
    state = method.update(risk, method.init(risk, risk.space.zeros()))
    assert state.step == pytest.approx(0.01) and state.next_step == 0.02


def test_the_edge_of_stability_stalls_and_names_the_substeps():
    risk = quadratic([1.0, 2.0, 7.0], limit=0.3)
    result = tfl.descend(risk, risk.space.zeros(), tfl.GaussNewton(), 200)
    assert "stability of the transport stops the descent" in result.status and "substeps=7" in result.status
    assert result.value < result.history["risk"][0]


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["SquaredL2", "KL"])
def test_the_unimodal_density_is_fitted_to_1e_12_superlinearly(loss):
    """C17. Each risk is a smaller part of the one before than that was of its own predecessor."""
    torus = tfl.Torus((24, 24), threads=1)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(2.5, 0.1), tfl.densities.uniform(torus), 2, None, 16)
    risk = tfl.Risk(model, DENSITY_LOSSES[loss](tfl.densities.von_mises(torus)))
    method = tfl.GaussNewton(radius=0.1, products=400)
    result = tfl.descend(risk, model.space.zeros(), method, 20, risk_tolerance=1e-12)
    assert result.value <= 1e-12
    factors = result.history["risk"][1:] / result.history["risk"][:-1]
    assert np.all(np.diff(factors[-4:]) < 0) and factors[-1] < 1e-3 * factors[-4]


def test_agrees_with_scipy():
    risk = small_risk()
    expected = solution_by_scipy(risk)
    result = tfl.descend(risk, risk.space.zeros(), tfl.GaussNewton(), 30, gradient_tolerance=1e-11)
    assert result.status.startswith("converged")
    assert norm(risk.space, result.control - expected) <= AGREE * norm(risk.space, expected)


def test_round_off_ends_the_descent_with_a_sentence():
    risk = quadratic([1.0, 3.0], penalty=1.0)
    result = tfl.descend(risk, risk.space.zeros(), tfl.GaussNewton(1e3, 1e-13), 50)
    assert result.iterations < 50 and "reached round-off" in result.status
    assert result.history["gradient_norm"][-1] <= 1e-14


@pytest.mark.parametrize("name", ["SquaredL2", "KL", "reverse KL", "MMD 2.5 squared"])
def test_curvature_of_density_losses_is_the_derivative_of_the_gradient(name, rng):
    torus = tfl.Torus((9, 10))
    loss = DENSITY_LOSSES[name](tfl.densities.von_mises(torus, 0.4, 1.0))
    rho = 1 + 0.3 * rng.standard_normal(torus.shape)
    rho[0, 0] = -0.5  # where the Kullback-Leibler divergence is continued
    direction = rng.standard_normal(torus.shape)
    direction[rho < 2e-2] *= 1e-3
    h = 1e-4
    expected = (loss.gradient(rho + h * direction) - loss.gradient(rho - h * direction)) / (2 * h)
    assert reference.relative_error(loss.curvature(rho, direction), expected) <= 1e-6


@pytest.mark.parametrize("loss", [losses.SquaredDistance, losses.GeodesicDistance])
def test_curvature_of_point_losses_is_the_derivative_of_the_gradient(loss, rng):
    loss = loss(rng.random((5, 2)))
    y, direction = loss.targets + 0.1 * rng.random((5, 2)), rng.standard_normal((5, 2))
    expected = (loss.gradient(y + 1e-3 * direction) - loss.gradient(y - 1e-3 * direction)) / 2e-3
    assert reference.relative_error(loss.curvature(y, direction), expected) <= tolerances.FINITE_DIFFERENCE


def test_losses_and_models_without_second_derivatives_are_refused():
    torus = tfl.Torus((24,), threads=1)
    target = tfl.densities.von_mises(torus)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(), tfl.densities.uniform(torus), 2)
    zero = model.space.zeros()
    with pytest.raises(tfl.InputError, match=r"curvature.*which a L2 lacks. Use LBFGS, or .* SquaredL2"):
        tfl.descend(tfl.Risk(model, losses.L2(target)), zero, tfl.GaussNewton())
    with pytest.raises(tfl.InputError, match="squared=True"):
        tfl.descend(tfl.Risk(model, losses.SobolevMMD(target)), zero, tfl.GaussNewton())
    with pytest.raises(tfl.InputError, match="which a Rosenbrock lacks"):
        tfl.descend(tfl.Risk(Counted(Identity(2)), Rosenbrock()), np.zeros(2), tfl.GaussNewton())

    class Forward(Identity):
        def linearise(self, w):
            class Adjoint:
                output = w

                def adjoint(self, p):
                    return p

            return Adjoint()

    with pytest.raises(tfl.InputError, match=r"linearise\(w\).tangent, which a Forward lacks. Use LBFGS"):
        tfl.descend(tfl.Risk(Forward(2), losses.SquaredDistance(np.ones(2))), np.zeros(2), tfl.GaussNewton())


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"radius": 0.0}, "radius must be a positive number, got 0.0"),
        ({"radius": float("nan")}, "radius"),
        ({"radius": True}, "radius"),
        ({"forcing": 1.0}, "forcing must be a positive number below 1, got 1.0"),
        ({"forcing": -0.1}, "forcing"),
        ({"products": 0}, "products must be a whole number >= 1, got 0"),
        ({"products": 1.5}, "products"),
    ],
)
def test_numbers_out_of_range_are_refused(keywords, words):
    with pytest.raises(tfl.InputError, match=words):
        tfl.GaussNewton(**keywords)
