"""Figures that notebooks show."""

from __future__ import annotations

import io

from matplotlib.figure import Figure

from ..display import IN_NOTEBOOKS
from .style import COLOURS


class Picture(Figure):
    """A figure that pyplot does not know, and that shows itself where it is the last line of a cell."""

    def add_subplot(self, *place, **style):
        """A panel, whose lines have our colours where they are given none."""
        axes = super().add_subplot(*place, **style)
        axes.set_prop_cycle(color=COLOURS)
        return axes

    def _repr_png_(self) -> bytes:
        return self.as_png(IN_NOTEBOOKS)

    def as_png(self, dots_per_inch: float) -> bytes:
        """The picture as the bytes of a PNG file."""
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=dots_per_inch)
        return file.getvalue()
