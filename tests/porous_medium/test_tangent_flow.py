"""The tangent flow: C6, the tangent kernel of a measure at v = 0, the dissipation identity, greedy descent's limit."""

import warnings

import numpy as np
import pytest
from every_loss import DENSITY_LOSSES
from tolerances import DISSIPATION, KERNEL, MASS, REFERENCE_EQUATION, SUM

import torusflow as tfl
from torusflow.errors import InputError, NumericalError

# C6: time -> half |rho - 1|^2, rho(0), rho(1/2), for s = 3, l = 0.1.
C6 = {
    0.01: (0.046943156663, 1.3983271214, 0.5328383219),
    0.05: (0.016474763360, 1.1786607584, 0.6495305023),
    0.2: (0.000760312636, 1.0155746546, 0.8764861336),
}
TRIVIAL = tfl.SobolevMetric(0.0)


def wave(torus):
    return 1 + 0.5 * np.cos(2 * np.pi * torus.points[0])


def to_uniform(torus):
    return tfl.losses.SquaredL2(tfl.densities.uniform(torus))


@pytest.mark.parametrize("n", [96, 125])
def test_c6(n):
    torus = tfl.Torus((n,))
    flow = tfl.TangentFlow(torus, tfl.SobolevMetric(3.0, 0.1), to_uniform(torus))
    found = flow.solve(wave(torus), times=list(C6), tolerance=1e-10)
    middle = torus.resample(found.density, tfl.Torus((2 * n,)))[:, n]
    for rho, half, (loss, at_0, at_half) in zip(found.density, middle, C6.values(), strict=True):
        got = (torus.inner(rho - 1, rho - 1) / 2, rho[0], half)
        np.testing.assert_allclose(got, (loss, at_0, at_half), rtol=0, atol=REFERENCE_EQUATION)
        assert abs(torus.mean(rho) - 1) < MASS


@pytest.mark.parametrize("shape", [(96,), (125,), (64, 5), (6, 63)], ids=str)
def test_the_trivial_kernel_gives_the_porous_medium_equation(shape):
    """C5 once more, against a solver with another grid and another form of the equation."""
    torus = tfl.Torus(shape)
    start = 1 + 0.4 * np.cos(2 * np.pi * torus.points[int(np.argmax(shape))])
    times = [0.002, 0.01, 0.05]
    tangent = tfl.TangentFlow(torus, TRIVIAL, to_uniform(torus)).solve(start, times, tolerance=1e-10)
    porous = tfl.porous_medium.Spectral(torus).solve(start, times, tolerance=1e-10)
    np.testing.assert_allclose(tangent.density, porous.density, rtol=0, atol=REFERENCE_EQUATION)


