"""benchmarks/densities.py at small size, without zuko: its sets, its numbers, its file, table and figure."""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest

import torusflow as tfl

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture
def densities(monkeypatch):
    """The script, and nothing left of it afterwards."""
    names = ("densities", "densities_report", "known_densities", "spline_flow")
    monkeypatch.syspath_prepend(BENCHMARKS)
    import densities

    yield densities
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture
def table(tmp_path, rng):
    path = tmp_path / "angles.csv"
    np.savetxt(path, np.degrees(rng.vonmises(0.5, 2.0, (200, 2))), delimiter=",", header="phi,psi", comments="")
    return path


@pytest.mark.parametrize(("name", "of_torusflow"), [("unimodal", "von_mises"), ("banana", "banana")])
def test_known_densities_are_those_of_torusflow(densities, name, of_torusflow):
    torus = tfl.Torus((256, 256))
    points = np.stack(np.broadcast_arrays(*torus.points), axis=-1).reshape(-1, 2)
    values = np.exp(densities.KNOWN[name]().log_density(points)).reshape(torus.shape)
    # the mean over the points of the grid jumps at the seam of the banana
    np.testing.assert_allclose(values, getattr(tfl.densities, of_torusflow)(torus).values, rtol=1e-4)


@pytest.mark.parametrize("name", ["unimodal", "banana", "mixture of three, 3-D"])
def test_rows_are_drawn_from_the_known_density(densities, name, rng):
    """Mean cosines of the rows against quadrature, and the mass."""
    density = densities.KNOWN[name]()
    rows = density.draw(20_000, rng)
    axis = (np.arange(64) + 0.5) / 64
    points = np.stack(np.meshgrid(*[axis] * rows.shape[1], indexing="ij"), axis=-1).reshape(-1, rows.shape[1])
    weights = np.exp(density.log_density(points))
    assert abs(weights.mean() - 1) < 1e-3
    expected = (weights[:, None] * np.exp(2j * np.pi * points)).mean(axis=0)
    assert np.all(np.abs(np.exp(2j * np.pi * rows).mean(axis=0) - expected) < 5 / len(rows) ** 0.5)


def test_the_split_of_a_table_is_that_of_the_documents(densities, table):
    data, rows = densities.data_of(table), np.loadtxt(table, delimiter=",", skiprows=1) / 360 % 1
    order = np.random.RandomState(0).permutation(200)
    np.testing.assert_array_equal(data.test, rows[order[-20:]])
    training, held_out = densities.parts(data.draw(0, 0))
    np.testing.assert_array_equal(training, rows[order[:160]])
    np.testing.assert_array_equal(held_out, rows[order[160:180]])
    assert len(np.unique(data.draw(50, 1), axis=0)) == 50


def test_jumps_are_seen_at_the_seam_of_every_column(densities, rng):
    points = rng.random((50, 2))
    assert densities.jump(lambda x: np.sin(2 * np.pi * x).sum(axis=1), points) < 1e-5
    assert densities.jump(lambda x: 3 * x[:, 1], points) == pytest.approx(3, rel=1e-4)


@pytest.mark.slow
def test_methods_are_scored_on_the_same_rows_and_reported(densities, table, tmp_path, monkeypatch, capsys):
    """Another method later, and one again: lines are replaced, and differences are those of the rows."""
    halves = iter((0.5, 0.25))

    def constant(rows):
        value = next(halves)
        return lambda points: value + points[:, 0], "made up"

    monkeypatch.setitem(densities.METHODS, "TorusDensity", constant)
    results, picture = tmp_path / "out" / "results.csv", tmp_path / "picture.png"
    arguments = [f"few={table}", "--results", str(results), "--methods"]
    densities.main([*arguments, "TorusDensity", "kernel estimate"])
    densities.main([*arguments, "TorusDensity", "--figure", str(picture)])
    said = capsys.readouterr().out
    with results.open(newline="") as file:
        lines = {line["method"]: line for line in csv.DictReader(file)}
    assert set(lines) == {"TorusDensity", "kernel estimate"} and picture.stat().st_size > 5000
    data = densities.data_of(table)
    kernel = densities.KernelEstimate.fitted(*densities.parts(data.draw(0, 0))).log_density(data.test)
    difference = kernel - 0.25 - data.test[:, 0]
    value, error = difference.mean(), difference.std() / 20**0.5
    assert float(lines["TorusDensity"]["above kernel estimate"]) == pytest.approx(value, abs=1e-12)
    assert "above TorusDensity" not in lines["kernel estimate"]  # of the method as it was
    nats = 2 * np.log(2 * np.pi) - kernel.mean()
    assert f"{nats:.4f} ({-value:+.4f} ± {error:.4f})" in said


def test_draws_count_in_the_error(densities):
    scores = np.array([[0.0, 2.0, 4.0], [1.0, 3.0, 5.0]])
    mean, error = densities.mean_and_error(scores)
    assert mean == 2.5 and error == pytest.approx((8 / 3 / 3 + 0.5 / 2) ** 0.5)


@pytest.mark.slow
def test_a_flow_of_samples_is_chosen_and_fitted(densities, monkeypatch, rng):
    monkeypatch.setattr(densities, "DEFAULTS", {"smoothness": (2.5,), "length": (0.2,)})
    monkeypatch.setattr(densities, "BANDS", {2: (2, 3)})
    monkeypatch.setattr(densities, "MODEL", {"layers": 2, "substeps": 1, "threads": 1})
    monkeypatch.setattr(densities, "ITERATIONS", 5)
    rows = rng.vonmises(0.5, 2.0, (45, 2)) / (2 * np.pi) % 1
    log_density, words = densities.sample_node(rows)
    assert log_density(rows).mean() > 0.2 and words.startswith("s 2.5, l 0.2, band ")


def test_what_is_left_out_is_said(densities, tmp_path, monkeypatch, capsys):
    """Without zuko, and with too many rows for a method."""
    monkeypatch.setitem(sys.modules, "zuko", None)
    monkeypatch.setitem(sys.modules, "torch", type(sys)("torch"))
    monkeypatch.setattr(densities, "LARGEST_KERNEL", 20)
    monkeypatch.setattr(densities, "TESTED", 100)
    results = tmp_path / "results.csv"
    densities.main(
        ["mixture of three, 3-D", "--rows", "30", "--methods", "kernel estimate", "NCSF", "--results", str(results)]
    )
    said = capsys.readouterr().out
    assert "NCSF: zuko is not installed: pip install -e .[benchmark]." in said
    assert "kernel estimate: in three dimensions its time grows with the square of the rows." in said
    assert "| mixture of three, 3-D | 30 | - | - | - | - | " in said
