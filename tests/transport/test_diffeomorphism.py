"""Maps given on the grid: the closed form of C2, inverses, Jacobians, compositions, refusals."""

import numpy as np
import pytest
from tolerances import NONUNIFORM

import torusflow as tfl
from torusflow.errors import InputError, NumericalError

SHAPES = [(48,), (24, 25), (16, 17, 18)]
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


def waves(shape, size=0.05):
    """A torus and x_i + size (sin 2 pi (x_i + 0.1) + (1/2) sin 2 pi (x_i - 2 x_(i+1)))."""
    torus = tfl.Torus(shape)

    def formula(x):
        after = np.roll(x, -1, axis=1)
        return x + size * (np.sin(2 * np.pi * (x + 0.1)) + 0.5 * np.sin(2 * np.pi * (x - 2 * after)))

    return torus, formula


@every_shape
def test_values_and_jacobians_between_the_points(shape, rng):
    torus, formula = waves(shape)
    phi, x, h = tfl.Diffeomorphism.sampled(torus, formula), 3 * rng.random((20, len(shape))) - 1, 1e-3
    np.testing.assert_allclose(phi(x), formula(x), rtol=0, atol=NONUNIFORM)
    assert np.max(np.abs(phi.displacement)) > 0.02
    for j, e in enumerate(np.eye(len(shape))):
        near, far = (formula(x + step * e) - formula(x - step * e) for step in (h, 2 * h))
        np.testing.assert_allclose(phi.jacobian(x)[:, :, j], (8 * near - far) / (12 * h), rtol=0, atol=1e-8)
    grid = np.stack([axis.ravel() for axis in torus.points], axis=1)
    np.testing.assert_allclose(phi.jacobians, phi.jacobian(grid), rtol=0, atol=1e-9)


@every_shape
def test_inverse_both_ways(shape, rng):
    torus, formula = waves(shape, 0.06)
    phi, x = tfl.Diffeomorphism.sampled(torus, formula), 3 * rng.random((30, len(shape))) - 1
    np.testing.assert_allclose(phi(phi.inverse(x)), x, rtol=0, atol=1e-12)
    np.testing.assert_allclose(phi.inverse(phi(x)), x, rtol=0, atol=1e-11)


@pytest.mark.parametrize("a", [1.2, 2.5])
def test_strong_compression_is_inverted(a):
    """C2, whose slope runs from e^-a to e^a: plain Newton steps would leave."""
    torus = tfl.Torus((256,))

    def compression(x):
        return np.rint(x) + np.arctan(np.exp(a) * np.tan(np.pi * (x - np.rint(x)))) / np.pi

    phi, y = tfl.Diffeomorphism.sampled(torus, compression), np.linspace(-0.45, 0.45, 41)[:, None]
    expected = np.arctan(np.exp(-a) * np.tan(np.pi * y)) / np.pi
    np.testing.assert_allclose(phi.inverse(y), expected, rtol=0, atol=1e-9)


def test_compositions(rng):
    torus, formula = waves((24, 25), 0.03)
    phi = tfl.Diffeomorphism.sampled(torus, formula)
    by = np.array([0.3, -0.1])
    shift = tfl.Diffeomorphism.sampled(torus, lambda x: x + by)
    x = rng.random((9, 2))
    np.testing.assert_allclose((phi @ shift)(x), formula(x + by), rtol=0, atol=1e-9)
    np.testing.assert_allclose((shift @ phi)(x), formula(x) + by, rtol=0, atol=1e-9)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3.0, 0.2), tfl.densities.uniform(torus), layers=2, band=2)
    flow = tfl.FlowMap(model, 0.1 * model.space.random(rng))
    np.testing.assert_allclose((shift @ flow)(x), flow(x) + by, rtol=0, atol=1e-9)


class TestBadInput:
    def test_folding(self):
        torus = tfl.Torus((32,))
        with pytest.raises(InputError, match=r"folds at \d+ of 32 points of the grid"):
            tfl.Diffeomorphism(torus, 0.2 * np.sin(2 * np.pi * torus.points[0])[None])

    def test_folding_between_the_points(self):
        """det = 1 + 1.13 cos 4 pi x is positive at five points, and negative elsewhere."""
        torus = tfl.Torus((5,))
        phi = tfl.Diffeomorphism(torus, 0.09 * np.sin(4 * np.pi * torus.points[0])[None])
        with pytest.raises(NumericalError, match=r"cannot be inverted at \d+ of 2000 points: it folds between"):
            phi.inverse(np.linspace(0, 1, 2000)[:, None])

    @pytest.mark.parametrize(
        ("call", "words"),
        [
            (lambda torus: tfl.Diffeomorphism(torus, np.zeros((1, 12))), r"has shape"),
            (
                lambda torus: tfl.Diffeomorphism(torus, np.zeros((12, 13))),
                r"finite array \(2, 12, 13\), got \(12, 13\)",
            ),
            (lambda torus: tfl.Diffeomorphism(torus, np.full((2, 12, 13), np.nan)), "finite array"),
            (lambda torus: tfl.Diffeomorphism.sampled(torus, 3), "got a int"),
            (lambda torus: tfl.Diffeomorphism.sampled(torus, lambda x: x[:, 0]), "takes points .* to points"),
            (lambda torus: tfl.Diffeomorphism(torus, np.zeros((2, 12, 13)))([[0.1]]), r"\(N, 2\), got \(1, 1\)"),
            (
                lambda torus: tfl.Diffeomorphism(torus, np.zeros((2, 12, 13)))("ab"),
                "points must be an array of real numbers",
            ),
        ],
    )
    def test_arguments(self, call, words):
        with pytest.raises(InputError, match=words):
            call(tfl.Torus((12, 13)))
