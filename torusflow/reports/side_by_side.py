"""The densities of several runs beside one another, on one scale, and their target where they have the same."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

from ..plotting.planes import means
from ..plotting.style import PAIRS
from ..storage.classes import Unknown
from ..torus.coordinates import Coordinates
from .fields import MOST, RELATIVE, colours_of, density_at, has_density, image, target_of
from .packing import Shown, packed
from .panels import GREY, Part, axis, line_of, period, plain, safe

TARGET = {"color": GREY, "width": 5}
NO_TARGET = "The runs have not the same target on the same grid, so each target stands with its run below."


class Seen(NamedTuple):
    """A density on its grid, its name and title, and how it is drawn as a line."""

    name: str
    title: str
    coordinates: Coordinates
    values: np.ndarray
    line: dict


def densities(subjects, numbers: int) -> Part:
    """Panels of the last densities of runs, beside one another; none where fewer than two have one.

    On one axis they are lines in one panel; on three they are seen by their means over each.

    Parameters
    ----------
    subjects : list of Subject
    numbers : int
        That the panels may have together.
    """
    have_one = [(i, subject) for i, subject in enumerate(subjects) if _has_density(subject.run)]
    if len(have_one) < 2:
        return Part([], {}, None, [])
    seen = [_seen(subject, line_of(i)) for i, subject in have_one]
    target, notes = _one_target([subject.run for _, subject in have_one])
    seen += [] if target is None else [Seen("target", "target", seen[0].coordinates, target, TARGET)]
    panels, resampled = _lines([density for density in seen if density.values.ndim == 1], numbers)
    images, colours, resampled_too = _images([density for density in seen if density.values.ndim > 1], numbers)
    return Part([*panels, *images], {}, colours, [RELATIVE, *notes, *dict.fromkeys(resampled + resampled_too)])


def _has_density(run) -> bool:
    return not isinstance(run.risk, Unknown) and has_density(run.risk.model)


def _seen(subject, line: dict) -> Seen:
    run = subject.run
    values = density_at(run.risk.model, run.control, run.output)
    return Seen(subject.name, f"fitted density of {subject.name}", run.coordinates.in_one_range(), values, line)


def _one_target(runs) -> tuple[np.ndarray | None, list[str]]:
    """The target of all runs; none, and a sentence on that, where they have several."""
    targets = [target_of(run) for run in runs]
    first = targets[0]
    if first is not None and all(target is not None and np.array_equal(first, target) for target in targets):
        return first, []
    return None, [] if all(target is None for target in targets) else [NO_TARGET]


def _lines(seen: list[Seen], numbers: int) -> tuple[list[dict], list[str]]:
    """A panel of lines for each axis that there is, and sentences on numbers that are means."""
    data, axes, said = {}, {}, []
    for density in sorted(seen, key=lambda density: density.line is not TARGET):  # which lies below the others
        coordinates = density.coordinates
        shown = Shown(density.values.shape, coordinates, min(MOST[1], numbers // len(seen)))
        said += _resampled(density.name, shown)
        key = coordinates.label(0), period(coordinates, 0)
        axes[key] = axis(coordinates, 0)
        line = {"type": "scatter", "mode": "lines", "x": packed(shown.axes[0]), "y": packed(shown(density.values))}
        data.setdefault(key, []).append({**line, "name": safe(density.name), "line": density.line})
    layout = {"yaxis": {"title": {"text": "relative to the uniform density"}}, "showlegend": True}
    layout |= {"legend": {"orientation": "h", "y": 1.15}}
    return [plain("fitted densities", data[key], {**layout, "xaxis": axes[key]}) for key in data], said


def _images(seen: list[Seen], numbers: int) -> tuple[list[dict], dict | None, list[str]]:
    """Panels of images, for each pair of axes in a row of their own, their colours, and sentences as above."""
    planes = [(density, means(density.values, density.coordinates)) for density in seen]
    most = int((numbers / max(sum(len(of_pairs) for _, of_pairs in planes), 1)) ** 0.5)
    panels, drawn, said = [], [], []
    for pair, (density, of_pairs) in itertools.product(PAIRS, planes):
        if pair in of_pairs:
            values, third = of_pairs[pair]
            coordinates = density.coordinates.along(*pair)
            shown = Shown(values.shape, coordinates, min(MOST[2], most))
            said += _resampled(density.name, shown)
            drawn.append(shown(values))
            title = ", ".join(filter(None, (density.title, third)))
            of_pair = {"fixed": packed(drawn[-1][None]), "new_row": density is seen[0]}
            panels.append(image("", shown, coordinates, title, **of_pair))
    return panels, colours_of(drawn) if drawn else None, said


def _resampled(name: str, shown: Shown) -> list[str]:
    return [f"{name}: {words}"] if (words := shown.in_words()) else []
