"""JAX's functions as models, and models, losses and risks as its functions."""

from collections import namedtuple
from dataclasses import dataclass

import numpy as np
import pytest
import reference
import small_problems

import torusflow as tfl
from torusflow import testing

jax = pytest.importorskip("jax", reason="JAX is not installed: pip install 'torusflow[jax]'")
jnp = jax.numpy
PROBLEMS = small_problems.problems()
every_problem = pytest.mark.parametrize("name", PROBLEMS)
X = np.random.default_rng(5).standard_normal((6, 3))


@pytest.fixture(autouse=True)
def double_precision():
    """As the programs of those who differentiate through torusflow have it."""
    with jax.enable_x64(True):
        yield


@dataclass(frozen=True)
class Network:
    """A function with a setting, which run files can hold."""

    scale: float = 0.5

    def __call__(self, parameters, x):
        hidden, (outer,) = jnp.tanh(x @ parameters["inner"] + parameters["shift"]), parameters["outer"]
        return self.scale * hidden @ outer


def parameters(dtype=np.float32):
    rng = np.random.default_rng(1)
    shapes = {"inner": (3, 4), "shift": (4,), "outer": (4, 2)}
    made = {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}
    return {**made, "outer": [made["outer"]]}


@pytest.fixture(scope="module")
def model():
    return tfl.interop.jax.model(Network(), parameters(), X)


@pytest.mark.parametrize("check", testing.model_checks())
def test_promise(check, model):
    """Of a model, files and exact resume among them; also where JAX is set to single precision."""
    with jax.enable_x64(False):
        testing.check_model(model, model.start + 0.1, classes=[Network], tolerance=1e-12, checks=[check])


def residuals(w, x):
    """x + A tanh(B x), which is a tfl.ResNet of one layer."""
    outer, inner = w
    return x + jnp.tanh(x @ inner.T) @ outer


def test_a_function_that_we_have_too_gives_our_numbers(rng):
    ours, theirs = tfl.ResNet(X.T, 1, 4), tfl.interop.jax.model(residuals, np.zeros((2, 4, 3)), X)
    w, dw, p = (rng.standard_normal(n) for n in (24, 24, X.shape))
    a, b = ours.linearise(w.reshape(1, 2, 4, 3)), theirs.linearise(w)
    for ours_gives, theirs_give in (
        (a.output.T, b.output),
        (a.tangent(dw.reshape(1, 2, 4, 3)).T, b.tangent(dw)),
        (a.adjoint(p.T).ravel(), b.adjoint(p)),
    ):
        np.testing.assert_allclose(theirs_give, ours_gives, rtol=1e-12, atol=1e-12)
    drifts = [tfl.drift(ours, w.reshape(1, 2, 4, 3), 1.1 * w.reshape(1, 2, 4, 3)), tfl.drift(theirs, w, 1.1 * w)]
    assert drifts[1] == pytest.approx(drifts[0], rel=1e-10)


def test_parameters_come_back_as_they_were_nested(model):
    back, given = model.unflatten(model.start), parameters()
    assert jax.tree.structure(back) == jax.tree.structure(given)
    for leaf, was in zip(jax.tree.leaves(back), jax.tree.leaves(given), strict=True):
        np.testing.assert_array_equal(leaf, was)


Pair = namedtuple("Pair", "slope shift")


@pytest.mark.parametrize(
    "given",
    [np.ones((3, 2)), {"a": (np.ones((3, 2)), None)}, [np.ones((3, 2)), {}], Pair(np.ones((3, 2)), np.float64(0.5))],
    ids=["array", "with None", "with an empty dict", "named tuple"],
)
def test_parameters_may_be_nested_in_every_way(given):
    model = tfl.interop.jax.model(lambda p, x: jnp.sin(x @ jax.tree.leaves(p)[0]), given, X)
    assert jax.tree.structure(model.unflatten(model.start)) == jax.tree.structure(given)
    assert tfl.checks.adjoint(model, model.start).passed


def test_a_part_compiles_nothing_anew():
    traced = []
    model = tfl.interop.jax.model(lambda p, x: traced.append(x.shape) or p * x, np.ones(3), X)
    for rows in (slice(0, 2), slice(2, 4), [1, 5]):
        np.testing.assert_array_equal(model.part(rows)(model.start), X[rows])
    assert len(traced) == 2  # for the shape of the outputs, and of a part


