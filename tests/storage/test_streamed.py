"""Files that are not whole in memory: images of them, arrays by pieces, and runs without densities."""

import dataclasses
import io
import os

import h5py
import numpy as np
import pytest

import torusflow as tfl
from torusflow.storage import sealed, shared_array, shared_reading
from torusflow.storage.image import PAGE, Image
from torusflow.storage.shared_array import blocks


@pytest.fixture(scope="module")
def risk():
    torus = tfl.Torus((16, 15), threads=1)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3, 0.2), tfl.densities.uniform(torus), layers=2, band=2)
    return tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))


@dataclasses.dataclass(frozen=True, eq=False)
class Mine(tfl.losses.SquaredL2):
    """A loss of a user's."""


class Numbers:
    """An array whose numbers come one row after the other."""

    def __init__(self, values):
        self._values, self.nbytes = values, values.nbytes

    def pieces(self):
        return iter(self._values)


def room_for(file, name, values):
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    made.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    space = h5py.h5s.create_simple(values.shape)
    file[name] = h5py.Dataset(h5py.h5d.create(file.id, None, h5py.h5t.NATIVE_DOUBLE, space, made))
    return file[name].id.get_offset()


def test_an_image_has_in_memory_what_is_written(tmp_path, rng):
    large, small = rng.random((300, 7_000)), rng.random(100)
    with sealed.new_file(image := Image()) as file:
        file["small"] = small
        place = room_for(file, "large", large)
        file["later"] = small
    image.arrays[place] = Numbers(large)
    assert len(image._pages) * PAGE < large.nbytes / 50
    path = tmp_path / "file.h5"
    path.write_bytes(b"".join(bytes(block) for block in image.blocks()))
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["large"], large)
        np.testing.assert_array_equal(file["small"], small)
        np.testing.assert_array_equal(file["later"], small)

    before = path.read_bytes()
    with Image(open(path, "rb"), os.path.getsize(path)) as image:
        with sealed.opened(image) as file:
            file.attrs["status"] = "changed"
            np.testing.assert_array_equal(file["large"], large)
        assert 0 < len(image._pages) * PAGE < large.nbytes / 50
        changed = b"".join(image.blocks())
    assert path.read_bytes() == before != changed
    path.write_bytes(changed)
    with h5py.File(path) as file:
        assert file.attrs["status"] == "changed"
        np.testing.assert_array_equal(file["large"], large)


def test_an_image_is_a_file(rng):
    """Whatever is done to it, it holds what a file in memory holds."""
    below = rng.bytes(3 * PAGE + 100)
    image, file = Image(io.BytesIO(below), len(below) - 50), io.BytesIO(below[:-50])
    for _ in range(60):
        place, content = int(rng.integers(0, 5 * PAGE)), rng.bytes(int(rng.integers(0, 2 * PAGE)))
        for one in (image, file):
            one.seek(place)
            one.write(content)
        if not content and place > len(file.getvalue()):
            continue
        place, size = (int(rng.integers(0, 4 * PAGE)) for _ in range(2))
        image.seek(place)
        file.seek(place)
        assert image.read(size) == file.read(size) and image.tell() == file.tell()
    assert b"".join(image.blocks()) == file.getvalue() and image.seek(0, os.SEEK_END) == len(file.getvalue())


@pytest.mark.slow
def test_an_image_is_sent_without_large_arrays(tmp_path, monkeypatch):
    monkeypatch.setattr(shared_reading, "SMALL", 2**14)
    torus = tfl.Torus((128, 128), threads=1)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3, 0.2), tfl.densities.von_mises(torus), layers=9, band=9)
    risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus, 0.5, 0.9)))
    tfl.descend(risk, risk.space.zeros(), tfl.LBFGS(memory=2), 3, store=tmp_path / "run.h5")
    with sealed.read_sealed(tmp_path / "run.h5") as image, sealed.opened(image) as file:
        lean = image.without(shared_reading._large(file))
        sizes = {name: file[name].nbytes for name in datasets(tmp_path / "run.h5")}
        with sealed.opened(lean) as copy:
            assert all(np.array_equal(file[name], copy[name]) for name, size in sizes.items() if size <= 2**14)
    assert len(lean._pages) * PAGE < image.size / 2 < sum(sizes.values()) / 2


@pytest.mark.parametrize("shape", [(), (7,), (3, 1, 4, 2), (2, 5, 3), (0, 3), (4, 0)])
@pytest.mark.parametrize("piece", [1, 16, 48, 100, 10_000])
def test_blocks_are_pieces_in_the_order_of_memory(monkeypatch, shape, piece):
    monkeypatch.setattr(shared_array, "PIECE", piece)
    values = np.arange(np.prod(shape, dtype=int), dtype=float).reshape(shape)
    pieces = [values[block] for block in blocks(shape, 8)]
    assert [x for part in pieces for x in part.ravel()] == values.ravel().tolist()
    assert all(part.nbytes <= max(piece, 8) for part in pieces)


def test_what_is_read_back_is_what_was_written(tmp_path, risk, monkeypatch):
    path, sync = tmp_path / "run.h5", os.fsync
    store = tfl.RunFile(path)
    tfl.descend(risk, risk.space.zeros(), tfl.GradientDescent(0.05), 1, store=store)
    before = path.read_bytes()

    def spoil(handle):
        os.pwrite(handle, b"spoilt", 9000)
        sync(handle)

    monkeypatch.setattr(os, "fsync", spoil)
    with pytest.raises(tfl.InputError, match=r"is not what was written\. What stands there is as it"):
        store.restate("changed")
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["run.h5"]


# -- without densities ----------------------------------------------------------------------------------------------


