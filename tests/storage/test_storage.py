"""Run files: everything comes back, strangers can read them, and failures leave what was there."""

import dataclasses
import resource
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import pytest

import torusflow as tfl


@pytest.fixture(scope="module")
def risk():
    torus = tfl.Torus((16, 15), threads=1)
    target = tfl.densities.von_mises(torus)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3, 0.2), tfl.densities.uniform(torus), layers=3, band=3)
    return tfl.Risk(model, tfl.losses.KullbackLeibler(target, reverse=True), penalty=0.01)


def run(risk, path, **options):
    coordinates = tfl.Coordinates("degrees", ("phi", "psi"), centred=True)
    store = tfl.RunFile(path, coordinates=coordinates, **options)
    return tfl.descend(risk, risk.space.zeros(), tfl.GradientDescent(0.05, "armijo"), iterations=4, store=store)


@pytest.mark.parametrize("shape", [(24,), (16, 15), (9, 10, 8)])
def test_everything_comes_back(tmp_path, shape):
    torus = tfl.Torus(shape, threads=1)
    initial = tfl.densities.von_mises(torus, mean=0.2, concentration=0.5)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(2.6, 0.2), initial, layers=3, band=2, substeps=3)
    risk = tfl.Risk(model, tfl.losses.SobolevMMD(tfl.densities.uniform(torus), 1.5), penalty=0.01)
    result = run(risk, tmp_path / "run.h5")
    back = tfl.load(tmp_path / "run.h5")
    np.testing.assert_array_equal(back.control, result.control)
    np.testing.assert_array_equal(back.output, result.output)
    np.testing.assert_array_equal(back.trajectory, model.trajectory(result.control))
    assert set(back.history) == set(result.history)
    for name, column in result.history.items():
        np.testing.assert_array_equal(back.history[name], column)
    assert back.status == result.status and back.method == tfl.GradientDescent(0.05, "armijo")
    assert back.coordinates == tfl.Coordinates("degrees", ("phi", "psi"), centred=True)
    assert back.risk(back.control) == result.value  # the same problem, to the last bit
    assert back.risk.model.torus is back.risk.loss.target.torus


def test_a_stranger_sees_names_units_and_axes(tmp_path, risk):
    xarray = pytest.importorskip("xarray")
    run(risk, tmp_path / "run.h5")
    with xarray.open_dataset(tmp_path / "run.h5", engine="h5netcdf") as data:
        assert data["trajectory"].dims == ("s", "phi", "psi")
        assert data["control"].dims == ("layer", "component", "k_phi", "k_psi", "part")
        assert data["phi"].attrs["units"] == "degrees" and float(data["phi"][1]) == 360 / 16
        assert data["risk"].dims == ("iteration",)
        assert all({"units", "long_name"} <= set(variable.attrs) for variable in data.variables.values())
        assert float(data["output"].mean()) == pytest.approx(1)
        assert "status" in data.attrs and data.attrs["format_version"] == 2


def test_an_existing_file_is_refused_before_any_work(tmp_path, risk):
    path = tmp_path / "run.h5"
    run(risk, path)
    before = path.read_bytes()
    with pytest.raises(tfl.InputError, match="exists and is not overwritten unless you ask for it"):
        run(risk, path)
    assert path.read_bytes() == before
    run(risk, path, overwrite=True)
    assert tfl.load(path).status and path.read_bytes() != before


def test_places_that_cannot_be_written(tmp_path, risk):
    with pytest.raises(tfl.InputError, match=r"the folder .* does not exist"):
        run(risk, tmp_path / "no" / "run.h5")
    with pytest.raises(tfl.InputError, match="is a folder; name a file in it"):
        run(risk, tmp_path)


def test_it_is_stored_while_it_runs(tmp_path, risk):
    path, seen = tmp_path / "run.h5", []

    def look(iteration, row):
        seen.append(tfl.load(path).status if path.exists() else None)

    store = tfl.RunFile(path, interval=0.0)
    method = tfl.GradientDescent(0.05)
    tfl.descend(risk, risk.space.zeros(), method, iterations=3, store=store, callback=look)
    assert seen == [None, "running", "running", "running"]
    assert tfl.load(path).status.startswith("iteration limit")


def test_a_full_disk_leaves_what_stood_there(tmp_path, risk):
    """A limit on file size stands in for the disk; the process must get an error, not a signal."""
    path = tmp_path / "run.h5"
    run(risk, path)
    before = path.read_bytes()
    old_limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    old_handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, old_limit[1]))
        with pytest.warns(UserWarning, match=r"not stored under its name: cannot write .*run.h5.*: "):
            result = run(risk, path, overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old_limit)
        signal.signal(signal.SIGXFSZ, old_handler)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
    assert result.path is None and "cannot write" in result.status


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda path: path.unlink(), "there is no file"),
        (lambda path: path.write_bytes(b""), "not a readable run file"),
        (lambda path: path.write_bytes(path.read_bytes()[:3000]), "not a readable run file"),
        (lambda path: path.write_text("hello"), "not a readable run file"),
    ],
)
def test_damaged_files(tmp_path, risk, damage, words):
    path = tmp_path / "run.h5"
    run(risk, path)
    damage(path)
    with pytest.raises(tfl.InputError, match=words):
        tfl.load(path)


def test_files_of_others_and_of_the_future(tmp_path, risk):
    path = tmp_path / "run.h5"
    with h5py.File(path, "w") as file:
        file["x"] = 1
    with pytest.raises(tfl.InputError, match="not one that torusflow wrote"):
        tfl.load(path)
    path.unlink()
    run(risk, path)
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = 99
    with pytest.raises(tfl.InputError, match=r"has format 99, this torusflow reads up to 2. Install a newer"):
        tfl.load(path)


