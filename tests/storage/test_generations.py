"""What stands stays until something better stands: generations of a run file, its identity, what is beside it."""

import io
import os
import shutil
import stat
import subprocess
import sys
import textwrap

import h5py
import numpy as np
import pytest

import torusflow as tfl

PROGRAM = """
    import resource, sys
    import torusflow as tfl
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
    run = tfl.load(sys.argv[1])
    store = tfl.RunFile(sys.argv[1], interval=0.0)
    try:
        tfl.descend(run.risk, run.control, run.method, 9, store=store, resume=True)
    except tfl.InputError as error:
        sys.exit(str(error))
"""


@pytest.fixture(scope="module")
def risk():
    torus = tfl.Torus((16,), threads=1)
    model = tfl.MeasureNODE(torus, tfl.SobolevMetric(3, 0.2), tfl.densities.uniform(torus), layers=3, band=3)
    return tfl.Risk(model, tfl.losses.SquaredL2(tfl.densities.von_mises(torus)))


def run(risk, path, iterations=4, callback=None, resume=False, **options):
    store = tfl.RunFile(path, interval=0.0, **options)
    start, method = risk.space.zeros(), tfl.GradientDescent(0.05)
    return tfl.descend(risk, start, method, iterations, store=store, callback=callback, resume=resume)


def killed(risk, path):
    """A run as it stands, with the generation before, when it is killed before its fourth iteration."""
    kept = path.with_name("kept")
    kept.mkdir()
    before = path.parent / f".{path.name}.previous"

    def keep(iteration, row):
        if iteration == 3:
            for file in (path, before):
                shutil.copy(file, kept)

    run(risk, path, callback=keep)
    path.unlink()
    for file in (path, before):
        shutil.move(kept / file.name, file)
    kept.rmdir()
    return before


def cut(path):
    path.write_bytes(path.read_bytes()[:5000])


def changed(path):
    """Damaged where the densities stand: it can still say which run it is of."""
    with h5py.File(path) as file:
        place = file["output"].id.get_offset()
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def iterations_of(path):
    return len(tfl.load(path).history["risk"]) - 1


@pytest.mark.slow
def test_a_write_that_fails_leaves_what_can_be_read(tmp_path, risk):
    path = tmp_path / "run.h5"
    before = killed(risk, path)
    cut(path)
    files = {file: file.read_bytes() for file in (path, before)}
    code = textwrap.dedent(PROGRAM)
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(tfl.__file__))}
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, env=environment)
    assert (
        done.returncode == 0 and "cannot write" in done.stderr and "What was there before is unchanged." in done.stderr
    )
    assert {file: file.read_bytes() for file in sorted(tmp_path.iterdir(), reverse=True)} == files
    with pytest.warns(UserWarning, match="The state before it is read"):
        assert iterations_of(path) == 2


def test_a_damaged_file_is_not_linked_over_a_good_one(tmp_path, risk):
    path, seen = tmp_path / "run.h5", []

    def look(iteration, row):
        if iteration == 3:
            cut(path)
        if iteration == 4:
            seen.extend(iterations_of(file) for file in (path, tmp_path / ".run.h5.previous"))

    run(risk, path, 5, look)
    assert seen == [4, 2] and os.listdir(tmp_path) == ["run.h5"]


def test_a_run_that_was_removed_is_not_served_for_another(tmp_path, risk):
    path = tmp_path / "run.h5"
    before = killed(risk, path)
    path.unlink()
    seen = []

    def look(iteration, row):
        seen.append(before.exists())

    with pytest.warns(UserWarning, match="is of an earlier run of this name, and is removed once this one is stored"):
        run(risk, path, 2, look)
    assert seen == [True, False, True]  # until the first write stands; then there is one of the new run
    killed_before = path.with_name("other.h5")
    other = killed(risk, killed_before)
    changed(path)
    shutil.copy(other, before)
    with pytest.raises(tfl.InputError, match="is damaged"):
        tfl.load(path)


def test_a_run_over_another_keeps_no_generation_of_it(tmp_path, risk):
    path, seen = tmp_path / "run.h5", []
    run(risk, path)
    first = identity(path)

    def look(iteration, row):
        seen.append((tmp_path / ".run.h5.previous").exists())

    run(risk, path, 2, look, overwrite=True)
    assert seen == [False, False, True] and identity(path) != first


def identity(path):
    with h5py.File(path) as file:
        return file.attrs["identity"]


def test_a_run_is_the_same_run_when_it_goes_on(tmp_path, risk):
    path = tmp_path / "run.h5"
    run(risk, path, 2)
    first = identity(path)
    run(risk, path, 4, resume=True)
    assert identity(path) == first
    tfl.RunFile(path).restate("failed: so it is")
    assert identity(path) == first and tfl.load(path).status == "failed: so it is"