@pytest.mark.slow
def test_the_trivial_kernel_against_finite_volumes():
    """Two solvers that share nothing: cell means converge to the tangent flow with order four, and meet it to 1e-9."""
    torus, time = tfl.Torus((128,)), 0.01
    rho = tfl.TangentFlow(torus, TRIVIAL, to_uniform(torus)).solve(wave(torus), [time], tolerance=1e-12).density[0]
    rho_hat, counts, errors = torus.transform(rho), [32, 64, 128, 512], []
    for n in counts:
        averaged = rho_hat * np.sinc(torus.wavenumbers[0] / n)  # means over cells of width 1/n
        exact = np.fft.irfft(np.pad(averaged, (0, n))[: n // 2 + 1], n) * n
        start = 1 + 0.5 * np.cos(2 * np.pi * np.arange(n) / n) * np.sinc(1 / n)
        means = tfl.porous_medium.FiniteVolume(n).solve(start, [time], tolerance=1e-12).density[0]
        errors.append(np.max(np.abs(means - exact)))
    slope = np.polyfit(np.log(counts[:3]), np.log(errors[:3]), 1)[0]
    assert slope < -3.8 and errors[-1] < REFERENCE_EQUATION


@pytest.mark.parametrize("smoothness", [0.0, 0.7, 3.0])
@pytest.mark.parametrize("name", DENSITY_LOSSES)
@pytest.mark.parametrize(("shape", "band"), [((24,), None), ((17,), 3), ((15, 16), 4), ((12, 9), None)], ids=str)
def test_the_rate_is_what_a_descent_step_at_zero_does(shape, band, name, smoothness):
    """linearise(0) applied to minus the gradient, for every loss: the definition, computed by the flow of a model."""
    torus, metric = tfl.Torus(shape), tfl.SobolevMetric(smoothness, 0.1)
    loss = DENSITY_LOSSES[name](tfl.densities.von_mises(torus, 0.3, 1.0))
    initial = tfl.densities.von_mises(torus, 0.7, 0.8)
    model = tfl.MeasureNODE(torus, metric, initial, layers=3, band=band, substeps=2)
    linearisation = model.linearise(model.space.zeros())
    gradient = linearisation.adjoint(loss.gradient(linearisation.output))
    expected = linearisation.tangent(-gradient)
    flow = tfl.TangentFlow(torus, metric, loss, band)
    np.testing.assert_allclose(flow.rate(initial.values), expected, rtol=0, atol=KERNEL * np.max(np.abs(expected)))
    steepest = model.space.to_grid(-gradient)[0]
    velocity = flow.velocity(linearisation.output)
    np.testing.assert_allclose(velocity, steepest, rtol=0, atol=KERNEL * np.max(np.abs(steepest)))


@pytest.mark.filterwarnings("ignore:the grid hardly resolves")
@pytest.mark.parametrize("smoothness", [0.5, 3.0])
@pytest.mark.parametrize("name", DENSITY_LOSSES)
@pytest.mark.parametrize("shape", [(32,), (15, 16), (8, 9, 6)], ids=str)
def test_dissipation_identity(shape, name, smoothness):
    """d loss/dt = -|grad|^2, at every output time and integrated over all steps."""
    torus = tfl.Torus(shape)
    loss = DENSITY_LOSSES[name](tfl.densities.von_mises(torus, 0.3, 0.4))
    flow = tfl.TangentFlow(torus, tfl.SobolevMetric(smoothness, 0.1), loss)
    initial = tfl.densities.von_mises(torus, 0.6, 0.3)
    found = flow.solve(initial, times=[0, 0.002, 0.005], tolerance=1e-10)
    scale = np.max(found.dissipation)
    np.testing.assert_allclose(found.rate, -found.dissipation, rtol=0, atol=SUM * scale)
    np.testing.assert_allclose(found.loss + found.dissipated, found.loss[0], rtol=0, atol=DISSIPATION)
    assert np.all(np.diff(found.loss) < 0) and found.dissipated[0] == 0
    assert found.dissipated[-1] > 1e-5


@pytest.mark.filterwarnings("ignore:the grid hardly resolves")
def test_dissipation_is_the_squared_gradient_in_the_control_space():
    torus, metric = tfl.Torus((15, 16)), tfl.SobolevMetric(2.0, 0.2)
    loss = tfl.losses.KullbackLeibler(tfl.densities.von_mises(torus, 0.3, 1.0))
    initial = tfl.densities.von_mises(torus, 0.7, 0.8)
    model = tfl.MeasureNODE(torus, metric, initial, layers=4)
    _, gradient = tfl.Risk(model, loss).value_and_gradient(model.space.zeros())
    found = tfl.TangentFlow(torus, metric, loss).solve(initial, times=[0])
    assert found.dissipation[0] == pytest.approx(model.space.inner(gradient, gradient), rel=1e-12)


@pytest.mark.slow
def test_it_converges_to_targets_that_are_not_uniform():
    torus = tfl.Torus((24, 25))
    target = tfl.densities.von_mises(torus, 0.4, 0.8)
    for loss in (tfl.losses.SquaredL2(target), tfl.losses.KullbackLeibler(target, reverse=True)):
        flow = tfl.TangentFlow(torus, tfl.SobolevMetric(1.0, 0.05), loss)
        found = flow.solve(tfl.densities.uniform(torus), times=[2.0], tolerance=1e-7)
        assert torus.norm(found.density[0] - target.values) < 1e-4


def test_steps_do_not_depend_on_the_grid():
    steps = []
    for n in (48, 96, 384):
        torus = tfl.Torus((n,))
        steps.append(tfl.TangentFlow(torus, TRIVIAL, to_uniform(torus)).solve(wave(torus), [0.01]).steps)
    assert max(steps) <= min(steps) + 2


class TestBadInput:
    def test_what_it_is_made_of(self):
        torus = tfl.Torus((16,))
        with pytest.raises(InputError, match="takes a Torus and a SobolevMetric first"):
            tfl.TangentFlow((16,), TRIVIAL, to_uniform(torus))
        with pytest.raises(InputError, match=r"one of tfl\.losses, got a str"):
            tfl.TangentFlow(torus, TRIVIAL, "SquaredL2")
        with pytest.raises(InputError, match="Make the target on the model's torus"):
            tfl.TangentFlow(torus, TRIVIAL, to_uniform(tfl.Torus((12,))))
        with pytest.raises(InputError, match="too large for an axis of 16"):
            tfl.TangentFlow(torus, TRIVIAL, to_uniform(torus), band=7)

    @pytest.mark.parametrize(
        ("values", "words"), [(np.cos, "negative"), (lambda x: 2 + x, "mass"), (lambda x: x[:3], "shape")]
    )
    def test_densities(self, values, words):
        torus = tfl.Torus((16,))
        with pytest.raises(InputError, match=words):
            tfl.TangentFlow(torus, TRIVIAL, to_uniform(torus)).solve(values(6 * torus.points[0]), times=[0.1])

    def test_another_torus_and_times_that_decrease(self):
        torus = tfl.Torus((16,))
        flow = tfl.TangentFlow(torus, TRIVIAL, to_uniform(torus))
        with pytest.raises(InputError, match="lives on"):
            flow.solve(tfl.densities.uniform(tfl.Torus((12,))), times=[0.1])
        with pytest.raises(InputError, match="times must increase"):
            flow.solve(wave(torus), times=[0.2, 0.1])

    @pytest.mark.parametrize("smoothness", [0.0, 1.0])
    def test_a_loss_with_a_kink_reaches_it_in_finite_time(self, smoothness):
        """The L2 loss is not smooth at its minimum, and the solver says where it got to."""
        torus = tfl.Torus((16,))
        metric = tfl.SobolevMetric(smoothness, 0.1)
        flow = tfl.TangentFlow(torus, metric, tfl.losses.L2(tfl.densities.uniform(torus)))
        with pytest.raises(NumericalError, match=r"time 0\.0\d+ of 0.3"):
            flow.solve(wave(torus), times=[0.3], tolerance=1e-5)


def test_rough_metrics_are_nothing_to_warn_of():
    """At v = 0 nothing flows yet: any smoothness has its tangent flow."""
    torus = tfl.Torus((16,))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tfl.TangentFlow(torus, TRIVIAL, to_uniform(torus)).solve(wave(torus), times=[1e-3])


@pytest.mark.slow
def test_the_tail_says_that_a_grid_is_too_coarse():
    """A density of contrast 19 steepens: on 129 points the last error is 1.7e-3, as the root of the tail says."""
    torus = tfl.Torus((129,))
    start = tfl.densities.from_function(torus, lambda x: 1 + 0.9 * np.cos(2 * np.pi * x))
    loss = tfl.losses.SquaredL2(tfl.densities.uniform(torus))
    with pytest.warns(UserWarning, match=r"hardly resolves the density at time 0\.02: .* size 8\.6e-04.*finer grid"):
        flow = tfl.TangentFlow(torus, tfl.SobolevMetric(0.0), loss).solve(start, [0.001, 0.02])
    assert flow.tail[0] < 1e-20 and 1e-3 < np.sqrt(flow.tail[1]) < 5e-3
