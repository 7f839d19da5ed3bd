"""The backend of a GPU where there is none: sweeps, kernels compiled for this machine, and what is said."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from cuda_on_host import COMPILER, CudaOnHost
from reference import relative_error
from tolerances import ADJOINT

import torusflow as tfl
from torusflow import checks
from torusflow.backends.cuda import device as cuda
from torusflow.backends.cuda import stages
from torusflow.backends.reference import Reference

SHAPES = [(16,), (17,), (12, 11), (15, 17), (9, 7, 8), (11, 9, 7), (8, 7, 10)]
EXACT = 1e-12
compiled = pytest.mark.skipif(COMPILER is None, reason="there is no g++ to compile the kernels for this machine")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("kernels")


def both(shape, folder, *settings):
    return tfl.Torus(shape, library="numpy"), tfl.Torus(shape, library=CudaOnHost(folder, *settings))


def risk_on(torus, **settings):
    axes = 2 * np.pi * np.array([torus.to_host(x) for x in torus.points])
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
@pytest.mark.parametrize("loads", [False, True])
@pytest.mark.parametrize("largest", [None, 1000])
@pytest.mark.parametrize("shape", SHAPES)
def test_push_tangent_and_gradient(shape, largest, loads, stages, folder, rng):
    theirs, ours = (risk_on(torus, stages=stages) for torus in both(shape, folder, largest, loads))
    v, dv = control(theirs, rng), control(theirs, rng)
    p = rng.standard_normal(shape)
    for _ in range(2):  # the second time as graphs
        mine, other = ours.model.linearise(v), theirs.model.linearise(v)
        assert relative_error(mine.output, other.output) < EXACT
        assert relative_error(mine.tangent(dv), other.tangent(dv)) < EXACT
        assert relative_error(mine.adjoint(p), other.adjoint(p)) < EXACT
        assert relative_error(ours.value_and_gradient(v)[1], theirs.value_and_gradient(v)[1]) < EXACT
    assert ours.model.torus._backend.work.launches > 0
    assert checks.adjoint(ours.model, v).error < ADJOINT


@compiled
@pytest.mark.parametrize("d", [1, 2, 3])
def test_extremes(d, folder, rng):
    work, weights = CudaOnHost(folder).work, [1.0, 2.0, 0.5]
    v = rng.standard_normal((d, 1000))
    for stride in (1, 7, 256, 1000):
        for bad in (None, 3, 999):
            f = v.copy()
            if bad is not None:
                f[d - 1, bad] = np.nan
            out = np.empty(stride)
            work.run("speeds", stride, f, out, 1000, stride, d, *weights)
            speeds = np.tensordot(weights[:d], np.abs(f), 1)
            np.testing.assert_allclose(out, [speeds[i::stride].max() for i in range(stride)], rtol=1e-15)
            work.run("magnitudes", stride, f, out, f.size, stride)
            np.testing.assert_array_equal(out, [np.abs(f.ravel()[i::stride]).max() for i in range(stride)])


@compiled
@pytest.mark.parametrize("scheme", ["rk3", "rk5"])
def test_other_runge_kutta_methods(scheme, folder, rng):
    theirs, ours = (risk_on(torus, scheme=scheme) for torus in both((9, 8), folder))
    v = control(theirs, rng)
    assert relative_error(ours.value_and_gradient(v)[1], theirs.value_and_gradient(v)[1]) < EXACT


# -- where there is no GPU, or no CuPy --------------------------------------------------------------------------------


@pytest.fixture
def without_cupy(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)  # whose import fails then


def test_without_cupy_it_says_what_to_install(without_cupy):
    with pytest.raises(
        tfl.InputError, match=r"device='cuda' needs CuPy.*pip install 'torusflow\[cuda\]'.*cupy-cuda12x"
    ):
        tfl.Torus((8, 8), device="cuda")
    assert tfl.Torus((8, 8)).device == "cpu" and tfl.Torus((8, 8), device="cpu") == tfl.Torus((8, 8))


class DriverError(Exception):
    """As CuPy's."""


def cupy_with(count):
    """A CuPy that finds so many devices, or fails."""

    def get_device_count():
        if isinstance(count, Exception):
            raise count
        return count

    return SimpleNamespace(
        cuda=SimpleNamespace(runtime=SimpleNamespace(getDeviceCount=get_device_count, CUDARuntimeError=DriverError))
    )


def test_without_a_gpu_it_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", cupy_with(DriverError("no driver")))
    with pytest.raises(tfl.InputError, match=r"needs an NVIDIA GPU with its driver.*no driver"):
        tfl.Torus((8, 8), device="cuda")
    monkeypatch.setitem(sys.modules, "cupy", cupy_with(1))
    with pytest.raises(tfl.InputError, match="this machine has 1 GPU, counted from 0"):
        tfl.Torus((8, 8), device="cuda:1")
    monkeypatch.setitem(sys.modules, "cupy", cupy_with(2))
    monkeypatch.setattr(cuda, "_used", [0])
    with pytest.raises(tfl.InputError, match="this process computes on 'cuda:0' already"):
        tfl.Torus((8, 8), device="cuda:1")


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "cuda1", 3, None, "CPU"])
def test_what_is_no_device_is_refused(device):
    with pytest.raises(tfl.InputError, match=r"device must be 'cpu', 'cuda'"):
        tfl.Torus((8, 8), device=device)