def run(risk, path, method=None, iterations=3, densities=False, **options):
    store = tfl.RunFile(path, overwrite=True, interval=0.0, densities=densities)
    return tfl.descend(risk, risk.space.zeros(), method or tfl.LBFGS(), iterations, store=store, **options)


def datasets(path):
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, thing: found.update({name: thing.shape}) if hasattr(thing, "shape") else None)
    return found


def test_without_densities_load_has_the_model_make_them(tmp_path, risk):
    lean, full = tmp_path / "lean.h5", tmp_path / "full.h5"
    result = run(risk, lean)
    run(risk, full, densities=True)
    of_problem = {name for name, shape in datasets(lean).items() if shape == (16, 15)}
    assert of_problem == {"problem/risk/model/initial/values", "problem/risk/loss/target/values"}
    left_out = {"initial", "target", "output", "trajectory", "checkpoint/state/output"}
    assert datasets(full).keys() - datasets(lean).keys() == left_out
    back, whole = tfl.load(lean), tfl.load(full)
    np.testing.assert_array_equal(back.output, result.output)
    np.testing.assert_array_equal(back.trajectory, whole.trajectory)
    np.testing.assert_array_equal(back.control, result.control)
    assert back.attributes["densities"].startswith("not kept") and "densities" not in whole.attributes


METHODS = {
    "quasi-Newton": (tfl.LBFGS(memory=2), {}),
    "by layers": (tfl.GreedyDescent(0.05), {}),
    "with a validation": (tfl.GradientDescent(0.05), {"validation": lambda w: abs(np.sum(np.abs(w)) - 0.1)}),
}


@pytest.mark.parametrize("method", METHODS)
def test_without_densities_a_run_goes_on_to_the_last_bit(tmp_path, risk, method):
    method, options = METHODS[method]
    risk = dataclasses.replace(risk, model=dataclasses.replace(risk.model, layers=4))
    whole = tfl.descend(risk, risk.space.zeros(), method, 4, **options)
    run(risk, tmp_path / "run.h5", method, 2, **options)
    store = tfl.RunFile(tmp_path / "run.h5")  # a run stays without densities
    result = tfl.descend(risk, risk.space.zeros(), method, 4, store=store, resume=True, **options)
    np.testing.assert_array_equal(result.control, whole.control)
    np.testing.assert_array_equal(result.output, whole.output)
    assert "output" not in datasets(tmp_path / "run.h5")
    np.testing.assert_allclose(tfl.load(tmp_path / "run.h5").output, whole.output, atol=1e-12)


def test_without_densities_substeps_are_those_reached(tmp_path):
    torus = tfl.Torus((16,), threads=1)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3, 0.2), tfl.densities.uniform(torus), layers=2, substeps=1)
    risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus, 0.5, 4.0)))
    method, options = tfl.GradientDescent(0.3), {"refine": True}
    reached = run(risk, tmp_path / "run.h5", method, 7, **options)
    assert reached.history["substeps"][-1] > 1
    again = tfl.descend(risk, risk.space.zeros(), method, 7, store=tmp_path / "run.h5", resume=True, **options)
    np.testing.assert_array_equal(again.output, reached.output)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the grid hardly resolves")
def test_commands_take_runs_without_densities(call, tmp_path, risk):
    run(risk, tmp_path / "run.h5")
    assert "checksum; densities are not kept in the file" in call("info", "run.h5", "--verify").output
    call("plot", "run.h5", "-o", "run.png")
    call("compare", "run.h5", "--with", "tangent-flow", "-o", "compared.png")
    assert tfl.load(tmp_path / "run.h5").references["tangent-flow"].density.shape[1:] == (16, 15)
    call("resume", "run.h5", "--iterations", "4")
    assert "tangent-flow" in tfl.load(tmp_path / "run.h5").references
    for suffix in ("csv", "npz", "nc"):
        call("export", "run.h5", "-o", f"run.{suffix}")
    with np.load(tmp_path / "run.npz") as arrays:
        assert "control" in arrays and "output" not in arrays


def test_without_the_class_of_its_model_a_run_without_densities_has_its_control(tmp_path, risk):
    mine = dataclasses.replace(risk, loss=Mine(risk.loss.target))
    result = run(mine, tmp_path / "run.h5")
    with pytest.warns(UserWarning, match=r"classes=\[Mine\]"):
        back = tfl.load(tmp_path / "run.h5")
    np.testing.assert_array_equal(back.control, result.control)
    assert back.output is back.trajectory is None and len(back.history["risk"]) == 4
    assert tfl.load(tmp_path / "run.h5", classes=[Mine]).output.shape == (16, 15)


def test_a_model_without_densities_has_none_to_leave_out(tmp_path):
    model = tfl.TorusNODE(np.array([[0.1], [0.4]]), tfl.SobolevMetric(3, 0.2), layers=2, band=2)
    risk = tfl.Risk(model, tfl.losses.SquaredDistance(np.array([[0.2], [0.5]])))
    with pytest.raises(tfl.InputError, match=r"a TorusNODE makes none\. Leave it out"):
        run(risk, tmp_path / "run.h5")
    assert not list(tmp_path.iterdir())


def test_columns_of_ones_own_come_back(tmp_path, risk):
    path = tmp_path / "run.h5"
    result = tfl.descend(risk, risk.space.zeros(), tfl.LBFGS(), 2)
    mine = dataclasses.replace(result, history=result.history | {"mine": np.arange(3.0)})
    state = {"control": result.control}
    store = tfl.RunFile(path, coordinates=tfl.Coordinates("turns", ("mine", "y")))
    store.save(risk, tfl.LBFGS(), mine, {"state": state, "history": mine.history})
    np.testing.assert_array_equal(tfl.load(path).history["mine"], [0, 1, 2])
