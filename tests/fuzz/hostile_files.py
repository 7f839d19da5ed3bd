"""Run files made by somebody hostile, with the right checksum: each kind is a good one and one change to it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import h5py
import numpy as np

import torusflow as tfl
from torusflow.storage.sealed import SEAL

SECRET = "the secret of the machine"
HUGE = 10**6


def good_runs(folder: Path) -> dict[str, Path]:
    """Whole runs of several models, with a reference beside the first."""
    torus = tfl.Torus((16, 15), threads=1)
    rng = np.random.default_rng(3)
    smooth, uniform = tfl.SobolevMetric(3, 0.2), tfl.densities.uniform(torus)
    target = tfl.densities.von_mises(torus)
    points = rng.random((20, 2))
    centres = np.array([[i, j] for i in (0.2, 0.8) for j in (0.2, 0.8)])
    models = {
        "density": (tfl.MeasureNODE(torus, smooth, uniform, 3, 3, 8), tfl.losses.SquaredL2(target), tfl.LBFGS()),
        "samples": (tfl.SampleNODE(points, smooth, None, 2, 2, 1, 1), tfl.losses.LogLikelihood(), tfl.HeavyBall(0.01)),
        "kernel": (
            tfl.RKHSNODE(points, tfl.KernelField(tfl.GaussianKernel(0.3), centres), 2),
            tfl.losses.SquaredDistance(points + 0.1),
            tfl.BarzilaiBorwein(0.01),
        ),
        "features": (
            tfl.RKHSNODE(points, tfl.RandomFourierFeatures(2, 10), 2),
            tfl.losses.CloudMMD((points + 0.1) % 1, tfl.Torus((9, 9))),
            tfl.GradientDescent(0.01),
        ),
        "network": (tfl.LinearNetwork(points.T, (3, 2)), tfl.losses.SquaredDistance(points.T), tfl.Nesterov(0.01)),
    }
    paths = {}
    for name, (model, loss, method) in models.items():
        path = paths[name] = folder / f"{name}.h5"
        start = model.space.zeros() if name != "network" else 0.1 * np.ones(model.space.shape)
        names = tfl.Coordinates("degrees", ("phi", "psi"))
        tfl.descend(tfl.Risk(model, loss), start, method, 3, store=tfl.RunFile(path, coordinates=names))
    values = np.ones((2, *torus.shape))
    tfl.add_reference(paths["density"], tfl.Reference("tangent-flow", "by hand", np.arange(2.0), values, np.ones(2)))
    return paths


def sealed(image: bytes) -> bytes:
    """As a run file has it behind its bytes."""
    return image + SEAL + hashlib.sha256(image).hexdigest().encode() + b"\n"


def unsealed(content: bytes) -> bytes:
    return content[: content.rindex(SEAL)]


def changed(path: Path, change, target: Path) -> None:
    """A run with one change to its HDF5 file, and the right checksum."""
    target.write_bytes(unsealed(path.read_bytes()))
    with h5py.File(target, "r+") as file:
        change(file)
    target.write_bytes(sealed(target.read_bytes()))


# -- changes ----------------------------------------------------------------------------------------------------------


def attribute(place: str, name: str, value):
    """Another value of an attribute of a group, as JSON."""
    return raw_attribute(place, name, json.dumps(value))


def raw_attribute(place: str, name: str, value, **options):
    def change(file):
        file[place].attrs.pop(name, None)
        file[place].attrs.create(name, value, **options)

    return change


def replaced(place: str, **options):
    """Another dataset at a place."""

    def change(file):
        if place in file:
            del file[place]
        file.create_dataset(place, **options)

    return change


def without(place: str):
    def change(file):
        del file[place]

    return change


def without_attribute(place: str, name: str):
    def change(file):
        del file[place].attrs[name]

    return change


def linked(place: str, link):
    """A link at a place in place of what stands there."""

    def change(file):
        if place in file:
            del file[place]
        file[place] = link(file) if callable(link) else link

    return change


def external(place: str):
    """A dataset whose numbers are the bytes of another file."""

    def change(file):
        shape, dtype, scales = file[place].shape, file[place].dtype, dict(file[place].attrs)
        del file[place]
        size = int(np.prod(shape)) * dtype.itemsize
        made = file.create_dataset(place, shape, dtype, external=[("secret.txt", 0, size)])
        made.attrs.update({key: value for key, value in scales.items() if key in ("units", "long_name")})

    return change


def virtual(place: str):
    """A dataset whose numbers are those of another HDF5 file."""

    def change(file):
        shape, dtype = file[place].shape, file[place].dtype
        del file[place]
        layout = h5py.VirtualLayout(shape, dtype)
        layout[...] = h5py.VirtualSource("secret.h5", "data", shape=shape)
        file.create_virtual_dataset(place, layout)

    return change


def texts(place: str):
    return replaced(place, data=np.array(["a", "b"], object), dtype=h5py.string_dtype())


def references(place: str):
    def change(file):
        del file[place]
        made = file.create_dataset(place, (2,), h5py.ref_dtype)
        made[0] = file["control"].ref

    return change


def deep(levels: int, place: str = "problem/risk/model"):
    def change(file):
        group = file[place]
        for _ in range(levels):
            group = group.create_group("model")
            group.attrs["type"] = "Scaled"

    return change


def many(count: int, place: str = "checkpoint/state/memory"):
    def change(file):
        for number in range(count):
            file[place].create_group(f"g{number}")

    return change


def many_attributes(file):
    for number in range(2000):
        file["problem/risk"].attrs[f"a{number}"] = "1"


def doubling(file):
    """A tree that is small as a file and enormous as a nested mapping."""
    above = file["checkpoint/state/memory"]
    for _ in range(25):
        below = above.create_group("a")
        above["b"] = below
        above = below


def other_kind(place: str, kind: str):
    return raw_attribute(place, "type", kind)


def empty_attribute(file):
    file["problem"].attrs["limits"] = h5py.Empty("f")


def bad_utf8(file):
    file.id.links.create_soft(b"\xff\xfe", b"x")


def compressed_constant(place: str, shape, chunk=None):
    """Nothing but one number, which gzip packs a thousand times."""
    chunk = chunk or (1,) * (len(shape) - 1) + (min(shape[-1], 2**17),)
    return replaced(place, shape=shape, dtype="f8", chunks=chunk, compression="gzip", fillvalue=1.0)


def filled(place: str, size: int):
    def change(file):
        if place in file:
            del file[place]
        file.create_dataset(place, data=np.zeros(size), chunks=(2**17,), compression="gzip")

    return change


def all_rows(name: str, value):
    """Another column of the history, both as it is shown and as it goes on."""

    def change(file):
        for place in (name, f"checkpoint/history/{name}"):
            file[place][...] = value

    return change


def strange_scale(file):
    """The axis of a field is an array that stands elsewhere."""
    made = file["reference"].create_dataset("axis", data=np.ones(16))
    made.make_scale("axis")
    file["output"].dims[0].detach_scale(file["phi"])
    file["output"].dims[0].attach_scale(made)


MODEL, LOSS, STATE = "problem/risk/model", "problem/risk/loss", "checkpoint/state"
TORUS, METRIC = "problem/risk/loss/target/torus", "problem/risk/model/metric"

# name: (good run, change); load refuses all of them.
REFUSED = {
    # what lies elsewhere
    "external link": ("density", linked("output", h5py.ExternalLink("secret.h5", "/data"))),
    "external link to a problem": ("density", linked("problem", h5py.ExternalLink("secret.h5", "/"))),
    "soft link": ("density", linked("output", h5py.SoftLink("/initial"))),
    "dangling soft link": ("density", linked("trajectory", h5py.SoftLink("/nowhere"))),
    "soft link in a circle": ("density", linked("risk", h5py.SoftLink("/risk"))),
    "soft link to the root": ("density", linked("problem/again", h5py.SoftLink("/"))),
    "external storage": ("density", external("output")),
    "external storage of the history": ("density", external("risk")),
    "external storage of an unknown array": ("density", replaced("e", shape=(8,), external=[("secret.txt", 0, 64)])),
    "virtual storage": ("density", virtual("output")),
    "virtual storage of a target": ("density", virtual("problem/risk/loss/target/values")),
    # loops and second names
    "group that holds the root": ("density", linked("problem/risk/root", lambda file: file["/"])),
    "group that holds itself": ("density", linked("problem/risk/model/model", lambda file: file[MODEL])),
    "checkpoint that holds itself": ("density", linked(f"{STATE}/memory/a", lambda file: file[STATE])),
    "doubling tree": ("density", doubling),
    "array of two names": ("density", linked("copy", lambda file: file["output"])),
    "problem as checkpoint": ("density", linked("checkpoint", lambda file: file["problem"])),
    "deep tree": ("density", deep(200)),
    "very many groups": ("density", many(11_000)),
    "very many attributes": ("density", many_attributes),
    # kinds of numbers
    "texts as output": ("density", texts("output")),
    "texts beside the run": ("density", texts("notes")),
    "references as history": ("density", references("risk")),
    "records": ("density", replaced("records", data=np.zeros(3, [("a", "f8"), ("b", "i4")]))),
    "opaque bytes": ("density", replaced("opaque", data=np.zeros(3, "V16"))),
    "fixed texts": ("density", replaced("fixed", data=np.zeros(3, "S16"))),
    "rows of unequal length": ("density", replaced("ragged", shape=(3,), dtype=h5py.vlen_dtype(np.float64))),
    "arrays of arrays": ("density", replaced("nested", shape=(3,), dtype=np.dtype(("f8", (4,))))),
    "enumeration": ("density", replaced("enum", shape=(3,), dtype=h5py.enum_dtype({"A": 1, "B": 2}))),
    "named datatype": ("density", linked("dtype", np.dtype("f8"))),
    "quadruple numbers": ("density", replaced("output", data=np.ones((16, 15), np.longdouble))),
    "empty dataset": ("density", replaced("output", data=h5py.Empty("f8"))),
    # sizes
    "output of terabytes": ("density", replaced("output", shape=(10**6, 10**6), dtype="f8")),
    "checkpoint of terabytes": ("density", replaced(f"{STATE}/output", shape=(10**6, 10**6), dtype="f8")),
    "target of gigabytes": ("density", compressed_constant("problem/risk/loss/target/values", (20000, 20000))),
    "compressed gigabytes": ("density", compressed_constant("output", (20000, 20000))),
    "trajectory of gigabytes": ("density", compressed_constant("trajectory", (10**6, 16, 15))),
    "packed history": ("density", filled("risk", 2**22)),
    "packed stranger": ("density", filled("stranger", 2**22)),
    "packed axis": ("density", filled("phi", 2**22)),
    "chunk of gigabytes": ("density", compressed_constant("output", (16, 15, 2**24), (16, 15, 2**24))),
    "other filter": ("density", replaced("output", data=np.ones((16, 15)), compression="lzf")),
    "scaled numbers": ("density", replaced("output", data=np.ones((16, 15)), scaleoffset=3, chunks=True)),
    "text of megabytes": ("density", raw_attribute("problem/risk", "penalty", "1" * 3_000_000)),
    "status of megabytes": ("density", raw_attribute("/", "status", "x" * 3_000_000)),
    "deep JSON": ("density", raw_attribute("problem/risk", "penalty", "[" * 500_000)),
    "deep JSON of the limits": ("density", raw_attribute("problem", "limits", '{"a":' * 100_000)),
    "huge number": ("density", raw_attribute("problem/risk", "penalty", "1" + "0" * 100_000)),
    "number beyond floats": ("density", raw_attribute("problem/risk", "penalty", "1" + "0" * 1_000)),
    # objects that ask for memory or threads
    "huge torus": ("density", attribute(TORUS, "shape", [40_000, 40_000])),
    "huge torus of a cloud": ("features", attribute(f"{LOSS}/torus", "shape", [40_000, 40_000])),
    "huge band": ("samples", attribute(MODEL, "band", [8_000, 8_000])),
    "huge band along one axis": ("samples", attribute(MODEL, "band", [8_000, 0])),
    "very many layers": ("density", attribute(MODEL, "layers", HUGE)),
    "very many layers of points": ("kernel", attribute(MODEL, "layers", HUGE)),
    "very many features": ("features", attribute(f"{MODEL}/family", "count", HUGE)),
    "very many features and dimensions": ("features", attribute(f"{MODEL}/family", "dimension", HUGE)),
    "very many centres": ("kernel", replaced(f"{MODEL}/family/centres", data=np.arange(20_000.0).reshape(-1, 2))),
    "very wide network": ("network", attribute(MODEL, "widths", [HUGE, 2])),
    "threads as text": ("samples", attribute(MODEL, "threads", "many")),
    "threads of a torus": ("density", attribute(TORUS, "threads", HUGE)),
    # objects that are none
    "unknown class": ("density", other_kind(MODEL, "os.system")),
    "class of runs": ("density", other_kind("problem/method", "RunFile")),
    "no class": ("density", without_attribute(MODEL, "type")),
    "class as a number": ("density", raw_attribute(MODEL, "type", 3)),
    "method as risk": ("density", linked("problem/risk", lambda file: file["problem/method"])),
    "risk as method": ("density", linked("problem/method", lambda file: file["problem/risk"])),
    "risk as coordinates": ("density", linked("problem/coordinates", lambda file: file["problem/risk"])),
    "method as validation": ("density", linked("problem/validation", lambda file: file["problem/method"])),
    "density as model": ("density", linked(MODEL, lambda file: file[f"{LOSS}/target"])),
    "tuple as risk": ("density", other_kind("problem/risk", "tuple")),
    "array as model": ("density", replaced(MODEL, data=np.ones(3))),
    "array as problem": ("density", replaced("problem", data=np.ones(3))),
    "group as output": ("density", lambda file: (without("output")(file), file.create_group("output"))),
    "unknown field": ("density", attribute(METRIC, "__class__", "x")),
    "unknown array": ("density", replaced(f"{METRIC}/more", data=np.ones(3))),
    "missing field": ("density", without(f"{MODEL}/metric")),
    "functions as features": ("features", other_kind(f"{MODEL}/family", "Features")),
    "smoothness of a text": ("density", attribute(METRIC, "smoothness", "3")),
    "smoothness NaN": ("density", raw_attribute(METRIC, "smoothness", "NaN")),
    "smoothness infinite": ("density", raw_attribute(METRIC, "smoothness", "Infinity")),
    "smoothness a list": ("density", attribute(METRIC, "smoothness", [3.0])),
    "smoothness an object": ("density", attribute(METRIC, "smoothness", {"a": 1})),
    "no JSON": ("density", raw_attribute(METRIC, "smoothness", "import os")),
    "number for JSON": ("density", raw_attribute(METRIC, "smoothness", 3.0)),
    "array for JSON": ("density", raw_attribute(METRIC, "smoothness", np.ones(10))),
    "band too large": ("density", attribute(MODEL, "band", [9, 9])),
    "density of NaN": ("density", replaced(f"{LOSS}/target/values", data=np.full((16, 15), np.nan))),
    "density of complex numbers": ("density", replaced(f"{LOSS}/target/values", data=np.ones((16, 15), complex))),
    "unknown units": ("density", attribute("problem/coordinates", "units", "\x1b[31mred")),
    "names as a number": ("density", attribute("problem/coordinates", "names", 3)),
    # fields of the run
    "checkpoint an array": ("density", replaced("checkpoint", data=np.ones(3))),
    "no problem": ("density", without("problem")),
    "no risk": ("density", without("problem/risk")),
    "no method": ("density", without("problem/method")),
    "no control": ("density", without("control")),
    "no output": ("density", without("output")),
    "no trajectory": ("density", without("trajectory")),
    "no history": ("density", without("risk")),
    "no gradient norm": ("density", without("gradient_norm")),
    "no mass": ("density", without("mass")),
    "no status": ("density", without_attribute("/", "status")),
    "no date": ("density", without_attribute("/", "created")),
    "status a number": ("density", raw_attribute("/", "status", 3)),
    "status a list": ("density", raw_attribute("/", "status", np.array(["a", "b"], object), dtype=h5py.string_dtype())),
    "version a text": ("density", raw_attribute("/", "format_version", "2")),
    "version of the future": ("density", raw_attribute("/", "format_version", 10**9)),
    "other format": ("density", raw_attribute("/", "format", "other")),
    "control of another shape": ("density", replaced("control", data=np.ones((3, 2, 7, 5, 2)))),
    "control of integers": ("density", replaced("control", data=np.full((3, 2, 7, 4, 2), 2**62))),
    "control of NaN": ("density", replaced("control", data=np.full((3, 2, 7, 4, 2), np.nan))),
    "control of no real field": ("density", replaced("control", data=np.arange(336.0).reshape(3, 2, 7, 4, 2))),
    "output of another shape": ("density", replaced("output", data=np.ones((15, 16)))),
    "output of infinities": ("density", replaced("output", data=np.full((16, 15), np.inf))),
    "trajectory of another shape": ("density", replaced("trajectory", data=np.ones((9, 16, 15)))),
    "initial of another shape": ("density", replaced("initial", data=np.ones(3))),
    "history of unequal columns": ("density", replaced("gradient_norm", data=np.ones(9))),
    "history without rows": ("density", replaced("risk", data=np.ones(0))),
    "history of rows of rows": ("density", replaced("risk", data=np.ones((4, 4)))),
    "history of complex numbers": ("density", replaced("risk", data=np.ones(4, complex))),
    "column called =cmd": ("density", replaced("=cmd|'C calc'!A0", data=np.ones(4))),
    "column of two lines": ("density", replaced("a\nb,c", data=np.ones(4))),
    "limits a list": ("density", attribute("problem", "limits", [1])),
    "limits of another name": ("density", attribute("problem", "limits", {"store": "x"})),
    "limits of texts": ("density", attribute("problem", "limits", {"iterations": "many"})),
    "limits empty": ("density", empty_attribute),
    "reference of another shape": ("density", replaced("reference/tangent-flow/density", data=np.ones((2, 9)))),
    "reference without times": ("density", without("reference/tangent-flow/time")),
    "reference an array": ("density", replaced("reference", data=np.ones(3))),
    "name that is no text": ("density", bad_utf8),
}

# The checkpoint is not read by load; resume refuses these.
NOT_RESUMED = {
    "checkpoint empty": ("density", lambda file: (without("checkpoint")(file), file.create_group("checkpoint"))),
    "deep JSON of the checkpoint": ("density", raw_attribute(STATE, "value", "[" * 500_000)),
    "no start": ("density", without("checkpoint/start")),
    "start of another shape": ("density", replaced("checkpoint/start", data=np.ones((3, 2), complex))),
    "start of real numbers": ("density", replaced("checkpoint/start", data=np.ones((3, 2, 7, 4)))),
    "start a group": (
        "density",
        lambda file: (without("checkpoint/start")(file), file.create_group("checkpoint/start")),
    ),
    "no state": ("density", without(STATE)),
    "state control of another shape": ("density", replaced(f"{STATE}/control", data=np.ones((3, 2, 7, 5), complex))),
    "state control of NaN": ("density", replaced(f"{STATE}/control", data=np.full((3, 2, 7, 4), np.nan + 0j))),
    "state gradient missing": ("density", without(f"{STATE}/gradient")),
    "state output of another shape": ("density", replaced(f"{STATE}/output", data=np.ones((15, 16)))),
    "state value a text": ("density", attribute(STATE, "value", "small")),
    "state value NaN": ("density", raw_attribute(STATE, "value", "NaN")),
    "state value an array": (
        "density",
        lambda file: (without_attribute(STATE, "value")(file), replaced(f"{STATE}/value", data=np.ones(3))(file)),
    ),
    "state step a list": ("density", attribute(STATE, "next_step", [1, 2])),
    "state keep a text": ("density", attribute(STATE, "keep", "no")),
    "state finished a number": ("density", attribute(STATE, "finished", 7)),
    "memory missing": ("density", without(f"{STATE}/memory")),
    "memory of another shape": ("density", replaced(f"{STATE}/memory/steps", data=np.ones((1, 3, 2), complex))),
    "memory of unequal length": ("density", replaced(f"{STATE}/memory/steps", data=np.ones((9, 3, 2, 7, 4), complex))),
    "memory of HeavyBall missing": ("samples", without(f"{STATE}/memory/previous")),
    "memory of BarzilaiBorwein a number": ("kernel", replaced(f"{STATE}/memory/risks", data=1.0)),
    "memory of Nesterov an array": ("network", replaced(f"{STATE}/memory/t", data=np.ones(3))),
    "times of another length": ("density", replaced("checkpoint/times", data=np.ones(7))),
    "kept controls missing": ("density", without("checkpoint/controls")),
    "history of a checkpoint missing": ("density", without("checkpoint/history")),
    "history of a checkpoint without risk": ("density", without("checkpoint/history/risk")),
    "history of a checkpoint unequal": ("density", replaced("checkpoint/history/mass", data=np.ones(9))),
    "history of a checkpoint empty": ("density", replaced("checkpoint/history/risk", data=np.ones(0))),
    "history of a checkpoint of NaN": ("density", replaced("checkpoint/history/seconds", data=np.full(4, np.nan))),
    "substeps NaN": ("density", replaced("checkpoint/history/substeps", data=np.full(4, np.nan))),
    "substeps huge": ("density", replaced("checkpoint/history/substeps", data=np.full(4, 1e300))),
    "best a text": ("density", attribute("checkpoint", "best", "last")),
}

# Odd, but no harm: every command does what it does, or says in a sentence why not.
ODD = {
    "escapes in the status": ("density", raw_attribute("/", "status", "\x1b[2J\x1b]0;owned\x07 done\r\u202egnp")),
    "escapes in a name": ("density", attribute(f"{LOSS}/target", "name", "\x1b[31mred\nline")),
    "escapes in the date": ("density", raw_attribute("/", "created", "\x1b[2J")),
    "escapes in the names of axes": ("density", attribute("problem/coordinates", "names", ["\x1b[1m", "\x07"])),
    "escapes in a solver": ("density", raw_attribute("reference/tangent-flow", "solver", "\x1b[31mred")),
    "very many threads": ("samples", attribute(MODEL, "threads", HUGE)),
    "output of huge numbers": ("density", replaced("output", data=np.full((16, 15), 1e300))),
    "trajectory of huge numbers": ("density", replaced("trajectory", data=np.full((4, 16, 15), -1e300))),
    "history of NaN": ("density", all_rows("gradient_norm", np.nan)),
    "risks of infinities": ("density", lambda file: file["risk"].write_direct(np.full(4, np.inf))),
    "risks of huge numbers": ("density", all_rows("risk", 1e308)),
    "times of huge numbers": ("density", all_rows("time", 1e308)),
    "control too fast": ("density", lambda file: file["control"].write_direct(1e10 * file["control"][...])),
    "no scales": ("density", without_attribute("output", "DIMENSION_LIST")),
    "no units": ("density", without_attribute("output", "units")),
    "scale a stranger": ("density", strange_scale),
    "axes of integers": ("density", lambda file: file["layer"].write_direct(np.array([2**62] * 3))),
}