@every_problem
def test_gradients_are_ours(name):
    """Of our loss, and of the same composition by JAX's chain rule, compiled or not; JAX's gradients are conjugate."""
    model, loss, v = PROBLEMS[name]
    risk = tfl.Risk(model, loss)
    value, gradient = risk.value_and_gradient(v)
    for of, wrap in (
        (lambda w, kind: tfl.interop.jax.risk(risk, w, kind), lambda function: function),
        (lambda w, kind: tfl.interop.jax.loss(loss, tfl.interop.jax.push(model, w, kind)), jax.jit),
    ):
        for kind in ("dual", "riesz"):
            made, found = wrap(jax.value_and_grad(lambda w, of=of, kind=kind: of(w, kind)))(jnp.asarray(v))
            assert made == pytest.approx(value, rel=1e-13)
            expected = small_problems.partial_derivatives(model.space, gradient) if kind == "dual" else gradient
            assert reference.relative_error(np.conj(found), expected) <= 1e-12


@every_problem
def test_both_modes_and_every_way_to_ask(name, rng):
    model, _, v = PROBLEMS[name]
    w, dw, p = jnp.asarray(v), model.space.random(rng), rng.standard_normal(model.output_space.shape)

    def push(w):
        return tfl.interop.jax.push(model, w)

    expected = model.linearise(v).tangent(dw)
    output, change = jax.jit(lambda w, dw: jax.jvp(push, (w,), (dw,)))(w, jnp.asarray(dw))
    np.testing.assert_array_equal(output, model(v))
    np.testing.assert_array_equal(change, expected)
    output, derivative = jax.linearize(push, w)
    np.testing.assert_array_equal(derivative(jnp.asarray(dw)), expected)
    (pulled,) = jax.vjp(push, w)[1](jnp.asarray(p))
    assert small_problems.paired(np.conj(pulled), dw) == pytest.approx(np.vdot(p, expected), rel=1e-9)


@every_problem
def test_taylor_slope_of_a_jax_loss_on_our_push(name, rng):
    """The control comes out of a computation of JAX's too: the chain rule on both sides."""
    model, _, v = PROBLEMS[name]
    dv = model.space.random(rng)
    dv *= np.max(np.abs(v)) / np.max(np.abs(dv))

    @jax.jit
    def risk(c):
        return jax.nn.logsumexp(jnp.sin(3 * tfl.interop.jax.push(model, jnp.tanh(c[0]) * v + jnp.sin(c[1]) * dv)))

    c, dc = np.array([0.7, 0.2]), np.array([0.3, -0.5])
    gradient = jax.grad(risk)(c)
    steps = 2.0 ** -np.arange(7, 12)
    remainders = [abs(risk(c + h * dc) - risk(c) - h * gradient @ dc) for h in steps]
    assert np.polyfit(np.log(steps), np.log(remainders), 1)[0] == pytest.approx(2, abs=0.1)


def test_one_linearisation_serves_value_and_gradient(monkeypatch):
    model, _, v = PROBLEMS["MeasureNODE"]
    linearise, made = type(model).linearise, []
    monkeypatch.setattr(type(model), "linearise", lambda self, w: made.append(w) or linearise(self, w))
    jax.jit(jax.value_and_grad(lambda w: jnp.mean(tfl.interop.jax.push(model, w) ** 3)))(jnp.asarray(v))
    assert len(made) == 1


def test_several_controls_by_lax_map(rng):
    model, _, v = PROBLEMS["RKHSNODE with a Gram matrix"]
    many = jnp.asarray(np.stack([v, 0.5 * v, rng.standard_normal(v.shape)]))

    def risk(w):
        return jnp.sum(tfl.interop.jax.push(model, w) ** 2)

    together = jax.jit(jax.grad(lambda many: jnp.sum(jax.lax.map(risk, many))))(many)
    np.testing.assert_allclose(together, [jax.grad(risk)(w) for w in many], rtol=1e-14)


def controlled(parameters, x):
    """A function in which torusflow's push is a layer."""
    return tfl.interop.jax.push(PROBLEMS["RKHSNODE with a Gram matrix"][0], jnp.tanh(parameters)) * x


