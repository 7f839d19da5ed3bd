"""The tangent kernel: exact spectra, Lanczos against whole decompositions, drift, and lazy training."""

import numpy as np
import pytest
import reference
import tolerances
from every_model import MODELS, features, features_jacobian

import torusflow as tfl
from torusflow import checks
from torusflow.losses import SquaredDistance
from torusflow.theory import tangent_kernels as module


def test_spectrum_at_zero_and_uniform_density():
    """C4: eigenvalues 4 pi^2 |k|^2 K^_k, twice each for cosine and sine."""
    torus, metric = tfl.Torus((12, 11)), tfl.SobolevMetric(2.5, 0.2)
    model = tfl.MeasureNODE(torus, metric, tfl.densities.uniform(torus), layers=2, band=3)
    k = np.stack(np.meshgrid(np.arange(-3, 4), np.arange(-3, 4)), -1).reshape(-1, 2)
    squared = (2 * np.pi) ** 2 * np.sum(k**2, axis=1)
    expected = np.sort(np.append(squared / (1 + 0.04 * squared) ** 2.5, np.zeros(12 * 11 - 49)))[::-1]
    kernel = tfl.tangent_kernel(model, model.space.zeros())
    np.testing.assert_allclose(kernel.eigenvalues(132), expected, atol=tolerances.KERNEL * expected[0])


@pytest.mark.parametrize("name", ["LinearNODE", "ResNet tanh", "RKHSNODE Gaussian", "TorusNODE T2", "MeasureNODE T1"])
def test_the_matrix_is_the_operator(name, rng):
    case = MODELS[name]
    kernel = tfl.tangent_kernel(case.model, case.control(rng))
    p = case.model.output_space.random(rng)
    matrix = kernel.matrix()
    assert reference.relative_error(kernel(p).ravel(), matrix @ p.ravel()) <= tolerances.PUSH
    assert reference.relative_error(kernel @ p.ravel(), matrix @ p.ravel()) <= tolerances.PUSH
    assert np.linalg.eigvalsh(matrix)[0] >= -tolerances.PUSH * np.linalg.norm(matrix, 2)


def test_it_is_an_operator_of_scipy(rng):
    from scipy.sparse.linalg import LinearOperator, eigsh

    case = MODELS["ResNet tanh"]
    kernel = tfl.tangent_kernel(case.model, case.control(rng))
    assert isinstance(kernel, LinearOperator) and kernel.shape == (15, 15) and kernel.output_shape == (3, 5)
    p = rng.standard_normal(15)
    np.testing.assert_array_equal(kernel.H @ p, kernel @ p)
    np.testing.assert_array_equal(kernel @ p, kernel(p.reshape(3, 5)).ravel())
    np.testing.assert_allclose(eigsh(kernel, 1, return_eigenvectors=False), kernel.eigenvalues(1), rtol=1e-10)


def test_lanczos_agrees_with_the_whole_decomposition(monkeypatch, rng):
    case = MODELS["ResNet tanh"]
    w, other = case.control(rng), case.control(rng)
    kernel = tfl.tangent_kernel(case.model, w)
    dense = kernel.eigenvalues(3), kernel.eigenvalues(2, "smallest"), tfl.drift(case.model, w, other)
    monkeypatch.setattr(module, "LARGEST_DENSE", 1)
    lanczos = kernel.eigenvalues(3), kernel.eigenvalues(2, "smallest"), tfl.drift(case.model, w, other)
    for a, b in zip(dense, lanczos, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8)
    with pytest.raises(tfl.InputError, match="count must be a whole number from 1 to 14, got 15"):
        kernel.eigenvalues(15)  # Lanczos cannot give them all
    with pytest.raises(tfl.InputError, match=r"too large to be written out .at most 1.\. Use eigenvalues"):
        kernel.matrix()


@pytest.mark.parametrize(
    "make",
    [
        lambda X: tfl.LinearNetwork(X, (2,)),
        lambda X: tfl.LinearResNet(X, 1),
        lambda X: tfl.ResNet(X, 1, 4, inner=np.cos(np.arange(12)).reshape(1, 4, 3)),
    ],
)
def test_a_model_linear_in_its_control_does_not_drift(make, rng):
    model = make(rng.standard_normal((3, 5)))
    w, other = rng.standard_normal((2, *model.space.shape))
    assert tfl.drift(model, w, other) <= 1e-14


