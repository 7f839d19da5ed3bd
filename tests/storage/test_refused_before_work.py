"""What cannot be written is refused before the first step; what things are called keeps no run from being written."""

import shutil

import h5py
import numpy as np
import pytest

import torusflow as tfl
from torusflow.storage.contents import rehearse_run
from torusflow.storage.encoding import encode


def made(shape=(16, 16), name="target", **options):
    torus = tfl.Torus(shape, threads=1)
    target = tfl.densities.from_array(torus, tfl.densities.von_mises(torus).values, name=name)
    options = {"layers": 2, "band": 3} | options
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3, 0.2), tfl.densities.uniform(torus), **options)
    return tfl.Risk(model, tfl.losses.SquaredL2(target))


@pytest.fixture(scope="module")
def risk():
    return made()


def descend(risk, path, iterations=1, **options):
    start = risk.space.zeros()
    return tfl.descend(risk, start, tfl.GradientDescent(0.05), iterations, store=path, **options)


NAMES = {
    "wavenumbers": ("x", "k_x"),
    "wavenumbers of the second": ("k_psi", "psi"),
    "end of a text": ("phi\0", "psi"),
    "alike but for an end": ("phi\0", "phi"),
    "long": ("x" * 70_000, "y"),
    "long in bytes": ("φ" * 200, "y"),
    "half a character": ("\udcff", "y"),
    "history": ("seconds", "tail"),
    "groups": ("reference", "checkpoint"),
    "dots": ("..", "."),
    "slashes": ("a/b", "a_b"),
    "empty": ("", " "),
    "lines": ("a\nb", "c\td"),
}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_axes_have_names_that_the_file_can_hold(tmp_path, risk, names):
    store = tfl.RunFile(tmp_path / "run.h5", coordinates=tfl.Coordinates("turns", names))
    result = descend(risk, store)
    back = tfl.load(tmp_path / "run.h5")
    np.testing.assert_array_equal(back.output, result.output)
    assert back.coordinates.names == names
    with h5py.File(tmp_path / "run.h5") as file:
        axes = [scale[0].name for scale in file["output"].dims]
        assert len({*axes, "/k_x_1", "/risk"}) == 4 and all(file[axis].is_scale for axis in axes)


def test_headers_of_samples_keep_no_fit_from_its_file(call, tmp_path, rng):
    values = rng.vonmises(0, 2, (50, 2))
    fit = ("--units", "radians", "--grid", "16x16", "--layers", "2", "--band", "3", "--iterations", "1")
    for number, header in enumerate(("x,k_x", "phi\0,psi", "x" * 70_000 + ",y")):
        np.savetxt(tmp_path / "d.csv", values, delimiter=",", header=header, comments="")
        if "\0" in header:
            assert "d.csv' is not a text file" in call("fit", "d.csv", *fit, "-o", f"run{number}.h5", code=2).stderr
            continue
        call("fit", "d.csv", *fit, "-o", f"run{number}.h5")
        assert tfl.load(f"run{number}.h5").coordinates.names == tuple(header.split(","))


