"""The scheme in plain NumPy against the compiled loops: the same numbers, whatever the grid."""

import dataclasses

import numpy as np
import pytest
from every_loss import DENSITY_LOSSES
from reference import relative_error
from tolerances import ADJOINT, PUSH

import torusflow as tfl
from torusflow import checks
from torusflow.backends.reference import Reference

SHAPES = [(16,), (17,), (12, 11), (11, 14), (8, 9, 7), (9, 7, 8)]


def toruses(shape):
    return tfl.Torus(shape, threads=2), tfl.Torus(shape, library="numpy")


def risk_on(torus, loss=tfl.losses.SquaredL2, stages="kept"):
    axes = 2 * np.pi * np.array(torus.points)
    initial = tfl.densities.from_array(torus, 1 + 0.3 * np.cos(axes[0]) * np.cos(axes[-1] + 1.0), normalise=True)
    target = tfl.densities.from_array(torus, np.exp(np.sin(axes).sum(axis=0) / 2), normalise=True)
    metric = tfl.SobolevMetric(2.0, 0.2)
    model = tfl.MeasureNODE(torus, metric, initial, layers=3, band=2, substeps=4, stages=stages)
    return tfl.Risk(model, loss(target), penalty=0.1)


def control(risk, rng):
    v = risk.space.random(rng)
    return v * (0.5 / risk.model.courant(v))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("modes", [None, 2])
def test_transforms(shape, modes, rng):
    loops, ours = (torus.plan(2, modes and (modes,) * len(shape)) for torus in toruses(shape))
    f = rng.standard_normal(loops.real.shape)
    loops.real[...] = ours.real[...] = f
    loops.forward()
    ours.forward()
    for mine, theirs in zip(ours.wavenumbers, loops.wavenumbers, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert relative_error(ours.spectral, loops.spectral) < PUSH
    loops.inverse()
    ours.inverse()
    assert relative_error(ours.real, loops.real) < PUSH


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("stages", ["kept", "recomputed"])
def test_push_tangent_and_gradient(shape, stages, rng):
    loops, ours = (risk_on(torus, stages=stages) for torus in toruses(shape))
    v, dv = control(loops, rng), control(loops, rng)
    lin, theirs = ours.model.linearise(v), loops.model.linearise(v)
    p = rng.standard_normal(shape)
    assert relative_error(lin.output, theirs.output) < PUSH
    assert relative_error(lin.tangent(dv), theirs.tangent(dv)) < PUSH
    assert relative_error(lin.adjoint(p), theirs.adjoint(p)) < PUSH
    assert relative_error(ours.value_and_gradient(v)[1], loops.value_and_gradient(v)[1]) < PUSH
    assert checks.adjoint(ours.model, v).error < ADJOINT
    assert checks.taylor(ours, v).passed


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("stages", ["kept", "recomputed"])
@pytest.mark.parametrize("scheme", ["rk4", "rk5"])
def test_log_densities(shape, stages, scheme, rng):
    risks, points = [], rng.random((20, len(shape)))
    for torus in toruses(shape):
        initial = tfl.densities.von_mises(torus, 0.4, 0.8)
        model = tfl.LogDensityNODE(torus, tfl.SobolevMetric(2.0, 0.2), initial, 3, 2, 4, stages, scheme)
        risks.append(tfl.Risk(model, tfl.losses.NormalisedLikelihood(points, torus), penalty=0.1))
    loops, ours = risks
    v, dv = control(loops, rng), control(loops, rng)
    lin, theirs = ours.model.linearise(v), loops.model.linearise(v)
    p = rng.standard_normal(shape)
    assert relative_error(lin.output, theirs.output) < PUSH
    assert relative_error(lin.tangent(dv), theirs.tangent(dv)) < PUSH
    assert relative_error(lin.adjoint(p), theirs.adjoint(p)) < PUSH
    assert relative_error(ours.value_and_gradient(v)[1], loops.value_and_gradient(v)[1]) < PUSH
    assert checks.adjoint(ours.model, v).error < ADJOINT and checks.adjoint(loops.model, v).error < ADJOINT


@pytest.mark.parametrize("shape", [(16,), (9, 8)])
@pytest.mark.parametrize("loss", DENSITY_LOSSES.values(), ids=DENSITY_LOSSES)
def test_every_loss(loss, shape, rng):
    loops, ours = toruses(shape)
    values = np.exp(np.cos(2 * np.pi * ours.points[0]))
    target, rho = 1 + 0 * values, values / values.mean()
    first, second = (loss(tfl.densities.from_array(torus, target)) for torus in (loops, ours))
    assert second(rho) == pytest.approx(first(rho), rel=1e-10, abs=1e-13)
    assert relative_error(second.gradient(rho), first.gradient(rho)) < 1e-9


def test_a_descent_is_stored_and_goes_on(tmp_path):
    torus = tfl.Torus((12, 11), library="numpy")
    risk, path = risk_on(torus), tmp_path / "run.h5"
    whole = tfl.descend(risk, risk.space.zeros(), tfl.LBFGS(), 6)
    tfl.descend(risk, risk.space.zeros(), tfl.LBFGS(), 3, store=path)
    run = tfl.load(path)
    assert run.risk.model.torus.library == "numpy"
    again = tfl.descend(run.risk, run.control, run.method, 6, store=path, resume=True)
    np.testing.assert_array_equal(again.control, whole.control)
    fftw = dataclasses.replace(risk, model=risk_on(tfl.Torus((12, 11), threads=1)).model)
    other = tfl.descend(fftw, risk.space.zeros(), tfl.LBFGS(), 6)
    assert relative_error(other.control, whole.control) < 1e-8


def test_sums_and_extremes(rng):
    loops, ours = toruses((9, 8))
    f, g = rng.standard_normal((2, 9, 8))
    for name in ("mean", "norm", "maximum", "minimum", "largest"):
        assert getattr(ours, name)(f) == pytest.approx(getattr(loops, name)(f), rel=1e-13)
    assert ours.inner(f, g) == pytest.approx(loops.inner(f, g), rel=1e-12)
    assert ours.largest(f + 1j * g) == loops.largest(f + 1j * g)
    assert ours.fastest(np.stack([f, g]), [1.0, 2.0]) == pytest.approx(loops.fastest(np.stack([f, g]), [1.0, 2.0]))
    assert Reference.library == ours.library and ours.threads == 1