# Fields at points of more than one dimension take their time.
SLOW = {"TorusNODE T2", "TorusNODE T3", "SampleNODE T2", "SampleNODE T2 from a hill", "SampleNODE T3"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in MODELS]
)
def test_linearised_models_do_not_drift_and_are_models(name, rng):
    case = MODELS[name]
    w = case.control(rng)
    linear = tfl.Linearised(case.model, w)
    np.testing.assert_allclose(linear(w), case.model(w), atol=tolerances.PUSH)
    if np.prod(case.model.output_space.shape) < 100:
        assert tfl.drift(linear, w, 0.5 * w) <= 1e-14
    assert checks.adjoint(linear, 0.5 * w).error <= case.adjoint


def test_scaled_models_start_at_zero_and_grow_lazy(rng):
    """The same risk seen with larger alpha moves the control, and with it the kernel, less."""
    X = rng.standard_normal((2, 4))
    model = tfl.ResNet(X, layers=2, width=5)
    start = model.initial(rng)
    targets = 0.3 * rng.standard_normal(X.shape)
    drifts = []
    for alpha in (1.0, 10.0, 100.0):
        scaled = tfl.Scaled(model, start, alpha)
        assert not scaled(start).any()
        assert checks.taylor(tfl.Risk(scaled, SquaredDistance(targets)), start).passed
        result = tfl.descend(
            tfl.Risk(scaled, SquaredDistance(targets)), start, tfl.GradientFlow(1 / alpha**2, 1e-10), iterations=2000
        )
        drifts.append(tfl.drift(model, start, result.control))
    assert drifts[0] > 5 * drifts[1] > 25 * drifts[2]


@pytest.mark.slow
def test_lazy_risk_is_the_flow_of_the_linearised_model(rng):
    model = tfl.RKHSNODE(rng.standard_normal((4, 2)), tfl.Features(features, features_jacobian, 4), 3)
    start = 0.2 * model.space.random(rng)
    targets = model(start) + 0.2 * rng.standard_normal((4, 2))
    risk, times = tfl.Risk(tfl.Linearised(model, start), SquaredDistance(targets)), (0.5, 1.0, 2.0)
    result = tfl.descend(risk, start, tfl.GradientFlow(2.0, 1e-11, times))
    predicted = tfl.lazy_risk(tfl.tangent_kernel(model, start).matrix(), model(start) - targets, times)
    np.testing.assert_allclose([risk(w) for w in result.controls], predicted, rtol=1e-8)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda kernel: kernel.eigenvalues(0), "count must be a whole number from 1 to 15, got 0"),
        (lambda kernel: kernel.eigenvalues(2, "middle"), "which must be 'largest' or 'smallest'"),
        (lambda kernel: kernel(np.zeros(15)), r"outputs of this model have shape \(3, 5\), got \(15,\)"),
        (lambda kernel: tfl.tangent_kernel(None, None), "that of a model at a control, got a NoneType"),
        (lambda kernel: tfl.Linearised(None, None), "the first argument must be a model, got a NoneType"),
        (
            lambda kernel: tfl.drift(tfl.LinearNetwork(np.eye(2), (2, 2)), np.zeros(8), np.ones(8)),
            "the tangent kernel at w_0 is zero",
        ),
        (lambda kernel: tfl.lazy_risk(np.eye(3), np.zeros(4), [1.0]), r"4 residuals need .* 4 rows, got \(3, 3\)"),
        (lambda kernel: tfl.lazy_risk(np.eye(3), np.zeros(3), None), "times must be an array of real numbers"),
        (lambda kernel: tfl.lazy_risk(np.eye(3), np.zeros(3), -1.0), "no time negative"),
        (lambda kernel: tfl.lazy_risk(kernel, np.zeros(15), 1.0), "matrix must be an array of real numbers"),
    ],
)
def test_refusals(call, words, rng):
    model = MODELS["ResNet tanh"].model
    with pytest.raises(tfl.InputError, match=words):
        call(tfl.tangent_kernel(model, model.space.zeros()))
    with pytest.raises(tfl.InputError, match="alpha must be a positive number, got 0"):
        tfl.Scaled(model, model.space.zeros(), 0)
