"""What `check` and `fit` conclude, and the exit codes that go with it."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import torusflow as tfl
from torusflow import checks, plotting

STIFF = '[target]\nkind = "von_mises"\n[torus]\nshape = [32, 32]\n[model]\nlayers = 4\n[metric]\n'


def test_check_of_a_stiff_metric_finds_nothing_wrong(call, tmp_path):
    (tmp_path / "p.toml").write_text(STIFF + "smoothness = 7.0\nlength = 1.0\n")
    said = call("check", "p.toml").output
    assert "WRONG" not in said and said.strip().endswith("all checks passed")


def test_what_cannot_be_told_does_not_pass(call, tmp_path):
    """A density that no control of this size moves by more than round-off."""
    (tmp_path / "p.toml").write_text(STIFF + "smoothness = 10.0\nlength = 10.0\n")
    said = call("check", "p.toml", code=1).output
    assert "WRONG" not in said and "cannot be told here" in " ".join(said.split())
    assert "not everything could be checked" in said and "all checks passed" not in said


def test_a_wrong_adjoint_fails(call, tmp_path, monkeypatch):
    (tmp_path / "p.toml").write_text('[target]\nkind = "banana"\n[torus]\nshape = [24, 24]\n[model]\nlayers = 2\n')
    monkeypatch.setattr(checks, "adjoint", lambda *args, **options: checks.AdjointCheck(1.0, 1e-11))
    said = call("check", "p.toml", code=1).output
    assert "WRONG" in said and said.strip().endswith("check failed")


@pytest.mark.slow
def test_a_fit_that_stability_stops_fails_and_its_advice_works(call, tmp_path, rng):
    angles = np.degrees(np.column_stack([rng.vonmises(-1, 12, 300), rng.vonmises(2, 12, 300)]))
    np.savetxt(tmp_path / "a.csv", angles, delimiter=",", header="phi,psi", comments="")
    words = ("fit", "a.csv", "--units", "degrees", "--grid", "24x24", "--layers", "3", "--method", "lbfgs")
    words += ("--iterations", "25", "--substeps", "1", "-o")
    stalled = " ".join(call(*words, "short.h5", code=1).output.split())
    assert "stability of the transport stops the descent" in stalled
    assert "--refine, or with --substeps 2 or more" in stalled
    assert "iteration limit" in call(*words, "refined.h5", "--refine").output
    assert tfl.load("refined.h5").history["risk"][-1] < tfl.load("short.h5").history["risk"][-1]


def test_a_likelihood_that_starts_at_zero_starts_without_a_sign(rng):
    model = tfl.SampleNODE(rng.random((20, 1)), tfl.SobolevMetric(), layers=1, band=3)
    risk = tfl.Risk(model, tfl.losses.LogLikelihood())
    assert f"{risk(model.space.zeros()):.4g}" == "0"


def test_the_tail_of_a_density_that_is_one_to_round_off_is_no_trouble(rng):
    """Only round-off is left in |rho - 1|^2 then, and it is in all modes."""
    torus = tfl.Torus((24, 24), threads=1)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(), tfl.densities.uniform(torus), layers=2)
    noise = rng.standard_normal(torus.shape)
    assert model.tail(1 + 1e-9 * noise) < 1e-5
    assert model.tail(1 + 1e-3 * noise) > 1e-2
    start = tfl.densities.from_function(torus, lambda x, y: 1 + 0.3 * np.cos(2 * np.pi * x), normalise=True)
    towards = tfl.MeasureNODE(torus, tfl.SobolevMetric(3, 0.1), start, layers=2)
    risk = tfl.Risk(towards, tfl.losses.SquaredL2(tfl.densities.uniform(torus)))
    result = tfl.descend(risk, towards.space.zeros(), tfl.LBFGS(), iterations=60)
    assert result.value < 1e-15 and "outer third" not in result.status


def test_round_off_below_zero_does_not_change_the_axis():
    axes = Figure().subplots()
    plotting.plot_history(axes, {"risk": np.array([1.0, 0.1, 1e-3, -1e-18, 1e-9])}, ("risk",))
    assert axes.get_yscale() == "log"
