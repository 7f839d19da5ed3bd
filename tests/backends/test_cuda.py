"""The backend of a GPU where there is none: sweeps, kernels compiled for this machine, and what is said."""

import numpy as np
import pytest
from cuda_on_host import COMPILER, CudaOnHost
from reference import relative_error
from tolerances import ADJOINT

import torusflow as tfl
from torusflow import checks

SHAPES = [(16,), (17,), (12, 11), (11, 14), (15, 17), (8, 9, 7), (9, 7, 8), (11, 9, 13), (8, 10, 12)]
EXACT = 1e-12
compiled = pytest.mark.skipif(COMPILER is None, reason="there is no g++ to compile the kernels for this machine")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("kernels")


def both(shape, folder, largest=None):
    return tfl.Torus(shape, library="numpy"), tfl.Torus(shape, library=CudaOnHost(folder, largest))


def risk_on(torus, **settings):
    axes = 2 * np.pi * np.array(torus.points)
    initial = tfl.densities.from_array(torus, 1 + 0.3 * np.cos(axes[0]) * np.cos(axes[-1] + 1.0), normalise=True)
    target = tfl.densities.from_array(torus, np.exp(np.sin(axes).sum(axis=0) / 2), normalise=True)
    settings = {"layers": 3, "band": 2, "substeps": 2} | settings
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(2.0, 0.2), initial, **settings)
    return tfl.Risk(model, tfl.losses.SquaredL2(target), penalty=0.1)


def control(risk, rng):
    v = risk.space.random(rng)
    return v * (0.5 / risk.model.courant(v))


@compiled
@pytest.mark.parametrize("largest", [None, 1000])
@pytest.mark.parametrize("modes", [None, 2])
@pytest.mark.parametrize("shape", SHAPES)
def test_transforms(shape, modes, largest, folder, rng):
    theirs, ours = (torus.plan(2, modes and (modes,) * len(shape)) for torus in both(shape, folder, largest))
    f = rng.standard_normal(theirs.real.shape)
    theirs.real[...] = ours.real[...] = f
    theirs.forward()
    ours.forward()
    for mine, other in zip(ours.wavenumbers, theirs.wavenumbers, strict=True):
        np.testing.assert_array_equal(mine, other)
    assert relative_error(ours.spectral, theirs.spectral) < EXACT
    theirs.inverse()
    block = np.empty(f.size + 1)  # which begins on 16 bytes, or does not
    for start in (0, 1):
        out = block[start : start + f.size].reshape(f.shape)
        ours.inverse(out)
        assert relative_error(out, theirs.real) < EXACT
        ours.forward(out)
        assert relative_error(ours.spectral, theirs.spectral) < EXACT


@compiled
@pytest.mark.parametrize("stages", ["kept", "recomputed"])
@pytest.mark.parametrize("largest", [None, 1000])
@pytest.mark.parametrize("shape", SHAPES)
def test_push_tangent_and_gradient(shape, largest, stages, folder, rng):
    theirs, ours = (risk_on(torus, stages=stages) for torus in both(shape, folder, largest))
    v, dv = control(theirs, rng), control(theirs, rng)
    p = rng.standard_normal(shape)
    for _ in range(3):  # the second time and the third as graphs
        mine, other = ours.model.linearise(v), theirs.model.linearise(v)
        assert relative_error(mine.output, other.output) < EXACT
        assert relative_error(mine.tangent(dv), other.tangent(dv)) < EXACT
        assert relative_error(mine.adjoint(p), other.adjoint(p)) < EXACT
        assert relative_error(ours.value_and_gradient(v)[1], theirs.value_and_gradient(v)[1]) < EXACT
    assert ours.model.torus._backend.work.launches > 0
    assert checks.adjoint(ours.model, v).error < ADJOINT
    assert checks.taylor(ours, v, directions=1).passed


@compiled
@pytest.mark.parametrize("scheme", ["rk3", "rk5"])
def test_other_runge_kutta_methods(scheme, folder, rng):
    theirs, ours = (risk_on(torus, scheme=scheme) for torus in both((9, 8), folder))
    v = control(theirs, rng)
    assert relative_error(ours.value_and_gradient(v)[1], theirs.value_and_gradient(v)[1]) < EXACT
