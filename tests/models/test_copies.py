"""Copies of a linearisation, and views of its arrays, stay right when it is gone and another one is made."""

import copy
import gc
import pickle

import numpy as np
import pytest

from torusflow.memory import Spare
from torusflow.models.measure_node import MeasureNODE
from torusflow.torus import densities
from torusflow.torus.grid import Torus
from torusflow.torus.sobolev import SobolevMetric

COPIES = {
    "copy": copy.copy,
    "copy of a copy": lambda thing: copy.copy(copy.copy(thing)),
    "deepcopy": copy.deepcopy,
    "pickle": lambda thing: pickle.loads(pickle.dumps(thing)),
    "deepcopy of a list": lambda thing: copy.deepcopy([thing])[0],
}


@pytest.fixture(params=["kept", "recomputed"])
def model(request):
    torus = Torus((16, 17), threads=1)
    initial = densities.von_mises(torus, 0.3, 1.0)
    return MeasureNODE(torus, SobolevMetric(3.0, 0.2), initial, layers=3, band=3, substeps=2, stages=request.param)


def control(model, seed):
    v = model.space.random(np.random.default_rng(seed))
    return v / model.courant(v)


def applied(linearisation):
    model = linearisation.model
    p = model.torus.points[0]
    return linearisation.output.copy(), linearisation.tangent(control(model, 7)), linearisation.adjoint(p)


@pytest.mark.parametrize("way", COPIES)
def test_a_copy_outlives_what_it_was_made_of(model, way):
    """The memory of a linearisation that is gone goes to the next one, but not while a copy has it."""
    first = model.linearise(control(model, 1))
    expected, other = applied(first), COPIES[way](first)
    del first
    gc.collect()
    others = [model.linearise(control(model, seed)) for seed in (2, 3)]
    for found, right in zip(applied(other), expected, strict=True):
        np.testing.assert_array_equal(found, right)
    del other
    for seed, linearisation in zip((2, 3), others, strict=True):
        for found, right in zip(applied(linearisation), applied(model.linearise(control(model, seed))), strict=True):
            np.testing.assert_array_equal(found, right)


def test_a_view_outlives_the_linearisation(model):
    """Whatever array of it somebody holds."""
    linearisation = model.linearise(control(model, 1))
    arrays = [value for value in vars(linearisation).values() if isinstance(value, np.ndarray)]
    views = [array[::2, ..., 1:] for array in arrays]
    expected = [view.copy() for view in views]
    del linearisation, arrays
    gc.collect()
    model.linearise(control(model, 2))
    for view, right in zip(views, expected, strict=True):
        np.testing.assert_array_equal(view, right)


def test_a_copy_of_a_restarted_model_starts_where_it_does():
    torus = Torus((16, 17), threads=1)
    model = MeasureNODE(torus, SobolevMetric(3.0, 0.2), densities.uniform(torus), layers=3, band=3, substeps=2)
    restarted = model.restarted(model(control(model, 1)))
    v = restarted.space.zeros()
    for way in COPIES.values():
        np.testing.assert_array_equal(way(restarted)(v), restarted(v))


class TestSpare:
    def test_memory_comes_back_with_the_last_view(self):
        spare = Spare()
        array = spare.empty((3, 4))
        address, view = array.ctypes.data, array[1:][0]
        del array
        assert spare.empty((3, 4)).ctypes.data != address
        del view
        addresses = {spare.empty((3, 4)).ctypes.data for _ in range(2)}
        assert len(addresses) == 1

    def test_another_shape_takes_other_memory(self):
        spare = Spare()
        spare.empty((3, 4))
        assert spare.empty((5, 6)).shape == (5, 6)
