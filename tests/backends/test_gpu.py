"""Everything on densities on a GPU: `pytest -m gpu` where there is one."""

import copy
import pickle

import numpy as np
import pytest
import test_foreign as suite
from reference import relative_error
from test_cuda import control, risk_on
from test_foreign import (  # noqa: F401  # run here once more, on the device
    test_a_loss_of_ones_own_may_give_a_number_from_abroad,
    test_checks,
    test_coarse_to_fine_and_refined,
    test_controls_are_made_abroad,
    test_densities_are_made_abroad,
    test_every_loss,
    test_every_method_stores_and_goes_on,
    test_geodesics,
    test_points_stay_at_home,
    test_push_tangent_and_gradient,
    test_scipy_minimises,
    test_tangent_flow_and_porous_medium,
    test_tangent_kernels,
    test_what_cannot_be_mixed,
)

import torusflow as tfl
from torusflow import checks

SHAPES = [(16,), (17,), (12, 11), (15, 17), (96, 128), (50, 63), (9, 7, 8), (11, 9, 13), (24, 20, 18), (64, 48, 40)]
EXACT = 1e-12


def why_not():
    """Why nothing here can run; empty if it can."""
    try:
        import cupy

        return "" if cupy.cuda.runtime.getDeviceCount() else "there is no GPU"
    except Exception as error:
        return f"there is no GPU, or no CuPy: {error}"


WHY_NOT = why_not()
# Points on the torus go through it, on processors.
NEED_FINUFFT = ("MMD of samples", "cross-entropy", "geodesics", "points_stay", "are_made_abroad", "log_densities")
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)]
pytestmark += [pytest.mark.filterwarnings("default")]  # CuPy has warnings of its own


@pytest.fixture(autouse=True, params=["cufft", "cupy"])
def library(request, monkeypatch):
    """The tests of foreign arrays, with those of CuPy in their place."""
    import cupy

    if any(words in request.node.name for words in NEED_FINUFFT):
        pytest.importorskip("finufft")

    def torus_of(shape, kind):
        where = {"device": "cuda", "library": request.param} if kind == "foreign" else {"library": "numpy"}
        return tfl.Torus(shape, **where)

    monkeypatch.setattr(suite, "torus_of", torus_of)
    monkeypatch.setattr(suite, "Foreign", cupy.ndarray)
    return request.param


@pytest.mark.parametrize("modes", [None, 2])
@pytest.mark.parametrize("shape", SHAPES)
def test_transforms(shape, modes, library, rng):
    import cupy

    ours = tfl.Torus(shape, device="cuda", library=library).plan(2, modes and (modes,) * len(shape))
    theirs = tfl.Torus(shape, library="numpy").plan(2, modes and (modes,) * len(shape))
    f = rng.standard_normal(theirs.real.shape)
    theirs.real[...] = f
    ours.real[...] = cupy.asarray(f)
    theirs.forward()
    ours.forward()
    assert relative_error(ours.spectral.get(), theirs.spectral) < EXACT
    theirs.inverse()
    block = cupy.full(f.size + 1, np.nan)
    for start in (0, 1):  # on 16 bytes, or not
        out = block[start : start + f.size].reshape(f.shape)
        ours.inverse(out)
        assert relative_error(out.get(), theirs.real) < EXACT
        ours.forward(out)
        assert relative_error(ours.spectral.get(), theirs.spectral) < EXACT


@pytest.mark.parametrize("stages", ["kept", "recomputed"])
@pytest.mark.parametrize("shape", SHAPES)
def test_against_the_processor(shape, stages, library, rng):
    theirs = risk_on(tfl.Torus(shape, library="scipy"), stages=stages)
    ours = risk_on(tfl.Torus(shape, device="cuda", library=library), stages=stages)
    v, dv = control(theirs, rng), control(theirs, rng)
    p = rng.standard_normal(shape)
    host = ours.model.torus.to_host
    for _ in range(3):  # the second time and the third as graphs
        mine, other = ours.model.linearise(v), theirs.model.linearise(v)
        assert relative_error(host(mine.output), other.output) < EXACT
        assert relative_error(host(mine.tangent(dv)), other.tangent(dv)) < EXACT
        assert relative_error(host(mine.adjoint(p)), other.adjoint(p)) < EXACT
        (value, gradient), (expected, its) = ours.value_and_gradient(v), theirs.value_and_gradient(v)
        assert value == pytest.approx(expected, rel=EXACT) and relative_error(host(gradient), its) < EXACT
    assert checks.adjoint(ours.model, ours.space.asarray(v)).error < 1e-11


