"""From coarse to fine: the same flow on every level, and descents that start near their end."""

import numpy as np
import pytest
from tolerances import LATTICE

import torusflow as tfl
from torusflow import InputError

METRIC = tfl.SobolevMetric(3.0, 0.1)


def problem(shape=(48, 45), kind="von_mises", layers=4, substeps=6, **more):
    torus = tfl.Torus(shape, threads=1)
    initial = tfl.densities.uniform(torus)
    model = tfl.MeasureNODE(torus, METRIC, initial, layers=layers, substeps=substeps, **more)
    return tfl.Risk(model, tfl.losses.SquaredL2(getattr(tfl.densities, kind)(torus)))


@pytest.mark.parametrize("shape", [(40,), (33, 36), (16, 18, 17)], ids=str)
def test_an_embedded_control_has_the_same_flow(shape, rng):
    fine = tfl.MeasureNODE(tfl.Torus(shape), METRIC, tfl.densities.uniform(tfl.Torus(shape)), layers=6, band=5)
    half = tfl.Torus(tuple(n // 2 + 8 for n in shape))
    coarse = tfl.MeasureNODE(half, METRIC, tfl.densities.uniform(half), layers=2, band=(3, 4, 3)[: len(shape)])
    v = 0.1 * coarse.space.random(rng)
    w = fine.space.embed(v, coarse.space)
    x = rng.random((30, len(shape)))
    moved = tfl.FlowMap(coarse, v, substeps=12)(x)
    np.testing.assert_allclose(tfl.FlowMap(fine, w, substeps=4)(x), moved, rtol=0, atol=LATTICE)
    assert fine.space.inner(w, w) == pytest.approx(coarse.space.inner(v, v), rel=1e-13) and np.ptp(moved - x) > 1e-3
    back = coarse.space.torus and tfl.MeasureNODE(half, METRIC, coarse.initial, layers=6, band=coarse.band).space
    np.testing.assert_array_equal(back.embed(w, fine.space), np.repeat(v, 3, axis=0))


def test_layers_that_do_not_divide_are_refused(rng):
    three, four = problem(layers=3).space, problem(layers=4).space
    with pytest.raises(InputError, match="cannot make 4 layers in dimension 2 of 3"):
        four.embed(three.zeros(), three)


def test_coarser_models_keep_the_density_and_the_courant_number(rng):
    fine = problem((48, 45)).model
    coarse = fine.coarser()
    assert coarse.torus.shape == (24, 23) and coarse.layers == 2 and coarse.band == (7, 7)
    v = coarse.space.random(rng)
    assert fine.courant(fine.space.embed(v, coarse.space)) == pytest.approx(coarse.courant(v), rel=0.15)
    assert coarse.coarser() is None
    samples = tfl.SampleNODE(rng.random((5, 2)), METRIC, layers=3, band=9, substeps=2)
    assert (samples.coarser().band, samples.coarser().layers, samples.coarser().coarser().band) == ((5, 5), 3, (3, 3))


@pytest.mark.parametrize(("kind", "gain"), [("von_mises", 100.0), ("banana", 3.0)])
def test_a_descent_starts_near_its_end(kind, gain):
    """Fewer fine iterations than from zero, and the risk is that of the finest level."""
    risk = problem((64, 64), kind, layers=4, substeps=16)
    start = tfl.coarse_to_fine(risk, tfl.LBFGS(), levels=2, iterations=30)
    from_zero = tfl.descend(risk, risk.space.zeros(), tfl.LBFGS(), 8)
    warm = tfl.descend(risk, start, tfl.LBFGS(), 1)
    assert warm.history["risk"][0] == risk(start) < from_zero.value / gain


def test_no_levels_is_the_zero_control():
    risk = problem()
    assert not np.any(tfl.coarse_to_fine(risk, tfl.LBFGS(), levels=0))


@pytest.mark.slow
def test_likelihoods_and_sums_of_losses_have_levels():
    rng = np.random.default_rng(3)
    model = tfl.SampleNODE(0.2 * rng.random((200, 1)), METRIC, layers=2, band=8, substeps=2)
    risk = tfl.Risk(model, tfl.losses.LogLikelihood(), penalty=1e-3)
    assert risk(tfl.coarse_to_fine(risk, tfl.LBFGS(), 2, 5)) < -0.5
    fine = problem((40, 40))
    loss = tfl.losses.WeightedSum([fine.loss, tfl.losses.KullbackLeibler(fine.loss.target)], [1.0, 2.0])
    both = tfl.Risk(fine.model, loss)
    assert both(tfl.coarse_to_fine(both, tfl.LBFGS(), 1, 5)) < both(both.space.zeros()) / 2
    for name in ("SobolevMMD", "Sinkhorn", "Hellinger"):
        other = tfl.Risk(fine.model, getattr(tfl.losses, name)(fine.loss.target))
        assert other(tfl.coarse_to_fine(other, tfl.LBFGS(), 1, 5)) < other(other.space.zeros()) / 2


def test_densities_on_other_grids_keep_their_mass(rng):
    density = tfl.densities.von_mises(tfl.Torus((30, 31)), 0.7, 1.0)
    other = density.on(tfl.Torus((48, 50)))
    exact = tfl.densities.von_mises(tfl.Torus((48, 50)), 0.7, 1.0)
    np.testing.assert_allclose(other.values, exact.values, rtol=0, atol=LATTICE)
    spike = np.zeros((32, 32))
    spike[5, 7] = 1024.0
    coarse = tfl.densities.from_array(tfl.Torus((32, 32)), spike).on(tfl.Torus((16, 16)))
    assert coarse.values.min() == 0 and abs(np.mean(coarse.values) - 1) < 1e-12


@pytest.mark.parametrize("levels", [-1, 1.5, True])
def test_levels_that_make_no_sense(levels):
    with pytest.raises(InputError, match="levels must be a whole number >= 0"):
        tfl.coarse_to_fine(problem(), tfl.LBFGS(), levels)


def test_an_interrupt_ends_all_levels(monkeypatch):
    def interrupted(self, risk, state):
        raise KeyboardInterrupt

    monkeypatch.setattr(tfl.LBFGS, "update", interrupted)
    with pytest.warns(UserWarning, match="did not finish: interrupted at iteration 1"):
        control = tfl.coarse_to_fine(problem(), tfl.LBFGS(), 2)
    assert control.shape == problem().space.shape


def test_an_interrupt_keeps_what_coarser_levels_have_led_to(monkeypatch):
    update, seen = tfl.LBFGS.update, []

    def interrupted(self, risk, state):
        seen.append(risk.model.torus.shape)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return update(self, risk, state)

    monkeypatch.setattr(tfl.LBFGS, "update", interrupted)
    risk = problem()
    control = tfl.coarse_to_fine(risk, tfl.LBFGS(), 2, iterations=2, stop=lambda: "")
    assert len(seen) == 2 and risk(control) < risk(risk.space.zeros())


def test_models_without_levels_are_refused():
    risk = tfl.Risk(tfl.LinearNODE(np.eye(2), 3), tfl.losses.SquaredDistance(np.eye(2)))
    with pytest.raises(InputError, match=r"needs coarser\(\), which a LinearNODE lacks. Leave the coarser levels out"):
        tfl.coarse_to_fine(risk, tfl.LBFGS())


def test_from_the_command_line(call, tmp_path):
    (tmp_path / "p.toml").write_text(
        '[target]\nkind = "von_mises"\n[torus]\nshape = [32, 32]\n[model]\nlayers = 2\n[continuation]\niterations = 5\n'
    )
    said = call("fit", "p.toml", "-o", "run.h5", "--continuation", "1", "--method", "lbfgs", "--iterations", "2").output
    assert "risk after descents on coarser levels" in said
    run = tfl.load("run.h5")
    assert run.method == tfl.LBFGS() and run.history["risk"][0] < 0.1
