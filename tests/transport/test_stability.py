"""A step that is too long is refused, with the number of substeps that is not."""

import numpy as np
import pytest
import reference
from equations import equation_on, pushed, random_problem
from reference import TWO_PI

from torusflow.errors import InputError, NumericalError, UnstableError
from torusflow.transport.runge_kutta import RK4

COURANT_LIMIT = RK4.stability_limit


class TestStability:
    def test_courant_number_by_hand(self):
        """h (2 pi M_1 |v_1| + 2 pi M_2 |v_2|) at the fastest point, with h = 1/6 and M = (5, 5)."""
        equation = equation_on((14, 13), (2, 2), layers=3, substeps=2)
        velocity = np.zeros((2, 14, 13))
        velocity[:, 3, 4] = (-0.5, 0.25)
        velocity[0, 1, 1] = 0.6
        assert equation.modes == (5, 5)
        assert equation.courant(velocity) == pytest.approx(TWO_PI * 5 * 0.75 / 6)

    @pytest.mark.parametrize("courant", [2.9, 5.0, 28.3, 1000.0])
    @pytest.mark.parametrize("substeps", [1, 3])
    def test_an_unstable_run_names_substeps_that_are_accepted(self, courant, substeps, rng):
        equation, rho, fields = random_problem(rng, (12, 13), (2, 2), 1, substeps, courant)
        with pytest.raises(UnstableError, match=r"Courant number .* exceeds 2\.828") as caught:
            pushed(equation, rho, fields)
        assert f"substeps={substeps}: use substeps={caught.value.substeps}" in str(caught.value)
        assert caught.value.courant > COURANT_LIMIT
        enough = equation_on((12, 13), (2, 2), 1, caught.value.substeps)
        assert np.all(np.isfinite(pushed(enough, rho, fields)))
        few = equation_on((12, 13), (2, 2), 1, caught.value.substeps - 1)
        with pytest.raises(UnstableError):
            pushed(few, rho, fields)

    def test_the_substeps_named_are_enough_for_every_layer(self, rng):
        """One refusal, not one for each layer that is faster than those before."""
        equation, rho, fields = random_problem(rng, (12, 13), (2, 2), layers=3, substeps=1, courant=1.0)
        fields = np.stack([fields[0] * c / equation.courant(fields[0]) for c in (3.0, 10.0, 30.0)])
        with pytest.raises(UnstableError) as caught:
            pushed(equation, rho, fields)
        pushed(equation_on((12, 13), (2, 2), 3, caught.value.substeps), rho, fields)

    @pytest.mark.parametrize("speed", [100.0, np.nan, np.inf])
    def test_refuses_before_the_first_step(self, speed):
        equation = equation_on((16,), (3,), layers=2, substeps=2)
        stages = np.full((4, 4, 16), -1.0)
        with pytest.raises(NumericalError):
            pushed(equation, np.ones(16), np.full((2, 1, 16), speed), stages=stages)
        assert np.all(stages == -1)

    @pytest.mark.parametrize("where", [0, 1])
    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_velocities_that_are_no_numbers_are_never_pushed(self, where, bad):
        equation = equation_on((8, 9), (2, 2), layers=2)
        fields = np.zeros((2, 2, 8, 9))
        fields[1, where, 3, 5] = bad
        with pytest.raises(NumericalError, match="layer 1: the velocity holds values that are not finite"):
            pushed(equation, np.ones((8, 9)), fields)

    def test_a_refused_run_leaves_the_equation_usable(self, rng):
        equation, rho, fields = random_problem(rng, (12, 13), (2, 2))
        expected = pushed(equation, rho, fields)
        with pytest.raises(UnstableError):
            pushed(equation, rho, 100 * fields)
        np.testing.assert_array_equal(pushed(equation, rho, fields), expected)

    @pytest.mark.parametrize("layers", [1, 4])
    @pytest.mark.parametrize("shape", [(64,), (32, 33), (16, 17, 18)], ids=reference.name)
    def test_default_substeps_are_just_enough_for_unit_speed(self, shape, layers):
        band = (2,) * len(shape)
        equation = equation_on(shape, band, layers, None)
        assert equation.courant(np.ones((len(shape), *shape))) <= COURANT_LIMIT
        fewer = equation_on(shape, band, layers, equation.substeps - 1)
        assert fewer.courant(np.ones((len(shape), *shape))) > COURANT_LIMIT

    @pytest.mark.parametrize("substeps", [0, -1, 1.5, True, "4"])
    def test_no_number_of_substeps(self, substeps):
        with pytest.raises(InputError, match="substeps must be a whole number >= 1"):
            equation_on((16,), (3,), 1, substeps)
