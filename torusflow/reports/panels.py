"""Panels of a report, as the page's script draws them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..torus.coordinates import Coordinates

# Okabe and Ito's colours, which the colour-blind tell apart and which are seen on white and on black.
BLUE, VERMILION, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#888888"
OF_RUNS = (BLUE, VERMILION, GREEN, "#CC79A7", "#E69F00", "#56B4E9", GREY)

WITH_QUARTERS = (360.0, 24.0)  # periods, in degrees and hours, whose quarters are told by whole numbers


class Part(NamedTuple):
    """Some panels of a run, with what they are made of.

    Attributes
    ----------
    panels : list of dict
    fields : dict of str to array (frames, *n)
        Functions on the grid shown, by the slider that chooses the frame.
    colours : dict or None
        Of all fields: lowest and highest value, and whether colours are logarithmic at first.
    notes : list of str
        Sentences on what the panels show, and do not.
    """

    panels: list[dict]
    fields: dict[str, np.ndarray]
    colours: dict | None
    notes: list[str]


def plain(title: str, data: list[dict], layout: dict, moves: dict | None = None, note: str = "") -> dict:
    """A panel of traces of Plotly, some of whose attributes have a frame for every place of a slider.

    Parameters
    ----------
    title, note : str
    data : list of dict
    layout : dict
    moves : dict of str to list of dict
        By slider: the ``trace``, the ``attribute``, its ``frames``.
    """
    return {"kind": "plain", "title": title, "note": note, "data": data, "layout": layout, "moves": moves or {}}


def line_of(i: int) -> dict:
    """How lines of one run among several are drawn."""
    return {"color": OF_RUNS[i % len(OF_RUNS)], "dash": ("solid", "dash", "dot")[i // len(OF_RUNS) % 3]}


def axis(coordinates: Coordinates, direction: int, **style) -> dict:
    """An axis of a layout over one period."""
    title, ticks = {"text": safe(coordinates.label(direction))}, quarters(coordinates, direction)
    return {"title": title, "range": period(coordinates, direction), **ticks, **style}


def square(coordinates: Coordinates) -> dict:
    """A layout of two coordinates over one period of each, as a square."""
    right, up = (axis(coordinates, i, showgrid=False, zeroline=False, constrain="domain") for i in (0, 1))
    (left, end), (bottom, top) = right["range"], up["range"]
    return {"xaxis": right, "yaxis": {**up, "scaleanchor": "x", "scaleratio": (end - left) / (top - bottom)}}


def period(coordinates: Coordinates, direction: int) -> tuple[float, float]:
    """The ends of what is shown of a coordinate."""
    alone = coordinates.along(direction)
    return float(alone.start), float(alone.start + alone.period)


def quarters(coordinates: Coordinates, direction: int) -> dict:
    """Ticks every quarter of a period, where these are whole numbers; Plotly's own where not."""
    start, end = period(coordinates, direction)
    return {"tick0": start, "dtick": (end - start) / 4} if end - start in WITH_QUARTERS else {}


def safe(text: str) -> str:
    """A text in which Plotly finds no markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
