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
    """Angles of chemistry by their letters; anything else as it is called."""
    coordinates = tfl.Coordinates("degrees", ("phi", "chi1"))
    assert [coordinates.label(axis) for axis in range(3)] == ["φ [°]", "χ1 [°]", "z [°]"]
    assert tfl.Coordinates("radians", ("Psi", "phish")).label(0) == "ψ [radians]"
    assert tfl.Coordinates("radians", ("Psi", "phish")).label(1) == "phish [radians]"
    assert tfl.Coordinates().label(0) == "x"


@pytest.mark.parametrize(
    ("units", "value", "hint"),
    [("radians", 131.0, "degrees"), ("turns", 5.9, "radians"), ("turns", -170.0, "degrees"), ("degrees", 400.0, None)],
)
def test_values_outside_the_units(units, value, hint):
    with pytest.raises(tfl.InputError, match=r"lie outside the stated units: y = .* in row 3 of the data") as error:
        tfl.Coordinates(units).to_torus([[0, 0], [0.5, 0.5], [0.1, value]])
    assert (f"Did you mean units '{hint}'" in str(error.value)) == (hint is not None)


def test_rows_outside_or_without_numbers_are_counted_and_named():
    values = np.zeros((200, 2))
    values[[2, 5], [1, 0]] = 131, -170
    with pytest.raises(tfl.InputError, match=r"^'a.csv' lie outside .* psi = 131 in row 3 .* 2 of 200 \(3, 6\)"):
        tfl.Coordinates("radians", ("phi", "psi")).to_torus(values, "'a.csv'")
    values[10:20, 0] = np.nan
    words = r"not all finite: x = nan in row 11 of the data\. .* 10 of 200 \(11, 12, 13, 14, 15, \.\.\.\)\. Remove"
    with pytest.raises(tfl.InputError, match=words):
        tfl.Coordinates("degrees").to_torus(values)


def test_values_are_one_sample_a_row():
    with pytest.raises(tfl.InputError, match=r"must have shape \(N, d\), one sample per row, got \(3,\)"):
        tfl.Coordinates("degrees").to_torus([1.0, 2.0, 3.0])


def test_unknown_units():
    with pytest.raises(tfl.InputError, match=r"got 'degree'\. Did you mean 'degrees'\?"):
        tfl.Coordinates("degree")


MIXED = tfl.Coordinates(("hours", 7, "degrees"), ("time", "day", "wind"))


def test_every_axis_in_its_own_unit(rng):
    values = rng.uniform(0, [24, 7, 360], (50, 3))
    points = MIXED.to_torus(values)
    np.testing.assert_allclose(points, values / [24, 7, 360], atol=tolerances.SAME)
    np.testing.assert_allclose(MIXED.from_torus(points), values, atol=400 * tolerances.SAME)
    assert MIXED.in_words(3) == "time in hours, day with period 7, wind in degrees"
    assert [MIXED.label(axis) for axis in range(3)] == ["time [hours]", "day", "wind [°]"]
    assert MIXED.along(2) == tfl.Coordinates("degrees", ("wind",)) and MIXED.along(2, 1).units == ("degrees", 7.0)
    assert (MIXED.unit_of_volume, MIXED.log_volume(3)) == ("turn", 0.0)
    assert tfl.Coordinates(("degrees", "radians")).log_volume(2) == 2 * np.log(2 * np.pi)


def test_one_unit_for_all_axes_is_one():
    assert tfl.Coordinates(("hours", "hours")) == tfl.Coordinates("hours") and tfl.Coordinates(24).period == 24.0
    assert tfl.Coordinates(24).in_words(2) == "x, y with period 24"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ([25, 1, 1], "time = 25 in row 2 .* In hours they would be between -24 and 24. Did you mean units 'degrees'"),
        ([1, 9, 1], "day = 9 in row 2 .* With period 7 they would be between -7 and 7. Did you mean units 'hours'"),
    ],
)
def test_values_outside_the_unit_of_their_axis(row, words):
    with pytest.raises(tfl.InputError, match=words):
        MIXED.to_torus([[1, 1, 1], row])


def test_as_many_units_as_columns():
    with pytest.raises(tfl.InputError, match=r"units for 3 columns, .* and 2 columns\. Give one for each"):
        MIXED.to_torus([[1, 1], [2, 2]])


@pytest.mark.parametrize("units", [0, -24, float("nan"), True, None, ("hours", "day")])
def test_what_is_no_unit(units):
    with pytest.raises(tfl.InputError, match=r"units must be one of .* A period may also be any positive number"):
        tfl.Coordinates(units)


def test_a_period_that_is_a_number_is_believed(rng):
    values = rng.uniform(0, 1, (500, 2))
    with pytest.raises(tfl.InputError, match=r"x goes from .* as turns do and degrees rarely"):
        tfl.Coordinates("degrees").check_units(values)
    tfl.Coordinates(360.0).check_units(values)


def test_every_axis_in_its_own_range(rng):
    """Samples of a column without negative values have none either."""
    coordinates = tfl.Coordinates(("hours", "degrees"), centred=(False, True))
    values = rng.uniform([0, -180], [24, 180], (50, 2))
    np.testing.assert_allclose(coordinates.from_torus(coordinates.to_torus(values)), values, atol=400 * tolerances.SAME)
    assert coordinates.along(0).start == 0 and coordinates.along(1).start == -180
    assert coordinates.in_one_range().centred is True