def test_what_is_too_fast_or_not_finite_is_refused(library):
    risk = risk_on(tfl.Torus((9, 8), device="cuda", library=library))
    v = control(risk, np.random.default_rng(0))
    with pytest.raises(tfl.UnstableError, match=r"layer 2: .*substeps=") as error:
        v[2] *= 100
        risk(v)
    assert error.value.substeps > 2
    v[0] = np.nan
    with pytest.raises(tfl.InputError, match="coefficients that are not finite"):
        risk(v)


@pytest.mark.parametrize("shape", [(9, 8), (7, 8, 9)])
def test_log_densities(shape, library, rng):
    points, risks = rng.random((40, len(shape))), []
    for torus in (tfl.Torus(shape, library="numpy"), tfl.Torus(shape, device="cuda", library=library)):
        model = tfl.LogDensityNODE(torus, tfl.SobolevMetric(3.0, 0.2), layers=2, band=2, substeps=3)
        risks.append(tfl.Risk(model, tfl.losses.NormalisedLikelihood(points, torus), penalty=0.1))
    theirs, ours = risks
    v = control(theirs, rng)
    (value, gradient), (expected, its) = ours.value_and_gradient(v), theirs.value_and_gradient(v)
    assert value == pytest.approx(expected, rel=EXACT)
    assert relative_error(ours.model.torus.to_host(gradient), its) < EXACT


@pytest.mark.parametrize("d", [2, 3])
def test_large_grids(d, library, rng, monkeypatch):
    """Where nothing is copied, and in three dimensions transforms load what is computed on the way."""
    from torusflow.backends.cuda import stages

    monkeypatch.setattr(stages, "LARGE", 1)
    shape = (24, 20, 18)[:d]
    theirs, ours = risk_on(tfl.Torus(shape, library="numpy")), risk_on(tfl.Torus(shape, device="cuda", library=library))
    v = control(theirs, rng)
    for _ in range(3):
        gradient = ours.model.torus.to_host(ours.value_and_gradient(v)[1])
        assert relative_error(gradient, theirs.value_and_gradient(v)[1]) < EXACT
    if d == 3 and library == "cufft":
        made = ours.model.equation._stages
        assert made._loads is not None, f"transforms load nothing: {made._work.without_loads}"


def test_sums_and_extremes(library, rng):
    ours, theirs = tfl.Torus((9, 8), device="cuda", library=library), tfl.Torus((9, 8), library="numpy")
    f, g = rng.standard_normal((2, 9, 8))
    for name in ("mean", "norm", "maximum", "minimum", "largest", "total"):
        values = ours.asarray(f)
        found = getattr(ours, name)(values)
        assert type(found) is float and found == pytest.approx(getattr(theirs, name)(f), rel=1e-13)
    assert ours.inner(f, g) == pytest.approx(theirs.inner(f, g), rel=1e-12)
    assert ours.largest(ours.asarray(f + 1j * g)) == theirs.largest(f + 1j * g)
    fields = np.stack([f, g])
    assert float(np.max(ours.fastest(fields, [1.0, 2.0]))) == pytest.approx(theirs.fastest(fields, [1.0, 2.0]))
    fields[1, 3, 3] = np.nan
    assert not float(np.max(ours.fastest(fields, [1.0, 2.0]))) <= 1e300
    assert not np.isfinite(ours.largest(ours.asarray(fields)))
    assert not np.isfinite(ours.largest(ours.asarray(f + 1j * fields[1])))
    assert ours.free_memory() < ours.physical_memory()


def test_copies_and_names(library):
    torus = tfl.Torus((9, 8), device="cuda", library=library)
    for again in (copy.deepcopy(torus), pickle.loads(pickle.dumps(torus)), torus.resized((9, 8))):
        assert again == torus and again.library == library and again.device == "cuda"
    assert torus != tfl.Torus((9, 8)) and tfl.Torus((9, 8), device="cuda:0") == torus
    with pytest.raises(tfl.InputError, match=r"this machine has . GPU"):
        tfl.Torus((9, 8), device="cuda:9")


def test_what_does_not_fit_is_refused(library):
    torus = tfl.Torus((32, 32, 32), device="cuda", library=library)
    model = tfl.MeasureNODE(
        torus, suite.METRIC, tfl.densities.uniform(torus), layers=2, band=1, substeps=10**6, stages="kept"
    )
    with pytest.raises(tfl.InputError, match=r"GB; the device 'cuda' has .* Use stages='recomputed'"):
        model.linearise(model.space.zeros())