def test_foreign_losses_are_refused_with_a_sentence(tmp_path, risk):
    class Mine(tfl.losses.SquaredL2):
        pass

    mine = tfl.Risk(risk.model, Mine(risk.loss.target))
    with pytest.raises(tfl.InputError, match="a Mine cannot be stored"):
        run(mine, tmp_path / "run.h5")
    assert not list(tmp_path.iterdir())


def test_column_names_of_the_samples_never_collide(tmp_path, risk):
    store = tfl.RunFile(tmp_path / "run.h5", coordinates=tfl.Coordinates("turns", ("risk", "risk")))
    tfl.descend(risk, risk.space.zeros(), tfl.GradientDescent(0.05), iterations=1, store=store)
    assert len(tfl.load(tmp_path / "run.h5").history["risk"]) == 2


def test_h5dump_shows_what_a_person_understands(tmp_path, risk):
    import shutil

    if shutil.which("h5dump") is None:
        pytest.skip("h5dump is not installed")
    run(risk, tmp_path / "run.h5")
    text = subprocess.run(["h5dump", "-H", str(tmp_path / "run.h5")], capture_output=True, text=True, check=True).stdout
    assert "trajectory" in text


def damaged_or_same(path, content, whole):
    """A damaged file is refused with a sentence; what is read in spite of it is what was written."""
    path.write_bytes(content)
    try:
        run = tfl.load(path)
    except tfl.InputError as error:
        assert str(error).startswith("'") and str(error).endswith(".")
        return True
    np.testing.assert_array_equal(run.control, whole.control)
    np.testing.assert_array_equal(run.history["risk"], whole.history["risk"])
    return False


def test_files_cut_short_or_with_a_wrong_bit_are_noticed(tmp_path, risk):
    path, rng = tmp_path / "run.h5", np.random.default_rng(5)
    run(risk, path)
    whole, content = tfl.load(path), path.read_bytes()
    assert all(damaged_or_same(path, content[:length], whole) for length in rng.integers(0, len(content), 100))
    for place in rng.integers(0, len(content), 100):
        changed = bytearray(content)
        changed[place] ^= 1 << rng.integers(8)
        assert damaged_or_same(path, bytes(changed), whole)
    assert not damaged_or_same(path, content, whole)


def test_the_generation_before_is_read_where_the_last_is_damaged(tmp_path, risk):
    """While a run goes on the state before its last write stands beside it; at its end it goes."""
    path, damaged = tmp_path / "run.h5", []

    def damage(iteration, row):
        if iteration == 3:
            path.write_bytes(path.read_bytes()[:5000])
            with pytest.warns(
                UserWarning, match="not a readable run file.*The state before it is read instead, which is whole"
            ):
                damaged.append(tfl.load(path))

    tfl.descend(
        risk, risk.space.zeros(), tfl.GradientDescent(0.05), 4, store=tfl.RunFile(path, interval=0.0), callback=damage
    )
    assert damaged[0].status == "running" and len(damaged[0].history["risk"]) == 3
    assert [file.name for file in tmp_path.iterdir()] == ["run.h5"] and tfl.load(path).status.startswith(
        "iteration limit"
    )


def test_the_generation_before_is_kept_whatever_the_status_adds(tmp_path):
    """A run in trouble says more than "running"; its generations are those of any run."""
    torus = tfl.Torus((16,), threads=1)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(1.5, 0.05), tfl.densities.uniform(torus), layers=2, substeps=8)
    rough = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus, 0.5, 60.0)))
    seen = []

    def look(iteration, row):
        seen.append((row["minimum"] < -1e-8, (tmp_path / ".run.h5.previous").exists()))

    store = tfl.RunFile(tmp_path / "run.h5", interval=0.0)
    tfl.descend(rough, rough.space.zeros(), tfl.LBFGS(), 8, store=store, callback=look)
    assert (True, True) in seen and (True, False) not in seen[3:]


def test_files_of_the_first_format_are_read_but_not_resumed(tmp_path, risk):
    path = tmp_path / "run.h5"
    run(risk, path)
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b"\ntorusflow sha256")])
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = 1
        del file["checkpoint"]
    old = tfl.load(path)
    assert old.status and old.limits
    with pytest.raises(tfl.InputError, match="without what resuming needs, by an older torusflow"):
        tfl.descend(old.risk, old.control, old.method, 9, store=path, resume=True)


def test_a_file_that_another_program_changed_is_noticed(tmp_path, risk):
    path = tmp_path / "run.h5"
    run(risk, path)
    with h5py.File(path, "r+") as file:
        file["risk"][0] = 7.0
    with pytest.raises(tfl.InputError, match=r"damaged: its checksum|has no checksum"):
        tfl.load(path)


@pytest.mark.slow
def test_several_threads_read_and_write_runs_of_their_own(tmp_path, risk):
    """HDF5 takes files in memory for the same one if they have one name."""
    paths = [tmp_path / f"run{number}.h5" for number in range(3)]
    for number, path in enumerate(paths):
        other = dataclasses.replace(risk, penalty=0.1 * (number + 1))
        tfl.descend(other, other.space.zeros(), tfl.GradientDescent(0.05), 2 + number, store=path)

    def read(number):
        for _ in range(2):
            run = tfl.load(paths[number])
            assert (run.risk.penalty, len(run.history["risk"])) == (0.1 * (number + 1), 3 + number)
            tfl.RunFile(paths[number]).restate(f"read by thread {number}")
            assert tfl.load(paths[number]).status == f"read by thread {number}"

    with ThreadPoolExecutor(3) as threads:
        for done in [threads.submit(read, number) for number in range(3)]:
            done.result()
