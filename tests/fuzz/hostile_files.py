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
        "logarithms": (
            tfl.LogDensityNODE(torus, smooth, uniform, 2, 2, 8),
            tfl.losses.NormalisedLikelihood(points, torus, np.arange(20.0)),
            tfl.LBFGS(),
        ),
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
