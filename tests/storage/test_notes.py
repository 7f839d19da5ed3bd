"""Notes in a run file: kept, and kept when the run goes on."""

import numpy as np

import torusflow as tfl


def run(path, iterations, resume=False, notes=""):
    torus = tfl.Torus((12,))
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(2.0, 0.2), tfl.densities.uniform(torus), 1, 2)
    risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    store = tfl.RunFile(path, notes=notes)
    tfl.descend(risk, np.zeros(risk.space.shape), tfl.GradientDescent(0.1), iterations, store=store, resume=resume)
    return tfl.load(path).attributes.get("notes")


def test_notes(tmp_path):
    assert run(tmp_path / "plain.h5", 1) is None
    path = tmp_path / "run.h5"
    assert run(path, 1, notes="measured on a Monday: 20 °C") == "measured on a Monday: 20 °C"
    assert run(path, 2, resume=True) == "measured on a Monday: 20 °C"
    assert run(path, 3, resume=True, notes="again") == "again"
