"""No command writes over what it reads, nor over what another kind of file holds, whatever it is asked."""

import os

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import torusflow as tfl
from torusflow import plotting
from torusflow.storage.export import export_run
from torusflow.storage.kinds import kind_of

SMALL = ("--grid", "16x16", "--layers", "2", "--band", "3", "--iterations", "1")
PROBLEM = '[target]\nkind = "samples"\nfile = "d.csv"\nunits = "radians"\n[torus]\nshape = [16, 16]\n[limits]\n'
PROBLEM += "iterations = 1\n[model]\nlayers = 2\nband = 3\n"


@pytest.fixture
def folder(call, tmp_path, rng):
    """A picture, samples and problem files, and a run of the picture."""
    picture = np.zeros((30, 30), np.uint8)
    picture[10:20, 10:20] = 255
    Image.fromarray(picture).save(tmp_path / "shape.png")
    header = {"header": "phi,psi", "comments": ""}
    np.savetxt(tmp_path / "d.csv", rng.vonmises(0, 2, (50, 2)), delimiter=",", **header)
    (tmp_path / "p.toml").write_text(PROBLEM)
    call("fit", "shape.png", "-o", "shape.h5", *SMALL)
    return tmp_path


@pytest.fixture
def drawn(monkeypatch):
    """Empty pictures, which are drawn sooner."""
    for name in ("plot_run", "plot_map"):
        monkeypatch.setattr(plotting, name, lambda *arguments: Figure((1, 1)))


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def test_what_fit_prints_can_be_followed_and_the_picture_stays(call, folder, drawn):
    before = (folder / "shape.png").read_bytes()
    call("plot", "shape.h5")
    call("plot", "shape.h5", "--map")
    call("plot", "shape.h5", "--overwrite")
    assert (folder / "shape.png").read_bytes() == before
    assert (folder / "shape-run.png").exists() and (folder / "shape-map.png").exists()


# The second name of each input is a link to it, and the third the long way to it.
READ = {
    "fit image": ("fit", "shape.png", "-o", "OUT", *SMALL),
    "fit samples": ("fit", "d.csv", "--units", "radians", "-o", "OUT", *SMALL),
    "fit problem": ("fit", "p.toml", "-o", "OUT"),
    "plot": ("plot", "shape.h5", "-o", "OUT"),
    "compare": ("compare", "shape.h5", "--with", "tangent-flow", "-o", "OUT"),
    "sample": ("sample", "shape.h5", "-o", "OUT"),
    "score run": ("score", "shape.h5", "d.csv", "-o", "OUT"),
    "score data": ("score", "shape.h5", "d.csv", "-o", "OUT"),
    "refine": ("refine", "shape.h5", "-o", "OUT"),
    "export": ("export", "shape.h5", "-o", "OUT"),
}
INPUTS = {
    "fit image": ("shape.png",),
    "fit samples": ("d.csv",),
    "fit problem": ("p.toml", "d.csv"),
    "score data": ("d.csv",),
}


@pytest.mark.parametrize("command", READ)
def test_what_is_read_is_not_written(call, folder, command):
    for name in INPUTS.get(command, ("shape.h5",)):
        end = {"plot": ".png", "compare": ".png", "export": ".csv"}.get(command, ".h5")
        (folder / f"link{end}").unlink(missing_ok=True)
        (folder / f"hard{end}").unlink(missing_ok=True)
        os.symlink(name, folder / f"link{end}")
        os.link(folder / name, folder / f"hard{end}")
        before = contents(folder)
        for output in (f"link{end}", f"hard{end}", *([] if end != ".h5" else [name, f"./{name}"])):
            arguments = [output if word == "OUT" else word for word in READ[command]]
            said = " ".join(call(*arguments, "--overwrite", code=2).stderr.split())
            assert "is an input here, so it is not overwritten" in said
            assert "say --overwrite" not in call(*arguments, code=2).stderr
        assert contents(folder) == before


