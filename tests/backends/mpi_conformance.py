"""Everything on densities by several processes: ``mpiexec -n 3 python mpi_conformance.py FILE fftw scipy`` writes whole
results, with these libraries; with the word ``alone`` before them those of tori without a communicator.
"""

import sys
from dataclasses import dataclass

import numpy as np

sys.path.insert(0, str(__import__("pathlib").Path(__file__).parents[1]))

from every_loss import DENSITY_LOSSES

import torusflow as tfl
from torusflow import checks
from torusflow.losses.densities import DensityLoss
from torusflow.storage import shared_array
from torusflow.torus import series

# Odd, even and unequal, with rows and columns for five processes; the band of the last is smaller than their number.
CASES = {
    "24 x 28": ((24, 28), None),
    "17 x 29": ((17, 29), (5, 9)),
    "8 x 9 x 10": ((8, 9, 10), None),
    "9 x 7 x 11": ((9, 7, 11), 1),
}
METRIC = tfl.SobolevMetric(3.0, 0.2)


def densities(torus):
    """An initial density and a target."""
    return tfl.densities.von_mises(torus, 0.7, 0.3), tfl.densities.von_mises(torus, 0.3, 0.8)


def model_on(torus, band=None, kind=tfl.MeasureNODE, **settings):
    return kind(torus, METRIC, densities(torus)[0], band=band, **({"layers": 2, "substeps": 2} | settings))


def control(model, seed=0, courant=0.8):
    v = model.space.random(np.random.default_rng(seed))
    return v * (courant / model.courant(v))


def samples(torus):
    return np.random.default_rng(5).random((50, torus.dimension))


def fields(torus, band):
    """What a Torus does with a field."""
    f = torus.part(np.random.default_rng(1).standard_normal(torus.shape))
    yield "spectrum", torus.gather_spectrum(torus.transform(f))
    yield "gradient", torus.gather(torus.gradient(f))
    yield "scattered", torus.gather(torus.scatter(np.random.default_rng(2).standard_normal(torus.shape)))
    yield "sums", [torus.mean(f), torus.inner(f, f), torus.tail(f, 3), torus.maximum(f), torus.minimum(f)]
    finer = torus.resized(tuple(n + 5 for n in torus.shape))
    yield "resampled", finer.gather(torus.resample(f, finer))
    yield "noise", torus.gather(tfl.torus.density.FunctionSpace(torus).random(np.random.default_rng(3)))


def sweeps(torus, band):
    """Push, tangent and adjoint, with stages that are kept and recomputed."""
    model = model_on(torus, band)
    v, dv = control(model), control(model, 1)
    space = model.space
    yield "control", space.gather(v)
    yield "scattered control", space.gather(space.scatter(space.gather(v, root=0)))
    yield "control on the grid", torus.gather(space.to_grid(v))
    yield "control from the grid", space.gather(space.from_grid(space.to_grid(v)))
    yield "norms", [*space.norm_of_layers(v), space.inner(v, dv)]
    for stages in ("kept", "recomputed"):
        lin = model_on(torus, band, stages=stages).linearise(v)
        yield f"{stages}: output", torus.gather(lin.output)
        yield f"{stages}: tangent", torus.gather(lin.tangent(dv))
    value, gradient = tfl.Risk(model, tfl.losses.KullbackLeibler(densities(torus)[1]), 0.1).value_and_gradient(v)
    yield "value", value
    yield "gradient", space.gather(gradient)
    yield "trajectory", torus.gather(model.trajectory(v))


def points(torus, band):
    """Flow maps and densities at points, and points of densities; with all coefficients at once, and in blocks."""
    model, logarithm = (model_on(torus, band, kind, layers=1) for kind in (tfl.MeasureNODE, tfl.LogDensityNODE))
    v, few = control(model, courant=0.3), samples(torus)[:5]
    for way, modes in (("whole", series.MODES_AT_A_TIME), ("in blocks", 100)):
        series.MODES_AT_A_TIME, kept = modes, series.MODES_AT_A_TIME
        flow = tfl.FlowMap(model, v)
        yield f"{way}: moved", flow(few)
        yield f"{way}: density", flow.pull_back(model.initial, few)
        yield f"{way}: volume", flow.log_determinant(few)
        yield f"{way}: kernel estimate", torus.gather(tfl.densities.from_samples(torus, samples(torus), 0.2).values)
        yield f"{way}: scores", logarithm.log_density(v, few)
        yield f"{way}: sample of the logarithm", logarithm.sample(v, 20, np.random.default_rng(6))
        yield f"{way}: sample", model.initial.sample(20, np.random.default_rng(7))
        series.MODES_AT_A_TIME = kept