def test_runs_without_an_identity_go_on(tmp_path, risk):
    """As written before there was one."""
    from torusflow.storage import sealed
    from torusflow.storage.image import Image

    path = tmp_path / "run.h5"
    run(risk, path, 2)
    with sealed.read_sealed(path) as image:
        with sealed.opened(image) as file:
            name = file.attrs["identity"]
            del file.attrs["identity"]
        content = b"".join(image.blocks()).replace(name.encode(), bytes(46))
    sealed.write_sealed(path, Image(io.BytesIO(content), len(content)), keep_previous=False)
    assert sealed.identity(path) is None
    assert run(risk, path, 4, resume=True).iterations == 4 and identity(path)


def test_the_folder_is_on_the_disk_too(tmp_path, risk, monkeypatch):
    done = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda file: (done.append(stat.S_ISDIR(os.fstat(file).st_mode)), sync(file)))
    monkeypatch.setattr(os, "replace", lambda *names: (done.append("renamed"), replace(*names)))
    run(risk, tmp_path / "run.h5", 0)
    assert done[-3:] == [False, "renamed", True]


def test_links_at_the_names_of_temporaries_are_not_written_through(tmp_path, risk):
    precious, path = tmp_path / "precious", tmp_path / "run.h5"
    precious.write_text("precious")
    os.symlink(precious, tmp_path / f".run.h5.{os.getpid()}.part")
    run(risk, path)
    assert precious.read_text() == "precious"
    os.symlink(tmp_path / "made", tmp_path / ".run.h5.lock")
    with pytest.raises(tfl.InputError, match="cannot write beside"):
        run(risk, path, resume=True)
    assert not (tmp_path / "made").exists()


@pytest.mark.filterwarnings("always::UserWarning")
def test_with_only_the_generation_before_a_run_goes_on_from_it(call, tmp_path, risk):
    path = tmp_path / "run.h5"
    killed(risk, path)
    path.unlink()
    said = call("resume", "run.h5", "--only-check")
    assert "it can go on" in said.output and "there is no file 'run.h5'. The state before it is read" in said.stderr
    assert sorted(os.listdir(tmp_path)) == [".run.h5.previous"]
    seen = []
    with pytest.warns(UserWarning, match="there is no file"):
        result = run(risk, path, 4, lambda iteration, row: seen.append(iteration), resume=True)
    assert seen == [3, 4]
    whole = tfl.descend(risk, risk.space.zeros(), tfl.GradientDescent(0.05), 4)
    np.testing.assert_array_equal(result.control, whole.control)


