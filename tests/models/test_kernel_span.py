"""Spans of representers in orthonormal coordinates, and the kernel of the torus against its Fourier series."""

import numpy as np
import pytest
import tolerances

import torusflow as tfl
from torusflow.models.kernel_span import Representers


@pytest.fixture
def near(rng):
    """Points of which some are close together, where coefficients would be large."""
    points = rng.standard_normal((6, 2))
    return np.vstack([points, points[:3] + 1e-2])


def test_fields_and_products_are_those_of_coefficients(near, rng):
    kernel = tfl.GaussianKernel(0.8)
    field, span = tfl.KernelField(kernel, near), tfl.KernelSpan(kernel, near)
    points, momenta = rng.standard_normal((2, 4, 2))
    a, c = field.riesz(points, momenta), span.riesz(points, momenta)
    np.testing.assert_allclose(span.field(c).value(points), field.field(a).value(points), atol=1e-9)
    assert span.space(3, 2).inner([c] * 3, [c] * 3) == pytest.approx(np.sum(a * (field.gram @ a)), rel=1e-9)
    first = tfl.KernelSpan(kernel, near[:4])
    np.testing.assert_allclose(first.riesz(points, momenta), c[:4], atol=tolerances.SAME)


def test_what_is_outside_a_span_and_brought_in(near, rng):
    """|g - Pg|^2 = |g|^2 - |Pg|^2, by least squares on the kernel matrix of all."""
    kernel = tfl.MaternKernel(1.0)
    span = tfl.KernelSpan(kernel, near[:2])
    gradient = Representers(near, rng.standard_normal(near.shape))
    points, p = gradient
    K, C = kernel.matrix(points, points), kernel.matrix(points, near[:2])
    coefficients = np.linalg.solve(kernel.matrix(near[:2], near[:2]), C.T @ p)
    whole = np.sum(p * (K @ p))
    expected = np.sqrt((whole - np.sum(coefficients * (C.T @ p))) / whole)
    assert span.outside(gradient) == pytest.approx(expected, rel=1e-8) and expected > 0.1
    for tolerance in (0.3, 1e-3):
        larger = span.extended([gradient], tolerance)
        assert larger.outside(gradient) <= tolerance
        np.testing.assert_array_equal(larger.centres[:2], near[:2])
        assert larger.extended([gradient], tolerance) is larger
    assert len(span.extended([gradient], 0.3).centres) < len(larger.centres) <= len(near)
    assert span.outside(Representers(near, 0 * near)) == 0.0


@pytest.mark.parametrize(("smoothness", "dimension", "most"), [(3.0, 1, 2000), (3.5, 2, 150)])
def test_the_sobolev_kernel_is_its_fourier_series(smoothness, dimension, most, rng):
    kernel = tfl.SobolevKernel(smoothness, 0.1, dimension)
    points, centres = rng.uniform(-2, 2, (4, dimension)), rng.random((3, dimension))
    axes = np.meshgrid(*[np.arange(-most, most + 1)] * dimension, indexing="ij")
    k = 2 * np.pi * np.stack([axis.ravel() for axis in axes], axis=1)
    weights = 1 / tfl.SobolevMetric(smoothness, 0.1).symbol((k**2).sum(axis=1))
    waves, others = np.exp(1j * points @ k.T), np.exp(1j * centres @ k.T)
    a, y = rng.standard_normal((3, dimension)), rng.standard_normal((4, dimension))
    np.testing.assert_allclose(kernel.matrix(points, centres), ((waves * weights) @ others.conj().T).real, atol=1e-10)
    np.testing.assert_allclose(kernel.sums(points, centres, a), kernel.matrix(points, centres) @ a, atol=1e-12)
    slopes = (1j * (y @ k.T) * waves * weights @ others.conj().T).real @ a
    np.testing.assert_allclose(kernel.derivative(points, centres, a, y, False), slopes, atol=1e-9)
    pulled = kernel.derivative(points, centres, a, y, True)
    along = kernel.derivative(points, centres, a, points, False)
    assert np.sum(pulled * points) == pytest.approx(np.sum(along * y), rel=1e-10)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda x: tfl.KernelSpan(tfl.GaussianKernel(1.0), np.vstack([x, x])),
            "to round-off. Leave out those",
        ),
        (lambda x: tfl.KernelSpan("gauss", x), "KernelSpan: the kernel must be a GaussianKernel"),
        (lambda x: tfl.SobolevKernel(3.0, 0.1, 2), "must be 2.5 or 3.5, got 3.0. A TorusNODE takes any"),
        (lambda x: tfl.SobolevKernel(2.5, 0.1, 4), "dimension must be 1, 2 or 3, got 4"),
        (lambda x: tfl.SobolevKernel(2.5, 0.6), "length must be a number above 0 and at most 1/2, got 0.6"),
        (lambda x: tfl.KernelSpan(tfl.SobolevKernel(3, 0.1, 1), x), r"torus of dimension 1, the centres .* \(4, 2\)"),
    ],
)
def test_refusals(make, words, rng):
    with pytest.raises(tfl.InputError, match=words):
        make(rng.standard_normal((4, 2)))


def test_certificates_of_fields_of_the_torus_are_refused(rng):
    x = rng.random((3, 2))
    model = tfl.RKHSNODE(x, tfl.KernelSpan(tfl.SobolevKernel(2.5, 0.1), x), 2)
    with pytest.raises(tfl.InputError, match=r"no bounds for certificates\. Take a TorusNODE"):
        model.derivative_bounds(model.space.zeros())
