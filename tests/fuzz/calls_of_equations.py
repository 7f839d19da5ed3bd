"""A call that works of every public function of geodesics and of the porous medium; see `calls.py`."""

import numpy as np
from things import (
    DIFFEO,
    FLAT,
    HILL,
    HILL_ON_LINE,
    LINE,
    PLANE,
    POINTS,
    SMOOTH,
    TANGENT_FLOW,
    U1,
    Call,
    shifted,
)

import torusflow as tfl
from torusflow import densities, geodesic, losses, porous_medium
from torusflow.theory import lojasiewicz

EQUATIONS = {
    # -- geodesics
    "shoot": Call(geodesic.shoot, {"torus": LINE, "metric": SMOOTH, "u0": U1, "times": (0.5,), "tolerance": 1e-3}),
    "exponential": Call(
        geodesic.exponential,
        {"torus": LINE, "metric": SMOOTH, "u0": U1, "tolerance": 1e-3},
        lambda phi: phi(POINTS[:, :1]),
    ),
    "logarithm": Call(geodesic.logarithm, {"torus": PLANE, "metric": SMOOTH, "phi": shifted, "tolerance": 1e-3}),
    "distance": Call(
        geodesic.distance, {"torus": PLANE, "metric": SMOOTH, "phi": DIFFEO, "psi": shifted, "tolerance": 1e-3}
    ),
    "minimality": Call(geodesic.minimality, {"torus": LINE, "metric": SMOOTH, "u0": U1, "until": 0.5}, str),
    "displacement_norm": Call(geodesic.displacement_norm, {"torus": PLANE, "metric": SMOOTH, "phi": shifted}),
    "time_to_minimum": Call(
        lojasiewicz.time_to_minimum,
        {
            "flow": porous_medium.TangentFlow(LINE, SMOOTH, losses.L2(densities.uniform(LINE)), 2),
            "rho0": densities.from_function(LINE, lambda x: 1 + 1e-4 * np.cos(2 * np.pi * x)),
            "tolerance": 1e-6,
        },
    ),
    "lifted_distance": Call(
        geodesic.lifted_distance, {"torus": PLANE, "metric": SMOOTH, "phi": DIFFEO, "psi": shifted, "tolerance": 1e-3}
    ),
    # -- porous medium
    "Barenblatt": Call(
        porous_medium.Barenblatt,
        {"dimension": 1, "exponent": 3.0, "mass": 1.0, "side": 1.0, "centre": (0.5,)},
        lambda solution: solution.point_values(1e-4, 8),
    ),
    "Barenblatt.density": Call(porous_medium.Barenblatt(2).density, {"time": 1e-3, "points": POINTS}),
    "Barenblatt.point_values": Call(porous_medium.Barenblatt(2).point_values, {"time": 1e-3, "shape": (6, 5)}),
    "Barenblatt.cell_means": Call(porous_medium.Barenblatt(2).cell_means, {"time": 1e-3, "shape": (6, 5)}),
    "Barenblatt.front_radius": Call(porous_medium.Barenblatt(2).front_radius, {"time": 1e-3}),
    "FiniteVolume": Call(
        porous_medium.FiniteVolume,
        {"shape": 8, "diffusion": porous_medium.Heat(), "side": 1.0},
        lambda solver: solver.solve(np.ones(8), [0.1]),
    ),
    "FiniteVolume.solve": Call(
        porous_medium.FiniteVolume(8).solve,
        {"initial": HILL_ON_LINE.values, "times": [0.0, 0.01], "tolerance": 1e-2, "start": 0.0},
    ),
    "PorousMedium": Call(porous_medium.PorousMedium, {"exponent": 2.0}, lambda kind: kind.potential(np.ones(8))),
    "Pressure": Call(
        porous_medium.Pressure,
        {"slope": lambda r: r, "pressure": lambda r: r**2 / 2},
        lambda kind: porous_medium.FiniteVolume(8, kind).solve(HILL_ON_LINE.values, [0.01], 1e-2),
    ),
    "UltraFast": Call(
        porous_medium.UltraFast,
        {"weight": np.ones(8)},
        lambda kind: porous_medium.FiniteVolume(8, kind).solve(HILL_ON_LINE.values, [0.01], 1e-2),
    ),
    "Spectral": Call(
        porous_medium.Spectral, {"torus": LINE, "exponent": 2}, lambda solver: solver.solve(HILL_ON_LINE, [0.001], 1e-3)
    ),
    "Spectral.solve": Call(
        porous_medium.Spectral(LINE, 2).solve, {"rho0": HILL_ON_LINE, "times": [0.0, 0.001], "tolerance": 1e-3}
    ),
    "TangentFlow": Call(
        tfl.TangentFlow,
        {"torus": PLANE, "metric": SMOOTH, "loss": losses.SquaredL2(FLAT), "band": 1},
        lambda flow: flow.rate(HILL),
    ),
    "TangentFlow.velocity": Call(TANGENT_FLOW.velocity, {"rho": HILL}),
    "TangentFlow.solve": Call(TANGENT_FLOW.solve, {"rho0": HILL, "times": [0.0, 0.01], "tolerance": 1e-3}),
    "arrival_time": Call(
        porous_medium.arrival_time,
        {"times": np.linspace(0.1, 1, 9), "means": np.linspace(0, 0.5, 9), "width": 0.1, "exponent": 3.0},
    ),
}
