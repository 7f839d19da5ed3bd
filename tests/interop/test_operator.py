"""What needs no framework: partial derivatives of models, losses and risks, and what is said where one is absent."""

import sys

import numpy as np
import pytest
import small_problems
import tolerances

import torusflow as tfl
from torusflow.interop.duality import dual, riesz
from torusflow.interop.functionals import of_loss, of_risk
from torusflow.interop.operator import Operator, as_real, from_real

PROBLEMS = small_problems.problems()
every_problem = pytest.mark.parametrize("name", PROBLEMS)


@every_problem
def test_dual_is_the_inner_product_and_riesz_its_inverse(name, rng):
    model, _, _ = PROBLEMS[name]
    for space in (model.space, model.output_space):
        u, g = space.random(rng), space.random(rng)
        assert small_problems.paired(dual(space, g), u) == pytest.approx(space.inner(g, u), rel=1e-12)
        np.testing.assert_allclose(riesz(space, dual(space, g)), g, rtol=1e-10)


@every_problem
def test_real_arrays_stand_for_elements(name, rng):
    space = PROBLEMS[name][0].space
    u = space.random(rng)
    np.testing.assert_array_equal(from_real(space, as_real(space, u)), u)


@every_problem
def test_adjoint_is_the_transpose_of_the_tangent(name, rng):
    """As plain arrays of real numbers, which is what frameworks rely on."""
    model, _, v = PROBLEMS[name]
    operator, x = Operator(model), as_real(model.space, v)
    dx, p = as_real(model.space, model.space.random(rng)), rng.standard_normal(operator.output_shape)
    there, back = np.vdot(operator.tangent(x, dx), p), np.vdot(dx, operator.adjoint(x, p))
    assert there == pytest.approx(back, rel=1e-9)


@every_problem
def test_a_risk_and_its_loss_have_the_derivatives_of_ours(name, rng):
    model, loss, v = PROBLEMS[name]
    risk = tfl.Risk(model, loss, penalty=0.3)
    value, gradient = risk.value_and_gradient(v)
    x, dv, one = as_real(model.space, v), model.space.random(rng), np.array(1.0)
    slope = Operator(of_risk(risk)).tangent(x, as_real(model.space, dv))
    assert Operator(of_risk(risk)).output(x) == value
    assert slope == pytest.approx(model.space.inner(gradient, dv), rel=1e-12)
    np.testing.assert_array_equal(from_real(model.space, Operator(of_risk(risk), "riesz").adjoint(x, one)), gradient)
    y = model(v)
    of = of_loss(loss, y.shape, None)
    assert type(of.space) is type(model.output_space)
    np.testing.assert_allclose(Operator(of, "riesz").adjoint(y, one), loss.gradient(y), rtol=tolerances.SAME)


def test_one_linearisation_serves_value_and_derivatives(monkeypatch, rng):
    model, _, v = PROBLEMS["MeasureNODE"]
    operator, x, made = Operator(model), as_real(model.space, v), []
    linearise = type(model).linearise
    monkeypatch.setattr(type(model), "linearise", lambda self, w: made.append(w) or linearise(self, w))
    p = model.output_space.random(rng)
    operator.output(x), operator.tangent(x, x), operator.adjoint(x, p), operator.adjoint(x.copy(), p)
    assert len(made) == 1
    operator.output(0.5 * x)
    assert len(made) == 2


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_an_absent_package_is_said_in_a_sentence(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    framework, (model, loss, v) = getattr(tfl.interop, name), PROBLEMS["MeasureNODE"]
    calls = [
        lambda: framework.push(model, v),
        lambda: framework.loss(loss, model(v)),
        lambda: framework.risk(tfl.Risk(model, loss), v),
        lambda: framework.model(*[None] * (2 if name == "torch" else 3)),
    ]
    for call in calls:
        with pytest.raises(tfl.InputError, match=rf"needs {name}, .* pip install 'torusflow\[{name}\]'"):
            call()


def test_what_is_no_model_loss_or_risk_is_refused():
    model, loss, v = PROBLEMS["MeasureNODE"]
    risk = tfl.Risk(model, loss)
    with pytest.raises(tfl.InputError, match="takes a model"):
        Operator(loss)
    with pytest.raises(tfl.InputError, match=r"must be 'dual' .* or 'riesz'"):
        Operator(model, "plain")
    with pytest.raises(tfl.InputError, match="there is risk"):
        of_loss(risk, (), None)
    with pytest.raises(tfl.InputError, match="takes a loss such as"):
        of_loss(model, (), None)
    with pytest.raises(tfl.InputError, match=r"takes a tfl\.Risk"):
        of_risk(loss)
    both = tfl.losses.WeightedSum([loss], [1.0])
    with pytest.raises(tfl.InputError, match=r"space=model\.output_space"):
        of_loss(both, model(v).shape, None)
    assert of_loss(both, model(v).shape, model.output_space)(model(v)) == loss(model(v))

    class Strange:
        dtype, shape = np.dtype(float), (3,)

    with pytest.raises(tfl.InputError, match="not for a Strange"):
        dual(Strange(), np.zeros(3))