@pytest.mark.parametrize(
    ("arguments", "held"),
    [
        (("fit", "p.toml", "-o", "shape.png"), "a picture that torusflow did not draw, which a run never"),
        (("fit", "p.toml", "-o", "notes.txt"), "holds a text, which a run never replaces"),
        (("fit", "p.toml", "-o", "other.h5"), "holds HDF5 that is not a run of torusflow, which a run never replaces"),
        (("refine", "shape.h5", "-o", "d.csv"), "holds a table, which a run never replaces"),
        (("sample", "shape.h5", "-o", "twin.h5"), "holds a run, which a table never replaces"),
        (("sample", "shape.h5", "-o", "p.toml"), "holds a text, which a table never replaces"),
        (
            ("score", "shape.h5", "d.csv", "-o", "shape.png"),
            "torusflow did not draw, which a table never",
        ),
        (("plot", "shape.h5", "-o", "shape.png"), "torusflow did not draw, which a picture never"),
        (("plot", "shape.h5", "-o", "table.png"), "holds a table, which a picture never replaces"),
        (("plot", "shape.h5", "-o", "run.png"), "holds a run, which a picture never replaces"),
        (("plot", "shape.h5", "-o", "photo.png"), "holds a JPEG image, which a picture never replaces"),
        (("compare", "shape.h5", "--with", "tangent-flow", "-o", "run.png"), "holds a run, which a picture never"),
        (("export", "shape.h5", "-o", "run.csv"), "holds a run, which a table never replaces"),
        (("export", "shape.h5", "-o", "table.npz"), "holds a table, which a NumPy archive never replaces"),
        (("export", "shape.h5", "-o", "table.nc"), "holds a table, which a NetCDF file never replaces"),
        (("plot", "shape.h5", "-o", "pipe.png"), "holds a device or a pipe, which a picture never replaces"),
    ],
)
def test_another_kind_of_file_is_not_replaced(call, folder, arguments, held):
    import h5py

    (folder / "notes.txt").write_text("precious\n")
    with h5py.File(folder / "other.h5", "w") as other:
        other["x"] = np.ones(3)
    for name in ("twin.h5", "run.png", "run.csv"):
        (folder / name).write_bytes((folder / "shape.h5").read_bytes())
    for name in ("table.png", "table.npz", "table.nc"):
        (folder / name).write_bytes((folder / "d.csv").read_bytes())
    Image.open(folder / "shape.png").save(folder / "photo.png", format="JPEG")
    os.mkfifo(folder / "pipe.png")
    before = contents(folder)
    for more in ((), ("--overwrite",)):
        assert held in " ".join(call(*arguments, *more, code=2).stderr.split())
    assert contents(folder) == before


@pytest.mark.slow
def test_the_same_kind_is_replaced_when_asked(call, folder, drawn):
    call("fit", "p.toml", "-o", "run.h5")
    for ending in ("csv", "npz", "nc"):
        for _ in range(2):
            call("export", "run.h5", "-o", f"run.{ending}", "--overwrite")
    for arguments in (
        ("sample", "run.h5", "-n", "3", "-o", "new.csv"),
        ("score", "run.h5", "d.csv"),
        ("plot", "run.h5", "-o", "run.svg"),
        ("plot", "run.h5", "-o", "run.pdf"),
        ("fit", "p.toml", "-o", "run.h5"),
        ("refine", "run.h5", "-o", "fine.h5"),
    ):
        for _ in range(2):
            call(*arguments, "--overwrite")
    (folder / "empty.h5").touch()
    call("fit", "p.toml", "-o", "empty.h5", "--overwrite")
    assert tfl.load(folder / "empty.h5").status


def test_from_python_too(folder):
    figure = Figure((1, 1))
    risk, text = tfl.load(folder / "shape.h5").risk, folder / "notes.png"
    text.write_text("precious\n")
    before = contents(folder)
    with pytest.raises(tfl.InputError, match="holds a text, which a picture never replaces"):
        plotting.save(figure, text, overwrite=True)
    with pytest.raises(tfl.InputError, match="holds a text, which a run never replaces"):
        tfl.descend(risk, risk.space.zeros(), tfl.GradientDescent(0.1), 1, store=tfl.RunFile(text, overwrite=True))
    os.symlink("shape.h5", folder / "link.csv")
    with pytest.raises(tfl.InputError, match="is an input here"):
        export_run(folder / "shape.h5", folder / "link.csv", overwrite=True)
    (folder / "link.csv").unlink()
    assert contents(folder) == before


def test_a_stop_file_that_is_read_is_not_removed(call, folder):
    (folder / "d.csv").rename(folder / "out.h5.stop")
    arguments = ("fit", "out.h5.stop", "--units", "radians", "-o", "out.h5", *SMALL)
    assert "is an input here" in call(*arguments, code=2).stderr and (folder / "out.h5.stop").exists()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "nothing"),
        (b"x\n0.5\n0.25\n", "a table"),
        (b"# by run.h5\nphi,psi\n1,2\n3,nan\n", "a table"),
        (b'"phi, deg",psi\n1,2\n', "a table"),
        (b"1 2\n3 4\n", "a table"),
        (b"residue;phi\nALA;0.5\n", "a table"),
        (b"phi,psi\n", "a text"),
        (b"a = 1\nb = [2]\n[target]\n", "a text"),
        (b"# Title\n\nSome 3 words, and 4.\n", "a text"),
        (b"print(1)\n", "a text"),
        (b"\x00\x01\x02", "something that torusflow does not write"),
        (b"%PDF-1.4\n\xff", "a picture that torusflow did not draw"),
        (b'<?xml version="1.0"?>\n<svg></svg>\n', "a picture that torusflow did not draw"),
        (b"PK\x03\x04" + bytes(26) + b"word/document.xml", "an archive"),
    ],
)
def test_kinds_are_told_by_content(tmp_path, content, kind):
    (tmp_path / "file").write_bytes(content)
    assert kind_of(tmp_path / "file") == kind
