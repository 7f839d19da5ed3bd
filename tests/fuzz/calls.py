"""A call that works of every public function, class and method with arguments; the fuzz spoils these."""

import numpy as np
from calls_of_descents import DESCENTS
from calls_of_equations import EQUATIONS
from calls_of_losses import LOSSES
from calls_of_networks import NETWORKS
from calls_of_two_layers import TWO_LAYERS
from things import (
    BEST,
    BOUNDS,
    CERTIFICATE,
    CERTIFIED,
    CLOUD,
    COORDINATES,
    DENSITY,
    DIFFEO,
    DISTANCE,
    ENERGY,
    FIT,
    FLOW,
    GEODESIC,
    HILL,
    IMAGE,
    KERNEL,
    LEAST_SQUARES,
    LINE,
    LINEAR,
    LOGARITHMS,
    MEAN_FIELD,
    MEASURE,
    NETWORK,
    PARTICLES,
    PERCEPTRON,
    PLANE,
    POINTS,
    RISK,
    RNG,
    SAMPLES,
    SMOOTH,
    SPACE,
    U0,
    UNITS,
    Call,
    V,
    W,
    X,
    _used_method,
    _used_model,
    features,
    features_jacobian,
    shifted,
)

import torusflow as tfl
from torusflow import checks, densities, losses
from torusflow.theory import lojasiewicz, wasserstein


def of_model(name, model, w, out):
    """The methods that all models have."""
    return {
        f"{name}()": Call(model.__call__, {"*": w}),
        f"{name}.linearise": Call(model.linearise, {"*": w}),
        f"{name}.tangent": Call(model.linearise(w).tangent, {"*": w}),
        f"{name}.adjoint": Call(model.linearise(w).adjoint, {"*": out}),
        f"{name}.space.element": Call(model.space.element, {"*": w}),
    }


