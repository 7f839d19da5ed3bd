"""Points on the torus: exact flow maps, order in time, and agreement with the density that the same control moves."""

import numpy as np
import pytest
import reference
import tolerances

import torusflow as tfl
from torusflow.losses import CloudMMD
from torusflow.torus.scattered import BandField, momentum_coefficients

SMOOTH = tfl.SobolevMetric(3, 0.2)


def compression(points, a, **options):
    """C2: v_j = a_j sin(2 pi x_j)/(2 pi)."""
    model = tfl.TorusNODE(points, SMOOTH, band=2, **options)
    v = model.space.from_function(
        lambda s, *x: [aj * np.sin(2 * np.pi * xj) / (2 * np.pi) for aj, xj in zip(a, x, strict=True)]
    )
    return model(v)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_compression_moves_points_as_it_should(d, rng):
    """C2: tan(pi Phi) = e^a tan(pi x)."""
    a, x = np.array([1.2, -0.7, 0.4])[:d], rng.uniform(-0.45, 0.45, (20, d))
    exact = np.arctan(np.exp(a) * np.tan(np.pi * x)) / np.pi
    np.testing.assert_allclose(compression(x, a, layers=8, substeps=16), exact, atol=tolerances.RESOLVED)


def test_order_four_in_time(rng):
    x = rng.uniform(-0.45, 0.45, (20, 1))
    exact = np.arctan(np.exp(1.2) * np.tan(np.pi * x)) / np.pi
    steps = np.array([4, 8, 16, 32])
    errors = [np.max(np.abs(compression(x, [1.2], layers=2, substeps=n // 2) - exact)) for n in steps]
    assert abs(reference.observed_order(1 / steps, errors) - 4) <= tolerances.ORDER and errors[-1] < 1e-6


@pytest.mark.parametrize(("d", "band"), [(1, (5,)), (2, (3, 5)), (3, (2, 3, 1))])
def test_fields_at_points_and_their_transpose(d, band, rng):
    """Against direct sums, and <K*m, v>_V = sum p.v(x)."""
    torus = tfl.Torus(tuple(3 * b + 4 for b in band), threads=2)
    model = tfl.MeasureNODE(torus, SMOOTH, tfl.densities.uniform(torus), layers=1, band=band)
    space = model.space
    v = space.random(rng)[0]
    x, p = 3 * rng.standard_normal((5000, d)), rng.standard_normal((5000, d))
    field = BandField(space, v)
    waves = np.stack(np.broadcast_arrays(*space.wavenumbers), axis=-1).reshape(-1, d)
    doubled = (v * np.where(space.wavenumbers[-1] > 0, 2, 1)).reshape(d, -1)
    phases = np.exp(2j * np.pi * x @ waves.T)
    assert reference.relative_error(field.value(x), (phases @ doubled.T).real) <= tolerances.NONUNIFORM
    jacobian = np.einsum("nk,ik,kj->ijn", phases, doubled, 2j * np.pi * waves).real
    assert reference.relative_error(field.jacobian(x), jacobian) <= tolerances.NONUNIFORM
    representative = space.riesz(momentum_coefficients(space, x, p))
    assert space.inner(representative[None], v[None]) == pytest.approx(
        np.sum(p * field.value(x)), rel=tolerances.NONUNIFORM
    )


def shared_flow(rng, n=40):
    """A density and a control for it, resolved on the grid."""
    torus = tfl.Torus((n, n))
    measure = tfl.MeasureNODE(torus, SMOOTH, tfl.densities.uniform(torus), layers=4, band=3, substeps=None)
    v = measure.space.random(rng)
    return measure, v * (0.1 / np.max(np.abs(measure.space.to_grid(v))))


def test_a_lattice_moves_as_the_density_does(rng):
    """The Fourier coefficients of the pushed lattice are those of the pushed density."""
    measure, v = shared_flow(rng)
    axis = np.arange(64) / 64
    lattice = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    moved = tfl.TorusNODE(lattice, SMOOTH, layers=4, band=3, substeps=8)(v)
    k = [(0, 1), (1, 0), (2, 3), (-3, 1), (4, 4)]
    of_points = [np.mean(np.exp(-2j * np.pi * moved @ np.array(kk))) for kk in k]
    density_hat = np.fft.fft2(measure(v)) / 40**2
    np.testing.assert_allclose(of_points, [density_hat[kk] for kk in k], atol=tolerances.LATTICE)


@pytest.mark.slow
def test_random_points_come_closer_like_one_over_root_n(rng):
    measure, v = shared_flow(rng)
    rho = tfl.densities.from_array(measure.torus, measure(v), normalise=True)
    loss, counts = CloudMMD(rho, order=2.0), np.array([50, 200, 800, 3200])
    squares = [
        np.mean(
            [loss(tfl.TorusNODE(rng.random((n, 2)), SMOOTH, layers=4, band=3, substeps=2)(v)) ** 2 for _ in range(20)]
        )
        for n in counts
    ]
    assert abs(reference.observed_order(counts, np.sqrt(squares)) + 0.5) <= 0.1


def test_same_result_with_one_and_two_threads(rng):
    x, p = rng.random((10000, 2)), rng.standard_normal((10000, 2))
    outcomes = []
    for threads in (1, 2):
        model = tfl.TorusNODE(x, SMOOTH, layers=2, band=4, substeps=1, threads=threads)
        v = model.space.random(np.random.default_rng(0)) * 0.01
        linearisation = model.linearise(v)
        outcomes.append((linearisation.output, linearisation.adjoint(p)))
    for one, two in zip(*outcomes, strict=True):
        assert reference.relative_error(two, one) <= tolerances.PUSH


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: tfl.TorusNODE(np.zeros((0, 2)), SMOOTH), "with at least one of each"),
        (lambda: tfl.TorusNODE(np.zeros((3, 4)), SMOOTH), r"1, 2 or 3 axes, so points are .*, got \(3, 4\)"),
        (lambda: tfl.TorusNODE(np.zeros((3, 2)), None), "metric must be a SobolevMetric"),
        (lambda: tfl.TorusNODE(np.zeros((3, 2)), SMOOTH, band=None), "band must be a whole number"),
        (lambda: tfl.TorusNODE([[0.1, np.inf]], SMOOTH), r"entry \[0, 1\] is inf"),
        (lambda: tfl.TorusNODE(np.zeros((3, 2)), SMOOTH, band=-1), "band must be a whole number"),
        (lambda: tfl.TorusNODE(np.zeros((3, 2)), SMOOTH, layers=0), "layers must be a whole number"),
    ],
)
def test_refusals(make, words):
    with pytest.raises(tfl.InputError, match=words):
        make()