def test_libraries_and_devices_go_together(without_cupy):
    with pytest.raises(tfl.InputError, match="library='fftw' transforms on processors"):
        tfl.Torus((8, 8), library="fftw", device="cuda")
    with pytest.raises(tfl.InputError, match="library must be"):
        tfl.Torus((8, 8), library="cufft")
    with pytest.raises(tfl.InputError, match=r"the backend given has its arrays on 'cpu', not on 'cuda'"):
        tfl.Torus((8, 8), library=Reference(), device="cuda")


# -- run files and the command line -----------------------------------------------------------------------------------


@compiled
def test_a_run_made_on_a_device_loads_where_there_is_none(folder, tmp_path, rng):
    ours = risk_on(both((9, 8), folder)[1])
    path = tmp_path / "run.h5"
    made = tfl.descend(ours, ours.space.zeros(), tfl.LBFGS(), 2, store=path)
    run = tfl.load(path)
    assert run.risk.model.torus.device == "cpu"
    assert run.risk(run.control) == pytest.approx(made.value, rel=EXACT)
    with pytest.raises(tfl.InputError, match=r"was computed on a GPU.*resume .* --device cuda"):
        tfl.descend(run.risk, run.control, run.method, 3, store=path, resume=True)


@compiled
def test_a_run_goes_on_on_the_device_that_load_is_given(folder, tmp_path, monkeypatch):
    backend = CudaOnHost(folder)
    monkeypatch.setattr(cuda, "make", lambda device, library: backend)
    ours = risk_on(both((9, 8), folder)[1])
    path = tmp_path / "run.h5"
    whole = tfl.descend(ours, ours.space.zeros(), tfl.LBFGS(), 4)
    tfl.descend(ours, ours.space.zeros(), tfl.LBFGS(), 2, store=path)
    run = tfl.load(path, device="host")
    assert run.risk.model.torus._backend is backend
    again = tfl.descend(run.risk, run.control, run.method, 4, store=path, resume=True)
    np.testing.assert_array_equal(again.control, whole.control)


def test_the_command_line_has_a_device(call, without_cupy):
    problem = ["--grid", "8x8", "--layers", "1", "--iterations", "1", "--device", "cuda", "-o", "run.h5"]
    with open("angles.csv", "w") as file:
        file.write("phi,psi\n" + "\n".join(f"0.{i},0.{9 - i}" for i in range(10)))
    refused = call("fit", "angles.csv", *problem, code=2)
    assert "needs CuPy" in refused.stderr
    refused = call("fit", "angles.csv", "--likelihood", "--device", "cuda", "-o", "run.h5", code=2)
    assert "takes no device (no --device)" in refused.stderr
    call("fit", "angles.csv", *problem[:-4], "--device", "cpu", "-o", "run.h5")
    assert "needs CuPy" in call("resume", "run.h5", "--device", "cuda", code=2).stderr


# -- what is known late -----------------------------------------------------------------------------------------------


class Late(Reference):
    """The reference backend, whose `fastest` gives arrays of which that is the largest, as a device does."""

    def fastest(self, velocity, weights):
        fastest = super().fastest(velocity, weights)
        return np.array([fastest / 2, fastest, 0.0])


def test_a_courant_number_that_comes_late_is_looked_at_all_the_same(rng):
    home, late = risk_on(tfl.Torus((9, 8), library="numpy")), risk_on(tfl.Torus((9, 8), library=Late()))
    v = control(home, rng)
    np.testing.assert_array_equal(late.model(v), home.model(v))
    assert type(late.model.courant(v)) is float
    v[1] *= 1e3
    errors = []
    for risk in (home, late):
        with pytest.raises(tfl.UnstableError, match="layer 1") as caught, np.errstate(all="ignore"):
            risk.model(v)
        errors.append((str(caught.value), caught.value.substeps))
    assert errors[0] == errors[1]


@compiled
@pytest.mark.parametrize("settings", [(), (1000,), (1000, True)], ids=["whole", "parts", "loads"])
@pytest.mark.parametrize("shape", [(17,), (9, 8), (7, 8, 9)])
def test_log_densities(shape, settings, folder, rng):
    points, risks = rng.random((40, len(shape))), []
    for torus in both(shape, folder, *settings):
        model = tfl.LogDensityNODE(torus, tfl.SobolevMetric(3.0, 0.2), layers=2, band=2, substeps=3)
        risks.append(tfl.Risk(model, tfl.losses.NormalisedLikelihood(points, torus), penalty=0.1))
    theirs, ours = risks
    v, dv = control(theirs, rng), control(theirs, rng)
    p = rng.standard_normal(shape)
    for _ in range(2):
        mine, other = ours.model.linearise(v), theirs.model.linearise(v)
        assert relative_error(mine.output, other.output) < EXACT
        assert relative_error(mine.tangent(dv), other.tangent(dv)) < EXACT
        assert relative_error(mine.adjoint(p), other.adjoint(p)) < EXACT
    assert relative_error(ours.value_and_gradient(v)[1], theirs.value_and_gradient(v)[1]) < EXACT
    assert checks.adjoint(ours.model, v).error < ADJOINT


@compiled
def test_large_grids_are_not_copied(folder, rng, monkeypatch):
    monkeypatch.setattr(stages, "LARGE", 1)
    theirs, ours = (risk_on(torus) for torus in both((9, 7, 8), folder, None, None))
    v = control(theirs, rng)
    for _ in range(3):
        assert relative_error(ours.value_and_gradient(v)[1], theirs.value_and_gradient(v)[1]) < EXACT
    assert ours.model.equation._stages._loads is not None
