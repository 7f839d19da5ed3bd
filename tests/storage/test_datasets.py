"""Runs and densities in xarray and pandas: the numbers of the file, read when they are used."""

import os
import sys

import h5py
import numpy as np
import pytest

import torusflow as tfl
from torusflow.storage.image import Image
from torusflow.storage.sealed import new_file, write_sealed

xarray = pytest.importorskip("xarray", reason="xarray is not installed")
pytest.importorskip("h5netcdf", reason="h5netcdf is not installed")
HOURS = tfl.Coordinates(("hours", "degrees"), ("hour", "φ"))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A run on a density."""
    path = tmp_path_factory.mktemp("runs") / "run.h5"
    torus = tfl.Torus((16, 15), threads=1)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3, 0.2), tfl.densities.uniform(torus), 2, 3, 8)
    risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    store = tfl.RunFile(path, coordinates=HOURS)
    tfl.descend(risk, risk.space.zeros(), tfl.GradientDescent(0.05, "armijo"), 2, store=store)
    return path


@pytest.fixture(scope="module")
def points(tmp_path_factory):
    """A run on points."""
    path = tmp_path_factory.mktemp("points") / "run.h5"
    x = np.random.default_rng(1).standard_normal((5, 2))
    risk = tfl.Risk(tfl.RKHSNODE(x, tfl.RandomFourierFeatures(2, 8), layers=3), tfl.losses.SquaredDistance(-x))
    tfl.descend(risk, risk.space.zeros(), tfl.GradientDescent(0.1), 2, store=path)
    return path


def test_the_file_and_the_run_give_the_same_dataset(path, points):
    for run in (path, points):
        loaded = tfl.load(run)
        memory = loaded.to_xarray()
        with tfl.open_dataset(run) as data:
            assert set(data.variables) == set(memory.variables)
            for name in data.variables:
                assert data[name].dtype == memory[name].dtype
                xarray.testing.assert_identical(data[name], memory[name])
            assert data.attrs["status"] == loaded.status == memory.attrs["status"]
        np.testing.assert_array_equal(memory["output"], loaded.output)
        np.testing.assert_array_equal(memory["risk"], loaded.history["risk"])


def test_units_and_axes_are_those_of_the_user(path):
    with tfl.open_dataset(path) as data:
        assert data["trajectory"].dims == ("s", "hour", "φ") and data["hour"].attrs["units"] == "hours"
        assert data["hour"].dtype == float and float(data["hour"][1]) == 1.5 and float(data["φ"][1]) == 24.0
        at_noon = data["output"].sel(hour=12.0)
        np.testing.assert_array_equal(at_noon, tfl.load(path).output[8])


def packed_ones():
    """A chunk of ones as it stands in a file."""
    with h5py.File("ones", "w", driver="core", backing_store=False) as file:
        data = file.create_dataset("x", data=np.ones((1, 2**16)), chunks=(1, 2**16), compression="gzip")
        return data.id.read_direct_chunk((0, 0))[1]


def test_numbers_are_read_when_they_are_used(tmp_path, monkeypatch):
    """A file that unpacks to 8 GB opens in little memory, its checksum not computed, and gives one value."""
    monkeypatch.setattr("torusflow.storage.sealed.free_memory", lambda: 2.0**20)
    image, ones = Image(), packed_ones()
    with new_file(image) as file:
        file.attrs.update({"format": "torusflow run", "format_version": 2})
        file.create_dataset("x", data=np.arange(2**20))
        file.create_dataset("s", data=np.arange(2**10))
        data = file.create_dataset("trajectory", (2**10, 2**20), "f8", chunks=(1, 2**16), compression="gzip")
        for axis, name in enumerate(("s", "x")):
            file[name].make_scale(name)
            data.dims[axis].attach_scale(file[name])
        for row in range(2**10):
            for column in range(0, 2**20, 2**16):
                data.id.write_direct_chunk((row, column), ones)
    write_sealed(tmp_path / "run.h5", image, keep_previous=False)
    with open(tmp_path / "run.h5", "r+b") as file:
        file.seek(-65, os.SEEK_END)
        file.write(b"0" * 64)
    with tfl.open_dataset(tmp_path / "run.h5") as opened:
        assert opened.nbytes > 2**33
        assert float(opened["trajectory"][3, 4]) == 1.0
        assert not opened["trajectory"].variable._in_memory


def test_a_run_being_written_is_there_as_it_was_stored(path, tmp_path):
    """Stored anew, the open dataset stays; where the last write was cut short there is the one before."""
    file = tmp_path / "run.h5"
    file.write_bytes(path.read_bytes())
    with tfl.open_dataset(file) as data:
        store = tfl.RunFile(file)
        loaded = tfl.load(file)
        tfl.descend(loaded.risk, loaded.control, loaded.method, 5, store=store, resume=True)
        assert data.sizes["iteration"] == 3 and float(data["risk"][2]) == loaded.history["risk"][2]
    with tfl.open_dataset(file) as data:
        assert data.sizes["iteration"] == 6
    (tmp_path / ".run.h5.previous").write_bytes(path.read_bytes())
    file.write_bytes(path.read_bytes()[:-300])
    with pytest.warns(UserWarning, match="The state before it is read instead"), tfl.open_dataset(file) as data:
        assert data.sizes["iteration"] == 3


def test_densities_that_the_file_does_not_keep_are_those_of_the_run(path, tmp_path):
    run = tfl.load(path)
    store = tfl.RunFile(tmp_path / "run.h5", densities=False)
    tfl.descend(run.risk, run.control, run.method, 0, store=store)
    with tfl.open_dataset(tmp_path / "run.h5") as data:
        assert "output" not in data and "densities" in data.attrs
    memory = tfl.load(tmp_path / "run.h5").to_xarray()
    np.testing.assert_array_equal(memory["output"], run.output)
    assert "densities" not in memory.attrs


def test_its_file_is_closed(path, tmp_path):
    file = tmp_path / "run.h5"
    file.write_bytes(path.read_bytes())
    with tfl.open_dataset(file) as data:
        data["risk"].load()
    with h5py.File(file, "r+"):  # HDF5 refuses to change what is open to be read
        pass


def test_what_is_no_run_is_refused(path, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1.0
    (tmp_path / "cut.h5").write_bytes(path.read_bytes()[:-100])
    (tmp_path / "table.csv").write_text("x,y\n1,2\n")
    for name, words in {
        "other.h5": "not one that torusflow wrote",
        "cut.h5": "is not a readable run file|has no checksum",
        "table.csv": "it is not an HDF5 file",
        "none.h5": "there is no file",
    }.items():
        with pytest.raises(tfl.InputError, match=words):
            tfl.open_dataset(tmp_path / name)


@pytest.mark.parametrize("missing", ["xarray", "h5netcdf"])
def test_without_the_packages_it_says_what_to_install(path, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(tfl.InputError, match=rf"open_dataset needs {missing}.*pip install 'torusflow\[xarray\]'"):
        tfl.open_dataset(path)


def test_a_history_is_a_table(path):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    run = tfl.load(path)
    frame = run.to_dataframe()
    assert frame.index.name == "iteration" and list(frame.columns) == list(run.history)
    np.testing.assert_array_equal(frame["risk"], run.history["risk"])
    assert isinstance(frame, pandas.DataFrame)
    with pytest.raises(tfl.InputError, match="'history' or 'points', got 'rows'"):
        run.to_dataframe("rows")


def test_points_are_a_table(path, points):
    pytest.importorskip("pandas", reason="pandas is not installed")
    run = tfl.load(points)
    frame = run.to_dataframe("points")
    assert frame.shape == (4 * 5, 2) and frame.index.names == ["s", "point"]
    np.testing.assert_array_equal(frame.loc[0.0], run.risk.model.inputs)
    np.testing.assert_array_equal(frame.loc[1.0], run.output)
    with pytest.raises(tfl.InputError, match=r"a MeasureNODE, which moves no points.*run.to_xarray\(\)"):
        tfl.load(path).to_dataframe("points")


def test_densities_are_labelled():
    torus = tfl.Torus((8, 6), threads=1)
    density = tfl.densities.von_mises(torus)
    array = density.to_xarray(HOURS)
    np.testing.assert_array_equal(array, density.values)
    assert array.dims == ("hour", "φ") and float(array["hour"][1]) == 3.0 and array["φ"].attrs["units"] == "degrees"
    assert density.to_xarray(tfl.Coordinates("turns", ("a", "a"))).dims == ("x_1", "x_2")
    with pytest.raises(tfl.InputError, match="units for 3 columns"):
        density.to_xarray(tfl.Coordinates(("hours", "degrees", "turns")))
