"""Stages recomputed from checkpoints: the same numbers as those that were kept, in less memory, at any time."""

import math

import numpy as np
import pytest
import reference
from equations import equation_on, random_problem

from torusflow.transport import checkpoints
from torusflow.transport.checkpoints import Checkpoints, kept_bytes

# (grid, modes of the velocity, layers, steps a layer): windows within layers, across them, cut short at the end.
PUSHES = [
    ((16,), (4,), 3, 2),
    ((15,), (2,), 1, 11),
    ((12, 15), (3, 2), 7, 1),
    ((9, 14), (0, 4), 4, 3),
    ((8, 7, 10), (2, 1, 2), 5, 1),
]
LENGTHS = [1, 2, 3, 5, 100]


class Work:
    """Velocities as a model gives them: every layer in one and the same array."""

    def __init__(self, fields):
        self.fields, self.array = fields, np.empty_like(fields[0])

    def __call__(self, layer):
        self.array[...] = self.fields[layer]
        return self.array


def sweeps(equation, rho, w, fields, changes, stages, velocity):
    """Everything that comes out of a push and the sweeps that need its stages."""
    taken = []
    end = equation.push(equation.project(rho), velocity, stages)
    change = equation.tangent(velocity, changes.__getitem__, stages)
    start = equation.transpose(equation.project(w), velocity, stages, lambda layer, m: taken.append((layer, m.copy())))
    again = equation.tangent(velocity, changes.__getitem__, stages)
    return [end, change, start, again, *(m for _, m in taken)], [layer for layer, _ in taken]


@pytest.mark.parametrize(("shape", "band", "layers", "substeps"), PUSHES, ids=reference.name)
@pytest.mark.parametrize("length", LENGTHS)
def test_nothing_changes_to_the_last_bit(shape, band, layers, substeps, length, rng):
    equation, rho, fields = random_problem(rng, shape, band, layers, substeps, courant=2.0)
    changes, w = rng.normal(size=fields.shape), rng.normal(size=shape)
    kept = np.empty((equation.steps, 4, *shape))
    expected, order = sweeps(equation, rho, w, fields, changes, kept, Work(fields))
    recomputed = Checkpoints(equation)
    recomputed.length = length
    got, same_order = sweeps(equation, rho, w, fields, changes, recomputed, Work(fields))
    assert order == same_order == list(reversed(range(layers)))
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("backwards", [False, True])
def test_windows_hold_the_stages_of_the_push(backwards, rng):
    equation, rho, fields = random_problem(rng, (12, 15), (3, 2), 5, 2, courant=2.0)
    kept = np.empty((equation.steps, 4, 12, 15))
    equation.push(equation.project(rho), fields.__getitem__, kept)
    recomputed = Checkpoints(equation)
    recomputed.length = 4
    equation.push(equation.project(rho), fields.__getitem__, recomputed)
    seen = []
    for steps, stages in recomputed.windows(equation, fields.__getitem__, backwards):
        seen.append(steps)
        np.testing.assert_array_equal(stages[: len(steps)], kept[steps.start : steps.stop])
    expected = [range(0, 4), range(4, 8), range(8, 10)]
    assert seen == (expected[::-1] if backwards else expected)


class TestMemory:
    @pytest.mark.parametrize("steps", [1, 2, 10, 40, 200, 1000])
    @pytest.mark.parametrize(("shape", "band"), [((64,), (8,)), ((32, 48), (4, 10)), ((16, 16, 16), (5, 5, 5))])
    def test_no_length_needs_a_tenth_less(self, shape, band, steps, monkeypatch):
        equation = equation_on(shape, band, 1, steps)
        chosen = Checkpoints.bytes(equation)
        for length in range(1, min(steps, checkpoints.LONGEST) + 1):
            monkeypatch.setattr(checkpoints, "_length", lambda equation, length=length: length)
            assert chosen <= 1.1 * Checkpoints.bytes(equation)

    def test_grows_like_the_square_root_of_the_steps(self):
        few, many = (Checkpoints.bytes(equation_on((32, 32), (4, 4), 1, steps)) for steps in (100, 1600))
        assert math.log(many / few) / math.log(16) == pytest.approx(0.5, abs=0.1)

    def test_what_is_held_is_what_is_said(self, rng):
        equation, rho, fields = random_problem(rng, (12, 15), (3, 2), 12, 1, courant=2.0)
        stages = Checkpoints(equation)
        equation.push(equation.project(rho), fields.__getitem__, stages)
        window = next(stages.windows(equation, fields.__getitem__, False))[1]
        assert sum(kept.nbytes for kept in stages._kept.values()) + window.nbytes == Checkpoints.bytes(equation)
        assert Checkpoints.bytes(equation) < kept_bytes(equation) == 12 * (4 + 2) * 12 * 15 * 8
