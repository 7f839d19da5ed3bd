"""The parts of the finite volumes by themselves, and what they refuse."""

import math

import numpy as np
import pytest
from profiles import quantisation_weight, waves
from tolerances import FINITE_VOLUME_MASS, LINEAR_SOLVE

from torusflow.errors import InputError, NumericalError
from torusflow.porous_medium import (
    FiniteVolume,
    PorousMedium,
    Pressure,
    UltraFast,
    finite_volume,
    stencils,
)

TWO_PI = 2 * math.pi


class TestParts:
    @pytest.mark.parametrize("shape", [(30,), (9, 10), (5, 6, 7)], ids=str)
    def test_limiter(self, shape, rng):
        """Any fluxes: nothing negative, mass kept, and nothing done where nothing is needed."""
        density = rng.uniform(size=shape) * (rng.uniform(size=shape) > 0.5)
        widths = tuple(1.0 + a for a in range(len(shape)))
        flux = rng.normal(size=(len(shape), *shape))
        limited = flux.copy()
        new = stencils.limit_outflow(density, limited, widths)
        assert new.min() >= 0
        assert new.sum() == pytest.approx(density.sum(), rel=FINITE_VOLUME_MASS)
        assert np.all(limited * flux >= 0)
        assert np.all(np.abs(limited) <= np.abs(flux))
        gentle = flux.copy() * 1e-3
        np.testing.assert_allclose(
            stencils.limit_outflow(density + 1, gentle, widths).sum(), (density + 1).sum(), rtol=FINITE_VOLUME_MASS
        )
        np.testing.assert_array_equal(gentle, flux * 1e-3)

    @pytest.mark.parametrize("n", [3, 4, 17])
    def test_cyclic_tridiagonal(self, n, rng):
        off = -rng.uniform(size=n)
        diagonal = 1 - off - np.roll(off, 1)
        matrix = np.diag(diagonal)
        for i in range(n):
            matrix[i, (i + 1) % n] += off[i]
            matrix[(i + 1) % n, i] += off[i]
        b = rng.normal(size=n)
        np.testing.assert_allclose(
            stencils.solve_cyclic(diagonal, off, b), np.linalg.solve(matrix, b), rtol=LINEAR_SOLVE
        )

    @pytest.mark.parametrize("weighted", [False, True])
    @pytest.mark.parametrize("shape", [(1, 6, 5), (4, 5, 6)], ids=str)
    def test_conjugate_gradients(self, shape, weighted, rng):
        """The residual, with the operator written again in plain NumPy."""
        axes = [a for a in range(3) if shape[a] > 1]
        s, b = rng.uniform(size=shape), rng.normal(size=shape)
        s[..., 0] = 0
        weights = rng.uniform(0.5, 2, size=(len(axes), *shape)) if weighted else np.ones((len(axes), 1, 1, 1))
        coefficients = np.arange(1.0, len(axes) + 1)
        v, count = stencils.conjugate_gradients(b, s, weights, coefficients, 1e-12, 500)
        image = v.copy()
        for a, axis in enumerate(axes):
            flux = weights[a] * (np.roll(s * v, -1, axis) - s * v)
            image -= coefficients[a] * s * (flux - np.roll(flux, 1, axis))
        np.testing.assert_allclose(image, b, atol=LINEAR_SOLVE)
        assert 0 < count < 500


class Breaking:
    """Ultra-fast towards a weight below a density where the flux is not defined any more."""

    positive = True

    def __init__(self, weight):
        self.weight = weight

    def potential(self, density, weight):
        return np.where(density > 0.7, -weight / density, np.nan)

    def derivative(self, density, weight):
        return weight / density**2


class TestRefusals:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({"initial": -np.ones(16)}, "must be >= 0 with some mass"),
            ({"initial": np.zeros(16)}, "must be >= 0 with some mass"),
            ({"initial": np.full(16, np.nan)}, "16 values that are nan"),
            ({"initial": np.ones(15)}, r"shape \(15,\) but the grid \(16,\)"),
            ({"initial": "x"}, "must be an array of real numbers"),
            ({"times": [1.0, 0.5]}, "must not decrease"),
            ({"times": [-1.0]}, "must not be before the start 0"),
            ({"times": []}, "at least one"),
            ({"times": [np.inf]}, "must be finite"),
            ({"times": [1.0], "start": 2.0}, "must not be before the start 2"),
            ({"tolerance": 0.0}, "tolerance must lie between"),
            ({"tolerance": 1e-14}, "tolerance must lie between"),
            ({"tolerance": 0.5}, "tolerance must lie between"),
            ({"tolerance": np.nan}, "tolerance must lie between"),
        ],
        ids=str,
    )
    def test_bad_requests(self, arguments, words):
        with pytest.raises(InputError, match=words):
            FiniteVolume(16).solve(**{"initial": np.ones(16), "times": [1.0], **arguments})

    @pytest.mark.parametrize(
        ("make", "words"),
        [
            (lambda: FiniteVolume(3), "shape must be 1 to 3 whole numbers >= 4"),
            (lambda: FiniteVolume((8, 8, 8, 8)), "shape must be 1 to 3"),
            (lambda: FiniteVolume(8, side=0.0), "side must be a number > 0"),
            (lambda: FiniteVolume((8, 8), side=(1.0, 2.0, 3.0)), "side must be a number > 0"),
            (lambda: FiniteVolume(8, "heat"), "diffusion must be"),
            (lambda: FiniteVolume(8, UltraFast(np.ones(9))), r"weight has shape \(9,\) but the grid \(8,\)"),
            (lambda: PorousMedium(1.0), "must be a number > 1, got 1.0"),
            (lambda: PorousMedium(math.nan), "must be a number > 1"),
            (lambda: UltraFast(np.array([1.0, 0.0])), "finite numbers > 0"),
            (lambda: UltraFast(1.0), "finite numbers > 0"),
            (lambda: Pressure(lambda r: -r), "finite numbers >= 0"),
            (lambda: Pressure(lambda r: r, lambda r: r), "not the derivative"),
            (lambda: FiniteVolume(8, UltraFast(np.ones(8))).solve(np.arange(8.0), [1.0]), "divides by the density"),
        ],
    )
    def test_bad_parameters(self, make, words):
        with pytest.raises(InputError, match=words):
            make()

    def test_a_flux_that_breaks_down_says_when(self):
        g = quantisation_weight(32, 10)
        with pytest.raises(
            NumericalError, match=r"tolerance 1e-06 cannot be met: time 0\.\d+ was reached after \d+ steps"
        ):
            FiniteVolume(32, Breaking(g)).solve(np.ones(32), [1.0], tolerance=1e-6)

    def test_too_many_steps_say_what_was_reached(self, monkeypatch):
        monkeypatch.setattr(finite_volume, "MAX_STEPS", 10)
        with pytest.raises(NumericalError, match="was reached after 10 steps"):
            FiniteVolume(32).solve(1 + 0.5 * waves(32, 1, 0.0), [1.0], tolerance=1e-8)
