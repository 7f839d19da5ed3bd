"""Animations of runs: how the training went, or how the flow moves what it carries."""

from __future__ import annotations

import dataclasses
import io
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..arguments import checked_path
from ..backends import to_host
from ..errors import InputError
from ..model import HasDensity, Layered, OnPoints, Refinable
from ..storage import Run
from ..storage.classes import Unknown, missing_classes
from ..storage.kinds import ANIMATION, ANIMATION_MARK
from ..storage.runs import read_run
from ..storage.sealed import generations
from ..storage.whole_files import refuse_existing, write_whole
from ..torus.density import FunctionSpace
from ..transport.flow_map import FlowMap
from .fields import density_of, evaluated
from .packing import some
from .scenes import Scene, density_scene, graph_scene, points_scene
from .training import iterates

SUFFIXES = (".mp4", ".gif")
KINDS = ("training", "flow")
# Frames, at most; of them a second; and for how many the last one stays.
FRAMES, RATE, HELD = 60, 12, 12
LATTICE = {1: 40, 2: 24, 3: 10}  # points an axis, of a flow that carries nothing that is stored


class Frame(NamedTuple):
    """What is seen at once: a density, or points, and where on the way that is."""

    values: np.ndarray
    title: str


def animate(run, path, of: str = "training", overwrite: bool = False, classes: Sequence = ()) -> None:
    """Write an animation of a run: a density or points over the training, or along the flow of the last control.

    Iterates that the file does not keep are found by repeating the descent, which takes as long as it took.

    Parameters
    ----------
    run : str or path
        A run file.
    path : str or path
        Ending in .mp4, which needs ffmpeg, or .gif.
    of : {"training", "flow"}
    overwrite : bool
        Whether an existing animation may be replaced; a file of another kind never is.
    classes : sequence of types or modules, optional
        Your own classes that the run was stored with, as for `load`.

    Raises
    ------
    InputError
        If the file is no run, or of one that has nothing that moves; if ffmpeg is needed and not there; if the
        animation cannot be written.

    Examples
    --------
    >>> tfl.animate("run.h5", "run.gif", of="flow")  # doctest: +SKIP
    """
    check_target(path, overwrite, run)
    if not isinstance(of, str) or of not in KINDS:
        raise InputError(f"an animation is of {' or '.join(KINDS)}, got {of!r}.")
    loaded, missing = read_run(run, classes)
    if missing or isinstance(loaded.risk, Unknown):
        raise InputError(missing_classes(str(run), missing))
    frames, scene = _training(run, loaded) if of == "training" else _flow(run, loaded)
    if len(frames) < 2:
        other = "flow" if of == "training" else "training"
        raise InputError(f"{str(run)!r} has one state to show, so nothing moves. Try of={other!r} (--of {other}).")
    frames = [frames[i] for i in some(len(frames), FRAMES)]
    make = _gif if Path(path).suffix.lower() == ".gif" else _mp4
    write_whole(path, make(scene([frame.values for frame in frames]), frames))


def check_target(path, overwrite: bool, run) -> None:
    """Raise an InputError, before any work, if an animation could not be written there."""
    if checked_path(path, "the animation").suffix.lower() not in SUFFIXES:
        raise InputError(f"an animation is written as .mp4 or .gif, got {str(path)!r}: use one of these endings.")
    refuse_existing(path, overwrite, ANIMATION, generations(run))
    if Path(path).suffix.lower() == ".mp4":
        from matplotlib.animation import FFMpegWriter

        if not FFMpegWriter.isAvailable():
            gif = str(Path(path).with_suffix(".gif"))
            raise InputError(f"mp4 is written by ffmpeg, which is not installed. Install it, or write {gif!r}.")