@pytest.mark.filterwarnings("always::UserWarning")
def test_a_file_of_another_kind_is_not_written_over_when_a_run_goes_on(call, tmp_path, risk):
    path = tmp_path / "run.h5"
    killed(risk, path)
    path.write_text("precious\n")
    assert "holds a text" in call("resume", "run.h5", code=2).stderr and path.read_text() == "precious\n"
    path.rename(tmp_path / "away")
    call("resume", "run.h5", "--iterations", "4")
    assert iterations_of(path) == 4


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the grid hardly resolves")
def test_a_reference_stays_when_the_run_goes_on(call, tmp_path, risk):
    path = tmp_path / "run.h5"
    run(risk, path)
    call("compare", "run.h5", "--with", "tangent-flow", "-o", "picture.png")
    before = tfl.load(path).references["tangent-flow"]
    call("resume", "run.h5", "--iterations", "6")
    after = tfl.load(path).references["tangent-flow"]
    assert iterations_of(path) == 6 and after.solver == before.solver
    for name in ("times", "density", "risk"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
    with h5py.File(path) as file:
        assert [scale[0].name for scale in file["reference/tangent-flow/density"].dims][1:] == ["/x"]
    run(risk, path, overwrite=True)
    assert tfl.load(path).references == {}


def test_nobody_writes_while_a_run_goes_on(call, tmp_path, risk):
    path, link = tmp_path / "run.h5", tmp_path / "link.h5"
    run(risk, path)
    os.symlink("run.h5", link)
    before = path.read_bytes()
    reference = tfl.Reference("mine", "by hand", np.zeros(1), np.ones((1, 16)), np.zeros(1))
    with tfl.RunFile(path).locked():
        for name in (path, link):
            said = call("compare", name, "--with", "tangent-flow", code=2).stderr
            assert "another process is writing" in said
            for write in (
                lambda name=name: tfl.add_reference(name, reference),
                lambda name=name: tfl.RunFile(name).restate("failed"),
                lambda name=name: run(risk, name, resume=True),
            ):
                with pytest.raises(tfl.InputError, match="another process is writing"):
                    write()
    assert path.read_bytes() == before
    tfl.add_reference(link, reference)
    assert "mine" in tfl.load(path).references


def test_a_link_stays_a_link(tmp_path, risk):
    (tmp_path / "runs").mkdir()
    path, link = tmp_path / "runs" / "run.h5", tmp_path / "link.h5"
    os.symlink("runs/run.h5", link)
    seen = []
    run(risk, link, 3, lambda iteration, row: seen.append(sorted(os.listdir(path.parent))))
    assert seen[2] == [".run.h5.lock", ".run.h5.previous", "run.h5"]
    run(risk, link, 4, resume=True)
    tfl.RunFile(link).restate("failed")
    assert link.is_symlink() and iterations_of(path) == 4 and tfl.load(path).status == "failed"
    assert sorted(os.listdir(tmp_path)) == ["link.h5", "runs"] and os.listdir(path.parent) == ["run.h5"]


def test_a_stop_file_of_the_past_stops_nothing(tmp_path, risk):
    stop = tmp_path / "run.h5.stop"
    stop.touch()
    with pytest.warns(UserWarning, match=r"run\.h5\.stop.* existed before this descent began"):
        assert run(risk, tmp_path / "run.h5").iterations == 4
    assert not stop.exists()


def test_a_stop_file_that_cannot_be_removed_stops_one_run(tmp_path, risk, monkeypatch):
    stop = tmp_path / "run.h5.stop"
    unlink = type(stop).unlink

    def refuse(path, *rest, **more):
        if path.name == stop.name:
            raise PermissionError(13, "no")
        unlink(path, *rest, **more)

    monkeypatch.setattr(type(stop), "unlink", refuse)
    result = run(risk, tmp_path / "run.h5", 4, lambda iteration, row: stop.touch() if iteration == 2 else None)
    assert result.status == "stopped after 2 iterations by the file run.h5.stop"
    with pytest.warns(UserWarning, match="existed before"):
        assert run(risk, tmp_path / "run.h5", resume=True).iterations == 4


def test_a_folder_is_no_stop_file(tmp_path, risk):
    def make(iteration, row):
        if iteration == 2:
            (tmp_path / "run.h5.stop").mkdir()

    assert run(risk, tmp_path / "run.h5", callback=make).iterations == 4
    assert run(risk, tmp_path / "run.h5", 5, resume=True).iterations == 5


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_permissions_stay(call, tmp_path, risk, monkeypatch):
    path, seen, replace = tmp_path / "run.h5", [], os.replace
    before = killed(risk, path)
    for file in (path, before):
        file.chmod(0o600)
    monkeypatch.setattr(os, "replace", lambda new, old: (seen.append(mode(new)), replace(new, old)))
    run(risk, path, resume=True)
    tfl.RunFile(path).restate("failed")
    call("export", "run.h5", "-o", "run.csv")
    (tmp_path / "run.csv").chmod(0o640)
    call("export", "run.h5", "-o", "run.csv", "--overwrite")
    umask = os.umask(0)
    os.umask(umask)
    assert set(seen[:-2]) == {0o600} and seen[-2:] == [0o666 & ~umask, 0o640]
    assert mode(path) == 0o600 and mode(tmp_path / "run.csv") == 0o640


def test_a_run_from_the_generation_before_has_its_permissions(tmp_path, risk):
    path = tmp_path / "run.h5"
    killed(risk, path).chmod(0o600)
    path.unlink()
    with pytest.warns(UserWarning, match="there is no file"):
        run(risk, path, resume=True)
    assert mode(path) == 0o600


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files to others")
@pytest.mark.parametrize("allowed", ["owner and group", "group", "nothing"])
def test_owner_and_group_stay_where_they_may(tmp_path, risk, monkeypatch, allowed):
    path, give = tmp_path / "run.h5", os.fchown
    run(risk, path, 1)
    os.chown(path, 1234, 1235)
    path.chmod(0o664)

    def may(handle, owner, group):
        if allowed == "nothing" or (allowed == "group" and owner != -1):
            raise PermissionError(1, "no")
        give(handle, owner, group)

    monkeypatch.setattr(os, "fchown", may)
    run(risk, path, 2, resume=True)
    now = os.stat(path)
    assert (now.st_uid == 1234, now.st_gid == 1235) == (allowed == "owner and group", allowed != "nothing")
    assert mode(path) == (0o604 if allowed == "nothing" else 0o664)


def test_a_new_file_obeys_the_umask(tmp_path, risk):
    before = os.umask(0o027)
    try:
        run(risk, tmp_path / "run.h5", 1)
    finally:
        os.umask(before)
    assert mode(tmp_path / "run.h5") == 0o640
