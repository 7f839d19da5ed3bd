"""Run files of other machines: without pyFFTW, with fewer processors, and for programs with other rules for names."""

import os
import subprocess
import sys

import numpy as np
import pytest

import torusflow as tfl
from torusflow.backends.cpu.transform import default_library
from torusflow.errors import printable
from torusflow.storage.export import export_run
from torusflow.storage.whole_files import write_whole

WITHOUT_PYFFTW = "import sys; sys.modules['pyfftw'] = None\n"
needs_pyfftw = pytest.mark.skipif(default_library() != "fftw", reason="pyFFTW is not installed")


def density_run(path, names=("phi", "psi"), library=None):
    torus = tfl.Torus((16, 15), threads=1, library=library)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3, 0.2), tfl.densities.uniform(torus), 2, 3, 8)
    risk = tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))
    store = tfl.RunFile(path, coordinates=tfl.Coordinates("degrees", names))
    return tfl.descend(risk, risk.space.zeros(), tfl.GradientDescent(0.05, "armijo"), 2, store=store)


def without_pyfftw(code, folder):
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WITHOUT_PYFFTW + code], capture_output=True, text=True, cwd=folder
    )


def command(words, folder):
    return without_pyfftw(f"from torusflow.cli import main\nmain({words.split()!r})", folder)


@needs_pyfftw
@pytest.mark.slow
def test_a_run_made_with_pyfftw_is_read_without_it(tmp_path):
    result = density_run(tmp_path / "run.h5", library="fftw")
    for words in ("info run.h5 --verify", "plot run.h5", "export run.h5 -o run.nc", "sample run.h5 -o s.csv -n 5"):
        done = command(words, tmp_path)
        assert done.returncode == 0, done.stderr
    code = (
        "import torusflow as tfl\nrun = tfl.load('run.h5')\nprint(run.risk.model.torus.library, run.risk(run.control))"
    )
    library, value = without_pyfftw(code, tmp_path).stdout.split()
    assert library == "scipy" and float(value) == pytest.approx(result.value, rel=1e-10)


@needs_pyfftw
@pytest.mark.slow
def test_resuming_without_pyfftw_says_why_not_and_the_advice_works(tmp_path):
    density_run(tmp_path / "run.h5", library="fftw")
    before = (tmp_path / "run.h5").read_bytes()
    done = command("resume run.h5 --iterations 4", tmp_path)
    assert done.returncode == 2 and "not go on to the last bit" in done.stderr and "Install pyfftw" in done.stderr
    assert "torusflow refine run.h5 -o new.h5" in done.stderr and (tmp_path / "run.h5").read_bytes() == before
    done = command("refine run.h5 -o new.h5", tmp_path)
    assert done.returncode == 0, done.stderr
    done = command("resume new.h5 --iterations 2", tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(tfl.load(tmp_path / "new.h5").history["risk"]) == 3


def test_the_library_that_a_file_asks_for_is_taken_where_it_is_there(tmp_path):
    density_run(tmp_path / "run.h5", library="scipy")
    assert tfl.load(tmp_path / "run.h5").risk.model.torus.library == "scipy"


ODD_NAMES = {
    "Greek": ("φ", "χ₁"),
    "other alphabets": ("угол", "角"),
    "spaces and signs": ("phi, deg", "=psi"),
    "names of arguments": ("file", "status"),
    "lines": ("phi\ndeg", "psi"),
}


@pytest.mark.parametrize("kind", ODD_NAMES)
def test_axes_of_any_name_are_exported(kind, tmp_path):
    names = ODD_NAMES[kind]
    result = density_run(tmp_path / "run.h5", names)
    for suffix in ("npz", "nc"):
        export_run(tmp_path / "run.h5", tmp_path / f"run.{suffix}")
    with np.load(tmp_path / "run.npz", allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["output"], result.output)
        assert all(len(archive[name]) == n for name, n in zip(names, (16, 15), strict=True))
        assert str(archive["run_status" if "status" in names else "status"]) == result.status
    xarray = pytest.importorskip("xarray")
    with xarray.open_dataset(tmp_path / "run.nc", engine="h5netcdf") as data:
        assert data["trajectory"].dims == ("s", *names) and data["control"].dims[2] == f"k_{names[0]}"
        np.testing.assert_array_equal(data["output"], result.output)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("a\rb\x07\x9b", r"a\rb\x07\x9b"),
        ("\u202egnp", r"\u202egnp"),
        ("\udcff", r"\udcff"),
        ("φ, 角 and é\tstay\n", "φ, 角 and é\tstay\n"),
    ],
)
def test_what_would_move_the_cursor_is_shown_escaped(raw, shown):
    assert printable(raw) == shown
    assert str(tfl.InputError(raw)) == " ".join(printable(" ".join(raw.split())).split())


def test_a_link_at_the_temporary_name_is_not_written_through(tmp_path, monkeypatch):
    (tmp_path / "precious").write_text("precious")
    (tmp_path / f".out.csv.{os.getpid()}.part").symlink_to(tmp_path / "precious")
    write_whole(tmp_path / "out.csv", b"1,2\n")
    assert (tmp_path / "precious").read_text() == "precious" and (tmp_path / "out.csv").read_text() == "1,2\n"
    assert not (tmp_path / "out.csv").is_symlink()


@pytest.mark.slow
def test_what_a_reader_would_refuse_for_its_size_is_refused_before_the_run(tmp_path):
    """A torus of which no array of the file has the size."""
    points = np.random.default_rng(0).random((5, 2))
    model = tfl.TorusNODE(points, tfl.SobolevMetric(3, 0.2), 2, 2, 1, 1)
    start, method = model.space.zeros(), tfl.GradientDescent(0.1)
    for side, refused in ((1000, False), (2000, True)):
        risk = tfl.Risk(model, tfl.losses.CloudMMD(points, tfl.Torus((side, side), threads=1), squared=True))
        store = tfl.RunFile(tmp_path / f"{side}.h5")
        if refused:
            with pytest.raises(tfl.InputError, match=r"cannot hold this problem: a Torus like this has 4,000,000"):
                tfl.descend(risk, start, method, 0, store=store)
        else:
            tfl.descend(risk, start, method, 0, store=store)
            assert tfl.load(tmp_path / f"{side}.h5").risk.loss.torus.shape == (side, side)


@pytest.mark.slow
def test_many_centres_are_read_back(tmp_path):
    points = np.random.default_rng(0).random((5, 1))
    centres = np.linspace(0, 1, 1600)[:, None]
    model = tfl.RKHSNODE(points, tfl.KernelField(tfl.MaternKernel(1e-3, 1.5), centres), 1)
    risk = tfl.Risk(model, tfl.losses.SquaredDistance(points))
    tfl.descend(risk, model.space.zeros(), tfl.GradientDescent(0.1), 0, store=tmp_path / "run.h5")
    assert len(tfl.load(tmp_path / "run.h5").risk.model.family.centres) == 1600
