"""Units: there and back, the shown range, and units that cannot be right."""

import numpy as np
import pytest
import tolerances

import torusflow as tfl


@pytest.mark.parametrize("units", ["degrees", "radians", "turns"])
@pytest.mark.parametrize("centred", [False, True])
def test_there_and_back(units, centred, rng):
    coordinates = tfl.Coordinates(units, ("phi", "psi"), centred)
    low = -coordinates.period / 2 if centred else 0.0
    values = low + coordinates.period * rng.random((100, 2))
    points = coordinates.to_torus(values)
    assert points.min() >= 0 and points.max() < 1
    np.testing.assert_allclose(coordinates.from_torus(points), values, atol=tolerances.SAME * coordinates.period)


def test_labels():
    coordinates = tfl.Coordinates("degrees", ("phi",))
    assert [coordinates.label(axis) for axis in range(2)] == ["phi [degrees]", "y [degrees]"]
    assert tfl.Coordinates().label(0) == "x"


@pytest.mark.parametrize(
    ("units", "value", "hint"),
    [("radians", 131.0, "degrees"), ("turns", 5.9, "radians"), ("turns", -170.0, "degrees"), ("degrees", 400.0, None)],
)
def test_values_outside_the_units(units, value, hint):
    with pytest.raises(tfl.InputError, match=r"lie outside the stated units: y = .* in row 3 of the data") as error:
        tfl.Coordinates(units).to_torus([[0, 0], [0.5, 0.5], [0.1, value]])
    assert (f"Did you mean units '{hint}'" in str(error.value)) == (hint is not None)


def test_unknown_units():
    with pytest.raises(tfl.InputError, match=r"got 'degree'\. Did you mean 'degrees'\?"):
        tfl.Coordinates("degree")
