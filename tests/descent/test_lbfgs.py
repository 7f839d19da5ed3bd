"""L-BFGS: the two-loop recursion against the BFGS matrix, finite termination, and SciPy's minimiser."""

import numpy as np
import pytest
import reference
from quadratics import Counted, Identity, Linear, Rosenbrock, modes, quadratic
from small_problem import small_risk, solution_by_scipy

import torusflow as tfl
from torusflow.descent.lbfgs import inverse_hessian
from torusflow.hilbert import norm
from torusflow.torus.isometry import isometry

# Products of a dozen matrices of condition number fifty.
DENSE = 1e-11
# What is asked of every method on quadratics.
SOLVED = 1e-10
# What is asked of the agreement with SciPy.
AGREE = 1e-8


def test_two_loops_apply_the_bfgs_matrix_of_the_inner_product(rng):
    space = Linear(np.arange(1.0, 7)).space
    coordinates = isometry(space)
    risk = quadratic(np.arange(1.0, 7))
    zero = risk.value_and_gradient(space.zeros())[1]
    steps = np.stack([space.random(rng) for _ in range(4)])
    changes = np.stack([risk.value_and_gradient(s)[1] - zero for s in steps])
    s, y = ([coordinates.of(u) for u in us] for us in (steps, changes))
    matrix = s[-1] @ y[-1] / (y[-1] @ y[-1]) * np.eye(6)
    for a, b in zip(s, y, strict=True):
        left = np.eye(6) - np.outer(a, b) / (a @ b)
        matrix = left @ matrix @ left.T + np.outer(a, a) / (a @ b)
    g = space.random(rng)
    result = coordinates.of(inverse_hessian(space, steps, changes, g))
    assert reference.relative_error(result, matrix @ coordinates.of(g)) <= DENSE
    # The secant equation: B y = s for the last pair.
    assert reference.relative_error(inverse_hessian(space, steps, changes, changes[-1]), steps[-1]) <= DENSE


def test_with_exact_line_searches_it_ends_after_as_many_steps_as_there_are_eigenvalues():
    """Then L-BFGS makes the iterates of conjugate gradients: five different eigenvalues, five steps."""
    risk = quadratic([1, 1, 2, 5, 5, 5, 20, 50])
    space, w = risk.space, risk.space.zeros()
    steps = changes = np.zeros((0, *space.shape))
    gradient = risk.value_and_gradient(w)[1]
    norms = [norm(space, gradient)]
    for _ in range(5):
        p = -inverse_hessian(space, steps, changes, gradient)
        curvature = space.inner(p, risk.value_and_gradient(w + p)[1] - gradient)
        step = -space.inner(gradient, p) / curvature * p
        w, before = w + step, gradient
        gradient = risk.value_and_gradient(w)[1]
        steps, changes = np.append(steps, step[None], 0), np.append(changes, (gradient - before)[None], 0)
        norms.append(norm(space, gradient))
    assert norms[5] <= DENSE * norms[0] < 1e-3 * norms[4]
    assert np.max(np.abs(modes(risk, w))) <= DENSE


@pytest.mark.parametrize("memory", [5, 12])
def test_quadratics_are_solved_with_little_more_than_a_gradient_a_step(memory):
    """With Wolfe steps in place of exact ones: a small multiple of n steps, far fewer than steepest descent's 450."""
    risk = quadratic(np.linspace(1, 50, 12))
    result = tfl.descend(risk, risk.space.zeros(), tfl.LBFGS(memory), 100, gradient_tolerance=1e-12)
    assert np.max(np.abs(modes(risk, result.control))) <= SOLVED
    assert result.iterations <= 5 * 12
    assert risk.model.adjoints <= result.iterations + 3


def test_steps_are_superlinear_in_the_end():
    """The factor by which the gradient falls goes to zero, where a fixed metric would keep it."""
    risk = tfl.Risk(Counted(Identity(2)), Rosenbrock())
    result = tfl.descend(risk, np.array([-1.2, 1.0]), tfl.LBFGS(), 200, gradient_tolerance=1e-11)
    assert np.max(np.abs(result.control - 1)) <= SOLVED
    assert result.iterations <= 60
    last = result.history["gradient_norm"][-4:]
    assert np.all(last[1:] / last[:-1] < 0.05)


def test_pairs_are_kept_up_to_the_memory_and_oldest_first():
    risk = quadratic(np.linspace(1, 50, 8))
    method = tfl.LBFGS(memory=3)
    states = [method.init(risk, risk.space.zeros())]
    for _ in range(6):
        states.append(method.update(risk, states[-1]))
    assert [len(s.memory["steps"]) for s in states] == [0, 1, 2, 3, 3, 3, 3]
    for i in range(3):
        a, b = states[3 + i], states[4 + i]
        np.testing.assert_allclose(states[-1].memory["steps"][i], b.control - a.control, rtol=1e-12, atol=1e-14)
        np.testing.assert_array_equal(states[-1].memory["changes"][i], b.gradient - a.gradient)


def test_a_pair_of_negative_curvature_is_left_out():
    """On a concave stretch the gradient grows along the step; the metric must stay positive."""

    class Hill:
        def __call__(self, y):
            return float(np.cos(y[0]) + 2)

        def gradient(self, y):
            return -np.sin(y)

        def check(self, space):
            pass

    risk = tfl.Risk(Identity(1, limit=1.0), Hill())  # unstable before the inflection at pi/2
    method = tfl.LBFGS(step=0.5)
    state = method.update(risk, method.init(risk, np.array([0.3])))
    assert len(state.memory["steps"]) == 0 and state.value < risk(np.array([0.3]))


def test_agrees_with_scipy():
    risk = small_risk()
    expected = solution_by_scipy(risk)
    result = tfl.descend(risk, risk.space.zeros(), tfl.LBFGS(), 300, gradient_tolerance=1e-11)
    assert result.status.startswith("converged")
    assert norm(risk.space, result.control - expected) <= AGREE * norm(risk.space, expected)


@pytest.mark.slow
def test_the_density_of_contrast_hundred_is_fitted_to_a_hundredth_within_sixty_gradients():
    """C18 on a coarser grid; the flow's map carries uniform to the target up to a mean residual below 0.01."""
    torus = tfl.Torus((64, 64), threads=1)
    target = tfl.densities.banana(torus)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(2.5, 0.05), tfl.densities.uniform(torus), 4, None, 27)
    counted = Counted(model)
    risk = tfl.Risk(counted, tfl.losses.KullbackLeibler(target))
    result = tfl.descend(risk, model.space.zeros(), tfl.LBFGS(), 50)
    assert counted.adjoints <= 60
    assert torus.norm(result.output - target.values) <= 1e-2 * torus.norm(target.values)
    flow = tfl.FlowMap(model, result.control, substeps=4)
    points = np.stack(np.broadcast_arrays(*torus.points), axis=-1).reshape(-1, 2)
    residual = flow.pull_back(target, points) * np.exp(flow.log_determinant(points)) - 1
    assert np.mean(np.abs(residual)) <= 0.01


@pytest.mark.parametrize("memory", [0, -1, 2.5, True])
def test_a_memory_that_is_no_number_of_pairs_is_refused(memory):
    with pytest.raises(tfl.InputError, match="memory must be a whole number >= 1"):
        tfl.LBFGS(memory)