def geodesics(torus, band):
    """Shooting: value, gradient and tangent, and two iterations."""
    band = 1 if torus.dimension == 3 else band
    model = tfl.GeodesicNODE(torus, tfl.SobolevMetric(3.0, 0.5), densities(torus)[0], band, steps=2)
    v, dv = (model.space.random(np.random.default_rng(seed), 0.05) for seed in (0, 1))
    risk = tfl.Risk(model, tfl.losses.SquaredL2(densities(torus)[1]), 0.1)
    value, gradient = risk.value_and_gradient(v)
    yield "value", value
    yield "gradient", model.space.gather(gradient)
    yield "tangent", torus.gather(model.linearise(v).tangent(dv))


def losses(torus, band):
    """All of densities."""
    initial, target = densities(torus)
    p = torus.part(np.random.default_rng(4).standard_normal(torus.shape))
    for name, loss in DENSITY_LOSSES.items():
        yield f"{name}: value", loss(target)(initial.values)
        yield f"{name}: gradient", torus.gather(loss(target).gradient(initial.values))
        if name not in ("L2", "MMD 0", "MMD 1.5"):
            yield f"{name}: curvature", torus.gather(loss(target).curvature(initial.values, p))
    model = model_on(torus, band)
    assert checks.adjoint(model, control(model), directions=1).passed


def transport(torus, band):
    """Sinkhorn's kernel in three dimensions, where each process has some of the lines along the first axis."""
    initial, target = densities(torus)
    loss = tfl.losses.Sinkhorn(target, 0.03)
    yield "value", loss(initial.values)
    yield "gradient", torus.gather(loss.gradient(initial.values))


def logarithms(torus, band):
    """The logarithm of a density and its likelihood."""
    model = model_on(torus, band, tfl.LogDensityNODE)
    v, dv = control(model), control(model, 1)
    loss = tfl.losses.NormalisedLikelihood(samples(torus), torus)
    for stages in ("kept", "recomputed"):
        risk = tfl.Risk(model_on(torus, band, tfl.LogDensityNODE, stages=stages), loss)
        value, gradient = risk.value_and_gradient(v)
        yield f"{stages}: value", value
        yield f"{stages}: gradient", model.space.gather(gradient)
    yield "tangent", torus.gather(model.linearise(v).tangent(dv))


def quasi_newton(torus, band):
    """Twenty iterations."""
    risk = tfl.Risk(model_on(torus, band, layers=1, substeps=1), tfl.losses.SquaredL2(densities(torus)[1]))
    yield from descent(risk, tfl.LBFGS(memory=5), 20)


@dataclass(frozen=True, eq=False)
class Weighed(DensityLoss):
    """mean weight (rho - target)^2 / 2, with an array of its own on the grid."""

    weight: np.ndarray

    def __call__(self, rho) -> float:
        return self.torus.inner(self.weight, (rho - self.target.values) ** 2) / 2

    def gradient(self, rho) -> np.ndarray:
        return self.weight * (rho - self.target.values)


