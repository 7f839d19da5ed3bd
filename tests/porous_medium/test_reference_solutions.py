"""data/porous_medium.h5: what is shipped is what the solvers give, and what solvers of another kind give."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from tolerances import REFERENCE_EQUATION

import torusflow as tfl
from torusflow.porous_medium import FiniteVolume, UltraFast

FILE = Path(__file__).parent.parent.parent / "data" / "porous_medium.h5"
# A finite-volume solution at another tolerance: some hundred steps of 1e-6 each, relative. Absolute.
FINITE_VOLUME = 3e-4


@pytest.fixture
def solutions():
    with h5py.File(FILE, "r") as file:
        yield file


def test_every_solution_says_what_it_is(solutions):
    assert {"wave", "kernel_wave", "hill", "disc", "ultra_fast_10", "ultra_fast_100"} == set(solutions)
    for group in solutions.values():
        assert group.attrs["equation"] and "tolerance" in group.attrs["made_by"]
        density = group["density"][...]
        assert len(density) == len(group["time"]) and np.all(density >= 0)
        axes = tuple(range(1, density.ndim))
        np.testing.assert_allclose(density.mean(axis=axes), 1, rtol=0, atol=1e-12)


def test_the_wave_is_c5_and_the_kernel_wave_c6(solutions):
    wave, kernel = solutions["wave"]["density"][...], solutions["kernel_wave"]["density"][...]
    assert wave[3, 0] == pytest.approx(1.06697455898, abs=REFERENCE_EQUATION)
    assert kernel[4, 64] == pytest.approx(0.8764861336, abs=REFERENCE_EQUATION)


@pytest.mark.slow
def test_the_hill_on_another_grid_and_by_the_tangent_flow(solutions):
    """An 80 x 75 grid, and the other form of the equation."""
    torus, stored = tfl.Torus((80, 75)), solutions["hill"]
    flow = tfl.TangentFlow(torus, tfl.SobolevMetric(0.0), tfl.losses.SquaredL2(tfl.densities.uniform(torus)))
    hill = tfl.densities.von_mises(torus, concentration=0.4)
    found = flow.solve(hill, stored["time"][...], tolerance=1e-9).density
    back = torus.resample(found, tfl.Torus((48, 48)))
    np.testing.assert_allclose(back, stored["density"][...], rtol=0, atol=1e-7)


@pytest.mark.slow
def test_the_disc_and_the_ultra_fast_diffusions_at_other_tolerances(solutions):
    disc = solutions["disc"]
    found = FiniteVolume((48, 48)).solve(disc["density"][0], disc["time"][...], tolerance=1e-6)
    np.testing.assert_allclose(found.density, disc["density"][...], rtol=0, atol=FINITE_VOLUME)
    for name in ("ultra_fast_10", "ultra_fast_100"):
        stored = solutions[name]
        solver = FiniteVolume(256, UltraFast(stored["weight"][...]), 2 * np.pi)
        found = solver.solve(stored["density"][0], stored["time"][...], tolerance=1e-6)
        np.testing.assert_allclose(found.density, stored["density"][...], rtol=0, atol=FINITE_VOLUME)
