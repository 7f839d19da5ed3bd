"""Figures that notebooks show."""

from __future__ import annotations

import io

from matplotlib.figure import Figure

from ..display import IN_NOTEBOOKS


class Picture(Figure):
    """A figure that pyplot does not know, and that shows itself where it is the last line of a cell."""

    def _repr_png_(self) -> bytes:
        return self.as_png(IN_NOTEBOOKS)

    def as_png(self, dots_per_inch: float) -> bytes:
        """The picture as the bytes of a PNG file."""
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=dots_per_inch)
        return file.getvalue()
