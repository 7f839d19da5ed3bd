"""Certificates that hold, fail, and are broken; the constants they are made of, where they can be seen."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import random_problems

import torusflow as tfl
from torusflow import lojasiewicz
from torusflow.hilbert import norm
from torusflow.losses import SquaredDistance

CORNERS = 3.0 * np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
# Iterations of every certified run.
ITERATIONS = 8


def holds_for_random_problem(seed) -> bool:
    """Whether there was a certificate; whatever is certified, or said of the model within a ball, must be seen."""
    rng = np.random.default_rng(seed)
    try:
        model, start = random_problems.problem(rng)
    except tfl.InputError:  # centres too close to each other
        return False
    try:
        bounds = lojasiewicz.bounds(model, start)
        check_constants(model, bounds, rng)
        risk = random_problems.risk_near(model, start, bounds, rng)
        certificate = lojasiewicz.certificate(risk, start, bounds)
        if certificate.holds:
            step = certificate.largest_step * (1.0 if rng.random() < 0.5 else rng.uniform(0.01, 1))
            run = tfl.descend(risk, start, tfl.GradientDescent(step), ITERATIONS)
            verdict = certificate.check(run)
            assert verdict.passed, f"{verdict}: {certificate}"
    except Exception as error:
        error.add_note(f"random problem {seed}: {model}")
        raise
    return certificate.holds


def check_constants(model, bounds, rng):
    """At two controls of a ball, which differ in one layer as often as in all."""
    radius = 10.0 ** rng.uniform(-4, 0.5)
    controls = []
    for _ in range(2):
        direction = model.space.random(rng)
        if rng.random() < 0.5:
            direction[rng.integers(len(direction)) :] = 0
        size = norm(model.space, direction)
        controls.append(bounds.centre + radius * rng.random() / max(size, 1e-9) * direction)
    try:
        first, second = map(model.linearise, controls)
    except tfl.NumericalError:  # such a control is none of this model
        return
    p, apart = model.output_space.random(rng), norm(model.space, controls[1] - controls[0])
    p = model.reach(p) if hasattr(model, "reach") else p
    size = norm(model.output_space, p)
    if size > 1e-9:
        pulled = norm(model.space, first.adjoint(p)) / size
        assert np.sqrt(bounds.lower(radius)) * (1 - 1e-9) <= pulled <= np.sqrt(bounds.upper(radius)) * (1 + 1e-9)
    for direction in (model.space.random(rng), (controls[1] - controls[0]) / max(apart, 1e-300)):
        change = norm(model.output_space, second.tangent(direction) - first.tangent(direction))
        round_off = 1e-10 * (1 + norm(model.output_space, first.tangent(direction)))
        assert apart == 0 or change <= bounds.lipschitz(radius) * apart * (1 + 1e-9) + round_off


def test_no_random_problem_breaks_its_certificate():
    """The seed is another one every time; it is said where something fails."""
    seed = int(np.random.SeedSequence().entropy % 2**32)
    held = [holds_for_random_problem((seed, i)) for i in range(20)]
    assert any(held), f"nothing was certified from seed {seed}"


def test_a_start_that_fits_to_rounding_is_certified_and_keeps_its_word():
    """Their residuals are units in the last place: rounding made a hundred times the risk, and left a ball of 1e-16."""
    assert holds_for_random_problem((2036816401, 996)) and holds_for_random_problem((424242, 3440))


@pytest.mark.slow
def test_no_problem_of_a_thousand_breaks_its_certificate():
    seed = int(np.random.SeedSequence().entropy % 2**32)
    held = [holds_for_random_problem((seed, i)) for i in range(1000)]
    assert sum(held) > 200, f"only {sum(held)} were certified from seed {seed}"


# -- what was certified wrongly once -------------------------------------------------------------------------------


def test_constants_are_those_about_the_start(rng):
    """Far from zero, where a linear flow contracts, the ratio is 0.05: not the one of a start at zero."""
    model = tfl.LinearNODE(np.eye(2), 4)
    start = np.tile(-1.5 * np.eye(2), (4, 1, 1))
    risk = tfl.Risk(model, SquaredDistance(model(start) + 1e-4 * rng.standard_normal((2, 2))))
    certificate = lojasiewicz.certificate(risk, start)
    assert certificate.holds and 0.9 * np.exp(-3) < certificate.lower <= lojasiewicz.ratio(risk, start)
    run = tfl.descend(risk, start, tfl.GradientDescent(certificate.largest_step), 50)
    assert certificate.check(run).passed
    slow = tfl.descend(risk, start, tfl.GradientDescent(0.2), 50)  # certified at its own rate
    assert certificate.check(slow).passed and slow.value > run.value


def test_bounds_about_another_control_are_those_of_larger_balls(rng):
    model = tfl.LinearNODE(np.eye(2), 4)
    about_zero = lojasiewicz.bounds(model, model.space.zeros())
    start = 0.3 * model.space.random(rng)
    risk = tfl.Risk(model, SquaredDistance(model(start) + 1e-4 * rng.standard_normal((2, 2))))
    far, near = (lojasiewicz.certificate(risk, start, bounds) for bounds in (about_zero, None))
    assert far.holds and far.lower == pytest.approx(about_zero.lower(0.3 + far.radius)) and far.lower < near.lower


def test_a_step_that_diverges_is_not_certified(rng):
    X = np.diag([1.0, 10.0])
    model = tfl.LinearNODE(X, 8)
    risk, start = tfl.Risk(model, SquaredDistance(X + 1e-4 * rng.standard_normal((2, 2)))), model.space.zeros()
    certificate = lojasiewicz.certificate(risk, start)
    assert certificate.holds and certificate.largest_step == pytest.approx(0.01, rel=1e-2)
    diverged = tfl.descend(risk, start, tfl.GradientDescent(0.9), 50)
    assert len(diverged.history["risk"]) == 1
    verdict = certificate.check(diverged)
    assert not verdict.passed and "NOT as certified: the run diverged at iteration 1" in str(verdict)
    assert "certified are steps up to 0.01" in str(verdict)
    wide = tfl.descend(risk, start, tfl.GradientDescent(0.015), 5)
    with pytest.raises(tfl.InputError, match=r"a certified step must be positive and at most 0.0099"):
        certificate.check(wide)


def test_fewer_inputs_than_dimensions(rng):
    """The least singular value of X that is not zero holds: the gradient of what cannot be changed vanishes."""
    tall, wide = rng.standard_normal((5, 2)), rng.standard_normal((2, 5))
    for X in (tall, wide, np.outer(tall[:, 0], [1.0, 2.0, 3.0])):
        model = tfl.LinearNODE(X, 4)
        values = np.linalg.svd(X, compute_uv=False)
        bounds = lojasiewicz.bounds(model, model.space.zeros())
        assert bounds.lower(0) == pytest.approx(values[values > 1e-9][-1] ** 2, rel=1e-6)
        risk = tfl.Risk(model, SquaredDistance(X + 1e-3 * rng.standard_normal(X.shape)))
        certificate = lojasiewicz.certificate(risk, model.space.zeros())
        run = tfl.descend(risk, model.space.zeros(), tfl.GradientDescent(certificate.largest_step), 20)
        assert certificate.holds and certificate.check(run).passed
        assert certificate.least == pytest.approx(risk.least, rel=1e-6, abs=1e-20)


def test_points_that_are_not_the_centres(rng):
    centres, points = [(0, 0), (3, 0), (0, 3)], np.array([(1.5, 1.5), (1.5, 1.6), (1.4, 1.5)])
    model = tfl.RKHSNODE(points, tfl.KernelField(tfl.GaussianKernel(1.0), centres))
    start = model.space.zeros()
    risk = tfl.Risk(model, SquaredDistance(points + 1e-7 * rng.standard_normal((3, 2))))
    certificate = lojasiewicz.certificate(risk, start)
    least = tfl.tangent_kernel(model, start).eigenvalues(1, "smallest")[0]
    assert certificate.holds and certificate.lower <= least < 1e-3
    assert lojasiewicz.ratio(risk, start) >= certificate.lower
    run = tfl.descend(risk, start, tfl.GradientDescent(certificate.largest_step), 30)
    assert certificate.check(run).passed


# -- a certificate and its words -----------------------------------------------------------------------------------


def certified_run(spread, step=0.5, iterations=60):
    model = tfl.RKHSNODE(CORNERS, tfl.KernelField(tfl.GaussianKernel(1.0), CORNERS), layers=8)
    targets = CORNERS + spread * np.random.default_rng(0).standard_normal(CORNERS.shape)
    risk, start = tfl.Risk(model, SquaredDistance(targets)), model.space.zeros()
    return lojasiewicz.certificate(risk, start), tfl.descend(risk, start, tfl.GradientDescent(step), iterations)


def test_where_the_certificate_holds_no_iterate_breaks_it():
    certificate, run = certified_run(1e-3)
    assert certificate.holds and certificate.margin >= 1
    assert 8 * certificate.gap <= certificate.lower * certificate.radius**2
    verdict = certificate.check(run)
    assert verdict.passed and "rate kept" in str(verdict) and "certified" in str(certificate)
    np.testing.assert_array_less(run.history["risk"][:9], certificate.rate(0.5, np.arange(9)) * (1 + 1e-9))
    assert dataclasses.asdict(certificate)["holds"]


def altered(run, status=None, **columns):
    return SimpleNamespace(history={**run.history, **columns}, status=status or run.status)


def test_tampered_runs_are_found_out():
    certificate, run = certified_run(1e-3)
    history = run.history
    far = np.append(0.0, history["distance"][1:] + 1.01 * certificate.radius)
    assert certificate.check(altered(run, distance=far)).left == 1
    assert "left the ball" in str(certificate.check(altered(run, distance=far)))
    slow = certificate.check(altered(run, risk=np.full_like(history["risk"], history["risk"][0])))
    assert slow.exceeded == 1 and "exceeded" in str(slow)
    lost = certificate.check(altered(run, risk=np.where(np.arange(61) == 7, np.nan, history["risk"])))
    assert lost.exceeded == 7 and not lost.passed


def test_a_run_without_its_first_iterates_is_no_evidence():
    certificate, run = certified_run(1e-3)
    for rows in (slice(1, None), np.delete(np.arange(61), 3)):
        history = {name: column[rows] for name, column in run.history.items()}
        with pytest.raises(tfl.InputError, match="iterates of this run are missing"):
            certificate.check(SimpleNamespace(history=history, status=run.status))
    with pytest.raises(tfl.InputError, match="substeps changed during this run"):
        certificate.check(altered(run, substeps=1.0 + (np.arange(61) > 5)))
    start_alone = {name: column[:1] for name, column in run.history.items()}
    with pytest.raises(tfl.InputError, match="no iteration to hold against"):
        certificate.check(SimpleNamespace(history=start_alone, status="iteration limit: 0 iterations"))
    with pytest.raises(tfl.InputError, match="Make it for the risk and the start of the run"):
        certificate.check(certified_run(2e-3)[1])


def test_a_stored_run_is_held_against_its_certificate(tmp_path):
    model = tfl.LinearNODE(np.eye(2), 2)
    risk = tfl.Risk(model, SquaredDistance(np.diag([1.01, 0.99])))
    certificate = lojasiewicz.certificate(risk, model.space.zeros())
    tfl.descend(risk, model.space.zeros(), tfl.GradientDescent(0.5), 5, store=tmp_path / "run.h5")
    assert certificate.check(tfl.load(tmp_path / "run.h5")).passed


def test_where_there_is_none_it_says_so():
    certificate, run = certified_run(0.1, iterations=3)
    assert not certificate.holds and certificate.margin < 1 and certificate.largest_step == 0
    assert "no certificate" in str(certificate)
    with pytest.raises(tfl.InputError, match="there is nothing to hold a run against: no certificate"):
        certificate.check(run)


def test_a_singular_kernel_has_no_certificate():
    """Two points at one place move together."""
    points = np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
    model = tfl.RKHSNODE(points, tfl.KernelField(tfl.GaussianKernel(1.0), points[1:]), layers=2)
    certificate = lojasiewicz.certificate(tfl.Risk(model, SquaredDistance(points + 0.01)), model.space.zeros())
    assert not certificate.holds and "the tangent kernel at the start is singular" in str(certificate)


def test_the_smallest_radius_is_taken():
    """m(R) = (1 - R)^2 and M = 1: the test is 8 (L_0 - L*) < R^2 (1 - R)^2."""
    model = tfl.LinearNODE(np.eye(1), 1)
    bounds = lojasiewicz.Bounds(model, [[[0.0]]], lambda r: max(1 - r, 0.0) ** 2, lambda r: 1.0, lambda r: 2.0)
    risk = tfl.Risk(model, SquaredDistance([[1.05]]))
    certificate = lojasiewicz.certificate(risk, [[[0.0]]], bounds)
    smallest = (1 - np.sqrt(1 - 4 * np.sqrt(8 * 0.05**2 / 2))) / 2
    assert smallest <= certificate.radius <= 1.2 * smallest and certificate.holds
    assert certificate.largest_step == pytest.approx(1 / (1 + 2 * 0.05))


def test_a_start_at_the_optimum_is_certified():
    model = tfl.LinearNODE(np.eye(2), 2)
    certificate = lojasiewicz.certificate(tfl.Risk(model, SquaredDistance(np.eye(2))), model.space.zeros())
    assert certificate.holds and certificate.radius == 0 and certificate.largest_step == pytest.approx(1)


def test_the_geodesic_distance_below_an_eighth(rng):
    points = rng.random((3, 1))
    model = tfl.TorusNODE(points, tfl.SobolevMetric(2.5, 0.2), layers=2, band=3)
    near, far = (tfl.Risk(model, tfl.losses.GeodesicDistance(points + 2 + gap)) for gap in (1e-5, 0.4))
    plain = tfl.Risk(model, SquaredDistance(points + 1e-5))
    certificates = [lojasiewicz.certificate(risk, model.space.zeros()) for risk in (near, plain)]
    assert certificates[0].holds and certificates[0].radius == pytest.approx(certificates[1].radius, rel=1e-9)
    with pytest.raises(tfl.InputError, match="need a risk below 1/8"):
        lojasiewicz.certificate(far, model.space.zeros())


LINEAR = tfl.LinearNODE(np.eye(2), 2)
RISK = tfl.Risk(LINEAR, SquaredDistance(np.diag([1.01, 0.99])))
ZERO = LINEAR.space.zeros()
BOUNDS = lojasiewicz.bounds(LINEAR, ZERO)
CERTIFICATE = lojasiewicz.certificate(RISK, ZERO, BOUNDS)


def constant_bounds(lower=1.0, upper=2.0, lipschitz=1.0):
    return lojasiewicz.Bounds(LINEAR, ZERO, lambda r: lower, lambda r: upper, lambda r: lipschitz)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: lojasiewicz.bounds(None, 0), "bounds takes a model and a control, got a NoneType"),
        (lambda: lojasiewicz.bounds(LINEAR, np.eye(2)), r"expected a real array of shape \(2, 2, 2\)"),
        (lambda: lojasiewicz.bounds(tfl.LinearNODE(np.zeros((2, 2)), 1), np.zeros((1, 2, 2))), "X are all zero"),
        (
            lambda: lojasiewicz.bounds(tfl.Scaled(LINEAR, ZERO), ZERO),
            "need derivative_bounds.*a Scaled lacks. There are bounds for linear networks",
        ),
        (
            lambda: lojasiewicz.bounds(tfl.ResNet(np.eye(2), 2, 3, "relu"), np.zeros((2, 2, 3, 2))),
            "rectifiers jumps.*activation='softplus'",
        ),
        (
            lambda: lojasiewicz.bounds(
                tfl.RKHSNODE(np.eye(2), tfl.Features(lambda x: x, lambda x: x, 2), 1), np.zeros((1, 2, 2))
            ),
            "features of your own.*Take RandomFourierFeatures or a KernelField",
        ),
        (lambda: lojasiewicz.Bounds(LINEAR, ZERO, 1.0, 2.0, 0.0), "Bounds: lower must be a function, got 1.0"),
        (lambda: lojasiewicz.Bounds("m", ZERO, 1.0, 2.0, 0.0), "the first argument must be a model, got a str"),
        (lambda: lojasiewicz.certificate(1.0, BOUNDS), "takes a risk, a start and bounds, got a float first"),
        (lambda: lojasiewicz.certificate(RISK, ZERO, (1, 2)), r"those of the model of the risk itself.*got \(1, 2\)"),
        (
            lambda: lojasiewicz.certificate(tfl.Risk(tfl.LinearNODE(np.eye(2), 2), RISK.loss), ZERO, BOUNDS),
            "with its points and layers, got those of another LinearNODE. Leave them out",
        ),
        (
            lambda: lojasiewicz.certificate(tfl.Risk(LINEAR, RISK.loss, 0.1), ZERO),
            "half a squared distance.*this risk has a SquaredDistance and the penalty 0.1",
        ),
        (lambda: lojasiewicz.certificate(RISK, ZERO, constant_bounds(np.nan)), r"0 <= lower\(R\) <= upper\(R\)"),
        (lambda: lojasiewicz.certificate(RISK, ZERO, constant_bounds(3.0)), r"0 <= lower\(R\) <= upper\(R\)"),
        (lambda: lojasiewicz.certificate(RISK, ZERO, constant_bounds(lipschitz=-1.0)), r"0 <= lipschitz\(R\)"),
        (lambda: CERTIFICATE.rate(10.0, 1), "positive and at most 0.9.*Take tfl.GradientDescent"),
        (lambda: CERTIFICATE.rate("a", 1), "positive and at most"),
        (lambda: CERTIFICATE.rate(0.1, -1), "iterations must be finite numbers >= 0"),
        (lambda: CERTIFICATE.check({"risk": [1.0]}), "check takes a run, as tfl.descend or tfl.load gives it"),
        (
            lambda: CERTIFICATE.check(
                SimpleNamespace(history=dict.fromkeys(("risk", "distance", "step", "time"), ()), status="")
            ),
            "columns of the run's history must be of one length",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(call, words):
    with pytest.raises(tfl.InputError, match=words):
        call()


def test_bounds_at_large_radii_are_infinite_and_no_certificate():
    assert BOUNDS.upper(1e6) == np.inf and BOUNDS.lower(1e6) == 0 and BOUNDS.lipschitz(1e6) == np.inf


def test_the_longest_step_is_one_that_descent_takes():
    """Kernels of saturated perceptrons are as small as that."""
    slow = lojasiewicz.Bounds(LINEAR, ZERO, lambda R: 1e-250, lambda R: 1e-250, lambda R: 0.0)
    certificate = lojasiewicz.certificate(tfl.Risk(LINEAR, SquaredDistance(LINEAR(ZERO))), ZERO, slow)
    assert certificate.holds and certificate.largest_step == 1e100
    assert tfl.GradientDescent(certificate.largest_step).step == 1e100
