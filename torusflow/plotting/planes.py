"""Functions on two or three axes as images: as they are, their means over the third axis, or slices."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..torus.coordinates import Coordinates
from .fields import plot_field
from .style import PAIRS, colour_bar, diverging, words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Pair = tuple[int, ...]


class Plane(NamedTuple):
    """An image, array (n_1, n_2), and what became of the third axis, in the words of a title; empty without one."""

    image: np.ndarray
    third: str


def pairs_of(dimension: int) -> tuple[Pair, ...]:
    """The pairs of two or three axes; a single one is alone."""
    return ((0,),) if dimension == 1 else PAIRS[: 2 * dimension - 3]


def marginals(density, pairs) -> dict[Pair, np.ndarray]:
    """The density of each pair of coordinates."""
    return {pair: density.mean(axis=tuple({*range(density.ndim)} - {*pair})) for pair in pairs}


def over_marginal(text: str, coordinates: Coordinates, pair: Pair, dimension: int) -> str:
    """A title; of three coordinates with a line on which marginal is below."""
    which = " and ".join(coordinates.symbol(axis) for axis in pair)
    return f"{text}\nmarginal of {which}".strip() if dimension == 3 else text


def value_of(coordinates: Coordinates, axis: int, x) -> str:
    """A value of a coordinate, x sides of the torus from zero, in words, such as phi = 60 degrees."""
    value = float(coordinates.along(axis).from_torus(x))
    unit = "°" if coordinates.unit(axis) == "degrees" else ""
    return f"{coordinates.symbol(axis)} = {value:.3g}{unit}".replace("= -", "= −")


def means(values, coordinates: Coordinates) -> dict[Pair, Plane]:
    """Of a function on three axes the mean over each, which hides no mass; functions on fewer are as they are."""
    values = np.asarray(values)
    if values.ndim < 3:
        return {pair: Plane(values, "") for pair in pairs_of(values.ndim)}
    images = marginals(values, PAIRS)
    return {pair: Plane(image, f"mean over {coordinates.symbol(3 - sum(pair))}") for pair, image in images.items()}


def slices(values, coordinates: Coordinates) -> dict[Pair, Plane]:
    """Of a function on three axes the slices through the point where it is largest in size.

    Differences are seen so, which cancel in means.
    """
    values = np.asarray(values)
    if values.ndim == 2:
        return means(values, coordinates)
    largest = np.unravel_index(int(np.argmax(np.abs(values))), values.shape)
    found = {}
    for pair in PAIRS:
        axis = 3 - sum(pair)
        third = f"plane {value_of(coordinates, axis, largest[axis] / values.shape[axis])}"
        found[pair] = Plane(values.take(largest[axis], axis), third)
    return found


def images_of(planes: dict[str, dict[Pair, Plane]]) -> list[np.ndarray]:
    """All images, for one scale of colours."""
    return [plane.image for of_pairs in planes.values() for plane in of_pairs.values()]


def draw_planes(figure: Figure, panels, planes, titles, coordinates: Coordinates, style, **bar) -> None:
    """Planes of functions, by name and pair as their panels are, with a title above the first of each and one bar."""
    for name, of_pairs in planes.items():
        for pair, (image, third) in of_pairs.items():
            axes = panels[f"{name} {pair}"]
            drawn = plot_field(axes, image, coordinates, pair, **style)
            words(axes, "\n".join(filter(None, (titles[name] if pair == PAIRS[0] else "", third))))
    colour_bar(figure, drawn, [panels[f"{name} {pair}"] for name in planes], **bar)


def draw_difference(figure: Figure, panels, values, title: str, coordinates: Coordinates) -> None:
    """A difference in the panels of that name, on a scale of its own, white at zero; on three axes slices."""
    from matplotlib.ticker import MaxNLocator

    planes = {"difference": slices(values, coordinates)}
    label = "difference" + ",\nslices through the largest" * (np.ndim(values) == 3)
    bar = {"name": label, "ticks": MaxNLocator(4, symmetric=True)}
    draw_planes(figure, panels, planes, {"difference": title}, coordinates, diverging(images_of(planes)), **bar)