def test_a_function_with_our_push_in_it_is_a_model():
    inner = PROBLEMS["RKHSNODE with a Gram matrix"][0]
    model = tfl.interop.jax.model(controlled, np.full(inner.space.shape, 0.3), np.linspace(1, 2, 5)[:, None])
    testing.check_model(model, model.start, checks=[testing.models.tangent, testing.models.adjoint])


def test_second_derivatives_are_refused():
    model, _, v = PROBLEMS["RKHSNODE with a Gram matrix"]

    def value(s):
        return jnp.sum(tfl.interop.jax.push(model, s * v) ** 2)

    for ask in (jax.hessian(value), jax.grad(jax.grad(value)), jax.jacfwd(jax.jacfwd(value))):
        with pytest.raises(tfl.InputError, match="second derivatives"):
            ask(1.0)


REFUSED = {
    "other inputs": (lambda p, x: x @ p, np.ones((2, 2)), "cannot be applied to inputs"),
    "two outputs": (lambda p, x: (p * x, x), np.ones(3), "return one array, got a tuple"),
    "one number": (lambda p, x: jnp.sum(p * x), np.ones(3), "one row for each of 6 inputs"),
    "complex outputs": (lambda p, x: 1j * p * x, np.ones(3), "must be real numbers"),
    "whole parameters": (lambda p, x: p * x, np.arange(3), "real floating-point arrays"),
    "no parameters": (lambda p, x: x, {}, "nothing to train"),
    "a text": (lambda p, x: x, "3y2", "parameters must be a pytree"),
    "a text of numbers": (lambda p, x: x, "[3, 2]", "parameters must be a pytree"),
    "a text of nothing": (lambda p, x: x, "{}", "nothing to train"),
    "too much": (lambda p, x: x, "'99999999999x99999999999'", "would take"),
    "infinite": (lambda p, x: p * x, np.full(3, np.inf), "parameters at the start: 3 of 3"),
    "no function": (3, np.ones(3), "must be one of"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_such_function_is_refused(what):
    function, given, words = REFUSED[what]
    with pytest.raises(tfl.InputError, match=words):
        tfl.interop.jax.model(function, given, X)


def test_what_casts_to_single_precision_is_said():
    with pytest.warns(UserWarning, match="expect derivatives to 1e-6") as said:
        model = tfl.interop.jax.model(lambda p, x: (p * x).astype("float32"), np.ones(3), X)
    assert said[0].filename == __file__
    assert tfl.checks.adjoint(model, model.start).error < 1e-6


def test_single_precision_is_refused_going_through_torusflow():
    model, _, v = PROBLEMS["RKHSNODE with a Gram matrix"]
    with jax.enable_x64(False), pytest.raises(tfl.InputError, match="'jax_enable_x64', True"):
        tfl.interop.jax.push(model, v)


def test_a_function_that_cannot_be_stored_says_what_can(tmp_path):
    model = tfl.interop.jax.model(residuals, np.ones((2, 4, 3)), X)
    risk = tfl.Risk(model, tfl.losses.SquaredDistance(X))
    with pytest.raises(tfl.InputError, match=r"a function, cannot be stored .* frozen dataclass"):
        tfl.descend(risk, model.start, tfl.LBFGS(), 2, store=tmp_path / "run.h5")


@pytest.mark.parametrize("spoilt", [None, 1.0, "v", np.zeros((3, 3)), "nan"])
def test_what_is_no_control_is_refused(spoilt):
    for name in ("MeasureNODE", "RKHSNODE with a Gram matrix"):
        model, loss, v = PROBLEMS[name]
        given = np.nan * v if isinstance(spoilt, str) and spoilt == "nan" else spoilt
        for call in (
            lambda m=model, w=given: tfl.interop.jax.push(m, w),
            lambda m=model, w=given, loss=loss: tfl.interop.jax.risk(tfl.Risk(m, loss), w),
        ):
            with pytest.raises(tfl.InputError):
                call()


def test_complex_numbers_for_a_real_control_are_refused():
    model, _, v = PROBLEMS["RKHSNODE with a Gram matrix"]
    with pytest.raises(tfl.InputError, match="must be real"):
        tfl.interop.jax.push(model, v + 0j)
