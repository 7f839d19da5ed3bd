"""Exports that other programs read: the same numbers, axes and units, and nothing is lost."""

import re
import sys
import xml.etree.ElementTree as ElementTree

import h5py
import numpy as np
import pytest

import torusflow as tfl
from torusflow.storage.export import export_run
from torusflow.storage.kinds import NETCDF, VTK, kind_of

SHAPE = (9, 10, 8)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One on densities of three dimensions, one on points."""
    folder = tmp_path_factory.mktemp("runs")
    torus = tfl.Torus(SHAPE, threads=1)
    start, target = tfl.densities.uniform(torus), tfl.densities.von_mises(torus)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3, 0.2), start, layers=2, band=2, substeps=4)
    risk, method = tfl.Risk(model, tfl.losses.SquaredL2(target)), tfl.GradientDescent(0.05, "armijo")
    coordinates = tfl.Coordinates(("degrees", "hours", 2.0), ("φ", "hour", "z"))
    tfl.descend(risk, risk.space.zeros(), method, 2, store=tfl.RunFile(folder / "run.h5", coordinates=coordinates))
    x = np.random.default_rng(1).standard_normal((5, 2))
    risk = tfl.Risk(tfl.RKHSNODE(x, tfl.RandomFourierFeatures(2, 8), layers=3), tfl.losses.SquaredDistance(-x))
    tfl.descend(risk, risk.space.zeros(), method, 2, store=folder / "points.h5")
    return folder


def read_image(path):
    """The spacing and the arrays of a .vti file, as the format describes them."""
    content = path.read_bytes()
    start = content.index(b"_", content.index(b'encoding="raw"')) + 1
    end = content.rindex(b"\n</AppendedData>")
    root = ElementTree.fromstring(content[:start] + content[end:])
    extent = root.find("ImageData").get("WholeExtent").split()[1::2]
    shape = [int(n) + 1 for n in extent]
    arrays = {}
    for entry in root.iter("DataArray"):
        place = start + int(entry.get("offset"))
        length = int(np.frombuffer(content[place : place + 8], "<u8")[0])
        numbers = np.frombuffer(content[place + 8 : place + 8 + length], "<f8")
        arrays[entry.get("Name")] = numbers.reshape(shape, order="F")
    assert place + 8 + length == end
    return [float(step) for step in root.find("ImageData").get("Spacing").split()], arrays


def test_an_image_in_space_closes_the_torus(runs):
    export_run(runs / "run.h5", runs / "run.vti")
    run = tfl.load(runs / "run.h5")
    spacing, arrays = read_image(runs / "run.vti")
    assert spacing == pytest.approx([40.0, 2.4, 0.25], rel=1e-15) and arrays["output"].shape == (10, 11, 9)
    for name, values in {
        "initial": run.risk.model.initial.values,
        "target": run.risk.loss.target.values,
        "output": run.output,
        "trajectory, s = 0.5": run.trajectory[1],
    }.items():
        np.testing.assert_array_equal(arrays[name][:-1, :-1, :-1], values)
        for axis in range(3):
            np.testing.assert_array_equal(arrays[name].take(-1, axis), arrays[name].take(0, axis))
    assert len(arrays) == 6 and kind_of(runs / "run.vti") == VTK


def test_an_image_needs_densities(runs):
    with pytest.raises(tfl.InputError, match=r"no densities on a grid.*\.nc, \.zarr or \.npz"):
        export_run(runs / "points.h5", runs / "points.vti")
    assert not (runs / "points.vti").exists()


@pytest.mark.parametrize("name", ["run", "points"])
@pytest.mark.parametrize("suffix", ["nc", "zarr"])
def test_the_datasets_of_all_formats_are_the_same(runs, name, suffix):
    xarray = pytest.importorskip("xarray", reason="xarray is not installed")
    if suffix == "zarr":
        pytest.importorskip("zarr", reason="zarr is not installed")
    path = runs / f"{name}.{suffix}"
    export_run(runs / f"{name}.h5", path)
    engine = {"nc": "h5netcdf", "zarr": "zarr"}[suffix]
    with tfl.open_dataset(runs / f"{name}.h5") as run, xarray.open_dataset(path, engine=engine) as data:
        assert set(run.variables) == set(data.variables) and data.attrs["format"] == "torusflow export"
        assert data.attrs["status"] == run.attrs["status"]
        for key in run.variables:
            assert run[key].dtype == data[key].dtype
            xarray.testing.assert_identical(run[key], data[key])


def test_an_export_replaces_an_export_and_no_run(runs, tmp_path):
    export_run(runs / "run.h5", tmp_path / "run.nc")
    assert kind_of(tmp_path / "run.nc") == NETCDF
    export_run(runs / "points.h5", tmp_path / "run.nc", overwrite=True)
    with h5py.File(tmp_path / "run.nc") as file:
        assert file["output"].shape == (5, 2) and "problem" not in file and "identity" not in file.attrs
    (tmp_path / "other.nc").write_bytes((runs / "run.h5").read_bytes())
    with pytest.raises(tfl.InputError, match="holds a run, which a NetCDF file never replaces"):
        export_run(runs / "run.h5", tmp_path / "other.nc", overwrite=True)
    with pytest.raises(tfl.InputError, match="not one that torusflow wrote"):
        tfl.load(tmp_path / "run.nc")


def test_a_zarr_folder_is_whole_or_absent_and_replaces_nothing(runs, tmp_path, monkeypatch):
    pytest.importorskip("zarr", reason="zarr is not installed")
    xarray = pytest.importorskip("xarray", reason="xarray is not installed")
    (tmp_path / "run.zarr").mkdir()
    with pytest.raises(tfl.InputError, match="is a folder, which is never replaced: remove it"):
        export_run(runs / "run.h5", tmp_path / "run.zarr", overwrite=True)

    def full(self, store, **options):
        store.mkdir()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(xarray.Dataset, "to_zarr", full)
    with pytest.raises(tfl.InputError, match=r"No space left on device\. Nothing was written"):
        export_run(runs / "run.h5", tmp_path / "full.zarr")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.zarr"]


def test_without_zarr_it_says_what_to_install(runs, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(tfl.InputError, match=re.escape("pip install 'torusflow[zarr]'")):
        export_run(runs / "run.h5", tmp_path / "run.zarr")