@pytest.mark.slow
@pytest.mark.parametrize("letter", ["a", "φ"])
def test_names_of_files_are_too_long_before_the_first_step(tmp_path, risk, letter):
    """Whatever the length, a run that begins is stored, again and again."""
    begun, refused = [], []
    for length in (100, *range(228, 257, 2), 245, 247, 249):
        name = letter * ((length - 3) // len(letter.encode()))
        path = tmp_path / f"{name}{'a' * (length - 3 - len(name.encode()))}.h5"
        rows = []
        try:
            descend(risk, tfl.RunFile(path, interval=0.0), callback=lambda i, row, rows=rows: rows.append(row))
        except tfl.InputError as error:
            assert "cannot write" in str(error) and "file name too long" in str(error) and not rows
            refused.append(length)
        else:
            assert len(rows) == 2 and tfl.load(path).status
            begun.append(length)
    assert {100, 230} <= set(begun) and {245, 247, 249, 256} <= set(refused)


def test_names_of_other_outputs_too(call, tmp_path, risk):
    descend(risk, tmp_path / "run.h5")
    long = "a" * 240
    for arguments in (
        ("plot", "run.h5", "-o", f"{long}.png"),
        ("compare", "run.h5", "--with", "tangent-flow", "-o", f"{long}.png"),
        ("sample", "run.h5", "-o", f"{long}.csv"),
        ("export", "run.h5", "-o", f"{long}.npz"),
        ("refine", "run.h5", "-o", f"{long}.h5"),
        ("fit", "missing.csv", "-o", f"{long}.h5"),
    ):
        assert "file name too long" in " ".join(call(*arguments, code=2).stderr.split())
    assert [file.name for file in tmp_path.iterdir()] == ["run.h5"]


def test_places_where_nothing_can_be_made(risk):
    with pytest.raises(tfl.InputError, match=r"cannot write .*/proc/self/run\.h5"):
        tfl.RunFile("/proc/self/run.h5").refuse_existing()


def test_a_run_that_another_process_writes_is_known_before_the_samples_are_read(call, tmp_path):
    with tfl.RunFile(tmp_path / "run.h5").locked():
        assert "another process is writing" in call("fit", "missing.csv", "-o", "run.h5", code=2).stderr


def test_a_full_disk_is_seen_before(tmp_path, risk, monkeypatch):
    full = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
    rows = []
    with pytest.raises(tfl.InputError, match=r"would take .* MB or more, and 0.001 MB are free there"):
        descend(risk, tmp_path / "run.h5", callback=lambda *row: rows.append(row))
    assert not rows and not list(tmp_path.iterdir())


def test_what_cannot_be_stored_of_a_validation_is_said_before(tmp_path, risk):
    class Mine(tfl.losses.SquaredL2):
        pass

    validation = tfl.Risk(risk.model, Mine(risk.loss.target))
    store = tfl.RunFile(tmp_path / "run.h5")
    with pytest.raises(tfl.InputError, match="a Mine cannot be stored"):
        store.prepare(risk, tfl.GradientDescent(0.05), validation=validation, limits={"patience": 3})
    store.prepare(risk, tfl.GradientDescent(0.05), validation=risk, limits={"patience": 3})
    store.prepare(risk, tfl.GradientDescent(0.05), validation=lambda control: 0.0)


@pytest.mark.parametrize("name", ["target\0", "target\udcff", "t" * 70_000])
def test_names_of_densities_are_stored(tmp_path, name):
    risk = made(name=name)
    descend(risk, tmp_path / "run.h5")
    assert tfl.load(tmp_path / "run.h5").risk.loss.target.name == name


def test_words_of_a_person_end_a_run_and_are_stored(tmp_path, risk):
    result = descend(risk, tmp_path / "run.h5", 5, stop=lambda: "enough\0\udcff")
    assert result.status == "interrupted after 0 iterations: enough\0\udcff"
    assert tfl.load(tmp_path / "run.h5").status == "interrupted after 0 iterations: enough\\0\\udcff"


@pytest.mark.parametrize("kind", [tfl.Linearised, tfl.Scaled])
def test_models_about_a_centre_are_stored_whatever_they_move(tmp_path, risk, kind):
    about = tfl.Risk(kind(risk.model, risk.space.zeros()), risk.loss)
    result = descend(about, tmp_path / "run.h5")
    np.testing.assert_array_equal(tfl.load(tmp_path / "run.h5").output, result.output)


def test_a_rehearsal_takes_no_more_room_than_the_problem():
    """The fields that a push would give are named and measured, not written."""
    risk, sizes = made((64, 64), layers=300, band=10), []
    with h5py.File("rehearsal", "w", driver="core", backing_store=False, track_order=True) as file:
        rehearse_run(file, risk, tfl.GradientDescent(0.05), tfl.Coordinates(), None, {})
        file.flush()
        sizes.append(file.id.get_filesize())
        assert file["trajectory"].shape == (301, 64, 64) and file["control"].shape == (*risk.space.shape, 2)
    with h5py.File("problem", "w", driver="core", backing_store=False) as file:
        encode(file, "risk", risk, {})
        file.flush()
        sizes.append(file.id.get_filesize())
    assert sizes[0] < 2 * sizes[1] < 301 * 64 * 64