def stored(torus, band):
    """Four iterations, and four of which two are resumed from a file, which is read and written by small pieces."""
    shared_array.PIECE = 3000
    path = sys.argv[1].replace(".npz", ".h5")
    model = model_on(torus, band, layers=1)
    weighed = Weighed(densities(torus)[1], 1 + torus.points[0])
    for loss, densities_too in ((weighed, True), (tfl.losses.SquaredL2(densities(torus)[1]), False)):
        risk = tfl.Risk(model, loss)
        start, method = risk.space.zeros(), tfl.LBFGS(memory=5)
        fine = model_on(torus.resized(tuple(n + 2 for n in torus.shape)), model.band, layers=1)
        options = {
            "validation": tfl.Risk(fine, tfl.losses.SquaredL2(densities(fine.torus)[1])) if densities_too else None
        }
        yield f"{densities_too}: at once", risk.space.gather(tfl.descend(risk, start, method, 4, **options).control)
        store = tfl.RunFile(path, overwrite=True, densities=densities_too)
        tfl.descend(risk, start, method, 2, store=store, **options)
        resumed = tfl.descend(risk, start, method, 4, store=path, resume=True, **options)
        yield f"{densities_too}: in two", risk.space.gather(resumed.control)
        run = tfl.load(path, classes=[Weighed], comm=torus.comm)
        yield f"{densities_too}: control in the file", run.risk.space.gather(run.control)
        for name, values in (
            ("output", run.output),
            ("trajectory", run.trajectory),
            ("target", run.risk.loss.target.values),
            ("weight", getattr(run.risk.loss, "weight", run.output)),
        ):
            yield f"{densities_too}: {name} in the file", torus.gather(values)
        yield f"{densities_too}: risk", run.risk(run.control)
        if run.validation:
            yield "validation", run.validation(run.control)
        if torus.division.rank == 0:
            alone = tfl.load(path, classes=[Weighed])
            yield f"{densities_too}: risk by one", alone.risk(alone.control)


def methods(torus, band):
    """The others, and the equations that descent approaches."""
    initial, target = densities(torus)
    risk = tfl.Risk(model_on(torus, band), tfl.losses.SquaredL2(target))
    yield from descent(risk, tfl.GradientDescent(0.1, line_search="armijo"), 2)
    yield from descent(risk, tfl.Nesterov(0.1), 2)
    yield from descent(risk, tfl.HeavyBall(0.1), 2)
    yield from descent(risk, tfl.GaussNewton(), 1)
    yield from descent(risk, tfl.BarzilaiBorwein(0.1), 2)
    yield from descent(risk, tfl.GradientFlow(0.1, tolerance=1e-3), 1)
    yield from descent(risk, tfl.GreedyDescent(0.01), 2)
    flow = tfl.TangentFlow(torus, METRIC, tfl.losses.SquaredL2(target)).solve(initial, [0.01], 1e-3)
    yield "tangent flow", torus.gather(flow.density)
    yield "porous medium", torus.gather(tfl.porous_medium.Spectral(torus).solve(initial, [0.001], 1e-3).density)


def descent(risk, method, iterations):
    """The control and some of the history."""
    result = tfl.descend(risk, risk.space.zeros(), method, iterations, max_time=1000.0)
    name = type(method).__name__
    yield f"{name}: control", risk.space.gather(result.control)
    for column in ("risk", "gradient_norm", "mass"):
        yield f"{name}: {column}", result.history[column]


def levels(torus, band):
    """From one grid and band to others."""
    model, short = model_on(torus, band, layers=4), model_on(torus, band)
    other = model_on(torus.resized(tuple(n + 3 for n in torus.shape)), 1)
    there = model.space.embed(control(other, 3), other.space)
    yield "embedded", model.space.gather(there)
    yield "embedded back", other.space.gather(other.space.embed(control(short, 3), short.space))
    yield "initial on another grid", other.torus.gather(model.initial.on(other.torus).values)


MOST = [fields, sweeps, logarithms]
SOME = {
    "24 x 28": [levels],
    "17 x 29": [quasi_newton, points, geodesics],
    "8 x 9 x 10": [geodesics],
    "9 x 7 x 11": [quasi_newton, levels, points, transport],
}
OTHERS = [losses, methods, stored]


def results(comm, libraries):
    """All, whole, by names; by more than three processes of one case, no long descents: they take their time."""
    only = {4: "17 x 29", 5: "9 x 7 x 11"}.get(0 if comm is None else comm.size)
    for library in libraries:
        for name, (shape, band) in CASES.items():
            if only not in (None, name):
                continue
            torus = tfl.Torus(shape, 1, library, comm=comm)
            others = OTHERS if (library, name) == ("scipy", "24 x 28") else []
            for part in [part for part in MOST + SOME[name] + others if only is None or part is not quasi_newton]:
                for what, value in part(torus, band):
                    yield f"{library}, {name}, {part.__name__}, {what}", np.asarray(value)


if __name__ == "__main__":
    file, *libraries = sys.argv[1:]
    if libraries[0] == "alone":
        np.savez(file, **dict(results(None, libraries[1:])))
    else:
        from mpi4py import MPI

        found = dict(results(MPI.COMM_WORLD, libraries))
        if MPI.COMM_WORLD.rank == 0:
            np.savez(file, **found)