def _training(path, run: Run) -> tuple[list[Frame], Callable[[list], Scene]]:
    model: Any = run.risk.model
    found, _ = iterates(path, run, FRAMES)
    done = len(run.history["risk"]) - 1
    titles = [f"iteration {iterate.iteration} of {done}" for iterate in found]
    if isinstance(model.output_space, FunctionSpace):
        values = [density_of(model.output_space, iterate.output) for iterate in found]
        return _framed(values, titles), lambda values: density_scene(values, run)
    if isinstance(model, HasDensity) and isinstance(model, OnPoints):
        values = [evaluated(model, iterate.control) for iterate in found]
        return _framed(values, titles), lambda values: density_scene(values, run)
    if isinstance(model, OnPoints):
        rows = [np.asarray(model.rows(iterate.output)) for iterate in found]
        if rows[0].ndim == 2 and rows[0].shape[1] == 2:
            return _framed(rows, titles), lambda values: points_scene(values, run)
    return _framed([iterate.output for iterate in found], titles), lambda values: graph_scene(values, run)


def _flow(path, run: Run) -> tuple[list[Frame], Callable[[list], Scene]]:
    model: Any = run.risk.model
    if isinstance(run.risk.model, Layered):
        states = _states(run)
        titles = [f"s = {i / (len(states) - 1):.2f}" for i in range(len(states))]
        if isinstance(model.output_space, FunctionSpace):
            values = [density_of(model.output_space, state) for state in states]
            return _framed(values, titles), lambda values: density_scene(values, run)
        if np.shape(states)[2:] == (2,):
            return _framed(list(states), titles), lambda values: points_scene(values, run)
    if not (isinstance(model, HasDensity) and isinstance(model, OnPoints)):
        raise InputError(
            f"{str(path)!r} is a run of a {type(model).__name__}, whose flow has no picture. Let it show the training."
        )
    flow = FlowMap(model, run.control)
    at = (np.arange(LATTICE[flow.dimension]) + 0.5) / LATTICE[flow.dimension]
    points = np.stack(np.meshgrid(*[at] * flow.dimension, indexing="ij"), axis=-1).reshape(-1, flow.dimension)
    times = np.linspace(0, flow.duration, FRAMES // 2)
    frames = [Frame(flow(points, s), f"a lattice of points, s = {s:.2f}") for s in times]
    return frames, lambda values: points_scene(values, run)


def _states(run: Run) -> np.ndarray:
    """The states at the ends of the layers; within them too, where a layer of several steps can be cut into some."""
    model: Any = run.risk.model
    control, pieces = run.control, 1
    if isinstance(run.risk.model, Refinable) and len(control) == model.layers:
        pieces = model.substeps
    pieces = next((k for k in range(pieces, 0, -1) if pieces % k == 0 and k * model.layers <= FRAMES), 1)
    if pieces > 1:
        model = dataclasses.replace(model, layers=pieces * model.layers, substeps=model.substeps // pieces)
        control = np.repeat(control, pieces, axis=0)
    return to_host(model.trajectory(control))


def _framed(values, titles) -> list[Frame]:
    return [Frame(np.asarray(value), title) for value, title in zip(values, titles, strict=True)]


def _gif(scene: Scene, frames: list[Frame]) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas, images = FigureCanvasAgg(scene.figure), []
    for frame in frames:
        scene.show(*frame)
        canvas.draw()
        images.append(Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3]))
    content, times = io.BytesIO(), [1000 // RATE] * (len(frames) - 1) + [1000 // RATE * HELD]
    style = {"save_all": True, "append_images": images[1:], "duration": times, "loop": 0}
    images[0].save(content, "GIF", comment=ANIMATION_MARK, **style)
    return content.getvalue()


def _mp4(scene: Scene, frames: list[Frame]) -> bytes:
    from matplotlib.animation import FFMpegWriter

    writer = FFMpegWriter(RATE, "h264", metadata={"comment": ANIMATION_MARK.decode()})
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        try:
            with writer.saving(scene.figure, str(film), scene.figure.dpi):
                for frame in frames:
                    scene.show(*frame)
                    writer.grab_frame()
                for _ in range(HELD):
                    writer.grab_frame()
            return film.read_bytes()
        except (OSError, subprocess.CalledProcessError) as error:
            raise InputError(f"ffmpeg could not write the animation ({error}). Write a .gif.") from None