CALLS = {
    # -- the torus and what lives on it
    "Torus": Call(
        tfl.Torus,
        {"shape": (6, 5), "threads": 1, "library": None},
        lambda t: t.size < 1000 and t.transform(np.ones(t.shape)),
    ),
    "Torus.transform": Call(LINE.transform, {"f": np.ones(8)}),
    "Torus.inverse": Call(LINE.inverse, {"f_hat": np.ones(5)}),
    "Torus.filter": Call(LINE.filter, {"f": np.ones(8), "symbol": 1.0}),
    "Torus.gradient": Call(PLANE.gradient, {"f": np.ones((6, 5))}),
    "Torus.divergence": Call(PLANE.divergence, {"u": np.ones((2, 6, 5))}),
    "Torus.truncate": Call(PLANE.truncate, {"f": np.ones((6, 5)), "modes": (1, 2)}),
    "Torus.tail": Call(LINE.tail, {"f": np.ones(8), "modes": 2}),
    "Torus.resample": Call(LINE.resample, {"f": np.ones(8), "other": tfl.Torus(9, 1)}),
    "Torus.mean": Call(LINE.mean, {"f": np.ones(8)}),
    "Torus.norm": Call(LINE.norm, {"f": np.ones(8)}),
    "Torus.maximum": Call(LINE.maximum, {"f": np.ones(8)}),
    "Torus.inner": Call(LINE.inner, {"f": np.ones(8), "g": np.ones(8)}),
    "SobolevMetric": Call(tfl.SobolevMetric, {"smoothness": 3.0, "length": 0.1}, lambda m: m.smooth(LINE, np.ones(8))),
    "SobolevMetric.smooth": Call(SMOOTH.smooth, {"torus": LINE, "momentum": np.ones(8)}),
    "Coordinates": Call(
        tfl.Coordinates,
        {"units": "turns", "names": ("a", "b"), "centred": False},
        lambda c: (c.to_torus(POINTS), c.from_torus(POINTS), c.label(1), hash(c)),
    ),
    "Coordinates.to_torus": Call(COORDINATES.to_torus, {"values": POINTS, "what": "the points"}),
    "Coordinates.from_torus": Call(COORDINATES.from_torus, {"points": POINTS}),
    "Density": Call(tfl.Density, {"torus": LINE, "values": np.ones(8), "name": "flat"}, repr),
    "Density.on": Call(HILL.on, {"torus": PLANE}),
    "Density.sample": Call(HILL.sample, {"n": 3, "rng": RNG}),
    "uniform": Call(densities.uniform, {"torus": LINE}),
    "from_array": Call(densities.from_array, {"torus": LINE, "values": np.ones(8), "normalise": True, "name": "flat"}),
    "from_function": Call(
        densities.from_function, {"torus": LINE, "function": lambda *x: 1 + 0 * x[0], "normalise": True, "name": "flat"}
    ),
    "von_mises": Call(densities.von_mises, {"torus": PLANE, "mean": 0.5, "concentration": 1.0}),
    "banana": Call(densities.banana, {"torus": PLANE, "contrast": 5.0}),
    "from_samples": Call(
        densities.from_samples, {"torus": tfl.Torus((16, 16), 1), "points": POINTS, "bandwidth": 0.3, "floor": 0.1}
    ),
    "cross_validated_bandwidth": Call(densities.cross_validated_bandwidth, {"points": POINTS[:, :1]}),
    "characteristic_function": Call(densities.characteristic_function, {"points": POINTS, "shape": (6, 6)}),
    "from_image": Call(
        densities.from_image, {"torus": PLANE, "file": IMAGE, "floor": 0.1, "dark": False, "blur": "auto"}
    ),
    "VelocitySpace.from_function": Call(SPACE.from_function, {"function": lambda s, x, y: (0.1, 0 * x)}),
    "VelocitySpace.from_grid": Call(SPACE.from_grid, {"fields": U0}),
    "VelocitySpace.to_grid": Call(SPACE.to_grid, {"v": V}),
    "VelocitySpace.embed": Call(SPACE.embed, {"v": V, "other": MEASURE.space}),
    "VelocitySpace.random": Call(SPACE.random, {"rng": RNG, "norm": 1.0}),
    # -- models
    "MeasureNODE": Call(
        tfl.MeasureNODE,
        {"torus": PLANE, "metric": SMOOTH, "initial": HILL, "layers": 2, "band": 1, "substeps": 1},
        _used_model,
    ),
    "LogDensityNODE": Call(
        tfl.LogDensityNODE,
        {"torus": PLANE, "metric": SMOOTH, "initial": HILL, "layers": 2, "band": 1, "substeps": 1},
        _used_model,
    ),
    "SampleNODE": Call(
        tfl.SampleNODE,
        {"points": POINTS, "metric": SMOOTH, "initial": HILL, "layers": 2, "band": 1, "substeps": 1, "threads": 1},
        _used_model,
    ),
    "TorusNODE": Call(
        tfl.TorusNODE,
        {"points": POINTS, "metric": SMOOTH, "layers": 2, "band": 1, "substeps": 1, "threads": 1},
        _used_model,
    ),
    "GeodesicNODE": Call(
        tfl.GeodesicNODE, {"torus": PLANE, "metric": SMOOTH, "initial": HILL, "band": 1, "steps": 2}, _used_model
    ),
    "LinearNetwork": Call(tfl.LinearNetwork, {"X": X, "widths": (3, 2)}, _used_model),
    "LinearResNet": Call(tfl.LinearResNet, {"X": X, "layers": 2}, _used_model),
    "LinearNODE": Call(tfl.LinearNODE, {"X": X, "layers": 2}, _used_model),
    "ResNet": Call(
        tfl.ResNet,
        {"X": X, "layers": 2, "width": 3, "activation": "tanh", "inner": None, "scale": 1.0},
        _used_model,
    ),
    "MeanFieldResNet": Call(
        tfl.MeanFieldResNet, {"X": X, "layers": 2, "width": 3, "activation": "tanh", "alpha": 1.0}, _used_model
    ),
    "RKHSNODE": Call(tfl.RKHSNODE, {"x": X.T, "family": KERNEL, "layers": 2, "substeps": 1}, _used_model),
    "Features": Call(
        tfl.Features,
        {"function": features, "jacobian": features_jacobian, "count": 4},
        lambda family: _used_model(tfl.RKHSNODE(X.T, family, 2, 1)),
    ),
    "RandomFourierFeatures": Call(
        tfl.RandomFourierFeatures,
        {"dimension": 2, "count": 4, "length": 1.0, "seed": 0},
        lambda family: _used_model(tfl.RKHSNODE(X.T, family, 2, 1)),
    ),
    "GaussianKernel": Call(tfl.GaussianKernel, {"length": 0.5}, lambda kernel: tfl.KernelField(kernel, X.T)),
    "MaternKernel": Call(
        tfl.MaternKernel, {"length": 0.5, "smoothness": 2.5}, lambda kernel: tfl.KernelField(kernel, X.T)
    ),
    "KernelField": Call(
        tfl.KernelField,
        {"kernel": tfl.GaussianKernel(0.5), "centres": X.T},
        lambda family: _used_model(tfl.RKHSNODE(X.T, family, 2, 1)),
    ),
    "KernelSpan": Call(
        tfl.KernelSpan,
        {"kernel": tfl.GaussianKernel(0.5), "centres": X.T},
        lambda family: _used_model(tfl.RKHSNODE(X.T, family, 2, 1)),
    ),
    "SobolevKernel": Call(
        tfl.SobolevKernel,
        {"smoothness": 2.5, "length": 0.1, "dimension": 2},
        lambda kernel: tfl.KernelField(kernel, X.T),
    ),
    "Linearised": Call(tfl.Linearised, {"model": LINEAR, "centre": W}, _used_model),
    "Scaled": Call(tfl.Scaled, {"model": LINEAR, "centre": W, "alpha": 2.0}, _used_model),
    **of_model("MeasureNODE", MEASURE, V, DENSITY),
    **of_model("LogDensityNODE", LOGARITHMS, V, DENSITY),
    **of_model("SampleNODE", SAMPLES, V, np.ones(7)),
    **of_model("TorusNODE", CLOUD, V, POINTS),
    **of_model("GeodesicNODE", GEODESIC, GEODESIC.space.zeros(), DENSITY),
    **of_model("LinearResNet", LINEAR, W, X),
    **of_model("LinearNetwork", NETWORK, np.ones(4), X),
    **of_model("ResNet", PERCEPTRON, PERCEPTRON.space.zeros(), X),
    **of_model("MeanFieldResNet", MEAN_FIELD, MEAN_FIELD.space.zeros(), X),
    **of_model("RKHSNODE", PARTICLES, PARTICLES.space.zeros(), X.T),
    "MeasureNODE.log_density": Call(MEASURE.log_density, {"v": V, "points": POINTS}),
    "MeasureNODE.sample": Call(MEASURE.sample, {"v": V, "n": 3, "rng": RNG}),
    "MeasureNODE.trajectory": Call(MEASURE.trajectory, {"v": V}),
    "MeasureNODE.restarted": Call(MEASURE.restarted, {"output": DENSITY}),
    "MeasureNODE.courant": Call(MEASURE.courant, {"v": V}),
    "LogDensityNODE.log_density": Call(LOGARITHMS.log_density, {"v": V, "points": POINTS}),
    "LogDensityNODE.sample": Call(LOGARITHMS.sample, {"v": V, "n": 3, "rng": RNG}),
    "LogDensityNODE.resolution": Call(LOGARITHMS.resolution, {"v": V}, str),
    "SampleNODE.log_density": Call(SAMPLES.log_density, {"v": V, "points": POINTS}),
    "SampleNODE.sample": Call(SAMPLES.sample, {"v": V, "n": 3, "rng": RNG}),
    "SampleNODE.part": Call(SAMPLES.part, {"rows": np.array([0, 2])}),
    "GeodesicNODE.velocity": Call(GEODESIC.velocity, {"u0": GEODESIC.space.zeros()}),
    "LinearNetwork.control": Call(NETWORK.control, {"matrices": [np.eye(2)]}),
    "ResNet.initial": Call(PERCEPTRON.initial, {"rng": RNG}),
    "MeanFieldResNet.part": Call(MEAN_FIELD.part, {"rows": np.array([0, 2])}),
    "MeanFieldResNet.initial": Call(MEAN_FIELD.initial, {"rng": RNG}),
    # -- losses and risks
    **LOSSES,
    "Risk": Call(
        tfl.Risk, {"model": LINEAR, "loss": DISTANCE, "penalty": 0.1}, lambda risk: risk.value_and_gradient(W)
    ),
    "Risk()": Call(RISK.__call__, {"*": W}),
    "Risk.value_and_gradient": Call(RISK.value_and_gradient, {"w": W}),
    "Risk of a density": Call(FIT.value_and_gradient, {"w": V}),
    "Risk.part": Call(tfl.Risk(SAMPLES, losses.LogLikelihood()).part, {"rows": np.array([0, 2])}),
    # -- descents
    "descend": Call(
        tfl.descend,
        {
            "risk": RISK,
            "control": W,
            "method": tfl.GradientDescent(0.1),
            "iterations": 2,
            "gradient_tolerance": 0.0,
            "risk_tolerance": 0.0,
            "max_time": 5.0,
            "validation": RISK,
            "patience": 3,
            "store": None,
            "callback": lambda *a: None,
            "record": (),
        },
    ),
    "Recorder": Call(
        tfl.Recorder,
        {"quantity": tfl.quantities.operator_norms(LINEAR), "every": 2, "name": "largest"},
        lambda recorder: tfl.descend(RISK, W, tfl.GradientDescent(0.1), 2, record=recorder),
    ),
    "layer_norms": Call(tfl.quantities.layer_norms, {"model": LINEAR}, lambda quantity: quantity(W)),
    "operator_norms": Call(tfl.quantities.operator_norms, {"model": LINEAR}, lambda quantity: quantity(W)),
    "ranks": Call(tfl.quantities.ranks, {"model": LINEAR, "tolerance": 1e-6}, lambda quantity: quantity(W)),
    "kernel_drift": Call(tfl.quantities.kernel_drift, {"model": LINEAR, "start": W}, lambda quantity: quantity(-W)),
    "GradientDescent": Call(tfl.GradientDescent, {"step": 0.1, "line_search": "armijo"}, _used_method),
    "GradientFlow": Call(tfl.GradientFlow, {"final_time": 0.1, "tolerance": 1e-3, "times": (0.05,)}, _used_method),
    "GreedyDescent": Call(tfl.GreedyDescent, {"step": 0.1}),
    "HeavyBall": Call(tfl.HeavyBall, {"step": 0.1, "momentum": 0.9, "line_search": None}, _used_method),
    "Nesterov": Call(tfl.Nesterov, {"step": 0.1, "momentum": None, "restart": True, "line_search": None}, _used_method),
    "BarzilaiBorwein": Call(tfl.BarzilaiBorwein, {"step": 0.1, "memory": 3}, _used_method),
    "LBFGS": Call(tfl.LBFGS, {"memory": 3, "step": 0.1}, _used_method),
    "GaussNewton": Call(tfl.GaussNewton, {"radius": 1.0, "forcing": 0.5, "products": 5}, _used_method),
    "StochasticGradientDescent": Call(
        tfl.StochasticGradientDescent,
        {
            "step": 0.1,
            "batch": 2,
            "half_life": 5.0,
            "seed": 0,
            "schedule": "cosine",
            "momentum": 0.5,
            "nesterov": True,
            "draw": "subsets",
        },
        _used_method,
    ),
    **DESCENTS,
    **TWO_LAYERS,
    **NETWORKS,
    # -- files
    "load": Call(tfl.load, {"path": "missing.h5"}),
    "report": Call(tfl.report, {"runs": "missing.h5", "path": "report.html", "overwrite": False, "seconds": 0.0}),
    "animate": Call(tfl.animate, {"run": "missing.h5", "path": "run.gif", "of": "flow", "overwrite": False}),
    "RunFile": Call(tfl.RunFile, {"path": "run.h5", "overwrite": False, "coordinates": COORDINATES, "interval": 60.0}),
    "add_reference": Call(
        tfl.add_reference,
        {"path": "missing.h5", "reference": tfl.Reference("a", "b", np.ones(2), np.ones((2, 8)), np.ones(2))},
    ),
    # -- what is asked of models, risks and flows
    "tangent_kernel": Call(tfl.tangent_kernel, {"model": LINEAR, "w": W}, lambda kernel: kernel.eigenvalues(1)),
    "TangentKernel()": Call(tfl.tangent_kernel(LINEAR, W).__call__, {"p": X}),
    "TangentKernel.eigenvalues": Call(tfl.tangent_kernel(LINEAR, W).eigenvalues, {"count": 2, "which": "largest"}),
    "drift": Call(tfl.drift, {"model": LINEAR, "w_0": W, "w_1": -W}),
    "lazy_risk": Call(tfl.lazy_risk, {"matrix": np.eye(2), "residual": np.ones(2), "times": [0.0, 1.0]}),
    "critical_point": Call(tfl.critical_point, {"risk": RISK, "w": W}, str),
    "noise.covariance": Call(
        tfl.noise.covariance,
        {"risk": LEAST_SQUARES, "control": BEST, "batch": 2, "draw": "replacement"},
        lambda noise: (noise(BEST), noise.sample(np.random.default_rng(0)), noise.trace, noise.matrix()),
    ),
    "noise.stationary": Call(
        tfl.noise.stationary,
        {
            "risk": LEAST_SQUARES,
            "control": BEST,
            "step": 0.1,
            "batch": 2,
            "momentum": 0.5,
            "nesterov": True,
            "draw": "subsets",
            "continuous": False,
        },
        str,
    ),
    "noise.diffusion": Call(
        tfl.noise.diffusion,
        {
            "risk": LEAST_SQUARES,
            "control": BEST,
            "step": 0.1,
            "times": [0.1],
            "rng": np.random.default_rng(0),
            "batch": 2,
            "draw": "subsets",
            "substeps": 1,
        },
    ),
    "deep_linear.composed": Call(tfl.deep_linear.composed, {"model": LINEAR, "w": W}),
    "deep_linear.rank": Call(tfl.deep_linear.rank, {"model": LINEAR, "w": W, "tolerance": 1e-6}),
    "deep_linear.imbalance": Call(tfl.deep_linear.imbalance, {"model": LINEAR, "w": W}),
    "deep_linear.differences": Call(tfl.deep_linear.differences, {"model": LINEAR, "w": W}),
    "deep_linear.balanced": Call(tfl.deep_linear.balanced, {"model": NETWORK, "matrix": np.eye(2)}),
    "deep_linear.best_risks": Call(tfl.deep_linear.best_risks, {"risk": RISK}),
    "deep_linear.saddle": Call(tfl.deep_linear.saddle, {"risk": tfl.Risk(NETWORK, DISTANCE), "kept": []}),
    "checks.adjoint": Call(
        checks.adjoint, {"model": LINEAR, "w": W, "directions": 1, "seed": 0, "tolerance": 1e-11}, str
    ),
    "checks.taylor": Call(checks.taylor, {"risk": RISK, "w": W, "directions": 1, "seed": 0, "step": None}, str),
    "checks.likelihood": Call(checks.likelihood, {"model": SAMPLES, "v": V}, str),
    "ratio": Call(lojasiewicz.ratio, {"risk": RISK, "w": W, "lower_bound": 0.0}),
    "fit_exponent": Call(
        lojasiewicz.fit_exponent,
        {"risks": 0.5 ** np.arange(9), "gradient_norms": 0.7 ** np.arange(9), "lower_bound": 0.0, "skip": 0.25},
        str,
    ),
    "inequality": Call(
        lojasiewicz.inequality,
        {"risk": RISK, "radii": [0.1], "controls": 5, "runs": [], "exponents": None, "search": 1, "seed": 0},
        lambda found: (str(found), found.lower(0.2), found.upper(0.2)),
    ),
    "predicted_exponent": Call(
        lojasiewicz.predicted_exponent, {"smoothness": 2.0, "decay": 2.0, "dimension": 1, "squared": True}
    ),
    "general_exponent": Call(lojasiewicz.general_exponent, {"smoothness": 3.0}),
    "mean_field.distance": Call(tfl.mean_field.distance, {"first": UNITS, "second": UNITS[:, :2]}),
    "mean_field.length": Call(tfl.mean_field.length, {"controls": [UNITS, 2 * UNITS]}),
    "mean_field.action": Call(tfl.mean_field.action, {"times": [0.0, 1.0], "controls": [UNITS, 2 * UNITS]}),
    "wasserstein.dissipation": Call(wasserstein.dissipation, {"energy": ENERGY, "rho": DENSITY}),
    "wasserstein.ratio": Call(wasserstein.ratio, {"energy": ENERGY, "rho": DENSITY, "least": 0.0}),
    "wasserstein.convexity": Call(wasserstein.convexity, {"energy": ENERGY, "rho": DENSITY, "potential": DENSITY}),
    "bounds": Call(
        lojasiewicz.bounds, {"model": LINEAR, "centre": W}, lambda b: (b.lower(0.1), b.upper(0.1), b.lipschitz(0.1))
    ),
    "Bounds": Call(
        lojasiewicz.Bounds,
        {"model": LINEAR, "centre": W, "lower": lambda r: 1.0, "upper": lambda r: 2.0, "lipschitz": lambda r: 0.0},
        lambda b: lojasiewicz.certificate(RISK, W, b),
    ),
    "certificate": Call(lojasiewicz.certificate, {"risk": RISK, "start": W, "bounds": BOUNDS}, str),
    "Certificate.rate": Call(CERTIFICATE.rate, {"step": 0.1, "iterations": [0, 1]}),
    "Certificate.check": Call(CERTIFICATE.check, {"run": CERTIFIED}, str),
    "FlowMap": Call(tfl.FlowMap, {"model": MEASURE, "v": V, "substeps": 1}, lambda flow: flow(POINTS)),
    "FlowMap()": Call(FLOW.__call__, {"points": POINTS, "s": 0.5}),
    "FlowMap.jacobian": Call(FLOW.jacobian, {"points": POINTS, "s": 0.5}),
    "FlowMap.inverse": Call(FLOW.inverse, {"points": POINTS, "s": 0.5}),
    "FlowMap.log_determinant": Call(FLOW.log_determinant, {"points": POINTS, "s": 0.5}),
    "FlowMap.pull_back": Call(FLOW.pull_back, {"function": HILL, "points": POINTS}),
    "FlowMap.push_forward": Call(FLOW.push_forward, {"function": HILL, "points": POINTS}),
    "FlowMap.push_forward_density": Call(FLOW.push_forward_density, {"density": HILL, "points": POINTS}),
    "Diffeomorphism": Call(
        tfl.Diffeomorphism, {"torus": PLANE, "displacement": 0.01 * np.ones((2, 6, 5))}, lambda phi: phi(POINTS)
    ),
    "Diffeomorphism.sampled": Call(tfl.Diffeomorphism.sampled, {"torus": PLANE, "function": shifted}),
    "Diffeomorphism()": Call(DIFFEO.__call__, {"points": POINTS}),
    "Diffeomorphism.jacobian": Call(DIFFEO.jacobian, {"points": POINTS}),
    "Diffeomorphism.inverse": Call(DIFFEO.inverse, {"points": POINTS}),
    # -- geodesics and the porous medium
    **EQUATIONS,
}
