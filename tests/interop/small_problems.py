"""Small models of torusflow, each with a control, on which other frameworks' derivatives are compared with ours."""

import numpy as np

import torusflow as tfl


def problems():
    """Names -> model, loss, control: densities, log-densities, points, in spaces of each kind."""
    rng = np.random.default_rng(3)
    torus, smooth = tfl.Torus((9, 10)), tfl.SobolevMetric(3.0, 0.2)
    hill, x = tfl.densities.von_mises(torus, 0.7, 0.5), rng.standard_normal((5, 2))
    density = tfl.MeasureNODE(torus, smooth, hill, layers=2, band=2, substeps=4)
    logarithm = tfl.LogDensityNODE(torus, smooth, hill, layers=2, band=2, substeps=4)
    samples = tfl.SampleNODE(rng.random((6, 2)), smooth, layers=2, band=2, substeps=2)
    centres = tfl.KernelField(tfl.GaussianKernel(0.8), x)
    losses = tfl.losses
    made = {
        "MeasureNODE": (density, losses.SquaredL2(tfl.densities.von_mises(torus, 0.3, 1.0))),
        "LogDensityNODE": (logarithm, losses.NormalisedLikelihood(rng.random((9, 2)), torus)),
        "SampleNODE": (samples, losses.LogLikelihood()),
        "TorusNODE": (tfl.TorusNODE(rng.random((6, 2)), smooth, 2, 2), losses.GeodesicDistance(rng.random((6, 2)))),
        "RKHSNODE with a Gram matrix": (tfl.RKHSNODE(x, centres, 3), losses.SquaredDistance(-x)),
    }
    return {name: (model, loss, control(model, rng)) for name, (model, loss) in made.items()}


def control(model, rng):
    """One that moves points by some tenths."""
    v = model.space.random(rng)
    if hasattr(model.space, "to_grid"):
        v *= 0.3 / np.max(np.abs(model.space.to_grid(v)))
    return v


def paired(p, u):
    """Re sum conj(p) u."""
    return float(np.real(np.vdot(p, u)))


def partial_derivatives(space, gradient):
    """The p with Re sum conj(p) u = <gradient, u>, by brute force: the inner product with each unit."""
    if space.dtype.kind == "f":
        units = np.eye(gradient.size).reshape(-1, *gradient.shape)
        return np.array([space.inner(gradient, unit) for unit in units]).reshape(gradient.shape)
    p = np.zeros_like(gradient)
    for entry in np.ndindex(gradient.shape):
        unit = np.zeros_like(gradient)
        unit[entry] = 1.0
        p[entry] = space.inner(gradient, unit) + 1j * space.inner(gradient, 1j * unit)
    return p
